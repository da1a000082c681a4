"""What the tests of focalis.jax share: losses, inputs, and the derivatives that JAX gives."""

import functools

import contract
import jax
import jax.numpy as jnp
import numpy as np
import registry
from oracle import Margin

from focalis.jax import apply
from focalis.margin import margin_loss
from focalis.vocabulary import log, log1p, where


@margin_loss(tau="(0, inf)")
def bounded_in_jax(m, u, v, p, q, tau=0.1):
    """log((1 + τ) / (p_t + τ)), as a user would write it."""
    above = p + tau
    near = -log1p(-q / (1.0 + tau))
    value = where(q < 0.5, near, log((1.0 + tau) / above))
    return value, -(p * q) / above, p * q * (p * p + tau * (p - q)) / (above * above)


MARGIN_LOSSES = [
    *map(registry.build, registry.FEW_MARGINS),
    registry.build(Margin("focal", (("gamma", 0.5),))),
    bounded_in_jax(),
]

FORMS = {
    "sigmoid": ("hard", "soft"),
    "identity": ("hard", "soft"),
    "softmax": ("index", "hard", "soft"),
    "simplex": ("index", "hard", "soft"),
}
LOST_IN_FLUSHING = 1000

LINK_FORMS = [(link, form) for link, forms in FORMS.items() for form in forms]


@functools.cache
def inputs(link, form, shape=(5, 3), seed=0):
    """Return ordinary scores and targets of a form, in float64."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=shape) * 2
    if link in registry.PROBABILITY_LINKS:
        scores = rng.dirichlet([1.5] * shape[-1], size=shape[:-1])
    if form == "index":
        return scores, rng.integers(0, shape[-1], shape[:-1])
    targets = rng.uniform(size=shape)
    return scores, targets if form == "soft" else (targets > 0.5).astype(float)


def assert_accurate(got, true, bulk=None, **kind):
    """Fail unless each number meets the contract, but for what XLA's CPUs lose below the normal numbers.

    They flush those to 0, on the way to a result as well: it may be off by some hundred times the
    smallest normal number, the size of log p where p is flushed.
    """
    got, near = np.array(got), np.zeros(np.shape(true), bool)
    lost = LOST_IN_FLUSHING * float(np.finfo(got.dtype).tiny)
    for i in np.ndindex(got.shape):
        near[i] = np.isfinite(got[i]) and abs(float(got[i]) - true[i]) <= lost
    expected = np.array([float(x) for x in np.ravel(true)], got.dtype).reshape(got.shape)
    contract.assert_accurate(np.where(near, expected, got), true, bulk, **kind)


def in_type(dtype):
    """Return a context in which JAX has this type."""
    return jax.enable_x64(np.dtype(dtype) == np.float64)


def derivatives(loss, scores, targets, second=jax.jacfwd):
    """Return value, gradient and diagonal of the Hessian of the sum, under jit.

    The Hessian is forward mode over reverse mode, or with `second=jax.jacrev` reverse over reverse.
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


def assert_close(got, true, tolerance=1e-13):
    """Fail unless each number is near the core's, or as near as the largest of its array allows."""
    got, true = (np.asarray(x, np.float64) for x in (got, true))
    assert got.shape == true.shape
    finite = np.isfinite(true)
    np.testing.assert_array_equal(got[~finite], true[~finite])
    size = np.abs(true[finite]).max(initial=0)
    np.testing.assert_allclose(got[finite], true[finite], rtol=tolerance, atol=tolerance * size)
