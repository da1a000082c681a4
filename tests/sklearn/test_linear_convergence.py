"""What convergence means for the linear classifier: a small gradient, whatever the solver."""

import numpy as np
import pytest
from classifier_data import cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from focalis import Loss, parse
from focalis.sklearn import LinearClassifier


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
