"""The arrays that objectives return: their type, order and scale, and that they have no NaN."""

import lightgbm
import numpy as np
import pytest

from focalis import Loss, parse
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost

MODULES = [for_lightgbm, for_xgboost]
EVERY_MODULE = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])


def rows(n, n_classes=4, dtype=np.float64):
    rng = np.random.default_rng(0)
    scores = 3 * rng.standard_normal((n, n_classes)).astype(dtype)
    return scores, rng.integers(0, n_classes, n), rng.uniform(0.5, 2.0, n)


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 30_000], ids=["numpy", "numba"])
@pytest.mark.parametrize("text", ["softmax_focal(gamma=2)", "focal(gamma=2)"])
def test_lightgbm_gets_arrays_that_it_need_not_copy(text, n):
    """For several classes: float32, one class after the other, each number rounded once."""
    scores, labels, weight = rows(n)
    loss = parse(text)
    targets = labels if loss.link == "softmax" else np.eye(4)[labels]
    expected = loss.grad_and_hess(scores, targets, sample_weight=weight, curvature="clipped")
    factor = 4 / 3 if loss.link == "softmax" else 1
    found = for_lightgbm.objective(loss)(labels, np.asfortranarray(scores), weight)
    for ours, exact in zip(found, (expected[0], factor * expected[1]), strict=True):
        assert ours.dtype == np.float32
        assert np.shares_memory(ours, ours.ravel(order="F"))
        np.testing.assert_allclose(ours, exact, rtol=6.1e-8, atol=1e-45)


def test_lightgbm_trains_on_them_as_on_its_copies():
    scores, labels, _ = rows(500)
    objective = for_lightgbm.objective(parse("softmax_focal(gamma=2)"))

    def copies(first, second):
        return tuple(np.array(a, np.float64, order="C") for a in objective(first, second))

    def raw(one):
        parameters = {"objective": one, "num_class": 4, "verbosity": -1, "num_threads": 1}
        return lightgbm.train(parameters, lightgbm.Dataset(scores, labels), 5).predict(scores)

    np.testing.assert_array_equal(raw(objective), raw(copies))


LOSSES = {
    "plain": Loss("sigmoid", parse("focal").margin_loss),
    "alpha": Loss("sigmoid", parse("focal").margin_loss, alpha=0.25),
    "positives": Loss("sigmoid", parse("focal").margin_loss, pos_weight=3.0),
    "softmax": Loss("softmax", parse("focal").margin_loss),
    "softmax, weights": Loss("softmax", parse("focal").margin_loss, class_weight=(1, 2, 3, 4)),
    "softmax, alpha": Loss("softmax", parse("focal").margin_loss, alpha=(0.1, 0.2, 0.3, 0.4)),
}


@EVERY_MODULE
@pytest.mark.parametrize("curvature", ["exact", "native", "fisher"])
@pytest.mark.parametrize("name", LOSSES)
def test_the_scale_is_a_factor_of_both(module, name, curvature):
    scores, labels, weight = rows(50)
    if LOSSES[name].link == "sigmoid":
        scores, labels = scores[:, 0].copy(), (labels == 1).astype(float)
    plain, scaled = (
        module.objective(LOSSES[name], curvature, scale=scale)(labels, scores, weight)
        for scale in (1.0, 3.7)
    )
    for one, other in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(other, 3.7 * one, rtol=3e-7, atol=1e-45)


@pytest.mark.slow
@EVERY_MODULE
@pytest.mark.parametrize("n", [60, 30_000], ids=["numpy", "numba"])
@pytest.mark.parametrize("curvature", ["native", "fisher"])
@pytest.mark.parametrize("text", ["softmax_focal(gamma=2)", "focal(gamma=2)"])
def test_a_score_that_is_nan_is_named_and_infinite_ones_are_not(module, text, curvature, n):
    scores, labels, _ = rows(n)
    if text.startswith("focal"):
        scores, labels = scores[:, 0].copy(), (labels == 1).astype(float)
    objective = module.objective(parse(text), curvature)
    scores[3] = np.inf if scores.ndim == 1 else (0.0, np.inf, 0.0, -np.inf)
    labels[3] = 0
    grad, hess = objective(labels, scores)
    assert np.isfinite(grad).all()
    assert np.isfinite(hess).all()
    scores.reshape(n, -1)[41, 0] = np.nan
    with pytest.raises(ValueError, match=r"scores must be numbers, got .*nan.* at position 41"):
        objective(labels, scores)
    # A row without weight may hold anything.
    weight = np.ones(n)
    weight[41] = 0
    assert np.isfinite(objective(labels, scores, weight)[0]).all()
