"""How the classifiers respond to bad settings and bad data."""

import pickle
import sys

import numpy as np
import pandas
import pytest
from classifier_data import EVERY_BOOSTER, FEW, cancer, wine
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from focalis import Loss, margin, parse
from focalis.sklearn import BoostedClassifier, LinearClassifier


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "focl"}, "unknown loss 'focl'"),
        ({"loss": 3}, "loss must be a text"),
        ({"loss": "softmax_focal"}, "must have the link 'sigmoid' for 2 classes"),
        ({"booster": "lightbgm"}, "booster must be one of 'lightgbm', 'xgboost', 'catboost'"),
        ({"curvature": "newton"}, "curvature must be one of"),
        ({"learning_rate": -1}, "learning_rate must be a finite number above 0, got -1"),
        ({"learning_rate": "fast"}, "learning_rate must be a finite number above 0, got 'fast'"),
        ({"n_jobs": 0}, "n_jobs must be None or an integer other than 0, got 0"),
        (
            {"loss": Loss("sigmoid", margin.focal(), ignore_index=-1)},
            "have no ignore_index, got -1",
        ),
        ({"calibration": "platt"}, "calibration must be 'posterior' or 'link', got 'platt'"),
        ({"n_estimators": 0}, "n_estimators must be an integer of at least 1, got 0"),
        ({"early_stopping_rounds": 1.5}, "early_stopping_rounds must be an integer"),
        ({"class_weight": "balance"}, "class_weight must be None, 'balanced' or a mapping"),
        ({"class_weight": {7: 1.0}}, r"class_weight must name classes of y, .* got \[7\]"),
        ({"class_weight": {0: -1.0}}, "class_weight must hold non-negative finite numbers"),
        ({"class_weight": {0: "a"}}, "class_weight must hold non-negative finite numbers"),
        ({"class_weight": {0: None}}, "class_weight must hold non-negative finite numbers"),
        (
            {"loss": "focal(gamma=2, alpha=[.1, .2, .3])"},
            "alpha of the loss must be one number for 2 classes, .* got 3 numbers",
        ),
        (
            {"objective": "binary"},
            "objective follows from .* for booster='lightgbm'",
        ),
        ({"booster": "xgboost", "base_score": 0.5}, "base_score follows .* booster='xgboost'"),
        ({"booster": "catboost", "iterations": 5}, "iterations follows .* booster='catboost'"),
        ({"validation_fraction": 1.5}, "validation_fraction must lie between 0 and 1, got 1.5"),
        ({"num_leafs": 3}, "num_leafs is a parameter neither of BoostedClassifier nor of LightGBM"),
        ({"num_leaves": 3, "max_leaves": 4}, "max_leaves and num_leaves are one parameter"),
        ({"class_wieght": "balanced"}, "class_wieght is a parameter neither of"),
        ({"gamma": 5}, "gamma is a parameter neither of"),
        ({"alpha": 0.25}, "alpha follows from loss, .* booster='lightgbm'"),
        ({"eta": 0.9}, "eta follows from learning_rate, .* booster='lightgbm'"),
        ({"num_boost_round": 5}, "num_boost_round follows from n_estimators"),
        ({"n_iter": 5}, "n_iter follows from n_estimators"),
        ({"application": "binary"}, "application follows from loss"),
        ({"metrics": "auc"}, "metrics follows from loss"),
        ({"num_classes": 2}, "num_classes follows from y"),
        ({"unbalance": True}, "unbalance follows from class_weight"),
        ({"booster": "xgboost", "scale_pos_weight": 5.0}, "scale_pos_weight follows from class_w"),
        ({"booster": "xgboost", "eta": 0.9}, "eta follows from learning_rate"),
        ({"booster": "catboost", "auto_class_weights": "Balanced"}, "follows from class_weight"),
        ({"booster": "catboost", "eta": 0.9}, "eta follows from learning_rate"),
        ({"categorical_features": "all"}, "categorical_features must be 'from_dtype'"),
        ({"categorical_features": 3}, "categorical_features must be 'from_dtype', .* got 3"),
    ],
)
def test_bad_settings_raise(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        BoostedClassifier(**settings).fit(*cancer())


def test_bad_labels_and_weights_raise():
    features, labels = cancer()
    with pytest.raises(ValueError, match="at least 2 classes, got 1 class"):
        BoostedClassifier().fit(features, np.ones(len(labels)))
    with pytest.raises(ValueError, match="link 'softmax' for 3 classes, got link='sigmoid'"):
        BoostedClassifier(parse("focal")).fit(*wine())
    with pytest.raises(ValueError, match="class_weight must have one number for each of the 3"):
        BoostedClassifier("focal(class_weight=[1, 2])").fit(*wine())
    with pytest.raises(ValueError, match=r"Negative values.*sample_weight"):
        BoostedClassifier().fit(features, labels, sample_weight=-np.ones(len(labels)))
    with pytest.raises(ValueError, match=r"y_val must hold only the classes \[0, 1\], got .*2"):
        BoostedClassifier(**FEW).fit(features, labels, X_val=features, y_val=labels + 1)
    with pytest.raises(ValueError, match="solver must be"):
        LinearClassifier(solver="sgd").fit(features, labels)
    with pytest.raises(ValueError, match="C must be a finite number above 0, got 0"):
        LinearClassifier(C=0).fit(features, labels)
    with pytest.raises(ValueError, match="tol must be a finite number of at least 0, got -1"):
        LinearClassifier(tol=-1).fit(features, labels)
    with pytest.raises(ValueError, match="max_iter must be an integer of at least 1, got 0"):
        LinearClassifier(max_iter=0).fit(features, labels)
    with pytest.raises(ValueError, match=r"^X must hold numbers of at most 1e\+70 .* got 1e\+80"):
        LinearClassifier(solver="newton-cg").fit([[1e80], [0.0]], [0, 1])


@pytest.mark.parametrize("model", [BoostedClassifier(**FEW), LinearClassifier()])
def test_labels_that_are_missing_are_no_class(model):
    features, labels = cancer()
    named = np.where(labels == 1, "yes", "no").astype(object)
    gaps = ((labels.astype(float), np.nan), (named, None), (named, np.nan), (named, pandas.NA))
    for given, missing in gaps:
        some = given.copy()
        some[3] = missing
        with pytest.raises(ValueError, match=r"Input y contains (NaN|nan|None|<NA>)"):
            model.fit(features, some)


@pytest.mark.parametrize("missing", [None, np.nan, pandas.NA], ids=["None", "NaN", "NA"])
def test_labels_of_validation_rows_that_are_missing_are_no_class(missing):
    features, labels = cancer()
    named = np.where(labels == 1, "yes", "no").astype(object)
    some = named.copy()
    some[3] = missing
    with pytest.raises(ValueError, match=r"y_val must hold only the classes \['no', 'yes'\], got"):
        BoostedClassifier(**FEW).fit(features, named, X_val=features, y_val=some)


@EVERY_BOOSTER
def test_a_booster_that_is_not_installed_says_what_to_install(booster, monkeypatch):
    monkeypatch.setitem(sys.modules, booster, None)
    with pytest.raises(ImportError, match=rf"{booster} is not installed.*focalis\[boosting\]"):
        BoostedClassifier(booster=booster).fit(*cancer())


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "cross_entropy"},
        {"curvature": "fisher"},
        {"booster": "xgboost"},
        {"categorical_features": [0]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_warm_start_keeps_what_its_trees_have_in_common(change):
    features, labels = cancer()
    model = BoostedClassifier("focal(gamma=1)", warm_start=True, **FEW).fit(features, labels)
    model.set_params(loss=parse("focal(gamma=1)"), learning_rate=0.2, n_estimators=9)
    assert model.fit(features, labels).n_estimators_ == 9
    (name,) = change
    with pytest.raises(ValueError, match=f"warm_start continues with the same .* {name} was"):
        model.set_params(n_estimators=10, **change).fit(features, labels)


def test_a_warm_start_of_catboost_says_that_it_needs_the_rows_it_had():
    features, labels = cancer()
    model = BoostedClassifier(booster="catboost", warm_start=True, **FEW).fit(features, labels)
    again = pickle.loads(pickle.dumps(model))
    with pytest.raises(ValueError, match=r"warm_start continues only with the rows .* pickling"):
        again.set_params(n_estimators=9).fit(features, labels)
    with pytest.raises(ValueError, match="warm_start continues only with the rows"):
        model.set_params(n_estimators=9).fit(features[:300], labels[:300])


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3])
def test_a_warm_start_of_catboost_on_rows_without_a_class_says_so(classes):
    features = np.random.default_rng(0).standard_normal((60, 3))
    labels = np.arange(60) % classes
    model = BoostedClassifier(booster="catboost", warm_start=True, **FEW).fit(features, labels)
    rest = labels < classes - 1
    with pytest.raises(ValueError, match="warm_start continues only with the rows"):
        model.set_params(n_estimators=9).fit(features[rest], labels[rest])


@pytest.mark.slow
def test_a_warm_start_of_catboost_goes_on_once_from_trees_that_were_cut():
    features, labels = cancer()
    features = features[:, :3]
    rows = {"X": features[::2], "y": labels[::2], "X_val": features[1::2], "y_val": labels[1::2]}

    # Without randomness; otherwise the trees after a cut would not be those of a single run.
    plain = {"booster": "catboost", "n_jobs": 1, "random_strength": 0, "bootstrap_type": "No"}

    def go_on(model, more, patience):
        rounds = more + getattr(model, "n_estimators_", 0)
        model.set_params(n_estimators=rounds, early_stopping_rounds=patience).fit(**rows)
        assert (model.n_estimators_ < rounds) == (patience is not None)

    def logits_of_one_run(rounds):
        return BoostedClassifier(n_estimators=rounds, **plain).fit(**rows).raw_logits(features)

    def check(model):
        expected = logits_of_one_run(model.n_estimators_)
        np.testing.assert_allclose(model.raw_logits(features), expected, atol=1e-9)

    model = BoostedClassifier(warm_start=True, **plain)
    go_on(model, 300, 3)
    go_on(model, 30, 3)
    check(model)
    go_on(model, 4, None)
    check(model)
    with pytest.raises(
        ValueError, match="continues only once after early stopping has cut the trees"
    ):
        go_on(model, 4, None)

    model = BoostedClassifier(warm_start=True, **plain)
    for _ in range(3):
        go_on(model, 4, None)
    check(model)


@pytest.mark.parametrize("model", [BoostedClassifier(**FEW), LinearClassifier("focal", tol=1e-2)])
def test_a_calibration_that_is_none_is_seen_when_it_is_set(model):
    features, labels = wine()
    model = clone(model).fit(StandardScaler().fit_transform(features), labels)
    model.set_params(calibration="isotonic")
    for ask in (model.predict_proba, model.predict):
        with pytest.raises(ValueError, match=r"calibration must be .* got 'isotonic'"):
            ask(features)


def test_lengths_and_what_belongs_together():
    features, labels = cancer()
    model = BoostedClassifier(**FEW)
    with pytest.raises(ValueError, match="X_val must be passed with y_val"):
        model.fit(features, labels, y_val=labels)
    with pytest.raises(ValueError, match="X_val must be passed with y_val"):
        model.fit(features, labels, sample_weight_val=np.ones(3))
    with pytest.raises(ValueError, match="X_val and y_val must be of one length, got 569 and 5"):
        model.fit(features, labels, X_val=features, y_val=labels[:5])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(features, labels[:5] * 0)
    with pytest.raises(NotFittedError):
        _ = BoostedClassifier().categories_


@pytest.mark.parametrize("booster", ["lightgbm", "catboost"])
def test_features_that_cannot_be_split_leave_no_model(booster):
    features, labels = cancer()
    model = BoostedClassifier(booster=booster, **FEW).fit(features, labels)
    with pytest.raises(ValueError, match="feature that can be split"):
        model.fit(0 * features, labels)
    with pytest.raises(NotFittedError):
        model.predict(features)


@pytest.mark.slow
def test_numbers_of_numpy_are_numbers():
    features, labels = cancer()
    model = BoostedClassifier(
        n_estimators=np.int64(3), early_stopping_rounds=np.int64(2), learning_rate=np.float32(0.1)
    )
    assert model.fit(features, labels).n_estimators_ == 3


def test_an_alias_of_lightgbm_is_not_outdone_by_a_default(capfd):
    BoostedClassifier(verbose=1, **FEW).fit(*cancer())
    assert "[Info]" in capfd.readouterr().out


def test_catboost_says_as_much_as_it_is_asked_to(capfd):
    for verbose in (False, True):
        BoostedClassifier(booster="catboost", verbose=verbose, **FEW).fit(*cancer())
        assert ("learn" in capfd.readouterr().out) == verbose
