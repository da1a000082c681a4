"""From settings or a text to a loss, and what is made only once for each loss."""

import functools
from collections import ChainMap
from typing import Any

from focalis.loss import Loss
from focalis.margin import FAMILIES, MarginLossFamily
from focalis.maths.links import LinkName
from focalis.parsing import parse_among

__all__ = ["OWN_FAMILIES", "belongings", "kept", "new_loss", "parse", "parsed"]

OWN_FAMILIES: dict[str, MarginLossFamily] = {}
"""Families that only functions of this front end use, and `focalis.parse` does not know."""

_families = ChainMap(OWN_FAMILIES, FAMILIES)  # type: ignore[arg-type]  # only read


def parse(text: str) -> Loss:
    """Return the loss that a text describes, which an operator or a graph holds."""
    return parse_among(_families, text, "sigmoid")


_LIMIT = 256
_belongings: dict[int, tuple[Loss, dict[Any, Any]]] = {}


def new_loss(link: LinkName, family: str, parameters: Any, settings: Any) -> Loss:
    """Return the loss with these parameters and settings, each a mapping or its items."""
    return Loss(link, _families[family](**dict(parameters)), **dict(settings))


@functools.lru_cache(maxsize=_LIMIT)
def kept(
    link: LinkName, family: str, parameters: Any, settings: Any, kinds: tuple[type, ...]
) -> Loss:
    """Return `new_loss`, cached: the same items, of the same types, give the same object."""
    return new_loss(link, family, parameters, settings)


parsed = functools.lru_cache(maxsize=_LIMIT)(parse)
"""The loss that a text describes; the same text gives the same object."""


def belongings(loss: Loss) -> dict[Any, Any]:
    """Return a dict for what is made for a loss; the oldest ones are dropped first.

    It is found by the loss's identity, since hashing a loss takes longer than the look-up. The loss is
    kept alive, so that no other can take its identity.
    """
    found = _belongings.get(id(loss))
    if found is None:
        while len(_belongings) >= _LIMIT:
            # Another thread may have removed it already.
            _belongings.pop(next(iter(tuple(_belongings)), 0), None)
        found = _belongings[id(loss)] = (loss, {})
    return found[1]
