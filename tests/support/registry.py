"""The one list of what is tested: margin losses × links × engines × dtypes, and their inputs."""

import functools
import itertools
from typing import Any

import numpy as np
import pytest
from oracle import Margin

import focalis

GAMMAS = (0, 0.3, 0.5, 1, 1.7, 2, 3.5, 5, 10)

MARGINS = [
    Margin("cross_entropy"),
    *(Margin("focal", (("gamma", g),)) for g in GAMMAS),
    *(
        Margin("focal_star", (("gamma", g), ("beta", b)))
        for g, b in [(0.3, 0.5), (1, 0), (1, -2), (1.7, 1.5), (2, 0), (2, 1), (5, -0.7)]
    ),
    *(Margin("poly1", (("epsilon", e),)) for e in (-1, -0.999, -0.5, 0, 1, 5)),
    *(Margin("generalized_cross_entropy", (("kappa", k),)) for k in (0.01, 0.3, 0.7, 1)),
    *(Margin("tempered", (("order", order),)) for order in (1, 1.6, 2, 50)),
]
"""Every margin loss with every parameter worth testing."""

FEW_MARGINS = [
    Margin("cross_entropy"),
    Margin("focal", (("gamma", 2),)),
    Margin("focal", (("gamma", 1.7),)),
    Margin("focal_star", (("gamma", 1.7), ("beta", 0.5))),
    Margin("poly1", (("epsilon", 1),)),
    Margin("generalized_cross_entropy", (("kappa", 0.7),)),
]
"""One of each form, for tests of everything around the margin loss."""

TWO_MARGINS = [FEW_MARGINS[1], FEW_MARGINS[5]]
"""Two that are not convex: a product, and one that is not a focal loss."""

FOCAL = FEW_MARGINS[1]
"""The one whose kernels are compiled in every form. Tests of what stands around a margin loss use it, so
that they share them."""


def unusual(name: str) -> dict[str, float]:
    """Return non-default parameters for a margin loss, if it has any."""
    usual = getattr(focalis.margin, name)()
    parameters = [dict(one.parameters) for one in MARGINS if one.name == name]
    return next((given for given in reversed(parameters) if given != usual.parameters), {})


LOGIT_LINKS = ("sigmoid", "softmax")
PROBABILITY_LINKS = ("identity", "simplex")
LINKS = LOGIT_LINKS + PROBABILITY_LINKS
ROW_LINKS = ("softmax", "simplex")
ENGINES = ("numpy", "numba")
DTYPES = (np.float32, np.float64)
DTYPES_ON_ENGINES = [("numpy", np.float32), ("numpy", np.float64), ("numba", np.float64)]
"""For tests in which the compiled engine's type makes no difference to the path through the code."""
REDUCTIONS = ("none", "sum", "mean", "batchmean")
CURVATURES = ("exact", "clipped", "absolute", "fisher")


def build(margin: Margin) -> "focalis.margin.MarginLoss":
    """Return the package's margin loss for the oracle's."""
    return getattr(focalis.margin, margin.name)(**dict(margin.parameters))


def name(x: object) -> str:
    """Return a readable test id."""
    return x.__name__ if isinstance(x, type) else str(x)


MAGNITUDES = (
    0, 1e-30, 1e-8, 1e-3, 0.1, 0.5, 1, 1.7, 2.5, 2.8, 2.9, 3.5, 5, 7.3, 10, 13, 16.5, 17.5, 20,
    30, 37, 40, 50, 60, 80, 87, 88, 90, 103.5, 104, 200, 350, 500, 700, 708, 710, 745, 750, 1e3,
    1e4, 1e8, 1e20, 1e30, np.inf,
)  # fmt: skip


@functools.cache
def logits(dtype: type) -> np.ndarray:
    """Return an odd number of logits, from 0 to ±inf, each exact in the type."""
    ends = np.array([sign * x for x in MAGNITUDES for sign in (1, -1)], np.float32)
    rng = np.random.default_rng(11)
    ordinary = rng.normal(size=63) * rng.choice([0.3, 3, 30], size=63)
    return np.concatenate([ends.astype(dtype), ordinary.astype(dtype)])


@functools.cache
def rows(dtype: type) -> np.ndarray:
    """Return rows of four logits, from ties to ±inf, each exact in the type."""
    ends = [
        (0, 0, 0, 0), (1, 2, 3, 4), (1e-8, 0, -1e-8, 1e-3), (5, -5, 0, 0), (16.5, 0, 1, -16.5),
        (30, -30, 0, 1), (60, 60, 59, -1), (88, -88, 3, 2), (100, 99, -100, 0), (104, 0, 0, 0),
        (-104, 0, 1, 2), (350, -350, 340, 0), (700, -10, 0, 690), (745, 0, 1, 2), (-750, 0, 1, 1),
        (1e4, 1e4, 9999, 0), (1e8, -1e8, 0, 1e8), (1e30, -1e30, 0, 1), (1e30, 1e30, 0, 0),
        (-1e30, 0, 1, 2), (-1e30, -1e30, -1e30, 0), (np.inf, 0, 1, 2), (-np.inf, 0, 1, 2),
        (0, -np.inf, -np.inf, -np.inf), (np.inf, -np.inf, 0, 1e30), (-np.inf, -np.inf, 3, 3),
    ]  # fmt: skip
    rng = np.random.default_rng(12)
    ordinary = rng.normal(size=(9, 4)) * np.repeat([1, 10, 100], 3)[:, None]
    return np.concatenate([np.array(ends, np.float32).astype(dtype), ordinary.astype(dtype)])


@functools.cache
def every_label(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Return each of `rows` once for each of its classes, and the labels."""
    x = rows(dtype)
    return np.repeat(x, x.shape[1], axis=0), np.tile(np.arange(x.shape[1]), len(x))


@functools.cache
def probabilities(dtype: type) -> np.ndarray:
    """Return an odd number of probabilities strictly between 0 and 1, each exact in the type."""
    low = [1e-6, 1e-5, 1e-3, 0.01, 0.1, 0.2, 0.3]
    if dtype == np.float64:
        low += [1e-20, 1e-16, 1e-10]
    high = [0.5, 0.51, 0.7, 0.9, 0.99, 0.999, 1 - 1e-5, 1 - float(np.finfo(dtype).epsneg)]
    rng = np.random.default_rng(13)
    return np.concatenate([low, high, rng.uniform(size=22)]).astype(dtype)


@functools.cache
def distributions(dtype: type) -> np.ndarray:
    """Return rows of four probabilities that sum to 1 as closely as the type allows."""
    rng = np.random.default_rng(14)
    p = rng.dirichlet([0.3] * 4, size=15) * 0.999 + 0.001 / 4
    ends = [(0.25,) * 4, (1e-6, 0.5, 0.25, 0.25), (1e-3, 1e-5, 1e-6, 0.999)]
    return np.concatenate([np.array(ends), p]).astype(dtype)


def compiled(margin: Margin, link: str, dtype: type) -> bool:
    """Whether a kernel for a margin loss and a link is worth the seconds that it takes to compile.

    A kernel is a loop around a traced margin loss. Every loss is compiled for the sigmoid, every loop
    for one loss, and that of the softmax for a second one in float64. Other parameters are only other
    arguments of the same kernels.
    """
    second = margin in TWO_MARGINS and dtype == np.float64 and link == "softmax"
    return link == "sigmoid" or margin == FOCAL or second


def on_engines(margins: list[Margin], links: tuple[str, ...] = LINKS) -> list[Any]:
    """Return margin loss, link, dtype and engine: everything in NumPy, and whatever deserves a kernel.

    All but those of two losses are marked as slow.
    """
    chosen = []
    for margin, link, dtype, engine in grid(margins, links, DTYPES, ENGINES):
        if engine == "numpy" or compiled(margin, link, dtype):
            marks = () if margin in TWO_MARGINS else pytest.mark.slow
            chosen.append(pytest.param(margin, link, dtype, engine, marks=marks))
    return chosen


def grid(*axes: object) -> list[tuple]:
    """Return the product of the axes, for `pytest.mark.parametrize`."""
    return list(itertools.product(*axes))
