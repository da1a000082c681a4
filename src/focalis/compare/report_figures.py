"""The report's figures, as plain Plotly dictionaries that the page draws.

Each trace says which loss and which class it belongs to, so that one row of buttons and one class
picker steer every figure. Whatever came from the user is escaped here, since Plotly reads a small
HTML in every text it draws.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import polars as pl

from focalis.compare import report_curves as curves
from focalis.compare.report_curves import Bins, Floats, Scores
from focalis.compare.report_metrics import PRIMARY, Results, figure_of, number, p_value

# Okabe and Ito's colours, told apart by colour-blind readers. Their black and yellow vanish on a
# dark or a light page; the baseline is a grey that stands on both.
BASELINE_COLOUR = "#808080"
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")
DASHES = ("solid", "dash", "dot", "dashdot")

ALL_CLASSES = -1
FEWEST_FORECASTS = 10

Trace = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """One plot: its title, what it shows in words, its layout and its traces."""

    key: str
    title: str
    description: str
    layout: dict[str, Any]
    traces: list[Trace]
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A group of panels under one heading, with a sentence that says how to read them."""

    key: str
    title: str
    sentence: str
    panels: list[Panel]


def style(position: int) -> dict[str, Any]:
    """Return the line of the loss at this position: the first is the baseline."""
    if position == 0:
        return {"color": BASELINE_COLOUR, "dash": "solid", "width": 3.5}
    dash, colour = divmod(position - 1, len(COLOURS))
    return {"color": COLOURS[colour], "dash": DASHES[dash % len(DASHES)], "width": 2}


def figures(results: Results, predictions: pl.DataFrame) -> list[Figure]:
    """Return every figure of the report, in reading order."""
    labels = [str(label) for label in results["data"]["classes"]]
    losses = results["losses"]
    ranking, reliability, margins = _Ranking(labels), _Reliability(labels), _Margins(labels)
    for i, loss in enumerate(losses):
        scores = curves.scores_of(predictions, loss["name"], len(labels))
        for gathering in (ranking, reliability, margins):
            gathering.add(i, loss["name"], scores)
    return [
        differences(losses),
        ranking.figure(),
        reliability.figure(),
        margins.figure(),
        shapes(losses, labels),
    ]


def differences(losses: Sequence[Results]) -> Figure:
    """Return the answer in one picture: what each loss gains on the primary metric."""
    traces, annotations = [], []
    rows = range(1, len(losses))
    for i in rows:
        loss = losses[i]
        mean = figure_of(loss, PRIMARY, "difference")
        low = figure_of(loss, PRIMARY, "difference_low")
        high = figure_of(loss, PRIMARY, "difference_high")
        name = html.escape(loss["name"])
        # The label stands above its own line, where a long name costs a phone no width.
        label = name if mean is not None else f"{name}: not available"
        annotations.append(
            {
                "text": label,
                "xref": "paper",
                "x": 0,
                "xanchor": "left",
                "y": i,
                "yshift": 15,
                "showarrow": False,
            }
        )
        if mean is None:
            continue
        p = figure_of(loss, PRIMARY, "p")
        bars = {}
        if low is not None and high is not None:
            bars = {"error_x": {"array": [high - mean], "arrayminus": [mean - low], "thickness": 3}}
            bars["error_x"] |= {"color": style(i)["color"], "width": 0}
        text = f"<b>{name}</b><br>{number(mean, 4, signed=True)}"
        if bars:
            text += f" ({number(low, 4, signed=True)} to {number(high, 4, signed=True)})"
        if p is not None:
            text += f"<br>p {p_value(p)} (Holm)"
        data = {
            "x": [mean],
            "y": [i],
            "mode": "markers",
            "marker": {"color": style(i)["color"], "size": 11},
            "hovertemplate": text + "<extra></extra>",
            **bars,
        }
        traces.append(_trace(data))
    layout = _layout("difference in average precision", "")
    layout["xaxis"] |= {"zeroline": True, "zerolinewidth": 2, "tickformat": "+.3~f"}
    layout["yaxis"] |= {"range": [len(losses) - 0.5, 0.2], "visible": False}
    layout |= {"annotations": annotations, "height": 90 + 46 * max(len(rows), 1)}
    panel = Panel(
        "difference",
        "",
        "Dot and whisker for each loss: difference in average precision to cross-entropy "
        "with its 95 % interval. The same numbers are in the table.",
        layout,
        traces,
        "" if traces else "There is nothing to compare with cross-entropy here.",
    )
    return Figure(
        "differences",
        "Gain over plain cross-entropy",
        "Each dot is the difference in average precision to cross-entropy and its line the "
        "95 % interval: a line that crosses zero means that these data do not show a difference.",
        [panel],
    )


class _Ranking:
    """Precision-recall curves: one-vs-rest and their average when there are several classes."""

    def __init__(self, labels: list[str]) -> None:
        self.labels = labels
        self.traces: list[Trace] = []
        self.chance: Floats = np.full(len(labels), np.nan)

    def add(self, i: int, name: str, scores: Scores) -> None:
        """Take in the predictions of one loss."""
        n_classes = len(self.labels)
        shares = np.bincount(scores.target, scores.weight, minlength=n_classes)
        self.chance = shares / shares.sum()
        if n_classes == 2:
            self._draw(i, name, None, curves.precision_at_recall(scores, 1))
            return
        each = [curves.precision_at_recall(scores, k) for k in range(n_classes)]
        known = [curve for curve in each if not np.isnan(curve).any()]
        if known:
            self._draw(i, name, ALL_CLASSES, np.mean(known, axis=0))
        for k, curve in enumerate(each):
            self._draw(i, name, k, curve)

    def _draw(self, i: int, name: str, k: int | None, precision: Floats) -> None:
        if np.isnan(precision).any():
            return
        text = "recall %{x:.2f}<br>precision %{y:.3f}"
        data = _line(i, name, text) | _even(curves.RECALL_GRID) | {"y": _rounded(precision)}
        self.traces.append(_trace(data, i, k))

    def figure(self) -> Figure:
        """Return the figure of all losses."""
        several = len(self.labels) > 2
        levels = (
            [(None, self.chance[1])]
            if not several
            else [(ALL_CLASSES, self.chance.mean()), *enumerate(self.chance)]
        )
        guessing = [
            _trace(_reference([0, 1], [round(float(level), 4)] * 2, "random guessing"), None, k)
            for k, level in levels
            if np.isfinite(level)
        ]
        layout = _layout("recall", "precision")
        layout["xaxis"] |= {"range": [-0.01, 1.01]}
        layout["yaxis"] |= {"range": [0, 1.03]}
        layout |= {"height": 460}
        what = "each class against the rest" if several else "the positive class"
        panel = Panel(
            "precision-recall",
            "",
            f"Precision against recall of {what}, one curve for each loss, averaged over the folds.",
            layout,
            guessing + self.traces,
            "" if self.traces else "No precision-recall curve can be drawn from these predictions.",
        )
        return Figure(
            "precision-recall",
            "Precision and recall",
            "Further up and to the right is better: of the rows that a model picks, precision is "
            "the share that is right, and recall the share of all that it finds; the area under "
            "a curve is the average precision, and the dotted line is random guessing.",
            [panel],
        )


class _Reliability:
    """Reliability diagrams of the three kinds of probability."""

    TITLES = {  # noqa: RUF012
        "link": "Raw: sigmoid or softmax",
        "posterior": "Corrected: the posterior",
        "isotonic": "Isotonic recalibration",
    }

    def __init__(self, labels: list[str]) -> None:
        self.labels = labels
        self.traces: dict[str, list[Trace]] = {source: [] for source in curves.SOURCES}
        self.unknown: dict[str, list[str]] = {source: [] for source in curves.SOURCES}

    def add(self, i: int, name: str, scores: Scores) -> None:
        """Take in the predictions of one loss."""
        n_classes = len(self.labels)
        for source in curves.SOURCES:
            if n_classes == 2:
                bins = [(None, curves.reliability(scores, source, 1))]
            else:
                each = [curves.reliability(scores, source, k) for k in range(n_classes)]
                bins = [(ALL_CLASSES, reduce(add, each)), *enumerate(each)]
            if not bins[0][1].rows.any():
                self.unknown[source].append(name)
            for k, those in bins:
                self._draw(i, name, source, k, those)

    def _draw(self, i: int, name: str, source: str, k: int | None, bins: Bins) -> None:
        shown = (bins.rows >= FEWEST_FORECASTS) & (bins.weight > 0)
        if not shown.any():
            return
        share = bins.weight / bins.weight.sum()
        text = "forecast %{x:.3f}<br>came true %{y:.3f}<br>%{customdata:.2%} of the forecasts"
        data = _line(i, name, text) | {
            "mode": "lines+markers",
            "x": _rounded((bins.predicted[shown] / bins.weight[shown])),
            "y": _rounded((bins.positive[shown] / bins.weight[shown])),
            "customdata": _rounded(share[shown]),
            "marker": {"size": _rounded(4 + 12 * np.sqrt(share[shown]), 1)},
        }
        self.traces[source].append(_trace(data, i, k))

    def figure(self) -> Figure:
        """Return the figure of all losses: three panels side by side."""
        panels = []
        for source in curves.SOURCES:
            layout = _layout("predicted probability", "share that came true")
            layout["xaxis"] |= {"range": [-0.03, 1.03]}
            layout["yaxis"] |= {"range": [-0.03, 1.03]}
            unknown = ", ".join(self.unknown[source])
            panels.append(
                Panel(
                    f"reliability-{source}",
                    self.TITLES[source],
                    f"Reliability diagram, {self.TITLES[source]}: share that came true against "
                    "the predicted probability, one line for each loss.",
                    layout,
                    [_trace(_reference([0, 1], [0, 1], "honest")), *self.traces[source]],
                    f"Not determined for: {unknown}." if unknown else "",
                )
            )
        pooled = "" if len(self.labels) == 2 else " All classes pools every class against the rest."
        return Figure(
            "reliability",
            "Can the probabilities be believed?",
            "On the dotted diagonal a forecast of 30 % comes true 30 % of the time; below it the "
            "model promises too much, above it too little. Larger dots hold more of the rows, and "
            f"dots of fewer than {FEWEST_FORECASTS} are left out.{pooled}",
            panels,
        )


class _Margins:
    """Histograms of the margins, by the true class."""

    def __init__(self, labels: list[str]) -> None:
        self.labels = labels
        self.rows: list[tuple[str, Floats, Floats, Any]] = []

    def add(self, i: int, name: str, scores: Scores) -> None:
        """Take in the predictions of one loss."""
        # The edges are common to all losses, so that the counting has to wait for the last.
        self.rows.append((name, curves.margins(scores), scores.weight, scores.target))

    def _histograms(self, truth: int, k: int | None, edges: Floats) -> Iterator[Trace]:
        for i, (name, margin, weight, target) in enumerate(self.rows):
            rows = slice(None) if truth == ALL_CLASSES else target == truth
            share = curves.margin_histogram(margin[rows], weight[rows], edges)
            if np.isnan(share).any():
                continue
            middle = (edges[1:] + edges[:-1]) / 2
            data = _line(i, name, "margin about %{x:.2f}<br>%{y:.2%} of the rows")
            data["line"] = {**data["line"], "shape": "hvh", "width": 1.5 if i else 2.5}
            data |= _even(middle) | {"y": _rounded(share, 5)}
            # A wash of colour under each outline shows which outline is whose where they cross.
            data |= {"fill": "tozeroy", "fillcolor": _wash(data["line"]["color"])}
            yield _trace(data, i, k)

    def figure(self) -> Figure:
        """Return the figure of all losses: a panel for each class, or one with the picker."""
        edges = curves.margin_edges([curves.margin_quantiles(margin) for _, margin, *_ in self.rows])
        panels = []
        if len(self.labels) == 2:
            for truth in (1, 0):
                panels.append(
                    self._panel(
                        f"margins-{truth}",
                        f"Truth: {self.labels[truth]}",
                        list(self._histograms(truth, None, edges)),
                    )
                )
        else:
            variants = [ALL_CLASSES, *range(len(self.labels))]
            traces = [t for k in variants for t in self._histograms(k, k, edges)]
            panels.append(self._panel("margins", "", traces))
        return Figure(
            "margins",
            "How sure of the truth",
            "Right of zero the truth got more than an even chance, left of it less, and the "
            "further out the surer the model was; the outermost steps hold all that lies beyond.",
            panels,
        )

    def _panel(self, key: str, title: str, traces: list[Trace]) -> Panel:
        layout = _layout("margin (log-odds given to the truth)", "share of the rows")
        layout["xaxis"] |= {"zeroline": True, "zerolinewidth": 2}
        layout["yaxis"] |= {"tickformat": ".0%", "rangemode": "tozero"}
        return Panel(
            key,
            title,
            f"Histogram of the margins, one outline for each loss. {title}",
            layout,
            traces,
            "" if traces else "No margins to show here.",
        )


def shapes(losses: Sequence[Results], labels: list[str]) -> Figure:
    """Return value and slope of each loss against the margin, for each class as the truth."""
    drawn = [curves.loss_shapes(loss["loss"], len(labels)) for loss in losses]
    same = all(
        np.array_equal(one.value, each[0].value) and np.array_equal(one.slope, each[0].slope)
        for each in drawn
        for one in each
    )
    if same:
        groups = [("", "", [(0, None)])]
    elif len(labels) == 2:
        groups = [(f"-{k}", f", truth: {labels[k]}", [(k, None)]) for k in (1, 0)]
    else:
        groups = [("", "", [(k, k) for k in range(len(labels))])]
    panels = []
    for suffix, addition, variants in groups:
        for part in ("value", "slope"):
            traces = []
            for i, (loss, each) in enumerate(zip(losses, drawn, strict=True)):
                text = f"margin %{{x:.1f}}<br>{part} %{{y:.3f}}"
                common = _line(i, loss["name"], text) | _even(curves.SHAPE_MARGINS)
                for k, variant in variants:
                    y = _rounded(getattr(each[k], part))
                    traces.append(_trace(common | {"y": y}, i, variant))
                if variants[0][1] is not None:
                    middle = np.mean([getattr(one, part) for one in each], axis=0)
                    traces.append(_trace(common | {"y": _rounded(middle)}, i, ALL_CLASSES))
            layout = _layout("margin (log-odds given to the truth)", part)
            layout["xaxis"] |= {"zeroline": True, "zerolinewidth": 2}
            title = f"{part.capitalize()}{addition}"
            description = f"{title} of each loss against the margin, one line for each loss."
            panels.append(Panel(f"shape-{part}{suffix}", title, description, layout, traces))
    return Figure(
        "shapes",
        "What each loss looks like",
        "The value is what an example costs, and the slope how hard it pulls on the model: a loss "
        "whose slope is near zero on the right stops working on what is already right.",
        panels,
    )


def _layout(x: str, y: str) -> dict[str, Any]:
    return {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}


def _trace(data: dict[str, Any], loss: int | None = None, k: int | None = None) -> Trace:
    """Tag Plotly's data with the loss and the class it belongs to; None belongs to all."""
    return {"loss": loss, "class": k, "data": {"type": "scatter", **data}}


def _line(i: int, name: str, text: str) -> dict[str, Any]:
    shown = html.escape(name)
    return {
        "name": shown,
        "mode": "lines",
        "line": style(i),
        "hovertemplate": f"<b>{_literal(shown)}</b><br>{text}<extra></extra>",
    }


def _literal(text: str) -> str:
    """Keep Plotly from reading ``%{…}`` in a name as one of its variables."""
    return text.replace("%{", "%&#123;")


def _reference(x: list[float], y: list[float], name: str) -> dict[str, Any]:
    line = {"color": BASELINE_COLOUR, "dash": "dot", "width": 1.5}
    return {"x": x, "y": y, "name": name, "mode": "lines", "line": line, "hoverinfo": "skip"}


def _wash(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.06)"


def _even(grid: Floats) -> dict[str, float]:
    """Describe an even grid by its start and step: the page need not repeat it in every trace."""
    return {"x0": round(float(grid[0]), 6), "dx": round(float(grid[1] - grid[0]), 6)}


def _rounded(values: Floats, digits: int = 4) -> list[float | None]:
    """Round for the page, which has no use for more; JSON has no NaN and no infinity."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]
