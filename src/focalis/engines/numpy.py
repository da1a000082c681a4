"""The readable engine: plain NumPy, written to be checked against the definition, not to be fast.

A dense target is taken literally: the sum over the classes of the loss with that one class as the truth,
times its weight. That is quadratic in the number of classes; the fused engine is not.
"""

from typing import Any

import numpy as np

from focalis.margin import MarginLoss
from focalis.maths.links import (
    PROBABILITY_SLACK,
    SIGMOID,
    Link,
    limits,
    link_terms,
    probabilities,
    softmax_margins,
)

Array = np.ndarray


class NumpyKernels:
    """One loss, dtype and curvature policy; see `focalis.engines.Kernels`."""

    most_planes = 0

    def __init__(self, link: Link, loss: MarginLoss, dtype: Any, curvature: str) -> None:
        self._link = link
        self._dtype = dtype
        self._terms = link_terms(link, loss, limits(loss, dtype), curvature)

    def knows(self, dtype: Any) -> bool:
        """Return whether numbers of a type need no conversion."""
        return bool(dtype == self._dtype)

    def read(self, source: Array) -> Array:
        """Return numbers in the computing type."""
        return np.ascontiguousarray(source, self._dtype)

    def write(self, result: Array, place: Array) -> None:
        """Copy a result to its place."""
        with np.errstate(over="ignore"):
            # A half is the rounded float32 result, even if the computing type is float64.
            place[...] = result.astype(np.float32) if place.dtype.itemsize == 2 else result

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
        """Evaluate yes/no questions: y φ(truth) + (1 − y) φ(mirror), each with its weight."""
        weight = np.ones_like(x) if weight is None else weight
        repeats = x.size // positive.size
        with np.errstate(all="ignore"):
            yes = np.where(weight == 0, 0, weight * np.tile(positive, repeats) * y)
            no = np.where(weight == 0, 0, weight * np.tile(negative, repeats) * (1 - y))
            if self._link.on_probabilities:
                slack = PROBABILITY_SLACK * np.finfo(x.dtype).eps
                bad = bool(np.any(((yes != 0) | (no != 0)) & ((x < 0) | (x > 1 + slack))))
                truth, mirror = np.minimum(x, 1), np.maximum(1 - x, 0)
            else:
                bad, truth, mirror = False, x, -x
            bad = bad or bool(np.any((weight != 0) & ~((y >= 0) & (y <= 1))))
            ours = self._terms(truth, mirror)
            theirs = self._terms(mirror, truth)
            both = [_weigh(yes, a) + _weigh(no, b) for a, b in zip(ours, theirs, strict=True)]
            slope = _weigh(yes, ours[1]) - _weigh(no, theirs[1])
        return _write(both[0], slope * scale, both[2], value, grad, hess), bad

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
        """Evaluate rows with one true class: slope (e_t − r), curvature d² − slope r (1 − r)."""
        weight = np.ones(len(x), x.dtype) if weight is None else weight
        bad = bool(np.any((weight != 0) & ((t < 0) | (t >= x.shape[1]))))
        t = np.clip(t, 0, x.shape[1] - 1)
        row_value, row_grad, row_hess = self._one_class(x, t, weight * per_class[t])
        return _write(row_value, row_grad * scale, row_hess, value, grad, hess), bad

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
        """Evaluate rows with a weight for each class, one class after the other."""
        weight = np.ones(len(x), x.dtype) if weight is None else weight
        bad = bool(np.any((weight[:, None] != 0) & ~((y >= 0) & (y < np.inf))))
        with np.errstate(all="ignore"):
            w = np.where(weight[:, None] == 0, 0, weight[:, None] * per_class * y)
        total = [np.zeros(len(x)), np.zeros(x.shape), np.zeros(x.shape)]
        for k in np.flatnonzero(w.any(axis=0)):
            for kept, part in zip(
                total, self._one_class(x, np.full(len(x), k), w[:, k]), strict=True
            ):
                kept += part
        return _write(total[0], total[1] * scale, total[2], value, grad, hess), bad

    def fisher(self, x: Array, weight: Array, hess: Array) -> None:
        """Write Σ_k p_k φ′(m_k)² d_k² with d_k = e_k − r_k, times the row's weight."""
        hess[...] = 0
        with np.errstate(all="ignore"):
            for k in range(x.shape[1]):
                seen = softmax_margins(x, np.full(len(x), k))
                _, slope, _ = self._terms(seen.margin, -seen.margin)
                p = probabilities(SIGMOID, seen.margin)
                direction = np.where(seen.is_target, 1, seen.ratio)
                hess += _weigh(weight, p * slope * slope)[:, None] * direction**2
        hess[weight == 0] = 0

    def _one_class(self, x: Array, t: Array, w: Array) -> tuple[Array, Array, Array]:
        seen = softmax_margins(x, t)
        with np.errstate(all="ignore"):
            terms = self._terms(seen.margin, -seen.margin)
            value, slope, second = (_weigh(w, term) for term in terms)
            grad = np.where(seen.is_target, slope[:, None], -slope[:, None] * seen.ratio)
            d2 = np.where(seen.is_target, 1, seen.ratio**2)
            spread = np.where(seen.is_target, 0, seen.ratio * seen.complement)
            hess = second[:, None] * d2 - slope[:, None] * spread
        untouched = (w == 0)[:, None]
        return value, np.where(untouched, 0, grad), np.where(untouched, 0, hess)


def _weigh(weight: Array, term: Array) -> Array:
    """Return weight × term, and exactly 0 where the weight is 0, whatever the term is."""
    return np.where(weight == 0, 0, weight * term)


def _write(
    values: Array,
    grads: Array,
    hesses: Array,
    value: Array | None,
    grad: Array | None,
    hess: Array | None,
) -> float:
    for target, source in ((value, values), (grad, grads), (hess, hesses)):
        if target is not None:
            target[...] = source
    return float(values.sum(dtype=np.float64))
