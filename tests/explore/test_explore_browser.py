"""The page of focalis explore in a real browser, opened from disk as a user would open it."""

import importlib.metadata
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from browser import requests, start
from browser import visit as open_page
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

import focalis
from focalis import Loss, explore, margin
from focalis.explore.snippets import snippets
from focalis.margin import margin_loss

pytestmark = pytest.mark.slow

SOURCE = str(Path(focalis.__file__).parents[1])
MARGINS = [
    margin.cross_entropy(),
    margin.focal(2.0),
    margin.focal(0.3),
    margin.focal_star(1.7, 0.5),
    margin.poly1(-1.0),
    margin.generalized_cross_entropy(0.7),
]
POINTS = [-800.0, -40.0, -2.8, -0.5, 0.0, 1e-9, 0.7, 5.0, 36.0, 200.0]
# Too small to matter: below the smallest normal number, losing digits is legitimate.
NEAR = {"rtol": 1e-13, "atol": 1e-300}


@margin_loss()
def thrice(m, u, v, p, q):
    """Three times cross-entropy, for a test."""
    return -3.0 * u, -3.0 * q, 3.0 * p * q


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "explore.html"
    explore.write(path)
    return path


@pytest.fixture
def visit(browser, page):
    def at(width=1280):
        open_page(browser, page, width)
        return browser

    yield at
    # Whatever a test has done, the page must not have complained.
    assert browser.get_log("browser") == []


def retype(box, text):
    """Replace what is there by typing, as a user would."""
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(Keys.NULL, Keys.BACKSPACE, text)


def fill(browser, name, text):
    retype(browser.find_element(By.ID, name), text)


def table(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('.answers tbody tr')]"
        ".map(row => [...row.cells].map(cell => cell.textContent))"
    )


def shown(cell):
    return math.nan if cell == "–" else float(cell.replace("−", "-"))


@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_offline_at_any_width(visit, width):
    browser = visit(width)
    urls = requests(browser)
    assert [url for url in urls if not url.startswith(("file:", "data:", "blob:"))] == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    lines = browser.execute_script(
        "return [...document.querySelectorAll('.plot')].map(p => ["
        "p.querySelectorAll('.scatterlayer .trace').length, p.getBoundingClientRect().width,"
        "p.querySelector('.main-svg').getBoundingClientRect().width])"
    )
    assert len(lines) == 5
    for traces, room, drawn in lines:
        assert traces == 3
        assert abs(room - drawn) < 2
    overlaps = browser.execute_script(
        "return [...document.querySelectorAll('section')].map(s => s.getBoundingClientRect())"
        ".filter((r, i, all) => i && r.top < all[i - 1].bottom).length"
    )
    assert overlaps == 0


def test_its_numbers_are_those_of_the_library(visit):
    browser = visit()
    ask = """
    const [family, parameters, points] = arguments;
    const own = traced[family];
    return points.map(x => ({
      terms: own.terms(x, ...parameters),
      posterior: own.posterior(x, ...parameters)[0],
      sigmoid: own.sigmoid(x, 0.25, 0.75, ...parameters),
    }));
    """
    x = np.array(POINTS)
    for chosen in MARGINS:
        parameters = list(chosen.parameters.values())
        found = browser.execute_script(ask, chosen.name, parameters, POINTS)
        loss = Loss("sigmoid", chosen, reduction="none")
        for y, key in ((np.ones_like(x), "terms"), (np.full_like(x, 0.25), "sigmoid")):
            got = np.array([one[key] for one in found], float).T
            expected = [loss(x, y, engine="numpy"), *loss.grad_and_hess(x, y, engine="numpy")]
            bulk = np.abs(
                np.array(
                    [loss.grad_and_hess(x, np.full_like(x, t), engine="numpy") for t in (0, 1)]
                )
            ).sum(axis=(0, 1))
            for k, (ours, theirs) in enumerate(zip(expected, got, strict=True)):
                size = np.maximum(np.abs(ours), bulk if k else 0)
                assert np.all(np.abs(ours - theirs) <= 1e-13 * size + 1e-300), (chosen, key, k)
        posterior = np.array([one["posterior"] for one in found], float)
        np.testing.assert_allclose(posterior, loss.posterior(x), rtol=1e-8, atol=1e-300)
        moderate = np.abs(x) < 30
        np.testing.assert_allclose(posterior[moderate], loss.posterior(x[moderate]), rtol=1e-11)


def test_rows_are_those_of_the_library(visit):
    browser = visit()
    rng = np.random.default_rng(6)
    for classes in (2, 3, 6):
        x = 3 * rng.normal(size=classes)
        y = rng.dirichlet(np.ones(classes))
        for chosen in MARGINS:
            numbers = [*x, *y, *chosen.parameters.values()]
            got = browser.execute_script(
                "return traced[arguments[0]].softmax[arguments[1]](...arguments[2])",
                chosen.name, classes, numbers,
            )  # fmt: skip
            loss = Loss("softmax", chosen, reduction="none")
            gradient, hessian = loss.grad_and_hess(x[None], y[None], engine="numpy")
            expected = [loss(x[None], y[None], engine="numpy")[0], *gradient[0], *hessian[0]]
            np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-15)
            posterior = browser.execute_script(
                "return traced[arguments[0]].posteriors[arguments[1]](...arguments[2])",
                chosen.name, classes, [*x, *chosen.parameters.values()],
            )  # fmt: skip
            np.testing.assert_allclose(posterior, loss.posterior(x), rtol=1e-11)


@pytest.mark.parametrize("logits", ["1000, 0", "1e300, -1e300"])
def test_far_logits_have_a_posterior(visit, logits):
    browser = visit()
    fill(browser, "logits", logits)
    for row, expected in zip(table(browser), (1.0, 0.0), strict=True):
        assert [shown(cell) for cell in row[4::3]] == [expected] * 3


def test_values_out_of_range_and_the_most_losses_are_said(visit):
    browser = visit(375)
    number = browser.find_element(By.CSS_SELECTOR, "input[type=number]")
    told = browser.find_element(By.CSS_SELECTOR, ".parameter .range")
    retype(number, "-1")
    assert told.text == "expected a number in [0, inf)"
    retype(number, "1")
    assert told.text == ""
    assert browser.find_element(By.ID, "what").rect["width"] <= 375
    add = browser.find_element(By.ID, "add")
    while add.is_enabled():
        add.click()
    assert add.text == "7 losses are the most"


def test_typed_numbers_are_answered(visit):
    browser = visit()
    fill(browser, "logits", "2, −1 0.3; 4e-1")
    fill(browser, "target", "1")
    rows = table(browser)
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    x = np.array([[2.0, -1.0, 0.3, 0.4]])
    for i, chosen in enumerate(
        [margin.cross_entropy(), margin.focal(2.0), margin.focal_star(2.0, 1.0)]
    ):
        loss = Loss("softmax", chosen)
        gradient, hessian = loss.grad_and_hess(x, [1], engine="numpy")
        expected = np.stack([gradient[0], hessian[0], loss.posterior(x)[0]], axis=1)
        got = [[shown(cell) for cell in row[2 + 3 * i : 5 + 3 * i]] for row in rows]
        np.testing.assert_allclose(got, expected, atol=5.1e-6)
        total = browser.find_elements(By.CSS_SELECTOR, ".answers tfoot td")[i].text
        assert shown(total) == pytest.approx(float(loss(x, [1], engine="numpy")), abs=5.1e-6)
    browser.find_element(By.CSS_SELECTOR, "input[value=sigmoid]").click()
    assert "one for each logit" in browser.find_element(By.ID, "target-hint").text
    fill(browser, "target", "1 0 0.5 1")
    rows = table(browser)
    loss = Loss("sigmoid", margin.focal(2.0), reduction="none")
    value, gradient = loss.value_and_grad(x[0], [1, 0, 0.5, 1], engine="numpy")
    assert [shown(row[6]) for row in rows] == pytest.approx(list(value), abs=5.1e-6)
    assert [shown(row[7]) for row in rows] == pytest.approx(list(gradient), abs=5.1e-6)


WRONG = {
    ("2, x", "0"): "Logits: expected numbers, got “x”",
    ("", "0"): "Logits: expected numbers, got nothing",
    ("1", "0"): "Logits: a softmax here takes 2 to 6, got 1",
    ("1, 2", "2"): "Target: expected a class from 0 to 1, got 2",
    ("1, 2", "0.5"): "Target: expected a class from 0 to 1, got 0.5",
    ("1, 2", "1, 0, 0"): "Target: expected a class, or 2 numbers, one for each class, got 3",
    ("1, 2", "-1, 2"): "Target: expected numbers of at least 0",
}


def test_what_makes_no_sense_is_said_and_does_not_stay(visit):
    browser = visit()
    for (logits, target), message in WRONG.items():
        fill(browser, "logits", logits)
        fill(browser, "target", target)
        assert browser.find_element(By.ID, "problem").text == message
        assert not browser.find_element(By.ID, "table").is_displayed()
    fill(browser, "logits", "1 2")
    fill(browser, "target", "0.3, 0.7")
    assert browser.find_element(By.ID, "problem").text == ""
    assert len(table(browser)) == 2


def curve(browser, plot, i):
    return browser.execute_script(
        "const t = document.getElementById(arguments[0]).data[arguments[1]]; return [t.name, t.x, t.y]",
        f"plot-{plot}",
        i,
    )


def test_a_slider_moved_by_keys_changes_everything(visit):
    browser = visit()
    slider = browser.find_element(By.CSS_SELECTOR, "#cards input[type=range]")
    before = {plot: curve(browser, plot, 1)[2] for plot in ("value", "slope", "posterior")}
    rows = table(browser)
    slider.send_keys(Keys.ARROW_RIGHT * 4)
    name, x, y = curve(browser, "slope", 1)
    assert name == "focal γ = 2.2"
    slopes = Loss("sigmoid", margin.focal(2.2)).grad_and_hess(x, np.ones(len(x)), engine="numpy")[0]
    np.testing.assert_allclose(y, slopes, rtol=1e-12)
    assert all(curve(browser, plot, 1)[2] != old for plot, old in before.items())
    assert table(browser) != rows
    assert "focal(gamma=2.2)" in browser.find_element(By.ID, "code").text
    number = browser.find_element(By.CSS_SELECTOR, "#cards input[type=number]")
    assert number.get_attribute("value") == "2.2"
    retype(number, "")
    assert number.get_attribute("aria-invalid") == "true"
    number.send_keys("-1")
    assert number.get_attribute("aria-invalid") == "true"
    assert curve(browser, "slope", 1)[0] == "focal γ = 2.2"
    retype(number, "7.5")  # beyond the slider, but within the range
    assert number.get_attribute("aria-invalid") == "false"
    assert curve(browser, "slope", 1)[0] == "focal γ = 7.5"


def test_losses_are_added_changed_and_removed(visit):
    browser = visit()
    add = browser.find_element(By.ID, "add")
    for _ in range(4):
        add.click()
    assert not add.is_enabled()
    assert len(browser.find_elements(By.CLASS_NAME, "card")) == 7
    last = browser.find_elements(By.CSS_SELECTOR, "#cards select")[-1]
    assert browser.switch_to.active_element == last
    Select(last).select_by_visible_text("generalised cross-entropy")
    assert curve(browser, "value", 6)[0] == "generalised cross-entropy κ = 0.7"
    number = browser.find_elements(By.CSS_SELECTOR, "#cards input[type=number]")[-1]
    retype(number, "1")
    note = "Not determined by generalised cross-entropy κ = 1."
    assert browser.find_element(By.ID, "undetermined").text == note
    assert [row[-1] for row in table(browser)] == ["–"] * 3
    for remove in range(6):
        browser.find_elements(By.CLASS_NAME, "remove")[0].click()
        assert len(browser.find_elements(By.CLASS_NAME, "card")) == 6 - remove
    assert browser.find_elements(By.CLASS_NAME, "remove") == []


def test_everything_has_a_name_and_can_be_reached_by_keys(visit):
    browser = visit()
    nameless = browser.execute_script(
        "return [...document.querySelectorAll('input, select, button')].filter(e =>"
        "!(e.labels && e.labels.length) && !e.ariaLabel && !e.textContent.trim()).length"
    )
    assert nameless == 0
    reached = []
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    for _ in range(40):
        active = browser.switch_to.active_element
        reached.append(
            active.get_attribute("id") or active.get_attribute("class") or active.tag_name
        )
        active.send_keys(Keys.TAB)
    assert {"skip", "add", "logits", "target", "table", "used", "tab-0", "code", "copy"} <= set(
        reached
    )
    tab = browser.find_element(By.ID, "tab-0")
    tab.send_keys(Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element.get_attribute("id") == "tab-1"
    assert "import torch" in browser.find_element(By.ID, "code").text
    browser.switch_to.active_element.send_keys(Keys.END)
    assert "focalis compare" in browser.find_element(By.ID, "code").text


def test_code_is_copied(visit):
    browser = visit()
    browser.find_element(By.ID, "copy").click()
    WebDriverWait(browser, 5).until(lambda b: b.find_element(By.ID, "copied").text == "Copied.")


def programs(browser):
    """Return what every tab shows for a focal loss, with both links."""
    found = {}
    tabs = browser.find_elements(By.CSS_SELECTOR, "[role=tab]")
    assert [tab.text for tab in tabs] == [one.name for one in snippets()]
    for link in ("softmax", "sigmoid"):
        browser.find_element(By.CSS_SELECTOR, f"input[value={link}]").click()
        for tab in tabs:
            tab.click()
            code = browser.find_element(By.ID, "code").get_attribute("textContent")
            assert "$" not in code
            assert "undefined" not in code
            found[link, tab.text] = code
    return found


RUN = {
    "NumPy": "softmax",
    "PyTorch": "softmax",
    "LightGBM": "softmax",
    "XGBoost": "sigmoid",
    "CatBoost": "sigmoid",
    "scikit-learn": "sigmoid",
}


def test_a_loss_of_ones_own_is_not_offered_what_does_not_know_it(browser, tmp_path):
    path = tmp_path / "own.html"
    explore.write(path, ["thrice"])
    open_page(browser, path, 1280)
    Select(browser.find_element(By.CSS_SELECTOR, ".card select")).select_by_value("thrice")
    browser.find_elements(By.CSS_SELECTOR, "[role=tab]")[-1].click()
    code = browser.find_element(By.ID, "code").get_attribute("textContent")
    assert "focalis compare" not in code
    assert code.endswith('focalis check my_module:my_function --as "softmax_thrice"\n')


def test_the_code_runs(visit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = programs(visit())
    for name, link in RUN.items():
        made = {}
        exec(found[link, name], made)
        if "probabilities" in made:
            assert np.isfinite(made["probabilities"]).all()
    assert 'reduction="sum")' in found["sigmoid", "NumPy"]
    assert found["softmax", "Command line"] == (
        'focalis compare table.csv --target answer --loss "softmax_focal(gamma=2)"\n'
        'focalis plot margin cross-entropy "softmax_focal(gamma=2)"\n'
    )


@pytest.mark.parametrize("name", ["JAX", "Keras"])
def test_the_code_of_other_front_ends_runs(visit, tmp_path, name):
    try:  # there are folders of tests with the same names
        importlib.metadata.version(name.lower())
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed")
    found = programs(visit())
    # In a separate process, which chooses what Keras runs on.
    body = "\n".join(f"exec({found[link, name]!r}, {{}})" for link in ("softmax", "sigmoid"))
    done = subprocess.run(
        [sys.executable, "-c", body],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
