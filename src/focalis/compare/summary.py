"""From the rows of all folds to the losses' part of results.json."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from focalis.compare.metrics import METRICS, bounds
from focalis.compare.statistics import corrected_t_test, holm

PRIMARY = "average_precision"


def summarise(
    rows: Sequence[dict[str, Any]], losses: Sequence[tuple[str, str]], test_to_train: float
) -> list[dict[str, Any]]:
    """Summarise each loss over all folds, and compare it with the first one, fold by fold.

    `rows` has one for each loss, repeat and fold, `losses` the name and text of each. The result has,
    for each metric, the mean and the difference from the first loss with their 95 % intervals; the
    interval of a mean is cut to the metric's range. Only the average precision is tested, so only it
    has a p, Holm-corrected over the losses; `p_uncorrected` is its value before that.
    """
    baseline = _of(rows, losses[0][0])
    entries = [
        {
            "name": name,
            "loss": text,
            "rounds": int(np.median([row["rounds"] for row in _of(rows, name)])),
            "thresholds": np.median(
                [row["thresholds"] for row in _of(rows, name)], axis=0
            ).tolist(),
            "metrics": {
                metric: _compare(_of(rows, name), baseline, metric, test_to_train)
                for metric in METRICS
            },
        }
        for name, text in losses
    ]
    tested = [entry["metrics"][PRIMARY] for entry in entries[1:]]
    corrected = holm([values["p_uncorrected"] for values in tested])
    for values, p in zip(tested, corrected, strict=True):
        values["p"] = p
    for entry in entries:
        for metric, values in entry["metrics"].items():
            if metric != PRIMARY:
                values["p_uncorrected"] = None
    return entries


def _of(rows: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["loss"] == name]


def _compare(
    rows: list[dict[str, Any]], baseline: list[dict[str, Any]], metric: str, test_to_train: float
) -> dict[str, float | None]:
    scores = np.array([row[metric] for row in rows], dtype=np.float64)  # None becomes NaN
    absolute = corrected_t_test(scores, test_to_train)
    least, greatest = bounds(metric)
    summary: dict[str, float | None] = {
        "mean": absolute.mean,
        "low": None if absolute.low is None else max(absolute.low, least),
        "high": None if absolute.high is None else min(absolute.high, greatest),
    }
    keys = ("difference", "difference_low", "difference_high", "p_uncorrected")
    if rows == baseline:
        return {**summary, **dict.fromkeys(keys), "p": None}
    against = np.array([row[metric] for row in baseline], dtype=np.float64)
    difference = corrected_t_test(scores - against, test_to_train)
    values = (difference.mean, difference.low, difference.high, difference.p)
    return {**summary, **dict(zip(keys, values, strict=True)), "p": None}
