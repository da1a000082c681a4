"""The comparison as a table on the terminal, as wide as it allows, and plain text when piped."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from focalis.cleaning import one_line
from focalis.compare.report_metrics import (
    METRICS,
    PRIMARY,
    Metric,
    Results,
    best,
    decimals,
    figure_of,
    interval,
    number,
    p_value,
)

_GAP = 2
_NARROWEST_NAME = 12
# The most important first: columns are dropped from the end.
_ORDER = (
    PRIMARY,
    "log_loss_posterior",
    "ece_link",
    "ece_posterior",
    "roc_auc",
    "f1",
    "recall",
    "balanced_accuracy",
    "brier_posterior",
    "fit_seconds",
    "log_loss_link",
    "brier_link",
    "log_loss_isotonic",
    "brier_isotonic",
    "ece_isotonic",
)


@dataclass(frozen=True)
class _Column:
    """A column ready to print: full name, heading, one cell per loss, and which are best."""

    label: str
    heading: str
    cells: list[str]
    best: frozenset[int] = frozenset()

    @property
    def width(self) -> int:
        return max(len(text) for text in (self.heading, *self.cells))


def print_table(results: Results, console: Console) -> None:
    """Print the losses and their metrics, then the verdict.

    The best of each column is bold and has a star. Columns that do not fit on the console are left out,
    and named below the table. What is not a terminal gets plain text without frames or escape codes.
    """
    losses = results["losses"]
    names = [one_line(loss["name"]) for loss in losses]
    name_width = min(max(map(len, [*names, "loss"])), max(_NARROWEST_NAME, console.width // 3))
    shown, left_out = _fitting(_columns(losses), console.width - name_width)
    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        padding=(0, _GAP, 0, 0),
        show_edge=False,
        pad_edge=False,
    )
    table.add_column("loss", width=name_width, overflow="fold")
    for column in shown:
        table.add_column(Text(column.heading), justify="right", no_wrap=True)
    for i, name in enumerate(names):
        cells = [Text(c.cells[i], style="bold green" if i in c.best else "") for c in shown]
        table.add_row(Text(name), *cells)
    console.print(table)
    console.print()
    console.print(Text(_legend(shown)), style="dim")
    if left_out:
        missing = ", ".join(column.label for column in left_out)
        console.print(Text(f"No room here, but in the report: {missing}."), style="dim")
    console.print()
    console.print(Text(one_line(results["verdict"]), style="bold"))


def _columns(losses: Sequence[Results]) -> list[_Column]:
    by_key = {metric.key: metric for metric in METRICS}
    columns = []
    for key in _ORDER:
        metric = by_key[key]
        columns.append(_means(losses, metric))
        if key == PRIMARY:
            columns += _differences(losses, metric)
    return columns


def _means(losses: Sequence[Results], metric: Metric) -> _Column:
    digits, winners = decimals(losses, metric), best(losses, metric)
    cells = [
        number(figure_of(loss, metric.key, "mean"), digits) + ("*" if i in winners else " ")
        for i, loss in enumerate(losses)
    ]
    # The trailing space of the other cells keeps the decimal points aligned.
    return _Column(metric.label.replace(",", ""), metric.short + " ", cells, frozenset(winners))


def _differences(losses: Sequence[Results], metric: Metric) -> list[_Column]:
    digits = decimals(losses, metric)

    def part(loss: Results, name: str) -> float | None:
        return figure_of(loss, metric.key, name)

    gains = [number(part(loss, "difference"), digits, signed=True) for loss in losses[1:]]
    spreads = [
        interval(part(loss, "difference_low"), part(loss, "difference_high"), digits, signed=True)
        for loss in losses[1:]
    ]
    p = [p_value(part(loss, "p")) for loss in losses[1:]]
    return [
        _Column("difference to cross-entropy", "vs CE", ["", *gains]),
        _Column("p", "p", ["", *p]),
        _Column("interval of the difference", "95 %", ["", *spreads]),
    ]


def _fitting(columns: Sequence[_Column], width: int) -> tuple[list[_Column], list[_Column]]:
    """Take columns in order of importance while there is room; always take the first."""
    shown: list[_Column] = []
    left = width
    for i, column in enumerate(columns):
        left -= column.width + _GAP
        if left < 0 and shown:
            return shown, list(columns[i:])
        shown.append(column)
    return shown, []


def _legend(shown: Sequence[_Column]) -> str:
    headings = {column.heading.strip() for column in shown}
    notes = ["* best of its column"]
    abbreviations = {
        "AP": "AP: average precision",
        "vs CE": "vs CE: its difference to plain cross-entropy",
        "p": "p: of that difference, Holm-corrected",
        "95 %": "95 %: its interval",
        "ECE raw": "ECE: expected calibration error",
        "log loss corr.": "corr.: the corrected posterior",
        "log loss raw": "raw: the link alone",
        "log loss iso.": "iso.: isotonic recalibration",
    }
    notes += [note for heading, note in abbreviations.items() if heading in headings]
    return "; ".join(notes) + "."
