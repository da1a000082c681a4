"""Arguments that are real numbers: the one check of their type and size."""

import math
from typing import Any

import numpy as np

from focalis.errors import ArgumentError, ArgumentTypeError


def real_number(name: str, value: Any, expected: str, *, of: str = "") -> float:
    """Return a number as a float, infinite if it is too large for one, or raise a TypeError.

    `of` names what the number is a parameter of, unless that is a function or a `Loss`.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0 and not np.ma.isMaskedArray(value):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ArgumentTypeError(name, expected, type(value).__name__, of=of)
    try:
        return float(value)
    except OverflowError:  # an int
        return math.inf if value > 0 else -math.inf


def check_number(name: str, given: Any, low: float, high: float, *, expected: str) -> float:
    """Return a real number in [low, high], or raise."""
    value = real_number(name, given, expected)
    if not (low <= value <= high and math.isfinite(value)):
        raise ArgumentError(name, expected, repr(given))
    return value
