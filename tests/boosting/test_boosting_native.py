"""With cross-entropy and the native curvature, every tree equals the library's own."""

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from focalis import parse
from focalis.boosting import catboost as for_catboost
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost

pytestmark = pytest.mark.slow

ROUNDS = 25
TOLERANCE = 1e-5
THREADS = 2


def digits(classes):
    features, labels = load_digits(return_X_y=True)
    kept = labels < classes
    return features[kept], labels[kept]


def is_an_eight():
    features, labels = load_digits(return_X_y=True)
    return features, (labels == 8).astype(int)


BINARY = {
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "digits, an 8": is_an_eight,
    "wine, class 1": lambda: (load_wine().data, (load_wine().target == 1).astype(int)),
}
MULTICLASS = {
    "wine": lambda: load_wine(return_X_y=True),
    "digits": lambda: digits(10),
    "digits, the first 4": lambda: digits(4),
}
WEIGHTED = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])


def weights(labels, weighted):
    if not weighted:
        return None
    return np.random.default_rng(0).uniform(0.5, 2.0, len(labels)).astype(np.float32)


def probabilities(loss, logits):
    return loss.probabilities(np.asarray(logits, np.float64))


def compare(loss, ours, theirs):
    assert np.ptp(theirs) > 0.5  # something was learnt
    np.testing.assert_allclose(
        probabilities(loss, ours), probabilities(loss, theirs), atol=TOLERANCE
    )


def train_lightgbm(data, objective, extra=None):
    parameters = {
        "objective": objective,
        "num_threads": THREADS,
        "deterministic": True,
        "force_col_wise": True,
        "boost_from_average": False,
        "verbosity": -1,
        **(extra or {}),
    }
    return lightgbm.train(parameters, data, ROUNDS)


@WEIGHTED
@pytest.mark.parametrize("name", BINARY)
def test_lightgbm_binary(name, weighted):
    features, labels = BINARY[name]()
    weight, loss = weights(labels, weighted), parse("cross_entropy")

    def logits(objective):
        data = lightgbm.Dataset(features, labels, weight=weight)
        return train_lightgbm(data, objective).predict(features, raw_score=True)

    compare(loss, logits(for_lightgbm.objective(loss, "native")), logits("binary"))


@pytest.mark.parametrize(
    ("name", "weighted"),
    [("wine", False), ("wine", True), ("digits", False), ("digits, the first 4", True)],
)
def test_lightgbm_multiclass(name, weighted):
    features, labels = MULTICLASS[name]()
    weight, loss = weights(labels, weighted), parse("softmax_cross_entropy")
    extra = {"num_class": labels.max() + 1}

    def logits(objective):
        data = lightgbm.Dataset(features, labels, weight=weight)
        return train_lightgbm(data, objective, extra).predict(features, raw_score=True)

    compare(loss, logits(for_lightgbm.objective(loss, "native")), logits("multiclass"))


@pytest.mark.parametrize("name", MULTICLASS)
def test_lightgbm_one_against_the_rest(name):
    features, labels = MULTICLASS[name]()
    loss, extra = parse("cross_entropy"), {"num_class": labels.max() + 1}

    def logits(objective):
        data = lightgbm.Dataset(features, labels)
        return train_lightgbm(data, objective, extra).predict(features, raw_score=True)

    compare(loss, logits(for_lightgbm.objective(loss, "native")), logits("multiclassova"))


def train_xgboost(features, labels, weight, **settings):
    data = xgboost.DMatrix(features, labels, weight=weight)
    parameters = {
        "nthread": THREADS,
        "base_score": settings.pop("base_score"),
        "max_depth": 4,
        "tree_method": "hist",
        **settings.pop("extra", {}),
    }
    booster = xgboost.train(parameters, data, ROUNDS, **settings)
    return booster.predict(xgboost.DMatrix(features), output_margin=True)


@WEIGHTED
@pytest.mark.parametrize("name", BINARY)
def test_xgboost_binary(name, weighted):
    features, labels = BINARY[name]()
    weight, loss = weights(labels, weighted), parse("cross_entropy")
    objective = for_xgboost.objective(loss, "native")
    ours = train_xgboost(features, labels, weight, base_score=0.0, obj=objective)
    theirs = train_xgboost(
        features, labels, weight, base_score=0.5, extra={"objective": "binary:logistic"}
    )
    compare(loss, ours, theirs)


@WEIGHTED
@pytest.mark.parametrize("name", MULTICLASS)
def test_xgboost_multiclass(name, weighted):
    features, labels = MULTICLASS[name]()
    weight, loss = weights(labels, weighted), parse("softmax_cross_entropy")
    extra = {"num_class": int(labels.max()) + 1}
    objective = for_xgboost.objective(loss, "native")
    ours = train_xgboost(features, labels, weight, base_score=0.5, obj=objective, extra=extra)
    extra["objective"] = "multi:softprob"
    theirs = train_xgboost(features, labels, weight, base_score=0.5, extra=extra)
    compare(loss, ours, theirs)


def test_xgboost_multilabel():
    """Labels (n, C) with a sigmoid are C yes/no questions, as in binary:logistic."""
    features, classes = load_wine(return_X_y=True)
    labels = np.column_stack([classes == 1, classes == 2, features[:, 0] > 13]).astype(int)
    loss = parse("cross_entropy")
    objective = for_xgboost.objective(loss, "native")
    ours = train_xgboost(features, labels, None, base_score=0.0, obj=objective)
    theirs = train_xgboost(
        features, labels, None, base_score=0.5, extra={"objective": "binary:logistic"}
    )
    assert ours.shape == (len(features), 3)
    compare(loss, ours, theirs)


def train_catboost(features, labels, weight, leaf_iterations, **settings):
    booster = catboost.CatBoost(
        {
            "iterations": ROUNDS,
            "learning_rate": 0.1,
            "depth": 4,
            "random_seed": 1,
            "thread_count": THREADS,
            "boost_from_average": False,
            "leaf_estimation_method": "Newton",
            "leaf_estimation_iterations": leaf_iterations,
            "bootstrap_type": "No",
            "random_strength": 0,
            "allow_writing_files": False,
            "verbose": False,
            **settings,
        }
    )
    booster.fit(catboost.Pool(features, labels, weight=weight))
    return booster.predict(features, prediction_type="RawFormulaVal")


@WEIGHTED
@pytest.mark.parametrize("leaf_iterations", [1, 5])
@pytest.mark.parametrize("name", BINARY)
def test_catboost_binary(name, weighted, leaf_iterations):
    features, labels = BINARY[name]()
    weight, loss = weights(labels, weighted), parse("cross_entropy")
    settings = (features, labels, weight, leaf_iterations)
    ours = train_catboost(
        *settings,
        loss_function=for_catboost.objective(loss, "native"),
        eval_metric=for_catboost.metric(loss),
    )
    compare(loss, ours, train_catboost(*settings, loss_function="Logloss"))


@WEIGHTED
@pytest.mark.parametrize("name", ["wine", "wine, every other", "digits, the first 4"])
def test_catboost_multiclass(name, weighted):
    if name == "wine, every other":
        features, labels = (part[::2] for part in load_wine(return_X_y=True))
    else:
        features, labels = MULTICLASS[name]()
    weight, loss = weights(labels, weighted), parse("softmax_cross_entropy")
    settings = {"iterations": 10}
    ours = train_catboost(
        features,
        labels,
        weight,
        1,
        loss_function=for_catboost.objective(loss, "native"),
        eval_metric=for_catboost.metric(loss),
        classes_count=int(labels.max()) + 1,
        **settings,
    )
    theirs = train_catboost(features, labels, weight, 1, loss_function="MultiClass", **settings)
    compare(loss, ours, theirs)


@WEIGHTED
def test_catboost_one_against_the_rest(weighted):
    features, labels = (part[::2] for part in load_wine(return_X_y=True))
    weight, loss = weights(labels, weighted), parse("cross_entropy")
    ours = train_catboost(
        features,
        labels,
        weight,
        1,
        loss_function=for_catboost.objective(loss, "native"),
        eval_metric=for_catboost.metric(loss),
        classes_count=3,
        iterations=10,
    )
    theirs = train_catboost(
        features, labels, weight, 1, loss_function="MultiClassOneVsAll", iterations=10
    )
    compare(loss, ours, theirs)
