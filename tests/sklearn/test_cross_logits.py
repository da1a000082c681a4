"""What comparisons train with, and others may: folds in step, a callback, curvature counted in rows."""

import numpy as np
import pytest
from classifier_data import EVERY_BOOSTER, FEW, cancer, wine

from focalis import Loss, margin
from focalis.boosting.starts import mean_curvature
from focalis.sklearn import BoostedClassifier, LinearClassifier

ROWS = 120
FOLDS = [(np.arange(40, ROWS), np.arange(40)), (np.arange(80), np.arange(80, ROWS))]


def some(data):
    features, labels = data()
    order = np.random.default_rng(0).permutation(len(labels))[:ROWS]
    return features[order], labels[order]


@pytest.mark.slow
@EVERY_BOOSTER
@pytest.mark.parametrize("data", [cancer, wine])
def test_held_out_rows_have_logits_of_boosters_that_have_not_seen_them(booster, data):
    features, labels = some(data)
    calls = []
    model = BoostedClassifier("focal(gamma=1)", booster, n_estimators=4, n_jobs=1)
    logits, rounds = model.cross_logits(features, labels, FOLDS, callback=lambda: calls.append(1))
    assert rounds == 4
    assert len(calls) == len(FOLDS) * rounds
    assert not hasattr(model, "booster_")
    shape = () if data is cancer else (3,)
    assert logits.shape == (ROWS, *shape)
    assert np.isnan(logits[40:80]).all()
    assert np.isfinite(logits[:40]).all()
    assert np.isfinite(logits[80:]).all()
    # Labels change places among the rows of one fold: only the other fold learns from them. In any
    # order of the folds and their rows.
    moved = labels.copy()
    moved[:40] = labels[:40][::-1]
    folds = [(fit_on[::-1].tolist(), held[::-1].tolist()) for fit_on, held in FOLDS[::-1]]
    again, _ = model.cross_logits(features, moved, iter(folds))
    np.testing.assert_array_equal(again[:40], logits[:40])
    assert not np.array_equal(again[80:], logits[80:])


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ([], "at least one pair, got none"),
        ([*FOLDS, (np.arange(60), np.array([100, 7]))], "no row out twice, got row 7 again"),
        ([(np.arange(ROWS) > 9, np.arange(ROWS) <= 9)], "row numbers, got one of bool"),
        ([(np.arange(9), np.arange(0))], "non-empty arrays"),
        ([(np.arange(9), np.array([ROWS]))], f"from 0 to {ROWS - 1}, got {ROWS} to {ROWS}"),
        ([(np.arange(9), np.array([-1]))], "got -1 to -1"),
    ],
)
def test_folds_that_are_none_are_refused(folds, message):
    with pytest.raises(ValueError, match=f"folds must .*{message}"):
        BoostedClassifier(**FEW).cross_logits(*some(cancer), folds)


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("curvature", ["native", "exact", "fisher"])
def test_curvature_in_rows_is_1_in_the_mean_at_the_start(n_classes, curvature):
    features, labels = some(cancer if n_classes == 2 else wine)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, ROWS)
    model = BoostedClassifier(
        "focal(gamma=2, alpha=.25)",
        curvature=curvature,
        curvature_unit="row",
        n_estimators=1,
        n_jobs=1,
    ).fit(features, labels, weight)
    start = np.broadcast_to(model.initial_logits_, (ROWS, *np.shape(model.initial_logits_)))
    _, hess = model.loss_.grad_and_hess(
        start,
        labels if n_classes == 3 else labels.astype(float),
        sample_weight=weight,
        curvature="clipped" if curvature == "native" else curvature,
    )
    outputs = 1 if n_classes == 2 else 3
    assert model.scale_ * hess.sum() == pytest.approx(weight.sum() * outputs)


def test_the_unit_of_curvature_is_what_penalties_count_in():
    """A penalty is the same share of all rows under every loss, and another under cross-entropy's."""
    features, labels = some(cancer)
    found = {}
    for unit in ("row", "cross_entropy"):
        for loss in ("cross_entropy", Loss("sigmoid", margin.cross_entropy(), alpha=0.5)):
            model = BoostedClassifier(loss, curvature_unit=unit, lambda_l2=5.0, **FEW)
            found[unit, str(loss)] = model.fit(features, labels).raw_logits(features)
    (row, halved), (plain, _) = (list(found.values())[i : i + 2] for i in (0, 2))
    np.testing.assert_allclose(row, halved, rtol=1e-5, atol=1e-6)
    assert not np.allclose(row, plain, rtol=0.01)
    curvature = mean_curvature(model.loss_, "clipped", np.bincount(labels))
    # That of cross-entropy's, once its penalty is so many rows' curvature there.
    model.set_params(loss="cross_entropy", lambda_l2=5.0 * 2 * curvature)
    model.set_params(min_sum_hessian_in_leaf=2 * curvature * 1e-3)
    same = model.fit(features, labels).raw_logits(features)
    np.testing.assert_allclose(same, row, rtol=1e-4, atol=1e-5)


def test_a_unit_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"curvature_unit must be .*, got 'rows'"):
        BoostedClassifier(curvature_unit="rows", **FEW).fit(*some(cancer))
    model = BoostedClassifier(warm_start=True, **FEW).fit(*some(cancer))
    with pytest.raises(ValueError, match="curvature_unit was 'cross_entropy', got 'row'"):
        model.set_params(curvature_unit="row", n_estimators=9).fit(*some(cancer))


class StoppedError(Exception):
    pass


@pytest.mark.parametrize(
    "model",
    [
        *(BoostedClassifier(booster=one, **FEW) for one in ("lightgbm", "xgboost", "catboost")),
        LinearClassifier("cross_entropy", tol=1e-4),
    ],
    ids=["lightgbm", "xgboost", "catboost", "linear"],
)
def test_a_callback_is_called_each_round_and_may_end_a_training(model):
    features, labels = some(cancer)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    calls = []
    model.fit(features, labels, callback=lambda: calls.append(1))
    rounds = getattr(model, "n_iter_", None) or model.n_estimators_
    assert len(calls) == rounds > 2
    plain = model.raw_logits(features)
    np.testing.assert_array_equal(model.fit(features, labels).raw_logits(features), plain)

    def stop():
        calls.append(1)
        if len(calls) == 2:
            raise StoppedError

    calls.clear()
    with pytest.raises(StoppedError):
        model.fit(features, labels, callback=stop)
    assert len(calls) == 2
