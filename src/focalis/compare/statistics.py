"""How certain the differences between losses are: intervals, p values and a verdict.

Scores from overlapping training sets are not independent, so a plain t-test finds differences that do
not exist. Nadeau and Bengio (2003), "Inference for the generalization error", Machine Learning 52,
replace its 1/J by 1/J + n_test/n_train; Bouckaert and Frank (2004) show that this holds for repeated
cross-validation, where J = folds × repeats.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

ALPHA = 0.05


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval and the p value of "it is zero"; None if undefined."""

    mean: float | None
    low: float | None
    high: float | None
    p: float | None


def corrected_t_test(scores: ArrayLike, test_to_train: float) -> Estimate:
    """Estimate the mean of scores, or of paired differences, from resampling.

    There is one for each fold and repeat. `test_to_train` is the number of test rows over training
    rows, 1 / (folds − 1) in cross-validation. If a score is undefined (NaN), so is the estimate;
    interval and p need two scores, and p is None if all scores are equal, since no t exists.

    Examples
    --------
    >>> estimate = corrected_t_test([0.02, 0.03, 0.01, 0.02, 0.02], test_to_train=0.25)
    >>> round(estimate.mean, 3), round(estimate.p, 4)
    (0.02, 0.0135)
    >>> corrected_t_test([0.0, 0.0], 0.25)
    Estimate(mean=0.0, low=0.0, high=0.0, p=None)
    """
    from scipy.stats import t as student

    values = np.asarray(scores, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        return Estimate(None, None, None, None)
    mean = float(values.mean())
    if values.size == 1:
        return Estimate(mean, None, None, None)
    if np.ptp(values) == 0:
        return Estimate(mean, mean, mean, None)
    error = math.sqrt((1 / values.size + test_to_train) * float(values.var(ddof=1)))
    reach = float(student.ppf(1 - ALPHA / 2, values.size - 1)) * error
    p = 2 * float(student.sf(abs(mean) / error, values.size - 1))
    return Estimate(mean, mean - reach, mean + reach, p)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p values for their number by Holm's method (1979); None stays, but counts as one.

    Examples
    --------
    >>> holm([0.01, 0.04, None, 0.03])
    [0.04, 0.09, None, 0.09]
    """
    corrected: list[float | None] = [None] * len(p_values)
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(p_values) - rank)))
        corrected[index] = largest
    return corrected


def winner(losses: Sequence[dict[str, object]]) -> str:
    """Name the loss to train with: cross-entropy unless another one is significantly better.

    It is, of the losses with a positive difference in average precision and a corrected p below .05,
    the one with the best mean. `losses` is that part of results.json, cross-entropy first.
    """
    better = [entry for entry in losses[1:] if _significant(entry) and _primary(entry)[1] > 0]
    best = max(better, key=lambda entry: _primary(entry)[0], default=losses[0])
    return str(best["name"])


def verdict(losses: Sequence[dict[str, object]]) -> str:
    """Say in two plain sentences what the losses, that part of results.json, achieve."""
    baseline = losses[0]
    if len(losses) == 1:
        return (
            f"Only {baseline['name']} was trained: average precision {_primary(baseline)[0]:.4f}. "
            "There is nothing to compare it with."
        )
    chosen = winner(losses)
    if chosen != baseline["name"]:
        entry = next(entry for entry in losses if entry["name"] == chosen)
        mean, difference, low, high, p = _primary(entry)
        return (
            f"{chosen} ranks better than {baseline['name']}: average precision {mean:.4f} against "
            f"{_primary(baseline)[0]:.4f}, {difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f}, "
            f"Holm-corrected p = {p:.2g}). Train with {chosen}."
        )
    worse = [str(entry["name"]) for entry in losses[1:] if _significant(entry)]
    best = max(losses[1:], key=lambda entry: _primary(entry)[0])
    mean, difference, low, high, _ = _primary(best)
    measured = (
        f"{best['name']}, the best of the others, has an average precision of {mean:.4f} against "
        f"{_primary(baseline)[0]:.4f} for {baseline['name']}, {difference:+.4f}"
    )
    interval = f" (95 % interval {low:+.4f} to {high:+.4f})" if not math.isnan(low) else ""
    if len(worse) == len(losses) - 1:
        return f"{measured}{interval}. {baseline['name']} is better than every other loss: stay with it."
    if worse:
        conclusion = (
            f"That is no difference that these data can show, and {_listing(worse)} "
            f"{'is' if len(worse) == 1 else 'are'} worse: stay with {baseline['name']}."
        )
    else:
        conclusion = (
            f"That is no difference that these data can show: stay with {baseline['name']}."
        )
    return f"{measured}{interval}. {conclusion}"


def _listing(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _primary(entry: dict[str, object]) -> tuple[float, float, float, float, float]:
    """Return mean, difference, its interval and p of average precision, NaN where undefined."""
    metrics = entry["metrics"]
    if not isinstance(metrics, dict):
        raise TypeError(f"metrics: expected a dict, got {type(metrics).__name__}")
    values = metrics["average_precision"]
    keys = ("mean", "difference", "difference_low", "difference_high", "p")
    mean, difference, low, high, p = (
        math.nan if values[key] is None else float(values[key]) for key in keys
    )
    return mean, difference, low, high, p


def _significant(entry: dict[str, object]) -> bool:
    return _primary(entry)[4] < ALPHA
