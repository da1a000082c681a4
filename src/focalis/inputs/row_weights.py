"""Weights and masks of rows and elements, and the denominator of a reduction."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from focalis.errors import ArgumentError
from focalis.inputs.class_weights import extremes
from focalis.inputs.shapes import check_boolean, check_rows
from focalis.inputs.targets import Array, Scores, Targets, as_array, real_array
from focalis.real_number import check_number

REDUCTIONS = ("none", "sum", "mean", "batchmean")


class RowWeights(NamedTuple):
    """Sample weights and masks, per row (R,) or per element (R, C).

    ``range`` is the least of the sample weights above 0, and the largest.
    """

    sample_weight: Array | None
    where: Array | None
    targets: Targets
    range: tuple[float, float] = (1.0, 1.0)

    def kept(self, lo: int, hi: int) -> Array | None:
        """Return True where a row or element counts, None if all do."""
        kept = self.targets.kept(lo, hi)
        if self.where is None:
            return kept
        where = self.where[lo:hi]
        return where if kept is None else _align(where, kept) & kept

    def chunk(self, lo: int, hi: int, dtype: Any, width: int | None) -> Array | None:
        """Return the weights of a chunk, 0 where masked; (n * width,) or, without width, (n,)."""
        kept = self.kept(lo, hi)
        if kept is None and self.sample_weight is None:
            return None
        weight = np.ones(hi - lo) if self.sample_weight is None else self.sample_weight[lo:hi]
        if kept is not None:
            weight, kept = _align(weight, kept), _align(kept, weight)
            weight = np.where(kept, weight, 0)
        if width is not None:
            weight = np.broadcast_to(_align(weight, np.empty((hi - lo, width))), (hi - lo, width))
        return np.ascontiguousarray(weight, dtype).reshape(-1)

    def total(self, class_weight: Array | None, step: int) -> float:
        """Return the denominator of "mean": the total weight of rows, or the number of elements."""
        rows = len(self.targets.rows)
        elementwise = self.targets.form == "elementwise"
        width = self.targets.n_classes if elementwise else 1
        if self.where is None and self.targets.ignore_index is None:
            if elementwise:
                return float(rows * width)
            if self.sample_weight is None and class_weight is None:
                return float(rows)
        total = 0.0
        for lo, hi in _spans(rows, step):
            kept = self.kept(lo, hi)
            if elementwise and kept is not None:
                # Something is ignored or masked; otherwise the number would be known without counting.
                total += np.count_nonzero(kept) * (width if np.ndim(kept) < 2 else 1)
                continue
            weight = self.chunk(lo, hi, np.float64, None)
            weight = np.ones(hi - lo) if weight is None else weight
            if class_weight is not None and self.targets.form == "index":
                # A label out of range is found and reported by the kernel.
                t = np.clip(self.targets.rows[lo:hi], 0, self.targets.n_classes - 1)
                weight = weight * class_weight[t.astype(np.int64)]
            total += float(weight.sum())
        return total


def _spans(rows: int, step: int) -> Iterator[tuple[int, int]]:
    for lo in range(0, rows, step):
        yield lo, min(lo + step, rows)


def _align(a: Array, like: Array) -> Array:
    """Give per-row numbers a class axis when they meet per-element ones."""
    return a[:, None] if a.ndim < like.ndim else a


def read_row_weights(
    scores: Scores, targets: Targets, sample_weight: Any, where: Any
) -> RowWeights:
    """Return the sample weights and the mask as rows."""
    mask = None
    if where is not None:
        mask = as_array("where", where)
        check_boolean(mask, np.bool_)
        mask = _as_rows("where", mask, scores)
    if targets.classes is not None:
        # A row without any class does not count.
        dense = targets.form == "elementwise"
        exist: Array = targets.classes if dense else np.asarray(targets.classes.any(axis=1))
        mask = exist if mask is None else _align(mask, exist) & exist
    weight = None
    if sample_weight is not None:
        weight = real_array("sample_weight", sample_weight)
        weight = _as_rows("sample_weight", weight, scores)
        checked = weight
        if mask is not None:
            checked = weight[mask] if mask.ndim <= weight.ndim else weight[mask.any(axis=1)]
        largest = np.finfo(scores.dtype).max
        with np.errstate(invalid="ignore"):
            least, most = extremes(checked)
            if not (least >= 0 and most <= largest):
                bad = np.flatnonzero(~((checked >= 0) & (checked <= largest)))
                expected = f"non-negative finite numbers, as {scores.dtype} too"
                raise ArgumentError("sample_weight", expected, checked.reshape(-1)[bad[0]])
        return RowWeights(weight, mask, targets, (least, most))
    return RowWeights(None, mask, targets)


def _as_rows(name: str, array: Array, scores: Scores) -> Array:
    check_rows(scores, name, array.shape)
    if array.shape == scores.row_shape:
        return array.reshape(-1)
    return array.reshape(scores.n_rows, scores.n_classes)


def check_has_denominator(reduction: str) -> None:
    """Raise if a reduction has no denominator for a normaliser to replace."""
    if reduction not in ("mean", "batchmean"):
        raise ArgumentError(
            "normalizer",
            "{reduction}='mean' or 'batchmean'",
            f"it with reduction={reduction!r}",
            problem="{argument} replaces the denominator of {expected}, got {got}",
        )


def read_normalizer(reduction: str, given: Any) -> float | None:
    """Return the number that replaces the denominator, or None."""
    if given is None:
        return None
    check_has_denominator(reduction)
    value = check_number("normalizer", given, 0.0, math.inf, expected="a finite number above 0")
    if value == 0.0:
        raise ArgumentError("normalizer", "a finite number above 0", repr(given))
    return value
