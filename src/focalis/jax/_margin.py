"""A margin loss on arrays, with its own closed forms as derivatives.

Differentiating a formula such as −q^γ log p meets 0 · ∞ at the ends and cancels before them. Here the
derivative of the value is the slope that the margin loss gives, and that of the slope its curvature.
What is left, the curvature's derivatives and all derivatives by parameters, comes from forward mode
through the formula, on companions u, v, p, q whose derivatives are q, −p, p q and −p q. Each of them is
the same function at other *orders* (by the score, by each parameter), whose derivatives are again the
same function: so both modes, in any nesting, stay within the closed forms.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from focalis.jax._softmax import Companions
from focalis.links import (
    PROBABILITY,
    Limits,
    at_margin,
    both_link_terms,
    link_terms,
    margin_limits,
    probability_limits,
    state_terms,
)
from focalis.margin import MarginLoss

__all__ = ["MarginTerms", "weighted"]

Array = jax.Array
Values = tuple[Array, ...]

Orders = tuple[int, ...]
"""How often to differentiate: by the score, then by each of the parameters that are given."""

Shares = tuple[Array | None, Array | None]
"""How much an answer counts where the score speaks for it, and where it speaks against it."""


@dataclass(frozen=True)
class MarginTerms:
    """A margin loss seen through a link.

    Parameters
    ----------
    link : str
        "sigmoid" where the scores are margins, else one of `focalis.links.PROBABILITY`.
    loss : MarginLoss
        Its parameters hold where `given` does not name them.
    given : tuple of str
        The parameters that come as arrays, in order.
    bounds : Limits
        The limits of the loss in the type of the scores.
    """

    link: str
    loss: MarginLoss
    given: tuple[str, ...]
    bounds: Limits

    def derivatives(
        self,
        orders: Orders,
        x: Array,
        values: Values,
        shares: Shares,
        companions: Companions | None,
    ) -> list[Array]:
        """Return the derivatives of these orders, for each share that is there."""
        by_score, *by_values = orders
        sides = [against for against, share in enumerate(shares) if share is not None]
        if by_score <= 2 and not any(by_values):
            found = [terms[by_score] for terms in self._closed(x, values, sides, companions)]
        else:
            found = [self._beyond(orders, x, values, against) for against in sides]
        # A term of a formula may be a mere number.
        full = (jnp.broadcast_to(jnp.asarray(term, x.dtype), x.shape) for term in found)
        odd = by_score % 2 == 1
        return [
            -term if odd and against else term for term, against in zip(full, sides, strict=True)
        ]

    def _closed(
        self, x: Array, values: Values, sides: list[int], companions: Companions | None
    ) -> list[Any]:
        """Return value, slope and curvature for each side."""
        bound = self._bind(values)
        limits = self._limits(bound, x)
        if companions is not None:
            impossible = companions.u == -jnp.inf
            m, u, v = (
                jnp.clip(z, -limits.largest, limits.largest)
                for z in (x, companions.u, companions.v)
            )
            terms = state_terms(bound, "exact", m, u, v, companions.p, companions.q)
            return [(jnp.where(impossible, limits.value, terms[0]), *terms[1:])]
        given = (self.link, bound, limits, "exact")
        z = self._sides(x)
        if len(sides) == 2:
            terms = both_link_terms(*given)(*z)
            return [terms[:3], terms[3:]]
        return [link_terms(*given)(z[against], z[1 - against]) for against in sides]

    def _beyond(self, orders: Orders, x: Array, values: Values, against: int) -> Array:
        """Differentiate the formula itself, at a score held to what is finite at any order."""
        sides = self._sides(x)
        z, mirrored = sides[against], sides[1 - against]
        if self.link in PROBABILITY:
            # Slope and curvature cancel where they are turned from margins to probabilities, and
            # derivatives of theirs would cancel more: beyond them, differentiate the value.
            known = orders[0] if orders[0] <= 2 else 0
            tiny = self.bounds.tiny
            z, mirrored = jnp.maximum(z, tiny), jnp.maximum(mirrored, tiny)
        else:
            known = min(orders[0], 2)
            # Room for products of margins: so far out all that is not a power of m has its limit.
            far = self.bounds.largest**0.25
            z = jnp.clip(z, -far, far)

        def formula(step: Array, *values: Array) -> Array:
            bound = self._bind(values)
            if self.link in PROBABILITY:
                terms = link_terms(self.link, bound, self.bounds, "exact")
                term = terms(z + step, mirrored - step)[known]
            else:
                term = bound(z + step, *_companions(z + step))[known]
            return jnp.broadcast_to(jnp.asarray(term, x.dtype), x.shape)

        derivative: Callable[..., Array] = formula
        for i, order in enumerate((orders[0] - known, *orders[1:])):
            for _ in range(order):
                derivative = _along(derivative, i)
        return derivative(jnp.zeros_like(x), *values)

    def _bind(self, values: Values) -> Any:
        """Return the margin loss as a function of m, u, v, p, q."""
        given = dict(zip(self.given, values, strict=True))
        parameters = [given.get(name, value) for name, value in self.loss.parameters.items()]
        return lambda m, u, v, p, q: self.loss.family.function(m, u, v, p, q, *parameters)

    def _limits(self, bound: Any, x: Array) -> Limits:
        """Return the limits of the loss, which parameters that are given move."""
        if not self.given:
            return self.bounds
        wide = jnp.result_type(float)

        def number(z: float) -> Array:
            # Without float64 the loss is followed a tenth as many powers of ten far out.
            reach = z if wide == jnp.float64 else math.copysign(abs(z) ** 0.1, z)
            return jnp.asarray(reach, wide)

        if self.link in PROBABILITY:
            found = probability_limits(bound, self.bounds, number)
        else:
            found = margin_limits(bound, number)
        return self.bounds._replace(**{k: limit.astype(x.dtype) for k, limit in found.items()})

    def _sides(self, x: Array) -> tuple[Array, Array]:
        """Return margin or probability of the answers that the score speaks for and against."""
        if self.link in PROBABILITY:
            return jnp.minimum(x, 1.0), jnp.maximum(1.0 - x, 0.0)
        return x, -x


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def weighted(
    terms: MarginTerms,
    orders: Orders,
    x: Array,
    shares: Shares,
    values: Values,
    companions: Companions | None,
) -> Array:
    """Return the sum over the answers of share × derivative, exactly 0 where the share is 0.

    Parameters
    ----------
    terms : MarginTerms
        The margin loss.
    orders : tuple of int
        The orders of the derivative; all 0 for the loss itself.
    x : Array
        Scores: margins or probabilities.
    shares : tuple of Array or None
        Shaped like the scores: how much the answers count that they speak for and against.
    values : tuple of Array
        The parameters that `terms` names, of shapes that broadcast to that of the scores.
    companions : Companions or None
        What goes with margins of the truth, where it is known already.
    """
    there = [share for share in shares if share is not None]
    found = terms.derivatives(orders, x, values, shares, companions)
    parts = [share * term for share, term in zip(there, found, strict=True)]
    if len(parts) == 2:
        # A choice last keeps XLA from summing the parts apart, as two arrays.
        yes, no = there
        return jnp.where(
            no == 0.0,
            jnp.where(yes == 0.0, 0.0, parts[0]),
            jnp.where(yes == 0.0, parts[1], parts[0] + parts[1]),
        )
    return jnp.where(there[0] == 0.0, 0.0, parts[0])


def _weighted_jvp(terms: MarginTerms, orders: Orders, primals: Any, tangents: Any) -> Any:
    x, shares, values, companions = primals
    by_x, by_shares, by_values, _ = tangents
    changes = []
    # What value and slope have in common XLA would write to memory, which takes longer than to
    # compute it twice.
    apart = jax.lax.optimization_barrier(x)
    for i, change in enumerate((by_x, *by_values)):
        if not isinstance(change, SymbolicZero):
            raised = tuple(order + (i == j) for j, order in enumerate(orders))
            changes.append(change * weighted(terms, raised, apart, shares, values, companions))
    for i, change in enumerate(by_shares):
        if change is not None and not isinstance(change, SymbolicZero):
            one = tuple(jnp.ones_like(x) if i == j else None for j in range(2))
            changes.append(change * weighted(terms, orders, x, one, values, companions))
    total = functools.reduce(jnp.add, changes) if changes else jnp.zeros_like(x)
    return weighted(terms, orders, x, shares, values, companions), total


weighted.defjvp(_weighted_jvp, symbolic_zeros=True)


def _along(f: Callable[..., Array], i: int) -> Callable[..., Array]:
    """Return the derivative of an elementwise function by its i-th argument."""

    def derivative(*args: Array) -> Array:
        def of_one(arg: Array) -> Array:
            return f(*args[:i], arg, *args[i + 1 :])

        change: Array = jax.jvp(of_one, (args[i],), (jnp.ones_like(args[i]),))[1]
        return change

    return derivative


@jax.custom_jvp
def _companions(m: Array) -> tuple[Array, Array, Array, Array]:
    """Return u = log p, v = log q, p = σ(m) and q = σ(−m) of a finite margin m."""
    return at_margin(m)


@_companions.defjvp
def _companions_jvp(primals: tuple[Array], tangents: tuple[Array]) -> Any:
    (change,) = tangents
    u, v, p, q = _companions(*primals)
    pq = p * q
    return (u, v, p, q), (change * q, change * -p, change * pq, change * -pq)
