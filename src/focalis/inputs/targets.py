"""Scores and targets of every form, read once into rows that an engine can take chunk by chunk."""

import functools
import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from focalis.errors import ArgumentError, ArgumentTypeError, ClassIndexError
from focalis.inputs.shapes import Form, check_nothing_ignored, target_form
from focalis.maths.links import Link

Array = np.ndarray


class Scores(NamedTuple):
    """Logits or probabilities as rows × classes.

    ``array`` (…, C) is the caller's, with a class axis; ``dtype`` is the type to compute in, ``own``
    that of the results; ``row_shape`` is the caller's shape without the class axis.
    """

    link: Link
    array: Array
    shape: tuple[int, ...]
    row_shape: tuple[int, ...]
    n_rows: int
    n_classes: int
    own: np.dtype[Any]
    dtype: np.dtype[Any]

    @property
    def axis(self) -> int:
        """The class axis, which is the last."""
        return -1

    @property
    def rows(self) -> Array:
        """The scores (R, C): a view if possible."""
        return self.array.reshape(self.n_rows, self.n_classes)

    def chunk(self, lo: int, hi: int) -> Array:
        """Return rows as a contiguous array of the computing type."""
        return np.ascontiguousarray(self.rows[lo:hi], self.dtype)


def as_array(name: str, value: Any) -> Array:
    """Return `value` as an array of any type, or raise an error that names it."""
    if type(value) is np.ndarray:
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise ArgumentTypeError(name, "an array without a mask", "a masked array")
    try:
        return np.asarray(value)
    except ValueError as error:
        expected = "numbers in rows of equal length"
        raise ArgumentError(name, expected, f"what NumPy cannot read: {error}") from None
    except (TypeError, RuntimeError) as error:
        # Such as a tensor that requires a gradient, or lies on a device.
        expected = "an array or what NumPy can turn into one"
        raise ArgumentTypeError(name, expected, f"{type(value).__name__}: {error}") from error


def real_array(name: str, value: Any) -> Array:
    """Return `value` as an array of real numbers, or raise a TypeError that names it."""
    array = value if type(value) is np.ndarray else as_array(name, value)
    # Types that NumPy does not define itself (bfloat16) have the kind V.
    if array.dtype.kind in "biuf" or array.dtype.name == "bfloat16":
        return array
    raise ArgumentTypeError(name, "real numbers", f"an array of {array.dtype}")


def read_scores(link: Link, given: Any) -> Scores:
    """Return the scores as rows × classes."""
    logits = real_array("logits", given)
    own, dtype = _types(logits.dtype, link)
    shape = logits.shape
    if link.elementwise and logits.ndim <= 1:
        return Scores(link, logits.reshape(-1, 1), shape, shape, logits.size, 1, own, dtype)
    if not shape or (not link.elementwise and shape[-1] == 0):
        expected = "a last axis of at least one class"
        raise ArgumentError("logits", expected, f"shape {shape}", must="have")
    row_shape = shape[:-1]
    return Scores(link, logits, shape, row_shape, math.prod(row_shape), shape[-1], own, dtype)


@functools.cache
def _types(found: np.dtype[Any], link: Link) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Return the type of the results and the type to compute in."""
    own = found.newbyteorder("=")
    if own.kind in "iu":
        own = np.dtype(np.float64)
    elif own.kind == "b" or not 2 <= own.itemsize <= 8:
        raise ArgumentTypeError("logits", "floating-point numbers of 16 to 64 bits", found)
    # For a float32 p, 1 − p is exact in float64, and its logarithm needs these digits.
    wide = own == np.float64 or link.on_probabilities
    return own, np.dtype(np.float64 if wide else np.float32)


class TargetSettings(Protocol):
    """The settings of a loss that determine how its targets are read."""

    @property
    def label_smoothing(self) -> float:
        """How far targets are moved towards the middle."""

    @property
    def positives(self) -> str:
        """Whether the positives of a row share its weight."""

    @property
    def ignore_index(self) -> int | float | None:
        """The target that does not count."""


class Targets(NamedTuple):
    """Targets as rows: class indices (R,) or numbers (R, C), and how to treat them.

    ``classes`` (R, C) is True where a row has a class, None where all rows have all.
    """

    rows: Array
    shape: tuple[int, ...]
    form: Form
    n_classes: int
    smoothing: float
    mean_over_positives: bool
    ignore_index: int | float | None
    classes: Array | None = None

    def kept(self, lo: int, hi: int) -> Array | None:
        """Return True where the target is not the ignored one, None if nothing is ignored."""
        if self.ignore_index is None:
            return None
        rows = self.rows[lo:hi]
        if self.ignore_index != self.ignore_index:
            return ~np.isnan(rows.astype(np.float64))
        return np.asarray(rows != self.ignore_index)

    @property
    def is_index(self) -> bool:
        """Whether a chunk is a vector of class indices."""
        return self.form == "index" and self.smoothing == 0.0

    def chunk(
        self,
        lo: int,
        hi: int,
        dtype: Any,
        read: Callable[[Array], Array],
        take: Callable[[Array], Array] | None = None,
    ) -> Array:
        """Return a chunk for an engine, in the type that `read` converts numbers to.

        Numbers that are not changed here are passed through `take` instead, if there is one. Invalid
        targets stay recognisable.
        """
        rows = self.rows[lo:hi]
        if self.is_index:
            return np.ascontiguousarray(rows, np.int64)
        if self.form == "index":
            # A copy, so that what was checked is what is used, even if another thread writes to them.
            labels = rows.astype(np.int64)
            valid = (labels >= 0) & (labels < self.n_classes)
            y = np.empty((hi - lo, self.n_classes), dtype)
            y[...] = self._spread(lo, hi)
            y[np.flatnonzero(valid), labels[valid]] += 1.0 - self.smoothing
            y[~valid] = np.nan
            return y
        if self.smoothing == 0.0 and not self.mean_over_positives:
            return (take or read)(rows)
        y = read(rows)
        if self.mean_over_positives:
            count = (y > 0).sum(axis=1, keepdims=True)
            smoothed = self._smooth(y / np.maximum(count, 1).astype(dtype), lo, hi)
            return np.where(count > 0, smoothed, y)
        return self._smooth(y, lo, hi)

    def _spread(self, lo: int, hi: int) -> Any:
        """Return what smoothing adds to each answer of a chunk: a number, or one for each class."""
        if self.form == "elementwise":
            return self.smoothing / 2
        if self.classes is None:
            return self.smoothing / self.n_classes
        classes = self.classes[lo:hi]
        return classes * (self.smoothing / np.maximum(classes.sum(axis=1, keepdims=True), 1))

    def _smooth(self, y: Array, lo: int, hi: int) -> Array:
        if self.smoothing == 0.0:
            return y
        smoothed: Array = y * y.dtype.type(1.0 - self.smoothing) + np.asarray(
            self._spread(lo, hi), y.dtype
        )
        # Smoothing must not turn an invalid target into a valid one.
        smoothed[~((y >= 0) & (y <= (1 if self.form == "elementwise" else np.inf)))] = np.nan
        return smoothed

    def valid(self, lo: int, hi: int, largest: float = sys.float_info.max) -> Array:
        """Return True where the caller's target is one that this loss can take.

        `largest` is the largest number of the type to compute in.
        """
        rows = self.rows[lo:hi].astype(np.float64)
        classes = None if self.classes is None else self.classes[lo:hi]
        return valid_targets(self.form, rows, self.n_classes, classes) & (
            self.form != "dense" or rows <= largest
        )

    def complain(self, flat: int) -> None:
        """Raise the ValueError for the target at a flat position."""
        expected, error = wrong_target(self.form, self.n_classes, self.classes is not None)
        position = tuple(int(i) for i in np.unravel_index(flat, self.shape)) if self.shape else ()
        raise error("targets", expected, self.rows.reshape(-1)[flat], position)


def valid_targets(
    form: Form, y: Array, n_classes: int, classes: Array | None, axis: int = -1
) -> Array:
    """Return True where a target is one that a loss can take, and its class is not masked."""
    with np.errstate(invalid="ignore"):
        if form == "elementwise":
            return np.asarray((y >= 0) & (y <= 1))
        if form == "dense":
            valid = (y >= 0) & (y < np.inf)
            return np.asarray(valid if classes is None else valid & (classes | (y == 0)))
        valid = (y >= 0) & (y < n_classes)
        if y.dtype.kind == "f":
            valid &= np.floor(y) == y
    if classes is not None:
        label = np.expand_dims(np.where(valid, y, 0).astype(np.int64), axis)
        valid &= np.take_along_axis(classes, label, axis).squeeze(axis)
    return np.asarray(valid)


def wrong_target(form: Form, n_classes: int, masked: bool) -> tuple[str, type[ArgumentError]]:
    """Return what is expected of targets, and the error for one that is something else."""
    expected = {
        "index": f"class indices in [0, {n_classes})",
        "elementwise": "numbers in [0, 1]",
        "dense": "non-negative finite numbers",
    }[form]
    if masked and form != "elementwise":
        expected += ", of classes that class_where does not mask"
    return expected, ClassIndexError if form == "index" else ArgumentError


def read_targets(scores: Scores, given: Any, settings: TargetSettings) -> Targets:
    """Return the targets as rows that match the scores."""
    targets = real_array("targets", given)
    if targets.size == 0 and not isinstance(given, np.ndarray):
        # An empty list holds no number that could have the wrong type.
        targets = targets.astype(np.int64)
    form = target_form(scores, targets.shape, targets.dtype, targets.dtype.kind in "iu")
    check_nothing_ignored(form, settings.ignore_index)
    wanted = (scores.n_rows, scores.n_classes)[: 1 if form == "index" else 2]
    rows = targets if targets.shape == wanted else targets.reshape(wanted)
    return Targets(
        rows,
        targets.shape,
        form,
        scores.n_classes,
        settings.label_smoothing,
        settings.positives == "mean" and form == "dense",
        settings.ignore_index,
    )
