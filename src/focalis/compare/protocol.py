"""One fold of a comparison: train every loss on it, and measure each on the held-out rows."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline

import focalis
from focalis.cleaning import one_line
from focalis.compare.data import Data
from focalis.compare.features import preparation
from focalis.compare.losses import Candidate
from focalis.compare.metrics import (
    Decider,
    Isotonic,
    calibration_metrics,
    questions,
    ranking_metrics,
)
from focalis.compare.models import TrainingFold, errors_of, posterior_or_none, unit_weights
from focalis.compare.splits import Split

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of one loss on one fold: a row of the results, and its predictions."""

    row: dict[str, Any]
    predictions: pl.DataFrame


@dataclass(frozen=True)
class Failure:
    """A loss that the library could not train on one fold."""

    loss: str
    repeat: int
    fold: int
    message: str

    def __str__(self) -> str:
        where = f"repeat {self.repeat}, fold {self.fold} (from 0)"
        return f"{self.loss} failed in {where}: {one_line(self.message)}"


class Training(NamedTuple):
    """How the models of a comparison are trained; no outcome depends on the number of threads."""

    model: str
    seed: int
    threads: int


def run_fold(
    data: Data,
    split: Split,
    candidates: Sequence[Candidate],
    training: Training,
    tick: Callable[[], None],
) -> Iterator[Outcome | Failure]:
    """Train every candidate on the training fold, measure it on the test fold, and yield the outcome.

    The features are prepared once. For each loss the inner folds determine the number of rounds, the
    thresholds and the isotonic recalibration; then one model is trained on the whole training fold.
    Only an error of the model's library counts as a failure. `tick` is called often; an exception from
    it ends the fold.
    """
    model, seed, threads = training
    errors = errors_of(model)
    n_classes = len(data.classes)
    targets, weights = data.targets[split.train], data.weights[split.train]
    prepare = make_pipeline(*preparation(model, seed))
    tick()
    train = prepare.fit_transform(data.features[split.train])
    tick()
    test = prepare.transform(data.features[split.test])
    tick()
    fold = TrainingFold(model, train, targets, unit_weights(weights), seed, threads, tick)
    held_out = np.concatenate([held for _, held in split.inner])
    inner_truths = questions(targets[held_out], n_classes)
    inner_weights = weights[held_out]
    for candidate in candidates:
        loss = candidate.fitted(targets, weights, n_classes)
        try:
            inner_logits, rounds = fold.cross_fit(loss, split.inner)
            started = time.perf_counter()
            fitted = fold.fit(loss, rounds)
            seconds = time.perf_counter() - started
            logits = fitted.raw_logits(test)
        except errors as error:
            yield Failure(candidate.name, split.repeat, split.fold, f"{model}: {error}")
            continue
        tick()
        inner_scores = _scores(loss, inner_logits)
        decider = Decider.fit(inner_scores, inner_truths, inner_weights)
        isotonic = Isotonic.fit(inner_scores, inner_truths, inner_weights)
        scores = _scores(loss, logits)
        posterior = posterior_or_none(loss, logits)
        probabilities = {
            "link": _columns(loss.probabilities(logits)),
            "posterior": None if posterior is None else _columns(posterior),
            "isotonic": isotonic(scores),
        }
        truths = questions(data.targets[split.test], n_classes)
        test_weights = data.weights[split.test]
        metrics = {
            **ranking_metrics(scores, truths, test_weights),
            **decider.metrics(scores, truths, test_weights),
            **_calibration(probabilities, truths, test_weights),
            "fit_seconds": seconds,
        }
        row = {
            "loss": candidate.name,
            "repeat": split.repeat,
            "fold": split.fold,
            "rounds": rounds,
            "thresholds": decider.thresholds.tolist(),
            **metrics,
        }
        predictions = _predictions(candidate.name, data, split, _columns(logits), probabilities)
        yield Outcome(row, predictions)


def _columns(values: Floats) -> Floats:
    return values.reshape(len(values), -1)


def _scores(loss: focalis.Loss, logits: Floats) -> Floats:
    """Return the scores that rows are ranked by, for each yes/no question.

    A single logit ranks rows as its probability does, but without ties where that rounds to 1. With
    several logits no single one does, so the scores are the probabilities that the estimator returns.
    """
    if logits.ndim == 1:
        return _columns(logits)
    posterior = posterior_or_none(loss, logits)
    return loss.probabilities(logits) if posterior is None else posterior


def _calibration(
    probabilities: dict[str, Floats | None], truths: NDArray[np.int64], weights: Floats
) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for kind, values in probabilities.items():
        metrics = None if values is None else calibration_metrics(values, truths, weights)
        for metric in ("log_loss", "brier", "ece"):
            found[f"{metric}_{kind}"] = None if metrics is None else metrics[metric]
    return found


def _predictions(
    name: str,
    data: Data,
    split: Split,
    logits: Floats,
    probabilities: dict[str, Floats | None],
) -> pl.DataFrame:
    rows = len(split.test)
    frame = pl.DataFrame(
        {
            "loss": pl.Series([name]).new_from_index(0, rows),
            "repeat": np.full(rows, split.repeat),
            "fold": np.full(rows, split.fold),
            "row": data.rows[split.test],
            "target": data.targets[split.test],
            "weight": data.weights[split.test],
        }
    )
    columns = []
    for kind, values in {"logit": logits, **probabilities}.items():
        for k in range(logits.shape[1]):
            column = f"{kind}_{k}" if logits.shape[1] > 1 else kind
            missing = pl.Series(column, [None], dtype=pl.Float64).new_from_index(0, rows)
            columns.append(missing if values is None else pl.Series(column, values[:, k]))
    return frame.with_columns(columns)
