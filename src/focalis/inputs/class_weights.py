"""Weights of the answers: α, pos_weight and class_weight, checked and multiplied; their range."""

import functools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.targets import Array, real_array
from focalis.maths.links import Link
from focalis.settings_table import WEIGHTS, weight_of_no

_FEW = 1024  # classes up to which arrays of ones are kept: making one takes longer than reading it

Factor = float | tuple[float, ...]


def check_factor(name: str, factor: Any, high: float, *, scalar: bool = True) -> Factor | None:
    """Return None, a number or a tuple of numbers in [0, high], or raise."""
    if factor is None:
        return None
    array = real_array(name, factor)
    if array.dtype.kind == "b":
        raise ArgumentTypeError(name, "real numbers", array.dtype)
    upper = f"[0, {high:g}]" if math.isfinite(high) else "[0, inf)"
    kinds = "a number or one number per class" if scalar else "one number per class"
    if array.ndim > 1 or (array.ndim == 0 and not scalar):
        raise ArgumentError(name, kinds, f"shape {array.shape}")
    values = array.astype(np.float64)
    if not np.all((values >= 0) & (values <= high) & np.isfinite(values)):
        raise ArgumentError(name, upper, repr(factor), must="lie in")
    return float(values) if array.ndim == 0 else tuple(float(w) for w in values)


def class_weights(
    link: Link, n_classes: int, factors: Iterable[Factor | None]
) -> tuple[Array, Array]:
    """Return the weights (C,) of a positive and of a negative answer for each class, in float64.

    `factors` are those of `WEIGHTS`, in that order.
    """
    positive, negative = np.ones(n_classes), np.ones(n_classes)
    for name, factor in zip(WEIGHTS, factors, strict=True):
        if factor is None:
            continue
        if isinstance(factor, tuple) and len(factor) != n_classes:
            expected = f"one number for each of the {n_classes} classes"
            raise ArgumentError(name, expected, len(factor), must="have")
        by_class = np.broadcast_to(np.asarray(factor), n_classes)
        positive = positive * by_class
        of_no = weight_of_no(name, link, by_class)
        negative = negative if of_no is None else negative * of_no
    return positive, negative


def ones(n_classes: int, dtype: Any) -> Array:
    """Return a weight of 1 for each class."""
    return _few_ones(n_classes, dtype) if n_classes <= _FEW else np.ones(n_classes, dtype)


@functools.lru_cache(maxsize=32)
def _few_ones(n_classes: int, dtype: Any) -> Array:
    return np.ones(n_classes, dtype)


def in_type(weights: Array, dtype: Any) -> Array:
    """Return the weights of the classes in the type to compute in, or raise."""
    largest = weights.max(initial=0.0)
    if largest > np.finfo(dtype).max:
        raise ArgumentError("the weights of the classes", f"finite as {dtype} too", largest)
    return weights.astype(dtype)


def weight_range(link: Link, factors: Iterable[Factor | None]) -> tuple[float, float]:
    """Return the least weight above 0 that a class may have, and the largest."""
    low = high = 1.0
    for name, factor in zip(WEIGHTS, factors, strict=True):
        if factor is None:
            continue
        weights = np.ravel(factor)
        of_no = weight_of_no(name, link, weights)
        weights = weights if of_no is None else np.concatenate([weights, of_no])
        least, most = extremes(weights)
        low, high = low * min(least, 1.0), high * max(most, 1.0)
    return low, high


def extremes(weights: Array) -> tuple[float, float]:
    """Return the least weight above 0, or a NaN or negative one if there is any, and the largest."""
    if weights.size == 0:
        return 1.0, 1.0
    least, most = weights.min(), weights.max()
    if least == 0:
        if most == 0:
            return 1.0, 1.0
        least = np.where(weights > 0, weights, most).min()
    return float(least), float(most)
