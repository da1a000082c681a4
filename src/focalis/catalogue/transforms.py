"""The named transforms between what a framework takes and what a `Loss` takes.

A transform of scores also maps the gradient back; a transform of targets need not. Each comes with the
lines of NumPy that do the same by hand; the tests run them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
Pullback = Callable[[Array], Array]


@dataclass(frozen=True)
class ScoreTransform:
    """From the scores that a name takes to those of its `Loss`, and back for gradients.

    Parameters
    ----------
    name : str
        What the name takes, such as "log-probabilities".
    meaning : str
        How that becomes the input of the `Loss`.
    forward : callable
        Returns the scores of the `Loss` and the function that maps a gradient back.
    code : tuple of str
        The forward lines in NumPy, and those that map ``gradient`` back, if any.
    gradient : str
        How the gradient with respect to probabilities, g, becomes that with respect to the scores.
    """

    name: str
    meaning: str
    forward: Callable[[Array], tuple[Array, Pullback]]
    code: tuple[str, str]
    gradient: str


@dataclass(frozen=True)
class TargetTransform:
    """From the targets that a name takes to those of its `Loss`.

    Parameters
    ----------
    name : str
        What the name takes, such as "signs".
    meaning : str
        How that becomes the input of the `Loss`; empty if it stays the same.
    forward : callable
        Takes the targets, the number of classes and the parameters of the transform.
    code : str
        The same, in a line of NumPy.
    parameters : tuple of str
        What `forward` needs besides the targets.
    """

    name: str
    meaning: str
    forward: Callable[..., Array]
    code: str
    parameters: tuple[str, ...] = ()


def _exponentials(x: Array) -> tuple[Array, Pullback]:
    p = np.exp(x)
    return p, lambda gradient: gradient * p


LOG_PROBABILITIES = ScoreTransform(
    "log-probabilities",
    "p = e^score, as log_softmax gives them",
    _exponentials,
    ("scores = np.exp(scores)", "gradient = gradient * scores"),
    "p g",
)


def held_above(eps: float) -> ScoreTransform:
    """Return the transform of frameworks that keep probabilities above eps in value and gradient."""

    def forward(x: Array) -> tuple[Array, Pullback]:
        return np.maximum(x, eps), lambda gradient: gradient

    return ScoreTransform(
        "probabilities",
        f"anything below {eps:g} counts as {eps:g}",
        forward,
        (f"scores = np.maximum(scores, {eps:g})", ""),
        "g at the clipped probability, below it too",
    )


def held_inside(eps: float) -> ScoreTransform:
    """Return the transform of frameworks that keep probabilities in [eps, 1 − eps]."""

    def forward(x: Array) -> tuple[Array, Pullback]:
        inside = (x >= eps) & (x <= 1 - eps)
        return np.clip(x, eps, 1 - eps), lambda gradient: np.where(inside, gradient, 0.0)

    low, high = f"{eps:g}", f"1 - {eps:g}"
    return ScoreTransform(
        "probabilities",
        f"clipped to [{low}, {high}], with a gradient of 0 outside",
        forward,
        (
            f"given = scores\nscores = np.clip(given, {low}, {high})",
            "gradient = np.where(given == scores, gradient, 0.0)",
        ),
        f"g, but 0 outside [{low}, {high}]",
    )


def normalised_inside(eps: float) -> ScoreTransform:
    """Return the transform of frameworks that divide rows by their sums, then keep them inside."""
    hold = held_inside(eps)

    def forward(x: Array) -> tuple[Array, Pullback]:
        total = x.sum(axis=-1, keepdims=True)
        share = x / total
        inside, back = hold.forward(share)

        def pullback(gradient: Array) -> Array:
            g = back(gradient)
            return np.asarray((g - (g * share).sum(axis=-1, keepdims=True)) / total)

        return inside, pullback

    low, high = f"{eps:g}", f"1 - {eps:g}"
    return ScoreTransform(
        "probabilities",
        f"rows are divided by their sums, then clipped to [{low}, {high}]",
        forward,
        (
            "total = scores.sum(axis=-1, keepdims=True)\nshare = scores / total\n"
            f"scores = np.clip(share, {low}, {high})",
            "gradient = np.where(share == scores, gradient, 0.0)\n"
            "gradient = (gradient - (gradient * share).sum(axis=-1, keepdims=True)) / total",
        ),
        "(g_j − Σ_k g_k p_k) / Σ_k score_k, with g = 0 where p is clipped",
    )


ONLY_INDICES = TargetTransform("a class index for each row", "", lambda y, n_classes: y, "")

ONLY_ROWS = TargetTransform(
    "C numbers for each row, one-hot or soft", "", lambda y, n_classes: y, ""
)

SIGNS = TargetTransform(
    "signs",
    "+1 for yes and −1 for no become 1 and 0",
    lambda y, n_classes: (y + 1) / 2,
    "targets = (targets + 1) / 2",
)

CLASS_INDICES = TargetTransform(
    "class indices",
    "each index becomes yes for its class and no for every other",
    lambda y, n_classes: np.eye(n_classes)[y],
    "targets = np.eye(scores.shape[-1])[targets]",
)

CLASS_INDICES_WITH_BACKGROUND = TargetTransform(
    "class indices, C for background",
    "each index becomes yes for its class and no for every other; the index C is no for all",
    lambda y, n_classes: np.eye(n_classes + 1)[y][..., :-1],
    "targets = np.eye(scores.shape[-1] + 1)[targets][..., :-1]",
)


def _rows_of(y: Any, n_classes: int, *, infogain: Any) -> Array:
    return np.asarray(np.asarray(infogain)[y])


INFOGAIN = TargetTransform(
    "infogain matrix",
    "the index t becomes row t of the matrix H: class k weighs H[t, k]",
    _rows_of,
    "targets = infogain[targets]",
    ("infogain",),
)
