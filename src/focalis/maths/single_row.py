"""A loss on one score or one row of scores, written in the vocabulary.

What the engines fuse into loops over arrays is written here as straight-line code on single numbers, so
that anything the vocabulary knows can run it: the arbitrary-precision numbers of `focalis.testing`, and
the symbols that `focalis.explore` turns into a script. A margin loss is any callable of m, u, v, p, q.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

from focalis.maths.links import at_margin
from focalis.vocabulary import exp_nonpositive, log, maximum, minimum, where

# The edges to try for the density, the slope it needs there, and a margin that is as good as infinite.
_EDGES = (32.0, 128.0, 512.0)
_LEAST_SLOPE = 1e-290
_INFINITE = 1e300

MarginTerms = Callable[[Any, Any, Any, Any, Any], tuple[Any, Any, Any]]


class RowTerms(NamedTuple):
    """The value of a loss on a row, its gradient and the diagonal of its Hessian."""

    value: Any
    gradient: list[Any]
    hessian: list[Any]


class View(NamedTuple):
    """A softmax seen from one class t: its margin, and r_j and 1 − r_j for the other classes."""

    margin: Any
    ratio: dict[int, Any]
    complement: dict[int, Any]


def sigmoid_terms(loss: MarginTerms, x: Any, yes: Any, no: Any) -> RowTerms:
    """Return the terms of one logit; `yes` and `no` are the weights of its two answers."""
    value_yes, slope_yes, curvature_yes = loss(x, *at_margin(x))
    value_no, slope_no, curvature_no = loss(-x, *at_margin(-x))
    return RowTerms(
        yes * value_yes + no * value_no,
        [yes * slope_yes - no * slope_no],
        [yes * curvature_yes + no * curvature_no],
    )


def softmax_terms(loss: MarginTerms, xs: Sequence[Any], weights: Sequence[Any]) -> RowTerms:
    """Return the terms of a row of two or more logits; `weights` has one weight per class.

    The gradient is Σ_k w_k φ′(m_k) d and the Hessian Σ_k w_k (φ″(m_k) d² − φ′(m_k) r (1 − r)), where
    d is 1 at class k and −r_j elsewhere.
    """
    views = softmax_views(xs)
    terms = [loss(view.margin, *at_margin(view.margin)) for view in views]
    gradient, hessian = [], []
    for j in range(len(xs)):
        _, slope, curvature = terms[j]
        first, second = [weights[j] * slope], [weights[j] * curvature]
        for k, (view, (_, slope, curvature)) in enumerate(zip(views, terms, strict=True)):
            if k != j:
                r, rest = view.ratio[j], view.complement[j]
                first.append(weights[k] * (slope * -r))
                second.append(weights[k] * (curvature * (r * r)))
                second.append(weights[k] * (-slope * (r * rest)))
        gradient.append(_sum(first))
        hessian.append(_sum(second))
    values = [weight * value for weight, (value, _, _) in zip(weights, terms, strict=True)]
    return RowTerms(_sum(values), gradient, hessian)


def softmax_views(xs: Sequence[Any]) -> list[View]:
    """Return a row of two or more logits as seen from each class, without subtracting from 1."""
    views = []
    for k, x in enumerate(xs):
        others = [j for j in range(len(xs)) if j != k]
        top = reduce(maximum, (xs[j] for j in others))
        e = {j: exp_nonpositive(xs[j] - top) for j in others}
        total = _sum(list(e.values()))
        views.append(
            View(
                (x - top) - log(total),
                {j: e[j] / total for j in others},
                {j: _sum([e[i] for i in others if i != j]) / total for j in others},
            )
        )
    return views


def log_density(u: Any, v: Any, slope: Any) -> Any:
    """Return log p + log q − log(−φ′): its differences are those of the log-posterior."""
    return u + v - log(-slope)


def sigmoid_posterior(loss: MarginTerms, x: Any) -> Any:
    """Return the probability of yes that a trained logit implies."""
    density = _continued(loss, x)
    log_odds = density(x) - density(-x)
    return at_margin(log_odds)[2]


def softmax_posterior(loss: MarginTerms, xs: Sequence[Any]) -> list[Any]:
    """Return the class probabilities that a row of trained logits implies."""
    density = _continued(loss, xs[0])
    densities = [density(view.margin) for view in softmax_views(xs)]
    top = reduce(maximum, densities)
    e = [exp_nonpositive(one - top) for one in densities]
    return [one / _sum(e) for one in e]


def _continued(loss: MarginTerms, like: Any) -> Callable[[Any], Any]:
    """Return the log density as a function of any margin that is a number like `like`.

    Far out it is almost linear but φ′ underflows, so it is continued there with its rate at the edge.
    """

    def slope(m: Any) -> Any:
        return loss(m, *at_margin(m))[1]

    def density(m: Any) -> Any:
        u, v, _, _ = at_margin(m)
        return log_density(u, v, slope(m))

    nothing = 0.0 * maximum(-_INFINITE, minimum(like, _INFINITE))
    edge, *further_ones = (end + nothing for end in _EDGES)
    for further in further_ones:
        weakest = minimum(-slope(further), -slope(-further))
        edge = where(weakest > _LEAST_SLOPE, further, edge)
    low_rate = density(1.0 - edge) - density(-edge)
    high_rate = density(edge) - density(edge - 1.0)

    def continued(m: Any) -> Any:
        m = maximum(-_INFINITE, minimum(m, _INFINITE))
        inside = density(maximum(-edge, minimum(m, edge)))
        below, above = minimum(m + edge, 0.0), maximum(m - edge, 0.0)
        return inside + low_rate * below + high_rate * above

    return continued


def _sum(numbers: list[Any]) -> Any:
    return reduce(add, numbers) if numbers else 0.0
