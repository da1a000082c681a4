"""Any loss as PyTorch operations: on any device, in any floating type, differentiable at every order.

What `focalis.evaluation` and an engine do together, without a look at the data: no branch depends on a
number, so the whole can be traced, compiled, mapped by `torch.func.vmap` and run without memory (on the
"meta" device). Nothing of the caller's is written to. The derivatives are the closed forms of
`focalis.torch._margin_operations` and `focalis.torch._softmax_operations`.

What is masked, or has weight 0, is replaced by a harmless score before anything is computed, so that
whatever it held reaches neither the value nor a gradient of any order. A weight or target that itself
requires a gradient masks nothing where it is 0: its derivative there is the loss. A target that the loss
cannot take gives NaN, for to raise an error would be to look.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.autograd import forward_ad

from focalis import Loss
from focalis.links import ELEMENTWISE, PROBABILITY, PROBABILITY_SLACK, limits
from focalis.torch._margin_operations import MarginOperations, evaluate
from focalis.torch._softmax_operations import all_margins, margins
from focalis.torch._vocabulary import widest

__all__ = ["evaluate_directly", "evaluate_in_operations"]

Tensor = torch.Tensor


class _Batch(NamedTuple):
    """The arguments with the class axis last, in the type to compute in."""

    scores: Tensor
    targets: Tensor
    weight: Tensor | None  # per row (…) or element (…, C), 0 where masked
    kept: Tensor | None  # True where not masked, as weight
    counts: Tensor | None  # True where neither masked nor of weight 0, as weight
    parameters: tuple[Tensor, ...]
    learned: tuple[str, ...]
    class_weight: Tensor | None


def evaluate_in_operations(
    loss: Loss,
    logits: Tensor,
    targets: Tensor,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: float | Tensor | None = None,
    axis: int = -1,
    parameters: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Return the loss.

    Parameters
    ----------
    loss : Loss
        The loss.
    logits : Tensor
        Scores, of any floating type; 16 bits are computed in 32, probabilities in 64 where the device
        knows them.
    targets : Tensor
        Sigmoid, identity: shaped like the logits. Softmax, simplex: class indices, shaped like the
        logits without the class axis, or a number for each class, shaped like the logits. Of dense
        targets time and memory are linear in the number of classes.
    sample_weight, where : Tensor, optional
        Per row, or per element of a sigmoid or identity.
    normalizer : float or Tensor, optional
        Replaces the denominator of "mean" and "batchmean".
    axis : int
        The class axis; one-dimensional scores of a sigmoid or identity have none.
    parameters : mapping of str to Tensor, optional
        Parameters of the margin loss that replace its own: 0-d, or of a shape that the scores (sigmoid,
        identity) or the rows (index targets) broadcast with. As "class_weight" the class weights (C,) of
        a loss that has none.

    Returns
    -------
    Tensor
        In the type of the logits: 0-d, or for "none" shaped like the logits (sigmoid, identity) or with
        one number per row.
    """
    parameters = parameters or {}
    settings = (loss, axis, tuple(parameters))
    tensors = (logits, targets, sample_weight, where, normalizer, *parameters.values())
    if not torch.compiler.is_compiling():
        return evaluate_directly(*settings, *tensors)  # type: ignore[arg-type]
    if normalizer is not None and not isinstance(normalizer, Tensor):
        normalizer = torch.full((), normalizer, dtype=widest(logits.device), device=logits.device)
    from focalis.torch._constants import evaluate_in_graph  # brings the compiler: slow to import

    return evaluate_in_graph(*settings, *tensors[:4], normalizer, *tensors[5:])


def evaluate_directly(
    loss: Loss,
    axis: int,
    names: tuple[str, ...],
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    where: Tensor | None,
    normalizer: float | Tensor | None,
    *parameters: Tensor,
) -> Tensor:
    """Return the loss, operation by operation; `names` are those of the parameters."""
    has_axis = not (loss.link in ELEMENTWISE and logits.ndim <= 1)

    def classes_last(tensor: Tensor | None) -> Tensor | None:
        if tensor is None or not has_axis or tensor.ndim < logits.ndim:
            return tensor
        return tensor.movedim(axis, -1)

    batch = _read(
        loss,
        classes_last(logits),
        classes_last(targets),
        classes_last(sample_weight),
        classes_last(where),
        dict(zip(names, parameters, strict=True)),
    )
    values = _elementwise(loss, batch) if loss.link in ELEMENTWISE else _rows(loss, batch)
    if loss.reduction == "none":
        if loss.link in ELEMENTWISE and has_axis:
            values = values.movedim(-1, axis)
        return values.to(logits.dtype)
    total = values.sum()
    denominator = _denominator(loss, batch, normalizer)
    if denominator is not None:
        counts = denominator > 0.0
        # Nothing left to average: 0, with a gradient of 0.
        total = torch.where(counts, total / torch.where(counts, denominator, 1.0), 0.0)
    return total.to(logits.dtype)


def _read(
    loss: Loss,
    logits: Any,
    targets: Any,
    sample_weight: Tensor | None,
    where: Tensor | None,
    parameters: Mapping[str, Tensor],
) -> _Batch:
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    if loss.link in PROBABILITY:
        # 1 − p is exact in float64 for a float32 p, and its logarithm needs the digits.
        dtype = widest(logits.device)
    scores = logits.to(dtype)
    if loss.ignore_index is not None or targets.ndim < logits.ndim:
        targets = _widened(targets)
    kept = where
    if loss.ignore_index is not None:
        if loss.ignore_index != loss.ignore_index:
            counted = ~torch.isnan(targets)
        else:
            counted = targets != loss.ignore_index
        kept = counted if kept is None else _align(kept, counted) & counted
    weight = None if sample_weight is None else sample_weight.to(dtype)
    if kept is not None:
        if weight is None:
            weight = kept.to(dtype)
        else:
            weight, mask = _align(weight, kept), _align(kept, weight)
            weight = torch.where(mask, weight, 0.0)
    counts = kept
    if weight is not None:
        if loss.link in ELEMENTWISE:
            weight = _align(weight, scores)
        if not _learns(weight):
            counts = weight != 0.0
        elif kept is not None:
            counts = _align(kept, weight)
    tensors = {name: given.to(dtype) for name, given in parameters.items()}
    class_weight = tensors.pop("class_weight", None)
    learned = tuple(tensors)
    values = tuple(tensors.values())
    return _Batch(scores, targets, weight, kept, counts, values, learned, class_weight)


def _widened(targets: Tensor) -> Tensor:
    """Return integers in 64 bits: a narrow type is compared in itself, where a number may not fit."""
    is_number = targets.dtype == torch.bool or targets.is_floating_point()
    return targets if is_number else targets.long()


def _align(a: Tensor, like: Tensor) -> Tensor:
    """Give per-row numbers a class axis when they meet per-element ones."""
    return a.unsqueeze(-1) if a.ndim < like.ndim else a


def _elementwise(loss: Loss, batch: _Batch) -> Tensor:
    """Return y φ(truth) + (1 − y) φ(mirror), each with its weight."""
    x = batch.scores
    y = batch.targets.to(x.dtype)
    y = torch.where((y >= 0.0) & (y <= 1.0), y, torch.nan)
    if loss.label_smoothing:
        y = y * (1.0 - loss.label_smoothing) + loss.label_smoothing / 2.0
    positive, negative = _answer_weights(loss, batch)
    yes = _share(batch.counts, y, positive, batch.weight)
    no = _share(batch.counts, 1.0 - y, negative, batch.weight)
    truth = _weighted_terms(loss, batch, x, yes, batch.counts)
    return truth + _weighted_terms(loss, batch, x, no, batch.counts, mirrored=True)


def _rows(loss: Loss, batch: _Batch) -> Tensor:
    """Return the losses of rows, with class indices or a weight for each class."""
    x, t = batch.scores, batch.targets
    classes = x.shape[-1]
    positive, _ = _answer_weights(loss, batch)
    if t.ndim < x.ndim:
        valid = (t >= 0) & (t < classes)
        t = torch.where(valid, t, 0).long()
        one = torch.where(valid, x.new_ones(()), torch.nan)
        if not loss.label_smoothing:
            by_class = None if positive is None else positive.expand(classes)[t]
            share = _share(batch.counts, one, by_class, batch.weight)
            if loss.link == "simplex":
                x = x.gather(-1, t.unsqueeze(-1)).squeeze(-1)
            else:
                x = margins(_harmless(x, _counts(share, batch.counts), per_row=True), t)
            return _weighted_terms(loss, batch, x, share, batch.counts)
        hit = torch.arange(classes, device=x.device) == t.unsqueeze(-1)
        rest = 1.0 - loss.label_smoothing
        y = one.unsqueeze(-1) * (hit.to(x.dtype) * rest + loss.label_smoothing / classes)
    else:
        y = t.to(x.dtype)
        y = torch.where((y >= 0.0) & (y < torch.inf), y, torch.nan)
        count = (y > 0.0).sum(-1, keepdim=True)
        if loss.positives == "mean":
            y = y / count.clamp(min=1)
        if loss.label_smoothing:
            smoothed = y * (1.0 - loss.label_smoothing) + loss.label_smoothing / classes
            y = smoothed if loss.positives == "sum" else torch.where(count > 0, smoothed, y)
    weight, counts = (None if a is None else a.unsqueeze(-1) for a in (batch.weight, batch.counts))
    share = _share(counts, y, positive, weight)
    if loss.link == "softmax":
        named = _counts(share, counts)
        x = all_margins(_harmless(x, None if named is None else named.any(-1), per_row=True))
    return _weighted_terms(loss, batch, x, share, counts).sum(-1)


def _learns(weight: Tensor) -> bool:
    """Return whether a derivative by the weight is wanted, so that its 0 is not a mask."""
    while torch._C._functorch.is_batchedtensor(weight):
        # What vmap maps over cannot be unpacked itself.
        weight = torch._C._functorch.get_unwrapped(weight)
    dual = forward_ad.unpack_dual(weight, level=0)  # type: ignore[no-untyped-call]
    return weight.requires_grad or dual.tangent is not None


def _share(counts: Tensor | None, y: Tensor, *factors: Tensor | None) -> Tensor:
    """Return the product of a target and its weights, 0 where it does not count."""
    share = y if counts is None else torch.where(counts, y, 0.0)
    for factor in factors:
        if factor is not None:
            share = share * factor
    return share


def _counts(share: Tensor, counts: Tensor | None) -> Tensor | None:
    """Return True where the score matters, None if all do."""
    return counts if _learns(share) else share != 0.0


def _harmless(x: Tensor, counts: Tensor | None, harmless: float = 0.0, *, per_row: bool) -> Tensor:
    """Return the scores, a harmless one in place of each that does not matter."""
    if counts is None:
        return x
    return torch.where(counts.unsqueeze(-1) if per_row else counts, x, harmless)


def _weighted_terms(
    loss: Loss,
    batch: _Batch,
    x: Tensor,
    share: Tensor,
    counts: Tensor | None,
    *,
    mirrored: bool = False,
) -> Tensor:
    """Return the margin loss of scores times their share, exactly 0 where that is 0."""
    link = "sigmoid" if loss.link == "softmax" else loss.link
    harmless = 0.0
    if link in PROBABILITY:
        harmless = 0.5
        slack = PROBABILITY_SLACK * torch.finfo(x.dtype).eps
        x = torch.where((x < 0.0) | (x > 1.0 + slack), torch.nan, x)
    x = _harmless(x, _counts(share, counts), harmless, per_row=False)
    bounds = limits(loss.margin_loss, np.float64 if x.dtype == torch.float64 else np.float32)
    terms = MarginOperations(link, loss.margin_loss, batch.learned, bounds, mirrored)
    return share * evaluate(terms, x, batch.parameters)


def _denominator(loss: Loss, batch: _Batch, normalizer: float | Tensor | None) -> Tensor | None:
    if loss.reduction == "sum":
        return None
    x = batch.scores
    rows = x.shape[:-1] if loss.link not in ELEMENTWISE or x.ndim > 1 else x.shape
    if normalizer is not None:
        return torch.as_tensor(normalizer, dtype=x.dtype, device=x.device)
    if loss.reduction == "batchmean":
        return x.new_ones(rows).sum()
    if loss.link in ELEMENTWISE:
        if batch.kept is None:
            return x.new_ones(()).expand(x.shape).sum()
        return _align(batch.kept, x).expand(x.shape).sum().to(x.dtype)
    weight = x.new_ones(rows) if batch.weight is None else batch.weight
    by_class = batch.class_weight
    if loss.class_weight is not None:
        by_class = torch.tensor(loss.class_weight, dtype=x.dtype, device=x.device)
    if by_class is not None and batch.targets.ndim < x.ndim:
        # A label that is out of range makes the total NaN.
        weight = weight * by_class[batch.targets.clamp(0, x.shape[-1] - 1).long()]
    return weight.sum()


def _answer_weights(loss: Loss, batch: _Batch) -> tuple[Tensor | None, Tensor | None]:
    """Return the weights (C,) of positive and negative answers, None where all are 1."""
    x, given = batch.scores, batch.class_weight
    if loss.alpha is None and loss.pos_weight is None and loss.class_weight is None:
        return given, given
    per_class = any(isinstance(w, tuple) for w in (loss.alpha, loss.pos_weight, loss.class_weight))
    one_output = loss.link in ELEMENTWISE and x.ndim <= 1
    # Numbers for all classes leave a compiler's number of classes open.
    classes = int(x.shape[-1]) if per_class and not one_output else 1
    weights = loss.answer_weights(classes, np.dtype(np.float64))
    both = (
        torch.tensor(w if classes > 1 else w[0], dtype=x.dtype, device=x.device) for w in weights
    )
    yes, no = both if given is None else (given * w for w in both)
    return yes, no
