"""Losses and their text as torch.compile can have them: constants, made while it traces."""

import functools
from collections.abc import Mapping
from typing import Any

import torch

from focalis.loss import Link, Loss
from focalis.margin import FAMILIES

__all__ = ["loss_of", "text_of"]


def loss_of(
    link: Link, family: str, parameters: Mapping[str, float], settings: Mapping[str, Any]
) -> Loss:
    """Return the loss of these parameters and settings; the same ones give the same object."""
    if torch.compiler.is_compiling():
        # The compiler cannot trace the checks of a loss, but knows the attribute of an object.
        fixed = [tuple((k, _fixed(v)) for k, v in d.items()) for d in (parameters, settings)]
        loss: Loss = getattr(_traced, _attribute(link, family, *fixed))
        return loss
    given = (link, family, tuple(parameters.items()), tuple(settings.items()))
    try:
        return _kept(*given)
    except TypeError:
        # What cannot be hashed may be a list, or an error that the loss itself can name.
        return _new(*given)


def _fixed(setting: Any) -> Any:
    """Return a setting as a number, also where the compiler has come to take it for a variable."""
    from torch.fx.experimental.symbolic_shapes import guard_scalar  # slow to import

    return guard_scalar(setting) if isinstance(setting, int | float) else setting


def _new(link: Link, family: str, parameters: Any, settings: Any) -> Loss:
    return Loss(link, FAMILIES[family](**dict(parameters)), **dict(settings))


_kept = functools.lru_cache(maxsize=64, typed=True)(_new)


class _Traced:
    """Holds the losses of traced programs, one attribute each."""


_traced = _Traced()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _attribute(link: Link, family: str, parameters: Any, settings: Any) -> str:
    """Return the attribute that holds a loss."""
    loss = _new(link, family, parameters, settings)
    known = vars(_traced)
    name = next((name for name, other in known.items() if other == loss), f"loss{len(known)}")
    known[name] = loss
    return name


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def text_of(loss: Loss) -> str:
    """Return ``str(loss)``, which tells an operator the loss."""
    return str(loss)
