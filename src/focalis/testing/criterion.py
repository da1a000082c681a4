"""How close is close enough: the accuracy criterion.

In float64 a relative error of 1e-13; in float32 of 1e-6 × max(1, |ln x| / 8) for a result x, to allow
for the rounding of an exponent; in the half types sixteen units of rounding (as many as the 1e-6 of
float32), growing in the same way. Twice that through a softmax, whose margin is itself computed and
rounded. Where terms of both signs meet, the error is judged against the sum of their sizes.
"""

from typing import Any

from focalis.testing.numbers import mp


class FloatingType:
    """A floating type: its smallest and largest normal numbers, and the permitted error."""

    def __init__(self, tiny: Any, largest: Any, relative: Any, exponent: bool) -> None:
        self.tiny, self.largest = mp.mpf(tiny), mp.mpf(largest)
        self.relative, self.exponent = mp.mpf(relative), exponent


_TWO = mp.mpf(2)
TYPES = {
    "float16": FloatingType(_TWO**-14, 65504, _TWO**-7, True),
    "bfloat16": FloatingType(_TWO**-126, (2 - _TWO**-7) * _TWO**127, _TWO**-4, True),
    "float32": FloatingType(_TWO**-126, (2 - _TWO**-23) * _TWO**127, "1e-6", True),
    "float64": FloatingType(_TWO**-1022, (2 - _TWO**-52) * _TWO**1023, "1e-13", False),
}


def tolerance(size: Any, dtype: Any) -> Any:
    """Return the permitted relative error of a number of that size in a floating type."""
    kind = TYPES[_name(dtype)]
    return kind.relative * (max(1, abs(mp.log(size)) / 8) if kind.exponent else 1)


def complaint(got: Any, true: Any, bulk: Any, dtype: Any, factor: float = 1) -> str | None:
    """Return what is wrong with one number, or None.

    `true` and `bulk` are the true number and the sum of the sizes of the signed terms that make it up,
    `factor` is by how much the permitted error grows: 2 through a softmax.
    """
    kind = TYPES[_name(dtype)]
    x = mp.mpf(float(got))
    if mp.isnan(x):
        return "is not a number"
    if mp.isinf(true):
        return None if x == true else "should be infinite"
    if abs(true) > kind.largest:
        edge = kind.largest * (1 - 2 * tolerance(kind.largest, dtype))
        return None if x * true > 0 and abs(x) >= edge else "should overflow"
    if mp.isinf(x):
        return "is not finite"
    error = excess(x, true, bulk, dtype, factor)
    return f"is {mp.nstr(error, 4)} times the permitted error off" if error > 1 else None


def excess(x: Any, true: Any, bulk: Any, dtype: Any, factor: float = 1) -> Any:
    """Return the error of a finite number in units of the permitted error."""
    kind = TYPES[_name(dtype)]
    bulk = max(bulk, abs(true))
    allowed = factor * tolerance(bulk, dtype) * bulk if bulk > 0 else mp.zero
    if abs(true) < kind.tiny:
        # A number that is not normal has lost digits, or is rightly 0.
        allowed = max(allowed, kind.tiny)
    error = abs(x - true)
    return error / allowed if error > 0 else mp.zero


def _name(dtype: Any) -> str:
    return dtype if isinstance(dtype, str) else str(getattr(dtype, "name", None) or dtype.__name__)
