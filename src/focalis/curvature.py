"""The curvature policies: which number stands for the second derivative in a Newton-type step.

``exact``
    The second derivative, which may be negative (focal, γ = 2, is below m ≈ −2.8).
``clipped``
    The scalar φ″ (with respect to the margin), negative values set to 0.
``absolute``
    The absolute value of the scalar φ″.
``fisher``
    The expected squared gradient under the model's probabilities, times the element's weight: never
    negative, and equal to ``exact`` for cross-entropy.

``clipped`` and ``absolute`` act on the scalar before a softmax's matrix is assembled; for the
probability links that scalar is the second derivative with respect to the probability.
"""

import math
from typing import Any

from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.vocabulary import absolute, where

__all__ = ["POLICIES", "check_policy", "shape_curvature"]

_FLOORS = {"exact": -math.inf, "clipped": 0.0}
POLICIES = ("exact", "clipped", "absolute", "fisher")


def check_policy(curvature: str) -> None:
    """Raise unless `curvature` names a policy of the core."""
    if not isinstance(curvature, str):
        raise ArgumentTypeError("curvature", "a str", type(curvature).__name__)
    expected = f"one of {', '.join(map(repr, POLICIES))}"
    if curvature == "native":
        raise ArgumentError(
            "curvature",
            expected,
            repr(curvature),
            problem="{argument}={got} is a booster's own scale and has no meaning here: "
            "expected {expected}",
        )
    if curvature not in POLICIES:
        raise ArgumentError("curvature", expected, repr(curvature))


def shape_curvature(curvature: str, second: Any) -> Any:
    """Return the scalar second derivative as the policy changes it."""
    if curvature == "absolute":
        return absolute(second)
    # One form for both, so that an engine compiles only one. Not maximum(), so that NaN stays NaN.
    floor = _FLOORS[curvature]
    return where(second < floor, floor, second)
