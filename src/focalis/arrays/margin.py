"""The derivatives of a margin loss on arrays, whose parameters may be arrays too.

Differentiating a formula such as −q^γ log p meets 0 · ∞ at the ends and cancels near them. So the
derivative of the value is the slope that the margin loss returns, and that of the slope its curvature.
Other derivatives go through the formula, on companions u, v, p, q with derivatives q, −p, p q, −p q.
Each framework says how to differentiate a formula and how to tie the derivatives together.
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

Orders = tuple[int, ...]
"""How often to differentiate by the score, and then by each parameter that is an array."""


@functools.lru_cache(maxsize=256)
def bounds_of(loss: MarginLoss, dtype: Any) -> Limits:
    """Return the limits of a loss and the bounds of a type, float32 or float64."""
    info = np.finfo(dtype)
    return limits(loss, np.float64)._replace(
        largest=float(info.max), tiny=float(info.tiny), floor=float(info.eps) ** 0.5
    )


@dataclass(frozen=True)
class MarginTerms:
    """A margin loss seen through a link, in a framework.

    `names` are the parameters that are arrays, in order; `loss` supplies the others. `bounds` are the
    limits of the loss in the type of the scores.
    """

    xp: Hooks
    link: Link
    loss: MarginLoss
    names: tuple[str, ...]
    bounds: Limits

    def derivatives(
        self,
        orders: Orders,
        x: Array,
        values: tuple[Array, ...],
        sides: list[int],
        companions: Any = None,
    ) -> list[Array]:
        """Return the derivatives for each side: 0 where x speaks for the answer, 1 where against it."""
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
        """Return value, slope and curvature for each side, differentiated by that side's score."""
        bound, bounds = self._bind(values), self._limits(x, values)
        if companions is not None:
            largest, impossible = bounds.largest, companions.u == -float("inf")
            m, u, v = (self.xp.clip(z, -largest, largest) for z in (x, companions.u, companions.v))
            terms = state_terms(bound, "exact", m, u, v, companions.p, companions.q)
            return [(self.xp.where(impossible, bounds.value, terms[0]), *terms[1:])]
        z, settings = self._sides(x), (self.link, bound, bounds, "exact")
        if len(sides) == 2:
            both = both_link_terms(*settings)(*z)
            return [both[:3], both[3:]]
        return [link_terms(*settings)(z[against], z[1 - against]) for against in sides]

    def full(self, x: Array, term: Any) -> Array:
        """Return a term of a formula, which may be a plain number, as an array like x."""
        return self.xp.broadcast(self.xp.number(term, x), x)

    def _beyond(self, orders: Orders, x: Array, values: tuple[Array, ...], against: int) -> Any:
        """Differentiate the formula itself, at a score clipped to where every order is finite."""
        sides, bounds = self._sides(x), self.bounds
        z, mirrored = sides[against], sides[1 - against]
        known = min(orders[0], 2)
        if self.link.on_probabilities:
            # Turning slope and curvature from margins to probabilities cancels, and differentiating
            # them would cancel more: for higher orders, differentiate the value.
            known = orders[0] if orders[0] <= 2 else 0
            z, mirrored = (self.xp.clip(one, bounds.tiny, None) for one in (z, mirrored))
        else:
            # Leave room for products of margins: this far out all but powers of m have their limits.
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
        arrays = dict(zip(self.names, values, strict=True))
        parameters = [arrays.get(name, value) for name, value in self.loss.parameters.items()]
        return lambda m, u, v, p, q: self.loss.family.function(m, u, v, p, q, *parameters)

    def _limits(self, x: Array, values: tuple[Array, ...]) -> Limits:
        """Return the limits of the loss, which depend on the parameters."""
        if not self.names:
            return self.bounds

        def number(z: float) -> Array:
            # float32 reaches out only a tenth as many powers of ten.
            reach = z if self.bounds.tiny < 1e-300 else math.copysign(abs(z) ** 0.1, z)
            return self.xp.number(reach, x)

        bound = self._bind(values)
        if self.link.on_probabilities:
            found = probability_limits(bound, self.bounds, number)
        else:
            found = margin_limits(bound, number)
        return self.bounds._replace(**found)

    def _sides(self, x: Array) -> tuple[Array, Array]:
        """Return the margins or probabilities of the answers that the score speaks for and against."""
        if self.link.on_probabilities:
            return self.xp.clip(x, None, 1.0), self.xp.clip(1.0 - x, 0.0, None)
        return x, -x
