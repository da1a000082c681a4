"""Readable formulas, recorded by running a margin loss on symbols.

The value is described by the first line of the margin loss's docstring. Slope and curvature are what its
function returns, as algebra: nothing is written twice.
"""

import inspect
import types
from collections.abc import Callable
from typing import Any

from focalis import vocabulary
from focalis.margin import MarginLossFamily
from focalis.named.table import letter

SYMBOLS = "p = p_t, q = 1 − p_t, u = log p_t, v = log(1 − p_t), m = u − v"

_SUM, _PRODUCT, _POWER, _ATOM = range(4)  # how tightly an expression binds


def summary(family: MarginLossFamily) -> str:
    """Return a margin loss in words and as a formula, the first line of its docstring.

    Examples
    --------
    >>> from focalis import margin
    >>> summary(margin.focal)
    'Focal loss, −(1 − p_t)^γ log p_t (arXiv 1708.02002).'
    """
    lines = (family.__doc__ or family.name).strip().splitlines()
    return lines[0]


def derivatives(family: MarginLossFamily) -> tuple[str, str]:
    """Return slope and curvature of a margin loss as formulas, with the letters of `SYMBOLS`.

    Examples
    --------
    >>> from focalis import margin
    >>> derivatives(margin.focal)
    ('q^γ (γ p u − q)', 'q^γ ((1 + 2 γ) p q + γ p u (q − γ p))')
    """
    given = [_Term(letter) for letter in "muvpq"]
    parameters = [_Term(letter(name)) for name in family.ranges]
    function = inspect.unwrap(family.function)
    # Show the vocabulary's own composites by name, not by what they are made of.
    names = {**function.__globals__, **_composites(function.__globals__)}
    traced = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    _, slope, curvature = traced(*given, *parameters)
    return str(slope), str(curvature)


class _Term(vocabulary.Operand):
    """An expression: its text, how tightly it binds, and whether it starts with a minus."""

    def __init__(self, text: str, strength: int = _ATOM, negative: bool = False) -> None:
        self.text, self.strength, self.negative = text, strength, negative

    def __str__(self) -> str:
        return f"−{self.inside(_PRODUCT)}" if self.negative else self.text

    def inside(self, strength: int) -> str:
        """Return the text without its sign, in parentheses where an operator needs them."""
        return self.text if self.strength >= strength else f"({self.text})"

    def whole(self, strength: int) -> str:
        """Return the text with its sign, in parentheses where an operator needs them."""
        text = str(self)
        return f"({text})" if self.negative or self.strength < strength else text

    def __neg__(self) -> "_Term":
        return _Term(self.text, self.strength, not self.negative)

    def __add__(self, other: Any) -> "_Term":
        other = _term(other)
        sign = "−" if other.negative else "+"
        return _Term(f"{self} {sign} {other.inside(_PRODUCT if other.negative else _SUM)}", _SUM)

    def __sub__(self, other: Any) -> "_Term":
        return self + (-_term(other))

    def __mul__(self, other: Any) -> "_Term":
        other = _term(other)
        negative = self.negative != other.negative
        if "1" in (self.text, other.text):
            one = other if self.text == "1" else self
            return _Term(one.text, one.strength, negative)
        first, second = self.inside(_PRODUCT), other.inside(_PRODUCT)
        return _Term(f"{first} {second}", _PRODUCT, negative)

    def __truediv__(self, other: Any) -> "_Term":
        other = _term(other)
        negative = self.negative != other.negative
        return _Term(f"{self.inside(_PRODUCT)} / {other.inside(_POWER)}", _PRODUCT, negative)

    def __pow__(self, exponent: int) -> "_Term":
        return _Term(f"{self.whole(_ATOM)}^{exponent}", _POWER)

    def __radd__(self, other: Any) -> "_Term":
        return _term(other) + self

    def __rsub__(self, other: Any) -> "_Term":
        return _term(other) - self

    def __rmul__(self, other: Any) -> "_Term":
        return _term(other) * self

    def __rtruediv__(self, other: Any) -> "_Term":
        return _term(other) / self


def _comparison(sign: str) -> Callable[[_Term, Any], _Term]:
    return lambda self, other: _Term(f"{self} {sign} {other}", _SUM)


for _name, _sign in (("lt", "<"), ("le", "≤"), ("gt", ">"), ("ge", "≥"), ("eq", "=")):
    setattr(_Term, f"__{_name}__", _comparison(_sign))
_Term.__hash__ = object.__hash__  # type: ignore[method-assign]


def _term(operand: Any) -> _Term:
    if isinstance(operand, _Term):
        return operand
    number = float(operand)
    return _Term(f"{abs(number):g}", _ATOM, number < 0)


def _called(word: str) -> Callable[..., _Term]:
    return lambda *operands: _Term(f"{word}({', '.join(str(_term(x)) for x in operands)})")


def _power(base: Any, log_base: Any, exponent: Any) -> _Term:
    return _Term(f"{_term(base).whole(_ATOM)}^{_term(exponent).whole(_ATOM)}", _POWER)


_COMPOSITES = {
    "maximum": _called("max"),
    "minimum": _called("min"),
    "power": _power,
    "sigmoid": _called("σ"),
    "softplus": lambda x: _Term(f"log(1 + e^{_term(x).whole(_ATOM)})"),
}


def _composites(known: dict[str, Any]) -> dict[str, Any]:
    """Return symbols for the composites of the vocabulary, under their names there."""
    return {
        name: _COMPOSITES[function.__name__]
        for name, function in known.items()
        if isinstance(function, types.FunctionType)
        and _COMPOSITES.get(function.__name__)
        and function is getattr(vocabulary, function.__name__)
    }


_WORDS = {"absolute": "abs", "exp_nonpositive": "exp", "log1p_unit": "log1p"}
vocabulary.teach({name: _called(_WORDS.get(name, name)) for name in vocabulary.PRIMITIVES}, [_Term])
