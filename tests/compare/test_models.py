import pickle

import lightgbm
import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import focalis
from focalis.boosting.starts import mean_curvature
from focalis.compare import models
from focalis.compare.features import preparation
from focalis.compare.models import TrainingFold, unit_weights
from focalis.compare.settings import MODELS

GENERATOR = np.random.default_rng(0)
ROWS = 400
X = GENERATOR.standard_normal((ROWS, 4)).astype(np.float32)
NOISE = GENERATOR.logistic(size=ROWS)
BINARY = (2 * X[:, 0] + X[:, 1] * X[:, 2] - 1.5 + NOISE > 0).astype(np.int64)
THREE = np.digitize(X[:, 0] + 0.3 * NOISE, [-0.6, 0.6])
WEIGHTS = GENERATOR.integers(1, 4, ROWS).astype(float)
ONES = np.ones(ROWS)
INNER = [(np.flatnonzero(np.arange(ROWS) % 3 != k), np.arange(k, ROWS, 3)) for k in range(3)]
HELD_OUT = np.concatenate([held for _, held in INNER])

LOSSES = [
    "cross_entropy",
    "focal(gamma=5, alpha=.25)",
    "focal_star(gamma=2, beta=1)",
    "poly1(epsilon=1)",
    "generalized_cross_entropy(kappa=.7)",
    "focal(gamma=2, label_smoothing=.1)",
]


def target_for(n_classes):
    return BINARY if n_classes == 2 else THREE


def loss_for(text, n_classes):
    return focalis.parse(text, link="sigmoid" if n_classes == 2 else "softmax")


def fold(model, targets, weights=ONES, features=X, tick=None):
    return TrainingFold(model, features, targets, unit_weights(weights), tick=tick)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "n_classes", "text"),
    [
        (model, n_classes, text)
        for model in MODELS
        for n_classes in (2, 3)
        for text in LOSSES
        # CatBoost calls for three classes row by row.
        if (model, n_classes) != ("catboost", 3) or text == LOSSES[1]
    ],
)
def test_every_loss_is_learnt(model, n_classes, text):
    targets = target_for(n_classes)
    loss = loss_for(text, n_classes)
    trained = fold(model, targets, WEIGHTS)
    inner = INNER[:1] if (model, n_classes) == ("catboost", 3) else INNER
    seen = np.concatenate([held for _, held in inner])
    held_out, rounds = trained.cross_fit(loss, inner)
    shape = () if n_classes == 2 else (n_classes,)
    assert held_out.shape == (len(seen), *shape)
    start = loss.initial_logits(targets, sample_weight=WEIGHTS, n_classes=None)
    constant = np.broadcast_to(start, (ROWS, *shape)).copy()
    truths = targets.astype(float) if n_classes == 2 else targets
    before = loss(constant, truths, sample_weight=WEIGHTS, engine="numpy")
    after = loss(held_out, truths[seen], sample_weight=WEIGHTS[seen], engine="numpy")
    assert after < 0.9 * before
    logits = trained.fit(loss, rounds).raw_logits(X)
    after = loss(logits, truths, sample_weight=WEIGHTS, engine="numpy")
    assert after < 0.9 * before


def test_boosting_cross_entropy_is_what_lightgbm_does_itself():
    parameters = {
        "objective": "binary",
        "learning_rate": models.LEARNING_RATE,
        "min_sum_hessian_in_leaf": 0.0,
        "verbosity": -1,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
    }
    own = lightgbm.train(parameters, lightgbm.Dataset(X, label=BINARY), num_boost_round=20)
    ours = fold("lightgbm", BINARY).fit(focalis.parse("cross_entropy"), 20).raw_logits(X)
    theirs = own.predict(X, raw_score=True)
    # Their L2 penalties differ by one row per leaf, so the logits are close but not equal.
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98
    losses = [log_loss(BINARY, 1 / (1 + np.exp(-logits))) for logits in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=0.15)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_cross_entropy_is_logistic_regression(n_classes):
    targets = target_for(n_classes)
    loss = loss_for("cross_entropy", n_classes)
    standard = StandardScaler().fit_transform(X.astype(float))
    fitted = fold("linear", targets, WEIGHTS, standard).fit(loss, 0)
    # Our penalty uses one row of mean curvature; scikit-learn's C counts a row as 1.
    weights = unit_weights(WEIGHTS)
    inverse = 1 / mean_curvature(loss, "clipped", np.bincount(targets, weights))
    theirs = LogisticRegression(C=inverse, tol=1e-8, max_iter=1000).fit(
        standard, targets, sample_weight=weights
    )
    np.testing.assert_allclose(
        fitted.predict_proba(standard), theirs.predict_proba(standard), rtol=0, atol=2e-4
    )


@pytest.mark.parametrize("model", MODELS)
def test_neither_a_factor_of_the_loss_nor_the_unit_of_the_weights_changes_anything(model):
    """alpha = .5 halves the loss, and weights in thousandths are the same weights."""
    inner = INNER[:1]
    plain, halved = (
        fold(model, BINARY, weights).cross_fit(focalis.parse(text), inner)
        for weights, text in (
            (WEIGHTS, "focal(gamma=2)"),
            (1e-3 * WEIGHTS, "focal(gamma=2, alpha=.5)"),
        )
    )
    assert plain[1] == halved[1]
    np.testing.assert_allclose(plain[0], halved[0], atol=2e-3)


def test_boosting_stops_early_and_at_the_best_round():
    noise = GENERATOR.standard_normal((ROWS, 3)).astype(np.float32)
    loss = focalis.parse("cross_entropy")
    ticks = []
    trained = fold("lightgbm", BINARY, features=noise, tick=lambda: ticks.append(1))
    held_out, rounds = trained.cross_fit(loss, INNER)
    assert rounds < 10
    assert len(ticks) == len(INNER) * (rounds + models.PATIENCE)
    truth = BINARY[HELD_OUT].astype(float)
    estimator = trained.estimator(loss)
    values = []
    for fixed in (rounds, rounds + 1):
        estimator.set_params(n_estimators=fixed, early_stopping_rounds=None)
        logits, last = estimator.cross_logits(noise, BINARY, INNER)
        assert last == fixed
        values.append(float(loss(logits[HELD_OUT], truth)))
        if fixed == rounds:
            np.testing.assert_array_equal(logits[HELD_OUT], held_out)
    assert values[0] < values[1]


@pytest.mark.parametrize("model", MODELS)
def test_a_tick_ends_a_training(model):
    ticks = []

    def tick():
        ticks.append(1)
        if len(ticks) == 4:
            raise KeyboardInterrupt

    trained = fold(model, BINARY, tick=tick)
    loss = focalis.parse("cross_entropy")
    for train in (
        lambda: trained.cross_fit(loss, INNER[:1]),
        lambda: trained.fit(loss, 20),
    ):
        ticks.clear()
        with pytest.raises(KeyboardInterrupt):
            train()
        assert len(ticks) == 4


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 3])
def test_threads_do_not_change_the_model(n_classes):
    loss = loss_for("focal(gamma=1)", n_classes)
    logits = [
        TrainingFold("lightgbm", X, target_for(n_classes), WEIGHTS, threads=threads)
        .fit(loss, 15)
        .raw_logits(X)
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(*logits)


def test_leaves_grow_where_curvature_is_small():
    """With rare positives and a high gamma, every row's curvature is far below LightGBM's own limit."""
    targets = (X[:, 0] > 1.2).astype(np.int64)
    loss = focalis.parse("focal(gamma=5, alpha=.25)")
    logits = fold("lightgbm", targets).fit(loss, 30).raw_logits(X)
    assert logits[targets == 1].min() > logits[targets == 0].max()
    truth = targets.astype(float)
    _, hessian = loss.grad_and_hess(logits, truth, curvature="clipped", engine="numpy")
    assert hessian.sum() < 1  # over 400 rows


@pytest.mark.slow
def test_separable_data_do_not_end_the_training():
    """Where everything is certain, curvature is around LightGBM's 1e-15 and counts as no rows."""
    features, targets = load_breast_cancer(return_X_y=True)
    features, targets = features.astype(np.float32), 1 - targets.astype(np.int64)
    for text in ("cross_entropy", "focal(gamma=2, alpha=.25)"):
        loss = focalis.parse(text)
        for seed in range(3):
            folds = StratifiedKFold(3, shuffle=True, random_state=seed)
            inner = list(folds.split(features, targets))
            trained = TrainingFold("lightgbm", features, targets, np.ones(len(targets)), seed)
            trained.cross_fit(loss, inner)
            logits = trained.fit(loss, models.MAX_ROUNDS).raw_logits(features)
            assert ((logits > 0) == targets).all()


def test_missing_values_do_not_stop_the_linear_model():
    holes = pl.DataFrame(X).with_columns(
        column_1=pl.Series([None if i % 3 == 0 else float(x) for i, x in enumerate(X[:, 1])]),
        column_3=pl.lit(None, pl.Float64),
    )
    features = make_pipeline(*preparation("linear")).fit_transform(holes)
    logits = fold("linear", BINARY, features=features).fit(focalis.parse("cross_entropy"), 0)
    assert np.isfinite(logits.raw_logits(features)).all()


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_a_fitted_model_can_be_pickled(model):
    fitted = fold(model, THREE).fit(loss_for("focal", 3), 5)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.raw_logits(X), fitted.raw_logits(X))
