"""Labels with several columns in CatBoost; XGBoost's are covered by the native tests."""

import pickle

import catboost
import numpy as np
import pytest
from sklearn.datasets import load_wine

from focalis import parse
from focalis.boosting.catboost import metric, objective, predict_logits, set_initial_logits


def questions():
    features, classes = load_wine(return_X_y=True)
    answers = np.column_stack([classes == 1, classes == 2, features[:, 0] > 13])
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(classes))
    return features, answers.astype(int), weight


def train(weight=None, **settings):
    features, answers, _ = questions()
    booster = catboost.CatBoost(
        {
            "iterations": 10,
            "learning_rate": 0.1,
            "depth": 4,
            "random_seed": 1,
            "thread_count": 1,
            "boost_from_average": False,
            "leaf_estimation_method": "Newton",
            "leaf_estimation_iterations": 1,
            "bootstrap_type": "No",
            "random_strength": 0,
            "allow_writing_files": False,
            "verbose": False,
            **settings,
        }
    )
    return booster.fit(catboost.Pool(features, answers, weight=weight))


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_with_cross_entropy_the_trees_are_those_of_multilogloss(weighted):
    features, _, weight = questions()
    weight, loss = weight if weighted else None, parse("cross_entropy")
    ours = train(
        weight,
        loss_function=objective(loss, multilabel=True),
        eval_metric=metric(loss, multilabel=True),
    )
    theirs = train(weight, loss_function="MultiLogloss")
    ours, theirs = (predict_logits(one, features, 0.0) for one in (ours, theirs))
    assert ours.shape == (len(features), 3)
    assert np.ptp(theirs) > 0.5
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.slow
def test_derivatives_and_metric_are_those_of_the_loss():
    loss = parse("focal(gamma=2, alpha=.25)")
    rng = np.random.default_rng(0)
    scores, answers = 3 * rng.standard_normal((20, 3)), rng.integers(0, 2, (20, 3))
    weight = rng.uniform(0.5, 2.0, 20)
    grad, hess = loss.grad_and_hess(scores, answers, sample_weight=weight)
    one = objective(loss, "exact", multilabel=True, scale=2.0)
    for i in range(20):
        first, second = one.calc_ders_multi(scores[i], answers[i].astype(np.float32), weight[i])
        np.testing.assert_allclose(first, -2 * grad[i], rtol=1e-12)
        np.testing.assert_allclose(second, -2 * np.diag(hess[i]), rtol=1e-12, atol=1e-15)
    total, weights = metric(loss, multilabel=True).evaluate(list(scores.T), list(answers.T), weight)
    each = np.array([loss(x, y * 1.0) for x, y in zip(scores, answers, strict=True)])
    assert total == pytest.approx(
        3 * (weight * each).sum()
    )  # a row's mean times its number of questions
    assert weights == pytest.approx(weight.sum())


@pytest.mark.slow
def test_validation_rows_stop_it_early_on_the_loss():
    loss, (features, answers, _) = parse("focal(gamma=2)"), questions()
    answers[:, 2] = np.random.default_rng(0).integers(0, 2, len(answers))  # nothing to learn
    booster = catboost.CatBoost(
        {
            "loss_function": objective(loss, multilabel=True),
            "eval_metric": metric(loss, multilabel=True),
            "leaf_estimation_method": "Newton",
            "iterations": 60,
            "depth": 3,
            "learning_rate": 0.5,
            "thread_count": 1,
            "allow_writing_files": False,
            "verbose": False,
        }
    )
    pools = [catboost.Pool(features[i::2], answers[i::2]) for i in (0, 1)]
    booster.fit(pools[0], eval_set=pools[1], early_stopping_rounds=5, use_best_model=True)
    (values,) = booster.get_evals_result()["validation"].values()
    assert booster.get_best_iteration() == int(np.argmin(values)) < len(values) - 1
    logits = predict_logits(booster, features[1::2], 0.0)
    assert 3 * loss(logits, answers[1::2] * 1.0) == pytest.approx(min(values), rel=1e-6)
    right = np.mean((loss.posterior(logits) > 0.5) == answers[1::2], axis=0)
    assert right[:2].min() > 0.85


def test_both_can_be_pickled_and_compared():
    loss = parse("focal(gamma=2)")
    for one in (
        objective(loss, "fisher", scale=2.0, multilabel=True),
        metric(loss, multilabel=True),
    ):
        assert pickle.loads(pickle.dumps(one)) == one
    assert objective(loss, multilabel=True) != objective(loss)


def test_what_does_not_serve_raises():
    for function in (objective, metric):
        with pytest.raises(ValueError, match="multilabel needs a loss with the link 'sigmoid'"):
            function(parse("softmax_focal"), multilabel=True)
        with pytest.raises(TypeError, match=r"loss must be a focalis\.Loss"):
            function("focal", multilabel=True)
    features, answers, _ = questions()
    with pytest.raises(ValueError, match=r"takes no baseline for several .* got shape \(178, 3\)"):
        set_initial_logits(parse("focal"), catboost.Pool(features, answers))
