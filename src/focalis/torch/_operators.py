"""The fused kernels as PyTorch operators, for anything that traces programs: compile, export, modes.

An operator takes its loss as text. Called directly, operators are slower than `_eager`, and forward-mode
derivatives through them would be silently wrong, so only `apply_along` may use them.
"""

from typing import Any

import torch
from torch import Tensor
from torch.library import custom_op
from torch.overrides import TorchFunctionMode

from focalis import Loss
from focalis.inputs.arguments import Arguments
from focalis.torch._arrays import Others, Settings, compute, empty_like
from focalis.torch._compat import decompose, is_exporting
from focalis.torch._losses import parsed


def traced(logits: Tensor, others: Others, settings: Settings) -> Tensor:
    """Return the loss of CPU tensors as a node of the traced program."""
    from focalis.torch._constants import text_of  # brings the compiler: slow to import

    loss, normalizer, axis, dtype = settings
    if normalizer is not None and not isinstance(normalizer, Tensor):
        normalizer = torch.full((), normalizer, dtype=torch.float64, device="cpu")
    arguments = (logits, *others, normalizer, text_of(loss), axis, dtype)
    # An exported program is seldom trained; if it is, backward computes the gradient.
    if torch.is_grad_enabled() and logits.requires_grad and not is_exporting():
        value: Tensor = _value_and_grad(*arguments)[0]
    else:
        value = _value(*arguments)
    return value


@custom_op("focalis::value", mutates_args=(), device_types="cpu")
def _value(
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    where: Tensor | None,
    normalizer: Tensor | None,
    loss: str,
    axis: int,
    dtype: torch.dtype,
) -> Tensor:
    settings = (parsed(loss), normalizer, axis, dtype)
    return compute(logits, (targets, sample_weight, where), settings, None)


@custom_op("focalis::value_and_grad", mutates_args=(), device_types="cpu")
def _value_and_grad(
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    where: Tensor | None,
    normalizer: Tensor | None,
    loss: str,
    axis: int,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    gradient = empty_like(logits, _type_of_gradient(logits))
    settings = (parsed(loss), normalizer, axis, dtype)
    return compute(logits, (targets, sample_weight, where), settings, gradient), gradient


@_value.register_fake
def _(logits: Tensor, *others: Any) -> Tensor:
    *_, loss, axis, dtype = others
    return _like_value(parsed(loss), logits, axis, dtype)


@_value_and_grad.register_fake
def _(logits: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    *_, loss, axis, dtype = others
    gradient = torch.empty_like(logits, dtype=_type_of_gradient(logits))
    return _like_value(parsed(loss), logits, axis, dtype), gradient


def _type_of_gradient(logits: Tensor) -> torch.dtype:
    # The factor of a scaled loss comes later, and small gradients must not be rounded to 0 before.
    return torch.float32 if logits.dtype == torch.float16 else logits.dtype


def _like_value(loss: Loss, logits: Tensor, axis: int, dtype: torch.dtype) -> Tensor:
    if loss.reduction != "none":
        return logits.new_empty((), dtype=dtype)
    if loss.link.elementwise:
        return torch.empty_like(logits, dtype=dtype)
    return logits.new_empty((*logits.shape[:axis], *logits.shape[axis + 1 :]), dtype=dtype)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    logits, targets, sample_weight, where, normalizer, ctx.loss, ctx.axis, _ = inputs
    ctx.save_for_backward(output[1], logits, targets, sample_weight, where, normalizer)
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, of_value: Tensor | None, of_gradient: Tensor | None) -> Any:
    gradient, logits, targets, sample_weight, where, normalizer = ctx.saved_tensors
    result = None
    if of_value is not None:
        per_row = 0 < of_value.ndim < gradient.ndim
        result = gradient * (of_value.unsqueeze(ctx.axis) if per_row else of_value)
        result = result.to(logits.dtype)
    if of_gradient is not None:
        # The gradient itself is being differentiated: take the second derivative along the incoming one.
        from focalis.torch._operations import evaluate_in_operations

        again = torch.is_grad_enabled()
        with torch.enable_grad():
            x = logits if again else logits.detach().requires_grad_()
            given = Arguments(x, targets, sample_weight, where, None, normalizer)
            value = evaluate_in_operations(parsed(ctx.loss), given, ctx.axis)
            (first,) = torch.autograd.grad(value.sum(), x, create_graph=True)
            along = of_gradient.to(first.dtype)
            (second,) = torch.autograd.grad(first, x, along, create_graph=again)
        result = second if result is None else result + second
    return (result, *(None,) * 7)


def _save_arguments(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.loss, ctx.axis, ctx.dtype = inputs
    ctx.save_for_backward(*tensors)


def _backward_of_value(ctx: Any, of_value: Tensor) -> Any:
    logits, *others = ctx.saved_tensors
    gradient = _value_and_grad(logits, *others, ctx.loss, ctx.axis, ctx.dtype)[1]
    per_row = 0 < of_value.ndim < gradient.ndim
    result = gradient * (of_value.unsqueeze(ctx.axis) if per_row else of_value)
    return (result.to(logits.dtype), *(None,) * 7)


_value_and_grad.register_autograd(_backward, setup_context=_save)
_value.register_autograd(_backward_of_value, setup_context=_save_arguments)


class _FilledConstants(TorchFunctionMode):
    """Makes constants by filling: a trace would record `torch.tensor` as a change in place."""

    def __torch_function__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is not torch.tensor:
            return function(*args, **kwargs)
        numbers = args[0]
        if isinstance(numbers, int | float):
            return torch.full((), numbers, **kwargs)
        return torch.cat([torch.full((1,), float(number), **kwargs) for number in numbers])


def _in_operations(
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    where: Tensor | None,
    normalizer: Tensor | None,
    loss: str,
    axis: int,
    dtype: torch.dtype,
) -> Tensor:
    """Return the same as `_value`, by operations that exporters know."""
    from focalis.torch._operations import evaluate_in_operations

    with torch.no_grad(), _FilledConstants():
        given = Arguments(logits, targets, sample_weight, where, None, normalizer)
        value = evaluate_in_operations(parsed(loss), given, axis)
    return value.to(dtype)


# `_value_and_grad` has no decomposition, which would need autograd: no exported program contains it.
decompose(torch.ops.focalis.value.default, _in_operations)
