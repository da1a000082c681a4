"""What the tests of focalis.jax share: the derivatives from JAX, and how accurate they must be."""

import functools

import contract
import jax
import jax.numpy as jnp
import numpy as np
import registry

from focalis.jax import apply

LOST_IN_FLUSHING = 1000


def assert_accurate(got, true, bulk=None, **kind):
    """Fail unless each number meets the contract, allowing for subnormal numbers in XLA on a CPU.

    XLA flushes those to 0, even in intermediate results: a result may be wrong by some hundred times the
    smallest normal number, the size of log p where p is flushed.
    """
    got, near = np.array(got), np.zeros(np.shape(true), bool)
    lost = LOST_IN_FLUSHING * float(np.finfo(got.dtype).tiny)
    for i in np.ndindex(got.shape):
        near[i] = np.isfinite(got[i]) and abs(float(got[i]) - true[i]) <= lost
    expected = np.array([float(x) for x in np.ravel(true)], got.dtype).reshape(got.shape)
    contract.assert_accurate(np.where(near, expected, got), true, bulk, **kind)


def in_type(dtype):
    """Return a context in which JAX supports this type."""
    return jax.enable_x64(np.dtype(dtype) == np.float64)


def derivatives(loss, scores, targets, second=jax.jacfwd):
    """Return value, gradient and diagonal of the Hessian of the sum, under jit.

    The Hessian is forward mode over reverse mode, or reverse over reverse if `second=jax.jacrev`.
    """
    with in_type(scores.dtype):
        return [np.asarray(term) for term in _every(loss, second, scores, targets)]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _every(loss, second, scores, targets):
    def total(x):
        return apply(loss, x, targets).sum()

    def along(direction):
        e = jnp.broadcast_to(direction, scores.shape)
        if second is jax.jacfwd:
            return e * jax.jvp(jax.grad(total), (scores,), (e,))[1]
        return e * jax.grad(lambda x: jnp.vdot(jax.grad(total)(x), e))(scores)

    by_rows = loss.link in registry.ROW_LINKS
    directions = jnp.eye(scores.shape[-1]) if by_rows else jnp.ones((1, 1))
    diagonal = jax.vmap(along)(directions.astype(scores.dtype)).sum(axis=0)
    return apply(loss, scores, targets), jax.grad(total)(scores), diagonal
