"""Any loss as PyTorch operations: on any device, in any floating type, differentiable at every order.

`focalis.arrays.evaluate` in PyTorch's verbs, with derivatives tied together for autograd. It can be
traced, compiled, mapped by `torch.func.vmap` and run on the "meta" device. A weight or target that
itself requires a gradient masks nothing where it is 0: its derivative there is the loss.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.autograd import forward_ad

from focalis import Loss
from focalis.arrays.evaluate import Arguments, evaluate
from focalis.arrays.margin import MarginTerms
from focalis.torch import _margin_operations as margin
from focalis.torch import _softmax_operations as softmax
from focalis.torch._dual import Dual, tangent_of
from focalis.torch._verbs import Verbs
from focalis.torch._vocabulary import widest

__all__ = ["evaluate_directly", "evaluate_in_operations"]

Tensor = torch.Tensor


def evaluate_in_operations(
    loss: Loss,
    logits: Tensor,
    targets: Tensor,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: float | Tensor | None = None,
    axis: int = -1,
    parameters: Mapping[str, Tensor] | None = None,
    class_where: Tensor | None = None,
) -> Tensor:
    """Return the loss.

    Parameters
    ----------
    loss : Loss
        The loss.
    logits : Tensor
        Scores, of any floating type; 16 bits are computed in 32, probabilities in 64 where the device
        knows them.
    targets : Tensor
        Sigmoid, identity: shaped like the logits. Softmax, simplex: class indices, shaped like the
        logits without the class axis, or a number for each class, shaped like the logits. Of dense
        targets time and memory are linear in the number of classes.
    sample_weight, where : Tensor, optional
        Per row, or per element of a sigmoid or identity.
    normalizer : float or Tensor, optional
        Replaces the denominator of "mean" and "batchmean".
    axis : int
        The class axis; one-dimensional scores of a sigmoid or identity have none.
    parameters : mapping of str to Tensor, optional
        Numbers that replace settings of the loss, and may be differentiated, as
        `focalis.arrays.evaluate` has them.
    class_where : Tensor of bool, optional
        True where a class counts: (C,), or a shape that broadcasts to that of the logits.

    Returns
    -------
    Tensor
        In the type of the logits: 0-d, or for "none" shaped like the logits (sigmoid, identity) or with
        one number per row.
    """
    parameters = dict(parameters or {})
    if class_where is not None:
        parameters["class_where"] = class_where
    settings = (loss, axis, tuple(parameters))
    tensors = (logits, targets, sample_weight, where, normalizer, *parameters.values())
    if not torch.compiler.is_compiling():
        return evaluate_directly(*settings, *tensors)  # type: ignore[arg-type]
    if normalizer is not None and not isinstance(normalizer, Tensor):
        normalizer = torch.full((), normalizer, dtype=widest(logits.device), device=logits.device)
    from focalis.torch._constants import evaluate_in_graph  # brings the compiler: slow to import

    return evaluate_in_graph(*settings, *tensors[:4], normalizer, *tensors[5:])


def evaluate_directly(
    loss: Loss,
    axis: int,
    names: tuple[str, ...],
    logits: Tensor,
    targets: Tensor,
    sample_weight: Tensor | None,
    where: Tensor | None,
    normalizer: float | Tensor | None,
    *parameters: Tensor,
) -> Tensor:
    """Return the loss, operation by operation; `names` are those of parameters and `class_where`."""
    named = dict(zip(names, parameters, strict=True))
    given = (logits, targets, sample_weight, where, named.pop("class_where", None), normalizer)
    return evaluate(_TORCH, loss, Arguments(*given, named), axis)  # type: ignore[no-any-return]


class _Torch(Verbs):
    """The verbs and hooks of PyTorch."""

    margins = staticmethod(softmax.margins)
    companions = staticmethod(margin.companions)

    def along(self, f: Callable[..., Any], i: int) -> Callable[..., Any]:
        return lambda *args: tangent_of(f(*args[:i], Dual(args[i], 1.0), *args[i + 1 :]))

    def all_margins(self, x: Tensor) -> tuple[Tensor, None]:
        return softmax.all_margins(x), None

    def quiet(self, x: Tensor, share: Tensor, kept: Tensor | None, harmless: float) -> Tensor:
        counts = kept if _learns(share) else share != 0.0
        return x if counts is None else torch.where(counts, x, harmless)

    def weighted(
        self,
        terms: MarginTerms,
        x: Tensor,
        shares: tuple[Tensor, ...],
        values: tuple[Tensor, ...],
        companions: None,
    ) -> Tensor:
        harmless = terms.link.harmless
        parts = []
        for against, share in enumerate(shares):
            z = self.quiet(x, share, None, harmless)
            parts.append(share * margin.evaluate(terms, against, z, values))
        return sum(parts[1:], parts[0])

    def mean(self, values: Tensor, denominator: Tensor | None) -> Tensor:
        total = values.sum()
        return total if denominator is None else total / denominator


def _learns(weight: Tensor) -> bool:
    """Return whether a derivative by the weight is wanted, so that its 0 is not a mask."""
    while torch._C._functorch.is_batchedtensor(weight):
        # What vmap maps over cannot be unpacked itself.
        weight = torch._C._functorch.get_unwrapped(weight)
    if weight.requires_grad or forward_ad._current_level < 0:
        return weight.requires_grad
    dual = forward_ad.unpack_dual(weight, level=0)  # type: ignore[no-untyped-call]
    return dual.tangent is not None


_TORCH = _Torch()
