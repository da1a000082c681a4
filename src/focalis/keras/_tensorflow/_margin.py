"""A margin loss on tensors: the derivatives of `focalis.arrays.margin`, tied together for TensorFlow."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from focalis.arrays.margin import MarginTerms, Orders
from focalis.keras._tensorflow._vocabulary import computing_in
from focalis.maths.links import at_margin

Tensors = tuple[tf.Tensor, ...]


def margin_loss_of(terms: MarginTerms, sides: list[int], x: tf.Tensor, values: Tensors) -> Tensors:
    """Return the margin loss of scores, differentiable at every order.

    A side is 0 if the score x speaks for the truth, which then has margin x or probability x, and 1 if
    it speaks against the truth, which then has −x or 1 − x. The two, in this order, share their work.
    `values` are the parameters that `terms` names, whose shapes broadcast to that of x.
    """
    like_x = tuple(tf.broadcast_to(value, tf.shape(x)) for value in values)
    return _derivative(terms, sides, (0,) * (1 + len(values)), (x, *like_x))


def _derivative(
    terms: MarginTerms, sides: list[int], orders: Orders, arguments: Tensors
) -> Tensors:
    """Return derivatives of these orders, whose derivatives are the same function at higher ones."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def known(*arguments: tf.Tensor) -> Any:
        def gradient(*incoming: tf.Tensor) -> Any:
            by_argument = []
            for i in range(len(arguments)):
                raised = tuple(order + (i == j) for j, order in enumerate(orders))
                derivative = _derivative(terms, sides, raised, arguments)
                by_argument.append(_total(incoming, derivative))
            return by_argument

        x, *values = arguments
        if any(orders):
            # XLA would write what value and slope have in common to memory, which takes longer than
            # computing it twice. Clipping, which changes no finite score, keeps them apart.
            x = tf.clip_by_value(x, x.dtype.min, x.dtype.max)
        with computing_in(x.dtype):
            return tuple(terms.derivatives(orders, x, tuple(values), sides)), gradient

    derivatives: Tensors = known(*arguments)
    return derivatives


def along(f: Callable[..., Any], i: int) -> Callable[..., tf.Tensor]:
    """Return the derivative of an elementwise function by its i-th argument."""

    def derivative(*args: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(args[i])
            # A term of a formula may be a plain number.
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
