"""Warnings about columns that look like an identifier or like the answer in disguise."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

_ROWS_PER_CLASS = 2000
_LEAST_ROWS_PER_CLASS = 10
_TELLING = 0.99


def suspicious_columns(features: pl.DataFrame, targets: NDArray[np.int64]) -> list[str]:
    """Report features that are unique in every row, and features that predict the target alone.

    Continuous numbers and dates are unique in most tables, so only strings and integers can be reported
    as identifiers. A feature predicts the target alone if a small rule, learnt from that one column on
    half of the rows, has a balanced accuracy of 99 % on the other half.

    Examples
    --------
    >>> frame = pl.DataFrame({"id": [f"n{i}" for i in range(40)], "x": [i % 3 for i in range(40)]})
    >>> suspicious_columns(frame, np.arange(40) % 2)
    ["column 'id' is unique in every row: is it an identifier?"]
    """
    found = []
    learn, check = _halves(targets)
    for name in features.columns:
        column = features[name]
        listed = column.dtype == pl.String or column.dtype.is_integer()
        if listed and column.n_unique() == len(column):
            found.append(f"column {name!r} is unique in every row: is it an identifier?")
        if _predicts_alone(column, targets, learn, check):
            found.append(f"column {name!r} predicts the target alone: is the answer leaking?")
    return found


def _halves(targets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return two disjoint samples that contain every class, or empty ones if a class is too small."""
    generator = np.random.default_rng(0)
    learn, check = [], []
    for label in range(int(targets.max()) + 1):
        members = generator.permutation(np.flatnonzero(targets == label))[:_ROWS_PER_CLASS]
        if len(members) < 2 * _LEAST_ROWS_PER_CLASS:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        learn.append(members[::2])
        check.append(members[1::2])
    return np.concatenate(learn), np.concatenate(check)


def _predicts_alone(
    column: pl.Series,
    targets: NDArray[np.int64],
    learn: NDArray[np.int64],
    check: NDArray[np.int64],
) -> bool:
    from sklearn.tree import DecisionTreeClassifier

    if not len(learn):
        return False
    n_classes = int(targets.max()) + 1
    if column.dtype == pl.String:
        predicted = _majority_by_value(column, targets, learn, check, n_classes)
    else:
        values = column.to_physical().cast(pl.Float64).to_numpy().reshape(-1, 1)
        tree = DecisionTreeClassifier(
            max_leaf_nodes=2 * n_classes, class_weight="balanced", random_state=0
        )
        # Missing can be informative too: encode it as a number below all others.
        filled = np.nan_to_num(values, nan=np.nanmin(values) - 1.0)
        predicted = tree.fit(filled[learn], targets[learn]).predict(filled[check])
    recalls = [float((predicted[targets[check] == k] == k).mean()) for k in range(n_classes)]
    return float(np.mean(recalls)) >= _TELLING


def _majority_by_value(
    column: pl.Series,
    targets: NDArray[np.int64],
    learn: NDArray[np.int64],
    check: NDArray[np.int64],
    n_classes: int,
) -> NDArray[np.int64]:
    sampled = column.gather(np.concatenate([learn, check])).fill_null("")
    codes = sampled.rank("dense").to_numpy().astype(np.int64) - 1
    table = np.zeros((int(codes.max()) + 1, n_classes))
    np.add.at(table, (codes[: len(learn)], targets[learn]), 1.0)
    table /= np.bincount(targets[learn], minlength=n_classes)  # every class counts alike
    unseen = table.sum(axis=1) == 0
    winners = table.argmax(axis=1)
    winners[unseen] = -1
    return np.asarray(winners[codes[len(learn) :]], dtype=np.int64)
