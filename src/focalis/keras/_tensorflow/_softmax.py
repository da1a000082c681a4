"""Softmax margins of TensorFlow's tensors, with derivatives that do not cancel.

Seen from class t, m_t = x_t − logsumexp over j ≠ t of x_j, with derivative e_t − r, where
r_j = p_j / (1 − p_t) is the softmax over the others. The derivative of r, r_j (δ_jk − r_k), is made of r
again, and so is every further one. 1 − p_t is never formed by subtraction where p_t may be near 1: among
the margins of all classes that of the largest, a, stands apart, and the others have p_k ≤ 1/2.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

__all__ = ["all_margins", "margins"]


def margins(x: tf.Tensor, is_target: tf.Tensor) -> tf.Tensor:
    """Return the margins (…) of one class, which `is_target` marks, in rows of logits (…, C)."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def known(x: tf.Tensor) -> Any:
        def gradient(incoming: tf.Tensor) -> tf.Tensor:
            g = incoming[..., tf.newaxis]
            return tf.where(is_target, g, -g * _ratio(x, is_target))

        return tf.squeeze(_seen(x, is_target)[0], -1), gradient

    return known(x)


def all_margins(x: tf.Tensor) -> tf.Tensor:
    """Return the margins (…, C) of all classes of rows of logits x (…, C), in time and memory ∝ C."""
    is_top = _is_top(x)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def known(x: tf.Tensor) -> Any:
        def gradient(incoming: tf.Tensor) -> tf.Tensor:
            # w_j g_j (1 − p_j) − p_j Σ_{k≠j} w_k g_k with the term of a kept apart.
            p = _softmax(x, is_top)
            h = incoming / tf.where(is_top, _number(1.0, p), 1.0 - p)
            seen = _sum(_without(is_top, h))
            return (h - p * seen) - _ratio(x, is_top) * _pick(incoming, is_top)

        margin, _ = _seen(x, is_top)
        all_of_them = _from_all(x, is_top)
        from_others = (all_of_them.gap - tf.math.log1p(all_of_them.others)) - tf.math.log1p(
            -all_of_them.p
        )
        top = _pick(x, is_top)
        lost = ((x == -np.inf) & (top > -np.inf)) | ((top == np.inf) & (x < np.inf))
        from_others = tf.where(lost, _number(-np.inf, x), from_others)
        return tf.where(is_top, margin, from_others), gradient

    return known(x)


def _ratio(x: tf.Tensor, is_target: tf.Tensor) -> tf.Tensor:
    """Return the softmax over all classes but one."""
    return _differentiable(lambda x: _seen(x, is_target)[1], x)


def _softmax(x: tf.Tensor, is_top: tf.Tensor) -> tf.Tensor:
    """Return the softmax over all classes."""
    return _differentiable(lambda x: _from_all(x, is_top).p, x)


def _differentiable(softmax: Any, x: tf.Tensor) -> tf.Tensor:
    """Return a softmax r of x with its derivative along g, r_j Σ_k r_k (g_j − g_k)."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def known(x: tf.Tensor) -> Any:
        def gradient(incoming: tf.Tensor) -> tf.Tensor:
            r = _differentiable(softmax, x)
            # Seen from the largest r, so that no 1 − r cancels.
            centred = incoming - _pick(incoming, _is_top(r))
            return r * (centred - _sum(r * centred))

        return softmax(x), gradient

    return known(x)


def _seen(x: tf.Tensor, is_target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the margin (…, 1) of one class and the softmax over the others (…, C), 0 at the one."""
    own = _pick(x, is_target)
    top = tf.reduce_max(tf.where(is_target, _number(-np.inf, x), x), -1, keepdims=True)
    near_own, near_top = _finite(own), _finite(top)
    e = _without(is_target, tf.math.exp(_finite(x) - near_top))
    total = _sum(e)
    margin = (near_own - near_top) - tf.math.log(total)
    # Clipping has made infinities finite: put back the margins that they decide.
    lost = ((own == -np.inf) & (top > -np.inf)) | ((top == np.inf) & (own < np.inf))
    margin = tf.where(lost, _number(-np.inf, x), margin)
    # A single class has no others.
    return margin, e / tf.where(total == 0.0, _number(1.0, x), total)


class _All(NamedTuple):
    """Of a softmax over all classes: x − x_a, Σ exp(x_j − x_a) over the others, and p."""

    gap: tf.Tensor
    others: tf.Tensor
    p: tf.Tensor


def _from_all(x: tf.Tensor, is_top: tf.Tensor) -> _All:
    gap = _finite(x) - _finite(_pick(x, is_top))
    e = tf.math.exp(gap)
    others = _sum(_without(is_top, e))
    return _All(gap, others, e / (1.0 + others))


def _is_top(x: tf.Tensor) -> tf.Tensor:
    """Return True at the first of the largest of each row."""
    return tf.range(tf.shape(x)[-1], dtype=tf.int64) == tf.argmax(x, -1)[..., tf.newaxis]


def _pick(x: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Return the chosen entry of each row, as (…, 1)."""
    return _sum(tf.where(chosen, x, _number(0.0, x)))


def _without(left_out: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    return tf.where(left_out, _number(0.0, x), x)


def _sum(x: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(x, -1, keepdims=True)


def _finite(x: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(x, x.dtype.min, x.dtype.max)


def _number(number: float, like: tf.Tensor) -> tf.Tensor:
    return tf.constant(number, like.dtype)
