"""The links: from scores to the margin and what goes with it, and from slopes back to gradients.

``sigmoid``
    Each logit x answers a yes/no question; m = x for a positive, −x for a negative.
``softmax``
    A row of logits names one class; m_t = x_t − logsumexp over j ≠ t of x_j.
``identity``
    Each score is already the probability of yes.
``simplex``
    Each row of scores is already a distribution over the classes.

`margin_terms` and `probability_terms` are written in the vocabulary, so every engine can run them;
`softmax_margins` is the readable NumPy form of what an engine fuses into its loop over a row.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from focalis.curvature import shape_curvature
from focalis.margin import MarginLoss
from focalis.vocabulary import absolute, exp_nonpositive, log, log1p, log1p_unit, where

LinkName = Literal["sigmoid", "softmax", "identity", "simplex"]


class LinkWords(NamedTuple):
    """A link described in words.

    ``of`` completes "the loss of …"; ``scores`` says what the loss takes, ``activation`` what it
    applies, ``targets`` what the targets look like, ``gradient`` how φ′ becomes the gradient.
    """

    of: str
    scores: str
    activation: str
    targets: str
    gradient: str


class Link(str):
    """A link: a string, its name, which is all that users write and see, with its properties.

    Attributes
    ----------
    elementwise : bool
        Whether each score answers a yes/no question by itself; if not, a row of scores names a class.
    on_probabilities : bool
        Whether the scores are already probabilities; if not, they are logits.
    harmless : float
        A score at which every loss is finite, to put in place of one that does not count.
    masked : float
        What replaces the score of a class that does not exist: a logit of probability 0, or a
        probability that does no harm, since no target asks about that class.
    prefix : str
        What the link is called in the names of functions.
    words : LinkWords
        The link described in words.
    """

    name: LinkName
    elementwise: bool
    on_probabilities: bool
    harmless: float
    masked: float
    prefix: str
    words: LinkWords

    def __new__(
        cls,
        name: LinkName,
        *,
        elementwise: bool,
        on_probabilities: bool,
        prefix: str,
        words: LinkWords,
    ) -> "Link":
        """Return the name as a string with these properties."""
        link = super().__new__(cls, name)
        link.__dict__.update(
            name=name,
            elementwise=elementwise,
            on_probabilities=on_probabilities,
            harmless=0.5 if on_probabilities else 0.0,
            masked=0.5 if on_probabilities else -np.inf,
            prefix=prefix,
            words=words,
        )
        return link

    @property
    def of_logits(self) -> "Link":
        """The link that answers the same question from logits."""
        return SIGMOID if self.elementwise else SOFTMAX

    @property
    def of_probabilities(self) -> "Link":
        """The link that answers the same question from probabilities."""
        return IDENTITY if self.elementwise else SIMPLEX

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a link is fixed, got {name}={value!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a link is fixed, got del {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _link, (self.name,)


SIGMOID = Link(
    "sigmoid",
    elementwise=True,
    on_probabilities=False,
    prefix="sigmoid",
    words=LinkWords(
        "a sigmoid",
        "logits, a yes/no question each",
        "a sigmoid inside the loss, p = 1 / (1 + e^(−x)); p_t is p for a yes and 1 − p for a no",
        "0 or 1 for each logit, or between",
        "φ′ for a yes, −φ′ for a no",
    ),
)
SOFTMAX = Link(
    "softmax",
    elementwise=False,
    on_probabilities=False,
    prefix="softmax",
    words=LinkWords(
        "a softmax",
        "rows of logits, one of C classes each",
        "a softmax inside the loss, p_j = e^(x_j) / Σ_k e^(x_k); p_t is that of the target class",
        "a class index for each row, or C numbers",
        "φ′ for the target class, −φ′ p_j / (1 − p_t) for class j",
    ),
)
IDENTITY = Link(
    "identity",
    elementwise=True,
    on_probabilities=True,
    prefix="binary",
    words=LinkWords(
        "probabilities of yes",
        "probabilities of yes",
        "none, it comes before the loss; p_t is p for a yes and 1 − p for a no",
        "0 or 1 for each probability, or between",
        "φ′ / (p (1 − p)) for a yes, −φ′ / (p (1 − p)) for a no",
    ),
)
SIMPLEX = Link(
    "simplex",
    elementwise=False,
    on_probabilities=True,
    prefix="categorical",
    words=LinkWords(
        "rows of probabilities",
        "rows of probabilities, a distribution over C classes each",
        "none, it comes before the loss; p_t is the probability of the target class",
        "a class index for each row, or C numbers",
        "φ′ / (p_t (1 − p_t)) for the target class, 0 for the others",
    ),
)
LINKS: Mapping[str, Link] = {link.name: link for link in (SIGMOID, SOFTMAX, IDENTITY, SIMPLEX)}


def link_for(n_classes: int) -> Link:
    """Return a classifier's link: one logit for two classes, one per class for more."""
    return SIGMOID if n_classes == 2 else SOFTMAX


def _link(name: str) -> Link:
    return LINKS[name]


# How far above 1, in units of the type's rounding, probabilities from another softmax may be.
PROBABILITY_SLACK = 16


class Limits(NamedTuple):
    """What a loss tends to where its formula meets an infinity, and the bounds of the number type.

    ``value`` is φ as m → −∞, ``value_at_one`` as p → 1; the slopes and curvatures are dφ/dp and
    d²φ/dp² as p → 0 and as p → 1. ``largest`` and ``tiny`` are the type's largest and smallest normal
    numbers, ``floor`` the square root of its rounding.
    """

    largest: float
    tiny: float
    floor: float
    value: float = 0.0
    value_at_one: float = 0.0
    slope_at_zero: float = 0.0
    slope_at_one: float = 0.0
    curvature_at_zero: float = 0.0
    curvature_at_one: float = 0.0


def at_margin(m: Any) -> tuple[Any, Any, Any, Any]:
    """Return u = log p, v = log q, p = σ(m) and q = σ(−m) for a finite m, without subtraction."""
    e = exp_nonpositive(-absolute(m))
    tail = log1p_unit(e)
    large = 1.0 / (1.0 + e)
    small = e * large
    zero = 0.0
    positive = m >= zero
    u = where(m < zero, m, zero) - tail
    v = where(m < zero, zero, -m) - tail
    return u, v, where(positive, large, small), where(positive, small, large)


def margin_terms(loss: MarginLoss, bounds: Limits, curvature: str, m: Any) -> tuple[Any, Any, Any]:
    """Return value, slope and shaped curvature at a margin, which may be infinite."""
    inside = _finite(m, bounds)
    value, slope, second = state_terms(loss, curvature, inside, *at_margin(inside))
    return where(m < -bounds.largest, bounds.value, value), slope, second


def both_margin_terms(
    loss: MarginLoss, bounds: Limits, curvature: str, m: Any
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Return `margin_terms` at a margin and at its mirror −m, computing u, v, p and q only once."""
    inside = _finite(m, bounds)
    u, v, p, q = at_margin(inside)
    value, slope, second = state_terms(loss, curvature, inside, u, v, p, q)
    value_no, slope_no, second_no = state_terms(loss, curvature, -inside, v, u, q, p)
    value = where(m < -bounds.largest, bounds.value, value)
    value_no = where(m > bounds.largest, bounds.value, value_no)
    return value, slope, second, value_no, slope_no, second_no


def _finite(m: Any, bounds: Limits) -> Any:
    largest, lowest = bounds.largest, -bounds.largest
    inside = where(m < lowest, lowest, m)
    return where(inside > largest, largest, inside)


def state_terms(
    loss: MarginLoss, curvature: str, m: Any, u: Any, v: Any, p: Any, q: Any
) -> tuple[Any, Any, Any]:
    """Return value, slope and shaped curvature at a finite margin with its u, v, p and q."""
    value, slope, second = loss(m, u, v, p, q)
    if curvature == "fisher":
        mirrored = loss(-m, v, u, q, p)[1]
        return value, slope, p * (slope * slope) + q * (mirrored * mirrored)
    return value, slope, shape_curvature(curvature, second)


def probability_terms(
    loss: MarginLoss, bounds: Limits, curvature: str, p: Any, q: Any
) -> tuple[Any, Any, Any]:
    """Return value, first and shaped second derivative with respect to p_t = p, where q = 1 − p.

    dm/dp = 1 / (p q) and d²m/dp² = (p − q) / (p q)².
    """
    value, first, second = _chain(loss, bounds, p, q)
    if curvature == "fisher":
        mirrored = _chain(loss, bounds, q, p)[1]
        inside_p, inside_q = _inside(p, bounds.tiny), _inside(q, bounds.tiny)
        second = inside_p * (first * first) + inside_q * (mirrored * mirrored)
    else:
        second = _at_ends(p, q, bounds.curvature_at_zero, second, bounds.curvature_at_one)
        second = shape_curvature(curvature, second)
    value = _at_ends(p, q, bounds.value, value, bounds.value_at_one)
    return value, _at_ends(p, q, bounds.slope_at_zero, first, bounds.slope_at_one), second


def _at_ends(p: Any, q: Any, at_zero: float, between: Any, at_one: float) -> Any:
    return where(p == 0.0, at_zero, where(q == 0.0, at_one, between))


def _inside(p: Any, tiny: float) -> Any:
    return where(p < tiny, tiny, p)


def _chain(loss: MarginLoss, bounds: Limits, p: Any, q: Any) -> tuple[Any, Any, Any]:
    """Return φ, dφ/dp and d²φ/dp² at a probability, no closer to 0 than the smallest normal number."""
    value, first, second, size = _second_derivative(loss, bounds, p, q)
    # Where φ″ and φ′ cancel (cross-entropy as q → 0) d²φ/dp² is almost constant: take it from the point
    # where the rounding error equals the error of not going further.
    floor = bounds.floor
    held_p, held_q = where(q < floor, 1.0 - floor, p), where(q < floor, floor, q)
    held = _second_derivative(loss, bounds, held_p, held_q)[2]
    return value, first, where(absolute(second) < floor * size, held, second)


def _second_derivative(
    loss: MarginLoss, bounds: Limits, p: Any, q: Any
) -> tuple[Any, Any, Any, Any]:
    """Return φ, dφ/dp, d²φ/dp², and the size of the two terms that the last is the sum of."""
    inside_p, inside_q = _inside(p, bounds.tiny), _inside(q, bounds.tiny)
    u = where(p < 0.5, log(inside_p), log1p(-q))
    v = where(q < 0.5, log(inside_q), log1p(-p))
    value, slope, curvature = loss(u - v, u, v, inside_p, inside_q)
    per_p, per_q = 1.0 / inside_p, 1.0 / inside_q
    turned = slope * (inside_p - inside_q)
    second = (curvature + turned) * per_q * per_q * per_p * per_p
    size = (absolute(curvature) + absolute(turned)) * per_q * per_q * per_p * per_p
    return value, slope * per_q * per_p, second, size


def link_terms(link: Link, loss: MarginLoss, bounds: Limits, curvature: str) -> Any:
    """Return the function of (z, mirrored z) that an elementwise engine evaluates.

    For a sigmoid z is the margin of the truth; for probabilities z is p_t and its mirror 1 − p_t.
    """
    if link.on_probabilities:
        return lambda z, mirrored: probability_terms(loss, bounds, curvature, z, mirrored)
    return lambda z, mirrored: margin_terms(loss, bounds, curvature, z)


def both_link_terms(link: Link, loss: MarginLoss, bounds: Limits, curvature: str) -> Any:
    """Return the function of (z, mirrored z) that gives `link_terms` for z and for its mirror."""
    if link.on_probabilities:
        terms = link_terms(link, loss, bounds, curvature)
        return lambda z, mirrored: (*terms(z, mirrored), *terms(mirrored, z))
    return lambda z, mirrored: both_margin_terms(loss, bounds, curvature, z)


def limits(loss: MarginLoss, dtype: Any) -> Limits:
    """Return the limits of a margin loss, found by following it far out in float64."""
    info = np.finfo(dtype)
    bounds = Limits(float(info.max), float(info.tiny), float(info.eps) ** 0.5)
    with np.errstate(all="ignore"):
        found = probability_limits(loss, bounds, np.float64)
    return bounds._replace(**{name: float(limit) for name, limit in found.items()})


def margin_limits(loss: Any, number: Any) -> dict[str, Any]:
    """Return the limit of a margin loss along the margin, computed on numbers that `number` makes."""
    values = [loss(m, *at_margin(m))[0] for m in (number(-1e150), number(-1e300))]
    return {"value": _limit(number, *values)}


def probability_limits(loss: Any, bounds: Limits, number: Any) -> dict[str, Any]:
    """Return the limits of a margin loss along the probability; `number` as in `margin_limits`."""
    near, far = number(1e-70), number(1e-140)
    at_zero = [_chain(loss, bounds, p, 1.0 - p) for p in (near, far)]
    at_one = [_chain(loss, bounds, 1.0 - q, q) for q in (near, far)]
    return {
        **margin_limits(loss, number),
        "value_at_one": _limit(number, at_one[0][0], at_one[1][0]),
        "slope_at_zero": _limit(number, at_zero[0][1], at_zero[1][1]),
        "slope_at_one": _limit(number, at_one[0][1], at_one[1][1]),
        "curvature_at_zero": _limit(number, at_zero[0][2], at_zero[1][2]),
        "curvature_at_one": _limit(number, at_one[0][2], at_one[1][2]),
    }


def _limit(number: Any, far: Any, farther: Any) -> Any:
    """Return the limit of a sequence from two elements far out."""
    far, farther = number(0.0) + far, number(0.0) + farther
    endless = where(farther < 0.0, -np.inf, np.inf)
    open_ended = where(absolute(farther) < absolute(far), 0.0, endless)
    return where(absolute(farther - far) <= 1e-6 * absolute(far), farther, open_ended)


class SoftmaxMargins(NamedTuple):
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
        true = np.take_along_axis(finite, t[:, None], axis=1)
        margin = (true - top) - np.log(total)
        # Clipping made infinities finite: put back the margins that an infinity decides.
        raw_true = np.take_along_axis(x, t[:, None], axis=1)
        raw_top = np.where(is_target, -np.inf, x).max(axis=1, keepdims=True)
        lost = ((raw_true == -np.inf) & (raw_top > -np.inf)) | (
            (raw_top == np.inf) & (raw_true < np.inf)
        )
        margin = np.where(lost, -np.inf, margin)
        ratio = np.where(total == 0.0, 0.0, e / total)
        # Subtraction gives 1 − r_j accurately except for the largest r_j, where the rest is summed.
        is_top = np.arange(x.shape[1]) == e.argmax(axis=1)[:, None]
        rest = np.where(is_top, 0.0, e).sum(axis=1, keepdims=True, dtype=x.dtype)
        complement = np.where(is_top, rest, total - e) / total
    complement = np.where(is_target | (total == 0.0), 1.0, complement).astype(x.dtype)
    return SoftmaxMargins(
        margin[:, 0].astype(x.dtype), ratio.astype(x.dtype), complement, is_target
    )


def probabilities(link: Link, x: np.ndarray) -> np.ndarray:
    """Return the probabilities that the link turns scores into, in the scores' floating type."""
    if link.on_probabilities:
        return x.copy()
    largest = np.finfo(x.dtype).max
    finite = np.clip(x, -largest, largest)
    with np.errstate(all="ignore"):
        if link.elementwise:
            return np.asarray(at_margin(finite)[2])
        e = np.exp(finite - finite.max(axis=-1, keepdims=True))
        return np.asarray(e / e.sum(axis=-1, keepdims=True))
