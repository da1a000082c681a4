"""What a proof is: a name from the catalogue, run as in its framework, on inputs that it takes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RNG = np.random.default_rng(7)
LOGITS = RNG.normal(scale=2.0, size=(8, 3)).round(3)
ROWS = 0.94 * RNG.dirichlet(np.ones(3), size=8) + 0.02  # each row sums to 1
YES = RNG.uniform(0.05, 0.95, size=(8, 3)).round(4)
LOG_ROWS = np.log(ROWS)
INDICES = np.array([0, 1, 2, 2, 1, 0, 1, 2])
WITH_BACKGROUND = np.array([0, 1, 3, 2, 1, 3, 3, 2])
ONE_HOT = np.eye(3)[INDICES]
SOFT = RNG.dirichlet(np.ones(3), size=8)
ANSWERS = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 1], [0, 0, 1]] * 2).astype(float)
SOME_LABELS = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [0.5, 0, 2]] * 2)
MAYBE = RNG.uniform(size=(8, 3)).round(2)
SIGNS = 2 * ANSWERS - 1
CLASS_WEIGHTS = np.array([0.5, 2.0, 1.25])
ROW_WEIGHTS = np.array([1.0, 0.5, 2.0, 3.0, 1.0, 0.25, 1.5, 1.0])
INFOGAIN = RNG.uniform(size=(3, 3)).round(3)

REDUCTIONS = ({}, {"reduction": "mean"}, {"reduction": "sum"}, {"reduction": "none"})


@dataclass(frozen=True)
class Proof:
    """How to run a name in its framework.

    `run` takes scores, targets and parameters and returns value and gradient, with None for a gradient
    that the framework does not provide. `cases` holds the parameters to run it with.
    """

    name: str
    run: Callable
    scores: np.ndarray
    targets: np.ndarray
    cases: tuple = ({},)
    tolerance: float = 1e-10


def by_complex_steps(value):
    """Return the run of a NumPy reference, differentiated to the last digits by complex steps."""

    def run(scores, targets, **parameters):
        gradient = np.empty(scores.shape)
        for place in np.ndindex(scores.shape):
            moved = scores.astype(complex)
            moved[place] += 1e-30j
            gradient[place] = np.sum(value(moved, targets, **parameters)).imag / 1e-30
        return np.real(value(scores.astype(complex), targets, **parameters)), gradient

    return run
