"""Numbers of sixty digits that the vocabulary accepts, so that a margin loss runs on them unchanged.

A `Number` also carries its *bulk*, the sum of the sizes of the signed terms that make it up: where terms
of both signs meet, an error is judged against that, since no floating type could do better.
"""

from collections.abc import Callable
from typing import Any

from mpmath.ctx_mp import MPContext

from focalis import vocabulary

DIGITS = 60

# A separate context, so that the caller's settings of mpmath's global one do not matter.
mp = MPContext()
mp.dps = DIGITS

# As good as infinite: beyond every floating type, though exp(−_FAR) is still an ordinary number.
_FAR = mp.mpf("1e400")


class Condition:
    """A comparison of numbers, for `where` to choose by."""

    __slots__ = ("holds",)

    def __init__(self, holds: bool) -> None:
        self.holds = holds


class Number(vocabulary.Operand):
    """A real number and the bulk of the terms that were summed to give it.

    A result of constants alone is a constant: it is rounded once, and has no terms.
    """

    __slots__ = ("bulk", "constant", "value")

    def __init__(self, value: Any, bulk: Any = None, constant: bool = False) -> None:
        self.value = value
        self.bulk = abs(value) if bulk is None else bulk
        self.constant = constant

    def alone(self) -> "Number":
        """Return the number without its terms."""
        return Number(self.value)

    def _with(self, other: "Number", value: Any, bulk: Any) -> "Number":
        if self.constant and other.constant:
            return Number(value, constant=True)
        return Number(value, bulk)

    def __add__(self, other: Any) -> "Number":
        other = number(other)
        return self._with(other, self.value + other.value, self.bulk + other.bulk)

    def __sub__(self, other: Any) -> "Number":
        other = number(other)
        return self._with(other, self.value - other.value, self.bulk + other.bulk)

    def __mul__(self, other: Any) -> "Number":
        other = number(other)
        return self._with(other, self.value * other.value, self.bulk * other.bulk)

    def __truediv__(self, other: Any) -> "Number":
        other = number(other)
        if other.value == 0:
            return Number(mp.nan)
        bulk = self.bulk / abs(other.value) * (other.bulk / abs(other.value))
        return self._with(other, self.value / other.value, bulk)

    def __rtruediv__(self, other: Any) -> "Number":
        return number(other) / self

    def __neg__(self) -> "Number":
        return Number(-self.value, self.bulk, self.constant)

    def __abs__(self) -> "Number":
        return Number(abs(self.value), self.bulk, self.constant)

    def __pow__(self, exponent: int) -> "Number":
        return Number(self.value**exponent, self.bulk**exponent, self.constant)

    def __lt__(self, other: Any) -> Condition:
        return Condition(self.value < number(other).value)

    def __le__(self, other: Any) -> Condition:
        return Condition(self.value <= number(other).value)

    def __gt__(self, other: Any) -> Condition:
        return Condition(self.value > number(other).value)

    def __ge__(self, other: Any) -> Condition:
        return Condition(self.value >= number(other).value)

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return Condition(self.value == number(other).value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Number({mp.nstr(self.value, 20)})"


def number(x: Any) -> Number:
    """Return a real number, even NumPy's, as a constant; infinity as a number beyond every float."""
    if isinstance(x, Number):
        return x
    value = mp.mpf(float(x))
    return Number(mp.sign(value) * _FAR if mp.isinf(value) else value, constant=True)


def _function(f: Callable[[Any], Any], holds: Callable[[Any], bool] | None = None) -> Any:
    """Return a function of a Number; NaN where it is undefined.

    Its result is not a sum of signed terms.
    """

    def apply(x: Number) -> Number:
        value = f(x.value) if holds is None or holds(x.value) else mp.nan
        return Number(value, constant=x.constant)

    return apply


def _where(condition: Condition, a: Any, b: Any) -> Number:
    return number(a if condition.holds else b)


vocabulary.teach(
    {
        "exp": _function(mp.exp),
        "exp_nonpositive": _function(mp.exp),
        "expm1": _function(mp.expm1),
        "log": _function(mp.log, lambda x: x > 0),
        "log1p": _function(mp.log1p, lambda x: x > -1),
        "log1p_unit": _function(mp.log1p, lambda x: x > -1),
        "sqrt": _function(mp.sqrt, lambda x: x >= 0),
        "absolute": abs,
        "where": _where,
    },
    [Number],
    conditions=[Condition],
)
