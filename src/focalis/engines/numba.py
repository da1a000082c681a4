"""The fused engine: Numba kernels, one pass over memory for value, gradient and Hessian."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from focalis.engines import halves
from focalis.engines.kernel_cache import compile_kernel
from focalis.engines.tracing import trace
from focalis.margin import MarginLoss
from focalis.maths.links import (
    PROBABILITY_SLACK,
    SOFTMAX,
    Link,
    both_link_terms,
    limits,
    link_terms,
    state_terms,
)

Array = np.ndarray

# Up to here a vector register holds one class of many rows; beyond, many classes of one row.
_MOST_LANE_CLASSES = 48


class NumbaKernels:
    """One loss, dtype and curvature policy; see `focalis.engines.Kernels`."""

    # Lanes sum the classes in the computing type; with more classes the rounding would show.
    most_planes = 256

    def __init__(self, link: Link, loss: MarginLoss, dtype: Any, curvature: str) -> None:
        self._link, self._dtype = link, np.dtype(dtype)
        if link == SOFTMAX and curvature == "fisher":
            # Of the softmax kernels only `fisher` depends on it, and that needs only slopes.
            curvature = "exact"
        self._scalar = self._dtype.type
        bounds = limits(loss, dtype)
        sides = ("z", "mirrored")
        text, constants = trace("terms", link_terms(link, loss, bounds, curvature), sides)
        both, both_constants = trace(
            "both_terms", both_link_terms(link, loss, bounds, curvature), sides
        )
        slack = PROBABILITY_SLACK * float(np.finfo(dtype).eps) if link.on_probabilities else 0.0
        head = f"PROBABILITY, SLACK = {link.on_probabilities}, FLOAT({slack!r})\n"
        self._constants = self._constant_array(constants)
        self._both_constants = self._constant_array(both_constants)
        inner = head + inlined(text) + inlined(both)
        self._elementwise = functools.cache(
            functools.partial(compile_kernel, self._dtype.name, inner, "elementwise", "elementwise")
        )

        def state(m: Any, u: Any, v: Any, p: Any, q: Any) -> Any:
            return state_terms(loss, curvature, m, u, v, p, q)

        state_text, state_constants = trace("state_terms", state, ("m", "u", "v", "p", "q"))
        self._state_constants = self._constant_array(state_constants)
        self._limit = self._scalar(bounds.value)
        inner = inlined(text) + inlined(state_text)
        self._softmax = functools.cache(
            functools.partial(compile_kernel, self._dtype.name, inner, "softmax")
        )

    def _constant_array(self, constants: list[float]) -> Array:
        # Never empty, so that its type does not depend on the loss.
        return np.array([*constants, 0.0], self._dtype)

    def knows(self, dtype: Any) -> bool:
        """Return whether the kernels read and write numbers of a type; see `focalis.engines.Kernels`."""
        if dtype == self._dtype:
            return True
        # Types half as wide as the computing type, which holds all their numbers exactly.
        return halves.is_half(dtype) if self._scalar is np.float32 else bool(dtype == np.float32)

    def read(self, source: Array) -> Array:
        """Return numbers in the computing type."""
        return halves.read(source, self._dtype)

    def write(self, result: Array, place: Array) -> None:
        """Copy a result to its place."""
        halves.write(result, place)

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
        """Evaluate yes/no questions."""
        result: tuple[float, bool] = self._elementwise()(
            halves.bits(x),
            halves.bits(y),
            weight,
            positive,
            negative,
            self._scalar(scale),
            *map(halves.bits, (value, grad, hess)),
            self._constants,
            self._both_constants,
            True if streams else None,
        )
        if math.isfinite(result[0]):
            return result
        again = functools.partial(self.elementwise, x, y, weight, positive, negative, scale)
        return self._summed(result, value, x.size, again)

    def _summed(
        self, result: tuple[float, bool], value: Array | None, n: int, evaluate: Callable[..., Any]
    ) -> tuple[float, bool]:
        """Return a kernel's result, with the sum taken in float64 if it overflows float32.

        `value` holds the `n` numbers that were summed, or is None; `evaluate` writes and sums them.
        """
        total, bad = result
        if bad or not math.isinf(total) or self._scalar is not np.float32:
            return result
        if value is None or value.dtype != np.float32:
            again: tuple[float, bool] = evaluate(np.empty(n, np.float32), None, None)
            return again
        return float(value.sum(dtype=np.float64)), bad

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
        """Evaluate rows with one true class each."""
        scores, values = x, value
        # Each for itself: only the logits may have been converted, if their layout was different.
        x, value, grad, hess = map(halves.bits, (x, value, grad, hess))
        inputs = (t, weight, per_class, self._scalar(scale), value)
        result: tuple[float, bool]
        if x.flags.c_contiguous:
            kernel = self._index_kernel(x.shape[1])
            result = kernel(x, *inputs, grad, hess, self._constants)
        else:
            lines = (_lines(x), x.strides[1] // x.itemsize)
            gradient = None if grad is None else _lines(grad)
            result = self._softmax("index_planes")(*lines, *inputs, gradient, self._constants)
        if math.isfinite(result[0]):
            return result
        again = functools.partial(self.index, scores, t, weight, per_class, scale)
        return self._summed(result, values, len(x), again)

    def _index_kernel(self, n_classes: int) -> Any:
        return self._softmax("index_lanes" if n_classes <= _MOST_LANE_CLASSES else "index_rows")

    def shortest(self, n_classes: int, *weights: Array) -> Callable[..., tuple[float, bool]]:
        """Return a function of scores, targets, scale and gradient, for batches not worth preparing.

        Scores and gradient are contiguous and of the computing type; the gradient may be None.
        `weights` are the class weights; for a softmax the targets are indices.
        """
        constants: tuple[Any, ...] = (self._constants,)
        kernel = self._index_kernel(n_classes) if len(weights) == 1 else self._elementwise()
        if len(weights) > 1:
            constants += self._both_constants, None
        scalar = self._scalar

        def overflowed(result: tuple[float, bool], batch: Any) -> tuple[float, bool]:
            def again(value: Array, *_: None) -> tuple[float, bool]:
                result = kernel(*batch, value, None, None, *constants)
                return self._summed(result, value, value.size, again)

            return self._summed(result, None, batch[1].size, again)

        def call(x: Array, t: Array, scale: float, grad: Array | None) -> tuple[float, bool]:
            batch = x, t, None, *weights, scalar(scale)
            result: tuple[float, bool] = kernel(*batch, None, grad, None, *constants)
            return result if math.isfinite(result[0]) else overflowed(result, batch)

        return call

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
        """Evaluate rows with a weight for each class."""
        few = x.shape[1] <= _MOST_LANE_CLASSES
        t, hot = np.empty(len(x), np.int64), np.empty(len(x), self._dtype)
        one_hot = self._softmax("one_hot_lanes" if few else "one_hot")
        simple, bad = one_hot(halves.bits(y), weight, per_class, t, hot)
        if bad:
            return 0.0, True
        if simple:
            # `hot` already includes the class weights.
            return self.index(x, t, hot, np.ones_like(per_class), scale, value, grad, hess)
        scores, values = x, value
        x, value, grad, hess = map(halves.bits, (x, value, grad, hess))
        arrays = (x, halves.bits(y), weight, per_class, self._scalar(scale), value, grad)
        traced = (self._constants, self._state_constants, self._limit)
        result: tuple[float, bool]
        if few and hess is None:
            result = self._softmax("dense_lanes")(*arrays, *traced)
        else:
            result = self._softmax("dense_rows")(*arrays, hess, *traced)
        if math.isfinite(result[0]):
            return result
        again = functools.partial(self.dense, scores, y, weight, per_class, scale)
        return self._summed(result, values, len(x), again)

    def fisher(self, x: Array, weight: Array, hess: Array) -> None:
        """Write the diagonal of each row's Fisher information."""
        self._softmax("fisher")(halves.bits(x), weight, halves.bits(hess), self._constants)


def _lines(planar: Array) -> Array:
    """Return the memory of planar rows from first to last number, in a form that Numba vectorises."""
    n, classes = planar.shape
    length = (classes - 1) * (planar.strides[1] // planar.itemsize) + n
    return np.lib.stride_tricks.as_strided(planar, (length,), (planar.itemsize,))


def inlined(function: str) -> str:
    """Return the source of a traced function with the decorator of a primitive."""
    return f"@njit(**PRIMITIVE)\n{function}\n\n"


def numba_kernels(link: Link, loss: MarginLoss, dtype: Any, curvature: str) -> NumbaKernels:
    """Return the fused kernels; each compiles, or is loaded from the cache, at its first call."""
    return NumbaKernels(link, loss, dtype, curvature)
