"""The primitives that a margin loss may call.

A margin loss is written once, in these names and the operators ``+ - * / < <= > >= ==``, and runs on
whatever it is handed: each primitive dispatches on the type of its first argument. NumPy arrays and
plain numbers are handled here; an engine or a front end adds its types with a table of operations
(`teach`), so no formula is ever written twice.
"""

from collections.abc import Callable, Iterable, Mapping
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
    """Return e to the power of x ≤ 0; knowing the sign can save an engine some work."""
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
    """Return log(1 + x) for x in [0, 1]; knowing the range can save an engine some work."""
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
    """Return a where the condition holds and b elsewhere; both are always evaluated."""
    return np.where(condition, a, b)


PRIMITIVES: dict[str, Any] = {
    "exp": exp,
    "exp_nonpositive": exp_nonpositive,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "log1p_unit": log1p_unit,
    "sqrt": sqrt,
    "absolute": absolute,
    "where": where,
}
"""The primitives by name; the rest of the vocabulary is built from them."""


def teach(
    operations: Mapping[str, Callable[..., Any]],
    kinds: Iterable[type],
    conditions: Iterable[type] | None = None,
) -> None:
    """Make the vocabulary work on further types, by a table with an operation for each primitive.

    Parameters
    ----------
    operations : mapping of str to callable
        The operation for each primitive, by the primitive's name.
    kinds : iterable of type
        The types that stand for numbers.
    conditions : iterable of type, optional
        The types of comparison results, on which `where` dispatches; by default `kinds`. Pass an empty
        iterable for numbers whose comparisons have a type that has been taught already; the table then
        has no `where`.

    Raises
    ------
    TypeError
        If the table lacks a primitive, which would then fall through to NumPy, or has an unknown name.

    Examples
    --------
    >>> teach({"exp": abs}, [complex])
    Traceback (most recent call last):
    ...
    TypeError: operations must have absolute, exp_nonpositive, expm1, log, log1p, log1p_unit, sqrt, where
    """
    kinds = tuple(kinds)
    conditions = kinds if conditions is None else tuple(conditions)
    wanted = PRIMITIVES.keys() - (set() if conditions else {"where"})
    if missing := wanted - operations.keys():
        raise TypeError(f"operations must have {', '.join(sorted(missing))}")
    if unknown := operations.keys() - wanted:
        raise TypeError(f"operations must be of primitives, got {', '.join(sorted(unknown))}")
    for name, operation in operations.items():
        for kind in conditions if name == "where" else kinds:
            PRIMITIVES[name].register(kind, operation)


class Operand:
    """What a type to run margin losses on has in common with the others, in terms of + − and ×."""

    __slots__ = ()
    # Makes NumPy's numbers leave operators to this class, and its functions reject it.
    __array_ufunc__ = None

    def __pos__(self: Any) -> Any:
        return self

    def __abs__(self: Any) -> Any:
        return absolute(self)

    def __radd__(self: Any, other: Any) -> Any:
        return self + other

    def __rsub__(self: Any, other: Any) -> Any:
        return -self + other

    def __rmul__(self: Any, other: Any) -> Any:
        return self * other

    def __pow__(self: Any, exponent: Any) -> Any:
        if not (isinstance(exponent, int) and 1 <= exponent <= 4):
            raise TypeError(
                "a margin loss raises to the powers 1 to 4 with **, and to any other with "
                f"power(base, log_base, exponent), got ** {exponent!r}"
            )
        result = self
        for _ in range(exponent - 1):
            result = result * self
        return result


def maximum(a: Any, b: Any) -> Any:
    """Return the larger of a and b, or b where a is NaN; a must be the traced or array argument."""
    return where(a > b, a, b)


def minimum(a: Any, b: Any) -> Any:
    """Return the smaller of a and b, or b where a is NaN; a must be the traced or array argument."""
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

    A base in (0, 1) has lost digits to rounding that its power needs, hence
    ``exp(exponent * log_base)``; the exponents 1 and 2 need no exponential and are exact.
    """
    if isinstance(exponent, int | float) and exponent in _POWERS_BY_MULTIPLICATION:
        return base if exponent == 1.0 else base * base
    return exp(exponent * log_base)
