"""What `BoostedClassifier` does with the parameters of the boosters."""

import lightgbm
import numpy as np
import pytest
import xgboost
from classifier_data import FEW, cancer

from focalis.boosting import xgboost as for_xgboost
from focalis.sklearn import BoostedClassifier

SAMPLED_BY_CLASS = ("pos_bagging_fraction", "neg_bagging_fraction")


@pytest.mark.parametrize("main", SAMPLED_BY_CLASS)
def test_what_lightgbm_drops_under_a_custom_objective_is_refused(main):
    names = lightgbm.basic._ConfigAliases.get(main)
    assert len(names) == 4
    for name in names:
        with pytest.raises(ValueError, match=f"{name} has no effect under a custom objective in L"):
            BoostedClassifier(**{name: 0.2}, bagging_freq=1).fit(*cancer())


def test_lightgbm_does_drop_it():
    features, labels = cancer()

    def raw(objective, **sampled):
        parameters = {"objective": objective, "verbosity": -1, "num_threads": 1, **sampled}
        booster = lightgbm.train(parameters, lightgbm.Dataset(features, labels), 3)
        return booster.predict(features, raw_score=True)

    def custom(scores, data):
        p = 1 / (1 + np.exp(-scores))
        return p - data.get_label(), p * (1 - p)

    for name in SAMPLED_BY_CLASS:
        sampled = {name: 0.2, "bagging_freq": 1}
        np.testing.assert_array_equal(raw(custom), raw(custom, **sampled))
        assert np.abs(raw("binary") - raw("binary", **sampled)).max() > 0.01


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eval_at": [1]}, "eval_at has no effect under a custom objective in LightGBM"),
        ({"boosting": "rf"}, "boosting must be 'gbdt' or 'dart', got 'rf': .* no custom objective"),
        ({"boosting_type": "random_forest"}, "boosting_type must be 'gbdt' or 'dart'"),
        (
            {"boost": "dart", "early_stopping_rounds": 3},
            "early_stopping_rounds must be None with boost='dart'",
        ),
        ({"booster": "xgboost", "huber_slope": 2.0}, "huber_slope has no effect .* in XGBoost"),
        ({"booster": "catboost", "od_type": "Iter"}, "od_type follows from early_stopping_rounds"),
        ({"booster": "catboost", "target_border": 2.0}, "target_border follows from y"),
    ],
)
def test_what_has_no_effect_or_cannot_be_trained_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        BoostedClassifier(**settings, **FEW).fit(*cancer())


@pytest.mark.parametrize("kind", ["gblinear", "dart"])
def test_the_trees_of_xgboost_are_of_one_kind(kind):
    model = BoostedClassifier(booster="xgboost", **FEW)
    model.booster_parameters = {"booster": kind}
    with pytest.raises(ValueError, match="booster of XGBoost is always 'gbtree', and cannot be"):
        model.fit(*cancer())


def test_a_fall_that_is_too_small_stops_lightgbm():
    features, labels = cancer()
    held = {"X_val": features[1::2], "y_val": labels[1::2]}

    def rounds(**settings):
        model = BoostedClassifier(n_estimators=40, n_jobs=1, early_stopping_rounds=3, **settings)
        return model.fit(features[::2], labels[::2], **held).n_estimators_

    assert rounds(early_stopping_min_delta=0.0) == rounds() > 1
    assert rounds(early_stopping_min_delta=10.0) == 1


def test_approximate_bins_of_xgboost_are_weighted_by_the_curvature():
    features, labels = cancer()
    settings = {"tree_method": "approx", "max_bin": 8, "max_depth": 3}
    model = BoostedClassifier("cross_entropy", booster="xgboost", **settings, **FEW)
    logits = model.fit(features, labels).raw_logits(features)

    def native(beside, obj=None):
        data = xgboost.DMatrix(features, labels)
        data.set_base_margin(np.full(len(labels), model.initial_logits_))
        parameters = {"eta": 0.1, "nthread": 1, "base_score": 0.5, **settings, **beside}
        booster = xgboost.train(parameters, data, FEW["n_estimators"], obj=obj)
        return booster.predict(data, output_margin=True)

    np.testing.assert_allclose(logits, native({"objective": "binary:logistic"}), atol=1e-5)
    constant = native({}, for_xgboost.objective(model.loss_))
    assert np.abs(logits - constant).max() > 0.01
    raw = model.booster_.predict(xgboost.DMatrix(features))
    np.testing.assert_allclose(raw + model.initial_logits_, logits, atol=1e-6)
    for method in ("hist", "approx"):
        model.set_params(warm_start=True, tree_method=method, learning_rate=1e-9)
        model.set_params(n_estimators=model.n_estimators_ + 1).fit(features, labels)
        np.testing.assert_allclose(model.raw_logits(features), logits, atol=1e-6)
