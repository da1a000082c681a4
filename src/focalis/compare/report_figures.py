"""The report's figures, as plain Plotly dictionaries that the page draws.

Each trace names the loss and the class it belongs to, so that one row of buttons and one class picker
control every figure. Text from the user is escaped here, because Plotly interprets some HTML in all its
text.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import polars as pl

from focalis.compare import report_curves as curves
from focalis.compare.report_curves import Bins, Floats, Scores
from focalis.compare.report_metrics import PRIMARY, Results, figure_of, number, p_value
from focalis.compare.report_plotting import (
    ALL_CLASSES,
    Figure,
    Panel,
    Trace,
    even,
    layout,
    line,
    literal,
    reference,
    rounded,
    style,
    trace,
)

FEWEST_FORECASTS = 10


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
        name = literal(loss["name"])
        # The label goes above its line, where a long name takes no width on a phone.
        label = name if mean is not None else f"{name}: not available"
        annotations.append(
            {
                "text": label,
                "xref": "paper",
                "x": 0,
                "xanchor": "left",
                "y": i,
                "yshift": 17,
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
        traces.append(trace(data))
    axes = layout("difference in average precision", "")
    axes["xaxis"] |= {"zeroline": True, "zerolinewidth": 2}
    axes["yaxis"] |= {"range": [len(losses) - 0.5, 0.2], "visible": False}
    axes |= {
        "margin": {"l": 16, "r": 16, "t": 12, "b": 50},
        "annotations": annotations,
        "height": 100 + 50 * max(len(rows), 1),
    }
    panel = Panel(
        "difference",
        "",
        "Dot and whisker for each loss: difference in average precision to cross-entropy "
        "with its 95 % interval. The same numbers are in the table.",
        axes,
        traces,
        "" if traces else "There is nothing to compare with cross-entropy here.",
    )
    return Figure(
        "differences",
        "Gain over plain cross-entropy",
        "Each dot is the difference in average precision to cross-entropy and its line the "
        "95 % interval: a line that crosses zero means that these data do not show a difference.",
        [panel],
    )


class _Ranking:
    """Precision-recall curves: one-vs-rest and their average when there are several classes."""

    def __init__(self, labels: list[str]) -> None:
        self.labels = labels
        self.traces: list[Trace] = []
        self.chance: Floats = np.full(len(labels), np.nan)

    def add(self, i: int, name: str, scores: Scores) -> None:
        """Add the predictions of one loss."""
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
        data = line(i, name, text) | even(curves.RECALL_GRID) | {"y": rounded(precision)}
        self.traces.append(trace(data, i, k))

    def figure(self) -> Figure:
        """Return the figure of all losses."""
        several = len(self.labels) > 2
        levels: list[tuple[int | None, float]] = [(None, self.chance[1])]
        if several:
            levels = [(ALL_CLASSES, self.chance.mean()), *enumerate(self.chance)]
        guessing = [
            trace(reference([0, 1], [round(float(level), 4)] * 2, "random guessing"), None, k)
            for k, level in levels
            if np.isfinite(level)
        ]
        axes = layout("recall", "precision")
        axes["xaxis"] |= {"range": [-0.01, 1.01]}
        axes["yaxis"] |= {"range": [0, 1.03]}
        axes |= {"height": 460}
        what = "each class against the rest" if several else "the positive class"
        panel = Panel(
            "precision-recall",
            "",
            f"Precision against recall of {what}, one curve for each loss, averaged over the folds.",
            axes,
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
        """Add the predictions of one loss."""
        n_classes = len(self.labels)
        for source in curves.SOURCES:
            bins: list[tuple[int | None, Bins]]
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
        data = line(i, name, text) | {
            "mode": "lines+markers",
            "x": rounded(bins.predicted[shown] / bins.weight[shown]),
            "y": rounded(bins.positive[shown] / bins.weight[shown]),
            "customdata": rounded(share[shown]),
            "marker": {"size": rounded(4 + 12 * np.sqrt(share[shown]), 1)},
        }
        self.traces[source].append(trace(data, i, k))

    def figure(self) -> Figure:
        """Return the figure of all losses: three panels side by side."""
        panels = []
        for source in curves.SOURCES:
            axes = layout("predicted probability", "share that came true")
            for axis in ("xaxis", "yaxis"):
                axes[axis] |= {"range": [-0.03, 1.03], "dtick": 0.25}
            unknown = ", ".join(self.unknown[source])
            panels.append(
                Panel(
                    f"reliability-{source}",
                    self.TITLES[source],
                    f"Reliability diagram, {self.TITLES[source]}: share that came true against "
                    "the predicted probability, one line for each loss.",
                    axes,
                    [trace(reference([0, 1], [0, 1], "honest")), *self.traces[source]],
                    f"Not determined for: {unknown}." if unknown else "",
                )
            )
        pooled = "" if len(self.labels) == 2 else " All classes pools every class against the rest."
        return Figure(
            "reliability",
            "Can the probabilities be believed?",
            "On the dotted diagonal a forecast of 30 % comes true 30 % of the time; below it the "
            "model promises too much, above it too little. Larger dots stand for more rows, and "
            f"dots with fewer than {FEWEST_FORECASTS} rows are left out.{pooled}",
            panels,
        )


class _Margins:
    """Histograms of the margins, by the true class."""

    def __init__(self, labels: list[str]) -> None:
        self.labels = labels
        self.rows: list[tuple[str, Floats, Floats, Any]] = []

    def add(self, i: int, name: str, scores: Scores) -> None:
        """Add the predictions of one loss."""
        # The edges are common to all losses, so counting has to wait for the last one.
        self.rows.append((name, curves.margins(scores), scores.weight, scores.target))

    def _histograms(self, truth: int, k: int | None, edges: Floats) -> Iterator[Trace]:
        for i, (name, margin, weight, target) in enumerate(self.rows):
            rows = slice(None) if truth == ALL_CLASSES else target == truth
            share = curves.margin_histogram(margin[rows], weight[rows], edges)
            if np.isnan(share).any():
                continue
            middle = (edges[1:] + edges[:-1]) / 2
            data = line(i, name, "margin about %{x:.2f}<br>%{y:.2%} of the rows")
            # Lines between bin centres: stepped outlines of eight losses would hide one another.
            data |= even(middle) | {"y": rounded(share, 5)}
            yield trace(data, i, k)

    def figure(self) -> Figure:
        """Return the figure of all losses: a panel for each class, or one with the picker."""
        edges = curves.margin_edges(
            [curves.margin_quantiles(margin) for _, margin, *_ in self.rows]
        )
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
            "Right of zero the model gave the truth more than an even chance, left of it less; the "
            "further out, the surer it was. The outermost points include everything beyond.",
            panels,
        )

    def _panel(self, key: str, title: str, traces: list[Trace]) -> Panel:
        axes = layout("margin (log-odds given to the truth)", "share of the rows")
        axes["xaxis"] |= {"zeroline": True, "zerolinewidth": 2}
        axes["yaxis"] |= {"tickformat": ".0%", "rangemode": "tozero"}
        return Panel(
            key,
            title,
            f"Histogram of the margins, one outline for each loss. {title}",
            axes,
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
        groups: list[tuple[str, str, list[tuple[int, int | None]]]] = [("", "", [(0, None)])]
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
                common = line(i, loss["name"], text) | even(curves.SHAPE_MARGINS)
                for k, variant in variants:
                    y = rounded(getattr(each[k], part))
                    traces.append(trace(common | {"y": y}, i, variant))
                if variants[0][1] is not None:
                    middle = np.mean([getattr(one, part) for one in each], axis=0)
                    traces.append(trace(common | {"y": rounded(middle)}, i, ALL_CLASSES))
            axes = layout("margin (log-odds given to the truth)", part)
            axes["xaxis"] |= {"zeroline": True, "zerolinewidth": 2}
            title = f"{part.capitalize()}{addition}"
            description = f"{title} of each loss against the margin, one line for each loss."
            panels.append(Panel(f"shape-{part}{suffix}", title, description, axes, traces))
    return Figure(
        "shapes",
        "What each loss looks like",
        "The value is what an example costs, and the slope how hard it pulls on the model: a loss "
        "whose slope is near zero on the right stops improving what is already right."
        + ("" if same else " Class weights are included, as computed on all rows."),
        panels,
    )
