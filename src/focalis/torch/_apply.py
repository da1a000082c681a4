"""Any loss on tensors: reads the arguments and picks, by rule, what computes it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.autograd import forward_ad

from focalis import Loss
from focalis.torch._eager import fused

__all__ = ["apply", "evaluate"]

Tensor = torch.Tensor

_PLAIN = (torch.Tensor, torch.nn.Parameter)
_HALF = (torch.float16, torch.bfloat16)


def apply(
    loss: Loss,
    logits: Tensor,
    targets: Tensor,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: float | Tensor | None = None,
    inplace: bool = False,
) -> Tensor:
    """Return any loss of the family, differentiable."""
    return evaluate(
        loss,
        logits,
        targets,
        sample_weight=sample_weight,
        where=where,
        normalizer=normalizer,
        inplace=inplace,
    )


def evaluate(
    loss: Loss,
    logits: Tensor,
    targets: Tensor,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: float | Tensor | None = None,
    inplace: bool = False,
    axis: int = 1,
    parameters: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Return the loss; what `apply` does, for any class axis and with parameters that learn."""
    ndim = logits.ndim
    axis = axis % ndim if axis < 0 and ndim else min(axis, max(ndim - 1, 0))
    dtype = logits.dtype
    if torch.is_autocast_enabled(logits.device.type) and dtype in _HALF:
        dtype = torch.float32
    if _is_eager(logits, (targets, sample_weight, where, normalizer), parameters):
        return fused(loss, logits, targets, sample_weight, where, normalizer, axis, dtype, inplace)
    from focalis.torch._operations import evaluate_in_operations

    return evaluate_in_operations(
        loss,
        logits,
        targets,
        sample_weight=sample_weight,
        where=where,
        normalizer=normalizer,
        axis=axis,
        parameters=parameters,
    )


def _is_eager(logits: Tensor, others: tuple[Any, ...], parameters: Any) -> bool:
    return (
        not parameters
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
        and type(logits) in _PLAIN
        and logits.is_cpu
        and all(
            not isinstance(t, Tensor) or (type(t) in _PLAIN and t.is_cpu and not t.requires_grad)
            for t in others
        )
    )
