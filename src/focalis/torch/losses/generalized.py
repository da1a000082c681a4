"""Generalised cross-entropy, between cross-entropy and the mean absolute error: for noisy labels."""

from torch import Tensor

from focalis import margin
from focalis.torch.losses._call import Alpha, Number, Reduction, sigmoid_loss, softmax_loss
from focalis.torch.losses._weights import Weight
from focalis.torch.modules import NamedLoss

__all__ = [
    "SigmoidGeneralizedCrossEntropyLoss",
    "SoftmaxGeneralizedCrossEntropyLoss",
    "sigmoid_generalized_cross_entropy",
    "softmax_generalized_cross_entropy",
]


def sigmoid_generalized_cross_entropy(
    input: Tensor,
    target: Tensor,
    kappa: Number = 0.7,
    weight: Weight | None = None,
    ignore_index: float | None = None,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    *,
    alpha: Alpha = None,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the generalised cross-entropy of a sigmoid, (1 − p_t^κ) / κ.

    Parameters
    ----------
    input, target : Tensor
        Logits of any shape, and targets in [0, 1] of the same.
    kappa : float or Tensor, default 0.7
        The exponent κ in (0, 1], the paper's q: towards 0 cross-entropy, at 1 the mean absolute error.
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
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
    arXiv 1805.07836.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.sigmoid_generalized_cross_entropy(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.2014)
    """
    return sigmoid_loss(
        margin.generalized_cross_entropy,
        {"kappa": kappa},
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


def softmax_generalized_cross_entropy(
    input: Tensor,
    target: Tensor,
    kappa: Number = 0.7,
    weight: Weight | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    *,
    alpha: Alpha = None,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the generalised cross-entropy of a softmax, (1 − p_t^κ) / κ.

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or a number for each class.
    kappa : float or Tensor, default 0.7
        The exponent κ in (0, 1], the paper's q: towards 0 cross-entropy, at 1 the mean absolute error.
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
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
    arXiv 1805.07836.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    >>> F.softmax_generalized_cross_entropy(logits, torch.tensor([2, 0]))
    tensor(0.5605)
    """
    return softmax_loss(
        margin.generalized_cross_entropy,
        {"kappa": kappa},
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


class SigmoidGeneralizedCrossEntropyLoss(NamedLoss):
    """Generalised cross-entropy of a sigmoid, (1 − p_t^κ) / κ.

    Parameters
    ----------
    kappa, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.sigmoid_generalized_cross_entropy`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> criterion = F.SigmoidGeneralizedCrossEntropyLoss()
    >>> criterion(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.2014)
    """

    function = sigmoid_generalized_cross_entropy
    link = "sigmoid"
    family = margin.generalized_cross_entropy

    def __init__(
        self,
        kappa: Number = 0.7,
        weight: Weight | None = None,
        ignore_index: float | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        alpha: Alpha = None,
    ) -> None:
        super().__init__(
            kappa=kappa,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
            alpha=alpha,
        )


class SoftmaxGeneralizedCrossEntropyLoss(NamedLoss):
    """Generalised cross-entropy of a softmax, (1 − p_t^κ) / κ.

    Parameters
    ----------
    kappa, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.softmax_generalized_cross_entropy`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> criterion = F.SoftmaxGeneralizedCrossEntropyLoss()
    >>> criterion(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2]))
    tensor(0.3546)
    """

    function = softmax_generalized_cross_entropy
    link = "softmax"
    family = margin.generalized_cross_entropy

    def __init__(
        self,
        kappa: Number = 0.7,
        weight: Weight | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        alpha: Alpha = None,
    ) -> None:
        super().__init__(
            kappa=kappa,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
            alpha=alpha,
        )
