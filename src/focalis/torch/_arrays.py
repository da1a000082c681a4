"""Tensors as the core sees them: NumPy views of the same memory, the class axis last."""

from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

from focalis import Loss
from focalis.engines import buffers
from focalis.engines.threads import at_most
from focalis.errors import WordedError
from focalis.inputs.arguments import Arguments
from focalis.loss import Wanted, evaluate

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
_STORAGE: dict[torch.dtype, np.dtype[Any]] = {
    torch.float16: np.dtype(np.float16),
    torch.bfloat16: np.dtype(np.float16),  # of the same size, and known to NumPy
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}

Others = tuple[Tensor, Tensor | None, Tensor | None]
"""Targets, sample weights and the mask."""

Settings = tuple[Loss, float | Tensor | None, int, torch.dtype]
"""The loss, the normaliser, the class axis and the type of the value."""


def compute(
    logits: Tensor, others: Others, settings: Settings, out: Tensor | None, factor: float = 1.0
) -> Tensor:
    """Return the loss; the gradient times `factor` is written to `out`, if one is wanted."""
    loss, normalizer, axis, dtype = settings
    order = _order(loss, logits, others, axis)
    x, y, weight, mask, grad = (
        None if tensor is None else _array(tensor, order, logits.ndim)
        for tensor in (logits, *others, out)
    )
    if isinstance(normalizer, Tensor):
        normalizer = normalizer.item()
    elif (
        normalizer is None and loss.reduction == "batchmean" and logits.ndim > 1 and logits.numel()
    ):
        normalizer = logits.numel() // logits.shape[axis]
    wanted = Wanted()
    if grad is not None:
        wanted = Wanted(1, (grad, None), factor=factor, dtype=grad.dtype)
    try:
        with at_most(torch.get_num_threads()):
            given = Arguments(x, y, weight, mask, normalizer=normalizer)
            value, *_ = evaluate(loss, given, wanted)
    except WordedError as error:
        position = error.position
        if order is not None and position is not None and len(position) == len(order):
            error.position = tuple(position[i] for i in _inverse(order))
        raise
    if loss.reduction != "none":
        return torch.scalar_tensor(value, dtype=dtype, device="cpu")
    result = _tensor(value)
    if not loss.link.elementwise or order is None:
        return result
    result = result.permute(_inverse(order))
    like = torch.empty_like(logits)
    return result if result.stride() == like.stride() else like.copy_(result)


def empty_like(logits: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Return an uninitialised tensor, laid out like torch.empty_like's, in memory that is reused."""
    dtype = logits.dtype if dtype is None else dtype
    if logits.is_contiguous():
        return _memory(logits.shape, dtype)
    order = _descending(torch.empty_like(logits, device="meta").stride())
    memory = _memory(tuple(logits.shape[i] for i in order), dtype)
    return memory.permute(_inverse(order))


def _memory(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    memory = torch.from_numpy(buffers.empty(shape, _STORAGE[dtype]))
    return memory.view(dtype) if memory.dtype != dtype else memory


def _order(loss: Loss, logits: Tensor, others: Others, axis: int) -> list[int] | None:
    """Return the order of the axes for the core, or None where they can stay."""
    if logits.ndim < 2:
        return None
    if loss.link.elementwise and not (
        any(isinstance(f, tuple) for f in (loss.alpha, loss.pos_weight, loss.class_weight))
        or any(t is not None and t.ndim < logits.ndim for t in others)
    ):
        # Nothing depends on an element's class, so the order in memory is the fastest.
        return None if logits.is_contiguous() else _descending(logits.stride())
    if axis == logits.ndim - 1:
        return None
    return [i for i in range(logits.ndim) if i != axis] + [axis]


def _descending(strides: tuple[int, ...]) -> list[int]:
    return sorted(range(len(strides)), key=lambda i: -strides[i])


def _inverse(order: list[int]) -> list[int]:
    return [order.index(i) for i in range(len(order))]


def _array(tensor: Tensor, order: list[int] | None, ndim: int) -> np.ndarray:
    """Return a view of a tensor as an array; without a class axis its axes keep their order."""
    tensor = tensor.detach().resolve_neg()
    if order is not None and tensor.ndim == ndim:
        tensor = tensor.permute(order)
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(_BFLOAT16)
    return tensor.numpy()


def _tensor(array: np.ndarray) -> Tensor:
    """Return a tensor that shares the memory of an array and keeps it alive."""
    if array.dtype == _BFLOAT16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)
