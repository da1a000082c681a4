"""Softmax margins of arrays, with derivatives that do not cancel.

Seen from class t, m_t = x_t − logsumexp over j ≠ t of x_j, with derivative e_t − r, where
r_j = p_j / (1 − p_t) is the softmax over the others. r is an output of the same function, so its own
derivative, r_j (δ_jk − r_k), is made of outputs too, and so is every further one. 1 − r_j and 1 − p_j
are outputs as well: for the largest they are sums of what is left, never differences. Among the margins
of all classes that of the largest stands apart, and the others have p_k ≤ 1/2.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from focalis.links import at_margin

__all__ = ["Companions", "all_margins", "is_class", "margins"]

Array = jax.Array


def margins(x: Array, t: Array) -> Array:
    """Return the margins (…) of the classes t (…) in rows of logits x (…, C)."""
    return _seen_from_one(x, t)[0]


class Companions(NamedTuple):
    """Beside the margins of classes, what goes with them: u = log p, v = log q, p and q = 1 − p."""

    u: Array
    v: Array
    p: Array
    q: Array


def all_margins(x: Array) -> tuple[Array, Companions]:
    """Return the margins (…, C) of all classes of rows of logits x (…, C), in time and memory ∝ C.

    The companions have no derivatives: the margins' are all that there is.
    """
    margin, u, v, (p, q), _ = _seen_from_all(x, _largest(x))
    return margin, Companions(*map(jax.lax.stop_gradient, (u, v, p, q)))


class _Softmax(NamedTuple):
    """Probabilities (…, C) that sum to 1, and what each leaves to the others."""

    p: Array
    rest: Array

    def change(self, x_dot: Array) -> "_Softmax":
        """Return the change along that of the logits: p_j ((1 − p_j) ẋ_j − Σ_{k≠j} p_k ẋ_k)."""
        top = is_class(_largest(self.p), self.p)
        change = self.p * (self.rest * x_dot - _sum_of_others(self.p * x_dot, top))
        return _Softmax(change, -change)


def _largest(x: Array) -> Array:
    """Return the class of the first of the largest entries."""
    x = jax.lax.stop_gradient(x)
    classes, top = x.shape[-1], jnp.max(x, axis=-1, keepdims=True)
    if _has_numbers(x):
        # On a CPU, XLA has one fast loop for arithmetic and the reduction after it, but comparisons and
        # choices it writes to memory first. So what is below the top comes after all classes.
        j = _classes(x, x.dtype) + classes * jnp.sign(_finite(top) - x)
        return jnp.min(j, axis=-1).astype(int) % classes
    return jnp.min(jnp.where(x == top, _classes(x, int), classes - 1), axis=-1)


def _has_numbers(x: Array) -> bool:
    """Return whether the type of the scores can count twice the classes, and they are counted yet."""
    classes = x.shape[-1]
    return isinstance(classes, int) and bool(2 * classes < 1.0 / jnp.finfo(x.dtype).eps)


def is_class(t: Array, x: Array) -> Array:
    """Return True (…, C) at the classes t (…)."""
    return _classes(x, t.dtype) == t[..., None]


def _classes(x: Array, dtype: Any) -> Array:
    """Return the index of each class, in every row."""
    return jax.lax.broadcasted_iota(dtype, x.shape, x.ndim - 1)


def _sum_of_others(z: Array, top: Array) -> Array:
    """Return Σ_{k≠j} z_k for each j, without a difference for the top one."""
    below = jnp.sum(jnp.where(top, 0.0, z), axis=-1, keepdims=True)
    above = jnp.sum(jnp.where(top, z, 0.0), axis=-1, keepdims=True)
    return jnp.where(top, below, below + (above - z))


def _pick(x: Array, t: Array) -> Array:
    """Return the entries of class t, as (…, 1)."""
    return jnp.take_along_axis(x, t[..., None], axis=-1, mode="promise_in_bounds")


@functools.partial(jnp.vectorize, signature="(c),()->(c)")
def _others(x: Array, t: Array) -> Array:
    """Return the entries, −∞ in place of that of class t.

    On a CPU, XLA copies and sets faster than it compares each index and chooses, and the exponentials
    that follow take the place of the copy.
    """
    return x.at[t].set(-jnp.inf, mode="promise_in_bounds")


def _rest(e: Array, total: Array) -> Array:
    """Return 1 − e / Σ e, by a sum for the largest e."""
    top = is_class(_largest(e), e)
    left = jnp.sum(jnp.where(top, 0.0, e), axis=-1, keepdims=True)
    return jnp.where(top, left, total - e) / total


def _lost(x: Array, rival: Array) -> Array:
    """Return True where an infinity has decided that a class has no chance against its rival."""
    lowest = jnp.finfo(x.dtype).min
    return ((x == -jnp.inf) & (rival > lowest)) | ((rival == jnp.inf) & (x < jnp.inf))


def _finite(x: Array) -> Array:
    largest = jnp.finfo(x.dtype).max
    return jnp.clip(x, -largest, largest)


@jax.custom_jvp
def _seen_from_one(x: Array, t: Array) -> tuple[Array, _Softmax]:
    """Return the margin (…) of class t and the softmax over the others (…, C), 0 at t."""
    largest = jnp.finfo(x.dtype).max
    # Among the others −∞ then stands for class t alone, and has no exponential.
    own, others = _pick(x, t), _others(jnp.maximum(x, -largest), t)
    rival = jnp.max(others, axis=-1, keepdims=True)
    e = jnp.exp(jnp.minimum(others, largest) - _finite(rival))
    total = jnp.sum(e, axis=-1, keepdims=True)
    # Clipping has made infinities finite: put back the margins that they decide. On a CPU a NaN may have
    # made the rival ∞; it is in the total.
    lead = jnp.where(_lost(own, rival), -jnp.inf, _finite(own) - _finite(rival))
    margin = lead - jnp.log(total)
    # A single class has no others.
    total = jnp.where(total == 0.0, 1.0, total)
    return margin[..., 0], _Softmax(e / total, _rest(e, total))


@_seen_from_one.defjvp
def _seen_from_one_jvp(primals: Any, tangents: Any) -> Any:
    x, t = primals
    x_dot, _ = tangents
    margin, others = _seen_from_one(x, t)
    margin_dot = jnp.sum(jnp.where(is_class(t, x), x_dot, -(others.p * x_dot)), axis=-1)
    return (margin, others), (margin_dot, others.change(x_dot))


@jax.custom_jvp
def _seen_from_all(x: Array, a: Array) -> tuple[Array, Array, Array, _Softmax, _Softmax]:
    """Return margins, log p, log (1 − p) and p of all classes, and the softmax over all but a.

    a is the largest class; the others are seen from it.
    """
    top = is_class(a, x)
    margin, others = _seen_from_one(x, a)
    largest, margin = _pick(x, a), margin[..., None]
    u_top, v_top, p_top, q_top = at_margin(_finite(margin))
    p = jnp.where(top, p_top, others.p * q_top)
    u = (_finite(x) - _finite(largest)) + u_top
    u = jnp.where(top, u_top, jnp.where(_lost(x, largest), -jnp.inf, u))
    v = jnp.where(top, v_top, jnp.log1p(-p))
    q = jnp.where(top, q_top, 1.0 - p)
    return jnp.where(top, margin, u - v), u, v, _Softmax(p, q), others


@_seen_from_all.defjvp
def _seen_from_all_jvp(primals: Any, tangents: Any) -> Any:
    x, a = primals
    x_dot, _ = tangents
    margin, u, v, all_, others = _seen_from_all(x, a)
    # (ẋ_j − Σ_k p_k ẋ_k) / (1 − p_j), where p_j ≤ 1/2, and for a with r for p and nothing to divide by.
    top = is_class(a, x)
    from_all, from_others = (jnp.sum(z.p * x_dot, axis=-1, keepdims=True) for z in (all_, others))
    change = (x_dot - jnp.where(top, from_others, from_all)) / jnp.where(top, 1.0, all_.rest)
    changes = change, all_.rest * change, -all_.p * change, all_.change(x_dot), others.change(x_dot)
    return (margin, u, v, all_, others), changes
