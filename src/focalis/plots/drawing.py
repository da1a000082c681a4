"""How a plot is drawn: axes with the common look, and curves told apart by colour and dashes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from focalis.palette import BASELINE_COLOUR, COLOURS

Array = np.ndarray

_DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
_INK, _SOFT, _GRID = "#1b1f24", "#57606a", "#e6e9ed"
_PANEL_WIDTH, _HEIGHT = 5.2, 3.9


def new_axes(panels: int = 1) -> Any:
    """Return the axes of a new figure: one, or an array of them."""
    from matplotlib import pyplot

    return pyplot.subplots(
        1, panels, figsize=(_PANEL_WIDTH * panels, _HEIGHT), layout="constrained"
    )[1]


def one_axes(ax: Any) -> Any:
    """Return the axes that were passed, or new ones.

    Raises
    ------
    TypeError
        If something else was passed.
    """
    return several_axes(ax, 1)[0]


def several_axes(ax: Any, panels: int) -> tuple[Any, Array]:
    """Return the axes that were passed, or new ones, as they are and as an array.

    Raises
    ------
    TypeError, ValueError
        If something else was passed, or the wrong number of axes.
    """
    axes = new_axes(panels) if ax is None else ax
    flat = np.atleast_1d(np.asarray(axes, object))
    wrong = [one for one in flat.flat if not hasattr(one, "plot")]
    if wrong:
        raise TypeError(f"ax must be axes of matplotlib, got {wrong[0]!r}")
    if flat.shape != (panels,):
        raise ValueError(f"ax must be {panels} axes, got {flat.size}")
    return axes, flat


def figure_of(panels: int = 1) -> tuple[Any, Any]:
    """Return a figure for a file, which matplotlib does not keep track of, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_PANEL_WIDTH * panels, _HEIGHT), layout="constrained")
    return figure, figure.subplots(1, panels)


def line_style(position: int, baseline: bool) -> dict[str, Any]:
    """Return the line style of a loss: cross-entropy's is grey."""
    if baseline:
        return {"color": BASELINE_COLOUR, "linestyle": "-", "linewidth": 3.0}
    style = {"color": COLOURS[position % len(COLOURS)], "linewidth": 2.0}
    return {**style, "linestyle": _DASHES[position % len(_DASHES)]}


def draw(ax: Any, x: Array, curves: Sequence[tuple[str, bool, Array]]) -> None:
    """Draw curves over x, each with its name and whether it is the baseline."""
    position = 0
    for name, baseline, y in curves:
        ax.plot(x, y, label=name, **line_style(position, baseline))
        position += not baseline


def dress(ax: Any, x: str, y: str, title: str = "") -> None:
    """Give axes their labels, a quiet grid and a legend."""
    ax.set_xlabel(x, color=_INK)
    ax.set_ylabel(y, color=_INK)
    if title:
        ax.set_title(title, color=_INK, fontsize="medium", loc="left", fontweight="bold")
    ax.grid(True, color=_GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(_SOFT)
    ax.tick_params(colors=_SOFT)
    ax.legend(frameon=False, labelcolor=_INK, handlelength=2.8)
