"""From a loss and the caller's arrays to a run of the kernels, and to the totals behind a constant."""

import functools
import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from focalis import buffers, engines
from focalis.classes import check_targets, masked_scores, read_classes
from focalis.execution import CHUNK, Batch, Outputs, make_output, overlaps, run
from focalis.links import ELEMENTWISE
from focalis.margin import MarginLoss
from focalis.targets import Array, Scores, Targets, read_scores, read_targets, real_array
from focalis.weighting import read_normalizer, read_row_weights

if TYPE_CHECKING:
    from focalis.loss import Loss

__all__ = ["answer_totals", "denominator_of", "evaluate", "type_for"]

# How far from 1, either way, a parameter may be in each type, and a product of weights in float32.
_FARTHEST_PARAMETER = {np.dtype(np.float32): 2.0**60, np.dtype(np.float64): 2.0**500}
_FARTHEST_PRODUCT = 2.0**100

_load = functools.lru_cache(maxsize=512)(engines.load)


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
    given = loss, logits, targets, sample_weight, where, normalizer, engine
    options = {"grad": grad, "hess": hess, "curvature": curvature, "factor": factor, "own": own}
    options["class_where"] = class_where
    try:
        return _evaluate(*given, **options)
    except MemoryError:
        outs = [out for wanted in (grad, hess) if wanted is not None for out in wanted]
        written_over = any(
            out is not None and np.may_share_memory(np.asarray(logits), out) for out in outs
        )
        # Logits that are partly written over cannot be read again.
        if not buffers.release() or written_over:
            raise
    return _evaluate(*given, **options)


def _evaluate(
    loss: "Loss",
    logits: Any,
    targets: Any,
    sample_weight: Any,
    where: Any,
    normalizer: float | None,
    engine: str,
    *,
    grad: tuple[Array | None] | None,
    hess: tuple[Array | None] | None,
    curvature: str,
    factor: float,
    own: Any,
    class_where: Any,
) -> tuple[Any, Any, Any]:
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
    in_place = any(out is not None and overlaps(scores, out[0]) for out in (grad, hess))
    fisher = curvature == "fisher" and hess is not None
    form = (loss.link, scores, read, weights, positive, negative)
    batch = Batch(*form, fisher=fisher, in_place=in_place)
    denominator = 1.0 if hess is not None else denominator_of(loss, batch, normalizer)
    scale = factor / denominator if denominator > 0.0 else 0.0
    dtype = type_for(loss, scores.dtype, weights.range, scale)
    if dtype != scores.dtype:
        batch = _in_type(loss, batch, dtype)
    kernels = _load(_engine(engine), loss.link, loss.margin_loss, dtype, curvature)
    if classes is not None:
        check_targets(weights, batch.step)
    total = run(batch, kernels, scale, outputs)
    for output in outputs[1:]:
        if classes is not None and output is not None:
            output[~classes.reshape(output.shape)] = 0
    if outputs.value is not None:
        return outputs.value, outputs.grad, outputs.hess
    return np.float64(total / denominator if denominator > 0.0 else 0.0), outputs.grad, outputs.hess


def type_for(
    loss: "Loss", dtype: Any, rows: tuple[float, float] = (1.0, 1.0), scale: float = 1.0
) -> Any:
    """Return the type to compute in: the given one, or float64 where float32 does not hold the numbers.

    `rows` is the range of the weights of rows or elements, `scale` what the gradient is multiplied by.
    """
    dtype = _holding(loss.margin_loss, dtype)
    if dtype != np.float32:
        return dtype
    size = abs(scale) if scale != 0.0 and math.isfinite(scale) else 1.0
    least, most = loss.weight_range
    least, most = least * rows[0] * min(size, 1.0), most * rows[1] * max(size, 1.0)
    fits = least >= 1.0 / _FARTHEST_PRODUCT and most <= _FARTHEST_PRODUCT
    return dtype if fits else np.dtype(np.float64)


@functools.lru_cache(maxsize=512)
def _holding(loss: MarginLoss, dtype: Any) -> Any:
    """Return a type that holds what a margin loss makes of its parameters: the given one or float64."""
    farthest = _FARTHEST_PARAMETER[dtype]
    for name, value in loss.parameters.items():
        low = 0.0 if 0.0 in loss.family.ranges[name] else 1.0 / farthest
        if low <= abs(value) <= farthest:
            continue
        if dtype == np.float32:
            return _holding(loss, np.dtype(np.float64))
        raise ValueError(
            f"{name} of {loss.name} must be at most {farthest:.1g} in size"
            f"{'' if low == 0.0 else f' and at least {low:.1g}'} to be computed with, got {value!r}"
        )
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
    width = scores.n_classes if loss.link in ELEMENTWISE else None
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
    positive, negative = loss.answer_weights(scores.n_classes, np.dtype(np.float64))
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
    if loss.link == "softmax" and given.dtype.kind in "iu":
        one_hot = given.ndim > 1 and n_classes in (None, shape[-1])
        if not one_hot:
            counted = given if loss.ignore_index is None else given[given != loss.ignore_index]
            shape = (*shape, n_classes or int(counted.max(initial=0)) + 1)
    if n_classes is not None and shape and loss.link == "softmax" and shape[-1] != n_classes:
        raise ValueError(
            f"n_classes must be {shape[-1]}, the length of the targets' last axis, got {n_classes}"
        )
    scores = read_scores(loss.link, np.broadcast_to(np.float32(0), shape))
    return scores, _read(loss, scores, given)


def _as_float64(numbers: Array) -> Array:
    return np.ascontiguousarray(numbers, np.float64)


def _engine(engine: str) -> str:
    if not isinstance(engine, str):
        raise TypeError(f"engine must be a str, got {type(engine).__name__}")
    if engine != "auto" and engine not in engines.ENGINES:
        choices = ", ".join(map(repr, ("auto", *engines.ENGINES)))
        raise ValueError(f"engine must be one of {choices}, got {engine!r}")
    return "numba" if engine == "auto" else engine


def _value_output(loss: "Loss", scores: Scores) -> Array | None:
    if loss.reduction != "none":
        return None
    shape = scores.shape if loss.link in ELEMENTWISE else scores.row_shape
    return np.empty(shape, scores.own)


def denominator_of(loss: "Loss", batch: Batch, normalizer: float | None) -> float:
    """Return what the sum over a batch is divided by; 0 if nothing counts."""
    if loss.reduction in ("none", "sum"):
        return 1.0
    if normalizer is not None:
        return _invertible("normalizer", normalizer)
    if loss.reduction == "batchmean":
        return float(batch.scores.n_rows)
    per_class = None
    if loss.class_weight is not None and batch.targets.form == "index":
        per_class = np.asarray(loss.class_weight)
    return _invertible("the sum of sample_weight", batch.weights.total(per_class, batch.step))


def _invertible(name: str, denominator: float) -> float:
    if 0.0 < denominator < sys.float_info.min:
        raise ValueError(
            f"{name} must be at least {sys.float_info.min:.2g} to be divided by, got {denominator!r}"
        )
    return denominator
