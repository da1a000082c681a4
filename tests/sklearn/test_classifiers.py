"""The classifiers on real data: calibration, decisions, data of all kinds, and scikit-learn's tools."""

import importlib
import pickle
import subprocess
import sys

import numpy as np
import pandas
import polars
import pytest
import sklearn
import xgboost
from classifier_data import EVERY_BOOSTER, FEW, cancer, wine
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from focalis import Loss, margin, parse
from focalis.boosting import xgboost as for_xgboost
from focalis.sklearn import BoostedClassifier, LinearClassifier

DATA = {"binary": cancer, "multi-class": wine}
EVERY_DATA = pytest.mark.parametrize("data", DATA)


@pytest.mark.slow
@EVERY_BOOSTER
@EVERY_DATA
@pytest.mark.parametrize("calibration", ["posterior", "link"])
def test_decision_prediction_and_probability_agree(booster, data, calibration):
    features, labels = DATA[data]()
    loss = "focal(gamma=2, alpha=.1)" if data == "binary" else "focal(gamma=2)"
    model = BoostedClassifier(loss, booster, calibration=calibration, **FEW).fit(features, labels)
    p, decision = model.predict_proba(features), model.decision_function(features)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    if data == "binary":
        np.testing.assert_array_equal(model.predict(features), decision > 0)
        np.testing.assert_allclose(decision, np.log(p[:, 1] / p[:, 0]), rtol=1e-6)
        np.testing.assert_allclose(
            model.loss_.probabilities(model.raw_logits(features))
            if calibration == "link"
            else model.loss_.posterior(model.raw_logits(features)),
            p[:, 1],
        )
    else:
        np.testing.assert_allclose(decision, np.log(p / (1 - p)), rtol=1e-6)
    np.testing.assert_array_equal(model.predict(features), model.classes_[p.argmax(axis=1)])


@EVERY_BOOSTER
def test_the_posterior_is_calibrated_where_the_link_is_not(booster):
    features, labels = cancer()
    model = BoostedClassifier("focal(gamma=2, alpha=.1)", booster, n_estimators=40, n_jobs=1)
    model.fit(features, labels)
    corrected = model.predict_proba(features)[:, 1].mean()
    raw = model.set_params(calibration="link").predict_proba(features)[:, 1].mean()
    assert abs(corrected - labels.mean()) < 0.05 < abs(raw - labels.mean())


def test_log_odds_stay_exact_far_out():
    """Even where 1 − p is lost to rounding."""
    features = np.array([[-200.0], [200.0]] * 5)
    model = LinearClassifier("cross_entropy", C=1e6).fit(features, features[:, 0] > 0)
    logits = model.raw_logits(np.array([[-500.0], [500.0]]))
    assert abs(logits[1]) > 40
    np.testing.assert_allclose(model.decision_function([[-500.0], [500.0]]), logits, rtol=1e-9)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
@pytest.mark.parametrize("balanced", [None, "balanced"])
def test_with_cross_entropy_it_is_logistic_regression(data, solver, balanced):
    features, labels = DATA[data]()
    features = StandardScaler().fit_transform(features)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(labels))
    ours = LinearClassifier("cross_entropy", C=0.5, solver=solver, class_weight=balanced)
    ours.fit(features, labels, sample_weight=weight)
    theirs = LogisticRegression(C=0.5, tol=1e-9, max_iter=10_000, class_weight=balanced)
    if balanced:
        # scikit-learn counts rows for "balanced", or weights, depending on its release.
        factors = dict(zip(ours.classes_.tolist(), ours.class_factors_, strict=True))
        theirs.set_params(class_weight=factors)
    theirs.fit(features, labels, sample_weight=weight)
    assert ours.converged_
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
    np.testing.assert_allclose(
        ours.predict_proba(features), theirs.predict_proba(features), atol=1e-3
    )


@pytest.mark.parametrize("loss", ["focal(gamma=2)", "poly1(label_smoothing=.1)"])
@pytest.mark.parametrize("data", DATA)
def test_both_solvers_find_the_same_minimum(data, loss):
    features, labels = DATA[data]()
    features = StandardScaler().fit_transform(features)
    found = [
        LinearClassifier(loss, solver=solver, tol=1e-8).fit(features, labels).coef_
        for solver in ("lbfgs", "newton-cg")
    ]
    np.testing.assert_allclose(*found, atol=2e-4)


@pytest.mark.parametrize(
    "loss",
    ["focal(gamma=3)", margin.focal(gamma=3.0), Loss("sigmoid", margin.focal(gamma=3.0))],
    ids=["text", "margin loss", "Loss"],
)
def test_a_loss_comes_in_three_forms(loss):
    features, labels = cancer()
    model = BoostedClassifier(loss, **FEW).fit(features, labels)
    assert model.loss_ == parse("focal(gamma=3)")


@pytest.mark.slow
@EVERY_BOOSTER
@EVERY_DATA
def test_the_native_curvature_with_cross_entropy_is_the_librarys_own(booster, data):
    """So the scale is 1, and nothing else differs."""
    features, labels = DATA[data]()
    model = BoostedClassifier("cross_entropy", booster, curvature="native", **FEW)
    assert model.fit(features, labels).scale_ == 1.0


@pytest.mark.slow
@EVERY_BOOSTER
@EVERY_DATA
def test_pickles_clones_and_early_stopping(booster, data):
    features, labels = DATA[data]()
    features = features[:, :3]  # too few to separate the classes, so the trees overfit
    model = BoostedClassifier(
        booster=booster, n_estimators=150, learning_rate=0.5, early_stopping_rounds=3, n_jobs=1
    )
    model.fit(features[::2], labels[::2], X_val=features[1::2], y_val=labels[1::2])
    assert model.n_estimators_ < 150
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.raw_logits(features), model.raw_logits(features))
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "booster_")
    truth = labels[1::2] * 1.0 if data == "binary" else labels[1::2]
    held_out = float(model.loss_(model.raw_logits(features[1::2]), truth))
    model.set_params(n_estimators=model.n_estimators_ + 1, early_stopping_rounds=None)
    model.fit(features[::2], labels[::2])
    assert float(model.loss_(model.raw_logits(features[1::2]), truth)) > held_out - 1e-5


@pytest.mark.slow
@EVERY_BOOSTER
@EVERY_DATA
def test_warm_start_goes_on(booster, data):
    features, labels = DATA[data]()
    model = BoostedClassifier(booster=booster, warm_start=True, **FEW).fit(features, labels)
    model.set_params(n_estimators=12).fit(features, labels)
    whole = BoostedClassifier(booster=booster, n_estimators=12, n_jobs=1).fit(features, labels)
    np.testing.assert_allclose(model.raw_logits(features), whole.raw_logits(features), atol=1e-6)
    assert model.n_estimators_ == 12
    with pytest.raises(ValueError, match="n_estimators must be at least the 12"):
        model.set_params(n_estimators=5).fit(features, labels)


@EVERY_BOOSTER
def test_a_booster_that_went_on_forgets_its_best_round(booster):
    features, labels = cancer()
    features = features[:, :3]
    held = {"X_val": features[1::2], "y_val": labels[1::2]}
    model = BoostedClassifier(
        booster=booster, learning_rate=0.5, early_stopping_rounds=3, warm_start=True, n_jobs=1
    ).fit(features[::2], labels[::2], **held)
    model.set_params(early_stopping_rounds=None, n_estimators=model.n_estimators_ + 3)
    model.fit(features[::2], labels[::2], **held)
    module = importlib.import_module(f"focalis.boosting.{booster}")
    logits = module.predict_logits(model.booster_, features, model.initial_logits_)
    np.testing.assert_allclose(logits, model.raw_logits(features), atol=1e-6)


LOAD = {
    "lightgbm": "lightgbm.Booster(model_file=path).predict(features, raw_score=True)",
    "xgboost": (
        "xgboost.Booster(model_file=path).predict(xgboost.DMatrix(features), output_margin=True)"
    ),
    "catboost": (
        "catboost.CatBoost().load_model(path).predict(features, prediction_type='RawFormulaVal')"
    ),
}
SCRIPT = """
import sys
import numpy as np
import {booster}
path, features = sys.argv[1], np.load(sys.argv[2])
np.save(sys.argv[3], {load})
assert not any(name.startswith("focalis") for name in sys.modules)
"""


@pytest.mark.slow
@EVERY_BOOSTER
@EVERY_DATA
def test_a_saved_booster_gives_the_logits_without_focalis(booster, data, tmp_path):
    features, labels = DATA[data]()
    model = BoostedClassifier(booster=booster, **FEW).fit(features, labels)
    path = tmp_path / {"xgboost": "model.json"}.get(booster, "model")
    model.booster_.save_model(str(path))
    np.save(tmp_path / "features.npy", features)
    script = SCRIPT.format(booster=booster, load=LOAD[booster])
    arguments = [path, tmp_path / "features.npy", tmp_path / "raw.npy"]
    subprocess.run([sys.executable, "-c", script, *map(str, arguments)], check=True)
    logits = np.load(tmp_path / "raw.npy") + model.initial_logits_
    np.testing.assert_allclose(logits, model.raw_logits(features), atol=1e-6)


def frame(kind, n=300):
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue"], n).tolist()
    size = rng.normal(size=n)
    labels = (np.array(colour) == "red") ^ (rng.random(n) < 0.1)
    for i in range(0, n, 17):
        colour[i], size[i + 1] = None, np.nan
    columns = {"size": size, "colour": colour, "count": rng.integers(0, 9, n)}
    if kind == "pandas":
        table = pandas.DataFrame(columns)
        return table.assign(colour=table["colour"].astype("category")), labels
    if kind == "pandas text":
        table = pandas.DataFrame(columns)
        return table.assign(count=table["count"].astype("Int64")), labels
    return polars.DataFrame(columns, strict=False), labels


@EVERY_BOOSTER
@pytest.mark.parametrize("kind", ["pandas", "pandas text", "polars"])
def test_frames_with_categories_names_and_gaps(booster, kind):
    features, labels = frame(kind)
    model = BoostedClassifier("focal(gamma=1)", booster, n_estimators=30, n_jobs=1)
    model.fit(features, labels)
    assert model.feature_names_in_.tolist() == ["size", "colour", "count"]
    assert model.categories_ == {1: ["blue", "green", "red"]}
    assert model.feature_importances_.argmax() == 1
    assert model.score(features, labels) > 0.8
    # A new frame's order of categories, or a category not seen before, does no harm.
    text = features["colour"].astype(object) if kind != "polars" else None
    if text is not None:
        again = features.assign(colour=pandas.Categorical(text, ["red", "blue", "green", "pink"]))
        np.testing.assert_array_equal(model.raw_logits(again), model.raw_logits(features))
        again.loc[0, "colour"] = "pink"
        assert np.isfinite(model.raw_logits(again)).all()
    reordered = features[["count", "size", "colour"]]
    with pytest.raises(ValueError, match="feature names"):
        model.raw_logits(reordered)
    assert pickle.loads(pickle.dumps(model)).predict(features).shape == (len(labels),)


@EVERY_BOOSTER
@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame], ids=["pandas", "polars"])
def test_any_name_of_a_column_will_do(booster, make):
    rng = np.random.default_rng(0)
    columns = {"age [years]": rng.normal(size=200), 'a "b", c:{}': rng.normal(size=200)}
    labels = columns["age [years]"] > 0
    features = make(columns)
    model = BoostedClassifier("focal(gamma=1)", booster, **FEW).fit(features, labels)
    assert model.feature_names_in_.tolist() == list(columns)
    assert model.feature_importances_.argmax() == 0
    assert model.score(features, labels) > 0.95


@EVERY_BOOSTER
def test_columns_of_an_array_can_be_categories(booster):
    table, labels = frame("pandas")
    codes = np.column_stack([table["size"], table["colour"].cat.codes * 10.0])
    model = BoostedClassifier(
        "focal(gamma=1)", booster, categorical_features=[1], n_estimators=20, n_jobs=1
    )
    model.fit(codes, labels)
    assert model.categories_ == {1: [-10.0, 0.0, 10.0, 20.0]}
    assert model.score(codes, labels) > 0.8
    with pytest.raises(ValueError, match=r"categorical_features must lie in \[0, 2\), got 2"):
        BoostedClassifier(categorical_features=[2]).fit(codes, labels)
    with pytest.raises(ValueError, match="categorical_features must name columns of X, got 'size'"):
        BoostedClassifier(categorical_features=["size"]).fit(codes, labels)


def test_a_grid_search_reaches_the_parameters_of_loss_and_booster():
    features, labels = cancer()
    grid = {"loss": ["focal(gamma=1)", "cross_entropy"], "num_leaves": [2, 8]}
    search = GridSearchCV(
        BoostedClassifier(num_leaves=4, **FEW), grid, cv=2, scoring="neg_log_loss"
    )
    search.fit(features, labels)
    assert set(search.best_params_) == {"loss", "num_leaves"}
    trees = search.best_estimator_.booster_.dump_model()["tree_info"]
    assert max(tree["num_leaves"] for tree in trees) <= search.best_params_["num_leaves"]


@pytest.mark.slow
def test_pipeline_and_calibration():
    features, labels = wine()
    model = make_pipeline(StandardScaler(), LinearClassifier("focal(gamma=2)"))
    calibrated = CalibratedClassifierCV(model, cv=2).fit(features, labels)
    assert calibrated.score(features, labels) > 0.95


def test_one_against_the_rest_takes_many_labels():
    features, classes = wine()
    labels = np.column_stack([classes == 1, features[:, 0] > 13]).astype(int)
    model = OneVsRestClassifier(BoostedClassifier("focal(gamma=1)", **FEW)).fit(features, labels)
    assert np.mean(model.predict(features) == labels) > 0.95


@pytest.mark.parametrize("estimator", [BoostedClassifier(**FEW), LinearClassifier()])
def test_weights_are_routed(estimator):
    features, labels = cancer()
    features = StandardScaler().fit_transform(features)
    weight = np.where(labels == 1, 1.0, 1e-9)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(
            scaler,
            clone(estimator)
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=True),
        )
        found = cross_validate(
            routed,
            features,
            labels,
            params={"sample_weight": weight},
            cv=2,
            return_estimator=True,
        )
    for one in found["estimator"]:
        # Almost all the weight is on the second class.
        assert one.predict_proba(features)[:, 1].mean() > 0.99


def test_balanced_classes_and_dictionaries_are_row_weights():
    features, labels = cancer()
    weight = np.where(labels == 1, 1.0, 3.0)
    by_rows = BoostedClassifier(**FEW).fit(features, labels, sample_weight=weight)
    by_class = BoostedClassifier(class_weight={0: 3.0}, **FEW).fit(features, labels)
    np.testing.assert_array_equal(by_rows.raw_logits(features), by_class.raw_logits(features))
    balanced = BoostedClassifier(class_weight="balanced", **FEW).fit(features, labels)
    assert balanced.initial_logits_ == pytest.approx(0.0, abs=1e-9)


@EVERY_BOOSTER
def test_a_small_curvature_does_not_stop_growth(booster):
    """A factor of the loss changes no tree, although the booster's lower limits stay the same."""
    features, labels = cancer()
    plain, tiny = (
        BoostedClassifier(text, booster, n_estimators=3, n_jobs=1).fit(features, labels)
        for text in ("focal(gamma=3)", "focal(gamma=3, class_weight=[.00001])")
    )
    assert tiny.scale_ == pytest.approx(1e5 * plain.scale_)
    np.testing.assert_allclose(tiny.raw_logits(features), plain.raw_logits(features), atol=1e-6)
    assert len(np.unique(plain.raw_logits(features))) > 8
    if booster == "xgboost":
        objective = for_xgboost.objective(tiny.loss_)
        data = xgboost.DMatrix(features, labels)
        stopped = xgboost.train({"nthread": 1}, data, 3, obj=objective)
        assert len(np.unique(stopped.predict(data))) == 1


@EVERY_BOOSTER
@pytest.mark.parametrize("factor", [1e-5, 1e5])
def test_a_factor_of_the_loss_does_not_change_when_training_stops(booster, factor):
    features, labels = cancer()
    features = features[:, :3]
    plain, scaled = (
        BoostedClassifier(
            text, booster, n_estimators=60, learning_rate=0.5, early_stopping_rounds=3, n_jobs=1
        ).fit(features[::2], labels[::2], X_val=features[1::2], y_val=labels[1::2])
        for text in ("focal(gamma=3)", f"focal(gamma=3, class_weight=[{factor:f}])")
    )
    assert 2 < plain.n_estimators_ == scaled.n_estimators_
