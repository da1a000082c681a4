"""What a real number is as an argument: the one check of its type."""

import math
from typing import Any

import numpy as np

__all__ = ["real_number"]


def real_number(name: str, given: Any, expected: str) -> float:
    """Return a number as a float, infinite where it is beyond one, or raise a TypeError."""
    if isinstance(given, np.ndarray) and given.ndim == 0 and not np.ma.isMaskedArray(given):
        given = given.item()
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        raise TypeError(f"{name} must be {expected}, got {type(given).__name__}")
    try:
        return float(given)
    except OverflowError:  # an int
        return math.inf if given > 0 else -math.inf
