"""Softmax margins of arrays: the derivatives of `focalis.arrays.softmax`, tied together for JAX."""

from typing import Any

import jax

from focalis.arrays.softmax import (
    SeenFromAll,
    along_all,
    along_one,
    seen_from_all,
    seen_from_one,
    spread,
)
from focalis.jax._verbs import VERBS

Array = jax.Array


def margins(x: Array, t: Array) -> Array:
    """Return the margins (…) of the classes t (…) in rows of logits x (…, C)."""
    margin: Array = _seen_from_one(x, t)[0]
    return margin


def all_margins(x: Array) -> tuple[Array, SeenFromAll]:
    """Return the margins (…, C) of all classes in rows of logits x (…, C), and their companions.

    Only the margins have derivatives; those of the companions would be redundant.
    """
    found = _seen_from_all(x, VERBS.argmax(x))
    return found.margin, SeenFromAll(*map(jax.lax.stop_gradient, found))


@jax.custom_jvp
def _seen_from_one(x: Array, t: Array) -> tuple[Array, Array]:
    return seen_from_one(VERBS, x, t)


@_seen_from_one.defjvp
def _seen_from_one_jvp(primals: Any, tangents: Any) -> Any:
    x, t = primals
    margin, ratio = _seen_from_one(x, t)
    change = tangents[0]
    return (margin, ratio), (
        along_one(VERBS, t, ratio, change),
        spread(VERBS, ratio, change),
    )


@jax.custom_jvp
def _seen_from_all(x: Array, a: Array) -> SeenFromAll:
    return seen_from_all(VERBS, x, a)


@_seen_from_all.defjvp
def _seen_from_all_jvp(primals: Any, tangents: Any) -> Any:
    x, a = primals
    found = _seen_from_all(x, a)
    along = along_all(VERBS, a, found.p, found.ratio, tangents[0])
    of_p, of_ratio = (spread(VERBS, r, tangents[0]) for r in (found.p, found.ratio))
    return found, SeenFromAll(along, found.q * along, -found.p * along, of_p, -of_p, of_ratio)
