"""The metrics of a comparison, from scikit-learn; with several classes, macro one-vs-rest.

Scores and truths are matrices with one column per yes/no question: one column for a binary target, one
per class otherwise. Every metric except the log loss is the mean over these columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

METRICS = (
    "average_precision",
    "roc_auc",
    "f1",
    "recall",
    "balanced_accuracy",
    *(
        f"{score}_{source}"
        for score in ("log_loss", "brier", "ece")
        for source in ("link", "posterior", "isotonic")
    ),
    "fit_seconds",
)

_UNBOUNDED = ("log_loss", "fit_seconds")

_BINS = 15


def bounds(metric: str) -> tuple[float, float]:
    """Return the smallest and the largest value that a metric can have.

    Examples
    --------
    >>> bounds("average_precision"), bounds("log_loss_link")
    ((0.0, 1.0), (0.0, inf))
    """
    return 0.0, np.inf if metric.startswith(_UNBOUNDED) else 1.0


def questions(targets: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Turn class indices into answers, 0 or 1: (rows, 1) for two classes, else (rows, n_classes).

    Examples
    --------
    >>> questions(np.array([0, 1]), 2).tolist()
    [[0], [1]]
    >>> questions(np.array([0, 2]), 3).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    asked = np.array([1]) if n_classes == 2 else np.arange(n_classes)
    return np.asarray(targets[:, None] == asked, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Decider:
    """One threshold per yes/no question: at or above it the answer is yes."""

    thresholds: Floats

    @classmethod
    def fit(cls, scores: Floats, truths: NDArray[np.int64], weights: Floats) -> Decider:
        """Choose the thresholds with the best F1 on out-of-fold scores (rows, questions).

        Each lies half-way between the lowest score that means yes and the next one below.

        Examples
        --------
        >>> scores, truths = np.array([[0.1], [0.2], [0.6], [0.9]]), np.array([[0], [0], [1], [1]])
        >>> Decider.fit(scores, truths, np.ones(4)).thresholds
        array([0.4])
        """
        columns = range(scores.shape[1])
        chosen = [_best_f1_threshold(scores[:, k], truths[:, k], weights) for k in columns]
        return cls(np.array(chosen))

    def metrics(
        self, scores: Floats, truths: NDArray[np.int64], weights: Floats
    ) -> dict[str, float]:
        """Return f1, recall and balanced_accuracy of the decisions."""
        from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

        answers = (scores >= self.thresholds).astype(np.int64)
        return {
            "f1": _mean(f1_score, truths, answers, weights, zero_division=0.0),
            "recall": _mean(recall_score, truths, answers, weights, zero_division=0.0),
            "balanced_accuracy": _mean(balanced_accuracy_score, truths, answers, weights),
        }


def _mean(
    metric: Callable[..., Any],
    truths: NDArray[np.int64],
    answers: NDArray[Any],
    weights: Floats,
    **settings: Any,
) -> float:
    """Return the mean over the questions of one of scikit-learn's metrics."""
    columns = zip(truths.T, answers.T, strict=True)
    each = [metric(truth, said, sample_weight=weights, **settings) for truth, said in columns]
    return float(np.mean(each))


def _best_f1_threshold(scores: Floats, truth: NDArray[np.int64], weights: Floats) -> float:
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(truth, scores, sample_weight=weights)
    total = precision[:-1] + recall[:-1]
    f1 = 2 * precision[:-1] * recall[:-1] / np.where(total == 0, 1.0, total)
    best = int(f1.argmax())
    lowest_yes = float(thresholds[best])
    return lowest_yes if best == 0 else (float(thresholds[best - 1]) + lowest_yes) / 2


@dataclass(frozen=True, eq=False)
class Isotonic:
    """Isotonic recalibration, the baseline to judge the closed-form posterior by.

    One increasing step function per yes/no question; with several classes each row is then divided by
    its sum. The outermost steps often contain rows of one class only, and a probability of exactly 0 or
    1 costs an infinite log loss if it is wrong once, so probabilities are kept 1/(rows + 2) away from
    both, which is Laplace's rule for a step that contains all rows.
    """

    steps: tuple[object, ...]
    margin: float

    @classmethod
    def fit(cls, scores: Floats, truths: NDArray[np.int64], weights: Floats) -> Isotonic:
        """Fit on out-of-fold scores (rows, questions)."""
        from sklearn.isotonic import IsotonicRegression

        steps = tuple(
            IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
                scores[:, k], truths[:, k], sample_weight=weights
            )
            for k in range(scores.shape[1])
        )
        return cls(steps, 1 / (len(scores) + 2))

    def __call__(self, scores: Floats) -> Floats:
        """Return the probabilities of the positive class, or of every class."""
        columns = [step.predict(scores[:, k]) for k, step in enumerate(self.steps)]  # type: ignore[attr-defined]
        inside: Floats = np.clip(np.stack(columns, axis=1), self.margin, 1 - self.margin)
        if len(columns) == 1:
            return inside
        return np.asarray(inside / inside.sum(axis=1, keepdims=True))


def ranking_metrics(scores: Floats, truths: NDArray[np.int64], weights: Floats) -> dict[str, float]:
    """Return average_precision and roc_auc of scores that increase with the probability."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    return {
        "average_precision": _mean(average_precision_score, truths, scores, weights),
        "roc_auc": _mean(roc_auc_score, truths, scores, weights),
    }


def calibration_metrics(
    probabilities: Floats, truths: NDArray[np.int64], weights: Floats
) -> dict[str, float]:
    """Return log_loss over all classes at once, and brier and ece as means over the questions."""
    from sklearn.metrics import brier_score_loss, log_loss

    if probabilities.shape[1] == 1:
        loss = log_loss(truths[:, 0], probabilities[:, 0], sample_weight=weights, labels=[0, 1])
    else:
        # Rounding may leave a row's sum slightly off 1, which scikit-learn warns about.
        rows = probabilities / probabilities.sum(axis=1, keepdims=True)
        loss = log_loss(
            truths.argmax(axis=1), rows, sample_weight=weights, labels=list(range(truths.shape[1]))
        )
    return {
        "log_loss": float(loss),
        "brier": _mean(brier_score_loss, truths, probabilities, weights),
        "ece": _mean(expected_calibration_error, truths, probabilities, weights),
    }


def expected_calibration_error(
    truth: NDArray[np.int64], probability: Floats, sample_weight: Floats
) -> float:
    """Return the mean distance between predicted and observed frequency, over 15 equally wide bins.

    Guo et al. (2017), "On calibration of modern neural networks", for the probability of yes.

    Examples
    --------
    >>> truth, sure = np.array([0, 1, 1, 1]), np.array([0.9, 0.9, 0.9, 0.9])
    >>> round(expected_calibration_error(truth, sure, np.ones(4)), 6)
    0.15
    """
    bins = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
    surplus = np.bincount(bins, sample_weight * (probability - truth), minlength=_BINS)
    return float(np.abs(surplus).sum() / sample_weight.sum())
