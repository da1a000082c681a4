"""The parts of the report's figures: panels of Plotly dictionaries, colours, small helpers."""

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from focalis.compare.report_curves import Floats
from focalis.palette import BASELINE_COLOUR, COLOURS, DASHES

ALL_CLASSES = -1
"""The class picker's first choice."""

Trace = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """One plot: its title, a description in words, its layout and its traces."""

    key: str
    title: str
    description: str
    layout: dict[str, Any]
    traces: list[Trace]
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A group of panels under one heading, with a sentence on how to read them."""

    key: str
    title: str
    sentence: str
    panels: list[Panel]


def style(position: int) -> dict[str, Any]:
    """Return the line style of the loss at this position; the first is the baseline."""
    if position == 0:
        return {"color": BASELINE_COLOUR, "dash": "solid", "width": 3.5}
    dash, colour = divmod(position - 1, len(COLOURS))
    return {"color": COLOURS[colour], "dash": DASHES[dash % len(DASHES)], "width": 2}


def layout(x: str, y: str) -> dict[str, Any]:
    """Return a layout with these axis titles."""
    return {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}


def trace(data: dict[str, Any], loss: int | None = None, k: int | None = None) -> Trace:
    """Tag Plotly's data with a loss and a class; None means that it belongs to all."""
    return {"loss": loss, "class": k, "data": {"type": "scatter", **data}}


def line(i: int, name: str, text: str) -> dict[str, Any]:
    """Return a curve in the style of the loss; `text` is shown when pointing at one of its points."""
    return {
        "name": literal(name),
        "mode": "lines",
        "line": style(i),
        "hovertemplate": f"<b>{literal(name)}</b><br>{text}<extra></extra>",
    }


def literal(text: str) -> str:
    """Prevent Plotly from reading HTML, or variables in ``%{…}``, into a name."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


def reference(x: list[float], y: list[float], name: str) -> dict[str, Any]:
    """Return a dotted line to compare the curves with."""
    dotted = {"color": BASELINE_COLOUR, "dash": "dot", "width": 1.5}
    return {"x": x, "y": y, "name": name, "mode": "lines", "line": dotted, "hoverinfo": "skip"}


def even(grid: Floats) -> dict[str, float]:
    """Describe an even grid by start and step, so that the page need not repeat it in every trace."""
    return {"x0": round(float(grid[0]), 6), "dx": round(float(grid[1] - grid[0]), 6)}


def rounded(values: Floats, digits: int = 4) -> list[float | None]:
    """Round for the page, which needs no more digits; NaN and infinity, unknown to JSON, become None."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]
