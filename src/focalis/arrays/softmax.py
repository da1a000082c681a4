"""Softmax margins and their derivatives, none of which cancels.

Seen from class t, m_t = x_t − logsumexp over j ≠ t of x_j, with derivative e_t − r, where
r_j = p_j / (1 − p_t) is the softmax over the others. r is a result of the same function, so its
derivative r_j (δ_jk − r_k) is made of results too, and so is every higher one. 1 − p_t is never formed
by subtraction where p_t may be near 1: the margin of the largest class, a, is computed separately, and
the other classes have p_k ≤ 1/2.

`along…` is a derivative in forward mode, `against…` one in reverse mode; each framework ties them to
`seen_from_one` and `seen_from_all`.
"""

from typing import NamedTuple

from focalis.arrays.verbs import Array, Verbs
from focalis.maths.links import at_margin
from focalis.vocabulary import exp, log, log1p

INF = float("inf")


def seen_from_one(xp: Verbs, x: Array, t: Array) -> tuple[Array, Array]:
    """Return the margin (…) of class t (…) and the softmax over the others (…, C), 0 at t."""
    largest = float(xp.finfo(x).max)
    # After clipping, −∞ among the others means class t alone, and its exponential is 0.
    score, others = xp.pick(x, t)[..., None], xp.without(xp.clip(x, -largest, None), t)
    rival = xp.max(others)
    e = exp(xp.clip(others, None, largest) - _finite(xp, rival))
    total = xp.sum(e)
    # Clipping has made infinities finite: restore the margins that they decide. A NaN reaches the total
    # even if a compiler's maximum has dropped it.
    lead = xp.where(_lost(xp, score, rival), -INF, _finite(xp, score) - _finite(xp, rival))
    margin = lead - log(total)
    # A single class has no others.
    return margin[..., 0], e / xp.where(total == 0.0, 1.0, total)


class SeenFromAll(NamedTuple):
    """For all classes (…, C): the margin, log p, log (1 − p), p, 1 − p and r of the largest class."""

    margin: Array
    u: Array
    v: Array
    p: Array
    q: Array
    ratio: Array


def seen_from_all(xp: Verbs, x: Array, a: Array) -> SeenFromAll:
    """Return the view from each class, in time and memory ∝ C; a (…) is the largest class."""
    top = xp.is_class(a, x)
    margin, ratio = seen_from_one(xp, x, a)
    largest, margin = xp.pick(x, a)[..., None], margin[..., None]
    u_top, v_top, p_top, q_top = at_margin(_finite(xp, margin))
    p = xp.where(top, p_top, ratio * q_top)
    u = (_finite(xp, x) - _finite(xp, largest)) + u_top
    u = xp.where(top, u_top, xp.where(_lost(xp, x, largest), -INF, u))
    v = xp.where(top, v_top, log1p(-p))
    q = xp.where(top, q_top, 1.0 - p)
    return SeenFromAll(xp.where(top, margin, u - v), u, v, p, q, ratio)


def spread(xp: Verbs, r: Array, g: Array) -> Array:
    """Return r_j Σ_k r_k (g_j − g_k): the derivative of a softmax r along, or against, g."""
    # Relative to the largest r, so that no 1 − r cancels.
    centred = g - xp.pick(g, xp.argmax(r))[..., None]
    return r * (centred - xp.sum(r * centred))


def along_one(xp: Verbs, t: Array, ratio: Array, change: Array) -> Array:
    """Return the change (…) of the margin of class t for a change of the logits (…, C)."""
    return xp.sum(xp.where(xp.is_class(t, ratio), change, -(ratio * change)))[..., 0]


def against_one(xp: Verbs, t: Array, ratio: Array, by_margin: Array) -> Array:
    """Return the derivative by the logits (…, C), from the one by the margin (…) of class t."""
    g = by_margin[..., None]
    return xp.where(xp.is_class(t, ratio), g, -g * ratio)


def along_all(xp: Verbs, a: Array, p: Array, ratio: Array, change: Array) -> Array:
    """Return the change of all margins: (ẋ_j − Σ_k p_k ẋ_k) / (1 − p_j), but ẋ_a − Σ_k r_k ẋ_k for a."""
    top = xp.is_class(a, p)
    mean = xp.where(top, xp.sum(ratio * change), xp.sum(p * change))
    return (change - mean) / xp.where(top, 1.0, 1.0 - p)


def against_all(xp: Verbs, a: Array, p: Array, ratio: Array, by_margin: Array) -> Array:
    """Return the derivative by the logits from those by all margins, with a's term kept separate."""
    top = xp.is_class(a, p)
    h = by_margin / xp.where(top, 1.0, 1.0 - p)
    seen = xp.sum(xp.where(top, 0.0, h))
    return (h - p * seen) - ratio * xp.pick(by_margin, a)[..., None]


def _lost(xp: Verbs, x: Array, rival: Array) -> Array:
    """Return True where an infinity leaves a class no chance against its rival."""
    lowest = float(xp.finfo(x).min)
    return ((x == -INF) & (rival > lowest)) | ((rival == INF) & (x < INF))


def _finite(xp: Verbs, x: Array) -> Array:
    largest = float(xp.finfo(x).max)
    return xp.clip(x, -largest, largest)
