"""The focal loss: easy examples, with p_t near 1, count for less."""

from torch import Tensor

from focalis import margin
from focalis.torch.losses._call import Alpha, Number, Reduction, sigmoid_loss, softmax_loss
from focalis.torch.losses._weights import Weight
from focalis.torch.modules import NamedLoss

__all__ = ["SigmoidFocalLoss", "SoftmaxFocalLoss", "sigmoid_focal_loss", "softmax_focal_loss"]


def sigmoid_focal_loss(
    inputs: Tensor,
    targets: Tensor,
    alpha: Alpha = 0.25,
    gamma: Number = 2,
    reduction: Reduction = "none",
    *,
    weight: Weight | None = None,
    ignore_index: float | None = None,
    label_smoothing: float = 0.0,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the focal loss of a sigmoid, −α_t (1 − p_t)^γ log p_t, as torchvision.ops has it.

    Parameters
    ----------
    inputs, targets : Tensor
        Logits of any shape, and targets in [0, 1] of the same.
    alpha : float or sequence of float, default 0.25
        Weighs positives by α and negatives by 1 − α. None, or a number below 0, is off.
    gamma : float or Tensor, default 2
        The focusing γ ≥ 0; 0 leaves cross-entropy.
    reduction : {"none", "mean", "sum", "batchmean"}, default "none"
        As everywhere in `focalis.torch`, which also tells of the arguments below.
    weight, ignore_index, label_smoothing, sample_weight, where, normalizer : optional
        As there.

    Returns
    -------
    Tensor
        The reduced loss, or one for each element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    Soft targets mean the expectation y φ(x) + (1 − y) φ(−x). torchvision mixes p_t first, which is
    another loss: γ = 2, y = .7, x = 1 without α give .226 here against .102 there.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.sigmoid_focal_loss(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]), reduction="mean")
    tensor(0.0087)
    """
    return sigmoid_loss(
        margin.focal,
        {"gamma": gamma},
        inputs,
        targets,
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
        names={"logits": "inputs", "class_weight": "weight"},
    )


def softmax_focal_loss(
    input: Tensor,
    target: Tensor,
    alpha: Alpha = None,
    gamma: Number = 2,
    weight: Weight | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the focal loss of a softmax, −α_t (1 − p_t)^γ log p_t.

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or a number for each class.
    alpha : float or sequence of float, optional
        A factor for each class, or one for all, that no denominator takes in. None, or a number below
        0, is off.
    gamma : float or Tensor, default 2
        The focusing γ ≥ 0; 0 leaves cross-entropy.
    weight, ignore_index, reduction, label_smoothing, sample_weight, where, normalizer : optional
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
    arXiv 1708.02002.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    >>> F.softmax_focal_loss(logits, torch.tensor([2, 0]))
    tensor(0.2670)
    """
    return softmax_loss(
        margin.focal,
        {"gamma": gamma},
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


class SigmoidFocalLoss(NamedLoss):
    """Focal loss of a sigmoid, −α_t (1 − p_t)^γ log p_t.

    Parameters
    ----------
    alpha, gamma, reduction, weight, ignore_index, label_smoothing : optional
        As for `focalis.torch.sigmoid_focal_loss`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.SigmoidFocalLoss(reduction="mean")(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.0087)
    """

    function = sigmoid_focal_loss
    link = "sigmoid"
    family = margin.focal

    def __init__(
        self,
        alpha: Alpha = 0.25,
        gamma: Number = 2,
        reduction: Reduction = "none",
        *,
        weight: Weight | None = None,
        ignore_index: float | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            alpha=alpha,
            gamma=gamma,
            reduction=reduction,
            weight=weight,
            ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )


class SoftmaxFocalLoss(NamedLoss):
    """Focal loss of a softmax, −α_t (1 − p_t)^γ log p_t.

    Parameters
    ----------
    alpha, gamma, weight, ignore_index, reduction, label_smoothing : optional
        As for `focalis.torch.softmax_focal_loss`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> criterion = F.SoftmaxFocalLoss(gamma=torch.nn.Parameter(torch.tensor(2.0)))
    >>> criterion
    SoftmaxFocalLoss(gamma=2, ignore_index=-100, reduction='mean', label_smoothing=0.0)
    >>> criterion(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])).backward()
    >>> criterion.gamma.grad
    tensor(-0.0500)
    """

    function = softmax_focal_loss
    link = "softmax"
    family = margin.focal

    def __init__(
        self,
        alpha: Alpha = None,
        gamma: Number = 2,
        weight: Weight | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            alpha=alpha,
            gamma=gamma,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
        )
