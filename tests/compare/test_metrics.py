import numpy as np
import pytest
from sklearn import metrics as sk

from focalis.compare.metrics import (
    METRICS,
    Decider,
    Isotonic,
    calibration_metrics,
    expected_calibration_error,
    questions,
    ranking_metrics,
)

GENERATOR = np.random.default_rng(0)
ROWS = 300
TARGETS = GENERATOR.integers(0, 2, ROWS)
SCORES = (TARGETS + GENERATOR.standard_normal(ROWS)).reshape(-1, 1)
WEIGHTS = GENERATOR.integers(1, 4, ROWS).astype(float)
TRUTHS = questions(TARGETS, 2)
PROBABILITIES = 1 / (1 + np.exp(-SCORES))

THREE = GENERATOR.integers(0, 3, ROWS)
THREE_TRUTHS = questions(THREE, 3)
THREE_PROBABILITIES = GENERATOR.dirichlet([1, 1, 1], ROWS) * 0.5 + 0.5 * THREE_TRUTHS


def all_metrics(scores, probabilities, truths, weights):
    decider = Decider.fit(scores, truths, weights)
    return {
        **ranking_metrics(scores, truths, weights),
        **decider.metrics(scores, truths, weights),
        **calibration_metrics(probabilities, truths, weights),
        "threshold": decider.thresholds[0],
        "isotonic": Isotonic.fit(scores, truths, weights)(scores)[0, 0],
    }


def test_binary_metrics_are_those_of_scikit_learn():
    found = all_metrics(SCORES, PROBABILITIES, TRUTHS, WEIGHTS)
    truth, score, probability = TARGETS, SCORES[:, 0], PROBABILITIES[:, 0]
    said = score >= found["threshold"]
    weighted = {"sample_weight": WEIGHTS}
    assert found["average_precision"] == sk.average_precision_score(truth, score, **weighted)
    assert found["roc_auc"] == sk.roc_auc_score(truth, score, **weighted)
    assert found["f1"] == sk.f1_score(truth, said, **weighted)
    assert found["recall"] == sk.recall_score(truth, said, **weighted)
    assert found["balanced_accuracy"] == sk.balanced_accuracy_score(truth, said, **weighted)
    assert found["log_loss"] == pytest.approx(sk.log_loss(truth, probability, **weighted))
    assert found["brier"] == sk.brier_score_loss(truth, probability, **weighted)


def test_multiclass_metrics_are_macro_one_vs_rest():
    found = {
        **ranking_metrics(THREE_PROBABILITIES, THREE_TRUTHS, WEIGHTS),
        **calibration_metrics(THREE_PROBABILITIES, THREE_TRUTHS, WEIGHTS),
    }
    weighted = {"sample_weight": WEIGHTS}
    area = sk.roc_auc_score(THREE, THREE_PROBABILITIES, multi_class="ovr", average="macro")
    assert ranking_metrics(THREE_PROBABILITIES, THREE_TRUTHS, np.ones(ROWS))[
        "roc_auc"
    ] == pytest.approx(area)
    precision = sk.average_precision_score(
        THREE_TRUTHS, THREE_PROBABILITIES, average="macro", **weighted
    )
    assert found["average_precision"] == pytest.approx(precision)
    assert found["log_loss"] == pytest.approx(sk.log_loss(THREE, THREE_PROBABILITIES, **weighted))
    square = ((THREE_PROBABILITIES - THREE_TRUTHS) ** 2).mean(axis=1)
    assert found["brier"] == pytest.approx(np.average(square, weights=WEIGHTS))


def test_a_weight_is_a_number_of_rows():
    repeated = np.repeat(np.arange(ROWS), WEIGHTS.astype(int))
    weighted = all_metrics(SCORES, PROBABILITIES, TRUTHS, WEIGHTS)
    rows = all_metrics(
        SCORES[repeated], PROBABILITIES[repeated], TRUTHS[repeated], np.ones(len(repeated))
    )
    assert weighted == pytest.approx(rows)


@pytest.mark.slow
def test_the_threshold_is_the_best_one():
    threshold = Decider.fit(SCORES, TRUTHS, WEIGHTS).thresholds[0]

    def f1(at):
        return sk.f1_score(TARGETS, SCORES[:, 0] >= at, sample_weight=WEIGHTS)

    assert f1(threshold) == pytest.approx(max(f1(at) for at in SCORES[:, 0]))
    assert threshold not in SCORES[:, 0]  # halfway between two of them


def test_the_threshold_may_be_below_all_scores():
    scores = np.array([[1.0], [2.0]])
    assert Decider.fit(scores, np.array([[1], [1]]), np.ones(2)).thresholds == [1.0]


def test_calibration_error_by_hand():
    probability = np.array([0.05, 0.05, 0.5, 0.5, 0.95, 1.0])
    truth = np.array([0, 1, 0, 1, 1, 1])
    # Three bins with a surplus of .05+.05-1, 1-1 and .95+1-2.
    expected = (0.9 + 0.0 + 0.05) / 6
    assert expected_calibration_error(truth, probability, np.ones(6)) == pytest.approx(expected)


def test_isotonic_is_monotone_and_never_certain():
    calibrated = Isotonic.fit(SCORES, TRUTHS, WEIGHTS)(np.linspace(-9, 9, 100).reshape(-1, 1))
    assert (np.diff(calibrated[:, 0]) >= 0).all()
    assert calibrated.min() == pytest.approx(1 / (ROWS + 2))
    assert calibrated.max() == pytest.approx(1 - 1 / (ROWS + 2))


def test_isotonic_improves_what_is_badly_calibrated():
    bad = PROBABILITIES**4
    calibrated = Isotonic.fit(bad, TRUTHS, WEIGHTS)(bad)
    before, after = (calibration_metrics(p, TRUTHS, WEIGHTS) for p in (bad, calibrated))
    assert after["ece"] < 0.02 < before["ece"]
    assert after["log_loss"] < before["log_loss"]


def test_isotonic_rows_of_several_classes_sum_to_one():
    calibrated = Isotonic.fit(THREE_PROBABILITIES, THREE_TRUTHS, WEIGHTS)(THREE_PROBABILITIES)
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)


def test_names_are_unique():
    assert len(set(METRICS)) == len(METRICS) == 15
