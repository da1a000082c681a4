"""A loss of arrays: what `focalis.loss` and an engine do together, without reading the data.

No branch depends on a number, so all of it can be traced, compiled, mapped, differentiated and run on
arrays without memory. The caller's arrays are never written to.

Scores that are masked, or have weight 0, are replaced by harmless ones before anything is computed, so
that whatever they held reaches neither the value nor a derivative of any order. Raising an error would
mean reading the data, so a target, weight or normaliser that the loss cannot take gives NaN instead.
Only if the weights sum to 0 is there nothing to average; the mean is then 0, with derivatives of 0.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from focalis.arrays.margin import MarginTerms, bounds_of
from focalis.arrays.verbs import Array, Hooks
from focalis.errors import ArgumentError
from focalis.inputs.arguments import Arguments
from focalis.inputs.class_weights import class_weights
from focalis.inputs.shapes import broadcasts
from focalis.loss import Loss
from focalis.maths.links import PROBABILITY_SLACK
from focalis.settings_table import WEIGHTS, largest_weight, weight_of_no, weights_of
from focalis.vocabulary import absolute

INF, NAN = float("inf"), float("nan")


class _Batch(NamedTuple):
    """The arguments with the class axis last, in the type used for computing."""

    xp: Hooks
    loss: Loss
    scores: Array
    targets: Array  # valid class indices (…), or numbers (…, C)
    one: Array | None  # for class indices: 1, or NaN where the index was not valid
    weight: Array | None  # per row (…) or element (…, C), 0 where masked
    kept: Array | None  # True where not masked, shaped like the weight
    classes: Array | None  # True where a class is not masked (…, C)
    values: dict[str, Array]  # parameters of the margin loss
    factors: dict[str, Array]  # alpha, pos_weight and class_weight


def weighted_losses(xp: Hooks, loss: Loss, arguments: Arguments, axis: int = -1) -> Array:
    """Return the loss, in the type of the logits: a number, or for "none" one for each score or row.

    `arguments` are arrays of the framework. Their `parameters` hold parameters of the margin loss,
    whose shapes broadcast to that of the scores or, for class indices, of the rows; and alpha,
    pos_weight and class_weight, whose shapes broadcast to that of the scores. One with as many axes as
    the logits has the class axis where they have it; one with fewer has it last. One-dimensional scores
    of a sigmoid or identity have no class axis.
    """
    logits, elementwise = arguments.logits, loss.link.elementwise
    ndim = len(logits.shape)
    has_axis = not (elementwise and ndim <= 1)

    def classes_last(array: Array | None) -> Any:
        if array is None or not has_axis or len(array.shape) < ndim:
            return array
        return xp.moved(array, axis, -1)

    arrays = Arguments(*map(classes_last, arguments[:5]))
    parameters = {k: classes_last(v) for k, v in (arguments.parameters or {}).items()}
    batch = _read(xp, loss, arrays, parameters)
    values = _elementwise(batch) if elementwise else _rows(batch)
    if loss.reduction == "none":
        values = xp.moved(values, -1, axis) if elementwise and has_axis else values
    else:
        values = _reduced(batch, values, arguments.normalizer)
    return xp.cast(values, logits.dtype)


def _read(xp: Hooks, loss: Loss, arrays: Arguments, parameters: Mapping[str, Array]) -> _Batch:
    x = xp.cast(arrays.logits, xp.computing_type(arrays.logits, loss.link.on_probabilities))
    targets, kept, classes, weight = arrays.targets, arrays.where, arrays.class_where, None
    is_index = len(targets.shape) < len(x.shape)
    if is_index or loss.ignore_index is not None:
        targets = xp.index(targets)
    if loss.ignore_index is not None:
        kept = _both(kept, xp.differs(targets, loss.ignore_index))
    if classes is not None:
        classes = xp.broadcast(_with_axes_of(x, classes), x)
        if loss.link.elementwise:
            kept, classes = _both(kept, classes), None
        else:
            kept = _both(kept, xp.any(classes)[..., 0])
    if arrays.sample_weight is not None:
        weight = xp.cast(arrays.sample_weight, x.dtype)
        weight = xp.where((weight >= 0.0) & (weight < INF), weight, NAN)
    if kept is not None and weight is None:
        weight = xp.cast(kept, x.dtype)
    elif kept is not None:
        weight, kept = _align(weight, kept), _align(kept, weight)
        weight = xp.where(kept, weight, 0.0)
    if loss.link.elementwise and weight is not None:
        weight, kept = _align(weight, x), None if kept is None else _align(kept, x)
    one = None
    if is_index:
        valid = (targets >= 0) & (targets < xp.classes(x, targets))
        targets = xp.where(valid, targets, 0)
        if classes is not None:
            valid = valid & xp.any(xp.is_class(targets, x) & classes)[..., 0]
        one = _valid_or_nan(xp, xp.cast(valid, x.dtype), valid, weight)
    of_margin_loss = loss.margin_loss.parameters
    known = weights_of(loss.link)
    values, factors = {}, {}
    for name, parameter in parameters.items():
        parameter = xp.cast(parameter, x.dtype)
        if name in of_margin_loss:
            values[name] = parameter
        elif name in known:
            factors[name] = _read_factor(xp, loss, name, parameter, x)
        else:
            names = ", ".join((*of_margin_loss, *known))
            expected = f"{names} for link={loss.link!r} and {loss.margin_loss!r}"
            raise ArgumentError("parameters", expected, name, must="be among")
    return _Batch(xp, loss, x, targets, one, weight, kept, classes, values, factors)


def _read_factor(xp: Hooks, loss: Loss, name: str, factor: Array, x: Array) -> Array:
    """Return the weights of the classes, NaN for invalid ones, with as many axes as the scores."""
    if not broadcasts(factor.shape, x.shape):
        expected = (
            "a number or have one for each class, or a shape that broadcasts to that of the {logits}, "
            f"the classes last, {tuple(x.shape)}"
        )
        raise ArgumentError(name, expected, f"shape {tuple(factor.shape)}")
    highest = largest_weight(name, loss.link, float(xp.finfo(x).max))
    factor = xp.where((factor >= 0.0) & (factor <= highest), factor, NAN)
    return _with_axes_of(x, factor)


def _with_axes_of(x: Array, a: Array) -> Array:
    """Return an array with as many axes as x, unless it has none."""
    missing = len(x.shape) - len(a.shape) if len(a.shape) else 0
    return a[(None,) * missing] if missing else a


def _align(a: Array, like: Array) -> Array:
    """Give per-row numbers a class axis when they meet per-element ones."""
    return a[..., None] if len(a.shape) < len(like.shape) else a


def _both(mask: Array | None, other: Array) -> Array:
    return other if mask is None else _align(mask, other) & _align(other, mask)


def _valid_or_nan(xp: Hooks, y: Array, valid: Array, weight: Array | None) -> Array:
    """Return targets with NaN for invalid ones, or 0 where the weight is 0."""
    bad = NAN if weight is None else xp.where(weight == 0.0, xp.number(0.0, y), NAN)
    return xp.where(valid, y, bad)


def _elementwise(batch: _Batch) -> Array:
    """Return y φ(truth) + (1 − y) φ(mirror), each with its weight."""
    xp, loss, x, weight = batch.xp, batch.loss, batch.scores, batch.weight
    y = xp.cast(batch.targets, x.dtype)
    y = _valid_or_nan(xp, y, (y >= 0.0) & (y <= 1.0), weight)
    if loss.label_smoothing:
        y = y * (1.0 - loss.label_smoothing) + loss.label_smoothing / 2.0
    positive, negative = _answer_weights(batch)
    if weight is not None:
        x = xp.quiet(x, weight, batch.kept, loss.link.harmless)
    shares = _share(batch, y, positive, weight), _share(batch, 1.0 - y, negative, weight)
    if positive is not None and not loss.link.on_probabilities:
        x = xp.asked(x, shares)
    return _weighted(batch, x, shares)


def _rows(batch: _Batch) -> Array:
    """Return the losses of rows."""
    xp, loss, x, weight, kept = batch.xp, batch.loss, batch.scores, batch.weight, batch.kept
    positive, _ = _answer_weights(batch)
    if batch.classes is not None and not loss.link.on_probabilities:
        x = xp.where(batch.classes, x, -INF)
    if batch.one is not None and not loss.label_smoothing:
        share = _share(batch, batch.one, _of_class(batch, positive), weight)
        may_be_silent = positive is not None or weight is not None
        if loss.link.on_probabilities:
            x = xp.pick(x, batch.targets)
            x = xp.quiet(x, share, kept, loss.link.harmless) if may_be_silent else x
            return _weighted(batch, x, (share,))
        if may_be_silent:
            x = xp.quiet(x, share[..., None], None if kept is None else kept[..., None], 0.0)
        return _weighted(batch, xp.margins(x, batch.targets), (share,))
    weight, kept = (None if a is None else a[..., None] for a in (weight, kept))
    share = _share(batch, _by_class(batch, weight), positive, weight)
    if loss.link.on_probabilities:
        return xp.sum(_weighted(batch, xp.quiet(x, share, kept, loss.link.harmless), (share,)))[
            ..., 0
        ]
    x, companions = xp.all_margins(xp.quiet(x, xp.sum(absolute(share)), kept, 0.0))
    if batch.classes is not None:
        x, companions = xp.where(batch.classes, x, 0.0), None
    return xp.sum(_weighted(batch, x, (share,), companions))[..., 0]


def _by_class(batch: _Batch, weight: Array | None) -> Array:
    """Return the share of the truth that each class of a row has, (…, C)."""
    xp, loss, x = batch.xp, batch.loss, batch.scores
    rest, count = 1.0 - loss.label_smoothing, xp.classes(x, x)
    if batch.classes is not None:
        count = xp.sum(xp.cast(batch.classes, x.dtype))
        count = xp.where(count == 0.0, 1.0, count)
    if batch.one is not None:
        y = xp.cast(xp.is_class(batch.targets, x), x.dtype) * rest + loss.label_smoothing / count
        return batch.one[..., None] * _unmasked(batch, y)
    y = xp.cast(batch.targets, x.dtype)
    valid = (y >= 0.0) & (y < INF)
    if batch.classes is not None:
        # A target on a masked class makes its whole row invalid.
        valid = valid & ~xp.any(~batch.classes & ~(y == 0.0))
        y = xp.where(batch.classes, y, 0.0)
    y = _valid_or_nan(xp, y, valid, weight)
    positives = xp.sum(xp.cast(y > 0.0, x.dtype))
    if loss.positives == "mean":
        y = y / xp.clip(positives, 1.0, None)
    if loss.label_smoothing:
        smoothed = y * rest + _unmasked(batch, loss.label_smoothing / count)
        y = smoothed if loss.positives == "sum" else xp.where(positives > 0.0, smoothed, y)
    return y


def _unmasked(batch: _Batch, y: Any) -> Any:
    return y if batch.classes is None else batch.xp.where(batch.classes, y, 0.0)


def _share(batch: _Batch, y: Array, factor: Array | None, weight: Array | None) -> Array:
    """Return the product of a target and its weights."""
    xp = batch.xp
    if factor is not None:
        if weight is not None and batch.factors:
            # Where the weight is 0, the factor may be NaN.
            factor = xp.where((weight == 0.0) & xp.isnan(factor), 0.0, factor)
        y = y * factor
    return y if weight is None else y * weight


def _weighted(batch: _Batch, x: Array, shares: tuple[Array, ...], companions: Any = None) -> Array:
    """Return the margin loss of scores times their shares."""
    xp, loss, info = batch.xp, batch.loss, batch.xp.finfo(x)
    if loss.link.on_probabilities:
        possible = (x >= 0.0) & (x <= 1.0 + PROBABILITY_SLACK * float(info.eps))
        # Added to x, so that the gradient is NaN too.
        x = x + xp.where(possible, xp.number(0.0, x), NAN)
    values = tuple(_parameter(batch, name, x) for name in batch.values)
    bounds = bounds_of(loss.margin_loss, info.dtype)
    terms = MarginTerms(xp, loss.link, loss.margin_loss, tuple(batch.values), bounds)
    return xp.weighted(terms, x, shares, values, companions)


def _parameter(batch: _Batch, name: str, x: Array) -> Array:
    """Return a parameter of the margin loss with as many axes as x, or none."""
    value, ndim = batch.values[name], len(batch.scores.shape)
    fits = broadcasts(value.shape, batch.scores.shape)
    if batch.one is not None and 0 < len(value.shape) < ndim:
        fits = broadcasts((*value.shape, 1), batch.scores.shape)
        value = value if len(x.shape) < ndim else value[..., None]
    if not fits:
        rows = "" if batch.one is None else f"{tuple(batch.scores.shape[:-1])}, of the rows, or "
        expected = (
            f"a shape that broadcasts to {rows}that of the {{logits}}, the classes last, "
            f"{tuple(batch.scores.shape)}"
        )
        raise ArgumentError(name, expected, tuple(value.shape), must="have")
    if len(x.shape) < len(value.shape):
        value = _of_class(batch, value)
    return _with_axes_of(x, value)


def _answer_weights(batch: _Batch) -> tuple[Array | None, Array | None]:
    """Return the weights of positive and negative answers, with as many axes as the scores or none.

    They are None if all are 1.
    """
    xp, loss, x, factors = batch.xp, batch.loss, batch.scores, batch.factors
    fixed = {name: None if name in factors else getattr(loss, name) for name in WEIGHTS}
    if not factors and all(factor is None for factor in fixed.values()):
        return None, None
    one_output = loss.link.elementwise and len(x.shape) <= 1
    lengths = [len(factor) for factor in fixed.values() if isinstance(factor, tuple)]
    # Scalar factors do not need the number of classes, which may not be known yet.
    per_class = bool(lengths) and not one_output
    classes = (x.shape[-1] or lengths[0]) if per_class else 1
    weights = class_weights(loss.link, classes, fixed.values())
    yes, no = (
        _with_axes_of(x, xp.number(weight if per_class else weight[0], x)) for weight in weights
    )
    for name, factor in factors.items():
        yes = yes * factor
        of_no = weight_of_no(name, loss.link, factor)
        no = no if of_no is None else no * of_no
    return yes, no


def _of_class(batch: _Batch, by_class: Array | None) -> Array | None:
    """Return the numbers of the true classes, (…) or (), out of those of all classes, (…, C) or ()."""
    if by_class is None or not len(by_class.shape):
        return by_class
    *rows, classes = by_class.shape
    if all(n == 1 for n in rows):
        alone = by_class[(0,) * len(rows)]
        return alone[0] if classes == 1 else batch.xp.take(alone, batch.targets)
    return batch.xp.pick(batch.xp.broadcast(by_class, batch.scores), batch.targets)


def _reduced(batch: _Batch, values: Array, normalizer: Any) -> Array:
    """Return the sum or mean of the losses."""
    xp = batch.xp
    if batch.loss.reduction == "sum":
        return xp.mean(values, None)
    if normalizer is not None:
        denominator = xp.number(normalizer, batch.scores)
        valid = (denominator > 0.0) & (denominator < INF)
        return xp.mean(values, xp.where(valid, denominator, NAN))
    denominator = _denominator(batch)
    nothing = denominator == 0.0
    return xp.where(nothing, 0.0, xp.mean(values, xp.where(nothing, 1.0, denominator)))


def _denominator(batch: _Batch) -> Array:
    """Return the number that the sum of the losses is divided by; 0 if nothing counts."""
    xp, loss, x, weight = batch.xp, batch.loss, batch.scores, batch.weight
    elementwise = loss.link.elementwise
    if loss.reduction == "batchmean":
        return xp.size(x, not elementwise or len(x.shape) > 1)
    if elementwise:
        kept = batch.kept
        return xp.size(x, False) if kept is None else xp.count(xp.broadcast(kept, x), x)
    by_class = batch.factors.get("class_weight", loss.class_weight)
    if by_class is not None and batch.one is not None:
        by_class = _with_axes_of(x, xp.number(by_class, x))
        return xp.total(_share(batch, batch.one, _of_class(batch, by_class), weight))
    return xp.size(x, True) if weight is None else xp.total(weight)
