"""Cross-entropy of a softmax, in place of PyTorch's."""

from torch import Tensor

from focalis import margin
from focalis.inputs.arguments import Arguments
from focalis.torch.losses._call import Number, Reduction, legacy_reduction, softmax_loss
from focalis.torch.losses._weights import Weight
from focalis.torch.modules import NamedLoss


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
        As described in `focalis.torch`.
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
    Where PyTorch's mean is NaN, because every row is ignored or has weight 0, this is 0 with a gradient
    of 0. Weights and class probabilities below 0 raise an error.

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
    settings = {
        "label_smoothing": label_smoothing,
        "ignore_index": ignore_index,
        "reduction": legacy_reduction(size_average, reduce, reduction),
    }
    given = Arguments(input, target, sample_weight, where, normalizer=normalizer)
    return softmax_loss(margin.cross_entropy, settings, given, weight)


class CrossEntropyLoss(NamedLoss):
    """Cross-entropy of a softmax, in place of torch.nn.CrossEntropyLoss.

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
