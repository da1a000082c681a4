"""What the minimiser of a loss implies about the class probabilities, and the constant to start from.

At the minimum of the expected loss the slopes balance: with weights α_k the class probabilities are
η_k ∝ p_k / (α_k · (−φ′(m_k) / (1 − p_k))) (arXiv 2011.09172). In logarithms that is the *log density*
L(m) = log p + log q − log(−φ′(m)), which for cross-entropy is log p itself.
"""

import functools
from collections.abc import Callable

import numpy as np

from focalis.errors import ArgumentError
from focalis.margin import MarginLoss
from focalis.maths import single_row
from focalis.maths.links import Link, at_margin, softmax_margins

Array = np.ndarray

_ROUNDS = 200
_FARTHEST = 1e7
_INFINITE = 1e300


def log_density(loss: MarginLoss, m: Array) -> tuple[Array, Array]:
    """Return L(m) and L′(m), in float64, for any margin.

    Far out L is almost linear but φ′ underflows, so L is extrapolated there with its rate at the edge.
    """
    (low, low_rate), (high, high_rate) = _asymptotes(loss)
    m = np.clip(m, -_INFINITE, _INFINITE)
    inside, rate = _density(loss, np.clip(m, low, high))
    below, above = np.minimum(m - low, 0.0), np.maximum(m - high, 0.0)
    rate = np.where(below < 0, low_rate, np.where(above > 0, high_rate, rate))
    return inside + low_rate * below + high_rate * above, rate


def _density(loss: MarginLoss, m: Array) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        u, v, p, q = at_margin(m)
        _, slope, second = loss(m, u, v, p, q)
        return single_row.log_density(u, v, slope) + np.zeros_like(m), q - p - second / slope


@functools.lru_cache(maxsize=256)
def _asymptotes(loss: MarginLoss) -> list[tuple[float, float]]:
    """Return the margins, below and above 0, where the slope still has digits, and the rates of L."""
    ends = []
    for edge in (-512.0, 512.0):
        while _underflows(loss, edge) and abs(edge) > 1e-100:
            edge /= 2
        step = np.copysign(min(1.0, abs(edge) / 2), edge)
        before, at_edge = _density(loss, np.array([edge - step, edge]))[0]
        # The rates are small numbers such as 1 − κ; digits beyond the ninth are rounding. There is none
        # where no slope has digits: both are infinite.
        with np.errstate(invalid="ignore"):
            ends.append((edge, round(float((at_edge - before) / step), 9)))
    return ends


def _underflows(loss: MarginLoss, m: float) -> bool:
    with np.errstate(all="ignore"):
        return not np.all(loss(np.array(m), *at_margin(np.array(m)))[1] < -1e-290)


def _log_odds(loss: MarginLoss, m: Array) -> tuple[Array, Array]:
    """Return L(m) − L(−m), the log-odds of a yes/no question before weights, and its derivative."""
    (yes, yes_rate), (no, no_rate) = log_density(loss, m), log_density(loss, -m)
    return yes - no, yes_rate + no_rate


def check_determined(loss: MarginLoss) -> None:
    """Raise unless the minimiser of the loss depends on the class probabilities."""
    m = np.linspace(0.1, 20.0, 64)
    if np.all(np.abs(_log_odds(loss, m)[0]) < 1e-9):
        raise ArgumentError(
            "margin_loss",
            "one whose slope tells m from −m",
            repr(loss),
            problem="{argument} {got} does not determine the class probabilities: its slope is the same "
            "at m and −m, so its minimiser only names the likeliest class",
        )


def posterior_probabilities(
    link: Link, loss: MarginLoss, positive: Array, negative: Array, smoothing: float, x: Array
) -> Array:
    """Return the class probabilities that scores x (…, C) imply after training, in float64."""
    check_determined(loss)
    if smoothing >= 1.0:
        raise ArgumentError("label_smoothing", "below 1 for a posterior", "1: no target is left")
    for name, weights in (("positive", positive), ("negative", negative)):
        if np.any(weights == 0) and (name == "positive" or link.elementwise):
            raise ArgumentError(
                "the weights of the classes",
                "weights above 0 for a posterior",
                f"a {name} answer",
                problem="{got} has weight 0 in this loss, so its minimiser says nothing about its "
                "probability: expected {expected}",
            )
    x = x.astype(np.float64)
    with np.errstate(all="ignore"):
        if link.elementwise:
            m = np.log(x) - np.log1p(-x) if link.on_probabilities else x
            log_odds = _log_odds(loss, m)[0] - np.log(positive / negative)
            largest = np.finfo(np.float64).max
            eta = at_margin(np.clip(log_odds, -largest, largest))[2]
            return np.asarray(np.clip((eta - smoothing / 2) / (1 - smoothing), 0.0, 1.0))
        m = np.log(x) - np.log1p(-x) if link.on_probabilities else all_margins(x)
        density = log_density(loss, m)[0] - np.log(positive)
        eta = np.exp(density - density.max(axis=-1, keepdims=True))
        eta /= eta.sum(axis=-1, keepdims=True)
        if smoothing:
            eta = np.clip((eta - smoothing / x.shape[-1]) / (1 - smoothing), 0.0, 1.0)
            eta /= eta.sum(axis=-1, keepdims=True)
    return np.asarray(eta)


def all_margins(x: Array) -> Array:
    """Return the margin of every class for logits x (…, C)."""
    rows = x.reshape(-1, x.shape[-1])
    largest = np.finfo(np.float64).max
    finite = np.clip(rows, -largest, largest)
    top = finite.argmax(axis=1)
    at_top = np.arange(rows.shape[1]) == top[:, None]
    peak = np.take_along_axis(finite, top[:, None], axis=1)
    e = np.exp(finite - peak)
    margins = (finite - peak) - np.log(e.sum(axis=1, keepdims=True) - np.where(at_top, 0.0, e))
    # For the largest logit, sum the others without it: 1 − p would cancel.
    margins = np.where(at_top, softmax_margins(finite, top).margin[:, None], margins)
    return np.asarray(margins.reshape(x.shape))


def constant_logits(link: Link, loss: MarginLoss, positive: Array, negative: Array) -> Array:
    """Return the constant (C,) that minimises the loss under the total weights of the answers.

    `positive` and `negative` (C,) are sums over the rows of weight × target; a softmax uses only
    `positive`. An answer with no weight is an error, because the loss then has no finite minimiser.
    """
    for answer, total in (("positive", positive), ("negative", negative)):
        if np.any(total <= 0) and (answer == "positive" or link.elementwise):
            never = int(np.flatnonzero(total <= 0)[0])
            got = (
                f"none for the {answer} answer of class {never}: no finite logit minimises the loss"
            )
            raise ArgumentError("targets", "every class weight", got, must="give")
    check_determined(loss)
    if link.elementwise:
        log_odds = np.log(positive) - np.log(negative)
        logits = _invert(lambda m: _log_odds(loss, m), log_odds)
    else:
        logits = _constant_softmax(loss, positive)
    if np.max(np.abs(logits)) >= _FARTHEST / 2:
        raise ArgumentError(
            "margin_loss",
            "one with a finite minimiser",
            repr(loss),
            problem="{argument} {got} has no finite minimiser for the shares of these classes: it "
            "leaves one of them no probability",
        )
    return logits


def _constant_softmax(loss: MarginLoss, positive: Array) -> Array:
    """Return constant logits for a softmax, with mean 0; where none exist, some very large ones."""
    wanted = np.log(positive) - np.log(positive.sum())
    # Every class but one has p ≤ 1/2, where L increases for every loss; that one takes the remainder.
    top = int(wanted.argmax())
    others = np.delete(wanted, top)
    if others.size == 0:
        return np.zeros(1)

    def margins(shift: Array) -> Array:
        return _invert(lambda m: log_density(loss, m), others + shift, ceiling=0.0)

    def excess(shift: Array) -> tuple[Array, Array]:
        m = margins(shift)
        _, _, p, q = at_margin(m)
        rest = p.sum(keepdims=True)
        if rest[0] >= 1.0:
            return np.array([_FARTHEST]), np.ones(1)
        with np.errstate(all="ignore"):
            density, rate = log_density(loss, np.log1p(-rest) - np.log(rest))
            spread = (p * q / log_density(loss, m)[1]).sum() / (rest * (1.0 - rest))
            return wanted[top] + shift - density, 1.0 + rate * spread

    # The densities fix p up to a common factor, which is set by the sum of p.
    log_p, _, p, _ = at_margin(margins(_invert(excess, np.zeros(1))))
    logits = np.insert(log_p, top, np.log1p(-p.sum()))
    return np.asarray(logits - logits.mean())


def _invert(
    f: Callable[[Array], tuple[Array, Array]], wanted: Array, ceiling: float = _FARTHEST
) -> Array:
    """Solve f(m) = wanted for an increasing f and m up to a ceiling, by Newton's method in a bracket.

    Elementwise; f also returns its derivative. A value outside the range of f gives the nearer end.
    """
    low, high = -np.ones(wanted.shape), np.full(wanted.shape, min(1.0, ceiling))
    short, beyond = f(low)[0] > wanted, f(high)[0] < wanted
    while np.any(short & (low > -_FARTHEST)) or np.any(beyond & (high < ceiling)):
        low = np.where(short, 2 * low, low)
        high = np.where(beyond, np.minimum(2 * high, ceiling), high)
        short, beyond = f(low)[0] > wanted, f(high)[0] < wanted
    m, last = (low + high) / 2, np.full(wanted.shape, np.inf)
    for _ in range(_ROUNDS):
        found, rate = f(m)
        missed = np.abs(found - wanted)
        with np.errstate(all="ignore"):
            newton = m - (found - wanted) / rate
            # Convergence is quadratic, so the next step would be about this one squared, below the last
            # digit; but where f is steep, steps are small even far from the solution.
            settled = np.abs(newton - m) <= 2.0**-40 * np.maximum(1.0, np.abs(m))
            settled &= missed <= 2.0**-20 * np.maximum(1.0, np.abs(wanted))
        low, high = np.where(found < wanted, m, low), np.where(found < wanted, high, m)
        # At a kink the derivative may be that of another branch, whose steps would only creep.
        inside = settled | ((newton > low) & (newton < high) & (missed <= last / 2))
        m, last = np.where(inside, newton, (low + high) / 2), missed
        if np.all(settled | short | beyond):
            break
    return np.where(short, low, np.where(beyond, high, m))
