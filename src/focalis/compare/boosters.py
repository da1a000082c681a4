"""Boosted trees of XGBoost and CatBoost on a loss of focalis, with the settings of LightGBM's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import focalis
from focalis.boosting import catboost as for_catboost
from focalis.boosting import xgboost as for_xgboost
from focalis.boosting.objective import require
from focalis.compare.boosting import LEARNING_RATE, MAX_ROUNDS, Member, Trees
from focalis.compare.starts import Floats, Indices, Rows, Start, no_tick

__all__ = ["CatBoost", "OtherTrees", "XGBoost"]

DEPTH = 6
# XGBoost cannot limit a leaf by its rows, as LightGBM does: so many rows' curvature at the start.
LEAST_CURVATURE = 5.0


@dataclass(frozen=True, eq=False)
class OtherTrees:
    """A booster, the logits it started from, and what asks it."""

    booster: Any
    start: Floats
    predict: Callable[[Any, Any, Any], Floats]

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Return the logits of rows of features."""
        return np.asarray(self.predict(self.booster, features, self.start), np.float64)


class _XGBoostMember:
    """One XGBoost booster under a loss, advanced round by round."""

    def __init__(
        self, parameters: dict[str, Any], data: Any, loss: focalis.Loss, start: Start
    ) -> None:
        xgboost = require("xgboost")
        self.booster = xgboost.Booster(parameters, [data])
        self._data, self._held_out = data, None
        self._objective = for_xgboost.objective(loss, scale=start.scale)
        self._round = 0

    def ask_about(self, held_out: Any) -> _XGBoostMember:
        """Set the rows held out."""
        self._held_out = held_out
        return self

    def advance(self) -> bool:
        """Add one tree for each logit."""
        self.booster.update(self._data, self._round, fobj=self._objective)
        self._round += 1
        return False

    def held_out_logits(self) -> Floats:
        """Return the logits of the rows held out."""
        logits = self.booster.predict(self._held_out, output_margin=True)
        return np.asarray(logits, np.float64)


class XGBoost(Trees):
    """Boosted trees of XGBoost, limited by an L2 penalty of one row's curvature and a step of 5.

    Parameters
    ----------
    features, targets, weights, n_classes, seed, threads
        As of `focalis.compare.boosting.LightGBM`.
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
        super().__init__(targets, weights, n_classes)
        self._features, self._threads = features, threads
        self._parameters = {
            "learning_rate": LEARNING_RATE,
            "max_depth": DEPTH,
            "min_child_weight": LEAST_CURVATURE,
            "reg_lambda": 1.0,
            "max_delta_step": 5.0,
            "tree_method": "hist",
            "base_score": 0.0,
            "disable_default_eval_metric": True,
            "seed": seed,
            "nthread": threads,
        }
        if n_classes > 2:
            self._parameters["num_class"] = n_classes

    def _matrix(self, index: Indices, start: Start) -> Any:
        rows = self._rows.take(index)
        return require("xgboost").DMatrix(
            self._features[index],
            rows.targets,
            weight=rows.weights,
            base_margin=rows.constant(start.logits),
            nthread=self._threads,
        )

    def member(
        self, loss: focalis.Loss, fit_on: Indices, held_out: Indices, tick: Callable[[], None]
    ) -> Member:
        """Return a training on some rows that is asked about others."""
        tick()
        start = self._starts[loss]
        member = _XGBoostMember(self._parameters, self._matrix(fit_on, start), loss, start)
        return member.ask_about(self._matrix(held_out, start))

    def fit(
        self, loss: focalis.Loss, rounds: int, tick: Callable[[], None] = no_tick
    ) -> OtherTrees:
        """Boost on all rows, for so many rounds."""
        start = self._starts[loss]
        everything = np.arange(len(self._features))
        member = _XGBoostMember(self._parameters, self._matrix(everything, start), loss, start)
        for _ in range(rounds):
            tick()
            member.advance()
        return OtherTrees(member.booster, start.logits, for_xgboost.predict_logits)


class _Ticking:
    """Calls a function after every round of CatBoost; what it raises ends the training.

    CatBoost itself would go on after an error in a callback.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self.raised: BaseException | None = None

    def after_iteration(self, info: Any) -> bool:
        """Return whether to go on."""
        try:
            self._tick()
        except BaseException as error:
            self.raised = error
        return self.raised is None


class _Stages:
    """A CatBoost booster that is trained already, looked at round by round."""

    def __init__(self, stages: Iterator[Floats], rounds: int) -> None:
        self._stages, self._left = stages, rounds
        self._logits: Floats = np.empty(0)

    def advance(self) -> bool:
        """Go on to the next round."""
        if self._left > 0:
            self._logits = next(self._stages)
            self._left -= 1
        return self._left == 0

    def held_out_logits(self) -> Floats:
        """Return the logits of the rows held out."""
        return self._logits


class CatBoost(Trees):
    """Boosted trees of CatBoost, which is asked row by row if there are more than two classes.

    Parameters
    ----------
    features, targets, weights, n_classes, seed, threads
        As of `focalis.compare.boosting.LightGBM`.
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
        super().__init__(targets, weights, n_classes)
        self._features = features
        self._parameters: dict[str, Any] = {
            "learning_rate": LEARNING_RATE,
            "depth": DEPTH,
            "l2_leaf_reg": 1.0,
            "leaf_estimation_method": "Newton",
            "random_seed": seed,
            "thread_count": threads,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        if n_classes > 2:
            self._parameters["classes_count"] = n_classes

    def _train(
        self,
        loss: focalis.Loss,
        rows: Rows,
        features: Any,
        rounds: int,
        tick: Callable[[], None],
    ) -> Any:
        tick()
        catboost = require("catboost")
        start = self._starts[loss]
        booster = catboost.CatBoost(
            {
                **self._parameters,
                "iterations": rounds,
                "loss_function": for_catboost.objective(loss, scale=start.scale),
                "eval_metric": for_catboost.metric(loss),
            }
        )
        ticking = _Ticking(tick)
        booster.fit(
            catboost.Pool(
                features,
                rows.targets,
                weight=rows.weights,
                baseline=rows.constant(start.logits),
            ),
            callbacks=[ticking],
        )
        if ticking.raised is not None:
            raise ticking.raised
        return booster

    def member(
        self, loss: focalis.Loss, fit_on: Indices, held_out: Indices, tick: Callable[[], None]
    ) -> Member:
        """Return a training on some rows that is asked about others."""
        rows = self._rows.take(fit_on)
        booster = self._train(loss, rows, self._features[fit_on], MAX_ROUNDS, tick)
        start, features = self._starts[loss].logits, self._features[held_out]
        raw = booster.staged_predict(features, prediction_type="RawFormulaVal")
        return _Stages((np.asarray(one) + start for one in raw), booster.tree_count_)

    def fit(
        self, loss: focalis.Loss, rounds: int, tick: Callable[[], None] = no_tick
    ) -> OtherTrees:
        """Boost on all rows, for so many rounds."""
        booster = self._train(loss, self._rows, self._features, rounds, tick)
        return OtherTrees(booster, self._starts[loss].logits, for_catboost.predict_logits)
