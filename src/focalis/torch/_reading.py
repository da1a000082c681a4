"""Reads the numbers wherever that needs no waiting, so that bad ones raise an error on every path.

The fused kernels find a bad target, weight or normaliser by themselves; operations cannot, and give NaN.
So before operations compute with numbers that lie in plain CPU memory, however wrapped, the core reads
the batch and raises the same errors as the kernels.
"""

import functools
import math
from typing import Any

import torch
from torch import Tensor

from focalis import Loss, margin
from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.frontend.numbers import check_numbers as check_arrays
from focalis.inputs.arguments import Arguments
from focalis.torch._arrays import compute
from focalis.torch._compat import keep_the_compiler_out, memory, reading


@keep_the_compiler_out  # which may have given up on the caller
def check_numbers(loss: Loss, given: Arguments, axis: int) -> None:
    """Raise for targets, weights, a normaliser or probabilities that can be read and are bad."""
    logits, *others, class_where, normalizer, _ = given
    targets, weight, where = (None if tensor is None else memory(tensor) for tensor in others)
    number = memory(normalizer) if isinstance(normalizer, Tensor) else None
    scores = memory(logits) if loss.link.on_probabilities else None
    if where is None and others[2] is not None:
        # Masked elements may hold anything, and which are masked is unknown.
        targets = weight = scores = None
    if weight is None and others[1] is not None:
        targets = scores = None
    classes = None if class_where is None else memory(class_where)
    if class_where is not None and classes is None:
        targets = weight = scores = None
    if all(found is None for found in (targets, weight, number, scores)):
        return
    with reading():
        if classes is not None:
            arrays = map(_array, (targets, weight, where, classes))
            check_arrays(loss, tuple(logits.shape), axis, Arguments(None, *arrays))
            exist = classes.any(axis)
            where = exist if where is None else where & exist
            scores = None if scores is None else scores.masked_fill(~classes, 0.5)
        if scores is None:
            # Any scores will do: these take the memory of a single number.
            dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
            scores = torch.full((), 0.5, dtype=dtype, device="cpu").expand(logits.shape)
        if targets is None:
            kind = torch.int64 if others[0].ndim < logits.ndim else scores.dtype
            targets = torch.zeros((), dtype=kind, device="cpu").expand(others[0].shape)
        settings = (_stand_in(loss.link, loss.ignore_index, loss.reduction), number, axis)
        compute(scores, (targets, weight, where), (*settings, scores.dtype), None)


def _array(tensor: Tensor | None) -> Any:
    """Return a tensor as an array, in a type that NumPy knows."""
    if tensor is None:
        return None
    known = tensor.float() if tensor.dtype is torch.bfloat16 else tensor
    return known.detach().resolve_neg().numpy()


@functools.lru_cache(maxsize=64, typed=True)
def _stand_in(link: Any, ignore_index: Any, reduction: Any) -> Loss:
    """Return a cross-entropy that accepts the same numbers; its kernels are compiled already."""
    reduction = "sum" if reduction == "none" else reduction
    return Loss(link, margin.cross_entropy(), ignore_index=ignore_index, reduction=reduction)


def check_weights(name: str, weight: Tensor, highest: float = math.inf) -> None:
    """Raise unless weights, as far as they can be read, are finite and in [0, highest]."""
    if weight.is_complex():
        raise ArgumentTypeError(name, "real numbers", weight.dtype)
    found = memory(weight)
    if found is None or not found.numel():
        return
    with reading():
        low, high = (bound.item() for bound in torch.aminmax(found))
        if low >= 0.0 and high <= highest and high < math.inf:
            return
        bad = ~((found >= 0) & (found <= highest) & (found < math.inf))
        first = tuple(bad.nonzero()[0].tolist())
        expected = "non-negative finite numbers" if highest == math.inf else f"in [0, {highest:g}]"
        raise ArgumentError(name, expected, found[first].item(), first)
