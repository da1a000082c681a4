"""From a loss and the caller's arrays to a run of the kernels, and to the totals behind a constant."""

import functools
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from focalis import engines
from focalis.engines import buffers
from focalis.engines.driver import CHUNK, Batch, Outputs, make_output, overlaps, run
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.classes import check_targets, masked_scores, read_classes
from focalis.inputs.row_weights import read_normalizer, read_row_weights
from focalis.inputs.targets import Array, Scores, Targets, read_scores, read_targets, real_array
from focalis.margin import MarginLoss
from focalis.maths.links import Link

if TYPE_CHECKING:
    from focalis.loss import Loss

__all__ = ["answer_totals", "denominator_of", "evaluate", "type_for"]

# How far from 1, either way, a parameter may be in each type, and a product of weights in float32.
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_FARTHEST_PARAMETER = {_SINGLE: 2.0**60, _DOUBLE: 2.0**500}
_FARTHEST_PRODUCT = 2.0**100
_SMALLEST_NORMAL = sys.float_info.min

Evaluation = TypeVar("Evaluation", bound=Callable[..., Any])


def _twice_at_most(evaluate: Evaluation) -> Evaluation:
    """Try an evaluation again, with the kept buffers given back, where there was no memory for it."""

    @functools.wraps(evaluate)
    def attempt(loss: "Loss", logits: Any, *given: Any, **options: Any) -> Any:
        try:
            return evaluate(loss, logits, *given, **options)
        except MemoryError:
            outs = [*(options.get("grad") or ()), *(options.get("hess") or ())]
            written_over = any(
                out is not None and np.may_share_memory(np.asarray(logits), out) for out in outs
            )
            # Logits that are partly written over cannot be read again.
            if not buffers.release() or written_over:
                raise
        return evaluate(loss, logits, *given, **options)

    return attempt  # type: ignore[return-value]


@_twice_at_most
def evaluate(
    loss: "Loss",
    logits: Any,
    targets: Any,
    sample_weight: Any,
    where: Any,
    normalizer: float | None,
    engine: str,
    *,
    grad: tuple[Array | None] | None = None,
    hess: tuple[Array | None] | None = None,
    curvature: str = "exact",
    factor: float = 1.0,
    own: Any = None,
    class_where: Any = None,
) -> tuple[Any, Any, Any]:
    """Return value, gradient and Hessian; `grad` and `hess` hold an `out` where they are wanted.

    The gradient of a reduced value is multiplied by `factor` before it is rounded. Gradient and Hessian
    have the type `own`, that of the logits if it is None.
    """
    scores = read_scores(loss.link, logits)
    read = _read(loss, scores, targets)
    classes = None if class_where is None else read_classes(loss.link, scores, class_where)
    if classes is not None:
        scores, read = masked_scores(loss.link, scores, classes), read._replace(classes=classes)
    weights = read_row_weights(scores, read, sample_weight, where)
    normalizer = read_normalizer(loss.reduction, normalizer)
    positive, negative = loss.answer_weights(scores.n_classes, scores.dtype)
    given = (read.rows, weights.sample_weight, weights.where)
    slope = None if grad is None else make_output(scores, grad[0], given, own)
    second = None if hess is None else make_output(scores, hess[0], (*given, slope), own)
    outputs = Outputs(_value_output(loss, scores) if hess is None else None, slope, second)
    in_place = (grad is not None and overlaps(scores, grad[0])) or (
        hess is not None and overlaps(scores, hess[0])
    )
    fisher = curvature == "fisher" and hess is not None
    batch = Batch(loss.link, scores, read, weights, positive, negative, fisher, in_place)
    denominator = 1.0 if hess is not None else denominator_of(loss, batch, normalizer)
    scale = factor / denominator if denominator > 0.0 else 0.0
    wanted = _engine(engine), loss.link, loss.margin_loss
    dtype, kernels = _load(*wanted, scores.dtype, curvature)
    if dtype is _SINGLE and not _fits(loss, weights.range, scale):
        dtype, kernels = _load(*wanted, _DOUBLE, curvature)
    if dtype is not scores.dtype:
        batch = _in_type(loss, batch, dtype)
    if classes is not None:
        check_targets(weights, batch.step)
    total = run(batch, kernels, scale, outputs)
    for output in outputs[1:]:
        if classes is not None and output is not None:
            output[~classes.reshape(output.shape)] = 0
    if outputs.value is not None:
        return outputs.value, outputs.grad, outputs.hess
    return np.float64(total / denominator if denominator > 0.0 else 0.0), outputs.grad, outputs.hess


@functools.lru_cache(maxsize=512)
def _load(
    engine: str, link: Link, loss: MarginLoss, dtype: Any, curvature: str
) -> tuple[Any, engines.Kernels]:
    """Return a type that holds a margin loss's parameters, and its kernels in that type."""
    dtype = _holding(loss, dtype)
    return dtype, engines.load(engine, link, loss, dtype, curvature)


def type_for(loss: "Loss", dtype: Any) -> Any:
    """Return the type to compute unweighted rows in: the given one or float64."""
    dtype = _holding(loss.margin_loss, dtype)
    return dtype if dtype is _DOUBLE or _fits(loss, (1.0, 1.0), 1.0) else _DOUBLE


def _fits(loss: "Loss", rows: tuple[float, float], scale: float) -> bool:
    """Return whether float32 holds the products of all weights.

    `rows` is the range of the weights of rows or elements, `scale` what the gradient is multiplied by.
    """
    size = abs(scale)
    if not 0.0 < size < math.inf:
        size = 1.0
    least, most = loss.weight_range
    least, most = least * rows[0], most * rows[1]
    low, high = 1.0 / _FARTHEST_PRODUCT, _FARTHEST_PRODUCT
    return low <= least and low <= least * size and most <= high and most * size <= high


@functools.lru_cache(maxsize=512)
def _holding(loss: MarginLoss, dtype: Any) -> Any:
    """Return a type that holds what a margin loss makes of its parameters: the given one or float64."""
    farthest = _FARTHEST_PARAMETER[dtype]
    for name, value in loss.parameters.items():
        low = 0.0 if 0.0 in loss.family.ranges[name] else 1.0 / farthest
        if low <= abs(value) <= farthest:
            continue
        if dtype is _SINGLE:
            return _holding(loss, _DOUBLE)
        least = "" if low == 0.0 else f" and at least {low:.1g}"
        expected = f"at most {farthest:.1g} in size{least} to be computed with"
        raise ArgumentError(name, expected, repr(value), of=loss.name)
    return dtype


def _in_type(loss: "Loss", batch: Batch, dtype: Any) -> Batch:
    """Return a batch that is computed in a type of its own, whatever that of its logits."""
    positive, negative = loss.answer_weights(batch.scores.n_classes, dtype)
    scores = batch.scores._replace(dtype=dtype)
    return batch._replace(scores=scores, positive=positive, negative=negative)


def answer_totals(
    loss: "Loss", targets: Any, sample_weight: Any, n_classes: int | None
) -> tuple[Array, Array]:
    """Return the total weight (C,) of the positive and of the negative answers, in float64."""
    scores, read = _read_without_logits(loss, targets, n_classes)
    weights = read_row_weights(scores, read, sample_weight, None)
    totals = np.zeros((2, scores.n_classes))
    width = scores.n_classes if loss.link.elementwise else None
    step = max(1, CHUNK // max(1, scores.n_classes))
    for lo in range(0, scores.n_rows, step):
        hi = min(lo + step, scores.n_rows)
        weight = weights.chunk(lo, hi, np.float64, width)
        weight = np.ones((hi - lo, 1)) if weight is None else weight.reshape(hi - lo, -1)
        valid = read.valid(lo, hi).reshape(hi - lo, -1) | (weight == 0)
        if not valid.all():
            read.complain(lo * valid.shape[1] + int(np.flatnonzero(~valid)[0]))
        y = read.chunk(lo, hi, np.float64, _as_float64)
        if read.is_index:
            kept = weight[:, 0] != 0
            totals[0] += np.bincount(y[kept], weight[kept, 0], minlength=scores.n_classes)
        else:
            with np.errstate(invalid="ignore"):
                totals[0] += np.where(weight == 0, 0, weight * y).sum(axis=0)
                totals[1] += np.where(weight == 0, 0, weight * (1 - y)).sum(axis=0)
    positive, negative = loss.answer_weights(scores.n_classes, _DOUBLE)
    totals *= (positive, negative)
    return totals[0], totals[1]


def _read(loss: "Loss", scores: Scores, targets: Any) -> Targets:
    return read_targets(
        loss.link,
        scores,
        targets,
        smoothing=loss.label_smoothing,
        positives=loss.positives,
        ignore_index=loss.ignore_index,
    )


def _read_without_logits(
    loss: "Loss", targets: Any, n_classes: int | None
) -> tuple[Scores, Targets]:
    """Read targets against logits that exist in shape only."""
    given = real_array("targets", targets)
    shape = given.shape
    if not loss.link.elementwise and given.dtype.kind in "iu":
        one_hot = given.ndim > 1 and n_classes in (None, shape[-1])
        if not one_hot:
            counted = given if loss.ignore_index is None else given[given != loss.ignore_index]
            shape = (*shape, n_classes or int(counted.max(initial=0)) + 1)
    if n_classes is not None and shape and not loss.link.elementwise and shape[-1] != n_classes:
        expected = f"{shape[-1]}, the length of the last axis of the {{targets}}"
        raise ArgumentError("n_classes", expected, n_classes)
    scores = read_scores(loss.link, np.broadcast_to(np.float32(0), shape))
    return scores, _read(loss, scores, given)


def _as_float64(numbers: Array) -> Array:
    return np.ascontiguousarray(numbers, np.float64)


def _engine(engine: str) -> str:
    if not isinstance(engine, str):
        raise ArgumentTypeError("engine", "a str", type(engine).__name__)
    if engine != "auto" and engine not in engines.ENGINES:
        choices = ", ".join(map(repr, ("auto", *engines.ENGINES)))
        raise ArgumentError("engine", f"one of {choices}", repr(engine))
    return "numba" if engine == "auto" else engine


def _value_output(loss: "Loss", scores: Scores) -> Array | None:
    if loss.reduction != "none":
        return None
    shape = scores.shape if loss.link.elementwise else scores.row_shape
    return np.empty(shape, scores.own)


def denominator_of(loss: "Loss", batch: Batch, normalizer: float | None) -> float:
    """Return what the sum over a batch is divided by; 0 if nothing counts."""
    if loss.reduction in ("none", "sum"):
        return 1.0
    if normalizer is not None:
        name, denominator = "normalizer", normalizer
    elif loss.reduction == "batchmean":
        return float(batch.scores.n_rows)
    else:
        per_class = None
        if loss.class_weight is not None and batch.targets.form == "index":
            per_class = np.asarray(loss.class_weight)
        name, denominator = "sample_weight", batch.weights.total(per_class, batch.step)
    if 0.0 < denominator < _SMALLEST_NORMAL:
        expected = f"at least {_SMALLEST_NORMAL:.2g} to be divided by"
        sum_of = "the sum of " if name == "sample_weight" else ""
        problem = f"{sum_of}{{argument}} must be {{expected}}, got {{got}}"
        raise ArgumentError(name, expected, repr(denominator), problem=problem)
    return denominator
