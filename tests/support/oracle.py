"""The reference: every loss of the family from its definition, in 80 decimal digits.

Nothing here is shared with the package. A margin loss is a `Margin` (a name and its parameters); `phi`,
`slope` and `curvature` are functions of a `Point`, the numbers log p, log q, p and q, made from a margin
(`at_margin`) or from a probability (`at_probability`). Exponents are unbounded in mpmath, so exp(−1e30)
is a number like any other. Signed terms are kept apart, since a test judges their sum against the sum of
their sizes.
"""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from mpmath.ctx_mp import MPContext

mp = MPContext()
mp.dps = 80

ZERO, ONE, INF = mp.mpf(0), mp.mpf(1), mp.inf


@dataclass(frozen=True)
class Margin:
    """A margin loss by name and parameters, as in `focalis.margin`."""

    name: str
    parameters: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v:g}' for k, v in self.parameters)})"

    def parameter(self, name: str) -> Any:
        return mp.mpf(dict(self.parameters)[name])


class Point(NamedTuple):
    """log p, log q, p and q, where q = 1 − p."""

    u: Any
    v: Any
    p: Any
    q: Any


class Signed(NamedTuple):
    """A number, and the sum of the sizes of the signed terms that make it up."""

    value: Any
    bulk: Any

    @classmethod
    def of(cls, *terms: Any) -> "Signed":
        return cls(mp.fsum(terms), mp.fsum(terms, absolute=True))


def number(x: Any) -> Any:
    """Return any real scalar, even NumPy's, as an mpf, exactly."""
    return x if isinstance(x, mp.mpf) else mp.mpf(float(x))


def softplus(x: Any) -> Any:
    """Return log(1 + exp(x))."""
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


@functools.cache
def at_margin(m: Any) -> Point:
    """Return the point whose log-odds are m, which may be infinite."""
    u, v = -softplus(-m), -softplus(m)
    return Point(u, v, mp.exp(u), mp.exp(v))


@functools.cache
def at_probability(p: Any) -> Point:
    """Return the point at probability p, for 0 < p < 1."""
    return Point(mp.log(p), mp.log1p(-p), p, ONE - p)


def power(log_base: Any, exponent: Any) -> Any:
    """Return the base raised to the exponent; 0 to the power of 0 is 1."""
    return ONE if exponent == 0 else mp.exp(exponent * log_base)


def times_log(p: Any, u: Any) -> Any:
    """Return p log p, with its limit at 0."""
    return p * u if p > 0 else ZERO


def minus_log_without_first_order(point: Point) -> Any:
    """Return −log(1 − q) − q, as a series where the difference would lose every digit."""
    q = point.q
    if q < mp.mpf("1e-12"):
        return mp.fsum(q**k / k for k in range(2, 9))
    return -point.u - q


# The margin losses: φ by definition, then φ′ and φ″ with respect to the margin, then the first and
# second derivative with respect to the probability, checked against mpmath.diff in test_oracle.py.


def tempered(order: Any) -> Margin:
    """Return the margin loss that equals tempered cross-entropy of a given order."""
    if order == 1:
        return Margin("cross_entropy")
    return Margin("generalized_cross_entropy", (("kappa", (order - 1) / order),))


SYNONYMS = {"tempered": tempered}
"""Margin losses that equal others with other parameters."""


def resolved(margin: Margin) -> Margin:
    """Return the margin loss under the name by which it is defined here."""
    if margin.name not in SYNONYMS:
        return margin
    return SYNONYMS[margin.name](*(mp.mpf(number) for _, number in margin.parameters))


def defined(function: Any) -> Any:
    """Cache a function of a margin loss and a point, so that it need not handle synonyms."""
    cached = functools.cache(function)

    @functools.wraps(function)
    def found(margin: Margin, point: Point) -> Any:
        return cached(resolved(margin), point)

    found.cache_clear = cached.cache_clear
    return found


@defined
def phi(margin: Margin, point: Point) -> Any:
    u, v, _, q = point
    match margin.name:
        case "cross_entropy":
            return -u
        case "focal":
            return power(v, margin.parameter("gamma")) * -u
        case "focal_star":
            return -_star(margin, point).u / margin.parameter("gamma")
        case "poly1":
            return minus_log_without_first_order(point) + (1 + margin.parameter("epsilon")) * q
        case "generalized_cross_entropy":
            kappa = margin.parameter("kappa")
            return -mp.expm1(kappa * u) / kappa
    raise KeyError(margin.name)


@defined
def slope(margin: Margin, point: Point) -> Any:
    u, v, p, q = point
    match margin.name:
        case "cross_entropy":
            return -q
        case "focal":
            gamma = margin.parameter("gamma")
            return power(v, gamma) * (gamma * times_log(p, u) - q)
        case "focal_star":
            return -_star(margin, point).q
        case "poly1":
            e = margin.parameter("epsilon")
            return -q * ((1 + e) - e * q)
        case "generalized_cross_entropy":
            return -power(u, margin.parameter("kappa")) * q
    raise KeyError(margin.name)


@defined
def curvature(margin: Margin, point: Point) -> Signed:
    u, v, p, q = point
    match margin.name:
        case "cross_entropy":
            return Signed.of(p * q)
        case "focal":
            g = margin.parameter("gamma")
            w, pu = power(v, g), times_log(p, u)
            return Signed.of((1 + 2 * g) * w * p * q, g * w * pu * q, -g * g * w * pu * p)
        case "focal_star":
            star = _star(margin, point)
            return Signed.of(margin.parameter("gamma") * star.p * star.q)
        case "poly1":
            e = margin.parameter("epsilon")
            return Signed.of((1 + e) * p * p * q, (1 - e) * p * q * q)
        case "generalized_cross_entropy":
            k = margin.parameter("kappa")
            w = power(u, k)
            return Signed.of(w * p * q, -k * w * q * q)
    raise KeyError(margin.name)


@defined
def slope_in_p(margin: Margin, point: Point) -> Any:
    u, v, p, q = point
    match margin.name:
        case "cross_entropy":
            return -1 / p
        case "focal":
            g = margin.parameter("gamma")
            return g * power(v, g - 1) * u - power(v, g) / p
        case "focal_star":
            return -_star(margin, point).q / (p * q)
        case "poly1":
            return -(q / p + 1 + margin.parameter("epsilon"))
        case "generalized_cross_entropy":
            return -power(u, margin.parameter("kappa") - 1)
    raise KeyError(margin.name)


def curvature_in_p(margin: Margin, point: Point) -> Signed:
    """Return d²φ/dp², and the size of the terms in φ″ / (p q)² − φ′ (q − p) / (p q)²."""
    in_m, area = curvature(margin, point), point.p * point.q
    bulk = (in_m.bulk + abs(slope(margin, point) * (point.q - point.p))) / area**2
    return Signed(_second_in_p(margin, point).value, bulk)


@defined
def _second_in_p(margin: Margin, point: Point) -> Signed:
    u, v, p, q = point
    match margin.name:
        case "cross_entropy" | "poly1":
            return Signed.of(1 / p**2)
        case "focal":
            g = margin.parameter("gamma")
            return Signed.of(
                -g * (g - 1) * power(v, g - 2) * u,
                2 * g * power(v, g - 1) / p,
                power(v, g) / p**2,
            )
        case "focal_star":
            star = _star(margin, point)
            rest = star.q / (p * q) ** 2
            return Signed.of(margin.parameter("gamma") * star.p * rest, (q - p) * rest)
        case "generalized_cross_entropy":
            k = margin.parameter("kappa")
            return Signed.of((1 - k) * power(u, k - 2))
    raise KeyError(margin.name)


def _star(margin: Margin, point: Point) -> Point:
    return at_margin(margin.parameter("gamma") * (point.u - point.v) + margin.parameter("beta"))


# The links. Each returns value, gradient and diagonal Hessian of Σ_k w_k φ(m_k), where the weight w_k
# includes everything: target, smoothing, α, class and sample weight.

POLICIES = ("exact", "clipped", "absolute", "fisher")


def bend(second: Signed, policy: str) -> Signed:
    """Apply a curvature policy to a scalar second derivative."""
    match policy:
        case "exact":
            return second
        case "clipped":
            return Signed(max(second.value, ZERO), second.bulk)
        case "absolute":
            return Signed(abs(second.value), second.bulk)
    raise KeyError(policy)


def total(*parts: tuple[Any, Signed]) -> Signed:
    """Return Σ weight · number; a weight of 0 silences a part, whatever it is."""
    kept = [(w, s) for w, s in parts if w != 0]
    return Signed(mp.fsum(w * s.value for w, s in kept), mp.fsum(abs(w) * s.bulk for w, s in kept))


def single(x: Any) -> Signed:
    """Return a number that is not a sum of signed terms."""
    return Signed(x, abs(x))


def value(margin: Margin, points: list[Point], weights: list[Any]) -> Any:
    return mp.fsum(w * phi(margin, at) for w, at in zip(weights, points, strict=True) if w != 0)


def yes_no(margin: Margin, link: str, x: Any, weights: tuple[Any, Any], policy: str) -> tuple:
    """Return value, gradient and Hessian of one sigmoid or identity element.

    The weights are for the answers yes and no.
    """
    if link == "sigmoid":
        yes, no, first, second = at_margin(x), at_margin(-x), slope, curvature
    else:
        yes, first, second = at_probability(x), slope_in_p, curvature_in_p
        no = Point(yes.v, yes.u, yes.q, yes.p)
    a, b = weights
    g = total((a, single(first(margin, yes))), (b, single(-first(margin, no))))
    if policy == "fisher":
        expected = yes.p * first(margin, yes) ** 2 + no.p * first(margin, no) ** 2
        h = total((a + b, single(expected)))
    else:
        h = total((a, bend(second(margin, yes), policy)), (b, bend(second(margin, no), policy)))
    return value(margin, [yes, no], [a, b]), g, h


def share(x: Any, whole: Any) -> Any:
    """Return exp(x − whole), where both may be infinite."""
    if x == whole:
        return ONE
    if x == -INF or whole == INF or whole == -INF:
        return ZERO
    return mp.exp(x - whole)


def log_sum_exp(xs: list[Any]) -> Any:
    top = max(xs, default=-INF)
    return top if abs(top) == INF else top + mp.log(mp.fsum(mp.exp(x - top) for x in xs))


@functools.cache
def one_against_the_rest(xs: tuple[Any, ...], k: int) -> tuple[Point, list[Any], list[Any]]:
    """Return the point of class k, the shares r_j of the others among themselves, and 1 − r_j."""
    others = [x for j, x in enumerate(xs) if j != k]
    rest = log_sum_exp(others)
    m = xs[k] if abs(xs[k]) == INF else -rest if abs(rest) == INF else xs[k] - rest
    r = [ZERO if j == k else share(x, rest) for j, x in enumerate(xs)]
    complement = [mp.fsum(r[:j] + r[j + 1 :]) if j != k else ONE for j in range(len(xs))]
    return at_margin(m), r, complement


def softmax(margin: Margin, xs: tuple[Any, ...], weights: list[Any], policy: str) -> tuple:
    """Return value, gradient and diagonal Hessian of one row: d = e_k − r, φ″ d² − φ′ r (1 − r)."""
    fisher = policy == "fisher"
    asked = {k for k, w in enumerate(weights) if fisher or w != 0}
    views = {k: one_against_the_rest(xs, k) for k in asked}
    first = {k: slope(margin, at) for k, (at, _, _) in views.items()}
    gradient, hessian = [], []
    for j in range(len(xs)):
        d = {k: ONE if j == k else -r[j] for k, (_, r, _) in views.items()}
        gradient.append(total(*((weights[k], single(first[k] * d[k])) for k in asked)))
        if fisher:
            expected = mp.fsum(at.p * (first[k] * d[k]) ** 2 for k, (at, _, _) in views.items())
            hessian.append(total((mp.fsum(weights), single(expected))))
            continue
        parts = []
        for k, (at, r, complement) in views.items():
            bent = bend(curvature(margin, at), policy)
            parts.append((weights[k] * d[k] ** 2, bent))
            parts.append((weights[k], single(-first[k] * r[j] * complement[j])))
        hessian.append(total(*parts))
    points = [views[k][0] if k in views else None for k in range(len(xs))]
    return value(margin, points, weights), gradient, hessian


def simplex(margin: Margin, ps: tuple[Any, ...], weights: list[Any], policy: str) -> tuple:
    """Return value, gradient and Hessian of one row of probabilities, each taken at face value."""
    points = [at_probability(p) for p in ps]
    gradient, hessian = [], []
    for at, w in zip(points, weights, strict=True):
        first = slope_in_p(margin, at)
        gradient.append(total((w, single(first))))
        if policy == "fisher":
            hessian.append(total((mp.fsum(weights), single(at.p * first**2))))
        else:
            hessian.append(total((w, bend(curvature_in_p(margin, at), policy))))
    return value(margin, points, weights), gradient, hessian


class Truth(NamedTuple):
    """Elementwise values, and the gradient and Hessian of their sum, each with its bulk."""

    value: np.ndarray
    gradient: np.ndarray
    gradient_bulk: np.ndarray
    hessian: np.ndarray
    hessian_bulk: np.ndarray


def truth(margin: Margin, link: str, inputs: Any, weights: Any, policy: str = "exact") -> Truth:
    """Return the truth for a whole array of inputs and the weights of every component.

    For sigmoid and identity the weights have an extra last axis of two, yes and no; for softmax and
    simplex they have the shape of the inputs.

    It is computed once for all engines and outputs; nobody may write to it.
    """
    inputs, weights = np.asarray(inputs), np.asarray(weights)
    given = tuple((a.dtype.str, a.shape, a.tobytes()) for a in (inputs, weights))
    return _truth(resolved(margin), link, *given, policy)


@functools.lru_cache(maxsize=64)
def _truth(margin: Margin, link: str, inputs: Any, weights: Any, policy: str) -> Truth:
    inputs, weights = (np.frombuffer(b, t).reshape(s) for t, s, b in (inputs, weights))
    out = {name: np.empty(inputs.shape, object) for name in Truth._fields}
    if link in ("sigmoid", "identity"):
        for i in np.ndindex(inputs.shape):
            w = tuple(number(x) for x in weights[i])
            result = yes_no(margin, link, number(inputs[i]), w, policy)
            out["value"][i] = result[0]
            _store(out, i, result[1], result[2])
        return _frozen(out)
    out["value"] = np.empty(inputs.shape[:-1], object)
    row = softmax if link == "softmax" else simplex
    for i in np.ndindex(inputs.shape[:-1]):
        xs = tuple(number(x) for x in inputs[i])
        out["value"][i], g, h = row(margin, xs, [number(w) for w in weights[i]], policy)
        for j in range(len(xs)):
            _store(out, (*i, j), g[j], h[j])
    return _frozen(out)


def _store(out: dict[str, np.ndarray], i: Any, gradient: Signed, hessian: Signed) -> None:
    out["gradient"][i], out["gradient_bulk"][i] = gradient
    out["hessian"][i], out["hessian_bulk"][i] = hessian


def _frozen(out: dict[str, np.ndarray]) -> Truth:
    for numbers in out.values():
        numbers.flags.writeable = False
    return Truth(**out)


def forget() -> None:
    """Forget everything computed so far, as a change of digits requires."""
    for function in list(globals().values()):
        if hasattr(function, "cache_clear"):
            function.cache_clear()
