import pickle

import lightgbm
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

import focalis
from focalis.compare import boosting
from focalis.compare.boosting import LightGBM
from focalis.compare.linear import Linear
from focalis.compare.models import make_trainer
from focalis.compare.starts import Rows, Start

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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "n_classes", "text"),
    [
        (model, n_classes, text)
        for model in ("lightgbm", "xgboost", "catboost", "linear")
        for n_classes in (2, 3)
        for text in LOSSES
        # CatBoost asks for three classes row by row.
        if (model, n_classes) != ("catboost", 3) or text == LOSSES[1]
    ],
)
def test_every_loss_is_learnt(model, n_classes, text):
    targets = target_for(n_classes)
    loss = loss_for(text, n_classes)
    trainer = make_trainer(model, X, targets, WEIGHTS, n_classes)
    held_out, rounds = trainer.cross_fit(loss, INNER)
    shape = () if n_classes == 2 else (n_classes,)
    assert held_out.shape == (ROWS, *shape)
    start = loss.initial_logits(targets, sample_weight=WEIGHTS, n_classes=None)
    if n_classes == 3:
        assert start.shape == (3,)
    constant = np.broadcast_to(start, (ROWS, *shape)).copy()
    truths = targets.astype(float) if n_classes == 2 else targets
    before = loss(constant, truths, sample_weight=WEIGHTS, engine="numpy")
    held_out_weights = WEIGHTS[HELD_OUT]
    after = loss(held_out, truths[HELD_OUT], sample_weight=held_out_weights, engine="numpy")
    assert after < 0.9 * before
    fitted = trainer.fit(loss, rounds)
    after = loss(fitted.logits(X), truths, sample_weight=WEIGHTS, engine="numpy")
    assert after < 0.9 * before


def test_boosting_cross_entropy_is_what_lightgbm_does_itself():
    parameters = {
        "objective": "binary",
        "learning_rate": boosting.LEARNING_RATE,
        "min_sum_hessian_in_leaf": 0.0,
        "verbosity": -1,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
    }
    own = lightgbm.train(parameters, lightgbm.Dataset(X, label=BINARY), num_boost_round=20)
    fitted = LightGBM(X, BINARY, ONES, 2).fit(focalis.parse("cross_entropy"), 20)
    ours = fitted.logits(X)
    theirs = own.predict(X, raw_score=True)
    # They differ in the L2 penalty of one row per leaf, so the logits are close, not equal.
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98
    losses = [log_loss(BINARY, 1 / (1 + np.exp(-logits))) for logits in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=0.15)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_cross_entropy_is_logistic_regression(n_classes):
    targets = target_for(n_classes)
    fitted = Linear(X, targets, WEIGHTS, n_classes).fit(loss_for("cross_entropy", n_classes))
    standard = StandardScaler().fit(X.astype(float))
    # Ours is penalised by one row of mean curvature; scikit-learn's C counts a row as 1.
    rows = Rows(targets, WEIGHTS, n_classes)
    loss = loss_for("cross_entropy", n_classes)
    inverse = Start.of(loss, rows).scale
    theirs = LogisticRegression(C=inverse, tol=1e-8, max_iter=1000).fit(
        standard.transform(X), targets, sample_weight=WEIGHTS
    )
    ours = loss.probabilities(fitted.logits(X))
    expected = theirs.predict_proba(standard.transform(X))
    np.testing.assert_allclose(
        ours, expected[:, 1] if n_classes == 2 else expected, rtol=0, atol=2e-4
    )


@pytest.mark.parametrize("model", ["lightgbm", "linear"])
def test_a_constant_factor_changes_nothing(model):
    """alpha = .5 halves the loss, and a scale of 1000 on the weights multiplies it."""
    plain = make_trainer(model, X, BINARY, ONES, 2).fit(focalis.parse("focal(gamma=2)"), 20)
    halved = make_trainer(model, X, BINARY, 1000 * ONES, 2).fit(
        focalis.parse("focal(gamma=2, alpha=.5)"), 20
    )
    np.testing.assert_allclose(plain.logits(X), halved.logits(X), atol=2e-3)


def test_a_weight_of_two_is_a_row_twice():
    twice = np.repeat(np.arange(ROWS), WEIGHTS.astype(int))
    loss = focalis.parse("focal(gamma=2, alpha=.25)")
    weighted = Linear(X, BINARY, WEIGHTS, 2)
    repeated = Linear(X[twice], BINARY[twice], np.ones(len(twice)), 2)
    # The standardiser does not weigh; give both the same features and the same count of rows.
    repeated._standardiser = weighted._standardiser
    repeated._features = weighted._standardiser.transform(X[twice].astype(float))
    first, second = weighted.fit(loss).logits(X), repeated.fit(loss).logits(X)
    assert np.corrcoef(first, second)[0, 1] > 0.9999
    np.testing.assert_allclose(first, second, atol=0.05)  # penalties differ by mean weight


def test_boosting_stops_early_and_at_the_best_round():
    noise = GENERATOR.standard_normal((ROWS, 3)).astype(np.float32)
    trainer = LightGBM(noise, BINARY, ONES, 2)
    loss = focalis.parse("cross_entropy")
    ticks = []
    held_out, rounds = trainer.cross_fit(loss, INNER, lambda: ticks.append(1))
    assert rounds < 10
    assert len(ticks) == len(INNER) * (1 + rounds + boosting.PATIENCE)

    # The same number of rounds, inner fold by inner fold, gives the same predictions.
    parts = []
    for fit_on, held in INNER:
        part = LightGBM(noise, BINARY, ONES, 2)
        member = boosting._Boosting(
            part._parameters,
            part._dataset.subset(fit_on.tolist()),
            part._rows.take(fit_on),
            loss,
            part._starts[loss],
        )
        for _ in range(rounds):
            member.advance()
        parts.append(member.booster.predict(noise[held], raw_score=True) + member.start)
    np.testing.assert_allclose(held_out, np.concatenate(parts), atol=1e-12)


@pytest.mark.parametrize("model", ["lightgbm", "xgboost", "catboost", "linear"])
def test_a_tick_ends_a_training(model):
    ticks = []

    def tick():
        ticks.append(1)
        if len(ticks) == 4:
            raise KeyboardInterrupt

    trainer = make_trainer(model, X, BINARY, ONES, 2)
    loss = focalis.parse("cross_entropy")
    for train in (
        lambda: trainer.cross_fit(loss, INNER[:1], tick),
        lambda: trainer.fit(loss, 20, tick),
    ):
        ticks.clear()
        with pytest.raises(KeyboardInterrupt):
            train()
        assert len(ticks) == 4


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 3])
def test_threads_do_not_change_the_model(n_classes):
    loss = loss_for("focal(gamma=1)", n_classes)
    targets = target_for(n_classes)
    logits = [
        LightGBM(X, targets, WEIGHTS, n_classes, threads=threads).fit(loss, 15).logits(X)
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(*logits)


def test_leaves_grow_where_curvature_is_small():
    """Rare positives and a high gamma: every row's curvature is far below LightGBM's own limit."""
    targets = (X[:, 0] > 1.2).astype(np.int64)
    loss = focalis.parse("focal(gamma=5, alpha=.25)")
    logits = LightGBM(X, targets, ONES, 2).fit(loss, 30).logits(X)
    assert logits[targets == 1].min() > logits[targets == 0].max()
    rows = Rows(targets, ONES, 2)
    _, hessian = loss.grad_and_hess(logits, rows.truth, curvature="clipped", engine="numpy")
    assert hessian.sum() < 1  # of 400 rows


@pytest.mark.slow
def test_separable_data_do_not_end_the_training():
    """Where all is certain, curvature is of the size of LightGBM's 1e-15 and counts no rows."""
    features, targets = load_breast_cancer(return_X_y=True)
    features, targets = features.astype(np.float32), 1 - targets.astype(np.int64)
    weights = np.ones(len(targets))
    for text in ("cross_entropy", "focal(gamma=2, alpha=.25)"):
        loss = focalis.parse(text)
        for seed in range(3):
            folds = StratifiedKFold(3, shuffle=True, random_state=seed)
            inner = list(folds.split(features, targets))
            trainer = LightGBM(features, targets, weights, 2, seed=seed)
            trainer.cross_fit(loss, inner)
            logits = trainer.fit(loss, boosting.MAX_ROUNDS).logits(features)
            assert ((logits > 0) == targets).all()


def test_missing_values_do_not_stop_the_linear_model():
    holes = X.copy()
    holes[::3, 1] = np.nan
    holes[:, 3] = np.nan
    logits = Linear(holes, BINARY, ONES, 2).fit(focalis.parse("cross_entropy")).logits(holes)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("model", ["lightgbm", "xgboost", "catboost", "linear"])
def test_a_fitted_model_can_be_pickled(model):
    fitted = make_trainer(model, X, THREE, ONES, 3).fit(loss_for("focal", 3), 5)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.logits(X), fitted.logits(X))


def test_an_unknown_model():
    with pytest.raises(ValueError, match=r"model: expected .*'catboost' or 'linear', got 'forest'"):
        make_trainer("forest", X, BINARY, ONES, 2)


def test_many_rows_take_the_compiled_engine():
    few, many = (Rows(np.zeros(n, np.int64), np.ones(n), 2) for n in (100, 30_000))
    assert (few.engine, many.engine) == ("numpy", "auto")
