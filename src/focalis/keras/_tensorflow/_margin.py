"""A margin loss on tensors: the derivatives of `focalis.arrays.margin`, tied together for TensorFlow."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from focalis.arrays.margin import MarginTerms, Orders
from focalis.keras._tensorflow._vocabulary import computing_in
from focalis.maths.links import at_margin

__all__ = ["along", "companions", "margin_loss_of"]

Tensors = tuple[tf.Tensor, ...]


def margin_loss_of(terms: MarginTerms, sides: list[int], x: tf.Tensor, values: Tensors) -> Tensors:
    """Return the margin loss of scores, differentiable at every order.

    Parameters
    ----------
    terms : MarginTerms
        The margin loss.
    sides : list of int
        0: the score x speaks for the truth, which has margin x or probability x. 1: it speaks against
        it, −x or 1 − x. Both in this order share their work.
    x : Tensor
        Scores, float32 or float64.
    values : tuple of Tensor
        The parameters that `terms` names, of shapes that broadcast to that of x.
    """
    like_x = tuple(tf.broadcast_to(value, tf.shape(x)) for value in values)
    return _derivative(terms, sides, (0,) * (1 + len(values)), (x, *like_x))


def _derivative(terms: MarginTerms, sides: list[int], orders: Orders, given: Tensors) -> Tensors:
    """Return derivatives of these orders, whose own derivatives are the same at others."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def known(*given: tf.Tensor) -> Any:
        def gradient(*incoming: tf.Tensor) -> Any:
            by_argument = []
            for i in range(len(given)):
                raised = tuple(order + (i == j) for j, order in enumerate(orders))
                by_argument.append(_total(incoming, _derivative(terms, sides, raised, given)))
            return by_argument

        x, *values = given
        if any(orders):
            # What value and slope have in common XLA would write to memory, which takes longer than to
            # compute it twice; so the slope has scores of its own, which are no others.
            x = tf.clip_by_value(x, x.dtype.min, x.dtype.max)
        with computing_in(x.dtype):
            return tuple(terms.derivatives(orders, x, tuple(values), sides)), gradient

    derivatives: Tensors = known(*given)
    return derivatives


def along(f: Callable[..., Any], i: int) -> Callable[..., tf.Tensor]:
    """Return the derivative of an elementwise function by its i-th argument."""

    def derivative(*args: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(args[i])
            # A term of a formula may be a mere number.
            value = tf.convert_to_tensor(f(*args), args[i].dtype)
        return tape.gradient(value, args[i], unconnected_gradients="zero")

    return derivative


@tf.custom_gradient  # type: ignore[untyped-decorator]
def companions(m: tf.Tensor) -> Any:
    """Return u = log p, v = log q, p = σ(m) and q = σ(−m) of a finite margin m."""

    def gradient(*incoming: tf.Tensor) -> tf.Tensor:
        _, _, p, q = companions(m)
        return _total(incoming, (q, -p, p * q, -p * q))

    return at_margin(m), gradient


def _total(factors: Sequence[tf.Tensor], terms: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([factor * term for factor, term in zip(factors, terms, strict=True)])
