"""Metrics of small losses, weights of 0, ignored and missing labels, best rounds and copies."""

import copy

import catboost
import lightgbm
import numpy as np
import pandas
import pytest
import xgboost
from sklearn.base import clone

from focalis import Loss, margin, parse
from focalis.boosting import catboost as for_catboost
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost

MODULES = [for_lightgbm, for_xgboost, for_catboost]
EVERY_MODULE = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])


def value_of(metric, labels, scores, weight=None):
    """Return a metric's value, calling it as its library does."""
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


@pytest.mark.slow
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


def test_logits_of_xgboost_take_a_frame_with_categories():
    features = pandas.DataFrame({"kind": pandas.Categorical(["a", "b", "c", "a"] * 20)})
    data = xgboost.DMatrix(features, [0, 1, 1, 0] * 20, enable_categorical=True)
    start = for_xgboost.set_initial_logits(parse("focal"), data)
    booster = xgboost.train({"nthread": 1}, data, 2, obj=for_xgboost.objective(parse("focal")))
    logits = for_xgboost.predict_logits(booster, features, start)
    assert logits[0] < 0 < logits[1]
    np.testing.assert_array_equal(logits, for_xgboost.predict_logits(booster, data, start))


def data_of(module, features, labels):
    if module is for_lightgbm:
        return lightgbm.Dataset(features, labels)
    return (xgboost.DMatrix if module is for_xgboost else catboost.Pool)(features, labels)


def slopes_of(objective, labels, scores):
    """Return an objective's gradient, calling it as its library does."""
    if callable(objective):
        return objective(labels, scores)[0]
    if scores.ndim == 1:
        return -objective.calc_ders_range(scores, labels, None)[:, 0]
    rows = zip(scores, labels, strict=True)
    return -np.array([objective.calc_ders_multi(row, one, 1.0)[0] for row, one in rows])


@pytest.mark.slow
@EVERY_MODULE
@pytest.mark.parametrize("kind", ["binary", "softmax", "one against the rest"])
def test_ignored_rows_count_nowhere(module, kind):
    rng = np.random.default_rng(0)
    loss = Loss("softmax" if kind == "softmax" else "sigmoid", margin.focal(2.0), ignore_index=-1)
    n_classes = None if kind == "binary" else 3
    labels = np.array(
        [0.0, 1.0, -1.0, 1.0, 0.0, -1.0] if kind == "binary" else [0, -1, 1, 2, -1, 1]
    )
    labels = labels.astype(float)
    scores = rng.standard_normal((6,) if kind == "binary" else (6, 3))
    kept = labels >= 0
    slopes = slopes_of(module.objective(loss), labels, scores)
    assert np.all(slopes[~kept] == 0)
    np.testing.assert_allclose(
        slopes[kept], slopes_of(module.objective(loss), labels[kept], scores[kept])
    )
    metric, weight = module.metric(loss), np.linspace(0.5, 2.0, 6)
    for given in (None, weight):
        some = None if given is None else given[kept]
        assert value_of(metric, labels, scores, given) == pytest.approx(
            value_of(metric, labels[kept], scores[kept], some)
        )
    start, expected = (
        module.set_initial_logits(loss, data_of(module, scores.reshape(6, -1)[rows], labels[rows]))
        if n_classes is None
        else module.set_initial_logits(
            loss, data_of(module, scores[rows], labels[rows]), n_classes=n_classes
        )
        for rows in (slice(None), kept)
    )
    np.testing.assert_allclose(start, expected)


@EVERY_MODULE
def test_data_without_labels_raise(module):
    loss, features = parse("focal(gamma=2)"), np.arange(12.0).reshape(6, 2)
    with pytest.raises(ValueError, match=r"must have labels|never occur|class"):
        module.set_initial_logits(loss, data_of(module, features, None))
    with pytest.raises(ValueError, match=r"labels must be of at least 2 classes for a softmax"):
        module.set_initial_logits(parse("softmax_focal"), data_of(module, features, np.zeros(6)))
    with pytest.raises(ValueError, match=r"labels must be numbers in \[0, 1\], got 2"):
        module.set_initial_logits(loss, data_of(module, features, np.arange(6) % 3))


def test_labels_of_lightgbm_may_be_a_frame_and_must_be_numbers():
    loss, features = parse("focal(gamma=2)"), np.arange(12.0).reshape(6, 2)
    answers = pandas.DataFrame({"answer": [0, 1, 1, 0, 0, 0]})
    start = for_lightgbm.set_initial_logits(loss, lightgbm.Dataset(features, answers))
    assert start == loss.initial_logits(answers["answer"].to_numpy())
    with pytest.raises(TypeError, match="labels must be real numbers, got an array of <U1"):
        for_lightgbm.set_initial_logits(loss, lightgbm.Dataset(features, list("abbaaa")))


class _Raw:
    def predict(self, *args, **settings):
        return np.zeros(6)


@pytest.mark.parametrize("module", [for_lightgbm, for_catboost], ids=["lightgbm", "catboost"])
def test_initial_logits_of_another_shape_raise(module):
    features = np.zeros((6, 2))
    assert module.predict_logits(_Raw(), features, [0.5]).shape == (6,)
    with pytest.raises(ValueError, match=r"initial_logits must be one number .* got shape \(6,\)"):
        module.predict_logits(_Raw(), features, np.zeros(6))


def test_initial_logits_of_another_shape_raise_in_xgboost():
    features, labels = np.arange(60.0).reshape(-1, 1), np.arange(60) % 3
    booster = xgboost.train(
        {"nthread": 1, "num_class": 3},
        xgboost.DMatrix(features, labels),
        2,
        obj=for_xgboost.objective(parse("softmax_focal")),
    )
    one, each = (for_xgboost.predict_logits(booster, features, start) for start in (2, [2, 2, 2]))
    np.testing.assert_array_equal(one, each)
    with pytest.raises(ValueError, match=r"one number or of shape \(3,\), .* got shape \(2,\)"):
        for_xgboost.predict_logits(booster, features, [1, 2])


def test_catboost_must_know_the_number_of_classes_of_a_softmax():
    loss = parse("softmax_focal")
    booster = catboost.CatBoost(
        {
            "loss_function": for_catboost.objective(loss),
            "eval_metric": for_catboost.metric(loss),
            "iterations": 2,
            "allow_writing_files": False,
            "verbose": False,
        }
    )
    with pytest.raises(catboost.CatBoostError, match=r"classes \(classes_count\)"):
        booster.fit(np.arange(12.0).reshape(6, 2), np.arange(6) % 3)


@pytest.mark.parametrize("told", [{}, {"metric": "none"}], ids=["plain", "none"])
def test_the_wrapper_of_lightgbm_stops_on_the_loss_if_it_is_told_no_metric(told):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 5))
    labels = (features[:, 0] + features[:, 1] ** 2 + rng.normal(size=500) > 1.5).astype(int)
    loss = parse("cross_entropy")
    model = lightgbm.LGBMClassifier(
        objective=for_lightgbm.objective(loss), n_jobs=1, verbosity=-1, **told
    )
    model.fit(
        features[:300],
        labels[:300],
        eval_X=features[300:],
        eval_y=labels[300:],
        eval_metric=for_lightgbm.metric(loss),
        callbacks=[lightgbm.early_stopping(5, verbose=False)],
    )
    (found,) = model.evals_result_.values()
    assert ("binary_logloss" in found) == (not told)
    assert (model.best_iteration_ == np.argmin(found["cross_entropy"]) + 1) == bool(told)


def test_the_wrapper_of_catboost_names_its_classes_and_can_be_cloned():
    features, labels = np.arange(20.0)[:, None], np.repeat([0, 1], 10)
    loss = parse("cross_entropy")
    model = catboost.CatBoostClassifier(
        loss_function=for_catboost.objective(loss),
        eval_metric=for_catboost.metric(loss),
        class_names=(0, 1),
        iterations=3,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
    )
    found = clone(model).fit(features, labels).predict(features)
    np.testing.assert_array_equal(found, labels)
    with pytest.raises(RuntimeError, match="Cannot clone"):
        clone(catboost.CatBoostClassifier(class_names=[0, 1]))


@pytest.mark.parametrize("make", ["objective", "metric", "set_initial_logits"])
def test_lightgbm_would_train_on_rows_that_are_ignored_by_nan(make):
    """It stores such a label as 0, so the rows would count as negatives."""
    loss = parse("focal(gamma=2, ignore_index=nan)")
    data = lightgbm.Dataset(np.zeros((4, 1)), label=[0.0, 1.0, np.nan, 1.0])
    arguments = (loss, data) if make == "set_initial_logits" else (loss,)
    with pytest.raises(ValueError, match=r"ignore_index that LightGBM keeps, such as -1"):
        getattr(for_lightgbm, make)(*arguments)
