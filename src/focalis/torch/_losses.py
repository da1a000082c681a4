"""From settings or a text to a loss, and what is made only once for each loss."""

import functools
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from focalis.loss import Loss
from focalis.margin import FAMILIES, MarginLossFamily
from focalis.maths.links import LinkName
from focalis.parsing import parse_among

__all__ = ["OWN_FAMILIES", "kept", "new_loss", "parse", "parsed"]

OWN_FAMILIES: dict[str, MarginLossFamily] = {}
"""Families that only functions of this front end use, and `focalis.parse` does not know."""

_families = ChainMap(OWN_FAMILIES, FAMILIES)  # type: ignore[arg-type]  # only read


def parse(text: str) -> Loss:
    """Return the loss that a text describes, which an operator or a graph holds."""
    return parse_among(_families, text, "sigmoid")


_LIMIT = 256


def new_loss(
    link: LinkName, family: str, parameters: Mapping[str, Any], settings: Mapping[str, Any]
) -> Loss:
    """Return the loss with these parameters and settings."""
    return Loss(link, _families[family](**parameters), **settings)


@functools.lru_cache(maxsize=_LIMIT, typed=True)
def kept(
    link: LinkName, family: str, names: tuple[tuple[str, ...], tuple[str, ...]], *values: Any
) -> Loss:
    """Return `new_loss`, cached: the same values, of the same types, give the same object.

    `names` are those of the parameters and of the settings, whose values follow.
    """
    parameters, settings = names
    n = len(parameters)
    return new_loss(
        link,
        family,
        dict(zip(parameters, values[:n], strict=True)),
        dict(zip(settings, values[n:], strict=True)),
    )


parsed = functools.lru_cache(maxsize=_LIMIT)(parse)
"""The loss that a text describes; the same text gives the same object."""
