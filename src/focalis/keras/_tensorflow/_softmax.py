"""Softmax margins: the derivatives of `focalis.arrays.softmax`, tied together for TensorFlow."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from focalis.arrays.softmax import against_all, against_one, seen_from_all, seen_from_one, spread
from focalis.keras._tensorflow._verbs import VERBS

Softmaxes = Callable[[tf.Tensor], tuple[tf.Tensor, ...]]


def margins(x: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """Return the margins (…) of the classes t (…) in rows of logits x (…, C)."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def known(x: tf.Tensor) -> Any:
        def gradient(incoming: tf.Tensor) -> tf.Tensor:
            (ratio,) = _differentiable(lambda x: seen_from_one(VERBS, x, t)[1:], x)
            return against_one(VERBS, t, ratio, incoming)

        return seen_from_one(VERBS, x, t)[0], gradient

    return known(x)


def all_margins(x: tf.Tensor) -> tf.Tensor:
    """Return the margins (…, C) of all classes of rows of logits x (…, C)."""
    a = VERBS.argmax(x)

    def p_and_ratio(x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = seen_from_all(VERBS, x, a)
        return found.p, found.ratio

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def known(x: tf.Tensor) -> Any:
        def gradient(incoming: tf.Tensor) -> tf.Tensor:
            p, ratio = _differentiable(p_and_ratio, x)
            return against_all(VERBS, a, p, ratio, incoming)

        return seen_from_all(VERBS, x, a).margin, gradient

    return known(x)


def _differentiable(softmaxes: Softmaxes, x: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Return softmaxes of x, each with its derivative."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def known(x: tf.Tensor) -> Any:
        def gradient(*incoming: tf.Tensor) -> tf.Tensor:
            each = zip(_differentiable(softmaxes, x), incoming, strict=True)
            return tf.add_n([spread(VERBS, r, g) for r, g in each])

        return softmaxes(x), gradient

    found: tuple[tf.Tensor, ...] = known(x)
    return found
