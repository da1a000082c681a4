"""A margin loss on tensors: the derivatives of `focalis.arrays.margin`, tied together for autograd."""

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import forward_ad

from focalis.arrays.margin import MarginTerms
from focalis.maths.links import at_margin
from focalis.torch._compat import forward_mode_enabled
from focalis.torch._dual import Dual

Tensor = torch.Tensor


def margin_loss_of(
    terms: MarginTerms, against: int, x: Tensor, parameters: tuple[Tensor, ...]
) -> Tensor:
    """Return the margin loss of scores, differentiable at every order.

    `against` is 0 if the score x speaks for the truth, which then has margin x or probability x, and 1
    if it speaks against the truth, which then has −x or 1 − x. `parameters` are those that `terms`
    names, whose shapes broadcast to that of x.
    """
    value: Tensor = _Value.apply(terms, against, x, *parameters)[0]  # type: ignore[no-untyped-call]
    return value


def companions(m: Any) -> Any:
    """Return u = log p, v = log q, p = σ(m), q = σ(−m) of a finite margin m, which may be dual."""
    if not isinstance(m, Dual):
        return _Companions.apply(m)  # type: ignore[no-untyped-call]
    u, v, p, q = companions(m.value)
    pq = p * q
    changes = zip((u, v, p, q), (q, -p, pq, -pq), strict=True)
    return tuple(Dual(z, m.tangent * change) for z, change in changes)


def forward_mode(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Make a `jvp` from a function of the context, the saved tensors and the tangents.

    PyTorch disables forward mode while it calls a `jvp`, so forward mode over forward mode would give 0.
    This enables it again, and strips the saved tensors of the tangents that are being applied.
    """

    def jvp(ctx: Any, *tangents: Tensor | None) -> Any:
        with forward_mode_enabled():
            saved = tuple(
                forward_ad.unpack_dual(tensor, level=0).primal  # type: ignore[no-untyped-call]
                for tensor in ctx.saved_tensors
            )
            return rule(ctx, saved, *tangents)

    return jvp


def total(*products: tuple[Tensor | None, Tensor]) -> Tensor | None:
    """Return the sum of the products whose first factor is not None, or None if there are none."""
    result = None
    for factor, term in products:
        if factor is not None:
            result = factor * term if result is None else result + factor * term
    return result


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
    """Value and slope, which is the derivative of the value."""

    generate_vmap_rule = True

    @staticmethod
    def forward(terms: MarginTerms, against: int, x: Tensor, *parameters: Tensor) -> Any:
        value, slope, _ = terms.closed(x, parameters, [against])[0]
        slope = terms.full(x, slope)
        return terms.full(x, value), -slope if against else slope

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.side = inputs[:2]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1], *inputs[2:])
        ctx.save_for_forward(output[1], *inputs[2:])

    @staticmethod
    def backward(ctx: Any, by_value: Tensor | None, by_slope: Tensor | None) -> Any:
        slope, x, *parameters = ctx.saved_tensors
        by_x = None if by_value is None else by_value * slope
        if by_slope is not None:
            second = by_slope * _Curvature.apply(*ctx.side, x, *parameters)  # type: ignore[no-untyped-call]
            by_x = second if by_x is None else by_x + second
        by_parameters: list[Tensor | None] = [None] * len(parameters)
        for i, parameter in enumerate(parameters):
            if ctx.needs_input_grad[3 + i]:
                change = None
                for order, incoming in enumerate((by_value, by_slope)):
                    if incoming is not None:
                        term = incoming * _by_parameter(ctx.side, order, i, x, parameters)
                        change = term if change is None else change + term
                by_parameters[i] = None if change is None else change.sum_to_size(parameter.shape)
        return None, None, by_x, *by_parameters

    @staticmethod
    @forward_mode
    def jvp(ctx: Any, saved: Any, *tangents: Tensor | None) -> Any:
        slope, x, *parameters = saved
        x_t, *parameters_t = tangents[2:]
        curvature = _Curvature.apply(*ctx.side, x, *parameters)  # type: ignore[no-untyped-call]
        changes: list[tuple[Tensor, tuple[Any, ...]]] = []
        if x_t is not None:
            changes.append((x_t, (slope, curvature)))
        for i, tangent in enumerate(parameters_t):
            if tangent is not None:
                terms = (_by_parameter(ctx.side, order, i, x, parameters) for order in range(2))
                changes.append((tangent, tuple(terms)))
        return tuple(total(*((t, terms[order]) for t, terms in changes)) for order in range(2))


class _Curvature(torch.autograd.Function):
    """The derivative of the slope."""

    generate_vmap_rule = True

    @staticmethod
    def forward(terms: MarginTerms, against: int, x: Tensor, *parameters: Tensor) -> Tensor:
        found: Tensor = terms.full(x, terms.closed(x, parameters, [against])[0][2])
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.side = inputs[:2]
        ctx.save_for_backward(*inputs[2:])
        ctx.save_for_forward(*inputs[2:])

    @staticmethod
    def backward(ctx: Any, by_curvature: Tensor) -> Any:
        x, *parameters = ctx.saved_tensors
        wanted = ctx.needs_input_grad[2:]
        by_x = by_curvature * _third(ctx.side, x, parameters) if wanted[0] else None
        by_parameters: list[Tensor | None] = [None] * len(parameters)
        for i, parameter in enumerate(parameters):
            if wanted[1 + i]:
                change = by_curvature * _by_parameter(ctx.side, 2, i, x, parameters)
                by_parameters[i] = change.sum_to_size(parameter.shape)
        return None, None, by_x, *by_parameters

    @staticmethod
    @forward_mode
    def jvp(ctx: Any, saved: Any, *tangents: Tensor | None) -> Any:
        x, *parameters = saved
        x_t, *parameters_t = tangents[2:]
        changes = [] if x_t is None else [(x_t, _third(ctx.side, x, parameters))]
        for i, tangent in enumerate(parameters_t):
            if tangent is not None:
                changes.append((tangent, _by_parameter(ctx.side, 2, i, x, parameters)))
        return total(*changes)


def _third(side: tuple[MarginTerms, int], x: Tensor, parameters: Any) -> Tensor:
    """Return the third derivative by x."""
    terms, against = side
    orders = (3, *(0,) * len(parameters))
    third: Tensor = terms.derivatives(orders, x, tuple(parameters), [against])[0]
    return third


def _by_parameter(
    side: tuple[MarginTerms, int], order: int, i: int, x: Tensor, parameters: Any
) -> Tensor:
    """Return the derivative of value, slope or curvature by a parameter."""
    terms, against = side
    orders = (order, *(int(j == i) for j in range(len(parameters))))
    derivative: Tensor = terms.derivatives(orders, x, tuple(parameters), [against])[0]
    return derivative
