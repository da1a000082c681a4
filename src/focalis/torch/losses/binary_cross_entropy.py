"""Binary cross-entropy, with the signatures, defaults and meaning of torch.nn.functional."""

import functools
from typing import Any

import torch
from torch import Tensor

from focalis import margin
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.arguments import Arguments, replaced
from focalis.maths.links import LinkName
from focalis.torch._losses import OWN_FAMILIES
from focalis.torch._overrides import handed_over, has_override
from focalis.torch._reading import check_weights
from focalis.torch.losses._call import (
    NAMES,
    NAMES_OF_WEIGHED,
    Number,
    Reduction,
    call,
    legacy_reduction,
)
from focalis.torch.losses._weights import Weight, combined, is_constant, read
from focalis.torch.modules import NamedLoss
from focalis.vocabulary import where as choose

_LEAST_SPREAD = 9.999999960041972e-13  # PyTorch's 1e-12, as float32


@functools.partial(margin.MarginLossFamily, ranges={})
def clamped_cross_entropy(m: Any, u: Any, v: Any, p: Any, q: Any) -> tuple[Any, Any, Any]:
    """Cross-entropy of probabilities as in PyTorch: log p ≥ −100, and p q ≥ 1e-12 in dφ/dp.

    Examples
    --------
    >>> from focalis import Loss
    >>> loss = Loss("identity", clamped_cross_entropy(), reduction="sum")
    >>> value, gradient = loss.value_and_grad([0.0], [1.0], engine="numpy")
    >>> float(value), float(gradient[0])
    (100.0, -1000000003995.8...)
    """
    spread = p * q
    near_the_ends = spread < _LEAST_SPREAD
    held = spread * (1.0 / _LEAST_SPREAD)
    slope = choose(near_the_ends, -q * held, -q)
    curvature = choose(near_the_ends, held * q * (2.0 * p - q), spread)
    return choose(u < -100.0, 100.0, -u), slope, curvature


OWN_FAMILIES[clamped_cross_entropy.name] = clamped_cross_entropy


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the cross-entropy of probabilities as torch.nn.functional.binary_cross_entropy does.

    Parameters
    ----------
    input, target : Tensor
        Probabilities of yes, of any shape, and targets in [0, 1] of the same shape.
    weight : Tensor, optional
        A factor for each element, of any shape that broadcasts to that of the input.
    size_average, reduce : bool, optional
        Deprecated by PyTorch in favour of `reduction`, which they override with its warning.
    reduction, sample_weight, where, normalizer : optional
        As described in `focalis.torch`.

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
    As in PyTorch, logarithms are clamped to at least −100, and the gradient is
    (p − y) / max(p (1 − p), 1e-12), which is not the derivative of the clamped value.
    ``Loss("identity", margin.cross_entropy())`` clamps nothing: its value at 0 is infinite.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.binary_cross_entropy(torch.tensor([0.9, 0.0]), torch.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.1054, 100.0000])
    """
    given = Arguments(input, target, sample_weight, where, normalizer=normalizer)
    reduction = legacy_reduction(size_average, reduce, reduction)
    return _elementwise("identity", clamped_cross_entropy, reduction, given, weight, None)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    pos_weight: Tensor | None = None,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: Number | None = None,
) -> Tensor:
    """Return the cross-entropy of a sigmoid as torch.nn.functional's function of this name does.

    Parameters
    ----------
    input, target : Tensor
        Logits of any shape, and targets in [0, 1] of the same shape.
    weight, pos_weight : Tensor, optional
        Factors for each element and for the positive answers, of any shapes that broadcast to that of
        the input. As in PyTorch, (C,) is for the last dimension; (C, 1, 1) is for dimension 1 of
        (N, C, H, W).
    size_average, reduce : bool, optional
        Deprecated by PyTorch in favour of `reduction`, which they override with its warning.
    reduction, sample_weight, where, normalizer : optional
        As described in `focalis.torch`.

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
    The mean over no elements is 0, where PyTorch gives NaN. Weights below 0 and targets outside [0, 1]
    raise an error.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> logits, target = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    >>> F.binary_cross_entropy_with_logits(logits, target, pos_weight=torch.tensor([3.0]))
    tensor(0.3470)
    """
    given = Arguments(input, target, sample_weight, where, normalizer=normalizer)
    reduction = legacy_reduction(size_average, reduce, reduction)
    return _elementwise("sigmoid", margin.cross_entropy, reduction, given, weight, pos_weight)


def _elementwise(
    link: LinkName,
    family: margin.MarginLossFamily,
    reduction: str,
    given: Arguments,
    weight: Tensor | None,
    pos_weight: Tensor | None,
) -> Tensor:
    """Return a loss of elements with weights that broadcast from the right, as in PyTorch."""
    fixed: dict[str, Any] = {"link": link, "family": family, "reduction": reduction}
    if has_override(given, weight, pos_weight):
        return handed_over(_weighed, given, (weight, pos_weight), **fixed)
    return _weighed(given, weight, pos_weight, **fixed)


def _weighed(
    given: Arguments,
    weight: Any,
    pos_weight: Any,
    *,
    link: LinkName,
    family: margin.MarginLossFamily,
    reduction: str,
) -> Tensor:
    settings: dict[str, Any] = {"reduction": reduction}
    input, target, sample_weight, where, *_ = given
    names = NAMES if weight is None or sample_weight is not None else NAMES_OF_WEIGHED
    axis = 1
    are_tensors = isinstance(input, Tensor) and isinstance(target, Tensor)
    if are_tensors and target.shape == input.shape:
        if pos_weight is not None:
            of_positives = _expanded("pos_weight", pos_weight, input.shape)
            check_weights("pos_weight", pos_weight)
            class_axis = _class_axis(pos_weight, input.ndim)
            # The classes of a row lie along dimension 1, whichever dimension the weight is for.
            by_rows = reduction == "batchmean" or any(
                isinstance(w, Tensor) and w.ndim < input.ndim for w in (sample_weight, where)
            )
            movable = class_axis == axis or not by_rows
            if class_axis is not None and movable and is_constant(pos_weight):
                axis = class_axis
                settings["pos_weight"] = read(pos_weight.squeeze())
            else:
                target, of_elements = _split(target, of_positives)
                sample_weight = combined(of_elements, sample_weight, input)
        if weight is not None:
            of_elements = _expanded("weight", weight, input.shape)
            sample_weight = combined(of_elements, sample_weight, input)
    given = replaced(given, targets=target, sample_weight=sample_weight)
    return call(link, family, settings, given, axis, names)


def _expanded(name: str, weight: Tensor, shape: torch.Size) -> Tensor:
    if not isinstance(weight, Tensor):
        raise ArgumentTypeError(name, "a torch.Tensor", type(weight).__name__)
    try:
        return weight.expand(shape)
    except RuntimeError:
        expected = f"a shape that broadcasts to {tuple(shape)}, that of the input"
        raise ArgumentError(name, expected, tuple(weight.shape), must="have") from None


def _class_axis(weight: Tensor, ndim: int) -> int | None:
    """Return the one dimension along which a weight varies, if it may be that of the classes."""
    axes = [ndim - weight.ndim + i for i, length in enumerate(weight.shape) if length != 1]
    if not axes:
        return 1
    return axes[0] if len(axes) == 1 and ndim > 1 and axes[0] in (1, ndim - 1) else None


def _split(target: Tensor, pos_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets and element weights that together weight positive answers by `pos_weight`."""
    y = target.to(torch.promote_types(target.dtype, torch.float32))
    positive = y * pos_weight
    total = positive + (1.0 - y)
    return torch.where(total == 0.0, y, positive / total), total


class BCEWithLogitsLoss(NamedLoss):
    """Cross-entropy of a sigmoid, in place of torch.nn.BCEWithLogitsLoss.

    Parameters
    ----------
    weight, size_average, reduce, reduction, pos_weight : optional
        As for `focalis.torch.binary_cross_entropy_with_logits`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> criterion = F.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]))
    >>> criterion(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0]))
    tensor(0.3470)
    """

    function = binary_cross_entropy_with_logits
    link = "sigmoid"
    family = margin.cross_entropy

    def __init__(
        self,
        weight: Weight | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
        pos_weight: Weight | None = None,
    ) -> None:
        super().__init__(
            weight=weight,
            reduction=legacy_reduction(size_average, reduce, reduction),
            pos_weight=pos_weight,
        )


class BCELoss(NamedLoss):
    """Cross-entropy of probabilities, in place of torch.nn.BCELoss.

    Parameters
    ----------
    weight, size_average, reduce, reduction : optional
        As for `focalis.torch.binary_cross_entropy`.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> F.BCELoss()(torch.tensor([0.9, 0.2]), torch.tensor([1.0, 0.0]))
    tensor(0.1643)
    """

    function = binary_cross_entropy
    link = "identity"
    # The same as the clamped family except at the ends.
    family = margin.cross_entropy

    def __init__(
        self,
        weight: Weight | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(weight=weight, reduction=legacy_reduction(size_average, reduce, reduction))
