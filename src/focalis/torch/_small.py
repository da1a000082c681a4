"""The core's shortest way to a kernel, for small batches of tensors."""

import numpy as np
import torch
from torch import Tensor

from focalis import Loss
from focalis.loss import SMALL, evaluate_small

__all__ = ["compute_small"]

_TYPES = (torch.float32, torch.float64)


def compute_small(
    loss: Loss, logits: Tensor, targets: Tensor, axis: int, *, grad: bool
) -> tuple[Tensor, Tensor | None] | None:
    """Return the value and, if wanted, the gradient; None if this batch needs the driver."""
    dtype = logits.dtype
    # Numbers that are only marked as negated cannot be read as they lie in memory.
    if dtype not in _TYPES or logits.numel() > SMALL or logits.is_neg() or targets.is_neg():
        return None
    if targets.dtype != (dtype if loss.link.elementwise else torch.int64):
        return None
    # If the logits require a gradient, this runs inside forward, with autograd off.
    x = logits.numpy()
    small = evaluate_small(loss, x, targets.numpy(), axis, grad=grad)
    if small is None:
        return None
    value, gradient = small
    number = torch.from_numpy(np.array(value, x.dtype))
    return number, None if gradient is None else torch.from_numpy(gradient)
