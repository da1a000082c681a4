"""FL*: focal in its effect, and convex: a cross-entropy that is steeper and shifted."""

from torch import Tensor

from focalis import margin
from focalis.torch.losses._call import Alpha, Number, Reduction, sigmoid_loss, softmax_loss
from focalis.torch.losses._weights import Weight
from focalis.torch.modules import NamedLoss

__all__ = [
    "SigmoidFocalStarLoss",
    "SoftmaxFocalStarLoss",
    "sigmoid_focal_star",
    "softmax_focal_star",
]


def sigmoid_focal_star(
    input: Tensor,
    target: Tensor,
    gamma: Number = 2.0,
    beta: Number = 0.0,
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
    """Return the FL* loss of a sigmoid, −log σ(γ m + β) / γ at the margin m.

    Parameters
    ----------
    input, target : Tensor
        Logits of any shape, and targets in [0, 1] of the same.
    gamma, beta : float or Tensor, default 2.0 and 0.0
        The steepness γ > 0 and the shift β of the margin.
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
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.sigmoid_focal_star(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.0363)
    """
    return sigmoid_loss(
        margin.focal_star,
        {"gamma": gamma, "beta": beta},
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


def softmax_focal_star(
    input: Tensor,
    target: Tensor,
    gamma: Number = 2.0,
    beta: Number = 0.0,
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
    """Return the FL* loss of a softmax, −log σ(γ m + β) / γ at the margin m.

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or a number for each class.
    gamma, beta : float or Tensor, default 2.0 and 0.0
        The steepness γ > 0 and the shift β of the margin.
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
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    >>> F.softmax_focal_star(logits, torch.tensor([2, 0]))
    tensor(0.4588)
    """
    return softmax_loss(
        margin.focal_star,
        {"gamma": gamma, "beta": beta},
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


class SigmoidFocalStarLoss(NamedLoss):
    """FL* loss of a sigmoid, −log σ(γ m + β) / γ at the margin m.

    Parameters
    ----------
    gamma, beta, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.sigmoid_focal_star`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.SigmoidFocalStarLoss()(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.0363)
    """

    function = sigmoid_focal_star
    link = "sigmoid"
    family = margin.focal_star

    def __init__(
        self,
        gamma: Number = 2.0,
        beta: Number = 0.0,
        weight: Weight | None = None,
        ignore_index: float | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        alpha: Alpha = None,
    ) -> None:
        super().__init__(
            gamma=gamma,
            beta=beta,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
            alpha=alpha,
        )


class SoftmaxFocalStarLoss(NamedLoss):
    """FL* loss of a softmax, −log σ(γ m + β) / γ at the margin m.

    Parameters
    ----------
    gamma, beta, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.softmax_focal_star`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.SoftmaxFocalStarLoss()(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2]))
    tensor(0.1129)
    """

    function = softmax_focal_star
    link = "softmax"
    family = margin.focal_star

    def __init__(
        self,
        gamma: Number = 2.0,
        beta: Number = 0.0,
        weight: Weight | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        alpha: Alpha = None,
    ) -> None:
        super().__init__(
            gamma=gamma,
            beta=beta,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
            alpha=alpha,
        )
