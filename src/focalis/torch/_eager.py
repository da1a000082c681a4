"""The fused kernels of the core under autograd, called directly."""

from typing import Any

import torch
from torch import Tensor

from focalis.inputs.arguments import Arguments
from focalis.torch._arrays import Others, Settings, compute, empty_like
from focalis.torch._compat import apply_directly, is_batched, keep_the_compiler_out
from focalis.torch._small import compute_small


@keep_the_compiler_out
def fused(logits: Tensor, others: Others, settings: Settings, *, inplace: bool) -> Tensor:
    """Return the loss of CPU tensors; if a gradient is wanted, it comes from the same pass."""
    loss, normalizer, axis, dtype = settings
    if isinstance(normalizer, Tensor):
        # Keep its present value, even for a backward that computes the gradient again.
        settings = (loss, normalizer.item(), axis, dtype)
    if torch.is_grad_enabled() and logits.requires_grad:
        return apply_directly(_InPlace if inplace else _Fused, logits, others, settings)
    return _run(logits, others, settings, grad=False)[0]


def _run(
    logits: Tensor, others: Others, settings: Settings, *, grad: bool
) -> tuple[Tensor, Tensor | None]:
    """Return the value and, if wanted, the gradient."""
    loss, normalizer, axis, _ = settings
    if normalizer is None and others[1] is None and others[2] is None:
        small = compute_small(loss, logits, others[0], axis, grad=grad)
        if small is not None:
            return small
    gradient = empty_like(logits) if grad else None
    return compute(logits, others, settings, gradient), gradient


class _Fused(torch.autograd.Function):
    """Computes the gradient together with the value, and returns it in the first backward."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, others: Others, settings: Settings) -> Tensor:
        value, gradient = _run(logits, others, settings, grad=True)
        ctx.save_for_backward(gradient, logits, *others)
        ctx.settings, ctx.handed_out = settings, False
        return value

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> Any:
        gradient, logits, targets, weight, where = ctx.saved_tensors
        others = (targets, weight, where)
        if torch.is_grad_enabled():
            # This derivative may itself be differentiated.
            return _in_operations(logits, others, ctx.settings, incoming), None, None
        if ctx.handed_out:
            gradient = _run(logits, others, ctx.settings, grad=True)[1]
        ctx.handed_out = True
        # Detached, so that later changes in place do not invalidate the saved tensor.
        gradient = gradient.data
        is_number = incoming.ndim == 0 and not is_batched(incoming)
        if logits.dtype == torch.float16 and is_number and incoming.item() != 1.0:
            # Scaling the loss is meant to keep small gradients from being rounded to 0.
            compute(logits, others, ctx.settings, gradient, incoming.item())
            return gradient, None, None
        return _times(gradient, incoming, ctx.settings[2]), None, None


class _InPlace(torch.autograd.Function):
    """Writes the gradient over the logits, so that no other one can be computed from them."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, others: Others, settings: Settings) -> Tensor:
        gradient = logits.detach()
        # Before computing, since a bad target is only found once some logits are overwritten.
        torch.autograd.graph.increment_version(logits)
        value = compute(logits, others, settings, gradient)
        ctx.save_for_backward(gradient)
        ctx.axis, ctx.handed_out = settings[2], False
        return value

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> Any:
        if ctx.handed_out or torch.is_grad_enabled():
            found = "a second one" if ctx.handed_out else "create_graph=True"
            raise RuntimeError(
                "inplace=True has overwritten the logits with their gradient: expected one backward, "
                f"not to be differentiated, got {found}"
            )
        ctx.handed_out = True
        return _times(ctx.saved_tensors[0].data, incoming, ctx.axis), None, None


def _in_operations(logits: Tensor, others: Others, settings: Settings, incoming: Tensor) -> Tensor:
    """Return the gradient as a function of the logits that can be differentiated in turn."""
    from focalis.torch._operations import evaluate_in_operations

    loss, normalizer, axis, _ = settings
    with torch.enable_grad():
        value = evaluate_in_operations(loss, Arguments(logits, *others, None, normalizer), axis)
        incoming = incoming.to(value.dtype)
        (gradient,) = torch.autograd.grad(value, logits, incoming, create_graph=True)
    return gradient


def _times(gradient: Tensor, incoming: Tensor, axis: int) -> Tensor:
    """Return the gradient, which may be overwritten, times the incoming one, unless that is 1."""
    ndim = incoming.ndim
    factor = incoming.unsqueeze(axis) if 0 < ndim < gradient.ndim else incoming
    if is_batched(incoming):
        # Many incoming gradients in one, whose numbers cannot be read.
        return gradient * factor
    if ndim == 0:
        is_one = incoming.item() == 1.0
    elif incoming.numel() and not any(incoming.stride()):
        # It comes from a sum over the rows or elements: one number in memory.
        is_one = incoming[(0,) * ndim].item() == 1.0
    else:
        is_one = False
    return gradient if is_one else gradient.mul_(factor)
