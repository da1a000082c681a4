"""The report in a real browser, opened from disk as a user would open it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import report_fixtures as made
from browser import requests, start, visit
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.select import Select

from focalis.compare.report import write_report

pytestmark = pytest.mark.slow

CASES = {
    "binary": made.binary,
    "multiclass": made.multiclass,
    "without_numbers": made.without_numbers,
    "hostile": made.hostile,
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[WebDriver]:
    driver = start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    return {name: write_report(folder / name, *make()) for name, make in CASES.items()}


DRAWN = """
return Object.fromEntries([...document.querySelectorAll('.plot')].map(plot => [plot.id, {
  paths: plot.querySelectorAll('.scatterlayer .trace').length,
  names: plot.data.map(trace => trace.name ?? null),
  width: plot.querySelector('.main-svg').getBoundingClientRect().width,
  room: plot.getBoundingClientRect().width,
}]))
"""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [1280, 390])
def test_renders_offline_without_an_error(browser, reports, case, width):
    visit(browser, reports[case], width)
    assert browser.get_log("browser") == []
    outside = [url for url in requests(browser) if not url.startswith(("file:", "data:", "blob:"))]
    assert outside == []
    drawn = browser.execute_script(DRAWN)
    n_losses = len(browser.find_elements(By.CSS_SELECTOR, "button.loss"))
    assert {"plot-precision-recall", "plot-reliability-link", "plot-shape-value"} <= {
        key.removesuffix("-1") for key in drawn
    }
    for name, plot in drawn.items():
        reference = name.startswith(("plot-precision", "plot-reliability"))
        expected = n_losses - 1 if name == "plot-difference" else n_losses + reference
        assert plot["paths"] == len(plot["names"]) == expected, name
        assert abs(plot["width"] - plot["room"]) < 2, name
    # Wide tables scroll on their own; the page must not.
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    overlaps = browser.execute_script(
        "return [...document.querySelectorAll('section')].map(s => s.getBoundingClientRect())"
        ".filter((r, i, all) => i && r.top < all[i - 1].bottom).length"
    )
    assert overlaps == 0


def test_network_is_refused_even_to_a_script_of_the_page(browser, reports):
    visit(browser, reports["binary"])
    outcome = browser.execute_async_script(
        "const done = arguments[0];"
        "fetch('http://127.0.0.1:9/').then(() => done('sent'), error => done(String(error)))"
    )
    assert "TypeError" in outcome
    refused = [entry["message"] for entry in browser.get_log("browser")]
    assert any("Content Security Policy" in message for message in refused)


def test_losses_are_switched_by_their_buttons(browser, reports):
    visit(browser, reports["binary"])
    before = browser.execute_script(DRAWN)
    button = browser.find_element(By.CSS_SELECTOR, "button.loss[data-loss='4']")
    browser.execute_script("arguments[0].click()", button)
    assert button.get_attribute("aria-pressed") == "false"
    hidden = browser.execute_script(DRAWN)
    for name in set(before) - {"plot-difference"}:
        assert set(before[name]["names"]) - set(hidden[name]["names"]) == {"focal 2"}, name
        assert hidden[name]["paths"] == before[name]["paths"] - 1
    browser.execute_script("document.getElementById('show-all').click()")
    assert browser.execute_script(DRAWN) == before


def test_picking_a_class_changes_every_curve(browser, reports):
    visit(browser, reports["multiclass"])
    curve = "return document.getElementById(arguments[0]).data.at(-1).y"
    plots = ["plot-precision-recall", "plot-reliability-posterior", "plot-margins"]
    before = [browser.execute_script(curve, plot) for plot in plots]
    Select(browser.find_element(By.ID, "class-picker")).select_by_visible_text("7")
    time.sleep(0.1)
    after = [browser.execute_script(curve, plot) for plot in plots]
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert browser.get_log("browser") == []


def test_heading_sorts_its_column_and_missing_numbers_stay_last(browser, reports):
    visit(browser, reports["binary"])
    column = (
        "return [...document.querySelectorAll('.metrics')[0].tBodies[0].rows]"
        ".map(row => parseFloat(row.cells[1].dataset.sort))"
    )
    heading = browser.find_elements(By.CSS_SELECTOR, ".metrics thead th")[1]
    for direction in ("ascending", "descending"):
        browser.execute_script("arguments[0].querySelector('button').click()", heading)
        assert heading.get_attribute("aria-sort") == direction
        values = browser.execute_script(column)
        assert values == sorted(values, reverse=direction == "descending")
    browser.execute_script(
        "delete document.querySelectorAll('.metrics')[0].tBodies[0].rows[0].cells[1].dataset.sort;"
        "arguments[0].querySelector('button').click()",
        heading,
    )
    assert browser.execute_script(column)[-1] is None


def test_hostile_names_are_shown_as_they_are(browser, reports):
    visit(browser, reports["hostile"])
    assert browser.find_element(By.TAG_NAME, "h1").text == f"What each loss buys on {made.HOSTILE}"
    shown = [b.text for b in browser.find_elements(By.CSS_SELECTOR, "button.loss")]
    assert shown == list(made.HOSTILE_NAMES)
    labels = browser.execute_script(
        "return [...document.querySelectorAll('#plot-difference .annotation-text')]"
        ".map(text => text.textContent)"
    )
    assert labels == list(made.HOSTILE_NAMES[1:])
    assert browser.execute_script("return document.querySelectorAll('main a, img').length") == 0


def luminance(colour: str) -> float:
    red, green, blue = (int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_follows_the_readers_dark_and_light(browser, reports):
    ink = "return [getComputedStyle(document.body).backgroundColor, getComputedStyle(arguments[0]).fill]"
    contrast = {}
    for scheme in ("light", "dark"):
        visit(browser, reports["binary"], scheme=scheme)
        tick = browser.find_element(By.CSS_SELECTOR, "#plot-precision-recall .xtick text")
        page, text = (luminance(c) for c in browser.execute_script(ink, tick))
        contrast[scheme] = page - text
    assert contrast["light"] > 100
    assert contrast["dark"] < -100
