"""What the named losses share: from settings to a loss, with errors that use the caller's names."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Literal

import torch
from torch import Tensor

from focalis.errors import WordedError
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

__all__ = [
    "NAMES",
    "NAMES_OF_WEIGHED",
    "Alpha",
    "Number",
    "Reduction",
    "call",
    "legacy_reduction",
    "sigmoid_loss",
    "softmax_loss",
]

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
    key = (link, family, tuple(parameters.items()), tuple(settings.items()))
    # As keys, True, 1 and 1.0 are equal; their types tell them apart.
    kinds = *map(type, parameters.values()), *map(type, settings.values())
    try:
        return kept(*key, kinds)
    except TypeError:
        # A setting that cannot be hashed may be a list, or an error that the loss will report.
        return new_loss(*key)


def call(
    link: LinkName,
    family: MarginLossFamily,
    parameters: Mapping[str, Number],
    input: Tensor,
    target: Tensor,
    settings: Mapping[str, Any],
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    normalizer: Number | None,
    axis: int = 1,
    names: Mapping[str, str] = NAMES,
) -> Tensor:
    """Return the loss with these settings; the other arguments are those of `apply_along`."""
    try:
        fixed: Mapping[str, Any] = parameters
        learnt = None
        if parameters:
            learnt = {k: v for k, v in parameters.items() if isinstance(v, Tensor)}
            for name in learnt.keys() & family.ranges.keys():
                check_parameter(family, name, learnt[name])
            fixed = {k: v for k, v in parameters.items() if k not in learnt}
        alpha = settings.get("alpha")
        if isinstance(alpha, Tensor):
            settings = {**settings, "alpha": alpha_of(alpha)}
        return apply_along(
            loss_of(link, family.name, fixed, settings),
            input,
            target,
            sample_weight=sample_weight,
            where=where,
            normalizer=normalizer,
            axis=axis,
            parameters=learnt,
        )
    except WordedError as error:
        error.rename(names)
        raise


def sigmoid_loss(
    family: MarginLossFamily,
    parameters: Mapping[str, Number],
    input: Tensor,
    target: Tensor,
    weight: Weight | None,
    settings: Mapping[str, Any],
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    normalizer: Number | None,
    names: Mapping[str, str] = NAMES,
) -> Tensor:
    """Return a loss of yes/no questions; `weight` is for the classes along dimension 1."""
    tensors = _named(input, target, weight, sample_weight, where, normalizer)
    fixed: dict[str, Any] = {"family": family, "settings": settings, "names": names}
    if has_override(*tensors.values(), *parameters.values()):
        return handed_over(_sigmoid_loss, tensors, parameters, **fixed)
    return _sigmoid_loss(**tensors, parameters=parameters, **fixed)


def _sigmoid_loss(
    *,
    family: MarginLossFamily,
    parameters: Mapping[str, Number],
    settings: Mapping[str, Any],
    weight: Weight | None,
    **others: Any,
) -> Tensor:
    input = others["input"]
    if weight is not None and isinstance(input, Tensor):
        if isinstance(weight, Tensor) and not is_constant(weight):
            check_weights("weight", weight)
            of_elements = of_classes(weight, input.shape)
            others["sample_weight"] = combined(of_elements, others["sample_weight"], input)
        else:
            settings = {**settings, "class_weight": read(weight)}
    return call("sigmoid", family, parameters, settings=settings, **others)


def softmax_loss(
    family: MarginLossFamily,
    parameters: Mapping[str, Number],
    input: Tensor,
    target: Tensor,
    weight: Weight | None,
    settings: Mapping[str, Any],
    *,
    sample_weight: Tensor | None,
    where: Tensor | None,
    normalizer: Number | None,
    names: Mapping[str, str] = NAMES,
) -> Tensor:
    """Return a loss of rows along dimension 1, for class indices or a number per class."""
    tensors = _named(input, target, weight, sample_weight, where, normalizer)
    fixed: dict[str, Any] = {"family": family, "settings": settings, "names": names}
    if has_override(*tensors.values(), *parameters.values()):
        return handed_over(_softmax_loss, tensors, parameters, **fixed)
    return _softmax_loss(**tensors, parameters=parameters, **fixed)


def _softmax_loss(
    *,
    family: MarginLossFamily,
    parameters: Mapping[str, Number],
    settings: Mapping[str, Any],
    weight: Weight | None,
    **others: Any,
) -> Tensor:
    input, target = others["input"], others["target"]
    are_tensors = isinstance(input, Tensor) and isinstance(target, Tensor)
    one_per_class = are_tensors and target.ndim == input.ndim and target.shape == input.shape
    ignored = settings.get("ignore_index")
    if one_per_class and isinstance(ignored, Integral) and ignored < 0:
        # As in PyTorch, where an index below 0 does not matter to class probabilities.
        settings = {**settings, "ignore_index": None}
    if weight is not None and are_tensors:
        by_index = not one_per_class and not target.is_floating_point()
        if isinstance(weight, Tensor):
            check_weights("weight", weight)
        if by_index and settings["label_smoothing"] == 0.0 and isinstance(weight, Tensor):
            sample_weight = others["sample_weight"]
            if sample_weight is None and others["names"] is NAMES:
                others["names"] = NAMES_OF_WEIGHED
            classes = input.shape[min(1, input.ndim - 1)]
            of_rows = of_targets(weight, target, classes)
            others["sample_weight"] = combined(of_rows, sample_weight, input)
        elif isinstance(weight, Tensor) and not is_constant(weight):
            parameters = {**parameters, "class_weight": weight}
        else:
            settings = {**settings, "class_weight": read(weight)}
    return call("softmax", family, parameters, settings=settings, **others)


def _named(
    input: Any, target: Any, weight: Any, sample_weight: Any, where: Any, normalizer: Any
) -> dict[str, Any]:
    return {
        "input": input,
        "target": target,
        "weight": weight,
        "sample_weight": sample_weight,
        "where": where,
        "normalizer": normalizer,
    }


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: Reduction) -> Any:
    """Return the reduction; PyTorch's deprecated arguments override it, with its warning."""
    if size_average is None and reduce is None:
        return reduction
    return legacy_reduction_name(size_average, reduce)
