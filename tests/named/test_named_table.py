"""The generated code in the checkout matches the table of named losses, and two edits add a loss."""

import functools
import inspect
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import registry

import focalis
from focalis.margin import FAMILIES
from focalis.named.generator import MODULES, source
from focalis.named.pages import PAGES, filled
from focalis.named.signatures import functions, keras_classes
from focalis.named.table import LOSSES, PARAMETERS, SETTINGS, letter, title

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "focalis"
OURS = [name for name, family in FAMILIES.items() if family.__module__ == "focalis.margin"]


@pytest.mark.parametrize("module", MODULES)
def test_generated_modules_are_up_to_date(module):
    assert (PACKAGE / module).read_text("utf-8") == source(module)


@pytest.mark.parametrize("page", PAGES)
def test_generated_tables_are_up_to_date(page):
    text = (ROOT / page).read_text("utf-8")
    assert text == filled(page, text)


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match=r"README\.md must have '<!-- margin losses"):
        filled("README.md", "nothing here")


def test_every_margin_loss_has_a_row_and_every_parameter_too():
    assert {row.margin_loss for row in LOSSES} == set(OURS)
    for row in LOSSES:
        if row.parameters:
            assert list(row.parameters) == list(FAMILIES[row.margin_loss].ranges)
    known = {row.name for row in PARAMETERS}
    assert known == {name for row in LOSSES for name in row.parameters}


def test_the_settings_are_those_of_a_loss():
    parameters = inspect.signature(focalis.Loss).parameters.values()
    assert [row.name for row in SETTINGS] == [
        p.name for p in parameters if p.kind == p.KEYWORD_ONLY
    ]


def test_what_has_no_row_is_called_by_its_name():
    assert (letter("tau"), letter("a_thing"), title("my_loss")) == ("τ", "a thing", "my loss")


def signatures():
    """Return each function or class in the table, and the real one."""
    import focalis.jax
    import focalis.torch

    modules = {"numpy": focalis, "torch": focalis.torch, "jax": focalis.jax}
    for front_end, module in modules.items():
        for made in functions(front_end):
            yield made, getattr(module, made.name)


def test_signatures_are_those_of_the_table():
    for made, function in signatures():
        parameters = list(inspect.signature(function).parameters.values())
        assert [p.name for p in parameters[:2]] == list(made.scores)
        expected = [(one.name, one.default, one.keyword) for one in made.arguments]
        found = [(p.name, p.default, p.kind == p.KEYWORD_ONLY) for p in parameters[2:]]
        assert found == expected, made.name


def test_a_default_is_one_fact():
    """Two front ends called by the same name give the same loss, except where the table says so."""
    shared = {}
    for made, _ in signatures():
        for one in made.arguments:
            shared.setdefault((made.name, one.setting), {})[made.front_end] = one.default
    differing = {
        key: defaults for key, defaults in shared.items() if len(set(defaults.values())) > 1
    }
    assert {key for key in differing if key[1] != "ignore_index"} == {
        ("sigmoid_focal_loss", "alpha")
    }


def order_of_arguments(made):
    return [one.setting for one in made.arguments if not one.keyword and not one.is_of_the_call]


def test_leading_arguments_come_in_the_same_order():
    by_name = {}
    for made, _ in signatures():
        if made.front_end != "jax":
            by_name.setdefault(made.name, []).append(order_of_arguments(made))
    for name, (first, *others) in by_name.items():
        for other in others:
            shared = [setting for setting in first if setting in other]
            assert shared == [setting for setting in other if setting in first], name
            assert first[: len(shared)] == shared or name == "softmax_focal_loss", name


@pytest.mark.slow
@pytest.mark.parametrize("front_end", ["torch", "jax"])
def test_what_is_made_for_a_framework_is_the_loss_of_its_row(front_end):
    import jax
    import torch

    import focalis.jax
    import focalis.torch

    rng = np.random.default_rng(3)
    scores, answers = rng.normal(size=(5, 3)), rng.random((5, 3))
    labels = rng.integers(3, size=5)
    several = (answers > 0.5).astype(float)
    for made in functions(front_end):
        given = registry.unusual(made.row.margin_loss)
        dense = made.link == "sigmoid"
        targets = answers if dense else several if made.row.fixed else labels
        weight = (1.0, 2.0, 0.5)
        settings = made.row.fixed | {"class_weight": weight, "label_smoothing": 0.1}
        if any(one.setting == "alpha" for one in made.arguments):
            settings["alpha"] = 0.3
        loss = focalis.Loss(
            made.link, FAMILIES[made.row.margin_loss](**given), reduction="none", **settings
        )
        expected = loss(scores, targets, engine="numpy")
        called = {k: v for k, v in settings.items() if k not in made.row.fixed} | given
        if front_end == "torch":
            called["weight"] = torch.tensor(called.pop("class_weight")).double()
            tensors = torch.tensor(scores), torch.tensor(targets)
            called["reduction"] = "none"
            function = getattr(focalis.torch, made.name)
            module = getattr(focalis.torch, made.module)(**called)
            # Mapped, they run in operations: each has a kernel, but it would take seconds to compile.
            found, again = (
                torch.func.vmap(f, in_dims=(0, None))(tensors[0][None], tensors[1])[0]
                for f in (functools.partial(function, **called), module)
            )
            np.testing.assert_allclose(again, expected, 1e-12)
        else:
            with jax.enable_x64(True):
                found = getattr(focalis.jax, made.name)(scores, targets, **called)
        np.testing.assert_allclose(found, expected, 1e-12, err_msg=made.name)


def pieces():
    """Return what CONTRIBUTING says to write for the tempered cross-entropy."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return re.findall(r"^```py\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def python(*arguments, source):
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_loss_is_one_function_and_one_row(tmp_path):
    """Removed from a copy, tempered cross-entropy is gone; two edits and a command bring it back."""
    function, *rows = pieces()
    row, parameter = (textwrap.indent(f"{text},", "    ") for text in rows)
    copy = tmp_path / "src" / "focalis"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for page in PAGES:
        (tmp_path / page).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / page, tmp_path / page)
    edits = {
        "margin.py": [f"{function}\n\n\n", '    "tempered",\n'],
        "named/table.py": [f"{row}\n", f"{parameter}\n"],
    }
    assert len(edits) == 2
    for file, parts in edits.items():
        text = (copy / file).read_text("utf-8")
        for part in parts:
            assert text.count(part) == 1, file
            text = text.replace(part, "")
        (copy / file).write_text(text, "utf-8")
    python("-m", "focalis.named", source=copy.parent)
    left = [
        path.relative_to(tmp_path)
        for path in tmp_path.rglob("*.*")
        if path.suffix in (".py", ".md", ".js", ".html") and "empered" in path.read_text("utf-8")
    ]
    assert left == []
    for file in edits:
        shutil.copy(PACKAGE / file, copy / file)
    python("-m", "focalis.named", source=copy.parent)
    for page in PAGES:
        assert (tmp_path / page).read_text("utf-8") == (ROOT / page).read_text("utf-8")
    for module in MODULES:
        assert (copy / module).read_text("utf-8") == (PACKAGE / module).read_text("utf-8")


@pytest.mark.slow
def test_it_is_everywhere(tmp_path, capsys):
    from focalis.cli.main import main
    from focalis.explore import render

    assert "sigmoid_tempered" in focalis.__all__
    assert "CategoricalTempered" in [one.name for one in keras_classes()]
    for command in (
        ["explain", "tempered", "--logits", "2,-1", "--target", "1,0", "--order", "3"],
        ["explain", "focalis.torch.softmax_tempered"],
        ["list", "--framework", "focalis"],
        [
            "check",
            "focalis:sigmoid_tempered",
            "--as",
            "sigmoid_tempered",
            "--order",
            "2",
            "--only",
            "shapes",
        ],
        ["plot", "margin", "cross-entropy", "tempered(order=3)", "--out", str(tmp_path / "a.svg")],
    ):
        assert main(command) == 0, command
    printed = capsys.readouterr().out
    assert "focalis.jax.softmax_tempered" in printed
    assert "focalis.keras.BinaryTempered" in printed
    assert "tempered" in (tmp_path / "a.svg").read_text("utf-8")
    assert "tempered cross-entropy" in render()
    assert focalis.parse("softmax tempered(order=3)").margin_loss == focalis.margin.tempered(3.0)
