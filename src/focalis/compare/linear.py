"""A linear model: SciPy's L-BFGS on a loss of focalis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import focalis
from focalis.compare.starts import Floats, Indices, Rows, Start, Starts, no_tick

__all__ = ["Linear", "LinearMap"]

MAX_ITERATIONS = 300
L2_PENALTY = 1.0


@dataclass(frozen=True, eq=False)
class LinearMap:
    """Standardised features times weights plus an intercept."""

    standardiser: Any
    weights: Floats
    intercept: Floats

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Return the logits of rows of features."""
        standard = self.standardiser.transform(features.astype(np.float64))
        return np.asarray(standard @ self.weights + self.intercept)


class Linear:
    """A linear model on standardised features under SciPy's L-BFGS, with a small L2 penalty.

    Missing values become the column's mean, with an indicator column beside it. The intercept starts at
    the loss's initial logits, the weights at zero; the penalty is worth one row's curvature.

    Parameters
    ----------
    features, targets, weights, n_classes
        As of `focalis.compare.boosting.LightGBM`.
    """

    def __init__(
        self, features: NDArray[np.float32], targets: Indices, weights: Floats, n_classes: int
    ) -> None:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        imputer = SimpleImputer(add_indicator=True, keep_empty_features=True)
        self._standardiser = make_pipeline(imputer, StandardScaler())
        self._features = self._standardiser.fit_transform(features.astype(np.float64))
        self._rows = Rows(targets, weights, n_classes)
        self._starts = Starts(self._rows)

    def cross_fit(
        self,
        loss: focalis.Loss,
        inner: Sequence[tuple[Indices, Indices]],
        tick: Callable[[], None] = no_tick,
    ) -> tuple[Floats, int]:
        """Fit each inner fold and predict what it holds out.

        Returns
        -------
        logits : NDArray[np.float64]
            Of the rows held out, fold after fold.
        rounds : int
            0: there is nothing to stop early.
        """
        logits = []
        for fit_on, held_out in inner:
            rows = self._rows.take(fit_on)
            weights, intercept = _minimise(
                loss, self._starts[loss], self._features[fit_on], rows, tick
            )
            logits.append(self._features[held_out] @ weights + intercept)
        return np.concatenate(logits), 0

    def fit(
        self, loss: focalis.Loss, rounds: int = 0, tick: Callable[[], None] = no_tick
    ) -> LinearMap:
        """Fit on all rows; `rounds` means nothing here."""
        weights, intercept = _minimise(loss, self._starts[loss], self._features, self._rows, tick)
        return LinearMap(self._standardiser, weights, intercept)


def _minimise(
    loss: focalis.Loss,
    start: Start,
    features: Floats,
    rows: Rows,
    tick: Callable[[], None],
) -> tuple[Floats, Floats]:
    """Return the weights, (features,) or (features, classes), and the intercept."""
    from scipy.optimize import minimize

    truth = rows.truth
    summed = replace(loss, reduction="sum")
    scale = start.scale / len(truth)
    penalty = L2_PENALTY / len(truth)
    shape = (features.shape[1], *start.logits.shape)
    split = math.prod(shape)

    def objective(parameters: Floats) -> tuple[float, Floats]:
        tick()
        weights = parameters[:split].reshape(shape)
        intercept = parameters[split:].reshape(start.logits.shape)
        value, slope = summed.value_and_grad(
            features @ weights + intercept,
            truth,
            sample_weight=rows.weights,
            engine=rows.engine,
        )
        weights_slope = features.T @ slope * scale + penalty * weights
        intercept_slope = np.sum(slope, axis=0) * scale
        total = float(value) * scale + penalty / 2 * float(np.sum(weights**2))
        return total, np.concatenate([weights_slope.ravel(), intercept_slope.ravel()])

    first = np.concatenate([np.zeros(split), start.logits.ravel()])
    found = minimize(
        objective, first, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS}
    ).x
    return found[:split].reshape(shape), found[split:].reshape(start.logits.shape)
