"""The engines: what computes a loss on rows.

An engine turns a loss into a `Kernels` object: four functions that each take a run of rows, and two that
convert numbers to and from the computing type. The driver in :mod:`focalis.engines.driver`, the same
for all engines, prepares the rows, shares them out over threads and adds up.
"""

import threading
from typing import Any, Protocol

import numpy as np

from focalis.interruptions import let_forks_wait, undisturbed
from focalis.margin import MarginLoss
from focalis.maths.links import Link

__all__ = ["ENGINES", "Kernels", "load"]

ENGINES = ("numpy", "numba")

Array = np.ndarray

_importing = threading.RLock()
let_forks_wait(_importing)


class Kernels(Protocol):
    """One loss, one dtype, one curvature policy, ready to run.

    All arrays are contiguous and of a type that the kernels know; `grad`, `hess` and `value` are written
    unless they are None. Each call returns the sum of the values and whether a score or target was out
    of range.

    With up to `most_planes` classes `index` also accepts logits and a gradient that lie one class after
    the other (`focalis.engines.memory_layout.is_planar`) at the same stride, but then no Hessian.
    """

    most_planes: int

    def knows(self, dtype: Any) -> bool:
        """Return whether the kernels read and write numbers of a type directly."""
        ...

    def read(self, source: Array) -> Array:
        """Return numbers of any type and layout as a contiguous array of the computing type."""
        ...

    def write(self, result: Array, place: Array) -> None:
        """Copy a result to its place, rounded to the type of that place."""
        ...

    def elementwise(
        self,
        x: Array,
        y: Array,
        weight: Array | None,
        positive: Array,
        negative: Array,
        scale: float,
        value: Array | None,
        grad: Array | None,
        hess: Array | None,
        *,
        streams: bool = False,
    ) -> tuple[float, bool]:
        """Yes/no questions: x, y, weight (n,); positive, negative: the weights of the C classes.

        `streams` says that the gradient as a whole is too large for the caches.
        """
        ...

    def index(
        self,
        x: Array,
        t: Array,
        weight: Array | None,
        per_class: Array,
        scale: float,
        value: Array | None,
        grad: Array | None,
        hess: Array | None,
    ) -> tuple[float, bool]:
        """Softmax rows x (n, C) with one true class each: t, weight (n,); per_class (C,)."""
        ...

    def dense(
        self,
        x: Array,
        y: Array,
        weight: Array | None,
        per_class: Array,
        scale: float,
        value: Array | None,
        grad: Array | None,
        hess: Array | None,
    ) -> tuple[float, bool]:
        """Softmax rows x (n, C) with a weight y (n, C) for each class."""
        ...

    def fisher(self, x: Array, weight: Array, hess: Array) -> None:
        """Write the diagonal of each softmax row's Fisher information, times the row's weight (n,)."""
        ...


def load(engine: str, link: Link, loss: MarginLoss, dtype: Any, curvature: str) -> Kernels:
    """Return the kernels of an engine, which is imported at its first use."""
    if engine == "numpy":
        from focalis.engines.numpy import NumpyKernels

        return NumpyKernels(link, loss, dtype, curvature)
    with undisturbed(_importing):
        from focalis.engines.numba import numba_kernels

    return numba_kernels(link, loss, dtype, curvature)
