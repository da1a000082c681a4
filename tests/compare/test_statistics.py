import math

import numpy as np
import pytest
from scipy import stats

from focalis.compare.metrics import METRICS
from focalis.compare.statistics import Estimate, corrected_t_test, holm, verdict, winner
from focalis.compare.summary import summarise


def test_without_overlap_it_is_the_ordinary_t_test():
    scores = np.random.default_rng(0).normal(0.02, 0.05, 10)
    ordinary = stats.ttest_1samp(scores, 0)
    interval = ordinary.confidence_interval(0.95)
    estimate = corrected_t_test(scores, test_to_train=0)
    assert estimate.mean == pytest.approx(scores.mean())
    assert estimate.p == pytest.approx(ordinary.pvalue)
    assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high))


def test_the_correction_widens_by_the_ratio_of_test_to_train():
    scores = np.random.default_rng(0).normal(0.02, 0.05, 10)
    plain, corrected = corrected_t_test(scores, 0), corrected_t_test(scores, 0.25)
    # 1/J becomes 1/J + 1/4 for ten scores of five folds: 3.5 times the variance.
    widened = (corrected.high - corrected.low) / (plain.high - plain.low)
    assert widened == pytest.approx(math.sqrt(3.5))


def test_equal_training_sets_do_not_make_significance():
    """If the folds share all the noise, the plain test errs far more often than 5 % of the time."""
    generator = np.random.default_rng(0)
    false_alarms = {0.0: 0, 0.25: 0}
    runs = 400
    for _ in range(runs):
        values = generator.standard_normal(5)  # one per fold, the same in the second repeat
        scores = np.concatenate([values, values + 0.3 * generator.standard_normal(5)])
        for ratio in false_alarms:
            false_alarms[ratio] += corrected_t_test(scores, ratio).p < 0.05
    assert false_alarms[0.0] > 0.12 * runs
    assert false_alarms[0.25] < 0.07 * runs


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], Estimate(None, None, None, None)),
        ([0.5, math.nan], Estimate(None, None, None, None)),
        ([0.5], Estimate(0.5, None, None, None)),
        ([0.5, 0.5], Estimate(0.5, 0.5, 0.5, None)),
    ],
)
def test_what_is_undefined_is_none(scores, expected):
    assert corrected_t_test(scores, 0.25) == expected


def test_holm_on_a_known_example():
    # R: p.adjust(c(.01, .02, .03, .005), "holm")
    assert holm([0.01, 0.02, 0.03, 0.005]) == pytest.approx([0.03, 0.04, 0.04, 0.02])


def test_holm_never_exceeds_one_and_keeps_order():
    assert holm([0.9, 0.8, 0.7]) == [1.0, 1.0, 1.0]
    assert holm([]) == []


def entry(name, mean, difference=None, p=None, reach=0.01):
    low = None if difference is None else difference - reach
    high = None if difference is None else difference + reach
    values = {
        "mean": mean,
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
        "p": p,
    }
    return {"name": name, "metrics": {"average_precision": values}}


BASELINE = entry("cross-entropy", 0.8)


def test_the_best_of_the_significant_wins():
    losses = [BASELINE, entry("a", 0.83, 0.03, 0.01), entry("b", 0.85, 0.05, 0.04)]
    assert winner([*losses, entry("c", 0.9, 0.1, 0.06)]) == "b"
    assert "b ranks better than cross-entropy" in verdict(losses)
    assert "Train with b." in verdict(losses)


def test_what_is_not_significant_does_not_win():
    losses = [BASELINE, entry("a", 0.83, 0.03, 0.2), entry("b", 0.7, -0.1, None)]
    assert winner(losses) == "cross-entropy"
    assert "a, the best of the others" in verdict(losses)
    assert "no difference that these data can show" in verdict(losses)
    assert "worse" not in verdict(losses)


def test_a_significant_loss_does_not_win_by_being_worse():
    losses = [BASELINE, entry("a", 0.7, -0.1, 0.001), entry("b", 0.81, 0.01, 0.5)]
    assert winner(losses) == "cross-entropy"
    assert "no difference that these data can show, and a is worse" in verdict(losses)


def test_cross_entropy_may_be_better_than_all():
    losses = [BASELINE, entry("a", 0.7, -0.1, 0.001), entry("b", 0.6, -0.2, 0.001)]
    assert "cross-entropy is better than every other loss" in verdict(losses)


@pytest.mark.parametrize(
    "losses", [[BASELINE], [BASELINE, entry("a", 0.8, 0.0)], [BASELINE, entry("a", 0.9, 0.1, 0.01)]]
)
def test_a_verdict_is_two_sentences(losses):
    assert verdict(losses).count(". ") == 1
    assert verdict(losses).endswith(".")


def test_the_interval_of_a_mean_ends_where_its_range_does():
    rows = [
        {"loss": name, "rounds": 1, "thresholds": [0.5], **dict.fromkeys(METRICS, value)}
        for name, value in (("a", 0.7), ("a", 1.0), ("b", 0.0), ("b", 0.2))
    ]
    first, second = summarise(rows, [("a", "a"), ("b", "b")], 1.0)
    for metric in METRICS:
        bounded = not metric.startswith(("log_loss", "fit"))
        assert (first["metrics"][metric]["high"] == 1.0) == bounded
        assert second["metrics"][metric]["low"] == 0.0
    values = second["metrics"]["average_precision"]
    assert values["difference_low"] < -1  # a difference is an estimate, not a score


def test_an_undefined_p_value_still_counts_as_a_comparison():
    assert holm([0.01, None, 0.04]) == pytest.approx([0.03, None, 0.08])
