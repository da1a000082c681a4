"""What torch.compile takes for constants and for one node, made while it traces.

To import this is to import the compiler, hundreds of modules, so nothing does before there is tracing.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.fx.experimental.symbolic_shapes import guard_scalar

from focalis.loss import Loss
from focalis.maths.links import LinkName
from focalis.settings_table import SETTINGS
from focalis.torch._compat import guards_scalars, transforms_are_active
from focalis.torch._hooks import evaluate_directly
from focalis.torch._losses import new_loss, parse

__all__ = ["evaluate_in_graph", "is_transformed_in_graph", "loss_in_graph"]

Tensor = torch.Tensor

# What compilers differ in: whether a loss is a constant to them, or only what it is made of, and whether
# a number that they have come to take for a variable can be made one again.
_TAKES_LOSSES = torch.__version__ >= "2.13"
_KNOWS_GUARDS = guards_scalars(guard_scalar)
_SETTINGS = tuple(row.name for row in SETTINGS)


def loss_in_graph(
    link: LinkName, family: str, parameters: Mapping[str, float], settings: Mapping[str, Any]
) -> Loss:
    """Return a loss; the compiler cannot trace its checks, but knows the attribute of an object."""
    fixed = _constant(parameters.items()), _constant(settings.items())
    loss: Loss = getattr(_traced, _attribute(link, family, *fixed))
    return loss


def _constant(items: Any) -> Any:
    # Of a list: to some compilers a generator is no constant.
    return tuple([(name, _fixed(value)) for name, value in items])


def _fixed(setting: Any) -> Any:
    """Return a setting as a number, also where the compiler has come to take it for a variable."""
    # Of types in a tuple: some compilers know no union.
    number = isinstance(setting, (int, float))
    return guard_scalar(setting) if number and _KNOWS_GUARDS else setting


class _Traced:
    """Holds the losses of traced programs, one attribute each."""


_traced = _Traced()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _attribute(link: LinkName, family: str, parameters: Any, settings: Any) -> str:
    """Return the attribute that holds a loss."""
    loss = new_loss(link, family, parameters, settings)
    known = vars(_traced)
    name = next((name for name, other in known.items() if other == loss), f"loss{len(known)}")
    known[name] = loss
    return name


def text_of(loss: Loss) -> str:
    """Return ``str(loss)``, which tells an operator the loss."""
    if _TAKES_LOSSES:
        return str(_written(loss))
    settings = _constant([(name, getattr(loss, name)) for name in _SETTINGS])
    margin_loss = loss.margin_loss
    parts = loss.link.name, margin_loss.family.name, _constant(margin_loss._items), settings
    return str(_written_of(*parts))


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _written(loss: Loss) -> str:
    return str(loss)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _written_of(link: LinkName, family: str, parameters: Any, settings: Any) -> str:
    return str(new_loss(link, family, parameters, settings))


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def is_transformed_in_graph() -> bool:
    """Return whether a transform of `torch.func` is active, which not every compiler can trace."""
    return bool(transforms_are_active())


def evaluate_in_graph(loss: Loss, axis: int, names: tuple[str, ...], *tensors: Any) -> Tensor:
    """Return the loss in PyTorch's operations, as one node of a compiler's graph."""
    result: Tensor = _in_graph(_remember(text_of(loss), axis, names), *tensors)
    return result


_remembered: dict[str, tuple[Loss, int, tuple[str, ...]]] = {}


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _remember(text: str, axis: int, names: tuple[str, ...]) -> str:
    """Return a name for what is not a tensor, since a compiler's graph holds nothing else."""
    given = (parse(text), axis, names)
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
