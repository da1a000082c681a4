"""Softmax margins of arrays, with derivatives that do not cancel.

Seen from class t, m_t = x_t − logsumexp over j ≠ t of x_j, with derivative e_t − r, where
r_j = p_j / (1 − p_t) is the softmax over the others. r is an output of the same function, so its own
derivative, r_j (δ_jk − r_k), is made of outputs too, and so is every further one. 1 − r_j and 1 − p_j
are outputs as well: for the largest they are sums of what is left, never differences. Among the margins
of all classes that of the largest stands apart, and the others have p_k ≤ 1/2.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

__all__ = ["all_margins", "margins"]

Array = jax.Array


def margins(x: Array, t: Array) -> Array:
    """Return the margins (…) of the classes t (…) in rows of logits x (…, C)."""
    return _seen_from_one(x, t)[0]


def all_margins(x: Array) -> Array:
    """Return the margins (…, C) of all classes of rows of logits x (…, C), in time and memory ∝ C."""
    return _seen_from_all(x, _largest(x))[0]


class _Softmax(NamedTuple):
    """Probabilities (…, C) that sum to 1, and what each leaves to the others."""

    p: Array
    rest: Array

    def change(self, x_dot: Array) -> "_Softmax":
        """Return the change along that of the logits: p_j ((1 − p_j) ẋ_j − Σ_{k≠j} p_k ẋ_k)."""
        top = _is(_largest(self.p), self.p)
        change = self.p * (self.rest * x_dot - _sum_of_others(self.p * x_dot, top))
        return _Softmax(change, -change)


def _largest(x: Array) -> Array:
    """Return the class of the first of the largest entries, as two reductions that XLA vectorises."""
    x = jax.lax.stop_gradient(x)
    classes = x.shape[-1]
    is_largest = x == jnp.max(x, axis=-1, keepdims=True)
    return jnp.min(jnp.where(is_largest, jnp.arange(classes), classes - 1), axis=-1)


def _is(t: Array, x: Array) -> Array:
    """Return True (…, C) at the classes t (…)."""
    return jnp.arange(x.shape[-1], dtype=t.dtype) == t[..., None]


def _sum_of_others(z: Array, top: Array) -> Array:
    """Return Σ_{k≠j} z_k for each j, without a difference for the top one."""
    below = jnp.sum(jnp.where(top, 0.0, z), axis=-1, keepdims=True)
    above = jnp.sum(jnp.where(top, z, 0.0), axis=-1, keepdims=True)
    return jnp.where(top, below, below + (above - z))


def _pick(x: Array, t: Array) -> Array:
    """Return the entries of class t, as (…, 1)."""
    return jnp.take_along_axis(x, t[..., None], axis=-1)


def _rest(e: Array, total: Array) -> Array:
    """Return 1 − e / Σ e, by a sum for the largest e."""
    top = _is(_largest(e), e)
    left = jnp.sum(jnp.where(top, 0.0, e), axis=-1, keepdims=True)
    return jnp.where(top, left, total - e) / total


def _lost(x: Array, rival: Array) -> Array:
    """Return True where an infinity has decided that a class has no chance against its rival."""
    return ((x == -jnp.inf) & (rival > -jnp.inf)) | ((rival == jnp.inf) & (x < jnp.inf))


def _finite(x: Array) -> Array:
    largest = jnp.finfo(x.dtype).max
    return jnp.clip(x, -largest, largest)


@jax.custom_jvp
def _seen_from_one(x: Array, t: Array) -> tuple[Array, _Softmax]:
    """Return the margin (…) of class t and the softmax over the others (…, C), 0 at t."""
    is_target = _is(t, x)
    own = _pick(x, t)
    rival = jnp.max(jnp.where(is_target, -jnp.inf, x), axis=-1, keepdims=True)
    e = jnp.where(is_target, 0.0, jnp.exp(_finite(x) - _finite(rival)))
    total = jnp.sum(e, axis=-1, keepdims=True)
    margin = (_finite(own) - _finite(rival)) - jnp.log(total)
    # Clipping has made infinities finite: put back the margins that they decide.
    margin = jnp.where(_lost(own, rival), -jnp.inf, margin)
    # A single class has no others.
    total = jnp.where(total == 0.0, 1.0, total)
    return margin[..., 0], _Softmax(e / total, _rest(e, total))


@_seen_from_one.defjvp
def _seen_from_one_jvp(primals: Any, tangents: Any) -> Any:
    x, t = primals
    x_dot, _ = tangents
    margin, others = _seen_from_one(x, t)
    margin_dot = jnp.sum(jnp.where(_is(t, x), x_dot, -(others.p * x_dot)), axis=-1)
    return (margin, others), (margin_dot, others.change(x_dot))


@jax.custom_jvp
def _seen_from_all(x: Array, a: Array) -> tuple[Array, _Softmax, _Softmax]:
    """Return the margins of all classes, their softmax, and that over all but the largest class a."""
    top = _is(a, x)
    margin, others = _seen_from_one(x, a)
    largest = _pick(x, a)
    gap = _finite(x) - _finite(largest)
    e = jnp.exp(gap)
    below = jnp.sum(jnp.where(top, 0.0, e), axis=-1, keepdims=True)
    p = e / (1.0 + below)
    rest = jnp.where(top, below, 1.0 + (below - e)) / (1.0 + below)
    from_others = (gap - jnp.log1p(below)) - jnp.log1p(-p)
    from_others = jnp.where(_lost(x, largest), -jnp.inf, from_others)
    margin = jnp.where(top, margin[..., None], from_others)
    return margin, _Softmax(p, rest), others


@_seen_from_all.defjvp
def _seen_from_all_jvp(primals: Any, tangents: Any) -> Any:
    x, a = primals
    x_dot, _ = tangents
    margin, all_, others = _seen_from_all(x, a)
    top = _is(a, x)
    of_top = jnp.sum(jnp.where(top, x_dot, -(others.p * x_dot)), axis=-1, keepdims=True)
    # ẋ_j − Σ_{k≠j} p_k ẋ_k / (1 − p_j): transposed it is g_j − p_j Σ_{k≠j} g_k / (1 − p_k).
    against = _sum_of_others(all_.p * x_dot, top) / jnp.where(top, 1.0, all_.rest)
    margin_dot = jnp.where(top, of_top, x_dot - against)
    return (margin, all_, others), (margin_dot, all_.change(x_dot), others.change(x_dot))
