"""Any loss as TensorFlow operations: eager, in a graph or under XLA, differentiable at every order.

The same as `focalis.torch._operations`, for what Keras asks for. No branch depends on a number, and no
shape but the number of axes has to be known. What is masked, or has weight 0, is replaced by a harmless
score before anything is computed, so that whatever it held reaches neither the value nor a gradient of
any order. A target or a weight that the loss cannot take gives NaN, for to raise an error would be to
look.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from focalis import Loss
from focalis.keras._tensorflow._margin import evaluate
from focalis.keras._tensorflow._softmax import all_margins, margins
from focalis.links import ELEMENTWISE, PROBABILITY, PROBABILITY_SLACK

__all__ = ["apply", "replicas"]


def replicas() -> int:
    """Return over how many replicas of a model a batch is spread."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def apply(
    loss: Loss,
    logits: tf.Tensor,
    targets: tf.Tensor,
    *,
    sample_weight: tf.Tensor | None = None,
    where: tf.Tensor | None = None,
    normalizer: Any = None,
    axis: int = -1,
) -> tf.Tensor:
    """Return the loss.

    Parameters
    ----------
    loss : Loss
        The loss; without `ignore_index`, which is `where`.
    logits : Tensor
        Scores with a class axis, of any floating type; 16 bits are computed in 32, probabilities in 64.
    targets : Tensor
        Sigmoid, identity: shaped like the logits. Softmax, simplex: class indices, shaped like the
        logits without the class axis, or a number for each class, shaped like the logits.
    sample_weight, where : Tensor, optional
        Per row, or per element of a sigmoid or identity.
    normalizer : float or Tensor, optional
        The denominator of "mean".
    axis : int
        The class axis.

    Returns
    -------
    Tensor
        In the type of the logits: 0-d, or for "none" shaped like the logits (sigmoid, identity) or with
        one number per row.
    """
    own = logits.dtype
    wide = own == tf.float64 or loss.link in PROBABILITY
    dtype = tf.float64 if wide else tf.float32

    def classes_last(tensor: tf.Tensor | None) -> tf.Tensor | None:
        if tensor is None or tensor.shape.rank < logits.shape.rank:
            return tensor
        return _moved(tensor, axis, -1)

    x = tf.cast(classes_last(logits), dtype)
    targets = classes_last(targets)
    weight, kept = classes_last(sample_weight), classes_last(where)
    elementwise = loss.link in ELEMENTWISE

    def values(x: tf.Tensor) -> tf.Tensor:
        share = _Share(loss, x, weight, kept)
        return _elementwise(share, targets) if elementwise else _rows(share, targets)

    if loss.reduction == "none":
        each = values(x)
        return tf.cast(_moved(each, -1, axis) if elementwise else each, own)
    return tf.cast(_mean(values, x, tf.cast(normalizer, dtype)), own)


def _mean(
    values: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, normalizer: tf.Tensor
) -> tf.Tensor:
    """Return the sum of values of x over the normalizer, whose gradient waits for it.

    On a CPU, XLA then writes the gradient where the values were. It would compute both and sum after,
    and the system takes longer to give the memory than they take.
    """
    means: list[tf.Tensor] = []

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def late(x: tf.Tensor) -> Any:
        def gradient(incoming: tf.Tensor) -> tf.Tensor:
            for mean in means:  # none yet in forward mode
                always = (mean <= np.inf) | tf.math.is_nan(mean)
                incoming = tf.where(always, incoming, _number(np.nan, x))
            return incoming

        return tf.identity(x), gradient

    each = values(late(x))
    # XLA would make one sum of two in a row, and lose digits in it.
    along_rows = tf.reduce_sum(each, -1 if each.shape.rank else None)
    means.append(tf.reduce_sum(along_rows / normalizer))
    return means[0]


def _moved(x: tf.Tensor, source: int, destination: int) -> tf.Tensor:
    order = list(range(x.shape.rank))
    order.insert(destination % len(order), order.pop(source))
    return x if order == sorted(order) else tf.transpose(x, order)


class _Share(NamedTuple):
    """What an answer counts: its target times all its weights, 0 where it is masked."""

    loss: Loss
    x: tf.Tensor
    sample_weight: tf.Tensor | None
    where: tf.Tensor | None

    def of(self, y: tf.Tensor, answer: int) -> tf.Tensor:
        """Return the share of targets y of the positive (0) or negative (1) answer."""
        by_class = self.answer_weights(answer)
        return self.weigh(y if by_class is None else y * by_class)

    def weigh(self, y: tf.Tensor) -> tf.Tensor:
        """Return y times the sample weight, 0 where that is 0 or a mask says so."""
        if self.sample_weight is not None:
            weight = _align(tf.cast(self.sample_weight, y.dtype), y)
            weight = tf.where((weight >= 0.0) & (weight < np.inf), weight, _number(np.nan, y))
            y = tf.where(weight == 0.0, _number(0.0, y), y * weight)
        return y if self.where is None else tf.where(_align(self.where, y), y, _number(0.0, y))

    def may_be_nothing(self) -> bool:
        """Return whether an element's answers may both be masked or have the weight 0."""
        given = (self.loss.alpha, self.loss.pos_weight, self.loss.class_weight)
        return not (self.sample_weight is None and self.where is None and given == (None,) * 3)

    def answer_weights(self, answer: int) -> tf.Tensor | None:
        """Return the weights of an answer, one or (C,), None where all are 1."""
        given = (self.loss.alpha, self.loss.pos_weight, self.loss.class_weight)
        if given == (None, None, None):
            return None
        per_class = next((len(w) for w in given if isinstance(w, tuple)), 1)
        classes = self.x.shape[-1] if per_class > 1 and self.x.shape[-1] else per_class
        return tf.constant(
            self.loss.answer_weights(classes, np.dtype(np.float64))[answer], self.x.dtype
        )


def _align(a: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Give per-row numbers a class axis when they meet per-element ones."""
    return a[..., tf.newaxis] if a.shape.rank < like.shape.rank else a


def _elementwise(share: _Share, targets: tf.Tensor) -> tf.Tensor:
    """Return y φ(truth) + (1 − y) φ(mirror), each with its weight."""
    loss, x = share.loss, share.x
    y = tf.cast(targets, x.dtype)
    y = tf.where((y >= 0.0) & (y <= 1.0), y, _number(np.nan, x))
    if loss.label_smoothing:
        y = y * (1.0 - loss.label_smoothing) + loss.label_smoothing / 2.0
    yes, no = share.of(y, 0), share.of(1.0 - y, 1)
    if loss.link in PROBABILITY:
        # At 0 and 1 a slope may be infinite, and must not meet an answer that has no share.
        return _weighted(loss, x, yes, False) + _weighted(loss, x, no, True)
    if share.may_be_nothing():
        x = _harmless(loss, x, (yes != 0.0) | (no != 0.0))
    truth, mirror = evaluate("sigmoid", loss.margin_loss, x, False, True)
    return _times(yes, truth) + _times(no, mirror)


def _rows(share: _Share, targets: tf.Tensor) -> tf.Tensor:
    """Return the losses of rows, with class indices or a weight for each class."""
    loss, x = share.loss, share.x
    classes = tf.shape(x)[-1]
    if targets.shape.rank < x.shape.rank:
        indices = tf.range(tf.cast(classes, targets.dtype), dtype=targets.dtype)
        hit = indices == targets[..., tf.newaxis]
        valid = (targets >= 0) & (targets < tf.cast(classes, targets.dtype))
        one = tf.where(valid, _number(1.0, x), _number(np.nan, x))
        if not loss.label_smoothing:
            by_class = share.answer_weights(0)
            if by_class is not None:
                one *= tf.reduce_sum(tf.where(hit, by_class, _number(0.0, x)), -1)
            one = share.weigh(one)
            if loss.link == "simplex":
                x = tf.reduce_sum(tf.where(hit, x, _number(0.0, x)), -1)
            else:
                x = margins(tf.where(_align(one != 0.0, x), x, _number(0.0, x)), hit)
            return _weighted(loss, x, one, False)
        rest = 1.0 - loss.label_smoothing
        y = one[..., tf.newaxis] * (
            tf.cast(hit, x.dtype) * rest + loss.label_smoothing / tf.cast(classes, x.dtype)
        )
    else:
        y = tf.cast(targets, x.dtype)
        y = tf.where((y >= 0.0) & (y < np.inf), y, _number(np.nan, x))
        count = tf.reduce_sum(tf.cast(y > 0.0, x.dtype), -1, keepdims=True)
        if loss.positives == "mean":
            y /= tf.maximum(count, 1.0)
        if loss.label_smoothing:
            smoothed = y * (1.0 - loss.label_smoothing)
            smoothed += loss.label_smoothing / tf.cast(classes, x.dtype)
            y = smoothed if loss.positives == "sum" else tf.where(count > 0.0, smoothed, y)
    weights = share.of(y, 0)
    if loss.link == "softmax":
        named = tf.reduce_any(weights != 0.0, -1, keepdims=True)
        x = all_margins(tf.where(named, x, _number(0.0, x)))
    return tf.reduce_sum(_weighted(loss, x, weights, False), -1)


def _weighted(loss: Loss, x: tf.Tensor, share: tf.Tensor, against: bool) -> tf.Tensor:
    """Return the margin loss of scores, for or against the truth, times their share."""
    link = "sigmoid" if loss.link == "softmax" else loss.link
    (values,) = evaluate(link, loss.margin_loss, _harmless(loss, x, share != 0.0), against)
    return share * values


def _harmless(loss: Loss, x: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Return the scores, a harmless one in place of each that does not matter, NaN for impossible."""
    if loss.link not in PROBABILITY:
        return tf.where(counts, x, _number(0.0, x))
    slack = PROBABILITY_SLACK * np.finfo(x.dtype.as_numpy_dtype).eps
    possible = (x >= 0.0) & (x <= 1.0 + slack)
    x = tf.where(possible, x, _number(np.nan, x))
    return tf.where(counts, x, _number(0.5, x))


def _times(share: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """Return a share of a value that may be infinite, 0 where the share is 0."""
    return tf.where(share == 0.0, _number(0.0, value), share * value)


def _number(number: float, like: tf.Tensor) -> tf.Tensor:
    return tf.constant(number, like.dtype)
