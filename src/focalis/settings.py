"""The settings of a loss, checked and brought into one form."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from focalis.links import ELEMENTWISE, LINKS
from focalis.margin import MarginLoss
from focalis.weighting import REDUCTIONS, check_factor, check_number

if TYPE_CHECKING:
    from focalis.loss import Loss

__all__ = ["check_settings"]


def check_settings(loss: "Loss") -> dict[str, Any]:
    """Return the settings as they are kept: numbers as float, sequences as tuples, "off" as None."""
    _one_of("link", loss.link, LINKS)
    _one_of("positives", loss.positives, ("sum", "mean"))
    _one_of("reduction", loss.reduction, REDUCTIONS)
    if not isinstance(loss.margin_loss, MarginLoss):
        raise TypeError(
            "margin_loss must be a MarginLoss such as margin.focal(gamma=2.0), "
            f"got {loss.margin_loss!r}"
        )
    elementwise = loss.link in ELEMENTWISE
    alpha = loss.alpha
    if (
        np.ndim(alpha) == 0
        and isinstance(alpha, int | float | np.number | np.ndarray)
        and alpha < 0
    ):
        alpha = None
    settings = {
        "alpha": check_factor("alpha", alpha, 1.0 if elementwise else math.inf),
        "pos_weight": check_factor("pos_weight", loss.pos_weight, math.inf),
        "class_weight": check_factor("class_weight", loss.class_weight, math.inf, scalar=False),
        "label_smoothing": check_number(
            "label_smoothing", loss.label_smoothing, 0.0, 1.0, expected="a number in [0, 1]"
        ),
        "ignore_index": _check_ignore_index(loss.ignore_index, elementwise),
    }
    if settings["pos_weight"] is not None and not elementwise:
        raise ValueError(
            f"pos_weight weighs the positives of yes/no questions, got it with link={loss.link!r}; "
            "use class_weight"
        )
    if settings["pos_weight"] is not None and settings["alpha"] is not None:
        raise ValueError(
            "pos_weight and alpha both weigh the positives: expected one of them, got "
            f"pos_weight={loss.pos_weight!r} and alpha={loss.alpha!r}"
        )
    if loss.positives == "mean" and elementwise:
        raise ValueError(
            "positives='mean' divides by the number of positives of a row of classes, "
            f"got it with link={loss.link!r}"
        )
    return settings


def _one_of(name: str, given: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(given, str):
        raise TypeError(f"{name} must be a str, got {type(given).__name__}")
    if given not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {given!r}")


def _check_ignore_index(given: Any, elementwise: bool) -> int | float | None:
    """Return the ignored target; NaN as the one NaN object, so that losses compare equal."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        raise TypeError(f"ignore_index must be a number, got {type(given).__name__}")
    value = float(given)
    if math.isnan(value) and elementwise:
        return math.nan
    if not math.isfinite(value):
        raise ValueError(f"ignore_index must be a finite number or NaN, got {given!r}")
    if not value.is_integer() and not elementwise:
        raise ValueError(f"ignore_index must be an integer for class indices, got {given!r}")
    return int(value) if value.is_integer() else value
