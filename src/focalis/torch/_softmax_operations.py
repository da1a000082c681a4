"""Softmax margins of tensors, with derivatives that do not cancel.

Seen from class t, m_t = x_t − logsumexp over j ≠ t of x_j, with derivative e_t − r, where
r_j = p_j / (1 − p_t) is the softmax over the others. r is an output of the same function, so its own
derivative, r_j (δ_jk − r_k), is made of outputs too, and so is every further one. 1 − p_t is never
formed by subtraction where p_t may be near 1: among the margins of all classes that of the largest, a,
stands apart, and the others have p_k ≤ 1/2.
"""

from typing import Any

import torch

from focalis.torch._margin_operations import forward_mode

__all__ = ["all_margins", "margins"]

Tensor = torch.Tensor


def margins(x: Tensor, t: Tensor) -> Tensor:
    """Return the margins (…) of the classes t (…) in rows of logits x (…, C)."""
    margin: Tensor = _Seen.apply(x, t)[0]  # type: ignore[no-untyped-call]
    return margin


def all_margins(x: Tensor) -> Tensor:
    """Return the margins (…, C) of all classes of rows of logits x (…, C), in time and memory ∝ C."""
    margin: Tensor = _SeenFromAll.apply(x, x.detach().argmax(-1))[0]  # type: ignore[no-untyped-call]
    return margin


def _one_hot(t: Tensor, x: Tensor) -> Tensor:
    return torch.arange(x.shape[-1], device=x.device) == t.unsqueeze(-1)


def _pick(x: Tensor, t: Tensor) -> Tensor:
    """Return the entries of class t, as (…, 1)."""
    return x.gather(-1, t.unsqueeze(-1))


def _spread(r: Tensor, g: Tensor) -> Tensor:
    """Return r_j Σ_k r_k (g_j − g_k): the derivative of a softmax r along, or against, g."""
    # Seen from the largest r, so that no 1 − r cancels.
    centred = g - _pick(g, r.detach().argmax(-1))
    return r * (centred - (r * centred).sum(-1, keepdim=True))


def _seen(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the margin (…) of class t and the softmax over the others (…, C), 0 at t."""
    largest = torch.finfo(x.dtype).max
    is_target = _one_hot(t, x)
    own = _pick(x, t)
    top = x.masked_fill(is_target, -torch.inf).amax(-1, keepdim=True)
    near_own, near_top = own.clamp(-largest, largest), top.clamp(-largest, largest)
    e = (x.clamp(-largest, largest) - near_top).exp().masked_fill(is_target, 0.0)
    total = e.sum(-1, keepdim=True)
    margin = (near_own - near_top) - total.log()
    # Clipping has made infinities finite: put back the margins that they decide.
    lost = ((own == -torch.inf) & (top > -torch.inf)) | ((top == torch.inf) & (own < torch.inf))
    margin = margin.masked_fill(lost, -torch.inf)
    # A single class has no others.
    return margin.squeeze(-1), e / total.masked_fill(total == 0.0, 1.0)


class _Seen(torch.autograd.Function):
    """The margin of one class, and the softmax over the others."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return _seen(x, t)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(inputs[1], output[1])
        ctx.save_for_forward(inputs[1], output[1])

    @staticmethod
    def backward(ctx: Any, by_margin: Tensor | None, by_ratio: Tensor | None) -> Any:
        t, ratio = ctx.saved_tensors
        by_x = None if by_ratio is None else _spread(ratio, by_ratio)
        if by_margin is not None:
            g = by_margin.unsqueeze(-1)
            direct = torch.where(_one_hot(t, ratio), g, -g * ratio)
            by_x = direct if by_x is None else by_x + direct
        return by_x, None

    @staticmethod
    @forward_mode
    def jvp(ctx: Any, saved: Any, x_t: Tensor, _: Any) -> Any:
        t, ratio = saved
        return _pick(x_t, t).squeeze(-1) - (ratio * x_t).sum(-1), _spread(ratio, x_t)


class _SeenFromAll(torch.autograd.Function):
    """The margins of all classes, p, and the softmax over all but the largest class a."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        largest = torch.finfo(x.dtype).max
        is_top = _one_hot(a, x)
        margin, ratio = _seen(x, a)
        top = _pick(x, a)
        gap = x.clamp(-largest, largest) - top.clamp(-largest, largest)
        e = gap.exp()
        others = e.masked_fill(is_top, 0.0).sum(-1, keepdim=True)
        p = e / (1.0 + others)
        from_others = (gap - others.log1p()) - (-p).log1p()
        lost = ((x == -torch.inf) & (top > -torch.inf)) | ((top == torch.inf) & (x < torch.inf))
        from_others = from_others.masked_fill(lost, -torch.inf)
        return torch.where(is_top, margin.unsqueeze(-1), from_others), p, ratio

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(inputs[1], *output[1:])
        ctx.save_for_forward(inputs[1], *output[1:])

    @staticmethod
    def backward(
        ctx: Any, by_margin: Tensor | None, by_p: Tensor | None, by_ratio: Tensor | None
    ) -> Any:
        a, p, ratio = ctx.saved_tensors
        by_x = None
        if by_margin is not None:
            # w_j g_j (1 − p_j) − p_j Σ_{k≠j} w_k g_k with the term of a kept apart.
            is_top = _one_hot(a, p)
            h = by_margin / (1.0 - p).masked_fill(is_top, 1.0)
            seen = h.masked_fill(is_top, 0.0).sum(-1, keepdim=True)
            by_x = (h - p * seen) - ratio * _pick(by_margin, a)
        for part, by_part in ((p, by_p), (ratio, by_ratio)):
            if by_part is not None:
                spread = _spread(part, by_part)
                by_x = spread if by_x is None else by_x + spread
        return by_x, None

    @staticmethod
    @forward_mode
    def jvp(ctx: Any, saved: Any, x_t: Tensor, _: Any) -> Any:
        a, p, ratio = saved
        is_top = _one_hot(a, p)
        of_top = _pick(x_t, a) - (ratio * x_t).sum(-1, keepdim=True)
        centred = x_t - _pick(x_t, a)
        of_others = (centred - (p * centred).sum(-1, keepdim=True)) / (1.0 - p).masked_fill(
            is_top, 1.0
        )
        return torch.where(is_top, of_top, of_others), _spread(p, x_t), _spread(ratio, x_t)
