"""What the minimiser of a loss says of the class probabilities, and the constant to start from.

At the minimum of the expected loss the slopes balance: with weights α_k the class probabilities are
η_k ∝ p_k / (α_k · (−φ′(m_k) / (1 − p_k))) (arXiv 2011.09172). In logarithms that is the *log density*
L(m) = log p + log q − log(−φ′(m)), which for cross-entropy is log p itself.
"""

from collections.abc import Callable

import numpy as np

from focalis.links import ELEMENTWISE, PROBABILITY, at_margin, softmax_margins
from focalis.margin import MarginLoss

__all__ = ["constant_logits", "posterior_probabilities"]

Array = np.ndarray

_FARTHEST = 1e12
_HALVINGS = 200


def log_density(loss: MarginLoss, m: Array) -> Array:
    """Return L(m), in float64; the slope's underflow far out is held at the smallest number."""
    inside = np.clip(m, -np.finfo(np.float64).max, np.finfo(np.float64).max)
    with np.errstate(all="ignore"):
        u, v, p, q = at_margin(inside)
        slope = np.broadcast_to(loss(inside, u, v, p, q)[1], m.shape)
        density = u + v - np.log(np.maximum(-slope, np.finfo(np.float64).smallest_subnormal))
    return np.where(np.isnan(m), np.nan, density)


def check_determined(loss: MarginLoss) -> None:
    """Raise unless the minimiser of the loss depends on the class probabilities."""
    m = np.linspace(0.1, 20.0, 64)
    if np.all(np.abs(log_density(loss, m) - log_density(loss, -m)) < 1e-9):
        raise ValueError(
            f"margin_loss {loss!r} does not determine the class probabilities: its slope is the same "
            "at m and −m, so its minimiser only names the likeliest class"
        )


def posterior_probabilities(
    link: str, loss: MarginLoss, positive: Array, negative: Array, smoothing: float, x: Array
) -> Array:
    """Return the class probabilities that scores x (…, C) stand for after training, in float64."""
    check_determined(loss)
    if smoothing >= 1.0:
        raise ValueError(
            "label_smoothing must be below 1 for a posterior, got 1: no target is left"
        )
    for name, weights in (("positive", positive), ("negative", negative)):
        if np.any(weights == 0) and (name == "positive" or link in ELEMENTWISE):
            raise ValueError(
                f"a {name} answer has weight 0 in this loss, so its minimiser says nothing of its "
                "probability: expected weights above 0 for a posterior"
            )
    x = x.astype(np.float64)
    with np.errstate(all="ignore"):
        if link in ELEMENTWISE:
            m = np.log(x) - np.log1p(-x) if link in PROBABILITY else x
            log_odds = log_density(loss, m) - log_density(loss, -m) - np.log(positive / negative)
            largest = np.finfo(np.float64).max
            eta = at_margin(np.clip(log_odds, -largest, largest))[2]
            return np.asarray(np.clip((eta - smoothing / 2) / (1 - smoothing), 0.0, 1.0))
        m = np.log(x) - np.log1p(-x) if link in PROBABILITY else all_margins(x)
        density = log_density(loss, m) - np.log(positive)
        eta = np.exp(density - density.max(axis=-1, keepdims=True))
        eta /= eta.sum(axis=-1, keepdims=True)
        if smoothing:
            eta = np.clip((eta - smoothing / x.shape[-1]) / (1 - smoothing), 0.0, 1.0)
            eta /= eta.sum(axis=-1, keepdims=True)
    return np.asarray(eta)


def all_margins(x: Array) -> Array:
    """Return the margin of every class of logits x (…, C)."""
    rows = x.reshape(-1, x.shape[-1])
    largest = np.finfo(np.float64).max
    finite = np.clip(rows, -largest, largest)
    top = finite.argmax(axis=1)
    at_top = np.arange(rows.shape[1]) == top[:, None]
    peak = np.take_along_axis(finite, top[:, None], axis=1)
    e = np.exp(finite - peak)
    margins = (finite - peak) - np.log(e.sum(axis=1, keepdims=True) - np.where(at_top, 0.0, e))
    # Seen from the largest logit the others are summed without it, or 1 − p cancels.
    margins = np.where(at_top, softmax_margins(finite, top).margin[:, None], margins)
    return np.asarray(margins.reshape(x.shape))


def constant_logits(link: str, loss: MarginLoss, positive: Array, negative: Array) -> Array:
    """Return the constant (C,) that minimises the loss for the total weights of the answers.

    `positive` and `negative` (C,) are the sums over the rows of weight × target; a softmax uses
    `positive` alone.
    """
    check_determined(loss)
    if link == "sigmoid":
        wanted = np.log(positive) - np.log(negative)
        return _invert(lambda m: log_density(loss, m) - log_density(loss, -m), wanted)
    wanted = np.log(positive)

    def log_p(shift: float) -> Array:
        m = _invert(lambda z: log_density(loss, z), wanted + shift)
        return np.asarray(np.minimum(m, 0.0) - np.log1p(np.exp(-np.abs(m))))

    # The densities fix p up to a common factor, which the sum of p decides.
    shift = _invert(
        lambda s: np.array([np.log(np.exp(log_p(float(s[0]))).sum())]),
        np.zeros(1),
        low=-1e3,
        high=1e3,
    )
    logits = log_p(float(shift[0]))
    return np.asarray(logits - logits.mean())


def _invert(
    f: Callable[[Array], Array], wanted: Array, low: float = -_FARTHEST, high: float = _FARTHEST
) -> Array:
    """Solve f(m) = wanted for an increasing f, elementwise, by bisection to the last bit."""
    lows, highs = np.full(wanted.shape, low), np.full(wanted.shape, high)
    with np.errstate(all="ignore"):
        for _ in range(_HALVINGS):
            middle = (lows + highs) / 2
            below = f(middle) < wanted
            lows, highs = np.where(below, middle, lows), np.where(below, highs, middle)
            if np.all((middle == lows) | (middle == highs)) and np.all(
                np.nextafter(lows, np.inf) >= highs
            ):
                break
    return np.asarray((lows + highs) / 2)
