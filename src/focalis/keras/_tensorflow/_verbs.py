"""The verbs of `focalis.arrays` on TensorFlow's tensors, whose lengths may be unknown."""

from typing import Any

import numpy as np
import tensorflow as tf


class Verbs:
    """TensorFlow's verbs, which `focalis.arrays.verbs.Verbs` documents."""

    cast = staticmethod(tf.cast)
    zeros = staticmethod(tf.zeros_like)
    isnan = staticmethod(tf.math.is_nan)
    total = staticmethod(tf.reduce_sum)

    def computing_type(self, x: tf.Tensor, probabilities: bool) -> Any:
        return tf.float64 if probabilities or x.dtype == tf.float64 else tf.float32

    def index(self, t: tf.Tensor) -> tf.Tensor:
        return tf.cast(t, tf.int32) if t.dtype.is_integer and t.dtype.size < 4 else t

    def number(self, value: Any, like: tf.Tensor) -> tf.Tensor:
        if tf.is_tensor(value):
            return tf.cast(value, like.dtype)
        return tf.constant(value, like.dtype)

    def finfo(self, x: tf.Tensor) -> Any:
        return np.finfo(x.dtype.as_numpy_dtype)

    def where(self, condition: tf.Tensor, a: Any, b: Any) -> tf.Tensor:
        dtype = next(x.dtype for x in (a, b) if tf.is_tensor(x))
        return tf.where(condition, tf.convert_to_tensor(a, dtype), tf.convert_to_tensor(b, dtype))

    def clip(self, x: tf.Tensor, low: float | None, high: float | None) -> tf.Tensor:
        if low is None:
            return tf.minimum(x, high)
        return tf.maximum(x, low) if high is None else tf.clip_by_value(x, low, high)

    def differs(self, x: tf.Tensor, number: float) -> tf.Tensor:
        return x != tf.constant(number, x.dtype) if number == number else ~tf.math.is_nan(x)

    def moved(self, x: tf.Tensor, source: int, destination: int) -> tf.Tensor:
        order = list(range(len(x.shape)))
        order.insert(destination % len(order), order.pop(source))
        return x if order == sorted(order) else tf.transpose(x, order)

    def broadcast(self, x: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
        return tf.broadcast_to(x, tf.shape(like))

    def classes(self, x: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.shape(x)[-1], like.dtype)

    def size(self, x: tf.Tensor, rows: bool) -> tf.Tensor:
        shape = tf.shape(x)
        return tf.cast(tf.reduce_prod(shape[:-1] if rows else shape), x.dtype)

    def count(self, mask: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.math.count_nonzero(mask), like.dtype)

    def sum(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(x, -1, keepdims=True)

    def max(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(x, -1, keepdims=True)

    def any(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(x, -1, keepdims=True)

    def argmax(self, x: tf.Tensor) -> tf.Tensor:
        return tf.argmax(x, -1)

    def is_class(self, t: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        return tf.range(self.classes(x, t), dtype=t.dtype) == t[..., None]

    def pick(self, x: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        # XLA turns the choice and the sum into one loop.
        return tf.reduce_sum(self.where(self.is_class(t, x), x, 0.0), -1)

    def take(self, by_class: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        return tf.gather(by_class, t)

    def without(self, x: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
        return self.where(self.is_class(t, x), -np.inf, x)


VERBS = Verbs()
