"""The array algorithm on tensors: PyTorch's verbs, and derivatives tied together for autograd."""

from collections.abc import Callable
from typing import Any

import torch

from focalis import Loss
from focalis.arrays.losses import weighted_losses
from focalis.arrays.margin import MarginTerms
from focalis.inputs.arguments import Arguments
from focalis.torch import _margin_operations as margin
from focalis.torch import _softmax_operations as softmax
from focalis.torch._compat import has_tangent, unbatched
from focalis.torch._dual import Dual, tangent_of
from focalis.torch._verbs import Verbs

Tensor = torch.Tensor


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
    """Return the loss, operation by operation; `names` names the parameters and any `class_where`."""
    named = dict(zip(names, parameters, strict=True))
    classes = named.pop("class_where", None)
    arrays = Arguments(logits, targets, sample_weight, where, classes, normalizer, named)
    return weighted_losses(_TORCH, loss, arrays, axis)  # type: ignore[no-any-return]


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

    def asked(self, x: Tensor, shares: tuple[Tensor, Tensor]) -> Tensor:
        return x

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
            parts.append(share * margin.margin_loss_of(terms, against, z, values))
        return sum(parts[1:], parts[0])

    def mean(self, values: Tensor, denominator: Tensor | None) -> Tensor:
        total = values.sum()
        return total if denominator is None else total / denominator


def _learns(weight: Tensor) -> bool:
    """Return whether a derivative by the weight is wanted, so that a weight of 0 is not a mask."""
    weight = unbatched(weight)
    return weight.requires_grad or has_tangent(weight)


_TORCH = _Torch()
