"""A margin loss on arrays: the derivatives of `focalis.arrays.margin`, tied together for JAX.

Each derivative is the same function at other *orders* (by the score, by each parameter), and so are its
derivatives in turn. So both modes, nested in any way, stay within the closed forms.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from focalis.arrays.margin import MarginTerms, Orders
from focalis.maths.links import at_margin

Array = jax.Array
Values = tuple[Array, ...]

Shares = tuple[Array | None, Array | None]
"""The share of the answer that the score speaks for, and of the one that it speaks against."""


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def weighted(
    terms: MarginTerms,
    orders: Orders,
    x: Array,
    shares: Shares,
    values: Values,
    known: Any,
) -> Array:
    """Return the sum over the answers of share × derivative, where a share of 0 adds exactly 0.

    `orders` are those of the derivative; all 0 for the loss itself. `shares`, shaped like the scores,
    say how much the answers that they speak for and against count. `values` are the parameters that
    `terms` names, `known` the companions of the margins, if they have been computed already.
    """
    present = [share for share in shares if share is not None]
    sides = [against for against, share in enumerate(shares) if share is not None]
    found = terms.derivatives(orders, x, values, sides, known)
    parts = [share * term for share, term in zip(present, found, strict=True)]
    if len(parts) == 2:
        # Ending with a choice keeps XLA from summing the two parts as separate arrays.
        yes, no = present
        return jnp.where(
            no == 0.0,
            jnp.where(yes == 0.0, 0.0, parts[0]),
            jnp.where(yes == 0.0, parts[1], parts[0] + parts[1]),
        )
    return jnp.where(present[0] == 0.0, 0.0, parts[0])


def _weighted_jvp(terms: MarginTerms, orders: Orders, primals: Any, tangents: Any) -> Any:
    x, shares, values, known = primals
    by_x, by_shares, by_values, _ = tangents
    changes = []
    # XLA would write what value and slope have in common to memory, which takes longer than
    # computing it twice.
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
            # A term of a formula may be a plain number.
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
