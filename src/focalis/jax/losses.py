"""The losses of optax under its names and signatures, and the log losses; see `focalis.jax`."""

from typing import Unpack

import jax
import jax.numpy as jnp

from focalis import margin
from focalis.errors import ArgumentTypeError, renamed
from focalis.jax._checks import as_array
from focalis.jax._named import (
    Axis,
    LossSettings,
    Options,
    RowOptions,
    clipped,
    dense,
    elementwise,
    rows,
)
from focalis.jax.named import softmax_poly1

Array = jax.Array
ArrayLike = jax.typing.ArrayLike


def sigmoid_binary_cross_entropy(
    logits: ArrayLike, labels: ArrayLike, **options: Unpack[Options]
) -> Array:
    """Return the cross-entropy of a sigmoid, −log p_t, with optax's signature.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_binary_cross_entropy
    >>> print(f"{sigmoid_binary_cross_entropy(jnp.array(2.0), 1.0):.4f}")
    0.1269
    """
    return elementwise("sigmoid", margin.cross_entropy, {}, logits, labels, options)


def binary_log_loss(
    probabilities: ArrayLike, labels: ArrayLike, *, eps: float = 0.0, **options: Unpack[Options]
) -> Array:
    """Return −log p_t for probabilities of yes, which are clipped to [eps, 1 − eps].

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import binary_log_loss
    >>> print(f"{binary_log_loss(jnp.array(0.9), 1.0):.4f}")
    0.1054
    """
    p = clipped(probabilities, eps)
    with renamed(logits="probabilities"):
        return elementwise("identity", margin.cross_entropy, {}, p, labels, options)


def softmax_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    axis: Axis = -1,
    where: ArrayLike | None = None,
    **options: Unpack[LossSettings],
) -> Array:
    """Return the cross-entropy of a softmax with a number for each class, with optax's signature.

    Labels below 0 raise an error, or give NaN where they cannot be read.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_cross_entropy
    >>> x = jnp.array([0.9, -1.2, 1.1])
    >>> print(f"{softmax_cross_entropy(x, jnp.array([0.0, 1.0, 0.0])):.4f}")
    2.9518
    """
    y, family = dense(logits, labels), margin.cross_entropy
    return rows("softmax", family, {}, logits, y, options, axis=axis, where=where)


def softmax_cross_entropy_with_integer_labels(
    logits: ArrayLike,
    labels: ArrayLike,
    axis: Axis = -1,
    where: ArrayLike | None = None,
    **options: Unpack[LossSettings],
) -> Array:
    """Return the cross-entropy of a softmax with class indices, with optax's signature.

    Indices out of range raise an error, or give NaN where they cannot be read. A class that `where`
    excludes has probability 0, and gives infinity as a label.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_cross_entropy_with_integer_labels
    >>> x = jnp.array([0.9, -1.2, 1.1])
    >>> print(f"{softmax_cross_entropy_with_integer_labels(x, 1):.4f}")
    2.9518
    """
    t = as_array("labels", labels)
    if not jnp.issubdtype(t.dtype, jnp.integer):
        raise ArgumentTypeError("labels", "integers", t.dtype)
    family = margin.cross_entropy
    return rows("softmax", family, {}, logits, t, options, axis=axis, where=where)


def poly_loss_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    epsilon: ArrayLike = 2.0,
    axis: Axis = -1,
    where: ArrayLike | None = None,
) -> Array:
    """Return `softmax_poly1` with a number for each class and optax's default ε.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import poly_loss_cross_entropy
    >>> print(f"{poly_loss_cross_entropy(jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 0.0, 0.0])):.4f}")
    4.2275
    """
    labels = dense(logits, labels)
    return softmax_poly1(logits, labels, epsilon=epsilon, axis=axis, where=where)


def log_loss(
    probabilities: ArrayLike, labels: ArrayLike, *, eps: float = 0.0, **options: Unpack[RowOptions]
) -> Array:
    """Return −log p_t for rows of probabilities, which are clipped to [eps, 1 − eps].

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import log_loss
    >>> print(f"{log_loss(jnp.array([0.7, 0.2, 0.1]), 0):.4f}")
    0.3567
    """
    p = clipped(probabilities, eps)
    with renamed(logits="probabilities"):
        return rows("simplex", margin.cross_entropy, {}, p, labels, options)
