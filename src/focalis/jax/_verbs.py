"""The verbs of `focalis.arrays` on JAX's arrays and tracers."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array


class Verbs:
    """JAX's verbs, which `focalis.arrays.verbs.Verbs` documents."""

    where: Any = staticmethod(jnp.where)
    clip = staticmethod(jnp.clip)
    isnan = staticmethod(jnp.isnan)
    zeros = staticmethod(jnp.zeros_like)
    moved = staticmethod(jnp.moveaxis)
    total = staticmethod(jnp.sum)

    def computing_type(self, x: Array, probabilities: bool) -> Any:
        # For a float32 p, 1 − p is exact in float64, if that is enabled.
        return jnp.result_type(float) if probabilities else _at_least(jnp.float32, x)

    def cast(self, x: Array, dtype: Any) -> Array:
        return x.astype(dtype)

    def index(self, t: Array) -> Array:
        return t.astype(_at_least(jnp.int32, t)) if _is_integer(t) else t

    def number(self, value: Any, like: Array) -> Array:
        return jnp.asarray(value, like.dtype)

    def finfo(self, x: Array) -> Any:
        return np.finfo(x.dtype)

    def differs(self, x: Array, number: float) -> Array:
        if number != number:
            return ~jnp.isnan(x)
        if _is_integer(x):
            bounds = jnp.iinfo(x.dtype)
            if number != int(number) or not bounds.min <= number <= bounds.max:
                return jnp.ones(x.shape, bool)
        return x != number

    def broadcast(self, x: Array, like: Array) -> Array:
        return jnp.broadcast_to(x, like.shape)

    def classes(self, x: Array, like: Array) -> Any:
        return x.shape[-1]

    def size(self, x: Array, rows: bool) -> Array:
        return jnp.asarray(math.prod(x.shape[:-1] if rows else x.shape), x.dtype)

    def count(self, mask: Array, like: Array) -> Array:
        return jnp.sum(mask, dtype=int).astype(like.dtype)

    def sum(self, x: Array) -> Array:
        return jnp.sum(x, axis=-1, keepdims=True)

    def max(self, x: Array) -> Array:
        return jnp.max(x, axis=-1, keepdims=True)

    def any(self, x: Array) -> Array:
        return jnp.any(x, axis=-1, keepdims=True)

    def argmax(self, x: Array) -> Array:
        x = jax.lax.stop_gradient(x)
        classes, top = x.shape[-1], jnp.max(x, axis=-1, keepdims=True)
        if _has_numbers(x):
            # On a CPU, XLA turns arithmetic and the reduction after it into one fast loop, but writes
            # comparisons and choices to memory first. So arithmetic moves the classes below the top
            # behind all others.
            largest = jnp.finfo(x.dtype).max
            j = _classes(x, x.dtype) + classes * jnp.sign(jnp.clip(top, -largest, largest) - x)
            return jnp.min(j, axis=-1).astype(int) % classes
        return jnp.min(jnp.where(x == top, _classes(x, int), classes - 1), axis=-1)

    def is_class(self, t: Array, x: Array) -> Array:
        return _classes(x, t.dtype) == t[..., None]

    def pick(self, x: Array, t: Array) -> Array:
        return jnp.take_along_axis(x, t[..., None], axis=-1, mode="promise_in_bounds")[..., 0]

    def take(self, by_class: Array, t: Array) -> Array:
        return by_class[t]

    def without(self, x: Array, t: Array) -> Array:
        # On a CPU, XLA copies and sets faster than it compares every index and chooses, and the
        # exponentials that follow are written over the copy.
        found: Array = _without(x, t)
        return found


@functools.partial(jnp.vectorize, signature="(c),()->(c)")
def _without(x: Array, t: Array) -> Array:
    return x.at[t].set(-jnp.inf, mode="promise_in_bounds")


def _is_integer(x: Array) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.integer))


def _at_least(dtype: Any, x: Array) -> Any:
    """Return the type of an array, or `dtype`, of 32 bits, if the array has fewer."""
    return dtype if x.dtype.itemsize < 4 else x.dtype


def _has_numbers(x: Array) -> bool:
    """Return whether the number of classes is known, and the scores' type counts to twice as many."""
    classes = x.shape[-1]
    return isinstance(classes, int) and bool(2 * classes < 1.0 / jnp.finfo(x.dtype).eps)


def _classes(x: Array, dtype: Any) -> Array:
    """Return the index of each class, in every row."""
    return jax.lax.broadcasted_iota(dtype, x.shape, x.ndim - 1)


VERBS = Verbs()
