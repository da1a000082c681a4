"""Dual numbers: the derivative of a formula in the vocabulary, written out as operations.

``Dual(value, tangent)`` goes through a margin loss like a number and comes out with the derivative along
the tangent. The result is made of ordinary operations on the inputs, so PyTorch can differentiate it
again, map it or compile it, without automatic differentiation inside a derivative. A `where` chooses
between tangents and never multiplies the rejected one by 0. Duals of duals give higher derivatives.
"""

from collections.abc import Callable
from typing import Any

from focalis import vocabulary
from focalis.vocabulary import exp, where


class Dual(vocabulary.Operand):
    """A number and its derivative; the tangent of a constant is the float 0.0."""

    __slots__ = ("tangent", "value")

    def __init__(self, value: Any, tangent: Any = 0.0) -> None:
        self.value = value
        self.tangent = tangent

    def __neg__(self) -> "Dual":
        return Dual(-self.value, _times(-1.0, self.tangent))

    def __add__(self, other: Any) -> "Dual":
        return Dual(self.value + value_of(other), _plus(self.tangent, tangent_of(other)))

    def __sub__(self, other: Any) -> "Dual":
        return self.__add__(-other)

    def __mul__(self, other: Any) -> "Dual":
        a, b = self.value, value_of(other)
        return Dual(a * b, _plus(_times(b, self.tangent), _times(a, tangent_of(other))))

    def __truediv__(self, other: Any) -> "Dual":
        return _quotient(self, other)

    def __rtruediv__(self, other: Any) -> "Dual":
        return _quotient(other, self)

    def __lt__(self, other: Any) -> Any:
        return self.value < value_of(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= value_of(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > value_of(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= value_of(other)

    def __eq__(self, other: object) -> Any:
        return self.value == value_of(other)

    __hash__ = None  # type: ignore[assignment]  # compared element by element


def value_of(x: Any) -> Any:
    """Return the value of a dual number, or a constant unchanged."""
    return x.value if isinstance(x, Dual) else x


def tangent_of(x: Any) -> Any:
    """Return the tangent of a dual number, 0.0 for a constant."""
    return x.tangent if isinstance(x, Dual) else 0.0


def choose(condition: Any, a: Any, b: Any) -> Dual:
    """Return the dual number `a` where the condition holds and `b` elsewhere."""
    tangents = tangent_of(a), tangent_of(b)
    tangent = 0.0 if all(_is_zero(t) for t in tangents) else where(condition, *tangents)
    return Dual(where(condition, value_of(a), value_of(b)), tangent)


def _is_zero(tangent: Any) -> bool:
    return isinstance(tangent, float) and tangent == 0.0


def _plus(a: Any, b: Any) -> Any:
    if _is_zero(a):
        return b
    return a if _is_zero(b) else a + b


def _times(factor: Any, tangent: Any) -> Any:
    return 0.0 if _is_zero(tangent) else tangent * factor


def _quotient(a: Any, b: Any) -> Dual:
    quotient = value_of(a) / value_of(b)
    change = _plus(tangent_of(a), _times(-quotient, tangent_of(b)))
    return Dual(quotient, _times(1.0 / value_of(b), change))


def _absolute(x: Dual) -> Dual:
    return choose(x.value < 0.0, -x, x)


def _rule(name: str, derivative: Callable[[Any, Any], Any]) -> Callable[[Dual], Dual]:
    """Return a primitive for dual numbers; `derivative` is a function of its argument and its result."""
    primitive = vocabulary.PRIMITIVES[name]

    def apply(x: Dual) -> Dual:
        result = primitive(x.value)
        return Dual(result, _times(derivative(x.value, result), x.tangent))

    return apply


_DERIVATIVES: dict[str, Callable[[Any, Any], Any]] = {
    "exp": lambda x, y: y,
    "exp_nonpositive": lambda x, y: y,
    "expm1": lambda x, y: exp(x),
    "log": lambda x, y: 1.0 / x,
    "log1p": lambda x, y: 1.0 / (1.0 + x),
    "log1p_unit": lambda x, y: 1.0 / (1.0 + x),
    "sqrt": lambda x, y: 0.5 / y,
}
# Dual numbers compare by their values, so a condition is a tensor, whose `where` handles them.
vocabulary.teach(
    {name: _rule(name, derivative) for name, derivative in _DERIVATIVES.items()}
    | {"absolute": _absolute},
    [Dual],
    conditions=(),
)
