"""The report's tables and facts, as HTML that can be read without any script."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from focalis.compare.report_metrics import (
    PROBABILITIES,
    RANKING,
    Metric,
    Results,
    best,
    decimals,
    figure_of,
    interval,
    number,
    p_value,
)
from focalis.compare.report_plotting import style

_MEANINGS = (
    (
        "average precision",
        "the area under the precision-recall curve: of the rows ranked first, how many are right. "
        "The one metric that the verdict is about.",
    ),
    (
        "ROC AUC",
        "the chance that a random positive is ranked above a random negative; 0.5 is guessing.",
    ),
    (
        "F1, recall, balanced accuracy",
        "of yes-or-no decisions, at a threshold chosen on the training rows alone.",
    ),
    (
        "log loss, Brier score",
        "how far the probabilities are from what happened; lower is better, and a confident "
        "mistake costs most.",
    ),
    (
        "calibration error",
        "by how much, on average, a forecast of so many per cent misses the share that came true.",
    ),
    (
        "raw, corrected, isotonic",
        "the sigmoid or softmax of the scores; the posterior that the loss itself implies; and the "
        "usual recalibration, fitted on held-out rows, for comparison.",
    ),
)


def tables(results: Results) -> str:
    """Return both tables: how well the losses rank, and how far to trust the probabilities."""
    losses = results["losses"]
    return _table(losses, RANKING, "Ranking and decisions", "ranking") + _table(
        losses, PROBABILITIES, "Probabilities: lower is better", "probabilities"
    )


def _table(losses: Sequence[Results], metrics: Sequence[Metric], caption: str, key: str) -> str:
    head = "".join(_heading(metric) for metric in metrics)
    winners = {metric.key: best(losses, metric) for metric in metrics}
    digits = {metric.key: decimals(losses, metric) for metric in metrics}
    rows = "".join(
        f"<tr>{_name_cell(i, loss)}"
        + "".join(_cell(loss, m, digits[m.key], i in winners[m.key], i == 0) for m in metrics)
        + "</tr>"
        for i, loss in enumerate(losses)
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="caption-{key}">'
        f'<table class="metrics"><caption id="caption-{key}">{caption}</caption>'
        f'<thead><tr><th scope="col" class="name">{_sort_button("loss")}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _heading(metric: Metric) -> str:
    way = "higher is better" if metric.higher_is_better else "lower is better"
    arrow = "↑" if metric.higher_is_better else "↓"
    label, _, source = metric.label.partition(", ")
    source = f"<small>{source}</small>" if source else ""
    sign = f'<abbr title="{way}">{arrow}</abbr>'
    return f'<th scope="col">{_sort_button(f"{label} {sign}{source}")}</th>'


def _sort_button(inside: str) -> str:
    return f'<button type="button" class="sort">{inside}</button>'


def _name_cell(i: int, loss: Results) -> str:
    text, code = loss["loss"], ""
    # A name often differs from the text only by hyphens, and is then not worth repeating; and a hundred
    # class weights belong in results.json.
    if _folded(text) != _folded(loss["name"]):
        code = f'<code title="{escape(text)}">{escape(shorten(_rounded(text)))}</code>'
    return (
        f'<th scope="row" class="name" data-sort="{i}"><div>'
        f"{swatch(i)}<span>{breakable(loss['name'])}{code}</span></div></th>"
    )


def breakable(name: str) -> str:
    """Return a name that a narrow column may break before the parameters."""
    return escape(name).replace("(", "(<wbr>")


def _rounded(text: str) -> str:
    """Write the numbers in a loss's text with at most four decimals."""
    return re.sub(r"\d*\.\d{5,}", lambda found: f"{float(found[0]):.4f}".removeprefix("0"), text)


def _folded(text: str) -> str:
    return text.removeprefix("softmax_").replace("_", "-").replace(" ", "")


def shorten(text: str, length: int = 60) -> str:
    """Cut a longer text to this length, and mark the cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _cell(loss: Results, metric: Metric, digits: int, is_best: bool, is_baseline: bool) -> str:
    mean = figure_of(loss, metric.key, "mean")
    if mean is None:
        return '<td class="missing">n/a</td>'
    lines = [f"<b>{minus(number(mean, digits))}</b>"]
    if is_best:
        lines[0] += '<span class="mark">best</span>'

    def part(name: str) -> float | None:
        return figure_of(loss, metric.key, name)

    if spread := interval(part("low"), part("high"), digits):
        lines.append(f"<small>{minus(spread)}</small>")
    difference = part("difference")
    if difference is not None and not is_baseline:
        gain = number(difference, digits, signed=True)
        ends = interval(part("difference_low"), part("difference_high"), digits, signed=True)
        inside = gain + (f" {ends}" if ends else "")
        lines.append(f'<small class="difference">{minus(inside)}</small>')
        p = part("p")
        if p is not None:
            lines.append(f"<small>p {escape(p_value(p))}</small>")
    kind = ' class="best"' if is_best else ""
    return f'<td{kind} data-sort="{mean!r}">{"".join(lines)}</td>'


def minus(text: str) -> str:
    """Write proper minus signs, leaving hyphens alone."""
    return re.sub(r"(?<!\w)-(?=[\d.])", "−", text)


def swatch(i: int) -> str:
    """Return a sample of the line that represents a loss in the figures."""
    line = style(i)
    dashes = {"solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "7 3 2 3"}[line["dash"]]
    return (
        '<svg class="swatch" viewBox="0 0 28 10" aria-hidden="true" focusable="false">'
        f'<line x1="1" x2="27" y1="5" y2="5" stroke="{line["color"]}" '
        f'stroke-width="{line["width"] + 0.5}" stroke-dasharray="{dashes}"/></svg>'
    )


def meanings() -> str:
    """Return an explanation of the columns for readers new to them."""
    entries = "".join(f"<dt>{term}</dt><dd>{meaning}</dd>" for term, meaning in _MEANINGS)
    return f'<details><summary>What the columns mean</summary><dl class="terms">{entries}</dl></details>'


def facts(data: Mapping[str, Any]) -> str:
    """Return the line under the verdict: rows, columns, classes at a glance."""
    total = sum(data["counts"])
    entries = [(f"{data['rows']:,}", "rows"), (f"{_size(data['features']):,}", "feature columns")]
    if data.get("positive") is not None:
        labels = [str(label) for label in data["classes"]]
        count = data["counts"][labels.index(str(data["positive"]))]
        share = count / total if total else 0.0
        entries.append((f"{share:.1%}" if share >= 0.001 else f"{share:.3%}", "positive rows"))
        entries.append((escape(str(data["positive"])), "is the positive class"))
    else:
        entries.append((f"{len(data['classes'])}", "classes"))
    return "".join(f"<li><b>{value}</b> {what}</li>" for value, what in entries)


def _size(features: Any) -> int:
    return features if isinstance(features, int) else len(features)


def warnings(results: Results) -> str:
    """Return what a reader must know before trusting the numbers, or nothing if all is well."""
    failures = [f"{failure}; the loss is left out" for failure in results.get("failures", [])]
    found = [*results["data"]["warnings"], *failures]
    if not found:
        return ""
    items = "".join(f"<li>{escape(str(warning))}</li>" for warning in found)
    heading = "<h2>Before you trust this</h2>"
    return f'<aside class="warnings" aria-label="Warnings">{heading}<ul>{items}</ul></aside>'


def classes(data: Mapping[str, Any]) -> str:
    """Return the table of the classes with their counts."""
    counts = data["counts"]
    rows = "".join(
        f'<tr><th scope="row">{escape(str(label))}{_positive(data, label)}</th>'
        f"<td>{count:,}</td><td>{_share(count, counts)}</td></tr>"
        for label, count in zip(data["classes"], counts, strict=True)
    )
    return (
        '<table class="plain"><caption>Classes</caption><thead><tr><th scope="col">class</th>'
        '<th scope="col">rows</th><th scope="col">share</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _positive(data: Mapping[str, Any], label: Any) -> str:
    positive = data.get("positive")
    return "" if positive is None or str(label) != str(positive) else " <small>positive</small>"


def _share(count: int, counts: Sequence[int]) -> str:
    share, longest = count / (sum(counts) or 1), count / (max(counts) or 1)
    return f'<span class="bar" style="width:{5 * longest:.3f}rem"></span>{share:.1%}'


def settings(results: Results) -> str:
    """Return data and settings as a definition list, without the unset ones."""
    data = results["data"]
    entries = {
        "name": data["name"],
        "rows": f"{data['rows']:,}",
        "rows without a target, left out": f"{data['rows_without_target']:,}",
        "feature columns": f"{_size(data['features']):,}",
        **results["settings"],
    }
    return "".join(
        f"<div><dt>{escape(str(key).replace('_', ' '))}</dt><dd>{escape(_plain(value))}</dd></div>"
        for key, value in entries.items()
        if value is not None and value != []
    )


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(inner) for inner in value) or "none"
    return str(value)


def protocol(results: Results) -> str:
    """Return the sentences that explain how the numbers were obtained."""
    sentences = [
        "Every loss was trained and tested on the same folds.",
        *results.get("protocol", []),
    ]
    return "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
