"""The table in the terminal."""

from __future__ import annotations

import io
import re

import pytest
import report_fixtures as made
from rich.console import Console

from focalis.compare.report_metrics import METRICS, best, decimals, number, p_value
from focalis.compare.terminal import print_table

BY_KEY = {metric.key: metric for metric in METRICS}


def printed(results, width=80, terminal=False) -> str:
    file = io.StringIO()
    colours = "standard" if terminal else "auto"
    console = Console(file=file, width=width, force_terminal=terminal, color_system=colours)
    print_table(results, console)
    return file.getvalue()


@pytest.fixture(scope="module")
def results():
    return made.binary(rows=100)[0]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200, 400])
def test_piped_text_is_plain_and_fits(results, width):
    text = printed(results, width)
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= width
    assert " ".join(text.split()).endswith(results["verdict"])


def test_wide_table_has_every_metric_and_says_that_nothing_is_missing(results):
    text = printed(results, 400)
    assert "No room" not in text
    for loss in results["losses"]:
        line = next(line for line in text.splitlines() if line.startswith(loss["name"] + " "))
        for metric in METRICS:
            mean = loss["metrics"][metric.key]["mean"]
            assert number(mean, decimals(results["losses"], metric)) in line


def test_columns_left_out_are_named(results):
    text = " ".join(printed(results, 80).split())
    assert "AP" in text
    shown, left_out = text.split("No room here, but in the report:")
    assert "bal. acc." not in shown
    assert "balanced accuracy" in left_out
    assert "fit seconds" in left_out


def test_best_of_each_column_carries_a_star(results):
    lines = printed(results, 400).splitlines()[1:9]
    assert "".join(lines).count("*") == sum(
        len(best(results["losses"], metric)) for metric in METRICS
    ) + sum(loss["name"].count("*") for loss in results["losses"])
    precision = [loss["metrics"]["average_precision"]["mean"] for loss in results["losses"]]
    winner = lines[precision.index(max(precision))]
    assert re.search(r"0\.\d+\*", winner)


def test_terminal_gets_colour(results):
    assert "\x1b[1;32m" in printed(results, 120, terminal=True)


def test_differences_and_p_are_there(results):
    loss = results["losses"][3]
    text = printed(results, 120)
    line = next(line for line in text.splitlines() if line.startswith(loss["name"]))
    primary = loss["metrics"]["average_precision"]
    assert number(primary["difference"], 3, signed=True) in line
    assert p_value(primary["p"]) in line


def test_nothing_known_is_not_best():
    results, _ = made.without_numbers()
    text = printed(results, 400)
    assert "n/a" in text
    assert "None" not in text
    assert "nan" not in text
    assert "*" not in text.split("* best")[0]


def test_names_cannot_steer_the_terminal_or_rich():
    results, _ = made.binary(rows=100)
    results["losses"][1]["name"] = "\x1b[31mred\x07 [bold]not markup[/bold]"
    results["verdict"] = "One\x1b[2J. [red]Two[/red]."
    text = printed(results, 120)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]" in text
    assert "[red]Two[/red]" in text


def test_ties_share_the_mark_and_equals_have_none():
    def losses(*means):
        return [{"metrics": {"roc_auc": {"mean": m}, "ece_link": {"mean": m}}} for m in means]

    assert best(losses(0.9, 0.90001, 0.8), BY_KEY["roc_auc"]) == {0, 1}
    assert best(losses(0.9, 0.8, None), BY_KEY["ece_link"]) == {1}
    assert best(losses(0.9, 0.9), BY_KEY["roc_auc"]) == set()
    assert best(losses(None, None), BY_KEY["roc_auc"]) == set()


@pytest.mark.parametrize(
    ("value", "digits", "signed", "text"),
    [
        (0.12345, 3, False, "0.123"),
        (-0.0001, 3, True, "0.000"),
        (0.0123, 3, True, "+0.012"),
        (None, 3, True, "n/a"),
        (float(1234), 0, False, "1234"),
    ],
)
def test_numbers(value, digits, signed, text):
    assert number(value, digits, signed=signed) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0004, "<0.001"), (0.0496, "0.050"), (0.031, "0.031"), (0.5, "0.50"), (None, "n/a")],
)
def test_p_values(p, text):
    assert p_value(p) == text


def test_decimals_follow_the_narrowest_interval():
    def losses(*halves):
        return [{"metrics": {"brier_link": {"mean": 0, "low": -h, "high": h}}} for h in halves]

    assert decimals(losses(0.2), BY_KEY["brier_link"]) == 3
    assert decimals(losses(0.2, 0.0031), BY_KEY["brier_link"]) == 4
    assert decimals(losses(1e-9), BY_KEY["brier_link"]) == 5
    assert decimals(losses(), BY_KEY["brier_link"]) == 3
