"""What the metrics say: scaled, of weights that are 0, and of scores that are no numbers."""

import copy

import catboost
import numpy as np
import pytest
import xgboost
from sklearn.base import clone

from focalis import parse
from focalis.boosting import catboost as for_catboost
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost

MODULES = [for_lightgbm, for_xgboost, for_catboost]
EVERY_MODULE = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])


def value_of(metric, labels, scores, weight=None):
    """Return the value of a metric, as its library asks for it."""
    if not callable(metric):
        columns = [np.asarray(scores)] if np.ndim(scores) == 1 else list(np.transpose(scores))
        return metric.get_final_error(*metric.evaluate(columns, np.asarray(labels), weight))
    found = metric(np.asarray(labels), np.asarray(scores), weight)
    return found[1] if isinstance(found, tuple) else found


@EVERY_MODULE
def test_a_metric_has_a_scale(module):
    loss = parse("focal(gamma=2)")
    plain, scaled = (
        value_of(module.metric(loss, scale=scale), [1.0, 0.0], [0.3, 0.1])
        for scale in (1.0, np.float32(8.0))
    )
    assert scaled == pytest.approx(8 * plain)
    for bad in (0, True, np.nan, "1"):
        with pytest.raises(ValueError, match="scale must be a finite number above 0, got"):
            module.metric(loss, scale=bad)
        with pytest.raises(ValueError, match="scale must be a finite number above 0, got"):
            module.objective(loss, scale=bad)
    assert module.objective(loss, scale=np.float32(2.0)) == module.objective(loss, scale=2.0)


@EVERY_MODULE
def test_a_metric_is_0_without_weight_and_raises_for_nan(module):
    metric = module.metric(parse("focal(gamma=2)"))
    assert value_of(metric, [1.0, 0.0], [0.3, 0.1], np.zeros(2)) == 0.0
    assert value_of(metric, np.zeros(0), np.zeros(0)) == 0.0
    with pytest.raises(ValueError, match="scores must be numbers, got nan at position 1"):
        value_of(metric, [1.0, 0.0], [0.3, np.nan])


@EVERY_MODULE
def test_objectives_and_metrics_are_their_own_copies(module):
    loss = parse("focal(gamma=2)")
    for one in (module.objective(loss), module.metric(loss)):
        assert copy.copy(one) is one
        assert copy.deepcopy([one])[0] is one


def test_estimators_of_catboost_with_an_objective_can_be_cloned():
    loss = parse("focal(gamma=2)")
    objective = for_catboost.objective(loss)
    model = catboost.CatBoostClassifier(
        loss_function=objective, eval_metric=for_catboost.metric(loss), iterations=3
    )
    assert clone(model).get_params()["loss_function"] is objective


def test_early_stopping_of_xgboost_sees_small_numbers_through_the_scale():
    """XGBoost reads the value back with six digits after the point."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 4))
    labels = (features[:, 0] + 0.3 * rng.normal(size=400) > 0).astype(float)
    loss, factor = parse("focal(gamma=3, class_weight=[.000001])"), 1e6

    def rounds(scale):
        train = xgboost.DMatrix(features[:300], labels[:300])
        valid = xgboost.DMatrix(features[300:], labels[300:])
        booster = xgboost.train(
            {"nthread": 1, "disable_default_eval_metric": True},
            train,
            20,
            obj=for_xgboost.objective(loss, scale=factor),
            custom_metric=for_xgboost.metric(loss, scale=scale),
            evals=[(valid, "valid")],
            early_stopping_rounds=2,
            verbose_eval=False,
        )
        return booster.num_boosted_rounds()

    assert rounds(1.0) == 3
    assert rounds(factor) > 8


def test_logits_of_xgboost_are_those_of_the_best_round():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 5))
    labels = (features[:, 0] + 2 * rng.normal(size=300) > 0).astype(float)
    loss = parse("focal(gamma=2)")
    train = xgboost.DMatrix(features[:200], labels[:200])
    valid = xgboost.DMatrix(features[200:], labels[200:])
    start = for_xgboost.set_initial_logits(loss, train, valid)
    booster = xgboost.train(
        {"nthread": 1, "disable_default_eval_metric": True},
        train,
        50,
        obj=for_xgboost.objective(loss),
        custom_metric=for_xgboost.metric(loss),
        evals=[(valid, "valid")],
        early_stopping_rounds=5,
        verbose_eval=False,
    )
    assert booster.num_boosted_rounds() > booster.best_iteration + 1
    value = loss(for_xgboost.predict_logits(booster, features[200:], start), labels[200:])
    assert float(value) == pytest.approx(booster.best_score, abs=1e-6)
