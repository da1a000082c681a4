"""Weights that are tensors: some are read as settings of the loss, others become sample weights."""

from collections.abc import Sequence

import torch
from torch import Tensor

from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.torch._compat import has_tangent, is_batched, memory

Weight = Tensor | Sequence[float]


def is_constant(weight: Tensor) -> bool:
    """Return whether a weight can be read now and made a setting without losing a derivative."""
    # A tensor wrapped by a transform may be differentiated, even if its numbers can be read.
    if weight.requires_grad or torch.compiler.is_compiling() or is_batched(weight):
        return False
    return memory(weight) is not None and not has_tangent(weight)


def read(weight: Weight) -> tuple[float, ...] | float:
    """Return a readable weight as numbers."""
    found = weight.tolist() if isinstance(weight, Tensor) else weight
    return found if isinstance(found, int | float) else tuple(found)


def alpha_of(alpha: Tensor) -> tuple[float, ...] | float:
    """Return α as numbers; it is always a setting and never a tensor of a traced program."""
    if not is_constant(alpha):
        raise ArgumentTypeError(
            "alpha",
            "a number or a sequence of numbers, or a plain tensor on the CPU outside of torch.compile "
            "and torch.func",
            f"a {type(alpha).__name__} on {alpha.device}",
        )
    return read(alpha)


def of_targets(weight: Tensor, target: Tensor, n_classes: int) -> Tensor:
    """Return the weight of each row's class, or 1 for an index that is ignored or out of range."""
    _check_length(weight, n_classes)
    # Widened first, since the number of classes may not fit into a narrow type.
    t = target.long()
    # Not 0, which would hide an error.
    return torch.where((t >= 0) & (t < n_classes), weight[t.clamp(0, n_classes - 1)], 1.0)


def of_classes(weight: Tensor, shape: torch.Size) -> Tensor:
    """Return the weight of each element, by its class along dimension 1."""
    classes = shape[1] if len(shape) > 1 else 1
    _check_length(weight, classes)
    return weight.reshape(-1, *(1,) * (len(shape) - 2)).expand(shape)


def combined(weight: Tensor, sample_weight: Tensor | None, logits: Tensor) -> Tensor:
    """Return a weight times the caller's sample weight, in the type that the loss is computed in."""
    if sample_weight is None:
        return weight
    # Something other than a tensor, or of a wrong shape, is passed on to the check that rejects it.
    if not isinstance(sample_weight, Tensor):
        return sample_weight
    if sample_weight.shape != weight.shape:
        rows = (*logits.shape[:1], *logits.shape[2:])
        if weight.shape != logits.shape or sample_weight.shape != rows:
            return sample_weight
        sample_weight = sample_weight.unsqueeze(1)
    computed = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return weight.to(torch.promote_types(weight.dtype, computed)) * sample_weight


def _check_length(weight: Tensor, n_classes: int) -> None:
    if weight.shape != (n_classes,):
        expected = f"one number for each of the {n_classes} classes"
        raise ArgumentError("weight", expected, f"shape {tuple(weight.shape)}", must="have")
