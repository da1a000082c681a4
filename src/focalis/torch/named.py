"""The named losses of the table, as functions and modules of PyTorch.

Generated from the table in `focalis.named` by ``python -m focalis.named``: edit that, not this file.
"""

from typing import ClassVar

from torch import Tensor

from focalis import margin
from focalis.inputs.arguments import Arguments
from focalis.torch.losses._call import Alpha, Number, Reduction, sigmoid_loss, softmax_loss
from focalis.torch.losses._weights import Weight
from focalis.torch.modules import NamedLoss

__all__ = [
    "BalancedCrossEntropyLoss",
    "MultilabelSoftmaxCrossEntropyLoss",
    "SigmoidFocalLoss",
    "SigmoidFocalStarLoss",
    "SigmoidGeneralizedCrossEntropyLoss",
    "SigmoidPoly1Loss",
    "SigmoidTemperedLoss",
    "SoftmaxFocalLoss",
    "SoftmaxFocalStarLoss",
    "SoftmaxGeneralizedCrossEntropyLoss",
    "SoftmaxPoly1Loss",
    "SoftmaxTemperedLoss",
    "balanced_cross_entropy",
    "multilabel_softmax_cross_entropy",
    "sigmoid_focal_loss",
    "sigmoid_focal_star",
    "sigmoid_generalized_cross_entropy",
    "sigmoid_poly1",
    "sigmoid_tempered",
    "softmax_focal_loss",
    "softmax_focal_star",
    "softmax_generalized_cross_entropy",
    "softmax_poly1",
    "softmax_tempered",
]


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
        Logits of any shape, and targets in [0, 1] of the same shape.
    alpha : float or sequence of float, default 0.75
        Weights positives by α and negatives by 1 − α; one number or one per class. None, or a number
        below 0, turns it off.
    weight, ignore_index, reduction, label_smoothing, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    α_t is α for a positive and 1 − α for a negative. The default is the value that the paper found
    best for detection (its table 1a). To balance a data set, use the share of its negatives.

    References
    ----------
    arXiv 1708.02002, section 3.1.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.balanced_cross_entropy(x, y).mean():.4f}")
    0.0868
    """
    return sigmoid_loss(
        margin.cross_entropy,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
        ),
        weight,
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
    """Return the 1/M multi-label cross-entropy of a softmax, −Σ_k (y_k / M) log p_k.

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and as many numbers ≥ 0.
    weight, reduction, label_smoothing, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    M is the number of positives of the row, those above 0, so that 0/1 targets make each of them
    worth 1/M. The loss of a row without positives is 0.

    References
    ----------
    arXiv 1805.00932.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.0, 1.0, 1.0]])
    >>> print(f"{F.multilabel_softmax_cross_entropy(x, y).mean():.4f}")
    0.9076
    """
    return softmax_loss(
        margin.cross_entropy,
        {
            "label_smoothing": label_smoothing,
            "positives": "mean",
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
        ),
        weight,
    )


def sigmoid_focal_loss(
    inputs: Tensor,
    targets: Tensor,
    alpha: Alpha = 0.25,
    gamma: Number = 2.0,
    reduction: Reduction = "none",
    *,
    weight: Weight | None = None,
    ignore_index: float | None = None,
    label_smoothing: float = 0.0,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the focal loss of a sigmoid, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    inputs, targets : Tensor
        Logits of any shape, and targets in [0, 1] of the same shape.
    alpha : float or sequence of float, default 0.25
        Weights positives by α and negatives by 1 − α; one number or one per class. None, or a number
        below 0, turns it off.
    gamma : float or Tensor, default 2.0
        The focusing γ ≥ 0; at 0 the loss is cross-entropy.
    reduction, weight, ignore_index, label_smoothing, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    Signature and defaults are those of torchvision.ops.sigmoid_focal_loss. Soft targets mean the
    expectation y φ(x) + (1 − y) φ(−x). torchvision mixes p_t first, which is another loss: γ = 2, y
    = .7, x = 1 without α give .226 here against .102 there.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.sigmoid_focal_loss(x, y).mean():.4f}")
    0.0087
    """
    return sigmoid_loss(
        margin.focal,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            inputs,
            targets,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"gamma": gamma},
        ),
        weight,
        names={"logits": "inputs", "class_weight": "weight"},
    )


def softmax_focal_loss(
    input: Tensor,
    target: Tensor,
    alpha: Alpha = None,
    gamma: Number = 2.0,
    weight: Weight | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the focal loss of a softmax, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or one number per class.
    gamma : float or Tensor, default 2.0
        The focusing γ ≥ 0; at 0 the loss is cross-entropy.
    alpha, weight, ignore_index, reduction, label_smoothing, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per row.

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
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.softmax_focal_loss(x, y).mean():.4f}")
    0.0457
    """
    return softmax_loss(
        margin.focal,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"gamma": gamma},
        ),
        weight,
    )


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
    """Return FL* of a sigmoid, −log σ(γ m + β) / γ.

    Parameters
    ----------
    input, target : Tensor
        Logits of any shape, and targets in [0, 1] of the same shape.
    gamma : float or Tensor, default 2.0
        The steepness γ > 0.
    beta : float or Tensor, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    γ = 1, β = 0 is cross-entropy; the paper uses (2, 1) and (4, 0).
    fvcore.nn.sigmoid_focal_loss_star has no β, and γ = 1 by default.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.sigmoid_focal_star(x, y).mean():.4f}")
    0.0363
    """
    return sigmoid_loss(
        margin.focal_star,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"gamma": gamma, "beta": beta},
        ),
        weight,
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
    """Return FL* of a softmax, −log σ(γ m + β) / γ.

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or one number per class.
    gamma : float or Tensor, default 2.0
        The steepness γ > 0.
    beta : float or Tensor, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    γ = 1, β = 0 is cross-entropy; the paper uses (2, 1) and (4, 0).
    fvcore.nn.sigmoid_focal_loss_star has no β, and γ = 1 by default.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.softmax_focal_star(x, y).mean():.4f}")
    0.1129
    """
    return softmax_loss(
        margin.focal_star,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"gamma": gamma, "beta": beta},
        ),
        weight,
    )


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
        Logits of any shape, and targets in [0, 1] of the same shape.
    epsilon : float or Tensor, default 1.0
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    PolyLoss, truncated after its first term.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.sigmoid_poly1(x, y).mean():.4f}")
    0.4142
    """
    return sigmoid_loss(
        margin.poly1,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"epsilon": epsilon},
        ),
        weight,
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
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or one number per class.
    epsilon : float or Tensor, default 1.0
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    PolyLoss, truncated after its first term.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.softmax_poly1(x, y).mean():.4f}")
    0.7424
    """
    return softmax_loss(
        margin.poly1,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"epsilon": epsilon},
        ),
        weight,
    )


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
        Logits of any shape, and targets in [0, 1] of the same shape.
    kappa : float or Tensor, default 0.7
        κ in (0, 1]: towards 0 cross-entropy, at 1 the error 1 − p_t.
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    GCE, or the L_q loss. At κ = 1 it does not determine the class probabilities.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.sigmoid_generalized_cross_entropy(x, y).mean():.4f}")
    0.2014
    """
    return sigmoid_loss(
        margin.generalized_cross_entropy,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"kappa": kappa},
        ),
        weight,
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
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or one number per class.
    kappa : float or Tensor, default 0.7
        κ in (0, 1]: towards 0 cross-entropy, at 1 the error 1 − p_t.
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    GCE, or the L_q loss. At κ = 1 it does not determine the class probabilities.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.softmax_generalized_cross_entropy(x, y).mean():.4f}")
    0.3546
    """
    return softmax_loss(
        margin.generalized_cross_entropy,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"kappa": kappa},
        ),
        weight,
    )


def sigmoid_tempered(
    input: Tensor,
    target: Tensor,
    order: Number = 2.0,
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
    """Return the tempered cross-entropy of a sigmoid, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    input, target : Tensor
        Logits of any shape, and targets in [0, 1] of the same shape.
    order : float or Tensor, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    The α-loss, or the cross-entropy with a Tsallis logarithm.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.sigmoid_tempered(x, y).mean():.4f}")
    0.2065
    """
    return sigmoid_loss(
        margin.tempered,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"order": order},
        ),
        weight,
    )


def softmax_tempered(
    input: Tensor,
    target: Tensor,
    order: Number = 2.0,
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
    """Return the tempered cross-entropy of a softmax, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    input, target : Tensor
        Logits (N, C, d1, …) or (C,), and class indices (N, d1, …) or one number per class.
    order : float or Tensor, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    weight, ignore_index, reduction, label_smoothing, alpha, sample_weight, where, normalizer : optional
        As throughout `focalis.torch`.

    Returns
    -------
    Tensor
        The reduced loss, or one per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    The α-loss, or the cross-entropy with a Tsallis logarithm.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.softmax_tempered(x, y).mean():.4f}")
    0.3688
    """
    return softmax_loss(
        margin.tempered,
        {
            "alpha": alpha,
            "ignore_index": ignore_index,
            "label_smoothing": label_smoothing,
            "reduction": reduction,
        },
        Arguments(
            input,
            target,
            sample_weight,
            where,
            normalizer=normalizer,
            parameters={"order": order},
        ),
        weight,
    )


class BalancedCrossEntropyLoss(NamedLoss):
    """Α-balanced cross-entropy of a sigmoid, −α_t log p_t.

    Parameters
    ----------
    alpha, weight, ignore_index, reduction, label_smoothing : optional
        As for `focalis.torch.balanced_cross_entropy`.

    References
    ----------
    arXiv 1708.02002, section 3.1.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.BalancedCrossEntropyLoss()(x, y).mean():.4f}")
    0.0868
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
    """1/M multi-label cross-entropy of a softmax, −Σ_k (y_k / M) log p_k.

    Parameters
    ----------
    weight, reduction, label_smoothing : optional
        As for `focalis.torch.multilabel_softmax_cross_entropy`.

    References
    ----------
    arXiv 1805.00932.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.0, 1.0, 1.0]])
    >>> print(f"{F.MultilabelSoftmaxCrossEntropyLoss()(x, y).mean():.4f}")
    0.9076
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
        super().__init__(
            weight=weight,
            reduction=reduction,
            label_smoothing=label_smoothing,
        )


class SigmoidFocalLoss(NamedLoss):
    """Focal loss of a sigmoid, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    alpha, gamma, reduction, weight, ignore_index, label_smoothing : optional
        As for `focalis.torch.sigmoid_focal_loss`.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.SigmoidFocalLoss()(x, y).mean():.4f}")
    0.0087
    """

    function = sigmoid_focal_loss
    link = "sigmoid"
    family = margin.focal

    def __init__(
        self,
        alpha: Alpha = 0.25,
        gamma: Number = 2.0,
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
    """Focal loss of a softmax, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    alpha, gamma, weight, ignore_index, reduction, label_smoothing : optional
        As for `focalis.torch.softmax_focal_loss`.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.SoftmaxFocalLoss()(x, y).mean():.4f}")
    0.0457
    """

    function = softmax_focal_loss
    link = "softmax"
    family = margin.focal

    def __init__(
        self,
        alpha: Alpha = None,
        gamma: Number = 2.0,
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


class SigmoidFocalStarLoss(NamedLoss):
    """FL* of a sigmoid, −log σ(γ m + β) / γ.

    Parameters
    ----------
    gamma, beta, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.sigmoid_focal_star`.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.SigmoidFocalStarLoss()(x, y).mean():.4f}")
    0.0363
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
    """FL* of a softmax, −log σ(γ m + β) / γ.

    Parameters
    ----------
    gamma, beta, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.softmax_focal_star`.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.SoftmaxFocalStarLoss()(x, y).mean():.4f}")
    0.1129
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


class SigmoidPoly1Loss(NamedLoss):
    """Poly-1 loss of a sigmoid, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    epsilon, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.sigmoid_poly1`.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.SigmoidPoly1Loss()(x, y).mean():.4f}")
    0.4142
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

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.SoftmaxPoly1Loss()(x, y).mean():.4f}")
    0.7424
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


class SigmoidGeneralizedCrossEntropyLoss(NamedLoss):
    """Generalised cross-entropy of a sigmoid, (1 − p_t^κ) / κ.

    Parameters
    ----------
    kappa, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.sigmoid_generalized_cross_entropy`.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.SigmoidGeneralizedCrossEntropyLoss()(x, y).mean():.4f}")
    0.2014
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

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.SoftmaxGeneralizedCrossEntropyLoss()(x, y).mean():.4f}")
    0.3546
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


class SigmoidTemperedLoss(NamedLoss):
    """Tempered cross-entropy of a sigmoid, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    order, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.sigmoid_tempered`.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> print(f"{F.SigmoidTemperedLoss()(x, y).mean():.4f}")
    0.2065
    """

    function = sigmoid_tempered
    link = "sigmoid"
    family = margin.tempered

    def __init__(
        self,
        order: Number = 2.0,
        weight: Weight | None = None,
        ignore_index: float | None = None,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        alpha: Alpha = None,
    ) -> None:
        super().__init__(
            order=order,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
            alpha=alpha,
        )


class SoftmaxTemperedLoss(NamedLoss):
    """Tempered cross-entropy of a softmax, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    order, weight, ignore_index, reduction, label_smoothing, alpha : optional
        As for `focalis.torch.softmax_tempered`.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> x, y = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([2])
    >>> print(f"{F.SoftmaxTemperedLoss()(x, y).mean():.4f}")
    0.3688
    """

    function = softmax_tempered
    link = "softmax"
    family = margin.tempered

    def __init__(
        self,
        order: Number = 2.0,
        weight: Weight | None = None,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
        *,
        alpha: Alpha = None,
    ) -> None:
        super().__init__(
            order=order,
            weight=weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
            alpha=alpha,
        )
