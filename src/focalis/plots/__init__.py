"""What losses look like: plots for notebooks and papers, drawn with matplotlib.

Each function takes losses as texts (``"focal(gamma=2)"``), margin losses or `Loss` objects, draws into
the axes that are passed or into new ones, and returns them. `focalis plot` does the same from the
command line. They need matplotlib: ``pip install "focalis[plots]"``.
"""

from typing import Any

import numpy as np

from focalis.plots.curves import (
    Losses,
    by_answer,
    by_margin,
    cross_entropy_ratio,
    cumulative_share,
    named,
    posterior,
    read_losses,
)
from focalis.plots.drawing import draw, dress, line_style, one_axes, several_axes

__all__ = [
    "GAMMAS",
    "plot_cumulative_share",
    "plot_loss",
    "plot_margin",
    "plot_posterior",
    "plot_ratio",
]

Array = np.ndarray

GAMMAS = ("cross_entropy", *(f"focal(gamma={gamma})" for gamma in ("0.5", "1", "2", "5")))
"""The losses in figure 1 of the focal loss paper (arXiv 1708.02002); γ = 0 is cross-entropy."""

_MARGINS = np.linspace(-6.0, 6.0, 481)
_PROBABILITIES = np.linspace(0.001, 0.999, 999)
# Where a loss is unbounded, its curve leaves the axes whatever its weight.
_FROM_NOTHING = np.concatenate([np.geomspace(1e-300, 1e-3, 200, endpoint=False), _PROBABILITIES])
_POINTS = 1001
_LARGEST_RATIO = 1e6
_PROBABILITY = "probability of the truth, $p_t$"
_MARGIN = "margin, $\\log\\, p_t - \\log(1 - p_t)$"
_QUANTITIES = ("loss", "slope", "curvature")


def plot_loss(losses: Losses = GAMMAS, *, ax: Any = None) -> Any:
    """Plot losses against p_t, the probability that the model gives to the truth.

    Parameters
    ----------
    losses : str, MarginLoss, Loss or several of them
        By default cross-entropy and focal losses: figure 1 of arXiv 1708.02002.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If a loss is invalid, or `ax` is not axes.

    Examples
    --------
    >>> ax = plot_loss(["cross_entropy", "focal(gamma=2)"])
    >>> [line.get_label() for line in ax.get_lines()]
    ['cross-entropy', 'focal γ = 2']
    """
    read = read_losses(losses)
    ax = one_axes(ax)
    m = _logit(_FROM_NOTHING)
    draw(ax, _FROM_NOTHING, _curves(read, lambda loss: by_margin(loss, m)[0]))
    dress(ax, _PROBABILITY, "loss")
    ax.set(xlim=(0, 1), ylim=(0, 5))
    return ax


def plot_margin(losses: Losses = GAMMAS, *, quantity: str | None = None, ax: Any = None) -> Any:
    """Plot loss, slope and curvature against the margin, log p_t − log(1 − p_t).

    Parameters
    ----------
    losses : str, MarginLoss, Loss or several of them
        By default cross-entropy and focal losses.
    quantity : {"loss", "slope", "curvature"}, optional
        One of the three; by default all of them, side by side.
    ax : matplotlib.axes.Axes or array of three, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes or ndarray of three

    Raises
    ------
    ValueError, TypeError
        If a loss is invalid, or the quantity is not one of the three.

    Examples
    --------
    >>> ax = plot_margin("focal(gamma=2)", quantity="curvature")
    >>> ax.get_ylabel()
    'curvature'
    """
    if quantity is not None and quantity not in _QUANTITIES:
        choices = ", ".join(map(repr, _QUANTITIES))
        raise ValueError(f"quantity must be one of {choices}, got {quantity!r}")
    read = read_losses(losses)
    wanted = _QUANTITIES if quantity is None else (quantity,)
    axes, flat = several_axes(ax, len(wanted))
    for one, name in zip(flat, wanted, strict=True):
        at = _QUANTITIES.index(name)
        draw(one, _MARGINS, _curves(read, lambda loss, at=at: by_margin(loss, _MARGINS)[at]))
        dress(one, _MARGIN, name)
        one.set_xlim(_MARGINS[0], _MARGINS[-1])
        if name == "loss":
            one.set_ylim(bottom=0)
    return axes


def plot_ratio(losses: Losses = GAMMAS, *, ax: Any = None) -> Any:
    """Plot how many times less an example costs than under cross-entropy, against p_t.

    Parameters
    ----------
    losses, ax
        As in `plot_loss`. Weights such as α do not change the ratio, so they are left out.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If a loss is invalid, or `ax` is not axes.

    Examples
    --------
    >>> ax = plot_ratio("focal(gamma=2)")
    >>> y = dict(zip(*ax.get_lines()[0].get_data()))
    >>> round(float(y[0.9]))  # the paper's "100 times"
    100
    """
    read = read_losses(losses)
    ax = one_axes(ax)
    m = _logit(_PROBABILITIES)
    curves = _curves(read, lambda loss: cross_entropy_ratio(loss, m))
    draw(ax, _PROBABILITIES, curves)
    dress(ax, _PROBABILITY, "cross-entropy / loss")
    ax.set(xlim=(0, 1), yscale="log")
    # Towards p_t = 1 it grows without bound, and would squash everything else.
    every = np.concatenate([y for _, _, y in curves])
    ax.set_ylim(every.min() / 1.5, min(every.max() * 1.5, _LARGEST_RATIO))
    return ax


def plot_posterior(losses: Losses = GAMMAS, *, ax: Any = None) -> Any:
    """Plot the class probability that a trained sigmoid implies, against the sigmoid's value.

    Parameters
    ----------
    losses, ax
        As in `plot_loss`, but with a sigmoid.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If a loss is invalid, has another link or does not determine the posterior.

    Examples
    --------
    >>> ax = plot_posterior("focal(gamma=2)")
    >>> ax.get_ylabel()
    'posterior probability'
    """
    read = read_losses(losses)
    curves = _curves(read, lambda loss: posterior(loss, _PROBABILITIES))
    ax = one_axes(ax)
    draw(ax, _PROBABILITIES, curves)
    dress(ax, "sigmoid of the trained logit", "posterior probability")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    return ax


def plot_cumulative_share(
    logits: Any, targets: Any, losses: Losses = GAMMAS[:-1], *, ax: Any = None
) -> Any:
    """Plot what share of the loss falls on the easiest examples, for a model's logits.

    Parameters
    ----------
    logits, targets : array_like
        As when calling the losses. For yes/no questions, positives and negatives get a panel each.
    losses : str, MarginLoss, Loss or several of them
        By default cross-entropy and focal losses: figure 4 of arXiv 1708.02002.
    ax : matplotlib.axes.Axes or array of two, optional
        Where to draw, one axes for a softmax; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes or ndarray of two

    Raises
    ------
    ValueError, TypeError
        If a loss is invalid, the links differ, or targets between 0 and 1 fit neither panel.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(2, size=500)
    >>> left, right = plot_cumulative_share(3 * (2 * y - 1) + rng.normal(size=500), y)
    >>> left.get_title(loc="left")
    'positives'
    """
    read = read_losses(losses)
    x, y = np.asarray(logits), np.asarray(targets)
    groups = [("", np.ones(np.shape(y)[:1], bool))]
    if by_answer(read):
        if x.shape != y.shape:
            raise ValueError(f"targets must have the shape of the logits {x.shape}, got {y.shape}")
        wrong = y[~np.isin(y, (0, 1))]
        if wrong.size:
            raise ValueError(
                "targets must be 0 or 1, so that each is a positive or a negative, "
                f"got {wrong.flat[0]:g}"
            )
        groups = [("positives", y == 1), ("negatives", y == 0)]
        for title, chosen in groups:
            if not chosen.any():
                raise ValueError(f"targets must have positives and negatives, got no {title}")
    if np.isnan(x).any():
        raise ValueError("logits must be numbers, got nan")
    axes, flat = several_axes(ax, len(groups))
    for one, (title, chosen) in zip(flat, groups, strict=True):
        position = 0
        for name, baseline, loss in named(read):
            share, held = cumulative_share(loss, x[chosen], y[chosen], _POINTS)
            one.plot(share, held, label=name, **line_style(position, baseline))
            position += not baseline
        of = f" of the {title}" if title else " of the examples"
        dress(one, f"share{of}, easiest first", "share of their loss", title)
        one.set(xlim=(0, 1), ylim=(0, 1))
    return axes


def _curves(losses: list[Any], evaluate: Any) -> list[tuple[str, bool, Array]]:
    return [(name, baseline, evaluate(loss)) for name, baseline, loss in named(losses)]


def _logit(p: Array) -> Array:
    return np.asarray(np.log(p) - np.log1p(-p))
