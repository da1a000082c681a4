"""Arguments that are real numbers: the one check of their type and size."""

import math
from typing import Any

import numpy as np

from focalis.errors import ArgumentError, ArgumentTypeError

__all__ = ["check_number", "real_number"]


def real_number(name: str, given: Any, expected: str, *, of: str = "") -> float:
    """Return a number as a float, infinite if it is too large for one, or raise a TypeError.

    `of` names what the number is a parameter of, unless that is a function or a `Loss`.
    """
    if isinstance(given, np.ndarray) and given.ndim == 0 and not np.ma.isMaskedArray(given):
        given = given.item()
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        raise ArgumentTypeError(name, expected, type(given).__name__, of=of)
    try:
        return float(given)
    except OverflowError:  # an int
        return math.inf if given > 0 else -math.inf


def check_number(name: str, given: Any, low: float, high: float, *, expected: str) -> float:
    """Return a real number in [low, high], or raise."""
    value = real_number(name, given, expected)
    if not (low <= value <= high and math.isfinite(value)):
        raise ArgumentError(name, expected, repr(given))
    return value
