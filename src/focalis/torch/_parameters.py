"""Parameters that are passed with a call of a loss: numbers become settings, tensors may be learnt."""

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor

from focalis import Loss
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.arguments import Arguments
from focalis.inputs.shapes import broadcasts
from focalis.margin import MarginLossFamily
from focalis.settings_table import WEIGHTS, largest_weight, weights_of
from focalis.torch._compat import memory, reading
from focalis.torch._reading import check_weights


def check_parameter(family: MarginLossFamily, name: str, value: Tensor) -> None:
    """Raise unless a tensor is one real number, and in range if it can be read without waiting."""
    if value.ndim != 0:
        expected = "a number or a tensor without dimensions"
        raise ArgumentError(name, expected, f"shape {tuple(value.shape)}")
    _check_range(family, name, value)


def read_parameters(loss: Loss, given: Arguments) -> tuple[Loss, dict[str, Tensor]]:
    """Return the loss with the numbers put into it, and the tensors as the operations take them."""
    logits, targets, parameters = given.logits, given.targets, given.parameters or {}
    of_margin_loss = loss.margin_loss.parameters
    known = (*of_margin_loss, *weights_of(loss.link))
    unknown = [name for name in parameters if name not in known]
    if unknown:
        expected = f"{', '.join(known)} for link={loss.link!r} and {loss.margin_loss!r}"
        raise ArgumentError("parameters", expected, unknown[0], must="be among")
    for name, other in (("alpha", "pos_weight"), ("pos_weight", "alpha")):
        if name in parameters and (other in parameters or getattr(loss, other) is not None):
            expected = f"{name} or {other}"
            raise ArgumentError(
                "parameters",
                expected,
                "both",
                problem="{argument}: expected {expected}, which exclude each other, got {got}",
            )
    tensors = {name: value for name, value in parameters.items() if isinstance(value, Tensor)}
    numbers = {name: value for name, value in parameters.items() if name not in tensors}
    settings: dict[str, Any] = {name: numbers.pop(name) for name in WEIGHTS if name in numbers}
    if numbers:
        settings["margin_loss"] = loss.margin_loss.family(**{**of_margin_loss, **numbers})
    if settings:
        loss = dataclasses.replace(loss, **settings)
    if isinstance(logits, Tensor) and isinstance(targets, Tensor):
        for name, value in tensors.items():
            if name in of_margin_loss:
                _check_range(loss.margin_loss.family, name, value)
            else:
                check_weights(name, value, largest_weight(name, loss.link, math.inf))
            tensors[name] = _aligned(name, value, logits.shape, targets.shape)
    return loss, tensors


def _check_range(family: MarginLossFamily, name: str, value: Tensor) -> None:
    if value.is_complex() or value.dtype == torch.bool:
        raise ArgumentTypeError(name, "a real number", f"a tensor of {value.dtype}")
    found = memory(value)
    if found is not None and found.numel():
        with reading():
            bounds = [bound.item() for bound in torch.aminmax(found)]
        for bound in bounds:
            family(**{name: bound})


def _aligned(name: str, value: Tensor, shape: torch.Size, found: torch.Size) -> Tensor:
    """Return a parameter with as many dimensions as the logits or rows; one or a weight (C,) stays."""
    classes = shape[min(1, len(shape) - 1)] if shape else 1
    if value.ndim == 0 or (name in WEIGHTS and len(shape) > 1 and value.shape == (classes,)):
        return value
    of_rows = name not in WEIGHTS and len(found) < len(shape) and value.ndim < len(shape)
    whole = found if of_rows else shape
    if not broadcasts(value.shape, whole):
        expected = f"a number or have a shape that broadcasts to {tuple(whole)}"
        raise ArgumentError(name, expected, tuple(value.shape), of="parameters")
    return value.reshape((1,) * (len(whole) - value.ndim) + value.shape)
