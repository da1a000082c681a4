"""Numbers published in papers, layers and the errata of the project's sources."""

import math

import numpy as np
import pytest
import registry

from focalis import Loss, margin

every_engine = pytest.mark.parametrize("engine", registry.ENGINES)
FOCAL = margin.focal(gamma=2.0)


@every_engine
def test_real_valued_multilabel_gradient(engine):
    """The gradient that Caffe's multi-label softmax layer gets wrong for labels other than 0 and 1."""
    loss = Loss("softmax", margin.cross_entropy(), positives="mean", reduction="batchmean")
    _, gradient = loss.value_and_grad([[0.3, -1, 0.8]], [[0.5, 0, 2]], engine=engine)
    np.testing.assert_allclose(gradient, [[0.178, 0.117, -0.295]], atol=5e-4)


@every_engine
def test_multilabel_gradient_with_binary_labels(engine):
    """Here the layer is right: p − y / M, divided by the number of rows."""
    x, y = np.array([[0.3, -1, 0.8], [2, 0, 1]]), np.array([[1.0, 0, 1], [0, 1, 0]])
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    share = y / y.sum(axis=1, keepdims=True)
    loss = Loss("softmax", margin.cross_entropy(), positives="mean", reduction="batchmean")
    value, gradient = loss.value_and_grad(x, y, engine=engine)
    np.testing.assert_allclose(value, -(share * np.log(p)).sum() / 2, rtol=1e-14)
    np.testing.assert_allclose(gradient, (p - share) / 2, rtol=1e-13)


@every_engine
@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
def test_no_logarithm_of_zero(dtype, engine):
    """The layers take the log of a rounded probability and fail beyond a score of about 17."""
    x = np.array([17, 20, 40, 90, -17, -20, -40, -90], dtype)
    loss = Loss("sigmoid", margin.cross_entropy(), reduction="none")
    value = loss(x, np.zeros(8, dtype), engine=engine)
    expected = np.log1p(np.exp(-np.abs(x.astype(float)))) + np.maximum(x.astype(float), 0)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


@every_engine
def test_the_sign_of_y_in_the_margin(engine):
    """p_t is 1 / (1 + exp(−yx)): a positive score costs a positive target less."""
    loss = Loss("sigmoid", margin.cross_entropy(), reduction="none")
    value = loss([1.0, 1.0], [1, 0], engine=engine)
    np.testing.assert_allclose(value, [math.log1p(math.exp(-1)), math.log1p(math.e)], rtol=1e-14)


@every_engine
def test_focal_star_has_y_in_z(engine):
    """z = γ y x + β."""
    loss = Loss("sigmoid", margin.focal_star(gamma=2.0, beta=1.0), reduction="none")
    value = loss([0.7, 0.7], [1, 0], engine=engine)
    expected = [math.log1p(math.exp(-(2 * y * 0.7 + 1))) / 2 for y in (1, -1)]
    np.testing.assert_allclose(value, expected, rtol=1e-14)


@every_engine
def test_alpha_and_class_weight_are_two_things(engine):
    """α weights positives by α and negatives by 1 − α; a class weight weights both alike."""
    x, y = np.zeros((1, 2)), np.array([[1.0, 0.0]])
    plain = Loss("sigmoid", FOCAL, reduction="none")(x, y, engine=engine)
    alpha = Loss("sigmoid", FOCAL, alpha=0.25, reduction="none")(x, y, engine=engine)
    np.testing.assert_allclose(alpha, plain * [0.25, 0.75], rtol=1e-14)
    weight = Loss("sigmoid", FOCAL, class_weight=(0.25, 3), reduction="none")(x, y, engine=engine)
    np.testing.assert_allclose(weight, plain * [0.25, 3], rtol=1e-14)


@every_engine
def test_soft_focal_is_the_expectation(engine):
    """Mixing p_t first, as torchvision and optax do, gives .102; the expectation is .226."""
    p = 1 / (1 + math.exp(-1))
    cross_entropy = -0.7 * math.log(p) - 0.3 * math.log(1 - p)
    mixed = (1 - (0.7 * p + 0.3 * (1 - p))) ** 2 * cross_entropy
    assert round(mixed, 3) == 0.102
    value = Loss("sigmoid", FOCAL)([1.0], [0.7], engine=engine)
    assert round(float(value), 3) == 0.226


@every_engine
def test_focal_curvature_is_negative_below_minus_2_8(engine):
    x = np.array([-2.75, -2.85])
    exact = Loss("sigmoid", FOCAL).grad_and_hess(x, [1.0, 1.0], engine=engine)[1]
    assert exact[0] > 0 > exact[1]


def test_the_posterior_of_a_minimised_focal_risk():
    """Minimise the focal risk at η = (.6, .3, .1): softmax is off, the posterior recovers η."""
    loss = Loss("softmax", FOCAL)
    logits = loss.initial_logits(np.array([[0.6, 0.3, 0.1]]))
    np.testing.assert_allclose(loss.probabilities(logits), [0.489, 0.353, 0.158], atol=6e-4)
    np.testing.assert_allclose(loss.posterior(logits), [0.6, 0.3, 0.1], atol=1e-9)


def test_retinanet_starts_at_the_prior():
    """Cross-entropy's constant for a share π of positives is −log((1 − π) / π)."""
    loss = Loss("sigmoid", margin.cross_entropy())
    got = loss.initial_logits(np.arange(100) == 0)
    np.testing.assert_allclose(got, -math.log(0.99 / 0.01), rtol=1e-12)
