"""What is known of the arguments without looking at numbers, for all paths and devices."""

from typing import Any

import torch
from torch import Tensor

from focalis import Loss
from focalis.links import ELEMENTWISE

__all__ = ["HALF", "check"]

HALF = (torch.float16, torch.bfloat16)
_FLOATS = frozenset((torch.float32, torch.float64, *HALF))
_INTEGERS = frozenset((torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8))


def check(
    loss: Loss,
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    where: Tensor | None,
    normalizer: float | Tensor | None,
    axis: int,
) -> int:
    """Return the class axis, counted from the front; raise for what does not fit."""
    _check_tensor("logits", logits, None)
    _check_tensor("targets", targets, logits)
    if logits.dtype not in _FLOATS:
        raise TypeError(
            "logits must be floating-point numbers of 16 to 64 bits (float16, bfloat16, float32 or "
            f"float64), got {logits.dtype}"
        )
    shape = tuple(logits.shape)  # a torch.Size is slow to cut
    ndim = len(shape)
    if not 0 <= axis < ndim:
        axis = axis % ndim if axis < 0 and ndim else max(ndim - 1, 0)
    elementwise = loss.link in ELEMENTWISE
    if axis == ndim - 1:
        row_shape: tuple[int, ...] = shape if elementwise and axis == 0 else shape[:-1]
    else:
        row_shape = (*shape[:axis], *shape[axis + 1 :])
    if elementwise:
        if targets.shape != shape:
            raise ValueError(
                f"targets with link={loss.link!r} must have the shape of the logits {shape}, "
                f"got {tuple(targets.shape)}"
            )
    else:
        _check_classes(loss, shape, targets, row_shape, axis)
    if sample_weight is not None or where is not None:
        shapes = (row_shape, shape) if elementwise else (row_shape,)
        for name, given in (("sample_weight", sample_weight), ("where", where)):
            if given is not None:
                _check_rows(name, given, logits, shapes)
        if where is not None and where.dtype != torch.bool:
            raise TypeError(f"where must be boolean, True where a target counts, got {where.dtype}")
    if normalizer is not None:
        _check_normalizer(loss, normalizer)
    return axis


def _check_tensor(name: str, given: Any, logits: Tensor | None) -> None:
    if not isinstance(given, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {type(given).__name__}")
    if given.layout is not torch.strided:
        raise TypeError(f"{name} must be a dense (strided) tensor, got {given.layout}")
    if given.is_complex():
        raise TypeError(f"{name} must be real numbers, got {given.dtype}")
    if logits is not None and given.device != logits.device:
        raise ValueError(
            f"{name} must be on {logits.device}, as the logits are, got a tensor on {given.device}"
        )


def _check_classes(
    loss: Loss, shape: tuple[int, ...], targets: Tensor, row_shape: tuple[int, ...], axis: int
) -> None:
    if not shape or shape[axis] == 0:
        raise ValueError(
            f"logits with link={loss.link!r} need an axis of at least one class, got shape {shape}"
        )
    found = targets.shape
    if found == row_shape:
        if targets.dtype not in _INTEGERS:
            raise TypeError(
                f"targets of shape {row_shape} are class indices and must be integers, "
                f"got {targets.dtype}"
            )
    elif found != shape:
        raise ValueError(
            f"targets with link={loss.link!r} must have shape {row_shape} (class indices) or "
            f"{shape} (a number for each class), got {tuple(found)}"
        )
    elif loss.ignore_index is not None:
        raise ValueError(
            "ignore_index applies to class indices; with a target for each class use where= "
            f"instead, got ignore_index={loss.ignore_index!r}"
        )


def _check_rows(name: str, given: Any, logits: Tensor, shapes: tuple[tuple[int, ...], ...]) -> None:
    _check_tensor(name, given, logits)
    if given.shape not in shapes:
        options = f"{tuple(shapes[0])}, one for each row"
        if len(shapes) > 1:
            options += f", or {tuple(shapes[1])}, one for each element"
        raise ValueError(f"{name} must have shape {options}, got {tuple(given.shape)}")


def _check_normalizer(loss: Loss, normalizer: Any) -> None:
    if loss.reduction not in ("mean", "batchmean"):
        raise ValueError(
            "normalizer replaces the denominator of reduction='mean' or 'batchmean', "
            f"got it with reduction={loss.reduction!r}"
        )
    if isinstance(normalizer, Tensor) and (normalizer.ndim or normalizer.is_complex()):
        raise ValueError(
            "normalizer must be a number or a tensor without dimensions, "
            f"got shape {tuple(normalizer.shape)} of {normalizer.dtype}"
        )
