"""A margin loss on arrays: the derivatives of `focalis.arrays.margin`, tied together for JAX.

Each of them is the same function at other *orders* (by the score, by each parameter), whose derivatives
are again the same function: so both modes, in any nesting, stay within the closed forms.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from focalis.arrays.margin import MarginTerms, Orders
from focalis.maths.links import at_margin

__all__ = ["along", "companions", "weighted"]

Array = jax.Array
Values = tuple[Array, ...]

Shares = tuple[Array | None, Array | None]
"""How much an answer counts where the score speaks for it, and where it speaks against it."""


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def weighted(
    terms: MarginTerms,
    orders: Orders,
    x: Array,
    shares: Shares,
    values: Values,
    known: Any,
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
    known : SeenFromAll or None
        What goes with margins of the truth, where it is known already.
    """
    there = [share for share in shares if share is not None]
    sides = [against for against, share in enumerate(shares) if share is not None]
    found = terms.derivatives(orders, x, values, sides, known)
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
    x, shares, values, known = primals
    by_x, by_shares, by_values, _ = tangents
    changes = []
    # What value and slope have in common XLA would write to memory, which takes longer than to
    # compute it twice.
    apart = jax.lax.optimization_barrier(x)
    for i, change in enumerate((by_x, *by_values)):
        if not isinstance(change, SymbolicZero):
            raised = tuple(order + (i == j) for j, order in enumerate(orders))
            changes.append(change * weighted(terms, raised, apart, shares, values, known))
    for i, change in enumerate(by_shares):
        if change is not None and not isinstance(change, SymbolicZero):
            one = tuple(jnp.ones_like(x) if i == j else None for j in range(2))
            changes.append(change * weighted(terms, orders, x, one, values, known))
    total = functools.reduce(jnp.add, changes) if changes else jnp.zeros_like(x)
    return weighted(terms, orders, x, shares, values, known), total


weighted.defjvp(_weighted_jvp, symbolic_zeros=True)


def along(f: Callable[..., Any], i: int) -> Callable[..., Array]:
    """Return the derivative of an elementwise function by its i-th argument."""

    def derivative(*args: Array) -> Array:
        def of_one(arg: Array) -> Array:
            # A term of a formula may be a mere number.
            return jnp.asarray(f(*args[:i], arg, *args[i + 1 :]), arg.dtype)

        change: Array = jax.jvp(of_one, (args[i],), (jnp.ones_like(args[i]),))[1]
        return change

    return derivative


@jax.custom_jvp
def companions(m: Array) -> tuple[Array, Array, Array, Array]:
    """Return u = log p, v = log q, p = σ(m) and q = σ(−m) of a finite margin m."""
    return at_margin(m)


@companions.defjvp
def _companions_jvp(primals: tuple[Array], tangents: tuple[Array]) -> Any:
    (change,) = tangents
    u, v, p, q = companions(*primals)
    pq = p * q
    return (u, v, p, q), (change * q, change * -p, change * pq, change * -pq)
