"""The fused kernels of the core under autograd, called directly."""

from typing import Any

import torch

from focalis import Loss
from focalis.torch._arrays import compute, empty_like

__all__ = ["fused"]


def fused(
    loss: Loss,
    logits: torch.Tensor,
    targets: torch.Tensor,
    sample_weight: torch.Tensor | None,
    where: torch.Tensor | None,
    normalizer: Any,
    axis: int,
    dtype: torch.dtype,
    inplace: bool,
) -> torch.Tensor:
    """Return the loss of CPU tensors; where a gradient is wanted it comes from the same pass."""
    arguments = (loss, logits, targets, sample_weight, where, normalizer, axis, dtype)
    if torch.is_grad_enabled() and logits.requires_grad:
        return _Fused.apply(*arguments, inplace)  # type: ignore[no-any-return]
    return compute(*arguments, None)


class _Fused(torch.autograd.Function):
    """Computes the gradient with the value and hands it out at the first backward."""

    @staticmethod
    def forward(
        ctx: Any,
        loss: Loss,
        logits: torch.Tensor,
        targets: torch.Tensor,
        sample_weight: torch.Tensor | None,
        where: torch.Tensor | None,
        normalizer: Any,
        axis: int,
        dtype: torch.dtype,
        inplace: bool,
    ) -> torch.Tensor:
        gradient = logits.detach() if inplace else empty_like(logits)
        value = compute(
            loss, logits, targets, sample_weight, where, normalizer, axis, dtype, gradient
        )
        if inplace:
            torch.autograd.graph.increment_version(logits)
            ctx.save_for_backward(gradient, None, None, None, None)
        else:
            ctx.save_for_backward(gradient, logits, targets, sample_weight, where)
        ctx.settings = loss, normalizer, axis, dtype
        ctx.handed_out = False
        return value

    @staticmethod
    def backward(ctx: Any, incoming: torch.Tensor) -> Any:  # type: ignore[override]
        gradient, logits, targets, sample_weight, where = ctx.saved_tensors
        loss, normalizer, axis, dtype = ctx.settings
        if torch.is_grad_enabled():
            from focalis.torch._operations import evaluate_in_operations

            value = evaluate_in_operations(
                loss,
                logits,
                targets,
                sample_weight=sample_weight,
                where=where,
                normalizer=normalizer,
                axis=axis,
                parameters=None,
            )
            (gradient,) = torch.autograd.grad(value, logits, incoming, create_graph=True)
            return None, gradient, None, None, None, None, None, None, None
        if ctx.handed_out:
            if logits is None:
                raise RuntimeError("inplace=True has overwritten the logits: one backward only")
            gradient = empty_like(logits)
            compute(loss, logits, targets, sample_weight, where, normalizer, axis, dtype, gradient)
        ctx.handed_out = True
        gradient = _times(gradient, incoming, axis)
        return None, gradient, None, None, None, None, None, None, None


def _times(gradient: torch.Tensor, incoming: torch.Tensor, axis: int) -> torch.Tensor:
    """Return the gradient, which is ours, times the incoming one; times 1 is no work."""
    if incoming.ndim == 0:
        return gradient if incoming.item() == 1.0 else gradient.mul_(incoming)
    if incoming.ndim < gradient.ndim:
        incoming = incoming.unsqueeze(axis)
    return gradient.mul_(incoming)
