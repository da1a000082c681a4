"""The driver: prepares rows chunk by chunk, runs an engine's kernels on them, and reduces.

Nothing of the size of the logits is allocated except what the caller asked for. Whatever the kernels
cannot read as it lies in memory (other types, strides, masks) is converted one chunk at a time.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from focalis.engines import Kernels, buffers
from focalis.engines.memory_layout import Layout, is_planar, layout_of, overlaps_itself
from focalis.engines.threads import run_chunks
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.row_weights import RowWeights
from focalis.inputs.targets import Array, Scores, Targets
from focalis.maths.links import PROBABILITY_SLACK

# Elements of a chunk: large enough to hide the cost of a call, small enough to share out evenly.
CHUNK = 1 << 19

# Bytes from which a gradient is written past the caches: they could not hold it until it is read.
STREAM = 1 << 25
_LINE = 64


class Outputs(NamedTuple):
    """Where the results go: arrays of rows in the caller's type, None for what is not wanted."""

    value: Array | None
    grad: Array | None
    hess: Array | None


class Batch(NamedTuple):
    """Everything that a run of the kernels needs to know."""

    scores: Scores
    targets: Targets
    weights: RowWeights
    positive: Array
    negative: Array
    fisher: bool = False
    in_place: bool = False
    streams: bool = False

    @property
    def step(self) -> int:
        """How many rows make a chunk; the same for any number of threads."""
        return _step(self.scores.n_classes, CHUNK)


@functools.lru_cache(maxsize=64)
def _step(n_classes: int, size: int) -> int:
    rows = max(1, size // max(1, n_classes))
    # Each chunk begins at the start of a cache line.
    return rows if rows < _LINE else rows - rows % _LINE


def make_output(
    scores: Scores, out: Any, others: tuple[Array | None, ...], dtype: Any = None
) -> Array:
    """Return an array for a result shaped like the logits: the caller's, checked, or a new one.

    `others` are the arrays that it must not overlap. The logits themselves may be overwritten.
    `dtype` is the type of the result, if it is not that of the logits.
    """
    dtype = scores.own if dtype is None else dtype
    if out is None:
        return buffers.empty(scores.shape, dtype)
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise ArgumentTypeError("out", "a NumPy array", type(out).__name__)
    if out.shape != scores.shape or out.dtype != dtype:
        expected = f"the shape {scores.shape} and type {dtype} of the {{logits}}"
        raise ArgumentError("out", expected, f"{out.shape} and {out.dtype}", must="have")
    if not out.flags.writeable:
        raise ArgumentError("out", "writable", "a read-only array")
    if overlaps_itself(out):
        expected = "separate memory for each number"
        raise ArgumentError("out", expected, "an array whose numbers share memory", must="have")
    if any(other is not None and np.may_share_memory(other, out) for other in others):
        expected = "{targets}, weights or another out"
        raise ArgumentError("out", expected, "one that does", must="not overlap")
    if overlaps(scores, out) and not _same_place(scores.array, out.reshape(scores.array.shape)):
        raise ArgumentError("out", "the {logits} exactly or not overlap them", "one in between")
    return out


def overlaps(scores: Scores, out: Array | None) -> bool:
    """Return whether a result is written over scores."""
    return out is not None and np.may_share_memory(scores.array, out)


def _same_place(a: Array, b: Array) -> bool:
    start, other = (array.__array_interface__["data"][0] for array in (a, b))
    return bool(start == other and a.strides == b.strides)


def run(batch: Batch, kernels: Kernels, scale: float, outputs: Outputs) -> float:
    """Fill the outputs and return the sum of the weighted losses."""
    scores = batch.scores
    if outputs.grad is not None and outputs.grad.nbytes >= STREAM:
        batch = batch._replace(streams=True)
    if scores.array.size == 0:
        if outputs.value is not None:
            outputs.value[...] = 0
        return 0.0
    layout = layout_of((scores.array, *outputs[1:]), scores.row_shape, scores.n_rows)
    x, shared = scores.array, outputs
    if x.ndim != 2 or outputs.value is not None:
        x = layout.arrange(x)
        shared = Outputs(*(_arrange(layout, a, scores) for a in outputs))
    if scores.n_rows <= batch.step:
        total, bad = _run_chunk(batch, kernels, scale, x, shared, (0, scores.n_rows))
        if bad:
            _complain(batch, 0, scores.n_rows)
    else:
        total = _run_chunks(batch, kernels, scale, layout, x, shared)
    if shared is not outputs:
        for final, rows in zip(outputs, shared, strict=True):
            if final is not None and rows is not None and not np.may_share_memory(final, rows):
                final[...] = rows.reshape(final.shape)
    return total


def _run_chunks(
    batch: Batch, kernels: Kernels, scale: float, layout: Layout, x: Array, outputs: Outputs
) -> float:
    """Share the chunks out over the threads; return the sum of their results, in order."""
    spans = layout.spans(batch.step)

    def work(i: int) -> tuple[float, bool]:
        places = Outputs(*(None if a is None else layout.take(a, *spans[i]) for a in outputs))
        return _run_chunk(batch, kernels, scale, layout.take(x, *spans[i]), places, spans[i])

    total = 0.0
    for span, (part, bad) in zip(spans, run_chunks(work, len(spans)), strict=True):
        if bad:
            _complain(batch, *span)
        total += part
    return total


def _arrange(layout: Layout, output: Array | None, scores: Scores) -> Array | None:
    """Return an output as rows: a view, or a copy to be written back if there can be no view."""
    if output is None:
        return None
    if output.ndim == scores.array.ndim:
        return layout.arrange(output)
    # One number per row, or a result without a class axis (one question per row).
    return output.reshape(-1) if output.shape != scores.shape else output.reshape(-1, 1)


def _run_chunk(
    batch: Batch,
    kernels: Kernels,
    scale: float,
    x: Array,
    places: Outputs,
    span: tuple[int, int],
) -> tuple[float, bool]:
    """Fill the places of a chunk; return its sum, and whether anything in it is invalid."""
    lo, hi = span
    scores, targets, link = batch.scores, batch.targets, batch.scores.link
    if not x.flags.c_contiguous and _may_stay_planar(batch, kernels, x, *places[1:]):
        results = [_target(batch, kernels, places[0]), *places[1:]]
    else:
        x = _taken(batch, kernels, x).reshape(hi - lo, -1)
        if batch.in_place:
            # A kernel may read a score again after it has written a result.
            x = x.copy()
        results = [_target(batch, kernels, place) for place in places]
    value, grad, hess = results
    take = None if targets.is_index else functools.partial(_taken, batch, kernels)
    t = targets.chunk(lo, hi, scores.dtype, kernels.read, take)
    if link.elementwise:
        weight = batch.weights.chunk(lo, hi, scores.dtype, scores.n_classes)
        result = kernels.elementwise(
            x.reshape(-1),
            t.reshape(-1),
            weight,
            batch.positive,
            batch.negative,
            scale,
            *(None if a is None else a.reshape(-1) for a in results),
            streams=batch.streams,
        )
    else:
        weight = batch.weights.chunk(lo, hi, scores.dtype, None)
        if link.on_probabilities:
            result = _simplex((batch, kernels, scale), x, t, weight, Outputs(*results))
        else:
            form = kernels.index if targets.is_index else kernels.dense
            exact = None if batch.fisher else hess
            result = form(x, t, weight, batch.positive, scale, value, grad, exact)
            if batch.fisher and hess is not None and not result[1]:
                per_class = t if targets.is_index else kernels.read(t)
                kernels.fisher(x, _row_totals(batch, per_class, weight), hess)
    for place, written in zip(places, results, strict=True):
        if (
            place is not None
            and written is not None
            and written is not place
            and not np.may_share_memory(written, place)
        ):
            kernels.write(written.reshape(place.shape), place)
    return result


def _may_stay_planar(
    batch: Batch, kernels: Kernels, x: Array, grad: Array | None, hess: Array | None
) -> bool:
    """Return whether a kernel can read the scores and write the gradient as they lie."""
    if batch.scores.link.on_probabilities or not batch.targets.is_index or hess is not None:
        return False
    if batch.scores.n_classes > kernels.most_planes:
        return False
    both = (x,) if grad is None else (x, grad)
    alike = all(is_planar(a) and a.strides == x.strides and a.dtype == x.dtype for a in both)
    return alike and kernels.knows(x.dtype)


def _as_it_lies(batch: Batch, kernels: Kernels, array: Array) -> bool:
    """Return whether the kernels can read or write an array itself, without a copy."""
    # A simplex is prepared by NumPy, in the computing type.
    same = array.dtype == batch.scores.dtype
    by_numpy = batch.scores.link.on_probabilities and not batch.scores.link.elementwise
    known = same if by_numpy else kernels.knows(array.dtype)
    return known and bool(array.flags.c_contiguous)


def _taken(batch: Batch, kernels: Kernels, array: Array) -> Array:
    """Return numbers for the kernel to read: the array itself if possible."""
    return array if _as_it_lies(batch, kernels, array) else kernels.read(array)


def _target(batch: Batch, kernels: Kernels, place: Array | None) -> Array | None:
    """Return contiguous rows for the kernel to fill: the place itself if possible."""
    if place is None:
        return None
    itself = _as_it_lies(batch, kernels, place)
    rows = place if itself else buffers.empty(place.shape, np.dtype(batch.scores.dtype))
    return rows if rows.ndim < 3 else rows.reshape(-1, rows.shape[-1])


def _row_totals(batch: Batch, t: Array, weight: Array | None) -> Array:
    """Return the weight of each softmax row over all its classes."""
    weight = np.ones(len(t), batch.positive.dtype) if weight is None else weight
    if batch.targets.is_index:
        per_row = batch.positive[np.clip(t, 0, len(batch.positive) - 1)]
    else:
        with np.errstate(invalid="ignore"):
            # Not a matrix product, which sums a row in an order that depends on the number of rows.
            per_row = (t * batch.positive).sum(axis=1)
    return np.where(weight == 0, 0, weight * per_row).astype(batch.positive.dtype)


def _simplex(
    run: tuple[Batch, Kernels, float], x: Array, t: Array, weight: Array | None, places: Outputs
) -> tuple[float, bool]:
    """Evaluate rows of probabilities as yes/no questions answered yes, one for each target class."""
    batch, kernels, scale = run
    value, grad, hess = places
    rows, classes = x.shape
    weight = np.ones(rows, x.dtype) if weight is None else weight
    bad = False
    if batch.targets.is_index:
        bad = bool(np.any((weight != 0) & ((t < 0) | (t >= classes))))
        column = np.clip(t, 0, classes - 1)[:, None]
        chosen = np.take_along_axis(x, column, axis=1)
        per_class = (weight * batch.positive[column[:, 0]])[:, None]
    else:
        column, chosen = None, x
        with np.errstate(invalid="ignore"):
            bad = bool(np.any((weight[:, None] != 0) & ~((t >= 0) & (t < np.inf))))
            per_class = np.where(weight[:, None] == 0, 0, weight[:, None] * (t * batch.positive))
    if bad:
        return 0.0, True
    wanted = (value, grad, None if batch.fisher else hess)
    parts = [None if a is None else np.empty(chosen.shape, x.dtype) for a in wanted]
    one = np.ones(1, x.dtype)
    total, bad = kernels.elementwise(
        np.ascontiguousarray(chosen).reshape(-1),
        np.ones(chosen.size, x.dtype),
        np.ascontiguousarray(per_class, x.dtype).reshape(-1),
        one,
        0 * one,
        scale,
        *(None if a is None else a.reshape(-1) for a in parts),
    )
    if value is not None and parts[0] is not None:
        value[...] = parts[0].sum(axis=1)
    for place, part in ((grad, parts[1]), (hess, parts[2])):
        if place is not None and part is not None:
            place[...] = 0
            if column is None:
                place[...] = part
            else:
                np.put_along_axis(place, column, part, axis=1)
    if batch.fisher and hess is not None:
        # Each class is true with its probability, and only the score of the true class has a slope.
        p = np.maximum(x, np.finfo(x.dtype).tiny)
        slope = np.empty_like(p)
        flat = (p.reshape(-1), np.ones(p.size, x.dtype), None, one, 0 * one, 1.0)
        kernels.elementwise(*flat, None, slope.reshape(-1), None)
        per_row = _row_totals(batch, t, weight)[:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            hess[...] = np.where(per_row == 0, 0, per_row * (p * slope) * slope)
    return total, bad


def _complain(batch: Batch, lo: int, hi: int) -> None:
    """Raise the error for the first bad target, or bad probability, of a chunk."""
    scores, targets = batch.scores, batch.targets
    valid = targets.valid(lo, hi, float(np.finfo(scores.dtype).max))
    width = scores.n_classes if batch.scores.link.elementwise else None
    weight = batch.weights.chunk(lo, hi, np.float64, width)
    if weight is not None:
        weight = weight.reshape(valid.shape) if weight.size == valid.size else weight[:, None]
        valid = valid | (weight == 0)
    if not valid.all():
        per_row = 1 if valid.ndim == 1 else valid.shape[1]
        targets.complain(lo * per_row + int(np.flatnonzero(~valid.reshape(-1))[0]))
    x = scores.chunk(lo, hi)
    outside = (x < 0) | (x > 1 + PROBABILITY_SLACK * np.finfo(x.dtype).eps)
    if weight is not None:
        outside &= weight != 0 if weight.ndim > 1 else (weight != 0)[:, None]
    if not outside.any():
        raise ArgumentError(
            "targets",
            "as they were before the call",
            "some that changed during it",
            problem="{argument} and {logits} must be {expected}, got {got}",
        )
    first = int(np.flatnonzero(outside.reshape(-1))[0])
    flat = lo * scores.n_classes + first
    position = tuple(int(i) for i in np.unravel_index(flat, scores.shape)) if scores.shape else ()
    raise ArgumentError("logits", "[0, 1]", x.reshape(-1)[first], position, must="lie in")
