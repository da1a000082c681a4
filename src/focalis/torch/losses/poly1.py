"""Poly-1: cross-entropy with another first coefficient in its series in 1 − p_t."""

from torch import Tensor

from focalis import margin
from focalis.torch.losses._call import Alpha, Number, Reduction, sigmoid_loss, softmax_loss
from focalis.torch.losses._weights import Weight
from focalis.torch.modules import NamedLoss

__all__ = ["SigmoidPoly1Loss", "SoftmaxPoly1Loss", "sigmoid_poly1", "softmax_poly1"]


def sigmoid_poly1(
    input: Tensor,
    target: Tensor,
    epsilon: Number = 1.0,
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
    """Return the poly-1 loss of a sigmoid, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    input, target : Tensor
        Logits of any shape, and targets in [0, 1] of the same.
    epsilon : float or Tensor, default 1.0
        The coefficient ε ≥ −1; 0 leaves cross-entropy.
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
    arXiv 2204.12511.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.sigmoid_poly1(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.4142)
    """
    return sigmoid_loss(
        margin.poly1,
        {"epsilon": epsilon},
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


def softmax_poly1(
    input: Tensor,
    target: Tensor,
    epsilon: Number = 1.0,
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
    """Return the poly-1 loss of a softmax, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or a number for each class.
    epsilon : float or Tensor, default 1.0
        The coefficient ε ≥ −1; 0 leaves cross-entropy.
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
    arXiv 2204.12511.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    >>> F.softmax_poly1(logits, torch.tensor([2, 0]))
    tensor(1.2538)
    """
    return softmax_loss(
        margin.poly1,
        {"epsilon": epsilon},
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


class SigmoidPoly1Loss(NamedLoss):
    """Poly-1 loss of a sigmoid, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    epsilon, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.sigmoid_poly1`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.SigmoidPoly1Loss()(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.4142)
    """

    function = sigmoid_poly1
    link = "sigmoid"
    family = margin.poly1

    def __init__(
        self,
        epsilon: Number = 1.0,
        weight: Weight | None = None,
        ignore_index: float | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        alpha: Alpha = None,
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
            alpha=alpha,
        )


class SoftmaxPoly1Loss(NamedLoss):
    """Poly-1 loss of a softmax, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    epsilon, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.softmax_poly1`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.SoftmaxPoly1Loss()(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2]))
    tensor(0.7424)
    """

    function = softmax_poly1
    link = "softmax"
    family = margin.poly1

    def __init__(
        self,
        epsilon: Number = 1.0,
        weight: Weight | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        alpha: Alpha = None,
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
            alpha=alpha,
        )
