"""What torch.compile takes for constants and for one node, made while it traces.

To import this is to import the compiler, hundreds of modules, so nothing does before there is tracing.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.fx.experimental.symbolic_shapes import guard_scalar

from focalis.loss import Link, Loss
from focalis.torch._losses import new_loss
from focalis.torch._operations import evaluate_directly

__all__ = ["evaluate_in_graph", "loss_in_graph", "text_of"]

Tensor = torch.Tensor


def loss_in_graph(
    link: Link, family: str, parameters: Mapping[str, float], settings: Mapping[str, Any]
) -> Loss:
    """Return a loss; the compiler cannot trace its checks, but knows the attribute of an object."""
    fixed = [tuple((k, _fixed(v)) for k, v in d.items()) for d in (parameters, settings)]
    loss: Loss = getattr(_traced, _attribute(link, family, *fixed))
    return loss


def _fixed(setting: Any) -> Any:
    """Return a setting as a number, also where the compiler has come to take it for a variable."""
    return guard_scalar(setting) if isinstance(setting, int | float) else setting


class _Traced:
    """Holds the losses of traced programs, one attribute each."""


_traced = _Traced()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _attribute(link: Link, family: str, parameters: Any, settings: Any) -> str:
    """Return the attribute that holds a loss."""
    loss = new_loss(link, family, parameters, settings)
    known = vars(_traced)
    name = next((name for name, other in known.items() if other == loss), f"loss{len(known)}")
    known[name] = loss
    return name


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def text_of(loss: Loss) -> str:
    """Return ``str(loss)``, which tells an operator the loss."""
    return str(loss)


def evaluate_in_graph(loss: Loss, axis: int, names: tuple[str, ...], *tensors: Any) -> Tensor:
    """Return the loss in PyTorch's operations, as one node of a compiler's graph."""
    result: Tensor = _in_graph(_remember(loss, axis, names), *tensors)
    return result


_remembered: dict[str, tuple[Loss, int, tuple[str, ...]]] = {}


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _remember(loss: Loss, axis: int, names: tuple[str, ...]) -> str:
    """Return a name for what is not a tensor, since a compiler's graph holds nothing else."""
    given = (loss, axis, names)
    known = (name for name, settings in _remembered.items() if settings == given)
    name = next(known, str(len(_remembered)))
    _remembered[name] = given
    return name


@torch.compiler.allow_in_graph  # type: ignore[untyped-decorator]
def _in_graph(name: str, *tensors: Tensor | None) -> Tensor:
    """Evaluate as one node of a compiler's graph, opened after Dynamo.

    Dynamo leaves out the derivatives of an autograd.Function under `torch.func` (in PyTorch 2.13) and
    does not take one that has a forward mode; what comes after it does both.
    """
    return evaluate_directly(*_remembered[name], *tensors)  # type: ignore[arg-type]
