"""Weights of every kind, the mask, and the denominator that goes with a reduction."""

import functools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.targets import Array, Scores, Targets, as_array, real_array
from focalis.maths.links import Link
from focalis.real_number import real_number
from focalis.settings_table import WEIGHTS, weight_of_no

if TYPE_CHECKING:
    from focalis.loss import Loss

__all__ = [
    "REDUCTIONS",
    "RowWeights",
    "check_factor",
    "check_has_denominator",
    "check_number",
    "class_weights",
    "in_type",
    "ones",
    "read_normalizer",
    "read_row_weights",
    "weight_range",
]

REDUCTIONS = ("none", "sum", "mean", "batchmean")

_FEW = 1024  # classes whose ones are kept: to make them takes longer than to read them

Factor = float | tuple[float, ...]


def check_number(name: str, given: Any, low: float, high: float, *, expected: str) -> float:
    """Return a real number in [low, high], or raise."""
    value = real_number(name, given, expected)
    if not (low <= value <= high and math.isfinite(value)):
        raise ArgumentError(name, expected, repr(given))
    return value


def check_factor(name: str, given: Any, high: float, *, scalar: bool = True) -> Factor | None:
    """Return None, a number or a tuple of numbers in [0, high], or raise."""
    if given is None:
        return None
    array = real_array(name, given)
    if array.dtype.kind == "b":
        raise ArgumentTypeError(name, "real numbers", array.dtype)
    upper = f"[0, {high:g}]" if math.isfinite(high) else "[0, inf)"
    kinds = "a number or one number per class" if scalar else "one number per class"
    if array.ndim > 1 or (array.ndim == 0 and not scalar):
        raise ArgumentError(name, kinds, f"shape {array.shape}")
    values = array.astype(np.float64)
    if not np.all((values >= 0) & (values <= high) & np.isfinite(values)):
        raise ArgumentError(name, upper, repr(given), must="lie in")
    return float(values) if array.ndim == 0 else tuple(float(w) for w in values)


def class_weights(
    link: Link,
    n_classes: int,
    alpha: Factor | None,
    pos_weight: Factor | None,
    class_weight: Factor | None,
) -> tuple[Array, Array]:
    """Return the weights (C,) of a positive and of a negative answer for each class, in float64."""
    positive, negative = np.ones(n_classes), np.ones(n_classes)
    for name, factor in zip(WEIGHTS, (alpha, pos_weight, class_weight), strict=True):
        if factor is None:
            continue
        if isinstance(factor, tuple) and len(factor) != n_classes:
            expected = f"one number for each of the {n_classes} classes"
            raise ArgumentError(name, expected, len(factor), must="have")
        by_class = np.broadcast_to(np.asarray(factor), n_classes)
        positive = positive * by_class
        of_no = weight_of_no(name, link, by_class)
        negative = negative if of_no is None else negative * of_no
    return positive, negative


def ones(n_classes: int, dtype: Any) -> Array:
    """Return a weight of 1 for each class."""
    return _few_ones(n_classes, dtype) if n_classes <= _FEW else np.ones(n_classes, dtype)


@functools.lru_cache(maxsize=32)
def _few_ones(n_classes: int, dtype: Any) -> Array:
    return np.ones(n_classes, dtype)


def in_type(weights: Array, dtype: Any) -> Array:
    """Return the weights of the classes in the type to compute in, or raise."""
    largest = weights.max(initial=0.0)
    if largest > np.finfo(dtype).max:
        raise ArgumentError("the weights of the classes", f"finite as {dtype} too", largest)
    return weights.astype(dtype)


def weight_range(loss: "Loss") -> tuple[float, float]:
    """Return the least weight above 0 that a class may have, and the largest."""
    low = high = 1.0
    for name in WEIGHTS:
        factor = getattr(loss, name)
        if factor is None:
            continue
        weights = np.ravel(factor)
        of_no = weight_of_no(name, loss.link, weights)
        weights = weights if of_no is None else np.concatenate([weights, of_no])
        least, most = extremes(weights)
        low, high = low * min(least, 1.0), high * max(most, 1.0)
    return low, high


def extremes(weights: Array) -> tuple[float, float]:
    """Return the least weight above 0 and the largest; NaN, or a least below 0, if one is so."""
    if weights.size == 0:
        return 1.0, 1.0
    least, most = weights.min(), weights.max()
    if least == 0:
        if most == 0:
            return 1.0, 1.0
        least = np.where(weights > 0, weights, most).min()
    return float(least), float(most)


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
        """Return the denominator of "mean": of rows their weights, of elements their number."""
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
                # Something is ignored or masked, or the number would be known without counting.
                total += np.count_nonzero(kept) * (width if np.ndim(kept) < 2 else 1)
                continue
            weight = self.chunk(lo, hi, np.float64, None)
            weight = np.ones(hi - lo) if weight is None else weight
            if class_weight is not None and self.targets.form == "index":
                # A label that is out of range is found, and complained of, by the kernel.
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
        if mask.dtype != np.bool_:
            raise ArgumentTypeError("where", "boolean, True for what counts", mask.dtype)
        mask = _as_rows("where", mask, scores, targets)
    if targets.classes is not None:
        # A row without a class has nothing to say.
        dense = targets.form == "elementwise"
        exist: Array = targets.classes if dense else np.asarray(targets.classes.any(axis=1))
        mask = exist if mask is None else _align(mask, exist) & exist
    weight = None
    if sample_weight is not None:
        weight = real_array("sample_weight", sample_weight)
        weight = _as_rows("sample_weight", weight, scores, targets)
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


def _as_rows(name: str, array: Array, scores: Scores, targets: Targets) -> Array:
    if array.shape == scores.row_shape:
        return array.reshape(-1)
    if array.shape == scores.shape and targets.form == "elementwise":
        return array.reshape(scores.n_rows, scores.n_classes)
    options = f"{scores.row_shape}, one for each row"
    if targets.form == "elementwise":
        options += f", or {scores.shape}, one for each element"
    raise ArgumentError(name, options, array.shape, must="have shape")


def check_has_denominator(reduction: str) -> None:
    """Raise for a reduction that has nothing for a normaliser to replace."""
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
