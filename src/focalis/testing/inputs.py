"""The inputs for examining a loss: ordinary ones, and those that break implementations."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from focalis.maths.links import IDENTITY, SIMPLEX, Link

Array = np.ndarray

# Near each of these, some limit is reached: a type's digits next to 1, its exponents or its range.
_MAGNITUDES = (
    0, 1e-30, 1e-8, 1e-3, 0.1, 0.5, 1, 1.7, 2.5, 2.8, 2.9, 3.5, 5, 7.3, 10, 13, 16.5, 17.5, 20,
    30, 37, 40, 50, 60, 80, 87, 88, 90, 103.5, 104, 200, 350, 500, 700, 708, 710, 745, 750, 1e3,
    1e4, 1e8, 1e20, 1e30,
)  # fmt: skip
_ROWS = (
    (0, 0, 0, 0), (1, 2, 3, 4), (1e-8, 0, -1e-8, 1e-3), (5, -5, 0, 0), (10, -3, 2, 0),
    (16.5, 0, 1, -16.5), (20, 1, 0, -1), (30, -30, 0, 1), (60, 60, 59, -1), (88, -88, 3, 2),
    (100, 99, -100, 0), (104, 0, 0, 0), (-104, 0, 1, 2), (350, -350, 340, 0), (700, -10, 0, 690),
    (745, 0, 1, 2), (-750, 0, 1, 1), (1e4, 1e4, 9999, 0), (1e8, -1e8, 0, 1e8),
    (1e30, -1e30, 0, 1), (1e30, 1e30, 0, 0), (-1e30, 0, 1, 2), (-1e30, -1e30, -1e30, 0),
)  # fmt: skip
_INFINITE = (np.inf, -np.inf)
_INFINITE_ROWS = (
    (np.inf, 0, 1, 2), (-np.inf, 0, 1, 2), (0, -np.inf, -np.inf, -np.inf),
    (np.inf, -np.inf, 0, 1e30), (-np.inf, -np.inf, 3, 3),
)  # fmt: skip
_PROBABILITIES = (1e-6, 1e-5, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999, 1 - 1e-5)
_DISTRIBUTIONS = (
    (0.25, 0.25, 0.25, 0.25), (0.7, 0.1, 0.1, 0.1), (0.997, 1e-3, 1e-3, 1e-3),
    (1e-6, 0.5, 0.25, 0.25), (1e-3, 1e-5, 1e-6, 0.999), (0.4, 0.3, 0.2, 0.1),
)  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """A batch of float32 or float64 numbers that the floating type named by `dtype` can represent.

    Targets are numbers like the logits, class indices, or a number for each class.
    """

    logits: Array
    targets: Array
    dtype: str

    def __len__(self) -> int:
        return len(self.logits)

    def row(self, i: int) -> "Inputs":
        """Return a batch of one."""
        return Inputs(self.logits[i : i + 1], self.targets[i : i + 1], self.dtype)


def extreme(link: Link, dtype: str) -> Inputs:
    """Return finite scores up to the ends of the type, each with every hard target."""
    if link.elementwise:
        x = _round(_PROBABILITIES if link.on_probabilities else _both_signs(), dtype)
        return _with_answers(x, dtype)
    return _with_labels(_round(_DISTRIBUTIONS if link.on_probabilities else _ROWS, dtype), dtype)


def infinite(link: Link) -> Inputs:
    """Return infinite logits, where a loss has its limits, each with every hard target."""
    x = _round(_INFINITE if link.elementwise else _INFINITE_ROWS, "float32")
    return (_with_answers if link.elementwise else _with_labels)(x, "float32")


def ordinary(link: Link, dtype: str, rows: int, seed: int = 0) -> Inputs:
    """Return scores such as a model produces, with hard targets."""
    rng = np.random.default_rng(seed)
    shape = (rows,) if link.elementwise else (rows, 4)
    x = 3 * rng.normal(size=shape)
    if link == IDENTITY:
        x = 1 / (1 + np.exp(-x))
    elif link == SIMPLEX:
        x = _distribution(x)
    x = _round(x, dtype)
    labels = rng.integers(2 if link.elementwise else 4, size=rows)
    return Inputs(x, labels.astype(x.dtype) if link.elementwise else labels, dtype)


def dense(link: Link) -> Inputs:
    """Return random scores close to each other, with hard targets."""
    rng = np.random.default_rng(4)
    if not link.elementwise:
        x = rng.normal(size=(150, 4)) * rng.choice([1, 5, 15], (150, 1))
        x = _distribution(x) if link.on_probabilities else x
        return Inputs(_round(x, "float32"), rng.integers(4, size=150), "float32")
    low, high = (0.001, 0.999) if link.on_probabilities else (-40, 40)
    # One in each step from end to end, so that no stretch is left out by chance.
    steps = np.linspace(low, high, 301)
    return _with_answers(_round(rng.uniform(steps[:-1], steps[1:]), "float32"), "float32")


def of_classes(link: Link, classes: int) -> Inputs:
    """Return ordinary scores (N, C), for yes/no questions too."""
    rng = np.random.default_rng(classes)
    shape = (9, classes)
    x = 3 * rng.normal(size=shape)
    if link.elementwise:
        x = 1 / (1 + np.exp(-x)) if link.on_probabilities else x
        y: Array = rng.integers(2, size=shape).astype(np.float32)
    else:
        x = _distribution(x) if link.on_probabilities else x
        y = rng.integers(classes, size=shape[0])
    return Inputs(_round(x, "float32"), y, "float32")


def many(link: Link) -> Inputs:
    """Return some thousand numbers, which repeat, so that the truth is computed for only a few."""
    few = ordinary(link, "float32", 41, seed=5)
    times = 100 if link.elementwise else 25
    x = np.concatenate([few.logits] * times)
    return Inputs(x, np.concatenate([few.targets] * times), "float32")


def soft(link: Link, dtype: str, rows: int) -> Inputs:
    """Return ordinary scores with targets between the answers."""
    hard = ordinary(link, dtype, rows, seed=1)
    rng = np.random.default_rng(2)
    if link.elementwise:
        y: Array = rng.choice([0.25, 0.5, 0.9375], size=rows)
    else:
        y = rng.choice([[0.5, 0.25, 0.25, 0], [0.25, 0, 0.75, 0], [0.125, 0.5, 0.25, 0.125]], rows)
    return Inputs(hard.logits, y.astype(hard.logits.dtype), dtype)


def _distribution(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _both_signs() -> list[float]:
    return [sign * x for x in _MAGNITUDES for sign in (1, -1)]


def _with_answers(x: Array, dtype: str) -> Inputs:
    return Inputs(np.repeat(x, 2), np.tile(np.array([1, 0], x.dtype), len(x)), dtype)


def _with_labels(x: Array, dtype: str) -> Inputs:
    classes = x.shape[1]
    return Inputs(np.repeat(x, classes, axis=0), np.tile(np.arange(classes), len(x)), dtype)


def _round(numbers: Any, dtype: str) -> Array:
    """Return the numbers rounded to the type, without rows in which one is out of range."""
    exact = np.asarray(numbers, np.float64)
    # Use the same float32 numbers for float64, so that their truth is computed only once.
    x = exact.astype(np.float32)
    if dtype == "float16":
        with np.errstate(over="ignore"):
            x = x.astype(np.float16).astype(np.float32)
    elif dtype == "bfloat16":
        x = (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    elif dtype == "float64":
        x = x.astype(np.float64)
    beyond = np.isinf(x) & np.isfinite(exact)
    return x[~beyond] if x.ndim == 1 else x[~beyond.any(axis=1)]
