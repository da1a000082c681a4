"""What convergence means for the linear classifier: a small gradient, whatever the solver."""

import numpy as np
import pytest
from classifier_data import cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from focalis import Loss, parse
from focalis.sklearn import LinearClassifier
from focalis.sklearn.linear import _Risk


def largest_gradient(model, features, labels):
    """Return the largest element of the gradient, divided by C and the number of rows."""
    loss = Loss(model.loss_.link, model.loss_.margin_loss, reduction="sum")
    _, slope = loss.value_and_grad(model.raw_logits(features), labels.astype(float))
    by_coef = (slope @ features + model.coef_[0] / model.C) / len(labels)
    return max(np.abs(by_coef).max(), abs(slope.sum()) / len(labels))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["cross_entropy", "focal(gamma=2)"])
@pytest.mark.parametrize("tol", [1e-6, 1e-8])
def test_newton_reaches_the_tolerance_on_features_of_different_sizes(loss, tol):
    features, labels = cancer()
    model = LinearClassifier(loss, solver="newton-cg", tol=tol).fit(features, labels)
    assert model.converged_
    assert largest_gradient(model, features, labels) <= 1.001 * tol


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_too_few_iterations_warn(solver):
    features, labels = cancer()
    features = StandardScaler().fit_transform(features)
    model = LinearClassifier(solver=solver, max_iter=2)
    with pytest.warns(ConvergenceWarning, match="stopped after 2 iterations with a gradient of"):
        model.fit(features, labels)
    assert not model.converged_
    assert largest_gradient(model, features, labels) > model.tol
    model.set_params(max_iter=1000).fit(features, labels)
    assert model.converged_
    assert largest_gradient(model, features, labels) <= 1.001 * model.tol


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_a_start_at_the_minimum_needs_no_iteration(solver):
    model = LinearClassifier(parse("focal"), solver=solver).fit(np.zeros((4, 1)), [0, 1, 0, 1])
    assert model.converged_
    assert model.n_iter_ == 0
    np.testing.assert_array_equal(model.coef_, [[0.0]])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_hessian_products_are_the_slopes_of_the_gradient(smoothing):
    rng = np.random.default_rng(4)
    loss = parse(f"softmax_focal(gamma=2, label_smoothing={smoothing})")
    risk = _Risk(loss, rng.normal(size=(40, 2)), rng.integers(3, size=40), rng.random(40), 1.0, 3)
    at, along = rng.normal(size=(2, 9))
    ahead, behind = (risk.value_and_gradient(at + s * along)[1] for s in (1e-5, -1e-5))
    slope = (ahead - behind) / 2e-5
    np.testing.assert_allclose(risk.hessian_product(at, along), slope, rtol=1e-6, atol=1e-9)
