"""The primitives that a margin loss may call.

A margin loss is written once, in these names and the operators ``+ - * / < <= > >= ==``, and runs on
any type: each primitive dispatches on its first argument. NumPy arrays and plain numbers are handled
here; an engine or a front end registers its own type (``exp.register(torch.Tensor, torch.exp)``), so
that no formula is ever written twice.
"""

from functools import singledispatch
from typing import Any

import numpy as np

__all__ = [
    "absolute",
    "exp",
    "exp_nonpositive",
    "expm1",
    "log",
    "log1p",
    "log1p_unit",
    "maximum",
    "minimum",
    "power",
    "sigmoid",
    "softplus",
    "sqrt",
    "where",
]

_POWERS_BY_MULTIPLICATION = (1.0, 2.0)


@singledispatch
def exp(x: Any) -> Any:
    """Return e to the power of x."""
    return np.exp(x)


@singledispatch
def exp_nonpositive(x: Any) -> Any:
    """Return e to the power of x for x ≤ 0, which can save an engine some work."""
    return np.exp(x)


@singledispatch
def expm1(x: Any) -> Any:
    """Return exp(x) − 1 without cancellation near 0."""
    return np.expm1(x)


@singledispatch
def log(x: Any) -> Any:
    """Return the natural logarithm of x."""
    return np.log(x)


@singledispatch
def log1p(x: Any) -> Any:
    """Return log(1 + x) without cancellation near 0."""
    return np.log1p(x)


@singledispatch
def log1p_unit(x: Any) -> Any:
    """Return log(1 + x) for x in [0, 1], which can save an engine some work."""
    return np.log1p(x)


@singledispatch
def sqrt(x: Any) -> Any:
    """Return the square root of x."""
    return np.sqrt(x)


@singledispatch
def absolute(x: Any) -> Any:
    """Return the absolute value of x."""
    return np.absolute(x)


@singledispatch
def where(condition: Any, a: Any, b: Any) -> Any:
    """Return a where the condition holds and b elsewhere; both are evaluated."""
    return np.where(condition, a, b)


def maximum(a: Any, b: Any) -> Any:
    """Return the larger of a and b, or b where a is NaN; a is the traced or array argument."""
    return where(a > b, a, b)


def minimum(a: Any, b: Any) -> Any:
    """Return the smaller of a and b, or b where a is NaN; a is the traced or array argument."""
    return where(a < b, a, b)


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(−x)), to full relative accuracy at both ends."""
    e = exp_nonpositive(-absolute(x))
    return where(x >= 0.0, 1.0, e) / (1.0 + e)


def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)), to full relative accuracy at both ends."""
    return maximum(x, 0.0) + log1p_unit(exp_nonpositive(-absolute(x)))


def power(base: Any, log_base: Any, exponent: Any) -> Any:
    """Return base to the power of the exponent, from the base and its logarithm.

    Rounding a base in (0, 1) loses digits that a power needs, hence ``exp(exponent * log_base)``; the
    exponents 1 and 2 need no exponential and are exact.
    """
    if isinstance(exponent, int | float) and exponent in _POWERS_BY_MULTIPLICATION:
        return base if exponent == 1.0 else base * base
    return exp(exponent * log_base)
