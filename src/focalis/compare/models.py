"""The models that are trained on a loss: boosted trees and a linear model.

Neither knows a formula: gradients, curvatures and initial logits come from `focalis.Loss`. Both scale
the loss so that its mean curvature at the start is 1. A constant factor changes no minimiser, but it
would change how much a penalty of 1 weighs: focal losses are small numbers, class weights large ones.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

import focalis
from focalis.compare.boosters import CatBoost, XGBoost
from focalis.compare.boosting import LightGBM
from focalis.compare.linear import Linear
from focalis.compare.starts import Floats, Indices, no_tick

__all__ = ["Fitted", "Trainer", "errors_of", "make_trainer"]

Inner = Sequence[tuple[Indices, Indices]]


class Fitted(Protocol):
    """A trained model: features in, logits out."""

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Return the logits, (rows,) of a binary model and (rows, classes) of another."""
        ...


class Trainer(Protocol):
    """A training fold, prepared once and then trained on with one loss after the other."""

    def cross_fit(
        self, loss: focalis.Loss, inner: Inner, tick: Callable[[], None] = no_tick
    ) -> tuple[Floats, int]:
        """Return out-of-fold logits of the rows held out, in order, and the number of rounds."""
        ...

    def fit(self, loss: focalis.Loss, rounds: int, tick: Callable[[], None] = no_tick) -> Fitted:
        """Train on all rows."""
        ...


BOOSTERS: dict[str, Callable[..., Trainer]] = {
    "lightgbm": LightGBM,
    "xgboost": XGBoost,
    "catboost": CatBoost,
}


_ERRORS = {
    "lightgbm": ("lightgbm.basic", "LightGBMError"),
    "xgboost": ("xgboost.core", "XGBoostError"),
    "catboost": ("catboost", "CatBoostError"),
}


def errors_of(model: str) -> tuple[type[Exception], ...]:
    """Return what the library of a model raises when it cannot train."""
    if model not in _ERRORS:
        return ()
    module, name = _ERRORS[model]
    return (getattr(importlib.import_module(module), name),)


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
    """Return the trainer of the model called `model`, a booster or "linear", over some rows."""
    if model == "linear":
        return Linear(features, targets, weights, n_classes)
    if model in BOOSTERS:
        make = BOOSTERS[model]
        return make(features, targets, weights, n_classes, seed=seed, threads=threads)
    raise ValueError(f"model: expected {', '.join(map(repr, BOOSTERS))} or 'linear', got {model!r}")
