"""What a comparison trains: estimators of `focalis.sklearn`, with settings shared by all losses.

A loss is scaled so that the mean curvature per row is 1 where training starts, and row weights are
scaled to a mean of 1. Penalties and floors then count rows for every data set and every loss, whatever
the unit of the weights.
"""

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import focalis
from focalis.boosting.starts import mean_curvature

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

LEARNING_RATE = 0.2
MAX_ROUNDS = 100
PATIENCE = 10
# As a share of the curvature of all rows at the start. LightGBM estimates a leaf's number of rows from
# its share of the curvature, and adds 1e-15 to every sum of curvatures: a leaf whose total is below that
# can seem to hold rows when it holds none, and training ends with "Check failed: left_count > 0". This
# value is far above that number and the rounding of the sums, and far below any leaf worth splitting.
LEAST_CURVATURE_SHARE = 1e-9
# XGBoost, unlike LightGBM, cannot limit the rows of a leaf: use the curvature of this many at the start.
LEAST_ROWS = 5.0
MAX_ITERATIONS = 300
# On the gradient, in units of a row's curvature at the start.
TOLERANCE = 1e-5

_ERRORS = {
    "lightgbm": ("lightgbm.basic", "LightGBMError"),
    "xgboost": ("xgboost.core", "XGBoostError"),
    "catboost": ("catboost", "CatBoostError"),
}


def errors_of(model: str) -> tuple[type[Exception], ...]:
    """Return the exceptions raised when a model's library cannot train."""
    if model not in _ERRORS:
        return ()
    module, name = _ERRORS[model]
    # The estimators raise ValueError for failures that the library does not report itself.
    return (getattr(importlib.import_module(module), name), ValueError)


def posterior_or_none(loss: focalis.Loss, logits: Floats) -> Floats | None:
    """Return the posterior, or None where the loss does not determine one."""
    try:
        found: Floats = loss.posterior(logits)
    except ValueError:
        # The models' logits are finite and of the right shape, which leaves one reason: a loss such as
        # generalised cross-entropy at kappa = 1. The results then say null.
        return None
    return found


def unit_weights(weights: Floats) -> Floats:
    """Return row weights scaled to a mean of 1."""
    unit: Floats = weights / weights.mean()
    return unit


def arguments(model: str, loss: focalis.Loss, targets: Indices, weights: Floats) -> dict[str, Any]:
    """Return the arguments of a model's estimator, except loss, seed and threads.

    In a booster no leaf moves a logit by more than 5 before the learning rate, because well-classified
    rows have a tiny curvature. The L2 penalty of boosters and linear models counts as one row: the
    weights have a mean of 1.
    """
    if model == "linear":
        curvature = mean_curvature(loss, "clipped", np.bincount(targets, weights))
        return {"C": 1 / curvature, "tol": TOLERANCE * curvature, "max_iter": MAX_ITERATIONS}
    by_library: dict[str, dict[str, Any]] = {
        "lightgbm": {
            "num_leaves": 31,
            "min_data_in_leaf": 20,
            "min_sum_hessian_in_leaf": LEAST_CURVATURE_SHARE * len(targets),
            "lambda_l2": 1.0,
            "max_delta_step": 5.0,
            "deterministic": True,
            "force_col_wise": True,
        },
        "xgboost": {
            "max_depth": 6,
            "min_child_weight": LEAST_ROWS,
            "reg_lambda": 1.0,
            "max_delta_step": 5.0,
            "tree_method": "hist",
        },
        "catboost": {"depth": 6, "l2_leaf_reg": 1.0},
    }
    return {
        "booster": model,
        "curvature_unit": "row",
        "learning_rate": LEARNING_RATE,
        **by_library[model],
    }


def check_start(loss: focalis.Loss, targets: Indices, weights: Floats) -> None:
    """Raise a ValueError if no finite constant minimises the loss, or the loss is flat there."""
    mean_curvature(loss, "clipped", np.bincount(targets, weights))


@dataclass(frozen=True, eq=False)
class TrainingFold:
    """A training fold, prepared once and then trained on with each loss in turn.

    `tick` is called often; an exception from it ends training.
    """

    model: str
    features: Floats | NDArray[np.float32]
    targets: Indices
    weights: Floats
    seed: int = 0
    threads: int = 1
    tick: Callable[[], None] | None = None

    def estimator(self, loss: focalis.Loss) -> Any:
        """Return an untrained estimator."""
        from focalis.sklearn import BoostedClassifier, LinearClassifier

        settings = arguments(self.model, loss, self.targets, self.weights)
        if self.model == "linear":
            return LinearClassifier(loss, **settings)
        return BoostedClassifier(
            loss,
            **settings,
            n_estimators=MAX_ROUNDS,
            early_stopping_rounds=PATIENCE,
            random_state=self.seed,
            n_jobs=self.threads,
        )

    def cross_fit(
        self, loss: focalis.Loss, inner: Sequence[tuple[Indices, Indices]]
    ) -> tuple[Floats, int]:
        """Return the logits of the held-out rows, fold by fold, and the best number of rounds or 0."""
        estimator = self.estimator(loss)
        if self.model != "linear":
            logits, rounds = estimator.cross_logits(
                self.features, self.targets, inner, self.weights, callback=self.tick
            )
            return logits[np.concatenate([held for _, held in inner])], rounds
        found = []
        for fit_on, held in inner:
            self._fit(estimator, fit_on)
            found.append(estimator.raw_logits(self.features[held]))
        return np.concatenate(found), 0

    def fit(self, loss: focalis.Loss, rounds: int) -> Any:
        """Return the estimator, trained on all rows for this many rounds."""
        estimator = self.estimator(loss)
        if self.model != "linear":
            estimator.set_params(n_estimators=rounds, early_stopping_rounds=None)
        return self._fit(estimator, np.arange(len(self.targets)))

    def _fit(self, estimator: Any, rows: Indices) -> Any:
        from sklearn.exceptions import ConvergenceWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return estimator.fit(
                self.features[rows], self.targets[rows], self.weights[rows], callback=self.tick
            )
