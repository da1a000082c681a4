"""From the settings of a named loss to the loss, which is made once."""

import functools
from collections.abc import Mapping
from typing import Any

import torch

from focalis.loss import Link, Loss
from focalis.margin import FAMILIES

__all__ = ["loss_of", "new_loss"]


def loss_of(
    link: Link, family: str, parameters: Mapping[str, float], settings: Mapping[str, Any]
) -> Loss:
    """Return the loss of these parameters and settings; the same ones give the same object."""
    if torch.compiler.is_compiling():
        from focalis.torch._constants import loss_in_graph  # brings the compiler: slow to import

        return loss_in_graph(link, family, parameters, settings)
    given = (link, family, tuple(parameters.items()), tuple(settings.items()))
    try:
        return _kept(*given)
    except TypeError:
        # What cannot be hashed may be a list, or an error that the loss itself can name.
        return new_loss(*given)


def new_loss(link: Link, family: str, parameters: Any, settings: Any) -> Loss:
    """Return the loss of the items of two mappings."""
    return Loss(link, FAMILIES[family](**dict(parameters)), **dict(settings))


_kept = functools.lru_cache(maxsize=64, typed=True)(new_loss)
