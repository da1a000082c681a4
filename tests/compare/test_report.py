"""The report as a file: complete, small, valid, escaped."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl
import pytest
import report_fixtures as made

from focalis.compare.report import write_report
from focalis.compare.report_metrics import METRICS
from focalis.compare.report_table import minus
from focalis.html import embedded_json

CASES = {
    "binary": made.binary,
    "multiclass": made.multiclass,
    "without_numbers": made.without_numbers,
    "hostile": made.hostile,
}
VOID = {"meta", "link", "line", "br", "img", "input", "hr", "wbr"}


class Page(HTMLParser):
    """Elements with their attributes, the text outside scripts, and any unbalanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text += data


def plots_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="plots">(.*?)</script>', text, re.S)
    return json.loads(found[1])


@pytest.fixture(scope="module", params=CASES)
def written(request, tmp_path_factory):
    results, predictions = CASES[request.param]()
    path = write_report(tmp_path_factory.mktemp("report"), results, predictions)
    return results, path.read_text(encoding="utf-8")


def test_page_is_well_formed_and_small(written):
    _, text = written
    page = Page(text)
    assert page.open == []
    assert len(text.encode()) < 8e6
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_page_asks_for_nothing_from_outside(written):
    _, text = written
    page = Page(text)
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), (tag, attributes)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_every_loss_and_number_is_in_the_tables(written):
    results, text = written
    page = Page(text)
    assert minus(results["verdict"]) in page.text.replace("\xa0", " ")
    assert sum(
        tag == "td" and "class" in a and a["class"] == "missing" for tag, a in page.elements
    ) == sum(m["mean"] is None for loss in results["losses"] for m in loss["metrics"].values())
    for loss in results["losses"]:
        assert loss["name"] in page.text
        for metric in METRICS:
            mean = loss["metrics"][metric.key]["mean"]
            assert mean is None or f'data-sort="{mean!r}"' in text


def test_long_numbers_are_rounded_and_a_minus_is_no_hyphen(tmp_path):
    losses = (("ce", "cross_entropy"), ("balanced", "cross_entropy(alpha=.62741652)"))
    results, predictions = made.binary(200, 2, losses)
    results["verdict"] = "focal-star(gamma=2), -0.25 (-.1 to +0.2)."
    text = write_report(tmp_path, results, predictions).read_text(encoding="utf-8")
    assert "focal-star(gamma=2), −0.25 (−.1 to +0.2)." in text
    assert ">cross_entropy(alpha=.6274)</code>" in text
    assert 'title="cross_entropy(alpha=.62741652)"' in text


def test_headings_descend_and_tables_have_headers(written):
    _, text = written
    page = Page(text)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")
    labelled = [a for tag, a in page.elements if tag == "div" and a.get("class") == "plot"]
    assert labelled
    assert all(a["role"] == "img" and a["aria-label"] for a in labelled)


def test_plotly_accepts_every_plot(written):
    _, text = written
    plots = plots_of(text)
    assert plots
    for plot in plots.values():
        go.Figure([trace["data"] for trace in plot["traces"]], plot["layout"])  # validates


def test_every_loss_is_in_every_plot(written):
    results, text = written
    everyone = set(range(len(results["losses"])))
    for name, plot in plots_of(text).items():
        if name == "plot-difference":
            continue
        shown = {trace["loss"] for trace in plot["traces"]} - {None}
        null = results["losses"][0]["metrics"]["roc_auc"]["mean"] is None
        unknown = null and name in ("plot-reliability-posterior", "plot-reliability-isotonic")
        assert shown == (set() if unknown else everyone), name


def test_several_classes_can_be_picked(tmp_path):
    results, predictions = made.multiclass()
    text = write_report(tmp_path, results, predictions).read_text(encoding="utf-8")
    options = [a["value"] for tag, a in Page(text).elements if tag == "option"]
    assert options == [str(k) for k in range(-1, 10)]
    plots = plots_of(text)
    for name in set(plots) - {"plot-difference"}:
        classes = {trace["class"] for trace in plots[name]["traces"]} - {None}
        assert classes == set(range(-1, 10)), name


def test_equal_shapes_need_no_class(tmp_path):
    results, predictions = made.multiclass(losses=(("cross-entropy", "cross_entropy"),))
    text = write_report(tmp_path, results, predictions).read_text(encoding="utf-8")
    assert {t["class"] for t in plots_of(text)["plot-shape-value"]["traces"]} == {None}


def test_missing_numbers_are_said_not_drawn(tmp_path):
    results, predictions = made.without_numbers()
    text = write_report(tmp_path, results, predictions).read_text(encoding="utf-8")
    assert "nothing to compare with cross-entropy" in text
    assert text.count("Not determined for: cross-entropy, balanced cross-entropy") == 2
    assert "nan" not in Page(text).text.lower()


def test_hostile_names_are_text_and_nothing_else(tmp_path):
    results, predictions = made.hostile()
    text = write_report(tmp_path, results, predictions).read_text(encoding="utf-8")
    page = Page(text)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 4
    assert not {"img", "b>", "iframe"} & set(tags)
    assert not any(name.startswith("on") for _, a in page.elements for name in a)
    for name in made.HOSTILE_NAMES:
        assert name in page.text
    for plot in plots_of(text).values():
        for trace in plot["traces"]:
            assert "<" not in trace["data"].get("name", "")
            assert "%{x}" not in trace["data"].get("hovertemplate", "").split("<br>")[0]


def test_best_is_marked_once_in_each_column(tmp_path):
    results, predictions = made.binary(rows=300)
    text = write_report(tmp_path, results, predictions).read_text(encoding="utf-8")
    for metric in METRICS:
        means = [loss["metrics"][metric.key]["mean"] for loss in results["losses"]]
        winner = max(means) if metric.higher_is_better else min(means)
        assert f'<td class="best" data-sort="{winner!r}">' in text


def test_missing_column_is_named(tmp_path):
    results, predictions = made.binary(rows=100)
    with pytest.raises(ValueError, match=r"missing are \['isotonic', 'link'\]"):
        write_report(tmp_path, results, predictions.drop("link", "isotonic"))
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_the_old_report_and_no_half_of_the_new(tmp_path, monkeypatch):
    results, predictions = made.binary(rows=100)
    path = write_report(tmp_path / "new" / "folder", results, predictions)
    before = path.read_bytes()

    def full_disk(source: Path, target: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_report(path.parent, results | {"verdict": "Other."}, predictions)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["index.html"]


def test_not_a_number_in_a_plot_is_an_error():
    with pytest.raises(ValueError, match="JSON"):
        embedded_json({"y": [float("nan")]})


@pytest.mark.slow
def test_a_hundred_classes_stay_small(tmp_path):
    losses = (made.SOFTMAX_LOSSES[0], made.SOFTMAX_LOSSES[2])
    path = write_report(tmp_path, *made.multiclass(classes=100, rows=2000, losses=losses))
    assert path.stat().st_size < 8e6


def test_unset_settings_are_left_out(tmp_path):
    results, predictions = made.binary(rows=100)
    text = write_report(tmp_path, results, predictions).read_text(encoding="utf-8")
    terms = re.findall("<dt>(.*?)</dt>", text[text.index('class="settings"') :])
    assert terms[-4:] == ["model", "folds", "repeats", "seed"]


def test_integer_and_null_columns_are_read(tmp_path):
    results, predictions = made.binary(rows=200, repeats=1)
    odd = predictions.with_columns(
        pl.col("weight").cast(pl.Int32),
        pl.col("target").cast(pl.Int8),
        pl.when(pl.col("row") < 5).then(None).otherwise(pl.col("logit")).alias("logit"),
    )
    assert write_report(tmp_path, results, odd).exists()
