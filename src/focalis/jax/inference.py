"""The two ends of a training: the logits to start from, and the probabilities that come out."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from focalis.errors import ArgumentTypeError
from focalis.jax._checks import as_array, class_axis
from focalis.loss import Loss

Array = jax.Array


def posterior(loss: Loss, logits: jax.typing.ArrayLike, *, axis: int = -1) -> Array:
    """Return the class probabilities that logits imply after training with a loss.

    Parameters
    ----------
    loss : Loss
        What the model was trained with.
    logits : array
        Its scores (…, C); for a sigmoid or identity of any shape.
    axis : int, default -1
        The class axis.

    Returns
    -------
    Array
        In the shape and type of the logits. Computed on the host, even under ``jax.jit``, and without
        a gradient.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, or the loss does not determine the probabilities.

    See Also
    --------
    focalis.Loss.posterior : The definition.

    Examples
    --------
    The minimiser of the focal loss for classes of probabilities .6, .3 and .1:

    >>> import jax.numpy as jnp
    >>> from focalis import Loss, margin
    >>> from focalis.jax import posterior
    >>> loss = Loss("softmax", margin.focal(gamma=2.0))
    >>> posterior(loss, jnp.log(jnp.array([0.48892, 0.35279, 0.15829]))).round(3)
    Array([0.6, 0.3, 0.1], dtype=float32)
    """
    if not isinstance(loss, Loss):
        raise ArgumentTypeError("loss", "a focalis.Loss", type(loss).__name__)
    x = jax.lax.stop_gradient(as_array("logits", logits))
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ArgumentTypeError("logits", "floating-point numbers", x.dtype)
    axis = class_axis(axis, x.ndim)
    rows = jnp.moveaxis(x, axis, -1) if x.ndim else x
    # If the loss cannot answer, raise here and not in the middle of a running program.
    outputs = 1 if x.ndim <= 1 and loss.link.elementwise else rows.shape[-1]
    loss.posterior(np.full((1, outputs), 0.5))
    eta = jax.pure_callback(
        functools.partial(_on_host, loss),
        jax.ShapeDtypeStruct(rows.shape, rows.dtype),
        rows,
        vmap_method="broadcast_all",
    )
    return jnp.moveaxis(eta, -1, axis) if x.ndim else eta


def _on_host(loss: Loss, logits: Any) -> np.ndarray:
    x = np.asarray(logits)
    return loss.posterior(x.astype(np.float64)).astype(x.dtype)


def initial_logits(
    loss: Loss,
    targets: jax.typing.ArrayLike,
    *,
    sample_weight: jax.typing.ArrayLike | None = None,
    n_classes: int | None = None,
) -> Array:
    """Return the constant logits that minimise a loss over the targets: the bias to start from.

    Parameters
    ----------
    loss : Loss
        What the model will be trained with.
    targets : array
        As in `focalis.jax.apply`, with the classes along the last axis. They are read, so they must not
        be traced.
    sample_weight : array, optional
        As in `focalis.jax.apply`.
    n_classes : int, optional
        The number of classes for class indices; by default one more than the largest index.

    Returns
    -------
    Array
        Without dimensions for one output, else (C,); for a softmax the mean is 0.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, a class never occurs, or the loss has no finite minimiser.

    See Also
    --------
    focalis.Loss.initial_logits : The definition.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis import Loss, margin
    >>> from focalis.jax import initial_logits
    >>> initial_logits(Loss("sigmoid", margin.cross_entropy()), jnp.array([1, 0, 0, 0])).round(4)
    Array(-1.0986, dtype=float32)
    """
    if not isinstance(loss, Loss):
        raise ArgumentTypeError("loss", "a focalis.Loss", type(loss).__name__)
    arrays = [("targets", targets), ("sample_weight", sample_weight)]
    for name, array in arrays:
        if isinstance(array, jax.core.Tracer):
            raise ArgumentTypeError(name, "known numbers to start from", "a traced array")
    read = [None if array is None else np.asarray(array) for _, array in arrays]
    found = loss.initial_logits(read[0], sample_weight=read[1], n_classes=n_classes)
    return jnp.asarray(found, jnp.result_type(float))
