"""The shortest way to a kernel, for small batches, where getting there takes most of the time.

It handles tensors that a kernel can read as they lie in memory, and reductions that need no counting. An
ignored or wrong target is out of range for the kernel; the core's driver then handles the batch.
"""

from typing import Any

import numpy as np
import torch

from focalis import Loss, engines
from focalis.engines.driver import CHUNK
from focalis.loss import type_for
from focalis.torch._losses import belongings

__all__ = ["compute_small"]

_TYPES = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}


def compute_small(
    loss: Loss, logits: torch.Tensor, targets: torch.Tensor, axis: int, *, grad: bool
) -> tuple[torch.Tensor, torch.Tensor | None] | None:
    """Return the value and, if wanted, the gradient; None if this batch needs the driver."""
    size = logits.numel()
    if not (0 < size <= CHUNK and logits.is_contiguous() and targets.is_contiguous()):
        return None
    if logits.is_neg() or targets.is_neg():
        return None
    dtype, shape = logits.dtype, logits.shape
    if not loss.link.elementwise:
        if len(shape) != 2 or axis != 1 or targets.dtype != torch.int64 or targets.ndim != 1:
            return None
        denominator, n_classes = shape
    else:
        if targets.dtype != dtype:
            return None
        n_classes, denominator = 1, size
        if loss.reduction == "batchmean" and len(shape) > 1:
            denominator //= shape[axis]
    kept = belongings(loss)
    key = dtype, n_classes
    if key not in kept:
        kept[key] = _prepare(loss, dtype, n_classes)
    kernel = kept[key]
    if kernel is None:
        return None
    if loss.reduction == "sum":
        denominator = 1
    # If the logits require a gradient, this runs inside forward, with autograd off.
    x, t = logits.numpy(), targets.numpy()
    gradient = np.empty_like(x) if grad else None
    if not loss.link.elementwise:
        total, bad = kernel(x, t, 1 / denominator, gradient)
    else:
        flat = None if gradient is None else gradient.reshape(-1)
        total, bad = kernel(x.reshape(-1), t.reshape(-1), 1 / denominator, flat)
    if bad:
        return None
    value = torch.from_numpy(np.array(total / denominator, x.dtype))
    return value, None if gradient is None else torch.from_numpy(gradient)


def _prepare(loss: Loss, dtype: torch.dtype, n_classes: int) -> Any:
    """Return the kernel with its weights per class, or None if the settings need the driver."""
    ignored = loss.ignore_index
    if (
        dtype not in _TYPES
        or loss.link.on_probabilities
        or loss.reduction == "none"
        or loss.label_smoothing != 0.0
        or type_for(loss, _TYPES[dtype]) != _TYPES[dtype]
        or loss.class_weight is not None
        or any(isinstance(factor, tuple) for factor in (loss.alpha, loss.pos_weight))
        or (ignored is not None and 0 <= ignored < max(n_classes, 2))
    ):
        return None
    kernels: Any = engines.load("numba", loss.link, loss.margin_loss, _TYPES[dtype], "exact")
    weights = loss.answer_weights(n_classes, _TYPES[dtype])
    return kernels.shortest(n_classes, *(weights if loss.link.elementwise else weights[:1]))
