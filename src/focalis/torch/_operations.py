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

from focalis import Loss
from focalis.links import ELEMENTWISE, PROBABILITY, PROBABILITY_SLACK, Limits, limits
from focalis.torch._margin_operations import MarginOperations, evaluate
from focalis.torch._softmax_operations import all_margins, margins
from focalis.torch._vocabulary import widest

__all__ = ["evaluate_in_operations"]

Tensor = torch.Tensor


class _Batch(NamedTuple):
    """The arguments with the class axis last, in the type to compute in."""

    scores: Tensor
    targets: Tensor
    weight: Tensor | None  # per row (…) or element (…, C), 0 where masked
    kept: Tensor | None  # True where not masked, as weight
    parameters: tuple[Tensor, ...]
    learned: tuple[str, ...]


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
        identity) or the rows (index targets) broadcast with.

    Returns
    -------
    Tensor
        In the type of the logits: 0-d, or for "none" shaped like the logits (sigmoid, identity) or with
        one number per row.
    """
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
        parameters or {},
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
    if weight is not None and loss.link in ELEMENTWISE:
        weight = _align(weight, scores)
    names = tuple(parameters)
    tensors = tuple(parameters[name].to(dtype) for name in names)
    return _Batch(scores, targets, weight, kept, tensors, names)


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
    positive, negative = _answer_weights(loss, x)
    value = None
    for mirrored, share, factor in ((False, y, positive), (True, 1.0 - y, negative)):
        share = share if factor is None else share * factor
        share = _weigh(batch.weight, share)
        one = _weighted_terms(loss, batch, x, share, mirrored)
        value = one if value is None else value + one
    return value  # type: ignore[return-value]


def _rows(loss: Loss, batch: _Batch) -> Tensor:
    """Return the losses of rows, with class indices or a weight for each class."""
    x, t = batch.scores, batch.targets
    classes = x.shape[-1]
    positive, _ = _answer_weights(loss, x)
    if t.ndim < x.ndim:
        valid = (t >= 0) & (t < classes)
        t = torch.where(valid, t, 0).long()
        one = torch.where(valid, torch.ones((), dtype=x.dtype, device=x.device), torch.nan)
        if not loss.label_smoothing:
            share = _weigh(batch.weight, one if positive is None else one * positive[t])
            if loss.link == "simplex":
                chosen = x.gather(-1, t.unsqueeze(-1)).squeeze(-1)
                return _weighted_terms(loss, batch, chosen, share)
            return _weighted_terms(loss, batch, margins(_harmless(x, share), t), share)
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
    if positive is not None:
        y = y * positive
    weight = None if batch.weight is None else batch.weight.unsqueeze(-1)
    share = _weigh(weight, y)
    if loss.link == "softmax":
        x = all_margins(_harmless(x, share.abs().sum(-1)))
    return _weighted_terms(loss, batch, x, share).sum(-1)


def _weighted_terms(
    loss: Loss, batch: _Batch, x: Tensor, share: Tensor, mirrored: bool = False
) -> Tensor:
    """Return the margin loss of scores times their share, exactly 0 where that is 0."""
    link = "sigmoid" if loss.link == "softmax" else loss.link
    harmless = 0.0
    if link in PROBABILITY:
        harmless = 0.5
        slack = PROBABILITY_SLACK * torch.finfo(x.dtype).eps
        x = torch.where((x < 0.0) | (x > 1.0 + slack), torch.nan, x)
    if not share.requires_grad:
        x = torch.where(share == 0.0, harmless, x)
    terms = MarginOperations(
        link, loss.margin_loss, batch.learned, _limits(loss, x.dtype), mirrored
    )
    return share * evaluate(terms, x, batch.parameters)


def _harmless(x: Tensor, share: Tensor) -> Tensor:
    """Return rows of logits, zeros where a row has no share in the loss."""
    if share.requires_grad:
        return x
    return torch.where((share == 0.0).unsqueeze(-1), 0.0, x)


def _weigh(weight: Tensor | None, share: Tensor) -> Tensor:
    """Return weight × share, and exactly 0 where the weight is 0, whatever the share holds."""
    if weight is None:
        return share
    if weight.requires_grad:
        return weight * share
    return torch.where(weight == 0.0, 0.0, weight * share)


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
    if loss.class_weight is not None and batch.targets.ndim < x.ndim:
        # A label that is out of range makes the total NaN.
        t = batch.targets.clamp(0, x.shape[-1] - 1).long()
        weight = weight * torch.tensor(loss.class_weight, dtype=x.dtype, device=x.device)[t]
    return weight.sum()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _class_weights(loss: Loss, classes: int) -> tuple[list[float], list[float]]:
    positive, negative = loss.answer_weights(classes, np.dtype(np.float64))
    return positive.tolist(), negative.tolist()


def _answer_weights(loss: Loss, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Return the weights (C,) of positive and negative answers, None where all are 1."""
    if loss.alpha is None and loss.pos_weight is None and loss.class_weight is None:
        return None, None
    one_output = loss.link in ELEMENTWISE and x.ndim <= 1
    positive, negative = _class_weights(loss, 1 if one_output else x.shape[-1])
    return (
        torch.tensor(positive, dtype=x.dtype, device=x.device),
        torch.tensor(negative, dtype=x.dtype, device=x.device),
    )


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _limits(loss: Loss, dtype: torch.dtype) -> Limits:
    return limits(loss.margin_loss, np.float64 if dtype == torch.float64 else np.float32)
