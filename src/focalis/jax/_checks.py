"""Checks of the arguments: shapes and types even while tracing, numbers only on a CPU."""

import operator
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from focalis import Loss
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.frontend.numbers import check_numbers, complain
from focalis.inputs.arguments import Arguments
from focalis.inputs.row_weights import read_normalizer
from focalis.inputs.shapes import (
    check_boolean,
    check_classes,
    check_nothing_ignored,
    check_rows,
    score_shape,
    target_form,
)
from focalis.settings_table import largest_weight

Array = jax.Array


def as_array(name: str, value: Any) -> Array:
    """Return real numbers as a JAX array, or raise."""
    if not isinstance(value, jax.Array | np.ndarray | np.generic | int | float):
        raise ArgumentTypeError(name, "an array of JAX or NumPy", type(value).__name__)
    array = jnp.asarray(value)
    if jnp.issubdtype(array.dtype, jnp.complexfloating) or not (
        jnp.issubdtype(array.dtype, jnp.number) or array.dtype == jnp.bool_
    ):
        raise ArgumentTypeError(name, "real numbers", array.dtype)
    return array


def numbers_of(array: Any) -> Any:
    """Return the numbers of an array, or None if they are not known yet or are not on a CPU."""
    if isinstance(array, jax.core.Tracer):
        return None
    if isinstance(array, jax.Array):
        on_host = all(device.platform == "cpu" for device in array.devices())
        return np.asarray(array) if on_host and array.is_fully_addressable else None
    return np.asarray(array)


def class_axis(axis: Any, ndim: int) -> int:
    """Return an axis counted from the front."""
    try:
        found = operator.index(axis)
    except TypeError:
        raise ArgumentTypeError("axis", "an int", type(axis).__name__) from None
    if not -max(ndim, 1) <= found < max(ndim, 1):
        raise ArgumentError("axis", f"one of the {ndim} axes of the {{logits}}", axis)
    return found % max(ndim, 1)


def class_axes(axis: Any, ndim: int) -> list[int]:
    """Return the axes that together hold the classes, counted from the front; None means all axes."""
    if ndim == 0:
        raise ArgumentError("logits", "an axis of at least one class", "shape ()", must="have")
    if axis is None:
        return list(range(ndim))
    found = [class_axis(one, ndim) for one in (axis if isinstance(axis, tuple | list) else [axis])]
    if not found or len(set(found)) < len(found):
        raise ArgumentError("axis", "at least one axis, and each once", axis, must="name")
    return found


def check(loss: Loss, given: Arguments, axis: int) -> None:
    """Raise for an argument that does not fit."""
    logits, targets, sample_weight, where, class_where, normalizer, parameters = given
    if not isinstance(loss, Loss):
        raise ArgumentTypeError("loss", "a focalis.Loss", type(loss).__name__)
    if not jnp.issubdtype(logits.dtype, jnp.floating) or logits.dtype.itemsize < 2:
        expected = "floating-point numbers of 16 to 64 bits"
        raise ArgumentTypeError("logits", expected, logits.dtype)
    scores = score_shape(loss.link, logits.shape, axis)
    are_integers = jnp.issubdtype(targets.dtype, jnp.integer)
    form = target_form(scores, targets.shape, targets.dtype, are_integers)
    check_nothing_ignored(form, loss.ignore_index)
    for name, array in (("sample_weight", sample_weight), ("where", where)):
        if array is not None:
            check_rows(scores, name, array.shape)
    if where is not None:
        check_boolean(where, jnp.bool_)
    if class_where is not None:
        check_classes(scores, class_where.shape)
        check_boolean(class_where, jnp.bool_, "class_where")
    # Before the normaliser, which a front end may have computed from the weights.
    _check_numbers(loss, given, axis)
    if isinstance(normalizer, jax.Array | np.ndarray):
        if as_array("normalizer", normalizer).shape:
            expected = "a number or an array without dimensions"
            raise ArgumentError("normalizer", expected, f"shape {normalizer.shape}")
        known = numbers_of(normalizer)
        # An unknown number is not checked.
        normalizer = 1.0 if known is None else float(known)
    read_normalizer(loss.reduction, normalizer)
    if not isinstance(parameters, Mapping | None):
        expected = "a mapping of names to arrays"
        raise ArgumentTypeError("parameters", expected, type(parameters).__name__)
    _check_parameters(loss, parameters or {})


def _check_parameters(loss: Loss, parameters: Mapping[str, Any]) -> None:
    """Raise for a parameter that can be read and is out of its range."""
    ranges = loss.margin_loss.family.ranges
    for name, value in parameters.items():
        known = numbers_of(as_array(name, value))
        if known is None:
            continue
        numbers = known.astype(np.float64)
        if name in ranges:
            text, inside = ranges[name].text, [float(x) in ranges[name] for x in numbers.flat]
            valid = np.reshape(inside, numbers.shape).astype(bool)
        else:
            highest = largest_weight(name, loss.link, np.inf)
            text = "[0, 1]" if highest == 1.0 else "[0, inf)"
            valid = (numbers >= 0.0) & (numbers <= highest) & np.isfinite(numbers)
        if not valid.all():
            complain(name, f"in {text}", known, ~valid)


def _check_numbers(loss: Loss, given: Arguments, axis: int) -> None:
    """Raise for the first target or weight that can be read and is invalid."""
    logits, targets, sample_weight, where, class_where, *_ = given
    weight, kept, classes = (
        None if a is None else numbers_of(a) for a in (sample_weight, where, class_where)
    )
    if (where is not None and kept is None) or (class_where is not None and classes is None):
        return
    # Targets of weight 0 may be anything, so unknown weights leave none to check.
    hidden = sample_weight is not None and weight is None
    known = None if hidden else numbers_of(targets)
    check_numbers(loss, logits.shape, axis, Arguments(None, known, weight, kept, classes))
