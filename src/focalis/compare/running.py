"""A whole comparison, from settings to a report folder."""

import os
import threading
import warnings
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from focalis.cleaning import printable
from focalis.compare.data import Data, load
from focalis.compare.errors import InputError, TrainingError
from focalis.compare.losses import Candidate, choose_losses
from focalis.compare.models import check_start
from focalis.compare.protocol import Failure, Training, run_fold
from focalis.compare.recipe import recipe
from focalis.compare.settings import Settings
from focalis.compare.splits import Split, make_splits
from focalis.compare.statistics import verdict, winner
from focalis.compare.storage import ReportFolder
from focalis.compare.summary import summarise


class Listener:
    """Receives the progress of a comparison; this class ignores it."""

    def started(self, data: Data, finished: int, total: int) -> None:
        """Handle the start of training on the loaded data; `finished` fits exist already."""

    def advanced(self) -> None:
        """Handle the end of one loss on one fold; called from any thread."""

    def failed(self, failure: Failure) -> None:
        """Handle a loss that is left out because its training failed; called from any thread."""

    def finishing(self) -> None:
        """Handle the end of training, before the report is written."""


class _StoppedError(Exception):
    """Ends the training of the other folds when one has failed or the user interrupts."""


def run(settings: Settings, listener: Listener | None = None) -> dict[str, Any]:
    """Compare losses on data, and write the report.

    Folds run in parallel, one per core. The results do not depend on how many run at once.

    Parameters
    ----------
    settings : Settings
        What to compare, on what, and where the report goes.
    listener : Listener, optional
        Informed of the progress.

    Returns
    -------
    dict
        The content of results.json. A loss that the model's library failed to train is left out, and
        "failures" says where and why; resuming such a run tries it again.

    Raises
    ------
    InputError
        If the data, the losses or the report folder cannot be used. Nothing is written then.
    TrainingError
        If cross-entropy could not be trained.
    """
    listener = listener or Listener()
    ReportFolder.check(settings)
    data = load(settings)
    candidates = choose_losses(len(data.classes), settings.loss, settings.losses)
    _check_losses(data, candidates)
    splits = make_splits(data, settings)
    with ReportFolder.open(settings, data, [candidate.name for candidate in candidates]) as folder:
        if (results := folder.finished()) is not None:
            return results
        total = len(splits) * len(candidates)
        listener.started(data, len(folder.rows()), total)
        failures = _train(settings, data, candidates, splits, folder, listener)
        listener.finishing()
        failed = {failure.loss for failure in failures}
        candidates = [candidate for candidate in candidates if candidate.name not in failed]
        rows = [row for row in folder.rows() if row["loss"] not in failed]
        results = _results(settings, data, candidates, splits, rows)
        results["failures"] = [str(failure) for failure in failures]
        chosen = next(entry for entry in results["losses"] if entry["name"] == results["winner"])
        folder.finish(results, rows, folder.predictions(rows), recipe(settings, data, chosen))
    return results


def _check_losses(data: Data, candidates: list[Candidate]) -> None:
    n_classes = len(data.classes)
    for candidate in candidates:
        loss = candidate.fitted(data.targets, data.weights, n_classes)
        try:
            check_start(loss, data.targets, data.weights)
        except ValueError as error:
            raise InputError(
                f"loss: cannot train {candidate.name} on these data: {error}"
            ) from error


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _train(
    settings: Settings,
    data: Data,
    candidates: list[Candidate],
    splits: list[Split],
    folder: ReportFolder,
    listener: Listener,
) -> list[Failure]:
    """Train what has not been trained yet, and return the first failure of each loss that has one."""
    jobs = min(settings.jobs or _cores(), len(splits))
    threads = max(1, _cores() // jobs)
    stop = threading.Event()
    failures: dict[str, Failure] = {}

    def tick() -> None:
        if stop.is_set():
            raise _StoppedError

    def fail(failure: Failure) -> None:
        if failure.loss == candidates[0].name:
            raise TrainingError(
                f"{failure}; finished fits are in {folder.path}, --resume tries again"
            )
        if failures.setdefault(failure.loss, failure) is failure:
            listener.failed(failure)

    def work(split: Split) -> None:
        pending = [
            candidate
            for candidate in candidates
            if candidate.name not in failures
            and not folder.has(candidate.name, split.repeat, split.fold)
        ]
        if not pending:
            return
        training = Training(settings.model, settings.seed, threads)
        fold = run_fold(data, split, pending, training, tick)
        for outcome in fold:
            if isinstance(outcome, Failure):
                fail(outcome)
            else:
                folder.add(outcome)
            listener.advanced()

    # One BLAS thread per fold: the folds fill the cores, and sums have the same order everywhere.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        # skrub warns when a text has so few n-grams that it needs no reduction.
        warnings.filterwarnings("ignore", "The matrix shape is", UserWarning)
        pool = ThreadPoolExecutor(jobs)
        try:
            pending = {pool.submit(work, split) for split in splits}
            while pending:
                # Polars' handler of Ctrl-C does not wake a waiting thread, so never wait for long.
                done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
        finally:
            # After an error or an interruption, which may come at any line, stop everything.
            stop.set()
            pool.shutdown(cancel_futures=True)
    return [failures[c.name] for c in candidates if c.name in failures]


def _results(
    settings: Settings,
    data: Data,
    candidates: list[Candidate],
    splits: list[Split],
    rows: list[dict[str, Any]],
) -> dict[str, Any]:
    ratio = float(np.mean([len(split.test) / len(split.train) for split in splits]))
    n_classes = len(data.classes)
    named = [(c.name, str(c.fitted(data.targets, data.weights, n_classes))) for c in candidates]
    losses = summarise(rows, named, ratio)
    source = None if settings.data is None else printable(str(settings.data))
    return {
        "data": data.describe(),
        "settings": {"data": source, **settings.recorded()},
        "protocol": _protocol(settings, data, splits, ratio),
        "losses": losses,
        "winner": winner(losses),
        "verdict": verdict(losses),
    }


def _protocol(settings: Settings, data: Data, splits: list[Split], ratio: float) -> list[str]:
    """Return plain sentences on how the numbers were obtained."""
    tested = f"{settings.folds} folds"
    if data.times is not None:
        how = f"{tested} forward in time by {settings.time!r}, once: nothing in them is random."
    else:
        kept = f", rows of one {settings.group!r} together" if data.groups is not None else ""
        how = f"{settings.repeats} × {tested} at random, stratified{kept}."
    inner = {len(split.inner) for split in splits}
    if inner == {1}:
        chosen = "one part of the training fold that an inner model did not see"
    else:
        chosen = "out-of-fold predictions of inner folds of the training fold"
    if data.binary:
        decided = "The decision threshold is the one of the best F1"
    else:
        decided = (
            "With several classes every metric but the log loss is a mean of one-vs-rest metrics on the "
            "probabilities that the estimator returns, the posterior; each class has the threshold of "
            "its best F1"
        )
    correction = (
        "Intervals and p: corrected resampled t-test (Nadeau and Bengio 2003) with "
        f"n_test/n_train = {ratio:.3f}; p for average precision only, Holm-corrected over the losses. "
        "The interval of a mean is cut where the metric's range ends; those of differences are not."
    )
    if data.times is not None:
        correction += (
            " Forward splits train on growing stretches, so the ratio is the mean over the folds and "
            "the intervals are approximate."
        )
    return [how, f"{decided}, chosen on {chosen}, as is the isotonic recalibration.", correction]
