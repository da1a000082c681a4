"""Tensors as the core sees them: NumPy views of the same memory, the class axis last."""

from typing import Any

import ml_dtypes
import numpy as np
import torch

from focalis import Loss, buffers
from focalis.links import ELEMENTWISE

__all__ = ["compute", "empty_like"]

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
_NUMPY_TYPES = {
    torch.float16: np.dtype(np.float16),
    torch.bfloat16: _BFLOAT16,
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}


def compute(
    loss: Loss,
    logits: torch.Tensor,
    targets: torch.Tensor,
    sample_weight: torch.Tensor | None,
    where: torch.Tensor | None,
    normalizer: Any,
    axis: int,
    dtype: torch.dtype,
    out: torch.Tensor | None,
) -> torch.Tensor:
    """Return the loss as a tensor of the type `dtype`; `out` takes the gradient, if it is given."""
    order = _order(loss, logits, sample_weight, where, axis)
    x, y, weight, mask, grad = (
        None if tensor is None else _array(tensor, order, logits.ndim)
        for tensor in (logits, targets, sample_weight, where, out)
    )
    if isinstance(normalizer, torch.Tensor):
        normalizer = normalizer.item()
    options = {"sample_weight": weight, "where": mask, "normalizer": normalizer}
    with_grad = out is not None
    value = (
        loss.value_and_grad(x, y, out=grad, **options)[0] if with_grad else loss(x, y, **options)
    )
    if loss.reduction != "none":
        return torch.scalar_tensor(value, dtype=dtype, device="cpu")
    result = _tensor(value)
    if loss.link not in ELEMENTWISE or order is None:
        return result
    result = result.permute([order.index(i) for i in range(logits.ndim)])
    like = torch.empty_like(logits)
    return result if result.stride() == like.stride() else like.copy_(result)


def empty_like(logits: torch.Tensor) -> torch.Tensor:
    """Return an uninitialised tensor laid out as torch.empty_like does, in memory that is reused."""
    dtype = _NUMPY_TYPES[logits.dtype]
    if logits.is_contiguous():
        return _tensor(buffers.empty(logits.shape, dtype))
    strides = torch.empty_like(logits, device="meta").stride()
    order = _descending(strides)
    memory = _tensor(buffers.empty(tuple(logits.shape[i] for i in order), dtype))
    return memory.permute([order.index(i) for i in range(logits.ndim)])


def _order(
    loss: Loss,
    logits: torch.Tensor,
    sample_weight: torch.Tensor | None,
    where: torch.Tensor | None,
    axis: int,
) -> list[int] | None:
    """Return the order of the axes for the core, or None where they can stay."""
    if logits.ndim < 2:
        return None
    if loss.link in ELEMENTWISE and not (
        any(isinstance(f, tuple) for f in (loss.alpha, loss.pos_weight, loss.class_weight))
        or any(t is not None and t.ndim < logits.ndim for t in (sample_weight, where))
    ):
        # No element knows its class: the order in memory is the fastest.
        return None if logits.is_contiguous() else _descending(logits.stride())
    axis %= logits.ndim
    if axis == logits.ndim - 1:
        return None
    return [i for i in range(logits.ndim) if i != axis] + [axis]


def _descending(strides: tuple[int, ...]) -> list[int]:
    return sorted(range(len(strides)), key=lambda i: -strides[i])


def _array(tensor: torch.Tensor, order: list[int] | None, ndim: int) -> np.ndarray:
    """Return a view of a tensor as an array; what has no class axis keeps its order."""
    tensor = tensor.detach()
    if order is not None and tensor.ndim == ndim:
        tensor = tensor.permute(order)
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(_BFLOAT16)
    return tensor.numpy()


def _tensor(array: np.ndarray) -> torch.Tensor:
    """Return a tensor that shares the memory of an array and keeps it alive."""
    if array.dtype == _BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)
