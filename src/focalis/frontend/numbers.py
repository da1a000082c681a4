"""Which numbers a loss can take, for the front ends that do not hand theirs to the core."""

from typing import Any

import numpy as np

from focalis.errors import ArgumentError
from focalis.inputs.arguments import Arguments
from focalis.inputs.shapes import Form
from focalis.inputs.targets import valid_targets, wrong_target
from focalis.loss import Loss

Array = np.ndarray[Any, Any]


def check_numbers(loss: Loss, shape: tuple[int, ...], axis: int, given: Arguments) -> None:
    """Raise for a target or weight that the loss cannot take, with its position.

    The arguments are NumPy arrays whose shapes have already been checked; None is one that is missing or
    must not be read. Entries that are masked, ignored or of weight 0 may be anything.
    """
    _, targets, sample_weight, where, class_where, *_ = given
    exist = None if class_where is None else _whole(class_where, shape, axis)
    elementwise = loss.link.elementwise
    axis = axis if len(shape) > 1 or not elementwise else len(shape)

    def beside(a: Array, like: Array) -> Array:
        return np.expand_dims(a, axis) if a.ndim < like.ndim else a

    if exist is not None:
        counts: Array = exist if elementwise else np.asarray(exist.any(axis=axis))
        where = counts if where is None else beside(where, counts) & beside(counts, where)
    if sample_weight is not None:
        weight = _numbers(sample_weight)
        bad = ~((weight >= 0) & (weight < np.inf))
        if where is not None and bad.any():
            mask: Array = where if where.ndim <= weight.ndim else np.asarray(where.any(axis=axis))
            bad = bad & beside(mask, bad)
        complain("sample_weight", "non-negative finite numbers", sample_weight, bad)
    if targets is None:
        return
    y = _numbers(targets)
    form: Form = "elementwise" if elementwise else "index" if y.ndim < len(shape) else "dense"
    classes = 1 if elementwise else shape[axis]
    bad = ~valid_targets(form, y, classes, exist, axis)
    if not bad.any():
        return
    if loss.ignore_index is not None:
        bad = bad & ~(np.isnan(y) if np.isnan(loss.ignore_index) else y == loss.ignore_index)
    if where is not None:
        bad = bad & beside(where, bad)
    if sample_weight is not None:
        bad = bad & beside(_numbers(sample_weight) != 0, bad)
    expected, error = wrong_target(form, classes, exist is not None)
    complain("targets", expected, targets, bad, error)


def _whole(class_where: Array, shape: tuple[int, ...], axis: int) -> Array:
    """Return a mask of classes in the shape of the scores; one with fewer axes has the classes last."""
    if class_where.ndim == len(shape):
        return np.broadcast_to(class_where, shape)
    last = (*shape[:axis], *shape[axis + 1 :], shape[axis])
    return np.moveaxis(np.broadcast_to(class_where, last), -1, axis)


def _numbers(array: Array) -> Array:
    """Return real numbers in a type that NumPy can compare, which bfloat16 is not."""
    return array if array.dtype.kind in "biuf" else array.astype(np.float32)


def complain(
    name: str,
    expected: str,
    array: Array,
    bad: Array,
    error: type[ArgumentError] = ArgumentError,
) -> None:
    """Raise for the first bad number of an array, if there is one."""
    if not bad.any():
        return
    position = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
    raise error(name, expected, array[position], position)
