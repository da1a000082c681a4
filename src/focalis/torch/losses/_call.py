"""What the named losses share: from settings to a loss, with errors that use the caller's names."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Literal

import torch
from torch import Tensor

from focalis.errors import WordedError
from focalis.inputs.arguments import Arguments, replaced
from focalis.loss import Loss
from focalis.margin import MarginLossFamily
from focalis.maths.links import LinkName
from focalis.torch._apply import apply_along
from focalis.torch._compat import legacy_reduction_name
from focalis.torch._losses import kept, new_loss
from focalis.torch._overrides import handed_over, has_override
from focalis.torch._parameters import check_parameter
from focalis.torch._reading import check_weights
from focalis.torch.losses._weights import (
    Weight,
    alpha_of,
    combined,
    is_constant,
    of_classes,
    of_targets,
    read,
)

Alpha = float | Sequence[float] | None

Number = float | Tensor
"""A number, or a tensor without dimensions, as which a parameter of a margin loss may be learnt."""

Reduction = Literal["none", "mean", "sum", "batchmean"]

NAMES = {"logits": "input", "targets": "target", "class_weight": "weight"}
"""The core's names of arguments and the functions', where they differ."""

NAMES_OF_WEIGHED = {**NAMES, "sample_weight": "weight"}
"""The same for a `weight` that is passed on as a sample weight."""


def loss_of(
    link: LinkName, family: str, parameters: Mapping[str, float], settings: Mapping[str, Any]
) -> Loss:
    """Return the loss with these parameters and settings; equal ones give the same object."""
    if torch.compiler.is_compiling():
        from focalis.torch._constants import loss_in_graph  # brings the compiler: slow to import

        return loss_in_graph(link, family, parameters, settings)
    try:
        names = tuple(parameters), tuple(settings)
        return kept(link, family, names, *parameters.values(), *settings.values())
    except TypeError:
        # A setting that cannot be hashed may be a list, or an error that the loss will report.
        return new_loss(link, family, parameters, settings)


def call(
    link: LinkName,
    family: MarginLossFamily,
    settings: Mapping[str, Any],
    given: Arguments,
    axis: int = 1,
    names: Mapping[str, str] = NAMES,
) -> Tensor:
    """Return the loss with these settings; numbers among the parameters become settings too."""
    try:
        fixed: Mapping[str, Any] = given.parameters or {}
        if fixed:
            learnt = {k: v for k, v in fixed.items() if isinstance(v, Tensor)}
            if learnt:
                for name in learnt.keys() & family.ranges.keys():
                    check_parameter(family, name, learnt[name])
                fixed = {k: v for k, v in fixed.items() if k not in learnt}
            given = Arguments(*given[:6], learnt)
        alpha = settings.get("alpha")
        if isinstance(alpha, Tensor):
            settings = {**settings, "alpha": alpha_of(alpha)}
        return apply_along(loss_of(link, family.name, fixed, settings), given, axis)
    except WordedError as error:
        error.rename(names)
        raise


def sigmoid_loss(
    family: MarginLossFamily,
    settings: Mapping[str, Any],
    given: Arguments,
    weight: Weight | None,
    names: Mapping[str, str] = NAMES,
) -> Tensor:
    """Return a loss of yes/no questions; `weight` is for the classes along dimension 1."""
    if has_override(given, weight):
        fixed = {"family": family, "settings": settings, "names": names}
        return handed_over(_sigmoid_loss, given, (weight,), **fixed)
    return _sigmoid_loss(given, weight, family, settings, names)


def _sigmoid_loss(
    given: Arguments,
    weight: Weight | None,
    family: MarginLossFamily,
    settings: Mapping[str, Any],
    names: Mapping[str, str],
) -> Tensor:
    input = given.logits
    if weight is not None and isinstance(input, Tensor):
        if isinstance(weight, Tensor) and not is_constant(weight):
            check_weights("weight", weight)
            of_elements = of_classes(weight, input.shape)
            sample_weight = combined(of_elements, given.sample_weight, input)
            given = replaced(given, sample_weight=sample_weight)
        else:
            settings = {**settings, "class_weight": read(weight)}
    return call("sigmoid", family, settings, given, names=names)


def softmax_loss(
    family: MarginLossFamily,
    settings: Mapping[str, Any],
    given: Arguments,
    weight: Weight | None,
    names: Mapping[str, str] = NAMES,
) -> Tensor:
    """Return a loss of rows along dimension 1, for class indices or a number per class."""
    if has_override(given, weight):
        fixed = {"family": family, "settings": settings, "names": names}
        return handed_over(_softmax_loss, given, (weight,), **fixed)
    return _softmax_loss(given, weight, family, settings, names)


def _softmax_loss(
    given: Arguments,
    weight: Weight | None,
    family: MarginLossFamily,
    settings: Mapping[str, Any],
    names: Mapping[str, str],
) -> Tensor:
    input, target = given.logits, given.targets
    are_tensors = isinstance(input, Tensor) and isinstance(target, Tensor)
    one_per_class = are_tensors and target.ndim == input.ndim and target.shape == input.shape
    if one_per_class:
        ignored = settings.get("ignore_index")
        if isinstance(ignored, Integral) and ignored < 0:
            # As in PyTorch, where an index below 0 does not matter to class probabilities.
            settings = {**settings, "ignore_index": None}
    if weight is not None and are_tensors:
        by_index = not one_per_class and not target.is_floating_point()
        if isinstance(weight, Tensor):
            check_weights("weight", weight)
        if by_index and settings["label_smoothing"] == 0.0 and isinstance(weight, Tensor):
            if given.sample_weight is None and names is NAMES:
                names = NAMES_OF_WEIGHED
            classes = input.shape[min(1, input.ndim - 1)]
            of_rows = of_targets(weight, target, classes)
            sample_weight = combined(of_rows, given.sample_weight, input)
            given = replaced(given, sample_weight=sample_weight)
        elif isinstance(weight, Tensor) and not is_constant(weight):
            given = replaced(given, parameters={**(given.parameters or {}), "class_weight": weight})
        else:
            settings = {**settings, "class_weight": read(weight)}
    return call("softmax", family, settings, given, names=names)


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: Reduction) -> Any:
    """Return the reduction; PyTorch's deprecated arguments override it, with its warning."""
    if size_average is None and reduce is None:
        return reduction
    return legacy_reduction_name(size_average, reduce)
