"""Values and gradients of a Keras loss, by the backend's automatic differentiation."""

import keras
import numpy as np

BACKEND = keras.config.backend()
TYPES = ("float32",) if BACKEND == "jax" else ("float32", "float64")
"""JAX has no float64 unless it is switched on."""


def array(x):
    """Return a tensor as an array."""
    return x.detach().numpy() if BACKEND == "torch" else np.asarray(x)


def value_and_grad(function, x, *, compiled=False):
    """Return a function's value at x, and the gradient of the sum of that value."""
    if BACKEND == "tensorflow":
        return _tensorflow(function, x, compiled)
    if BACKEND == "jax":
        return _jax(function, x, compiled)
    return _torch(function, x)


def _tensorflow(function, x, compiled):
    import tensorflow as tf

    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return value, tape.gradient(value, x)

    run = tf.function(both, jit_compile=True) if compiled else both
    return tuple(np.asarray(a) for a in run(tf.constant(x)))


def _jax(function, x, compiled):
    import jax
    import jax.numpy as jnp

    def both(x):
        def total(x):
            value = function(x)
            return value.sum().astype(jnp.float32), value

        (_, value), grad = jax.value_and_grad(total, has_aux=True)(x)
        return value, grad

    value, grad = (jax.jit(both) if compiled else both)(jnp.asarray(x))
    return np.asarray(value), np.asarray(grad)


def _torch(function, x):
    import torch

    scores = torch.tensor(x, requires_grad=True)
    value = function(scores)
    (grad,) = torch.autograd.grad(value.sum(), scores)
    return value.detach().numpy(), grad.numpy()
