"""A margin loss on tensors, with its own closed forms as derivatives.

Autograd through a formula such as −q^γ log p meets 0 · ∞ at the ends and cancels before them. Here
the derivative of the value is the slope that the margin loss gives, and that of the slope its
curvature. What is left, the curvature's derivative and all derivatives by parameters, comes from
dual numbers through the formula (`focalis.torch._dual`), on companions u, v, p, q whose derivatives
are q, −p, p q and −p q.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import forward_ad

from focalis.links import (
    PROBABILITY,
    Limits,
    at_margin,
    link_terms,
    margin_limits,
    probability_limits,
)
from focalis.margin import MarginLoss
from focalis.torch._dual import Dual, tangent_of
from focalis.torch._vocabulary import widest

__all__ = ["MarginOperations", "evaluate"]

Tensor = torch.Tensor


@dataclass(frozen=True)
class MarginOperations:
    """A margin loss seen from one side of a link.

    Parameters
    ----------
    link : str
        One of `focalis.links.LINKS`.
    loss : MarginLoss
        Its parameters hold where `learned` does not name them.
    learned : tuple of str
        The parameters that come as tensors, in order.
    bounds : Limits
        The limits of the loss in the type of the scores.
    mirrored : bool
        False: the score x speaks for the truth, which has margin x or probability x. True: it speaks
        against it, −x or 1 − x.
    """

    link: str
    loss: MarginLoss
    learned: tuple[str, ...]
    bounds: Limits
    mirrored: bool

    def terms(self, x: Tensor, parameters: tuple[Any, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the value and its first and second derivative by x."""
        z, mirror = self._both_sides(x)
        bound = self._bind(parameters)
        terms = link_terms(self.link, bound, self._limits(x, bound), "exact")
        value, slope, curvature = (_like(x, term) for term in terms(z, mirror))
        return value, -slope if self.mirrored else slope, curvature

    def third(self, x: Tensor, parameters: tuple[Any, ...]) -> Tensor:
        """Return the third derivative by x."""
        bound = self._bind(parameters)
        if self.link in PROBABILITY:
            # Slope and curvature cancel where they are turned from margins to probabilities, and a
            # derivative of theirs would cancel more: differentiate the value, three times.
            seeds = zip(self._state(x), (1.0, -1.0), strict=True)
            thrice = (Dual(Dual(Dual(z, s), s), s) for z, s in seeds)
            value = link_terms(self.link, bound, self.bounds, "exact")(*thrice)[0]
            third = _like(x, tangent_of(tangent_of(tangent_of(value))))
        else:
            m, u, v, p, q = self._state(x)
            pq = p * q
            once = (Dual(m, 1.0), Dual(u, q), Dual(v, -p), Dual(p, pq), Dual(q, -pq))
            third = _like(x, tangent_of(bound(*once)[2]))
        return -third if self.mirrored else third

    def by_parameter(
        self, i: int, x: Tensor, parameters: tuple[Any, ...]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the derivatives of the three terms by a learned parameter."""
        seeded = tuple(Dual(t, 1.0 if j == i else 0.0) for j, t in enumerate(parameters))
        bound = self._bind(seeded)
        state = tuple(Dual(z) for z in self._state(x))
        if self.link in PROBABILITY:
            terms = link_terms(self.link, bound, self.bounds, "exact")(*state)
        else:
            terms = bound(*state)
        value, slope, curvature = (_like(x, tangent_of(term)) for term in terms)
        return value, -slope if self.mirrored else slope, curvature

    def _bind(self, parameters: tuple[Any, ...]) -> Any:
        """Return the margin loss as a function of m, u, v, p, q."""
        learned = dict(zip(self.learned, parameters, strict=True))
        values = [learned.get(name, value) for name, value in self.loss.parameters.items()]
        return lambda m, u, v, p, q: self.loss.family.function(m, u, v, p, q, *values)

    def _limits(self, x: Tensor, bound: Any) -> Limits:
        """Return the limits of the loss, which learned parameters move."""
        if not self.learned:
            return self.bounds

        def number(z: float) -> Tensor:
            return torch.full((), z, dtype=widest(x.device), device=x.device)

        given = self.bounds
        if self.link in PROBABILITY:
            found = probability_limits(bound, given, number)
        else:
            found = margin_limits(bound, number)
        return Limits(given.largest, given.tiny, given.floor, **found)

    def _both_sides(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.link not in PROBABILITY:
            return (-x, x) if self.mirrored else (x, -x)
        p, q = x.clamp(max=1.0), (1.0 - x).clamp(min=0.0)
        return (q, p) if self.mirrored else (p, q)

    def _state(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return m, u, v, p, q, or p and q, held to what is finite and differentiable at any order."""
        z, mirror = self._both_sides(x)
        if self.link in PROBABILITY:
            return z.clamp(min=self.bounds.tiny), mirror.clamp(min=self.bounds.tiny)
        # Room for products of margins: so far out all that is not a power of m has its limit.
        far = self.bounds.largest**0.25
        inside = z.clamp(-far, far)
        return inside, *_Companions.apply(inside)  # type: ignore[no-untyped-call]


def evaluate(terms: MarginOperations, x: Tensor, parameters: tuple[Tensor, ...]) -> Tensor:
    """Return the margin loss of scores, differentiable at every order.

    Parameters
    ----------
    terms : MarginOperations
        The margin loss.
    x : Tensor
        Scores: logits, margins or probabilities.
    parameters : tuple of Tensor
        The learned parameters, of shapes that broadcast to that of x.
    """
    value: Tensor = _Value.apply(terms, x, *parameters)[0]  # type: ignore[no-untyped-call]
    return value


def forward_mode(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Make the `jvp` of a function of the context, the saved tensors and the tangents.

    PyTorch shuts forward mode off while it calls a `jvp`, so that forward mode over forward mode would
    give 0. It is opened again here, and what was saved stripped of the tangents now being applied.
    """

    def jvp(ctx: Any, *tangents: Tensor | None) -> Any:
        with forward_ad._set_fwd_grad_enabled(True):
            saved = tuple(
                forward_ad.unpack_dual(tensor, level=0).primal  # type: ignore[no-untyped-call]
                for tensor in ctx.saved_tensors
            )
            return rule(ctx, saved, *tangents)

    return jvp


def total(*products: tuple[Tensor | None, Tensor]) -> Tensor | None:
    """Return the sum of the products of which the first factor is there."""
    result = None
    for factor, term in products:
        if factor is not None:
            result = factor * term if result is None else result + factor * term
    return result


def _like(x: Tensor, term: Any) -> Tensor:
    """Return a term of a formula, which may be a mere number, as a tensor like x."""
    if isinstance(term, Tensor):
        return term.to(x.dtype).expand_as(x)
    return torch.full_like(x, term)


class _Companions(torch.autograd.Function):
    """u = log p, v = log q, p = σ(m) and q = σ(−m) of a finite margin m."""

    generate_vmap_rule = True

    @staticmethod
    def forward(m: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return at_margin(m)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*output[2:])
        ctx.save_for_forward(*output[2:])

    @staticmethod
    def backward(ctx: Any, *by_output: Tensor | None) -> Any:
        p, q = ctx.saved_tensors
        by_u, by_v, by_p, by_q = by_output
        return total((by_u, q), (by_v, -p), (by_p, p * q), (by_q, -p * q))

    @staticmethod
    @forward_mode
    def jvp(ctx: Any, saved: Any, m_t: Tensor) -> Any:
        p, q = saved
        return m_t * q, m_t * -p, m_t * (p * q), m_t * (-p * q)


class _Value(torch.autograd.Function):
    """Value and slope; the derivative of the one is the other."""

    generate_vmap_rule = True

    @staticmethod
    def forward(terms: MarginOperations, x: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        return terms.terms(x, parameters)[:2]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.terms = inputs[0]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1], *inputs[1:])
        ctx.save_for_forward(output[1], *inputs[1:])

    @staticmethod
    def backward(ctx: Any, by_value: Tensor | None, by_slope: Tensor | None) -> Any:
        slope, x, *parameters = ctx.saved_tensors
        by_x = None if by_value is None else by_value * slope
        if by_slope is not None:
            second = by_slope * _Curvature.apply(ctx.terms, x, *parameters)  # type: ignore[no-untyped-call]
            by_x = second if by_x is None else by_x + second
        by_parameters: list[Tensor | None] = [None] * len(parameters)
        for i, parameter in enumerate(parameters):
            if ctx.needs_input_grad[2 + i]:
                of_value, of_slope, _ = ctx.terms.by_parameter(i, x, parameters)
                change = total((by_value, of_value), (by_slope, of_slope))
                by_parameters[i] = None if change is None else change.sum_to_size(parameter.shape)
        return None, by_x, *by_parameters

    @staticmethod
    @forward_mode
    def jvp(ctx: Any, saved: Any, _: Any, x_t: Tensor | None, *parameters_t: Tensor | None) -> Any:
        slope, x, *parameters = saved
        curvature = _Curvature.apply(ctx.terms, x, *parameters)  # type: ignore[no-untyped-call]
        changes = [(x_t, slope, curvature)] if x_t is not None else []
        for i, tangent in enumerate(parameters_t):
            if tangent is not None:
                changes.append((tangent, *ctx.terms.by_parameter(i, x, parameters)[:2]))
        return (
            total(*((t, by_value) for t, by_value, _ in changes)),
            total(*((t, by_slope) for t, _, by_slope in changes)),
        )


class _Curvature(torch.autograd.Function):
    """The derivative of the slope."""

    generate_vmap_rule = True

    @staticmethod
    def forward(terms: MarginOperations, x: Tensor, *parameters: Tensor) -> Tensor:
        return terms.terms(x, parameters)[2]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.terms = inputs[0]
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, by_curvature: Tensor) -> Any:
        x, *parameters = ctx.saved_tensors
        wanted = ctx.needs_input_grad[1:]
        by_x = by_curvature * ctx.terms.third(x, parameters) if wanted[0] else None
        by_parameters: list[Tensor | None] = [None] * len(parameters)
        for i, parameter in enumerate(parameters):
            if wanted[1 + i]:
                change = by_curvature * ctx.terms.by_parameter(i, x, parameters)[2]
                by_parameters[i] = change.sum_to_size(parameter.shape)
        return None, by_x, *by_parameters

    @staticmethod
    @forward_mode
    def jvp(ctx: Any, saved: Any, _: Any, x_t: Tensor | None, *parameters_t: Tensor | None) -> Any:
        x, *parameters = saved
        changes = [] if x_t is None else [(x_t, ctx.terms.third(x, parameters))]
        for i, tangent in enumerate(parameters_t):
            if tangent is not None:
                changes.append((tangent, ctx.terms.by_parameter(i, x, parameters)[2]))
        return total(*changes)
