"""The models that are trained on a loss: boosted trees and a linear model.

Neither knows a formula: gradients, curvatures and initial logits come from `focalis.Loss`. Both scale
the loss so that its mean curvature at the start is 1. A constant factor changes no minimiser, but it
would change how much a penalty of 1 weighs: focal losses are small numbers, class weights large ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import focalis

__all__ = ["BoostedTrees", "Fitted", "LightGBM", "Linear", "LinearMap", "Trainer", "make_trainer"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Inner = Sequence[tuple[Indices, Indices]]

LEARNING_RATE = 0.2
MAX_ROUNDS = 100
PATIENCE = 10
MAX_ITERATIONS = 300
L2_PENALTY = 1.0
COMPILE_FROM = 20_000


def _no_tick() -> None:
    """Do nothing between two steps of a training."""


class Fitted(Protocol):
    """A trained model: features in, logits out."""

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Return the logits, (rows,) of a binary model and (rows, classes) of another."""
        ...


class Trainer(Protocol):
    """A training fold, prepared once and then trained on with one loss after the other."""

    def cross_fit(
        self, loss: focalis.Loss, inner: Inner, tick: Callable[[], None] = _no_tick
    ) -> tuple[Floats, int]:
        """Return out-of-fold logits of the rows held out, in order, and the number of rounds."""
        ...

    def fit(self, loss: focalis.Loss, rounds: int, tick: Callable[[], None] = _no_tick) -> Fitted:
        """Train on all rows."""
        ...


@dataclass(frozen=True, eq=False)
class _Rows:
    """Targets and weights of some rows, and the loss over them."""

    targets: Indices
    weights: Floats
    n_classes: int

    def take(self, index: Indices) -> _Rows:
        return _Rows(self.targets[index], self.weights[index], self.n_classes)

    @property
    def truth(self) -> Any:
        """The targets as the link wants them: numbers for a sigmoid, class indices for a softmax."""
        return self.targets.astype(np.float64) if self.n_classes == 2 else self.targets

    @property
    def engine(self) -> str:
        """Who evaluates the loss: on few rows NumPy is done before a kernel is compiled."""
        return "numpy" if len(self.targets) < COMPILE_FROM else "auto"

    def start(self, loss: focalis.Loss) -> Floats:
        """Return the constant logits that minimise the loss: 0-d, or one for each class."""
        n_classes = None if self.n_classes == 2 else self.n_classes
        start = loss.initial_logits(self.truth, sample_weight=self.weights, n_classes=n_classes)
        return np.asarray(start, dtype=np.float64)

    def constant(self, start: Floats) -> Floats:
        return np.broadcast_to(start, (len(self.targets), *start.shape)).copy()

    def curvature(self, loss: focalis.Loss, start: Floats) -> float:
        """Return the mean curvature of a row's loss where training starts."""
        _, hessian = loss.grad_and_hess(
            self.constant(start),
            self.truth,
            sample_weight=self.weights,
            curvature="clipped",
            engine=self.engine,
        )
        return float(np.mean(hessian))


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """A LightGBM booster and the logits it started from."""

    booster: Any
    start: Floats

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Return the logits of rows of features."""
        raw = np.asarray(self.booster.predict(features, raw_score=True), dtype=np.float64)
        return raw + self.start


class _Boosting:
    """One booster under a loss, advanced round by round."""

    def __init__(
        self, parameters: dict[str, Any], dataset: Any, rows: _Rows, loss: focalis.Loss
    ) -> None:
        import lightgbm

        self.booster = lightgbm.Booster(parameters, dataset)
        self.start = rows.start(loss)
        scale = 1 / rows.curvature(loss, self.start)
        truth = rows.truth
        # The diagonal understates a softmax's curvature; K / (K − 1) is LightGBM's own remedy.
        classes = rows.n_classes
        widening = 1.0 if classes == 2 else classes / (classes - 1)

        def objective(raw: Floats, _: object) -> tuple[Floats, Floats]:
            gradient, hessian = loss.grad_and_hess(
                raw + self.start,
                truth,
                sample_weight=rows.weights,
                curvature="clipped",
                engine=rows.engine,
            )
            return gradient * scale, hessian * (scale * widening)

        self._objective = objective

    def advance(self) -> bool:
        """Add one tree for each logit; return whether there was nothing left to split."""
        return bool(self.booster.update(fobj=self._objective))

    def held_out_logits(self) -> Floats:
        """Return the logits of the data set that was added for validation."""
        seen: list[Floats] = []

        def look(raw: Floats, _: object) -> tuple[str, float, bool]:
            seen.append(np.array(raw, dtype=np.float64))
            return "unused", 0.0, False

        self.booster.eval_valid(look)
        return seen[0] + self.start


class LightGBM:
    """Boosted trees on the exact gradient and the curvature clipped at zero.

    A leaf is limited by its number of rows and by an L2 penalty of one row's curvature, never by its sum
    of curvatures: that is tiny for well-classified rows, and zero where a loss bends downward. For the
    same reason no leaf moves a logit by more than 5 before the learning rate.

    Parameters
    ----------
    features : NDArray[np.float32]
        The training fold.
    targets : NDArray[np.int64]
        Class indices.
    weights : NDArray[np.float64]
        Row weights.
    n_classes : int
        Two classes have one logit, more have one each.
    seed : int
        Seed of LightGBM.
    threads : int
        Threads of LightGBM; the result does not depend on them.
    """

    def __init__(
        self,
        features: NDArray[np.float32],
        targets: Indices,
        weights: Floats,
        n_classes: int,
        *,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        import lightgbm

        self._rows = _Rows(targets, weights, n_classes)
        self._parameters = {
            "objective": "none",
            "num_class": 1 if n_classes == 2 else n_classes,
            "learning_rate": LEARNING_RATE,
            "num_leaves": 31,
            "min_data_in_leaf": 20,
            "min_sum_hessian_in_leaf": 0.0,
            "lambda_l2": 1.0,
            "max_delta_step": 5.0,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": threads,
            "verbosity": -1,
        }
        # Binned once: the subsets of the inner folds share the bins, and every loss shares them all.
        self._dataset = lightgbm.Dataset(
            features, label=targets, params=self._parameters, free_raw_data=False
        ).construct()
        self._subsets: dict[int, Any] = {}

    def _subset(self, index: Indices) -> Any:
        # LightGBM sorts the index; ours is in order, so its rows are where ours are.
        key = id(index)
        if key not in self._subsets:
            subset = self._dataset.subset(index.tolist(), params=self._parameters).construct()
            self._subsets[key] = (index, subset)  # the index is kept, so that its id stays its own
        return self._subsets[key][1]

    def cross_fit(
        self, loss: focalis.Loss, inner: Inner, tick: Callable[[], None] = _no_tick
    ) -> tuple[Floats, int]:
        """Boost all inner folds in step until their mean held-out loss stops falling.

        Parameters
        ----------
        loss : focalis.Loss
            What to minimise, and what early stopping watches.
        inner : sequence of (NDArray[np.int64], NDArray[np.int64])
            Rows to fit on and rows to hold out.
        tick : callable, optional
            Called between rounds.

        Returns
        -------
        logits : NDArray[np.float64]
            Of the rows held out, fold after fold, at the best round.
        rounds : int
            The best round, one for all folds.
        """
        members = []
        for fit_on, held_out in inner:
            member = _Boosting(
                self._parameters, self._subset(fit_on), self._rows.take(fit_on), loss
            )
            member.booster.add_valid(self._subset(held_out), "held out")
            members.append(member)
        held = self._rows.take(np.concatenate([held_out for _, held_out in inner]))
        truth = held.truth
        best_value, best_round, best_logits = np.inf, 0, np.empty(0)
        for completed in range(1, MAX_ROUNDS + 1):
            tick()
            finished = [member.advance() for member in members]
            logits = np.concatenate([member.held_out_logits() for member in members])
            value = float(loss(logits, truth, sample_weight=held.weights, engine=held.engine))
            if value < best_value:
                best_value, best_round, best_logits = value, completed, logits
            if completed - best_round >= PATIENCE or all(finished):
                break
        return best_logits, best_round

    def fit(
        self, loss: focalis.Loss, rounds: int, tick: Callable[[], None] = _no_tick
    ) -> BoostedTrees:
        """Boost on all rows.

        Parameters
        ----------
        loss : focalis.Loss
            What to minimise.
        rounds : int
            How many rounds.
        tick : callable, optional
            Called between rounds.

        Returns
        -------
        BoostedTrees
            The model.
        """
        boosting = _Boosting(self._parameters, self._dataset, self._rows, loss)
        for _ in range(rounds):
            tick()
            if boosting.advance():
                break
        return BoostedTrees(boosting.booster, boosting.start)


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
        As of `LightGBM`.
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
        self._rows = _Rows(targets, weights, n_classes)

    def cross_fit(
        self, loss: focalis.Loss, inner: Inner, tick: Callable[[], None] = _no_tick
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
            weights, intercept = _minimise(loss, self._features[fit_on], rows, tick)
            logits.append(self._features[held_out] @ weights + intercept)
        return np.concatenate(logits), 0

    def fit(
        self, loss: focalis.Loss, rounds: int = 0, tick: Callable[[], None] = _no_tick
    ) -> LinearMap:
        """Fit on all rows; `rounds` means nothing here."""
        weights, intercept = _minimise(loss, self._features, self._rows, tick)
        return LinearMap(self._standardiser, weights, intercept)


def _minimise(
    loss: focalis.Loss, features: Floats, rows: _Rows, tick: Callable[[], None]
) -> tuple[Floats, Floats]:
    """Return the weights, (features,) or (features, classes), and the intercept."""
    from scipy.optimize import minimize

    start = rows.start(loss)
    truth = rows.truth
    summed = replace(loss, reduction="sum")
    scale = 1 / (rows.curvature(loss, start) * len(truth))
    penalty = L2_PENALTY / len(truth)
    shape = (features.shape[1], *start.shape)
    split = math.prod(shape)

    def objective(parameters: Floats) -> tuple[float, Floats]:
        tick()
        weights = parameters[:split].reshape(shape)
        intercept = parameters[split:].reshape(start.shape)
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

    first = np.concatenate([np.zeros(split), start.ravel()])
    found = minimize(
        objective, first, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS}
    ).x
    return found[:split].reshape(shape), found[split:].reshape(start.shape)


def make_trainer(
    model: str,
    features: NDArray[np.float32],
    targets: Indices,
    weights: Floats,
    n_classes: int,
    *,
    seed: int = 0,
    threads: int = 1,
) -> Trainer:
    """Return the trainer of the model called `model`, "lightgbm" or "linear", over some rows."""
    if model == "lightgbm":
        return LightGBM(features, targets, weights, n_classes, seed=seed, threads=threads)
    if model == "linear":
        return Linear(features, targets, weights, n_classes)
    raise ValueError(f"model: expected 'lightgbm' or 'linear', got {model!r}")
