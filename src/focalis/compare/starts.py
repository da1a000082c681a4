"""Where a training starts, and what all models need to know about the rows of a training fold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import focalis
from focalis.boosting.starts import spread

__all__ = ["Floats", "Indices", "Rows", "Start", "Starts", "check_start", "no_tick"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

COMPILE_FROM = 20_000


def no_tick() -> None:
    """Do nothing between two steps of a training."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Targets and weights of some rows, and the loss over them."""

    targets: Indices
    weights: Floats
    n_classes: int

    def take(self, index: Indices) -> Rows:
        """Return some of the rows."""
        return Rows(self.targets[index], self.weights[index], self.n_classes)

    @property
    def truth(self) -> Any:
        """The targets as the link wants them: numbers for a sigmoid, class indices for a softmax."""
        return self.targets.astype(np.float64) if self.n_classes == 2 else self.targets

    @property
    def engine(self) -> str:
        """Who evaluates the loss: on few rows NumPy is done before a kernel is compiled."""
        return "numpy" if len(self.targets) < COMPILE_FROM else "auto"

    def constant(self, logits: Floats) -> Floats:
        """Return the same logits for every row."""
        return spread(logits, len(self.targets))


@dataclass(frozen=True, eq=False)
class Start:
    """Where a training starts: the best constant logits, and what makes the curvature there 1."""

    logits: Floats
    scale: float

    @classmethod
    def of(cls, loss: focalis.Loss, rows: Rows) -> Start:
        """Find the start of a loss over a training fold; the inner folds start there too.

        Raises
        ------
        ValueError
            If no finite constant minimises the loss, or the loss is flat there.
        """
        n_classes = None if rows.n_classes == 2 else rows.n_classes
        best = loss.initial_logits(rows.truth, sample_weight=rows.weights, n_classes=n_classes)
        logits = np.asarray(best, dtype=np.float64)
        _, hessian = loss.grad_and_hess(
            rows.constant(logits),
            rows.truth,
            sample_weight=rows.weights,
            curvature="clipped",
            engine=rows.engine,
        )
        mean = float(np.mean(hessian))
        if not 0 < mean < math.inf:
            raise ValueError(f"{loss} is flat around its best constant logits, {logits}")
        return cls(logits, 1 / mean)


class Starts:
    """The starts of the losses over one training fold, each found once."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._known: dict[focalis.Loss, Start] = {}

    def __getitem__(self, loss: focalis.Loss) -> Start:
        if loss not in self._known:
            self._known[loss] = Start.of(loss, self._rows)
        return self._known[loss]


def check_start(loss: focalis.Loss, targets: Indices, weights: Floats, n_classes: int) -> None:
    """Check that a training can start from the loss's best constant.

    Parameters
    ----------
    loss : focalis.Loss
        The loss.
    targets, weights, n_classes
        Class indices, row weights and the number of classes.

    Raises
    ------
    ValueError
        If no finite constant minimises the loss, or the loss is flat there.
    """
    Start.of(loss, Rows(targets, weights, n_classes))
