"""A margin loss on TensorFlow's tensors, with its own closed forms as derivatives.

Automatic differentiation of a formula such as −q^γ log p meets 0 · ∞ at the ends and cancels before
them. Here the derivative of the value is the slope that the margin loss gives, and that of the slope its
curvature. What comes after is differentiated automatically, on companions u, v, p, q whose derivatives
are q, −p, p q and −p q.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from focalis.keras._tensorflow._vocabulary import computing_in
from focalis.links import PROBABILITY, Limits, at_margin, both_link_terms, limits, link_terms
from focalis.margin import MarginLoss

__all__ = ["evaluate"]

Tensors = tuple[tf.Tensor, ...]


def evaluate(link: str, loss: MarginLoss, x: tf.Tensor, *against: bool) -> Tensors:
    """Return the margin loss of scores, differentiable at every order.

    Parameters
    ----------
    link : {"sigmoid", "identity", "simplex"}
        What the scores are: margins, or probabilities of the truth.
    loss : MarginLoss
        The loss.
    x : Tensor
        Scores, float32 or float64.
    *against : bool
        False: the score x speaks for the truth, which has margin x or probability x. True: it speaks
        against it, −x or 1 − x. Both in this order share their work.
    """
    bounds = limits(loss, np.float64 if x.dtype == tf.float64 else np.float32)
    return _derivative(_Terms(link, loss, bounds, against), 0, x)


@dataclass(frozen=True)
class _Terms:
    """A margin loss seen from one side of a link, or from both."""

    link: str
    loss: MarginLoss
    bounds: Limits
    against: tuple[bool, ...]

    def at(self, x: tf.Tensor, order: int) -> Tensors:
        """Return the derivatives of this order, 0 to 2, by x, one for each side."""
        terms = link_terms if len(self.against) == 1 else both_link_terms
        if order:
            # What value and slope have in common XLA would write to memory, which takes longer than to
            # compute it twice; so the slope has scores of its own, which are no others.
            x = tf.clip_by_value(x, x.dtype.min, x.dtype.max)
        p, q = x, -x
        if self.link in PROBABILITY:
            p, q = tf.minimum(x, 1.0), tf.maximum(1.0 - x, 0.0)
        if self.against == (True,):
            p, q = q, p
        with computing_in(x.dtype):
            found = terms(self.link, self.loss, self.bounds, "exact")(p, q)[order::3]
        return tuple(
            _like(x, -term if against and order == 1 else term)
            for against, term in zip(self.against, found, strict=True)
        )

    def curvatures(self, x: tf.Tensor) -> Tensors:
        """Return the second derivatives, in operations that can be differentiated."""
        if self.link in PROBABILITY:
            return self.at(tf.clip_by_value(x, self.bounds.tiny, 1.0), 2)
        # Room for products of margins: so far out all that is not a power of m has its limit.
        far = self.bounds.largest**0.25
        m = tf.clip_by_value(x, -far, far)
        u, v, p, q = _companions(m)
        with computing_in(x.dtype):
            return tuple(
                _like(x, self.loss(*((-m, v, u, q, p) if against else (m, u, v, p, q)))[2])
                for against in self.against
            )


def _derivative(terms: _Terms, order: int, x: tf.Tensor) -> Tensors:
    """Return the derivatives of an order, each with the next one for its own derivative."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def known(x: tf.Tensor) -> Any:
        def gradient(*incoming: tf.Tensor) -> tf.Tensor:
            if order < 2:
                return _total(incoming, _derivative(terms, order + 1, x))
            with tf.GradientTape() as tape:
                tape.watch(x)
                curvatures = terms.curvatures(x)
            return tape.gradient(curvatures, x, incoming, unconnected_gradients="zero")

        return terms.at(x, order), gradient

    derivatives: Tensors = known(x)
    return derivatives


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _companions(m: tf.Tensor) -> Any:
    """Return u = log p, v = log q, p = σ(m) and q = σ(−m) of a finite margin m."""

    def gradient(*incoming: tf.Tensor) -> tf.Tensor:
        _, _, p, q = _companions(m)
        return _total(incoming, (q, -p, p * q, -p * q))

    return at_margin(m), gradient


def _total(factors: Sequence[tf.Tensor], terms: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([factor * term for factor, term in zip(factors, terms, strict=True)])


def _like(x: tf.Tensor, term: Any) -> tf.Tensor:
    """Return a term of a formula, which may be a mere number, as a tensor like x."""
    return tf.broadcast_to(tf.convert_to_tensor(term, x.dtype), tf.shape(x))
