"""Targets, weights and masks, brought from the forms that Keras accepts into those of a loss."""

from typing import Any

import keras
from keras import ops

from focalis.errors import ArgumentError

_NO_CLASS = -(2**31)
"""Stands for a label that is not a class index, such as 1.5."""


def aligned(x: Any, y: Any, form: str, axis: int) -> tuple[Any, Any]:
    """Return scores and targets with matching axes, after adding or dropping one of length 1."""
    if len(x.shape) == 0 or not -len(x.shape) <= axis < len(x.shape):
        raise ArgumentError("y_pred", f"an axis {axis}", f"the shape {_shape(x)}", must="have")
    is_row = form in ("index", "any")
    if form == "any" and len(y.shape) == len(x.shape) and y.shape[axis] == x.shape[axis]:
        is_row = False
    if is_row:
        if len(y.shape) == len(x.shape) and y.shape[axis] == 1:
            y = ops.squeeze(y, axis)
    elif len(y.shape) == len(x.shape) + 1 and y.shape[-1] == 1:
        if len(x.shape) == 1:
            x = ops.expand_dims(x, -1)
        else:
            y = ops.squeeze(y, -1)
    elif len(y.shape) == len(x.shape) - 1 and x.shape[-1] == 1:
        if len(y.shape) == 1:
            y = ops.expand_dims(y, -1)
        else:
            x = ops.squeeze(x, -1)
    wanted = _without(tuple(x.shape), axis) if is_row else tuple(x.shape)
    if not _fits(tuple(y.shape), wanted):
        expected = f"{_text(wanted)} to match y_pred of shape {_shape(x)}"
        raise ArgumentError("y_true", expected, _shape(y), must="have the shape")
    return x, y


def read_targets(y: Any, x: Any) -> Any:
    """Return class indices as integers, and other targets in a floating type."""
    if len(y.shape) == len(x.shape):
        return ops.cast(y, "float64" if _type(x) == "float64" else "float32")
    if not keras.backend.is_float_dtype(_type(y)):
        return y if _type(y) == "int64" else ops.cast(y, "int32")
    # Labels that came as floating-point numbers: the cast must not turn a wrong one into a class.
    is_index = (ops.floor(y) == y) & (ops.abs(y) < 2.0**31)
    return ops.where(is_index, ops.cast(ops.where(is_index, y, 0), "int32"), _NO_CLASS)


def kept_of(y: Any, x: Any, ignored: float, form: str, axis: int) -> Any:
    """Return True where a target, or its row, counts; None if all do."""
    if form == "elementwise":
        return ~ops.isnan(y) if ignored != ignored else y != ignored
    if len(y.shape) < len(x.shape):
        return y != int(ignored)
    classes = x.shape[axis]
    if ignored < 0 or (classes is not None and ignored >= classes):
        return None
    named = ops.expand_dims(ops.take(y, int(ignored), axis=axis), axis)
    # A row without positives names no class, and NaN for the class is an error that must not be hidden.
    return ops.any(~(named > 0) | (y > named), axis=axis)


def to_rows(name: str, values: Any, rows: tuple[Any, ...], dtype: str) -> Any:
    """Return numbers for the samples, broadcast to one for each row of scores."""
    if values is None:
        return None
    values = ops.convert_to_tensor(values, dtype=dtype)
    static = tuple(n if isinstance(n, int) else None for n in rows)
    if len(values.shape) == len(rows) + 1 and values.shape[-1] == 1:
        values = ops.squeeze(values, -1)
    elif len(values.shape) == len(rows) - 1 and static[-1] == 1:
        values = ops.expand_dims(values, -1)
    shape = tuple(values.shape)
    # Aligned at the last axis, as when Keras multiplies: (N,) for rows (N, T) applies to the T.
    pairs = zip(reversed(shape), reversed(static), strict=False)
    if len(shape) > len(rows) or not all(a is None or b is None or a in (1, b) for a, b in pairs):
        each = (*shape, *(1,) * (len(rows) - len(shape)))
        hint = f" (one for each sample is {_text(each)})" if 0 < len(shape) < len(rows) else ""
        expected = f"{_text(static)}, or one that broadcasts to it"
        raise ArgumentError(name, expected, f"{_text(shape)}{hint}", must="have the shape")
    return ops.broadcast_to(values, rows)


def _type(x: Any) -> str:
    return str(keras.backend.standardize_dtype(x.dtype))


def _without(shape: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


def _fits(shape: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        a is None or b is None or a == b for a, b in zip(shape, wanted, strict=True)
    )


def _shape(x: Any) -> str:
    return _text(tuple(x.shape))


def _text(shape: tuple[Any, ...]) -> str:
    return str(tuple(shape))
