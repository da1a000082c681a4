"""Cross-entropy of logits: of a softmax, PyTorch's and multi-label; of a sigmoid, α-balanced."""

from typing import ClassVar

from torch import Tensor

from focalis import margin
from focalis.torch.losses._call import (
    Alpha,
    Number,
    Reduction,
    legacy_reduction,
    sigmoid_loss,
    softmax_loss,
)
from focalis.torch.losses._weights import Weight
from focalis.torch.modules import NamedLoss

__all__ = [
    "BalancedCrossEntropyLoss",
    "CrossEntropyLoss",
    "MultilabelSoftmaxCrossEntropyLoss",
    "balanced_cross_entropy",
    "cross_entropy",
    "multilabel_softmax_cross_entropy",
]


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Weight | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the cross-entropy of a softmax as torch.nn.functional.cross_entropy does.

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or a number for each class.
    weight, ignore_index, reduction, label_smoothing, sample_weight, where, normalizer : optional
        As everywhere in `focalis.torch`.
    size_average, reduce : bool, optional
        Deprecated by PyTorch in favour of `reduction`, which they override with its warning.

    Returns
    -------
    Tensor
        The reduced loss, or one for each row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    Where PyTorch's mean is NaN, because all is ignored or weighs 0, this is 0 with a gradient of 0.
    Weights and class probabilities below 0 raise.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], requires_grad=True)
    >>> loss = F.cross_entropy(logits, torch.tensor([2, -100]))
    >>> loss
    tensor(0.4076, grad_fn=<...>)
    >>> loss.backward()
    >>> logits.grad[0]
    tensor([ 0.0900,  0.2447, -0.3348])
    """
    return softmax_loss(
        margin.cross_entropy,
        {},
        input,
        target,
        weight,
        {
            "label_smoothing": label_smoothing,
            "ignore_index": ignore_index,
            "reduction": legacy_reduction(size_average, reduce, reduction),
        },
        sample_weight=sample_weight,
        where=where,
        normalizer=normalizer,
    )


def balanced_cross_entropy(
    input: Tensor,
    target: Tensor,
    alpha: Alpha = 0.75,
    weight: Weight | None = None,
    ignore_index: float | None = None,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the α-balanced cross-entropy of a sigmoid, −α_t log p_t.

    Parameters
    ----------
    input, target : Tensor
        Logits of any shape, and targets in [0, 1] of the same.
    alpha : float or sequence of float, default 0.75
        Weighs positives by α and negatives by 1 − α; one number or one per class. None, or a number
        below 0, is off. To balance a data set, take the share of its negatives.
    weight, ignore_index, reduction, label_smoothing, sample_weight, where, normalizer : optional
        As everywhere in `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one for each element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    References
    ----------
    arXiv 1708.02002, section 3.1.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.balanced_cross_entropy(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]), alpha=0.25)
    tensor(0.1333)
    """
    return sigmoid_loss(
        margin.cross_entropy,
        {},
        input,
        target,
        weight,
        {
            "alpha": alpha,
            "label_smoothing": label_smoothing,
            "ignore_index": ignore_index,
            "reduction": reduction,
        },
        sample_weight=sample_weight,
        where=where,
        normalizer=normalizer,
    )


def multilabel_softmax_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Weight | None = None,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the 1/M multi-label softmax cross-entropy, −Σ_k (y_k / M) log p_k.

    M is the number of positives of a row, those above 0. A row without any counts 0.

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and as many numbers ≥ 0.
    weight, reduction, label_smoothing, sample_weight, where, normalizer : optional
        As everywhere in `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one for each row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    References
    ----------
    arXiv 1805.00932.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> target = torch.tensor([[0.0, 1.0, 1.0]])
    >>> F.multilabel_softmax_cross_entropy(torch.tensor([[1.0, 2.0, 3.0]]), target)
    tensor(0.9076)
    """
    return softmax_loss(
        margin.cross_entropy,
        {},
        input,
        target,
        weight,
        {"label_smoothing": label_smoothing, "positives": "mean", "reduction": reduction},
        sample_weight=sample_weight,
        where=where,
        normalizer=normalizer,
    )


class CrossEntropyLoss(NamedLoss):
    """Cross-entropy of a softmax, in the place of torch.nn.CrossEntropyLoss.

    Parameters
    ----------
    weight, size_average, ignore_index, reduce, reduction, label_smoothing : optional
        As for `focalis.torch.cross_entropy`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> criterion = F.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]), label_smoothing=0.1)
    >>> criterion
    CrossEntropyLoss(weight=<2>, ignore_index=-100, reduction='mean', label_smoothing=0.1)
    >>> criterion(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([1, 0]))
    tensor(0.4302)
    """

    function = cross_entropy
    link = "softmax"
    family = margin.cross_entropy

    def __init__(
        self,
        weight: Weight | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            weight=weight,
            ignore_index=ignore_index,
            reduction=legacy_reduction(size_average, reduce, reduction),
            label_smoothing=label_smoothing,
        )


class BalancedCrossEntropyLoss(NamedLoss):
    """α-balanced cross-entropy of a sigmoid, −α_t log p_t.

    Parameters
    ----------
    alpha, weight, ignore_index, reduction, label_smoothing : optional
        As for `focalis.torch.balanced_cross_entropy`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.BalancedCrossEntropyLoss(0.25)(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.1333)
    """

    function = balanced_cross_entropy
    link = "sigmoid"
    family = margin.cross_entropy

    def __init__(
        self,
        alpha: Alpha = 0.75,
        weight: Weight | None = None,
        ignore_index: float | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            alpha=alpha,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
        )


class MultilabelSoftmaxCrossEntropyLoss(NamedLoss):
    """1/M multi-label softmax cross-entropy, −Σ_k (y_k / M) log p_k.

    Parameters
    ----------
    weight, reduction, label_smoothing : optional
        As for `focalis.torch.multilabel_softmax_cross_entropy`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> criterion = F.MultilabelSoftmaxCrossEntropyLoss()
    >>> criterion(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.0, 1.0, 1.0]]))
    tensor(0.9076)
    """

    function = multilabel_softmax_cross_entropy
    link = "softmax"
    family = margin.cross_entropy
    fixed: ClassVar = {"positives": "mean"}

    def __init__(
        self,
        weight: Weight | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight=weight, reduction=reduction, label_smoothing=label_smoothing)
