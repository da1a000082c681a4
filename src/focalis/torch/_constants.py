"""What torch.compile treats as constants, and as a single node, made while it traces.

Importing this imports the compiler, hundreds of modules, so it is only imported during tracing.
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

Tensor = torch.Tensor

# Compilers differ: to some a loss is a constant, to others only its parts are; and only some can turn a
# number that they have begun to treat as a variable back into a constant.
_TAKES_LOSSES = torch.__version__ >= "2.13"
_KNOWS_GUARDS = guards_scalars(guard_scalar)
_SETTINGS = tuple(row.name for row in SETTINGS)


def loss_in_graph(
    link: LinkName, family: str, parameters: Mapping[str, float], settings: Mapping[str, Any]
) -> Loss:
    """Return a loss; the compiler cannot trace its checks, but it can read an attribute of an object."""
    fixed = _constant(parameters.items()), _constant(settings.items())
    loss: Loss = getattr(_traced, _attribute(link, family, *fixed))
    return loss


def _constant(items: Any) -> Any:
    # Made from a list, since to some compilers a generator is not constant.
    return tuple([(name, _fixed(value)) for name, value in items])


def _fixed(setting: Any) -> Any:
    """Return a setting as a constant, even if the compiler has begun to treat it as a variable."""
    # A tuple of types, since some compilers cannot trace a union.
    number = isinstance(setting, (int, float))
    return guard_scalar(setting) if number and _KNOWS_GUARDS else setting


class _Traced:
    """Holds the losses of traced programs, each as one attribute."""


_traced = _Traced()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _attribute(link: LinkName, family: str, parameters: Any, settings: Any) -> str:
    """Return the attribute that holds a loss."""
    loss = new_loss(link, family, dict(parameters), dict(settings))
    known = vars(_traced)
    name = next((name for name, other in known.items() if other == loss), f"loss{len(known)}")
    known[name] = loss
    return name


def text_of(loss: Loss) -> str:
    """Return ``str(loss)``, by which an operator is told the loss."""
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
    return str(new_loss(link, family, dict(parameters), dict(settings)))


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
    """Return a name for the arguments that are not tensors, which a compiler's graph cannot hold."""
    wanted = (parse(text), axis, names)
    known = (name for name, settings in _remembered.items() if settings == wanted)
    name = next(known, str(len(_remembered)))
    _remembered[name] = wanted
    return name


@torch.compiler.allow_in_graph  # type: ignore[untyped-decorator]
def _in_graph(name: str, *tensors: Tensor | None) -> Tensor:
    """Evaluate as one node of a compiler's graph, which is only traced after Dynamo.

    Under `torch.func`, Dynamo drops the derivatives of an autograd.Function (in PyTorch 2.13), and it
    rejects one with a forward mode; the later stages handle both.
    """
    return evaluate_directly(*_remembered[name], *tensors)  # type: ignore[arg-type]
