"""Checks of the arguments that read no numbers, for all paths and devices."""

from typing import Any

import torch
from torch import Tensor

from focalis import Loss
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.arguments import Arguments
from focalis.inputs.row_weights import check_has_denominator, read_normalizer
from focalis.inputs.shapes import (
    check_boolean,
    check_classes,
    check_nothing_ignored,
    check_rows,
    score_shape,
    target_form,
)

HALF = (torch.float16, torch.bfloat16)
_FLOATS = frozenset((torch.float32, torch.float64, *HALF))
_INTEGERS = frozenset((torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8))


def check(loss: Loss, given: Arguments, axis: int) -> int:
    """Return the class axis, counted from the front, or raise for an argument that does not fit."""
    logits, targets, sample_weight, where, _, normalizer, _ = given
    _check_tensor("logits", logits, None)
    _check_tensor("targets", targets, logits)
    if logits.dtype not in _FLOATS:
        raise ArgumentTypeError(
            "logits",
            "floating-point numbers of 16 to 64 bits (float16, bfloat16, float32 or float64)",
            logits.dtype,
        )
    shape = tuple(logits.shape)  # slicing a torch.Size is slow
    ndim = len(shape)
    if not 0 <= axis < ndim:
        axis = axis % ndim if axis < 0 and ndim else max(ndim - 1, 0)
    scores = score_shape(loss.link, shape, axis)
    form = target_form(scores, targets.shape, targets.dtype, targets.dtype in _INTEGERS)
    check_nothing_ignored(form, loss.ignore_index)
    if sample_weight is not None:
        _check_tensor("sample_weight", sample_weight, logits)
        check_rows(scores, "sample_weight", sample_weight.shape)
    if where is not None:
        _check_tensor("where", where, logits)
        check_rows(scores, "where", where.shape)
        check_boolean(where, torch.bool)
    if normalizer is not None:
        _check_normalizer(loss, normalizer)
    return axis


def read_classes(loss: Loss, class_where: Any, logits: Tensor, axis: int) -> Tensor:
    """Return a mask of classes in the shape of the logits, or raise."""
    _check_tensor("class_where", class_where, logits)
    check_boolean(class_where, torch.bool, "class_where")
    scores = score_shape(loss.link, tuple(logits.shape), axis)
    check_classes(scores, tuple(class_where.shape))
    mask: Tensor = class_where
    if mask.ndim == logits.ndim:
        return mask.expand(logits.shape)
    return mask.expand(*scores.row_shape, logits.shape[axis]).movedim(-1, axis)


def _check_tensor(name: str, tensor: Any, logits: Tensor | None) -> None:
    if not isinstance(tensor, Tensor):
        raise ArgumentTypeError(name, "a torch.Tensor", type(tensor).__name__)
    if tensor.layout is not torch.strided:
        raise ArgumentTypeError(name, "a dense (strided) tensor", tensor.layout)
    if tensor.is_complex():
        raise ArgumentTypeError(name, "real numbers", tensor.dtype)
    if logits is None or (tensor.is_cpu and logits.is_cpu):
        return
    if tensor.device != logits.device:
        expected = f"on {logits.device}, the device of the {{logits}}"
        raise ArgumentError(name, expected, f"a tensor on {tensor.device}")


def _check_normalizer(loss: Loss, normalizer: Any) -> None:
    if not isinstance(normalizer, Tensor):
        # The compiler may treat the number as a variable.
        if not torch.compiler.is_compiling():
            read_normalizer(loss.reduction, normalizer)
        return
    check_has_denominator(loss.reduction)
    if normalizer.ndim or normalizer.is_complex():
        expected = "a number or a tensor without dimensions"
        got = f"shape {tuple(normalizer.shape)} of {normalizer.dtype}"
        raise ArgumentError("normalizer", expected, got)
