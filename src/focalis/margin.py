"""The margin losses: one small function each.

Every loss of the family is a function φ of one number, the margin m = log p_t − log(1 − p_t), where
p_t is the probability that the model assigns to the true answer. A margin loss is a module-level
function ``f(m, u, v, p, q, *parameters)`` that returns φ, its slope φ′ and its curvature φ″ with respect
to m; ``p = p_t``, ``q = 1 − p_t``, ``u = log p`` and ``v = log q`` are passed in, computed without
cancellation. It is straight-line code in the names of :mod:`focalis.vocabulary`, decorated with the
ranges of its parameters. Nothing else is needed: links, engines, policies and front ends follow from it.

Two habits keep a margin loss accurate at the ends: multiply u by p (and v by q) before anything large,
since u may be as low as the most negative float; and raise q to a power with ``power(q, v, gamma)``.
"""

import functools
import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from focalis.errors import ArgumentError
from focalis.real_number import real_number
from focalis.vocabulary import expm1, power, sigmoid, softplus, where

__all__ = [
    "MarginLoss",
    "MarginLossFamily",
    "cross_entropy",
    "focal",
    "focal_star",
    "generalized_cross_entropy",
    "margin_loss",
    "poly1",
    "tempered",
]

MarginFunction = Callable[..., tuple[Any, Any, Any]]

_INTERVAL = re.compile(r"([\[(])\s*(\S+)\s*,\s*(\S+)\s*([\])])")


class Interval:
    """A range of real numbers in the usual notation, such as ``"[0, inf)"`` or ``"(0, 1]"``."""

    def __init__(self, text: str) -> None:
        match = _INTERVAL.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"a range must look like '[0, inf)' or '(0, 1]', got {text!r}")
        left, low, high, right = match.groups()
        self.text = text.strip()
        self.low, self.high = float(low), float(high)
        self._closed_low, self._closed_high = left == "[", right == "]"

    def __contains__(self, x: float) -> bool:
        above = self.low <= x if self._closed_low else self.low < x
        below = x <= self.high if self._closed_high else x < self.high
        return above and below and math.isfinite(x)


class MarginLoss:
    """A margin loss with its parameters: a frozen, comparable, hashable and picklable value.

    Made by calling a margin loss family: ``margin.focal(gamma=2.0)``.
    """

    # No slots: PyTorch's compiler does not read them before 2.6.
    def __init__(self, family: "MarginLossFamily", parameters: Mapping[str, float]) -> None:
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "_items", tuple(parameters.items()))
        object.__setattr__(self, "_hash", hash((family.name, self._items)))

    family: "MarginLossFamily"
    _hash: int
    _items: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        """The name of the family, such as ``"focal"``."""
        return self.family.name

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(self._items)

    def __call__(self, m: Any, u: Any, v: Any, p: Any, q: Any) -> tuple[Any, Any, Any]:
        """Return φ, φ′ and φ″ at the margin m, from u = log p, v = log q, p and q = 1 − p."""
        terms = self.family.function(m, u, v, p, q, *(value for _, value in self._items))
        if not isinstance(terms, tuple) or len(terms) != 3:
            raise TypeError(
                f"{self.name} must return a tuple of value, slope and curvature, got {terms!r}"
            )
        return terms

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a MarginLoss is frozen: cannot set {name!r}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MarginLoss):
            return NotImplemented
        return self.family is other.family and self._items == other._items

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(self.family, **self.parameters), ()

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in self._items)
        return f"{self.name}({inner})"


class MarginLossFamily:
    """A margin loss before its parameters are chosen; calling it with them returns a MarginLoss."""

    def __init__(self, function: MarginFunction, ranges: Mapping[str, Interval]) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        if [p.name for p in parameters[:5]] != ["m", "u", "v", "p", "q"]:
            raise TypeError(f"{function.__name__} must begin with the arguments m, u, v, p, q")
        if {p.name for p in parameters[5:]} != set(ranges):
            raise TypeError(
                f"{function.__name__}: the decorator gives ranges for {sorted(ranges)}, the function "
                f"has the parameters {[p.name for p in parameters[5:]]}"
            )
        functools.update_wrapper(self, function)
        self.name: str = function.__name__
        self.function = function
        self.ranges = dict(ranges)
        self.__signature__ = inspect.Signature(parameters[5:], return_annotation=MarginLoss)

    def __call__(self, *args: float, **kwargs: float) -> MarginLoss:
        """Return the margin loss with these parameters; a missing one takes its default."""
        bound = self.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        values = {}
        for name, value in bound.arguments.items():
            number = real_number(name, value, "a real number", of=self.name)
            # Adding 0 makes a new object, which an engine can tell from an equal literal.
            values[name] = number + 0.0
            if values[name] not in self.ranges[name]:
                interval = self.ranges[name].text
                raise ArgumentError(name, interval, repr(value), must="lie in", of=self.name)
        return MarginLoss(self, values)

    def __reduce__(self) -> str:
        return self.function.__qualname__

    def __repr__(self) -> str:
        return f"<margin loss family {self.name}{self.__signature__}>"


class _Registry(Mapping[str, MarginLossFamily]):
    """The margin loss families by name, in the order in which `margin_loss` registered them."""

    def __init__(self) -> None:
        self._families: dict[str, MarginLossFamily] = {}

    def add(self, family: MarginLossFamily) -> None:
        known = self._families.get(family.name)
        if known is not None and known.__module__ != family.__module__:
            raise ValueError(
                f"there is a margin loss {family.name!r} already, in {known.__module__}: "
                "choose another name"
            )
        self._families[family.name] = family

    def __getitem__(self, name: str) -> MarginLossFamily:
        return self._families[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._families)

    def __len__(self) -> int:
        return len(self._families)


FAMILIES = _Registry()


def margin_loss(**ranges: str) -> Callable[[MarginFunction], MarginLossFamily]:
    """Turn a function ``f(m, u, v, p, q, *parameters)`` into a margin loss.

    Parameters
    ----------
    **ranges : str
        The interval that each parameter of the function must lie in, such as ``"[0, inf)"``.

    Returns
    -------
    callable
        The decorator; it returns a family, which is called with parameters to make a `MarginLoss`.

    Raises
    ------
    TypeError
        If the function does not begin with m, u, v, p, q, or its parameters are not those in `ranges`.
    ValueError
        If a range is not an interval, or another module has a margin loss of the same name.

    Examples
    --------
    Squared hinge on the probability, (1 − p_t)², whose slope is −2 p q² and curvature 2 p q² (2p − q):

    >>> from focalis import Loss
    >>> from focalis.margin import margin_loss
    >>> @margin_loss()
    ... def brier_like(m, u, v, p, q):
    ...     return q * q, -2 * p * q * q, 2 * p * q * q * (2 * p - q)
    >>> float(Loss("sigmoid", brier_like())([0.0], [1.0]))
    0.25
    """
    intervals = {name: Interval(text) for name, text in ranges.items()}

    def decorate(function: MarginFunction) -> MarginLossFamily:
        family = MarginLossFamily(function, intervals)
        FAMILIES.add(family)
        return family

    return decorate


@margin_loss()
def cross_entropy(m: Any, u: Any, v: Any, p: Any, q: Any) -> tuple[Any, Any, Any]:
    """Cross-entropy, −log p_t: the logistic, log or softmax loss.

    Examples
    --------
    >>> from focalis import Loss, margin
    >>> round(float(Loss("sigmoid", margin.cross_entropy())([0.0], [1.0])), 6)
    0.693147
    """
    return -u, -q, p * q


def _equal_to_cross_entropy(**parameters: float) -> Callable[[MarginFunction], MarginFunction]:
    """Take a margin loss with exactly these parameters, as plain numbers, for cross-entropy.

    Its own formula, which is the same on paper, would round differently.
    """

    def decorate(function: MarginFunction) -> MarginFunction:
        names = list(inspect.signature(function).parameters)[5:]
        special = tuple(parameters[name] for name in names)

        @functools.wraps(function)
        def terms(m: Any, u: Any, v: Any, p: Any, q: Any, *given: Any) -> tuple[Any, Any, Any]:
            plain = all(isinstance(number, int | float) for number in given)
            if plain and given == special:
                return cross_entropy.function(m, u, v, p, q)
            return function(m, u, v, p, q, *given)

        return terms

    return decorate


@margin_loss(gamma="[0, inf)")
@_equal_to_cross_entropy(gamma=0.0)
def focal(m: Any, u: Any, v: Any, p: Any, q: Any, gamma: float = 2.0) -> tuple[Any, Any, Any]:
    """Focal loss, −(1 − p_t)^γ log p_t (arXiv 1708.02002).

    Examples
    --------
    >>> from focalis import Loss, margin
    >>> round(float(Loss("sigmoid", margin.focal(gamma=2.0))([0.0], [1.0])), 6)
    0.173287
    """
    w = power(q, v, gamma)
    pu = p * u
    curvature = w * ((1.0 + 2.0 * gamma) * (p * q) + gamma * (pu * (q - gamma * p)))
    return -(w * u), w * (gamma * pu - q), curvature


@margin_loss(gamma="(0, inf)", beta="(-inf, inf)")
def focal_star(
    m: Any, u: Any, v: Any, p: Any, q: Any, gamma: float = 2.0, beta: float = 0.0
) -> tuple[Any, Any, Any]:
    """FL*, −log σ(γ m + β) / γ (arXiv 1708.02002, appendix A).

    Examples
    --------
    >>> from focalis import Loss, margin
    >>> round(float(Loss("sigmoid", margin.focal_star(gamma=2.0, beta=0.0))([0.0], [1.0])), 6)
    0.346574
    """
    z = gamma * m + beta
    miss = sigmoid(-z)
    return softplus(-z) * (1.0 / gamma), -miss, gamma * (miss * sigmoid(z))


@margin_loss(epsilon="[-1, inf)")
@_equal_to_cross_entropy(epsilon=0.0)
def poly1(m: Any, u: Any, v: Any, p: Any, q: Any, epsilon: float = 1.0) -> tuple[Any, Any, Any]:
    """Poly-1, −log p_t + ε (1 − p_t) (arXiv 2204.12511).

    Examples
    --------
    >>> from focalis import Loss, margin
    >>> round(float(Loss("sigmoid", margin.poly1(epsilon=1.0))([0.0], [1.0])), 6)
    1.193147
    """
    rise = 1.0 + epsilon
    slope = -(q * (rise - epsilon * q))
    # Written with p + q = 1 substituted, so that nothing is subtracted for ε in [−1, 1].
    curvature = p * q * (rise * p + (1.0 - epsilon) * q)
    return rise * q + _minus_log_beyond_first_order(u, q), slope, curvature


@margin_loss(kappa="(0, 1]")
def generalized_cross_entropy(
    m: Any, u: Any, v: Any, p: Any, q: Any, kappa: float = 0.7
) -> tuple[Any, Any, Any]:
    """Generalised cross-entropy, (1 − p_t^κ) / κ (arXiv 1805.07836, there with q for κ).

    Examples
    --------
    >>> from focalis import Loss, margin
    >>> round(float(Loss("sigmoid", margin.generalized_cross_entropy(kappa=1.0))([0.0], [1.0])), 6)
    0.5
    """
    w = power(p, u, kappa)
    return expm1(kappa * u) * (-1.0 / kappa), -(w * q), w * q * (p - kappa * q)


@margin_loss(order="[1, inf)")
@_equal_to_cross_entropy(order=1.0)
def tempered(m: Any, u: Any, v: Any, p: Any, q: Any, order: float = 2.0) -> tuple[Any, Any, Any]:
    """Tempered cross-entropy, (1 − p_t^κ) / κ with κ = 1 − 1/order (arXiv 1906.02314, α-loss).

    Generalised cross-entropy by the order of its logarithm, Tsallis', with cross-entropy itself at 1.

    Examples
    --------
    >>> from focalis import Loss, margin
    >>> round(float(Loss("sigmoid", margin.tempered(order=2.0))([0.0], [1.0])), 6)
    0.585786
    """
    kappa = (order - 1.0) / order
    w = power(p, u, kappa)
    x = kappa * u
    # expm1(x) / x, which is 1 at 0: an order that is learnt may be 1.
    ratio = where(x == 0.0, 1.0, expm1(x) / where(x == 0.0, 1.0, x))
    return -(u * ratio), -(w * q), w * q * (p - kappa * q)


def _minus_log_beyond_first_order(u: Any, q: Any) -> Any:
    """Return −u − q = q²/2 + q³/3 + …, which cancels for small q when taken literally.

    With s = q / (2 − q), −log(1 − q) is 2 artanh(s), and −u − q = q s + 2 s³ (1/3 + s²/5 + …).
    """
    s = q / (2.0 - q)
    s2 = s * s
    tail = s2 * (1.0 / 31.0)
    for k in range(29, 3, -2):
        tail = (tail + 1.0 / k) * s2
    series = s * (q + 2.0 * s2 * (tail + 1.0 / 3.0))
    return where(q < 0.5, series, -u - q)
