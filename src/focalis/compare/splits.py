"""Which rows are trained and tested on: the outer folds, and the inner folds of each training fold."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from focalis.compare.data import Data
from focalis.compare.errors import InputError
from focalis.compare.settings import Settings

Indices = NDArray[np.int64]

_INNER_FOLDS = 3
_LARGE = 100_000
_HOLD_OUT_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Split:
    """One outer fold of one repeat, both counted from 0: positions in the data to train and to test on.

    ``inner`` are pairs of positions within `train`: the rows to fit an inner model on, and the rows it
    then predicts. The number of boosting rounds, the thresholds and the isotonic recalibration come
    from these predictions, so nothing is ever chosen on the test fold.
    """

    repeat: int
    fold: int
    train: Indices
    test: Indices
    inner: tuple[tuple[Indices, Indices], ...]


def make_splits(data: Data, settings: Settings) -> list[Split]:
    """Return all outer folds with their inner ones; every part contains every class.

    Rows are split at random with classes in proportion, or so that groups stay together, or forward in
    time. In time, fold k trains on the first k+1 of folds+1 periods and is tested on the next one;
    there is only one repeat, since nothing is random.

    Three inner folds predict the whole training fold. If that has more than 100 000 rows, a fifth of it
    is enough, and a single inner model predicts it; forward in time, one model predicts the last third.
    """
    splits = []
    repeats = 1 if data.times is not None else settings.repeats
    for repeat in range(repeats):
        seeds = np.random.SeedSequence([settings.seed, repeat]).generate_state(settings.folds + 1)
        outer = _outer(data, settings, int(seeds[0]))
        for fold, (train, test) in enumerate(outer):
            _require_every_class(data, settings, train, test)
            inner = tuple(_inner(data, settings, train, int(seeds[fold + 1])))
            fitted = [train[fit] for fit, _ in inner]
            held_out = train[np.concatenate([held for _, held in inner])]
            _require_every_class(data, settings, *fitted, held_out)
            splits.append(Split(repeat, fold, train, test, inner))
    return splits


def _outer(data: Data, settings: Settings, seed: int) -> Iterable[tuple[Indices, Indices]]:
    if data.times is not None:
        return _forward(data.times, settings.folds, settings.time or "")
    distinct = None if data.groups is None else len(np.unique(data.groups))
    if distinct is not None and distinct < settings.folds:
        raise InputError(
            f"group: expected at least {settings.folds} groups in column {settings.group!r}, "
            f"got {distinct}"
        )
    return _shuffled(data.targets, data.groups, settings.folds, seed)


def _inner(
    data: Data, settings: Settings, train: Indices, seed: int
) -> Iterable[tuple[Indices, Indices]]:
    if data.times is not None:
        order = np.sort(data.times[train])
        cut = order[len(order) * 2 // 3]
        later = data.times[train] >= cut
        return [(np.flatnonzero(~later), np.flatnonzero(later))]
    targets = data.targets[train]
    large = len(train) > _LARGE
    folds = min(_HOLD_OUT_FOLDS if large else _INNER_FOLDS, int(np.bincount(targets).min()))
    groups = None if data.groups is None else data.groups[train]
    if groups is not None:
        folds = min(folds, len(np.unique(groups)))
    if folds < 2:
        raise InputError(
            f"group: column {settings.group!r} leaves a training fold that cannot be split once more: "
            "expected two groups or more, and two rows or more of every class"
        )
    inner = _shuffled(targets, groups, folds, seed)
    return inner[:1] if large else inner


def _shuffled(
    targets: Indices, groups: Indices | None, folds: int, seed: int
) -> list[tuple[Indices, Indices]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    placeholder = np.zeros(len(targets))
    if groups is None:
        splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
        return list(splitter.split(placeholder, targets))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(placeholder, targets, groups))


def _forward(times: Indices, folds: int, column: str) -> list[tuple[Indices, Indices]]:
    # Equal times stay together: a period starts only where a new time starts.
    order = np.sort(times)
    cuts = [order[len(order) * k // (folds + 1)] for k in range(1, folds + 1)]
    stretch = np.searchsorted(np.asarray(cuts), times, side="right")
    if len(np.unique(stretch)) < folds + 1:
        raise InputError(
            f"time: column {column!r} cannot be cut into {folds + 1} stretches, "
            f"its values are too few or too often the same{_fewer(folds)}"
        )
    return [
        (np.flatnonzero(stretch <= fold), np.flatnonzero(stretch == fold + 1))
        for fold in range(folds)
    ]


def _require_every_class(data: Data, settings: Settings, *parts: Indices) -> None:
    for part in parts:
        counts = np.bincount(data.targets[part], minlength=len(data.classes))
        if (counts == 0).any():
            label = data.classes[int((counts == 0).argmax())]
            role = "time" if data.times is not None else "group"
            raise InputError(
                f"{role}: column {getattr(settings, role)!r} leaves a fold without any row of class "
                f"{label!r}{_fewer(settings.folds)}"
            )


def _fewer(folds: int) -> str:
    return f"; try fewer than {folds} folds" if folds > 2 else ""
