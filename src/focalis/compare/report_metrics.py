"""The metrics of a comparison: their names, which way is better, and how they are written.

The HTML report and the terminal table both use this list, so that they name, order, round and mark the
same numbers in the same way.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]
"""What ``results.json`` holds: ``data``, ``settings``, ``losses`` and ``verdict``."""


@dataclass(frozen=True)
class Metric:
    """One column of the comparison.

    ``key`` is its name in ``results["losses"][i]["metrics"]``, ``label`` the one for readers, ``short``
    that of a narrow column.
    """

    key: str
    label: str
    short: str
    higher_is_better: bool


PRIMARY = "average_precision"

RANKING = (
    Metric(PRIMARY, "average precision", "AP", True),
    Metric("roc_auc", "ROC AUC", "AUC", True),
    Metric("f1", "F1", "F1", True),
    Metric("recall", "recall", "recall", True),
    Metric("balanced_accuracy", "balanced accuracy", "bal. acc.", True),
    Metric("fit_seconds", "fit seconds", "fit s", False),
)
"""How well the scores rank and decide, and what training costs."""

PROBABILITIES = tuple(
    Metric(f"{score}_{source}", f"{label}, {source_label}", f"{short} {source_short}", False)
    for score, label, short in (
        ("log_loss", "log loss", "log loss"),
        ("brier", "Brier score", "Brier"),
        ("ece", "calibration error", "ECE"),
    )
    for source, source_label, source_short in (
        ("link", "raw", "raw"),
        ("posterior", "corrected", "corr."),
        ("isotonic", "isotonic", "iso."),
    )
)
"""How far to trust the probabilities: raw link, corrected posterior, isotonic baseline."""

METRICS = RANKING + PROBABILITIES


def figure_of(loss: Results, key: str, part: str) -> float | None:
    """Return one number of one loss, or None if it is null, missing or not finite."""
    value = (loss["metrics"].get(key) or {}).get(part)
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def best(losses: Sequence[Results], metric: Metric) -> set[int]:
    """Return the positions of the best means in a column; means that print alike tie."""
    digits = decimals(losses, metric)
    written = {
        i: round(mean, digits)
        for i, loss in enumerate(losses)
        if (mean := figure_of(loss, metric.key, "mean")) is not None
    }
    # If all losses are equal, none is best, and marking each would only be noise.
    if len(set(written.values())) < 2:
        return set()
    winner = (max if metric.higher_is_better else min)(written.values())
    return {i for i, value in written.items() if value == winner}


def decimals(losses: Sequence[Results], metric: Metric) -> int:
    """Return how many decimals a column needs to show its narrowest interval with two digits.

    Scores have three to five, so that small ones (a Brier score of 0.004) remain distinguishable; for
    seconds it depends on the slowest.
    """
    if metric.key == "fit_seconds":
        slowest = max((figure_of(loss, metric.key, "mean") or 0.0 for loss in losses), default=0.0)
        return 0 if slowest >= 100 else 1 if slowest >= 10 else 2
    widths = [
        (high - low) / 2
        for loss in losses
        if (low := figure_of(loss, metric.key, "low")) is not None
        and (high := figure_of(loss, metric.key, "high")) is not None
        and high > low
    ]
    if not widths:
        return 3
    return min(5, max(3, 1 - math.floor(math.log10(min(widths)))))


def number(value: float | None, digits: int, *, signed: bool = False) -> str:
    """Write a number in ASCII, or ``n/a`` if it is missing; a number that rounds to 0 has no sign."""
    if value is None:
        return "n/a"
    rounded = round(value, digits)
    if rounded == 0:
        return f"{0:.{digits}f}"
    return f"{rounded:{'+' if signed else ''}.{digits}f}"


def interval(low: float | None, high: float | None, digits: int, *, signed: bool = False) -> str:
    """Write an interval as ``[low, high]``, or nothing if either end is missing."""
    if low is None or high is None:
        return ""
    return f"[{number(low, digits, signed=signed)}, {number(high, digits, signed=signed)}]"


def p_value(p: float | None) -> str:
    """Write a p-value with the digits that matter."""
    if p is None:
        return "n/a"
    if p < 0.001:
        return "<0.001"
    # 0.0496 must not appear as 0.05: near the usual threshold the third digit decides.
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
