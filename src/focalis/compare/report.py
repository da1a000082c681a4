"""The HTML report of a comparison: a single file that needs no network, and will not in ten years."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import polars as pl

from focalis.compare import report_curves, report_table
from focalis.compare.report_figures import figures
from focalis.compare.report_metrics import Results
from focalis.compare.report_plotting import ALL_CLASSES, Figure
from focalis.html import (
    asset,
    content_security_policy,
    embedded_json,
    plotly_script,
    write_page,
)

_PACKAGE = "focalis.compare"


def write_report(directory: Path, results: dict[str, Any], predictions: pl.DataFrame) -> Path:
    """Write ``index.html``, self-contained, and return its path; no reader sees half of it.

    `results` is the content of ``results.json``. `predictions` are the out-of-fold predictions of every
    loss: ``loss``, ``repeat``, ``fold``, ``row``, ``target``, ``weight`` and ``logit``, ``link``,
    ``posterior``, ``isotonic``, the last four with a suffix ``_0``, ``_1`` … for more than two classes.
    A ValueError says if a column or the rows of a loss are missing.
    """
    n_classes = len(results["data"]["classes"])
    missing = set(report_curves.required_columns(n_classes)) - set(predictions.columns)
    if missing:
        raise ValueError(
            f"predictions: expected the columns of {n_classes} classes, missing are "
            f"{sorted(missing)}"
        )
    page = render(results, figures(results, predictions))
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "index.html"
    write_page(path, page)
    return path


def render(results: Results, drawn: Sequence[Figure]) -> str:
    """Return the whole page."""
    common, script = asset("focalis.html", "page.js"), asset(_PACKAGE, "report_script.js")
    plotly = plotly_script()
    data = results["data"]
    return Template(asset(_PACKAGE, "report_template.html")).substitute(
        policy=content_security_policy(plotly, common, script),
        style=asset("focalis.html", "page.css") + asset(_PACKAGE, "report_style.css"),
        title=escape(f"What each loss buys on {data['name']}"),
        verdict=report_table.minus(escape(results["verdict"])).replace(" %", "&nbsp;%"),
        facts=report_table.facts(data),
        warnings=report_table.warnings(results),
        differences=_figure(drawn[0]),
        tables=report_table.tables(results),
        meanings=report_table.meanings(),
        buttons=_buttons(results["losses"]),
        picker=_picker(data["classes"]),
        contents="".join(f'<li><a href="#{f.key}">{escape(f.title)}</a></li>' for f in drawn[1:]),
        figures="".join(_figure(figure) for figure in drawn[1:]),
        settings=report_table.settings(results),
        classes=report_table.classes(data),
        protocol=report_table.protocol(results),
        plots=embedded_json(
            {
                f"plot-{panel.key}": _plot(panel.layout, panel.traces)
                for f in drawn
                for panel in f.panels
            }
        ),
        plotly=plotly,
        common=common,
        script=script,
    )


def _figure(figure: Figure) -> str:
    panels = "".join(
        '<div class="panel">'
        + (f"<h3>{escape(panel.title)}</h3>" if panel.title else "")
        + (
            f'<div class="plot" id="plot-{panel.key}" role="img" '
            f'aria-label="{escape(panel.description)}"></div>'
            if any(trace["data"].get("hoverinfo") != "skip" for trace in panel.traces)
            else ""
        )
        + (f'<p class="note">{escape(panel.note)}</p>' if panel.note else "")
        + "</div>"
        for panel in figure.panels
    )
    return (
        f'<section id="{figure.key}" aria-labelledby="heading-{figure.key}">'
        f'<h2 id="heading-{figure.key}">{escape(figure.title)}</h2>'
        f'<p class="how">{escape(figure.sentence)}</p>'
        f'<div class="panels panels-{min(len(figure.panels), 4)}">{panels}</div></section>'
    )


def _plot(layout: Mapping[str, Any], traces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"layout": layout, "traces": traces}


def _buttons(losses: Sequence[Results]) -> str:
    return "".join(
        f'<button type="button" class="loss" aria-pressed="true" data-loss="{i}">'
        f"{report_table.swatch(i)}<span>{escape(loss['name'])}</span></button>"
        for i, loss in enumerate(losses)
    )


def _picker(labels: Sequence[Any]) -> str:
    if len(labels) == 2:
        return ""
    options = "".join(
        f'<option value="{k}">{escape(str(label))}</option>' for k, label in enumerate(labels)
    )
    return (
        '<label class="picker">Class <select id="class-picker">'
        f'<option value="{ALL_CLASSES}" selected>all classes</option>{options}</select></label>'
    )
