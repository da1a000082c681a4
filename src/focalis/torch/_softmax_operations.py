"""Softmax margins: the derivatives of `focalis.arrays.softmax`, tied together for autograd."""

from typing import Any

import torch

from focalis.arrays.softmax import (
    against_all,
    against_one,
    along_all,
    along_one,
    seen_from_all,
    seen_from_one,
    spread,
)
from focalis.torch._margin_operations import forward_mode
from focalis.torch._verbs import VERBS

Tensor = torch.Tensor


def margins(x: Tensor, t: Tensor) -> Tensor:
    """Return the margins (…) of the classes t (…) in rows of logits x (…, C)."""
    margin: Tensor = _Seen.apply(x, t)[0]  # type: ignore[no-untyped-call]
    return margin


def all_margins(x: Tensor) -> Tensor:
    """Return the margins (…, C) of all classes of rows of logits x (…, C)."""
    margin: Tensor = _SeenFromAll.apply(x, VERBS.argmax(x))[0]  # type: ignore[no-untyped-call]
    return margin


def _sum(terms: list[Tensor]) -> Tensor | None:
    return sum(terms[1:], terms[0]) if terms else None


class _Seen(torch.autograd.Function):
    """The margin of one class, and the softmax over the others."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return seen_from_one(VERBS, x, t)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(inputs[1], output[1])
        ctx.save_for_forward(inputs[1], output[1])

    @staticmethod
    def backward(ctx: Any, by_margin: Tensor | None, by_ratio: Tensor | None) -> Any:
        t, ratio = ctx.saved_tensors
        terms = [] if by_ratio is None else [spread(VERBS, ratio, by_ratio)]
        if by_margin is not None:
            terms.append(against_one(VERBS, t, ratio, by_margin))
        return _sum(terms), None

    @staticmethod
    @forward_mode
    def jvp(ctx: Any, saved: Any, x_t: Tensor, _: Any) -> Any:
        t, ratio = saved
        return along_one(VERBS, t, ratio, x_t), spread(VERBS, ratio, x_t)


class _SeenFromAll(torch.autograd.Function):
    """The margins of all classes, p, and the softmax over all but the largest class a."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = seen_from_all(VERBS, x, a)
        return found.margin, found.p, found.ratio

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(inputs[1], *output[1:])
        ctx.save_for_forward(inputs[1], *output[1:])

    @staticmethod
    def backward(ctx: Any, by_margin: Tensor | None, *by_parts: Tensor | None) -> Any:
        a, p, ratio = ctx.saved_tensors
        terms = [] if by_margin is None else [against_all(VERBS, a, p, ratio, by_margin)]
        for part, by_part in zip((p, ratio), by_parts, strict=True):
            if by_part is not None:
                terms.append(spread(VERBS, part, by_part))
        return _sum(terms), None

    @staticmethod
    @forward_mode
    def jvp(ctx: Any, saved: Any, x_t: Tensor, _: Any) -> Any:
        a, p, ratio = saved
        changes = (spread(VERBS, part, x_t) for part in (p, ratio))
        return along_all(VERBS, a, p, ratio, x_t), *changes
