"""The losses by their definitions in float64, differentiated automatically rather than by hand."""

from typing import NamedTuple

import numpy as np


class Jet(NamedTuple):
    """A function with its first two derivatives, and the sizes of the terms that make up each."""

    value: np.ndarray
    first: np.ndarray
    second: np.ndarray
    sizes: tuple

    def __mul__(self, other):
        if not isinstance(other, Jet):
            return Jet(
                *(part * other for part in self[:3]), tuple(s * abs(other) for s in self.sizes)
            )
        a, b, s, t = self, other, self.sizes, other.sizes
        return Jet(
            a.value * b.value,
            a.first * b.value + a.value * b.first,
            a.second * b.value + 2 * a.first * b.first + a.value * b.second,
            (
                s[0] * t[0],
                s[1] * t[0] + s[0] * t[1],
                s[2] * t[0] + 2 * s[1] * t[1] + s[0] * t[2],
            ),
        )

    def __add__(self, other):
        if not isinstance(other, Jet):
            return self._replace(
                value=self.value + other, sizes=(self.sizes[0] + abs(other), *self.sizes[1:])
            )
        parts = (a + b for a, b in zip(self[:3], other[:3], strict=True))
        return Jet(*parts, tuple(a + b for a, b in zip(self.sizes, other.sizes, strict=True)))

    def __neg__(self):
        return self * -1.0

    def of(self, f, df, ddf):
        """Return a function of this one, from that function's value and derivatives."""
        first, second, s = df * self.first, ddf * self.first**2 + df * self.second, self.sizes
        sizes = (abs(f), abs(df) * s[1], abs(ddf) * s[1] ** 2 + abs(df) * s[2])
        return Jet(f, first, second, sizes)


def jet(value, first, second):
    return Jet(value, first, second, (abs(value), abs(first), abs(second)))


def exp(a):
    e = np.exp(a.value)
    return a.of(e, e, e)


def expm1(a):
    return a.of(np.expm1(a.value), np.exp(a.value), np.exp(a.value))


def sigma(x):
    return np.exp(-np.logaddexp(0, -x))


def softplus(a):
    x = a.value
    return a.of(np.logaddexp(0, x), sigma(x), sigma(x) * sigma(-x))


def by_margin(m):
    """Return m, log p and log q as functions of the margin."""
    m = np.clip(np.asarray(m, np.float64), -1e300, 1e300)
    whole = jet(m, np.ones_like(m), np.zeros_like(m))
    return whole, -softplus(-whole), -softplus(whole)


def by_probability(p):
    """Return m, log p and log q as functions of the probability."""
    q = 1.0 - p
    u, v = jet(np.log(p), 1 / p, -1 / p**2), jet(np.log1p(-p), -1 / q, -1 / q**2)
    return u + -v, u, v


def phi(margin_loss, m, u, v):
    """Return a margin loss by its definition."""
    given = margin_loss.parameters
    match margin_loss.name:
        case "cross_entropy":
            return -u
        case "focal":
            return exp(v * given["gamma"]) * -u
        case "focal_star":
            return softplus(-(m * given["gamma"] + given["beta"])) * (1 / given["gamma"])
        case "poly1":
            return -u + exp(v) * given["epsilon"]
        case "generalized_cross_entropy":
            return expm1(u * given["kappa"]) * (-1 / given["kappa"])
    raise ValueError(margin_loss.name)


def shaped(curvature, second):
    """Return the scalar second derivative under a policy."""
    return {"exact": second, "clipped": np.maximum(second, 0), "absolute": abs(second)}[curvature]


class Truth(NamedTuple):
    """Values, gradient and Hessian before any scaling, and the sizes of what makes up each."""

    value: np.ndarray
    grad: np.ndarray
    hess: np.ndarray | None
    sizes: tuple


def elementwise(loss, x, yes, no, curvature):
    """Return the truth of yes/no questions with their weights."""
    logits = loss.link == "sigmoid"
    sides = []
    for z, weight, sign in ((x, yes, 1.0), (-x if logits else 1.0 - x, no, -1.0)):
        f = phi(loss.margin_loss, *(by_margin(z) if logits else by_probability(z)))
        parts = (f.value, sign * f.first, None)
        if curvature != "fisher":
            parts = (*parts[:2], shaped(curvature, f.second))
        sides.append([_weighed(weight, part) for part in (*parts, *f.sizes)])
    total = [None if a is None else a + b for a, b in zip(*sides, strict=True)]
    return Truth(*total[:3], tuple(total[3:]))


def rows(loss, x, weights, curvature):
    """Return the truth of rows with a weight (rows, classes) for each class as the answer."""
    n, classes = x.shape
    value, sizes = np.zeros(n), [np.zeros(n), np.zeros((n, classes)), np.zeros((n, classes))]
    grad, hess = np.zeros((n, classes)), np.zeros((n, classes))
    for k in np.flatnonzero(weights.any(axis=0)):
        chosen = np.flatnonzero(weights[:, k])
        w = weights[chosen, k]
        if loss.link == "simplex":
            f = phi(loss.margin_loss, *by_probability(x[chosen, k]))
            r, spread = None, None
        else:
            others = np.where(np.arange(classes) == k, -np.inf, x[chosen])
            top = others.max(axis=1, keepdims=True) if classes > 1 else np.zeros((len(chosen), 1))
            e = np.exp(others - top)
            total = e.sum(axis=1, keepdims=True)
            with np.errstate(divide="ignore"):
                m = x[chosen, k] - top[:, 0] - np.log(total[:, 0])
            r = e / np.maximum(total, 1e-300)
            largest = np.arange(classes) == e.argmax(axis=1)[:, None]
            rest = np.where(largest, 0, e).sum(axis=1, keepdims=True) / np.maximum(total, 1e-300)
            spread = r * np.where(largest, rest, 1 - r)
            f = phi(loss.margin_loss, *by_margin(m))
        value[chosen] += w * f.value
        sizes[0][chosen] += w * f.sizes[0]
        if curvature != "fisher":
            second = w * shaped(curvature, f.second)
            hess[chosen, k] += second
        grad[chosen, k] += w * f.first
        for order in (1, 2):
            sizes[order][chosen, k] += w * f.sizes[order]
        if r is not None:
            grad[chosen] -= (w * f.first)[:, None] * r
            sizes[1][chosen] += (w * f.sizes[1])[:, None] * r
            sizes[2][chosen] += (w * f.sizes[2])[:, None] * r**2 + (w * f.sizes[1])[
                :, None
            ] * spread
            if curvature != "fisher":
                hess[chosen] += second[:, None] * r**2 - (w * f.first)[:, None] * spread
    return Truth(value, grad, None if curvature == "fisher" else hess, tuple(sizes))


def _weighed(weight, part):
    return None if part is None else np.where(weight == 0, 0, weight * part)
