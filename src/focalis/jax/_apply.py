"""Any loss on arrays: what `focalis.evaluation` and an engine do together, without a look at the data.

No branch depends on a number, so the whole can be traced, mapped, differentiated and exported. What is
masked is replaced by a harmless score before anything is computed, and so is a NaN behind a weight of 0:
neither reaches the value or a derivative of any order. A target, a weight or a normaliser that the loss
cannot take gives NaN.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from focalis import Loss
from focalis.jax._checks import as_array, check, class_axis
from focalis.jax._margin import MarginTerms, weighted
from focalis.jax._softmax import Companions, all_margins, is_class, margins
from focalis.links import ELEMENTWISE, PROBABILITY, PROBABILITY_SLACK, limits
from focalis.weighting import class_weights

__all__ = ["apply"]

Array = jax.Array

_FACTORS = ("alpha", "pos_weight", "class_weight")


class _Batch(NamedTuple):
    """The arguments with the class axis last, in the type to compute in."""

    scores: Array
    targets: Array
    weight: Array | None  # per row (…) or element (…, C), 0 where masked
    kept: Array | None  # True where not masked, as weight
    values: dict[str, Array]
    factors: dict[str, Any]  # alpha, pos_weight and class_weight


def apply(
    loss: Loss,
    logits: jax.typing.ArrayLike,
    targets: jax.typing.ArrayLike,
    *,
    sample_weight: jax.typing.ArrayLike | None = None,
    where: jax.typing.ArrayLike | None = None,
    normalizer: jax.typing.ArrayLike | None = None,
    axis: int = -1,
    parameters: Mapping[str, jax.typing.ArrayLike] | None = None,
) -> Array:
    """Return any loss of the family, differentiable at every order and in both modes.

    Parameters
    ----------
    loss : Loss
        What to compute: link, margin loss, weights and reduction. It is static: close over it, or name
        it in ``static_argnums``.
    logits : array
        Scores (…, C); for a sigmoid or identity any shape, and one dimension is N rows of one output.
        float16, bfloat16, float32 or float64; half types are computed in float32.
    targets : array
        Sigmoid, identity: shaped like the logits, in [0, 1]. Softmax, simplex: class indices (…) or
        non-negative numbers for each class, shaped like the logits.
    sample_weight : array, optional
        Non-negative weights of the rows (…) or, for a sigmoid or identity, of the elements.
    where : array of bool, optional
        True where a row (or element) counts; shaped as `sample_weight`.
    normalizer : float or array without dimensions, optional
        Replaces the denominator of "mean" and "batchmean": for example the number of positives, summed
        over a mesh by ``jax.lax.psum``.
    axis : int, default -1
        The class axis.
    parameters : mapping of str to array, optional
        Numbers that replace settings of the loss, and may be traced or differentiated: parameters of its
        margin loss, of shapes that broadcast to that of the scores (sigmoid, identity) or of the rows
        (class indices), and ``"alpha"``, ``"pos_weight"`` and ``"class_weight"``, of shape () or (C,).
        Their ranges are not checked.

    Returns
    -------
    Array
        Without dimensions; for "none" shaped like the logits (sigmoid, identity) or with one number for
        each row. In the type of the logits.

    Raises
    ------
    ValueError, TypeError
        If shapes, types or settings do not fit, while tracing already. No number in an array is looked
        at: as elsewhere in JAX, a target, a sample weight or a normaliser that the loss cannot take
        gives NaN. A normaliser of 0 gives 0.

    Notes
    -----
    Soft targets mean the expectation Σ_k w_k φ(m_k). optax mixes p_t first in its focal loss, which is
    another loss.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from focalis import Loss, margin
    >>> from focalis.jax import apply
    >>> loss = Loss("softmax", margin.focal(gamma=2.0))
    >>> logits, labels = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([2])
    >>> jax.grad(lambda x: apply(loss, x, labels))(logits).round(4)
    Array([[ 0.0264,  0.0719, -0.0983]], dtype=float32)
    >>> jax.grad(lambda g: apply(loss, logits, labels, parameters={"gamma": g}))(2.0).round(4)
    Array(-0.05, dtype=float32, weak_type=True)
    """
    scores, answers = as_array("logits", logits), as_array("targets", targets)
    weight = None if sample_weight is None else as_array("sample_weight", sample_weight)
    kept = None if where is None else as_array("where", where)
    axis = class_axis(axis, scores.ndim)
    check(loss, scores, answers, weight, kept, normalizer, axis, parameters)
    has_axis = not (loss.link in ELEMENTWISE and scores.ndim <= 1)

    def classes_last(array: Array | None) -> Any:
        if array is None or not has_axis or array.ndim < scores.ndim:
            return array
        return jnp.moveaxis(array, axis, -1)

    last = [classes_last(array) for array in (scores, answers, weight, kept)]
    batch = _read(loss, last[0], last[1], last[2], last[3], parameters or {})
    values = _elementwise(loss, batch) if loss.link in ELEMENTWISE else _rows(loss, batch)
    if loss.reduction == "none":
        if loss.link in ELEMENTWISE and has_axis:
            values = jnp.moveaxis(values, -1, axis)
        return values.astype(scores.dtype)
    total = _total(values)
    if loss.reduction != "sum":
        denominator = _denominator(loss, batch, normalizer)
        nothing = denominator == 0.0
        # Nothing left to average: 0, with a gradient of 0.
        total = jnp.where(nothing, 0.0, total / jnp.where(nothing, 1.0, denominator))
    return total.astype(scores.dtype)


@jax.custom_jvp
def _total(values: Array) -> Array:
    """Return the sum of values, whose derivative waits for it.

    On a CPU, XLA then writes the gradient where the values were. It would compute both and sum after,
    and the system takes longer to give the memory than they take.
    """
    return jnp.sum(values)


@_total.defjvp
def _total_jvp(primals: Any, tangents: Any) -> Any:
    total = _total(*primals)
    always = (total <= jnp.inf) | jnp.isnan(total)
    return total, jnp.where(always, jnp.sum(*tangents), jnp.nan)


def _read(
    loss: Loss,
    scores: Array,
    targets: Array,
    sample_weight: Array | None,
    where: Array | None,
    parameters: Mapping[str, Any],
) -> _Batch:
    dtype = _at_least(jnp.float32, scores)
    if loss.link in PROBABILITY:
        # Where there is float64, 1 − p is exact in it for a float32 p.
        dtype = jnp.result_type(float)
    if jnp.issubdtype(targets.dtype, jnp.integer):
        targets = targets.astype(_at_least(jnp.int32, targets))
    kept = where
    if loss.ignore_index is not None:
        counted = _counted(loss.ignore_index, targets)
        kept = counted if kept is None else _align(kept, counted) & counted
    weight = None if sample_weight is None else _non_negative_or_nan(sample_weight.astype(dtype))
    if kept is not None:
        weight = jnp.ones(kept.shape, dtype) if weight is None else weight
        weight, mask = _align(weight, kept), _align(kept, weight)
        weight = jnp.where(mask, weight, 0.0)
    scores = scores.astype(dtype)
    given = {name: as_array(name, value).astype(dtype) for name, value in parameters.items()}
    own = loss.margin_loss.parameters
    values = {name: value for name, value in given.items() if name in own}
    factors = {name: value for name, value in given.items() if name not in own}
    known = [name for name in _FACTORS if loss.link in ELEMENTWISE or name != "pos_weight"]
    if not factors.keys() <= set(known):
        raise ValueError(
            f"parameters must be among {', '.join((*own, *known))} for link={loss.link!r} and "
            f"{loss.margin_loss!r}, got {min(factors.keys() - set(known))}"
        )
    outputs = () if loss.link in ELEMENTWISE and scores.ndim <= 1 else scores.shape[-1:]
    for name, value in factors.items():
        if value.shape not in ((), outputs):
            raise ValueError(
                f"parameters: {name} must be a number or have one for each class, {outputs}, "
                f"got shape {value.shape}"
            )
    return _Batch(scores, targets, weight, kept, values, factors)


def _at_least(dtype: Any, x: Array) -> Any:
    """Return the type of an array, or this one of 32 bits if it has fewer."""
    return dtype if x.dtype.itemsize < 4 else x.dtype


def _counted(ignored: float, targets: Array) -> Array:
    """Return True where a target is not the ignored one."""
    if ignored != ignored:
        return ~jnp.isnan(targets)
    if jnp.issubdtype(targets.dtype, jnp.integer):
        bounds = jnp.iinfo(targets.dtype)
        if ignored != int(ignored) or not bounds.min <= ignored <= bounds.max:
            return jnp.ones(targets.shape, bool)
    return targets != ignored


def _align(a: Array, like: Array) -> Array:
    """Give per-row numbers a class axis when they meet per-element ones."""
    return a[..., None] if a.ndim < like.ndim else a


def _elementwise(loss: Loss, batch: _Batch) -> Array:
    """Return y φ(truth) + (1 − y) φ(mirror), each with its weight."""
    x, weight, kept = batch.scores, batch.weight, batch.kept
    if weight is not None:
        weight = jnp.broadcast_to(_align(weight, x), x.shape)
        kept = None if kept is None else _align(kept, x)
    y = batch.targets.astype(x.dtype)
    y = _valid_or_nan(y, (y >= 0.0) & (y <= 1.0), weight)
    if loss.label_smoothing:
        y = y * (1.0 - loss.label_smoothing) + loss.label_smoothing / 2.0
    positive, negative = _answer_weights(loss, batch)
    silent = None if weight is None else weight == 0.0
    x = _harmless(x, silent, kept, 0.5 if loss.link in PROBABILITY else 0.0)
    shares = _product(y, positive, weight), _product(1.0 - y, negative, weight)
    return _weighted_terms(loss, batch, x, shares)


def _rows(loss: Loss, batch: _Batch) -> Array:
    """Return the losses of rows, with class indices or a weight for each class."""
    x, t, weight, kept = batch.scores, batch.targets, batch.weight, batch.kept
    classes = x.shape[-1]
    positive, _ = _answer_weights(loss, batch)
    kept = None if kept is None else kept[..., None]
    harmless = 0.5 if loss.link in PROBABILITY else 0.0
    if t.ndim < x.ndim:
        valid = (t >= 0) & (t < classes)
        one = _valid_or_nan(jnp.ones(t.shape, x.dtype), valid, weight)
        t = jnp.where(valid, t, 0)
        if not loss.label_smoothing:
            by_class = positive if positive is None or positive.ndim == 0 else positive[t]
            share = _product(one, by_class, weight)
            if positive is not None or weight is not None:
                x = _harmless(x, (share == 0.0)[..., None], kept, harmless)
            if loss.link == "simplex":
                hit = is_class(t, x)
                x = jnp.sum(jnp.where(hit, x, 0.0), axis=-1)
            else:
                x = margins(x, t)
            return _weighted_terms(loss, batch, x, (share, None))
        hit = is_class(t, x)
        rest = 1.0 - loss.label_smoothing
        y = one[..., None] * (hit.astype(x.dtype) * rest + loss.label_smoothing / classes)
        weight = None if weight is None else weight[..., None]
    else:
        weight = None if weight is None else weight[..., None]
        y = t.astype(x.dtype)
        y = _valid_or_nan(y, (y >= 0.0) & (y < jnp.inf), weight)
        count = jnp.sum(y > 0.0, axis=-1, keepdims=True)
        if loss.positives == "mean":
            y = y / jnp.maximum(count, 1).astype(x.dtype)
        if loss.label_smoothing:
            smoothed = y * (1.0 - loss.label_smoothing) + loss.label_smoothing / classes
            y = smoothed if loss.positives == "sum" else jnp.where(count > 0, smoothed, y)
    share, companions = _product(y, positive, weight), None
    if loss.link == "softmax":
        silent = jnp.sum(jnp.abs(share), axis=-1, keepdims=True) == 0.0
        x, companions = all_margins(_harmless(x, silent, kept, harmless))
    else:
        x = _harmless(x, share == 0.0, kept, harmless)
    return jnp.sum(_weighted_terms(loss, batch, x, (share, None), companions), axis=-1)


def _valid_or_nan(y: Array, valid: Array, weight: Array | None) -> Array:
    """Return targets, NaN for what is none; of weight 0 it may be anything, and becomes 0."""
    return jnp.where(
        valid, y, jnp.nan if weight is None else jnp.where(weight == 0.0, 0.0, jnp.nan)
    )


def _non_negative_or_nan(weight: Array) -> Array:
    return jnp.where((weight >= 0.0) & (weight < jnp.inf), weight, jnp.nan)


def _product(y: Array, *factors: Array | None) -> Array:
    for factor in factors:
        y = y if factor is None else y * jnp.broadcast_to(factor, y.shape)
    return y


def _harmless(x: Array, silent: Array | None, kept: Array | None, harmless: float) -> Array:
    """Return the scores, a harmless one in place of what is masked and of a NaN that is silent."""
    if kept is not None:
        x = jnp.where(kept, x, harmless)
    # Only a NaN: with any other score the loss has a derivative by the weight that is 0.
    return x if silent is None else jnp.where(silent & jnp.isnan(x), harmless, x)


def _weighted_terms(
    loss: Loss, batch: _Batch, x: Array, shares: Any, companions: Companions | None = None
) -> Array:
    """Return the margin loss of scores times their shares, exactly 0 where those are 0."""
    link = "sigmoid" if loss.link == "softmax" else loss.link
    if link in PROBABILITY:
        slack = PROBABILITY_SLACK * jnp.finfo(x.dtype).eps
        x = jnp.where((x < 0.0) | (x > 1.0 + slack), jnp.nan, x)
    for name, value in batch.values.items():
        if value.ndim > x.ndim or any(n not in (1, m) for n, m in _paired(value.shape, x.shape)):
            raise ValueError(
                f"parameters: {name} must have a shape that broadcasts to {x.shape}, got {value.shape}"
            )
    own = jnp.finfo(x.dtype)
    bounds = limits(loss.margin_loss, np.float64)._replace(
        largest=float(own.max), tiny=float(own.tiny), floor=float(own.eps) ** 0.5
    )
    terms = MarginTerms(link, loss.margin_loss, tuple(batch.values), bounds)
    orders = (0,) * (1 + len(batch.values))
    values = tuple(_with_axes_of(x, value) for value in batch.values.values())
    return weighted(terms, orders, x, shares, values, companions)


def _with_axes_of(x: Array, value: Array) -> Array:
    """Return a value with as many axes, unless it has none."""
    return jnp.expand_dims(value, tuple(range(x.ndim - value.ndim))) if value.ndim else value


def _paired(short: tuple[int, ...], long: tuple[int, ...]) -> Any:
    """Return pairs of the lengths of the axes, the last ones together."""
    return zip(reversed(short), reversed(long), strict=False)


def _denominator(loss: Loss, batch: _Batch, normalizer: Any) -> Array:
    x, dtype = batch.scores, batch.scores.dtype
    elementwise = loss.link in ELEMENTWISE
    rows = x.shape if elementwise and x.ndim <= 1 else x.shape[:-1]
    if normalizer is not None:
        return _non_negative_or_nan(jnp.asarray(normalizer, dtype))
    if loss.reduction == "batchmean":
        return jnp.asarray(math.prod(rows), dtype)
    if elementwise:
        if batch.kept is None:
            return jnp.asarray(math.prod(x.shape), dtype)
        kept = jnp.broadcast_to(_align(batch.kept, x), x.shape)
        return jnp.sum(kept, dtype=int).astype(dtype)
    weight = batch.weight
    by_class = batch.factors.get("class_weight", loss.class_weight)
    if by_class is not None and batch.targets.ndim < x.ndim:
        each = jnp.broadcast_to(jnp.asarray(by_class, dtype), x.shape[-1:])
        # A label that is out of range makes the total NaN.
        each = each[jnp.clip(batch.targets, 0, x.shape[-1] - 1)]
        weight = each if weight is None else weight * each
    return jnp.asarray(math.prod(rows), dtype) if weight is None else jnp.sum(weight)


def _answer_weights(loss: Loss, batch: _Batch) -> tuple[Array | None, Array | None]:
    """Return the weights of positive and negative answers, (C,) or (), None where all are 1."""
    x, given = batch.scores, batch.factors
    fixed = {name: None if name in given else getattr(loss, name) for name in _FACTORS}
    if not given and all(factor is None for factor in fixed.values()):
        return None, None
    one_output = loss.link in ELEMENTWISE and x.ndim <= 1
    # Numbers for all classes leave a number of classes that is not known yet open.
    per_class = any(isinstance(factor, tuple) for factor in fixed.values()) and not one_output
    weights = class_weights(loss.link, x.shape[-1] if per_class else 1, **fixed)
    yes, no = (jnp.asarray(weight if per_class else weight[0], x.dtype) for weight in weights)
    for name, factor in given.items():
        yes = yes * factor
        if name == "alpha" and loss.link in ELEMENTWISE:
            no = no * (1.0 - factor)
        elif name == "class_weight":
            no = no * factor
    return yes, no
