"""The settings of a loss, checked and normalised."""

import functools
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.class_weights import check_factor
from focalis.inputs.row_weights import REDUCTIONS
from focalis.margin import MarginLoss, MarginLossFamily
from focalis.maths.links import LINKS
from focalis.notation import canonical_name
from focalis.real_number import check_number, real_number
from focalis.settings_table import largest_weight, weights_of

_LARGEST_LABEL = 2**63 - 1


def check_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as they are stored: numbers as float, sequences as tuples, "off" as None."""
    _one_of("link", given["link"], LINKS)
    _one_of("positives", given["positives"], ("sum", "mean"))
    _one_of("reduction", given["reduction"], REDUCTIONS)
    margin_loss = given["margin_loss"]
    if not isinstance(margin_loss, MarginLoss):
        expected = "a MarginLoss such as margin.focal(gamma=2.0)"
        raise ArgumentTypeError("margin_loss", expected, repr(margin_loss))
    _check_text_form(margin_loss.family, tuple(given))
    link = LINKS[given["link"]]
    alpha = given["alpha"]
    if (
        np.ndim(alpha) == 0
        and isinstance(alpha, int | float | np.number | np.ndarray)
        and alpha < 0
    ):
        alpha = None
    settings = {
        "link": link,
        "alpha": check_factor("alpha", alpha, largest_weight("alpha", link, math.inf)),
        "pos_weight": check_factor("pos_weight", given["pos_weight"], math.inf),
        "class_weight": check_factor("class_weight", given["class_weight"], math.inf, scalar=False),
        "label_smoothing": check_number(
            "label_smoothing", given["label_smoothing"], 0.0, 1.0, expected="a number in [0, 1]"
        ),
        "ignore_index": _check_ignore_index(given["ignore_index"], link.elementwise),
    }
    if settings["pos_weight"] is not None and "pos_weight" not in weights_of(link):
        raise ArgumentError(
            "pos_weight",
            "{class_weight}",
            f"it with link={str(link)!r}",
            problem="{argument} weights the positives of yes/no questions, got {got}; use {expected}",
        )
    if settings["pos_weight"] is not None and settings["alpha"] is not None:
        raise ArgumentError(
            "pos_weight",
            "one of them",
            f"{given['pos_weight']!r} and {given['alpha']!r}",
            problem="{argument} and {alpha} both weight the positives: expected {expected}, got {got}",
        )
    if given["positives"] == "mean" and link.elementwise:
        raise ArgumentError(
            "positives",
            "the number of positives of a row of classes",
            f"it with link={str(link)!r}",
            problem="{argument}='mean' divides by {expected}, got {got}",
        )
    return settings


def _one_of(name: str, value: Any, choices: Collection[str]) -> None:
    if not isinstance(value, str):
        raise ArgumentTypeError(name, "a str", type(value).__name__)
    if value not in choices:
        raise ArgumentError(name, f"one of {', '.join(map(repr, choices))}", repr(value))


def _check_ignore_index(given: Any, elementwise: bool) -> int | float | None:
    """Return the ignored target; every NaN as the same object, so that losses compare equal."""
    if given is None:
        return None
    value = real_number("ignore_index", given, "a number")
    if math.isnan(value) and elementwise:
        return math.nan
    number = np.asarray(given).item()
    whole = isinstance(number, int) or value.is_integer()
    if not math.isfinite(value) and not whole:
        raise ArgumentError("ignore_index", "a finite number or NaN", repr(given))
    if not whole and not elementwise:
        raise ArgumentError("ignore_index", "an integer for class indices", repr(given))
    # A float cannot hold every large integer, so it must not become one on the way.
    if abs(int(number) if whole else number) > _LARGEST_LABEL:
        raise ArgumentError("ignore_index", "an integer of 64 bits", repr(given))
    return int(number) if whole else value


@functools.cache
def _check_text_form(family: MarginLossFamily, settings: tuple[str, ...]) -> None:
    """Raise if the name or parameters of a margin loss would be misread in the text form."""
    name = family.name
    if not re.fullmatch("[a-z]\\w*", name) or canonical_name(name) != name:
        raise ValueError(
            "a margin loss must have a name of lower-case letters, digits and underscores, "
            f"got {name!r}"
        )
    if name.startswith(tuple(f"{link}_" for link in LINKS)):
        raise ValueError(
            "a margin loss must not have a name that begins with a link, which would be read as one, "
            f"got {name!r}"
        )
    both = family.ranges.keys() & set(settings)
    if both:
        raise ValueError(
            "a margin loss must not have a parameter with the name of a setting of Loss, got "
            f"{min(both)!r} of {name}"
        )
