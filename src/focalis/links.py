"""The links: from scores to the margin and its companions, and from slopes back to gradients.

``sigmoid``
    Each logit x answers a yes/no question; m = x for a positive, −x for a negative.
``softmax``
    A row of logits names one class; m_t = x_t − logsumexp over j ≠ t of x_j.
``identity``
    Each score already is the probability of yes.
``simplex``
    Each row of scores already is a distribution over the classes.

`elementwise_terms` and `probability_terms` are written in the vocabulary, so every engine runs them;
`softmax_margins` is the readable NumPy form of what an engine fuses into its loop over a row.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from focalis.curvature import shape_curvature
from focalis.margin import MarginLoss
from focalis.vocabulary import absolute, exp, log, log1p, log1p_unit, maximum, minimum, where

__all__ = [
    "LINKS",
    "Limits",
    "SoftmaxMargins",
    "at_margin",
    "limits",
    "link_terms",
    "probabilities",
    "softmax_margins",
    "state_terms",
]

LINKS = ("sigmoid", "softmax", "identity", "simplex")
ELEMENTWISE = ("sigmoid", "identity")
PROBABILITY = ("identity", "simplex")
# How far above 1, in units of the type's rounding, a softmax computed elsewhere may come out.
PROBABILITY_SLACK = 16


@dataclass(frozen=True)
class Limits:
    """What a loss tends to where its formula meets an infinity, and the type's own bounds.

    ``value`` is φ as m → −∞; ``slope`` and ``curvature`` are dφ/dp and d²φ/dp² as p → 0.
    """

    largest: float
    tiny: float
    floor: float
    value: float
    slope: float
    curvature: float


def at_margin(m: Any) -> tuple[Any, Any, Any, Any]:
    """Return u = log p, v = log q, p = σ(m) and q = σ(−m) for a finite m, none by subtraction."""
    e = exp(-absolute(m))
    tail = log1p_unit(e)
    large = 1.0 / (1.0 + e)
    small = e * large
    positive = m >= 0.0
    u = minimum(m, 0.0) - tail
    v = -maximum(m, 0.0) - tail
    return u, v, where(positive, large, small), where(positive, small, large)


def margin_terms(loss: MarginLoss, bounds: Limits, curvature: str, m: Any) -> tuple[Any, Any, Any]:
    """Return value, slope and shaped curvature at a margin, which may be infinite."""
    inside = where(m < -bounds.largest, -bounds.largest, m)
    inside = where(inside > bounds.largest, bounds.largest, inside)
    value, slope, second = state_terms(loss, curvature, inside, *at_margin(inside))
    return where(m < -bounds.largest, bounds.value, value), slope, second


def state_terms(
    loss: MarginLoss, curvature: str, m: Any, u: Any, v: Any, p: Any, q: Any
) -> tuple[Any, Any, Any]:
    """Return value, slope and shaped curvature at a finite margin and its companions."""
    value, slope, second = loss(m, u, v, p, q)
    if curvature == "fisher":
        mirrored = loss(-m, v, u, q, p)[1]
        return value, slope, p * (slope * slope) + q * (mirrored * mirrored)
    return value, slope, shape_curvature(curvature, second)


def probability_terms(
    loss: MarginLoss, bounds: Limits, curvature: str, p: Any, q: Any
) -> tuple[Any, Any, Any]:
    """Return value, first and shaped second derivative with respect to p_t = p, where q = 1 − p.

    dm/dp = 1 / (p q) and d²m/dp² = (p − q) / (p q)². The second derivative cancels as q → 0 and is
    taken no nearer to it than the square root of the type's rounding.
    """
    value, first, _ = _chain(loss, bounds.tiny, p, q)
    if curvature == "fisher":
        mirrored = _chain(loss, bounds.tiny, q, p)[1]
        inside_p, inside_q = (
            where(p < bounds.tiny, bounds.tiny, p),
            where(q < bounds.tiny, bounds.tiny, q),
        )
        second = inside_p * (first * first) + inside_q * (mirrored * mirrored)
    else:
        near = q < bounds.floor
        away_p, away_q = where(near, 1.0 - bounds.floor, p), where(near, bounds.floor, q)
        second = _chain(loss, bounds.tiny, away_p, away_q)[2]
        second = shape_curvature(curvature, where(p == 0.0, bounds.curvature, second))
    at_zero = p == 0.0
    return where(at_zero, bounds.value, value), where(at_zero, bounds.slope, first), second


def _chain(loss: MarginLoss, tiny: float, p: Any, q: Any) -> tuple[Any, Any, Any]:
    """Return φ, dφ/dp and d²φ/dp² at a probability, held off 0 by the smallest normal number."""
    inside_p, inside_q = where(p < tiny, tiny, p), where(q < tiny, tiny, q)
    u = where(p < 0.5, log(inside_p), log1p(-q))
    v = where(q < 0.5, log(inside_q), log1p(-p))
    value, slope, curvature = loss(u - v, u, v, inside_p, inside_q)
    per_p = 1.0 / inside_p
    per_q = 1.0 / inside_q
    first = slope * per_q * per_p
    second = (curvature + slope * (inside_p - inside_q)) * per_q * per_q * per_p * per_p
    return value, first, second


def link_terms(link: str, loss: MarginLoss, bounds: Limits, curvature: str) -> Any:
    """Return the function of (z, mirrored z) that an elementwise engine evaluates.

    For a sigmoid z is the margin of the truth; for probabilities z is p_t and its mirror 1 − p_t.
    """
    if link in PROBABILITY:
        return lambda z, mirrored: probability_terms(loss, bounds, curvature, z, mirrored)
    return lambda z, mirrored: margin_terms(loss, bounds, curvature, z)


def limits(loss: MarginLoss, dtype: Any) -> Limits:
    """Return the limits of a margin loss, found by following it far out in float64."""
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        far, farther = np.float64(-1e150), np.float64(-1e300)
        value = _limit(loss(far, *at_margin(far))[0], loss(farther, *at_margin(farther))[0])
        near = [_chain(loss, 1e-300, np.float64(p), np.float64(1.0)) for p in (1e-70, 1e-140)]
        slope, curvature = (_limit(near[0][k], near[1][k]) for k in (1, 2))
    return Limits(
        float(info.max), float(info.tiny), float(info.eps) ** 0.5, value, slope, curvature
    )


def _limit(far: Any, farther: Any) -> float:
    settled = abs(farther - far) <= 1e-6 * max(abs(float(far)), 1e-12)
    return float(farther) if settled else float(np.copysign(np.inf, farther))


@dataclass(frozen=True)
class SoftmaxMargins:
    """A softmax seen from one class t of each row.

    ``margin`` (rows,) is m_t; ``ratio`` (rows, C) is r_j = p_j / (1 − p_t) for j ≠ t and 0 at t;
    ``complement`` (rows, C) is 1 − r_j; ``is_target`` (rows, C) marks t.
    """

    margin: np.ndarray
    ratio: np.ndarray
    complement: np.ndarray
    is_target: np.ndarray


def softmax_margins(x: np.ndarray, t: np.ndarray) -> SoftmaxMargins:
    """Return margins and ratios of rows of logits x (rows, C) for the classes t (rows,)."""
    largest = np.finfo(x.dtype).max
    is_target = np.arange(x.shape[1]) == t[:, None]
    finite = np.clip(x, -largest, largest)
    with np.errstate(all="ignore"):
        others = np.where(is_target, -np.inf, finite)
        top = others.max(axis=1, keepdims=True)
        e = np.where(is_target, 0.0, np.exp(finite - top)).astype(x.dtype)
        total = e.sum(axis=1, keepdims=True)
        own = np.take_along_axis(finite, t[:, None], axis=1)
        margin = (own - top) - np.log(total)
        # Clipping has made infinities finite: put back the margins that they decide.
        raw_own = np.take_along_axis(x, t[:, None], axis=1)
        raw_top = np.where(is_target, -np.inf, x).max(axis=1, keepdims=True)
        lost = ((raw_own == -np.inf) & (raw_top > -np.inf)) | (
            (raw_top == np.inf) & (raw_own < np.inf)
        )
        margin = np.where(lost, -np.inf, margin)
        ratio = np.where(total == 0.0, 0.0, e / total)
        # 1 − r_j by subtraction is right for all but the largest r, whose rest is summed.
        is_top = np.arange(x.shape[1]) == e.argmax(axis=1)[:, None]
        rest = np.where(is_top, 0.0, e).sum(axis=1, keepdims=True, dtype=x.dtype)
        complement = np.where(is_top, rest, total - e) / total
    complement = np.where(is_target | (total == 0.0), 1.0, complement).astype(x.dtype)
    return SoftmaxMargins(
        margin[:, 0].astype(x.dtype), ratio.astype(x.dtype), complement, is_target
    )


def probabilities(link: str, x: np.ndarray) -> np.ndarray:
    """Return what the link makes of the scores, in their own floating type."""
    if link in PROBABILITY:
        return x.copy()
    with np.errstate(all="ignore"):
        if link == "sigmoid":
            largest = np.finfo(x.dtype).max
            return at_margin(np.clip(x, -largest, largest))[2]
        largest = np.finfo(x.dtype).max
        finite = np.clip(x, -largest, largest)
        e = np.exp(finite - finite.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)
