"""A margin loss on arrays, some of its parameters arrays too: what its derivatives are made of.

Differentiating a formula such as −q^γ log p meets 0 · ∞ at the ends and cancels before them. So the
derivative of the value is the slope that the margin loss gives, and that of the slope its curvature;
what is left goes through the formula, on companions u, v, p, q whose derivatives are q, −p, p q, −p q.
How to differentiate a formula, and how to tie the derivatives together, is the framework's.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from focalis.arrays.verbs import Array, Hooks
from focalis.margin import MarginLoss
from focalis.maths.links import (
    Limits,
    Link,
    both_link_terms,
    limits,
    link_terms,
    margin_limits,
    probability_limits,
    state_terms,
)

__all__ = ["MarginTerms", "Orders", "bounds_of"]

Orders = tuple[int, ...]
"""How often to differentiate: by the score, then by each of the parameters that are given."""


@functools.lru_cache(maxsize=256)
def bounds_of(loss: MarginLoss, dtype: Any) -> Limits:
    """Return the limits of a loss and the bounds of a type, float32 or float64."""
    own = np.finfo(dtype)
    return limits(loss, np.float64)._replace(
        largest=float(own.max), tiny=float(own.tiny), floor=float(own.eps) ** 0.5
    )


@dataclass(frozen=True)
class MarginTerms:
    """A margin loss seen through a link.

    Parameters
    ----------
    xp : Hooks
        The framework.
    link : Link
        Says whether what the loss is asked about are margins or probabilities.
    loss : MarginLoss
        Its parameters hold where `given` does not name them.
    given : tuple of str
        The parameters that come as arrays, in order.
    bounds : Limits
        The limits of the loss in the type of the scores.
    """

    xp: Hooks
    link: Link
    loss: MarginLoss
    given: tuple[str, ...]
    bounds: Limits

    def bind(self, values: tuple[Any, ...]) -> Any:
        """Return the margin loss as a function of m, u, v, p, q."""
        given = dict(zip(self.given, values, strict=True))
        parameters = [given.get(name, value) for name, value in self.loss.parameters.items()]
        return lambda m, u, v, p, q: self.loss.family.function(m, u, v, p, q, *parameters)

    def derivatives(
        self,
        orders: Orders,
        x: Array,
        values: tuple[Array, ...],
        sides: list[int],
        companions: Any = None,
    ) -> list[Array]:
        """Return the derivatives of these orders: 0 of an answer that x speaks for, 1 of one against."""
        by_score, *by_values = orders
        if by_score <= 2 and not any(by_values):
            found = [terms[by_score] for terms in self.closed(x, values, sides, companions)]
        else:
            found = [self._beyond(orders, x, values, against) for against in sides]
        full = [self.full(x, term) for term in found]
        odd = by_score % 2 == 1
        return [
            -term if odd and against else term for term, against in zip(full, sides, strict=True)
        ]

    def closed(
        self, x: Array, values: tuple[Array, ...], sides: list[int], companions: Any = None
    ) -> list[Any]:
        """Return value, slope and curvature for each side, of which a slope is by the side's score."""
        bound, bounds = self._bind(values), self._limits(x, values)
        if companions is not None:
            largest, impossible = bounds.largest, companions.u == -float("inf")
            m, u, v = (self.xp.clip(z, -largest, largest) for z in (x, companions.u, companions.v))
            terms = state_terms(bound, "exact", m, u, v, companions.p, companions.q)
            return [(self.xp.where(impossible, bounds.value, terms[0]), *terms[1:])]
        z, given = self._sides(x), (self.link, bound, bounds, "exact")
        if len(sides) == 2:
            both = both_link_terms(*given)(*z)
            return [both[:3], both[3:]]
        return [link_terms(*given)(z[against], z[1 - against]) for against in sides]

    def full(self, x: Array, term: Any) -> Array:
        """Return a term of a formula, which may be a mere number, as an array like x."""
        return self.xp.broadcast(self.xp.number(term, x), x)

    def _beyond(self, orders: Orders, x: Array, values: tuple[Array, ...], against: int) -> Any:
        """Differentiate the formula itself, at a score held to what is finite at any order."""
        sides, bounds = self._sides(x), self.bounds
        z, mirrored = sides[against], sides[1 - against]
        known = min(orders[0], 2)
        if self.link.on_probabilities:
            # Slope and curvature cancel where they are turned from margins to probabilities, and
            # derivatives of theirs would cancel more: beyond them, differentiate the value.
            known = orders[0] if orders[0] <= 2 else 0
            z, mirrored = (self.xp.clip(one, bounds.tiny, None) for one in (z, mirrored))
        else:
            # Room for products of margins: so far out all that is not a power of m has its limit.
            far = bounds.largest**0.25
            z = self.xp.clip(z, -far, far)

        def formula(step: Array | None, *values: Array) -> Any:
            bound = self._bind(values)
            if self.link.on_probabilities:
                terms = link_terms(self.link, bound, bounds, "exact")
                at = (z, mirrored) if step is None else (step + z, -step + mirrored)
                return terms(*at)[known]
            m = z if step is None else step + z
            return bound(m, *self.xp.companions(m))[known]

        derivative: Callable[..., Any] = formula
        for i, order in enumerate((orders[0] - known, *orders[1:])):
            for _ in range(order):
                derivative = self.xp.along(derivative, i)
        return derivative(self.xp.zeros(x) if orders[0] > known else None, *values)

    def _bind(self, values: tuple[Any, ...]) -> Any:
        """Return the margin loss as a function of m, u, v, p, q."""
        given = dict(zip(self.given, values, strict=True))
        parameters = [given.get(name, value) for name, value in self.loss.parameters.items()]
        return lambda m, u, v, p, q: self.loss.family.function(m, u, v, p, q, *parameters)

    def _limits(self, x: Array, values: tuple[Array, ...]) -> Limits:
        """Return the limits of the loss, which parameters that are given move."""
        if not self.given:
            return self.bounds

        def number(z: float) -> Array:
            # In 32 bits a loss is followed a tenth as many powers of ten far out.
            reach = z if self.bounds.tiny < 1e-300 else math.copysign(abs(z) ** 0.1, z)
            return self.xp.number(reach, x)

        bound = self._bind(values)
        if self.link.on_probabilities:
            found = probability_limits(bound, self.bounds, number)
        else:
            found = margin_limits(bound, number)
        return self.bounds._replace(**found)

    def _sides(self, x: Array) -> tuple[Array, Array]:
        """Return margin or probability of the answers that the score speaks for and against."""
        if self.link.on_probabilities:
            return self.xp.clip(x, None, 1.0), self.xp.clip(1.0 - x, 0.0, None)
        return x, -x
