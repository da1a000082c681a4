"""From settings, or a text, to a loss; and what is made once for it. No loss is written to."""

import functools
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

import torch

from focalis.links import LinkName
from focalis.loss import Loss
from focalis.margin import FAMILIES, MarginLossFamily
from focalis.parsing import parse_among

__all__ = ["OWN_FAMILIES", "belongings", "loss_of", "new_loss", "parse", "parsed"]

OWN_FAMILIES: dict[str, MarginLossFamily] = {}
"""Families that functions of PyTorch's make for themselves, which `focalis.parse` knows nothing of."""

_families = ChainMap(OWN_FAMILIES, FAMILIES)  # type: ignore[arg-type]  # which is only read


def parse(text: str) -> Loss:
    """Return the loss of a text that an operator or a graph holds."""
    return parse_among(_families, text, "sigmoid")


_LIMIT = 256
_belongings: dict[int, tuple[Loss, dict[Any, Any]]] = {}


def loss_of(
    link: LinkName, family: str, parameters: Mapping[str, float], settings: Mapping[str, Any]
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


def new_loss(link: LinkName, family: str, parameters: Any, settings: Any) -> Loss:
    """Return the loss of the items of two mappings."""
    return Loss(link, _families[family](**dict(parameters)), **dict(settings))


_kept = functools.lru_cache(maxsize=_LIMIT, typed=True)(new_loss)

parsed = functools.lru_cache(maxsize=_LIMIT)(parse)
"""The loss that a text describes; the same text gives the same object."""


def belongings(loss: Loss) -> dict[Any, Any]:
    """Return a place for what is made for a loss; those that came first are the first to go.

    By identity, for to hash a loss takes longer than to look this up. The loss is held, so that no other
    one can take its identity.
    """
    found = _belongings.get(id(loss))
    if found is None:
        while len(_belongings) >= _LIMIT:
            # Another thread may have been faster.
            _belongings.pop(next(iter(tuple(_belongings)), 0), None)
        found = _belongings[id(loss)] = (loss, {})
    return found[1]
