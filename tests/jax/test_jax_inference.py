"""The posterior and the logits to start from, on JAX arrays."""

import subprocess
import sys

import frontends
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import focalis.jax
from focalis import Loss, margin

TRAINED = np.log([[0.489, 0.353, 0.158], [0.2, 0.5, 0.3]])


@pytest.mark.parametrize("link", ["sigmoid", "softmax", "identity", "simplex"])
def test_the_posterior_is_the_core_s(link):
    loss = Loss(link, margin.focal(2.0), class_weight=(1.0, 2.0, 0.5))
    scores = np.exp(TRAINED) if link in ("identity", "simplex") else TRAINED
    x = jnp.asarray(scores)
    true = loss.posterior(np.asarray(x))
    # The core's own function also takes JAX arrays, through their array protocol.
    np.testing.assert_array_equal(loss.posterior(x), true)
    for f in (focalis.jax.posterior, jax.jit(focalis.jax.posterior, static_argnums=0)):
        found = f(loss, x)
        assert (found.shape, found.dtype) == (x.shape, x.dtype)
        np.testing.assert_allclose(found, true, rtol=1e-6)
    np.testing.assert_allclose(focalis.jax.posterior(loss, x.T, axis=0), true.T, rtol=1e-6)
    mapped = jax.vmap(lambda x: focalis.jax.posterior(loss, x))
    np.testing.assert_allclose(mapped(x[:, None]), true[:, None], rtol=1e-6)


@pytest.mark.slow
def test_the_posterior_has_no_gradient_and_any_type():
    loss = Loss("softmax", margin.focal(2.0))
    slope = jax.grad(lambda x: focalis.jax.posterior(loss, x)[0, 0] + x.sum())(jnp.asarray(TRAINED))
    assert (slope == 1.0).all()
    assert focalis.jax.posterior(loss, jnp.asarray(TRAINED, jnp.bfloat16)).dtype == jnp.bfloat16
    sigmoid = Loss("sigmoid", margin.focal(2.0))
    for shape in ((), (4,)):
        found = focalis.jax.posterior(sigmoid, jnp.full(shape, 0.3))
        np.testing.assert_allclose(found, sigmoid.posterior(np.full(shape, 0.3)), rtol=1e-6)


def test_errors_of_the_posterior():
    undetermined = Loss("softmax", margin.generalized_cross_entropy(1.0))
    with pytest.raises(ValueError, match="does not determine"):
        jax.eval_shape(lambda x: focalis.jax.posterior(undetermined, x), jnp.zeros((2, 3)))
    with pytest.raises(TypeError, match=r"loss must be a focalis\.Loss"):
        focalis.jax.posterior("focal", jnp.zeros(3))
    with pytest.raises(TypeError, match="logits must be floating"):
        focalis.jax.posterior(Loss("softmax", margin.focal()), jnp.zeros(3, int))


@pytest.mark.parametrize("link", ["sigmoid", "softmax"])
def test_initial_logits_are_the_core_s(link):
    loss = Loss(link, margin.focal(2.0))
    _, targets = frontends.inputs("sigmoid", "soft")
    weight = np.arange(1.0, 6.0)
    found = focalis.jax.initial_logits(
        loss, jnp.asarray(targets), sample_weight=jnp.asarray(weight)
    )
    assert isinstance(found, jax.Array)
    true = loss.initial_logits(targets.astype(np.float32), sample_weight=weight)
    np.testing.assert_allclose(found, true, rtol=1e-5)


def test_errors_of_initial_logits():
    loss = Loss("softmax", margin.focal(2.0))
    with pytest.raises(ValueError, match="class 2"):
        focalis.jax.initial_logits(loss, jnp.array([0, 1]), n_classes=3)
    with pytest.raises(TypeError, match="targets must be known numbers"):
        jax.jit(lambda y: focalis.jax.initial_logits(loss, y))(jnp.array([0, 1]))


@pytest.mark.slow
@pytest.mark.parametrize("missing", [True, False])
def test_importing(missing):
    """Without JAX the error says what to install; with it nothing else heavy is loaded."""
    script = "import sys\n" + ("sys.modules['jax'] = None\n" if missing else "")
    script += "import focalis.jax\nheavy = ('torch', 'numba', 'flax', 'optax')\n"
    script += "print([m for m in heavy if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    if missing:
        assert 'focalis.jax needs JAX: pip install "focalis[jax]"' in done.stderr
    else:
        assert done.stdout.strip() == "[]", done.stderr
