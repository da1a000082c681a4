"""`focalis explain` and `focalis list`."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from focalis import Loss, margin
from focalis.catalogue import entries
from focalis.cli import main


def run(capsys, *arguments):
    """Run `focalis ARGUMENTS` and return its exit code, and what it printed."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    return status, *capsys.readouterr()


def succeed(capsys, *arguments):
    status, printed, errors = run(capsys, *arguments)
    assert (status, errors) == (0, "")
    return printed


def test_one_meaning_is_explained(capsys):
    text = succeed(capsys, "explain", "nn.BCEWithLogitsLoss")
    assert text.startswith("torch.nn.BCEWithLogitsLoss")
    for word in ("binary, multi-label", "φ′ = −q", "pos_weight = None", "pitfalls"):
        assert word in text
    assert "loss = Loss('sigmoid', margin.cross_entropy())" in text


def test_several_meanings_are_listed(capsys):
    text = succeed(capsys, "explain", "FocalLoss")
    assert "FocalLoss has" in text
    assert "monai.losses.FocalLoss(use_softmax=True)" in text
    assert "softmax_focal(gamma=2)" in text


def test_a_full_name_is_one_meaning(capsys):
    text = succeed(capsys, "explain", "monai.losses.FocalLoss")
    assert text.startswith("monai.losses.FocalLoss")
    assert "the name with other settings\n  - monai.losses.FocalLoss(use_softmax=True)\n" in text
    text = succeed(capsys, "explain", "monai.losses.FocalLoss(use_softmax=True)")
    assert "a softmax inside the loss" in text


@pytest.mark.skipif(os.name != "posix", reason="pipes of another kind")
def test_a_reader_may_leave_early():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-X", "utf8", "-m", "focalis", "list"]
    done = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_explanations_for_programs(capsys):
    data = json.loads(succeed(capsys, "explain", "log_loss", "--json"))
    assert {one["framework"] for one in data} >= {"general", "scikit-learn", "TensorFlow"}
    (one,) = json.loads(succeed(capsys, "explain", "SoftMarginLoss", "--json"))
    assert one["targets"] == "signs"
    assert one["loss"] == "cross_entropy"


def test_the_list(capsys):
    lines = succeed(capsys, "list").splitlines()
    assert lines[0].split() == ["name", "framework", "task", "link", "focalis"]
    assert len(lines) == 1 + len(entries())
    few = succeed(capsys, "list", "--framework", "optax", "--task", "multi-class")
    assert len(few.splitlines()) == 1 + len(entries("optax", "multi-class"))
    data = json.loads(succeed(capsys, "list", "--json", "--framework", "keras"))
    assert [one["name"] for one in data] == [one.name for one in entries("Keras")]


def test_numbers(capsys):
    """The example of the help: a focal loss is one of two, and both are shown."""
    text = succeed(
        capsys, "explain", "focal", "--logits", "2,-1,.3", "--target", "0", "--gamma", "1.5"
    )
    tables = text.split("\n\n")
    assert [table.splitlines()[0] for table in tables] == [
        "focal(gamma=1.5), link sigmoid",
        "softmax_focal(gamma=1.5), link softmax",
    ]
    for table, link in zip(tables, ("sigmoid", "softmax"), strict=True):
        rows = [re.split(" {2,}", line.strip()) for line in table.strip().splitlines()[1:]]
        cells = np.array(rows[1:4], dtype=float).T
        found = dict(zip(rows[0], cells, strict=True))
        loss = Loss(link, margin.focal(gamma=1.5), reduction="sum")
        scores = np.array([2.0, -1.0, 0.3])
        inputs = (scores, [1.0, 0.0, 0.0]) if link == "sigmoid" else (scores[None], [0])
        gradient, hessian = loss.grad_and_hess(*inputs, engine="numpy")
        np.testing.assert_allclose(found["probability"], loss.probabilities(scores), rtol=1e-3)
        np.testing.assert_allclose(found["gradient"], gradient.reshape(-1), rtol=1e-3)
        np.testing.assert_allclose(found["Hessian"], hessian.reshape(-1), rtol=1e-3)
        value = loss(*inputs, engine="numpy")
        np.testing.assert_allclose(found["loss"].sum(), value, rtol=1e-3)
        assert float(rows[4][1]) == pytest.approx(float(value), rel=1e-3)
        plain = Loss(link, margin.cross_entropy()).grad_and_hess(*inputs, engine="numpy")[0]
        np.testing.assert_allclose(found["CE gradient"], plain.reshape(-1), rtol=1e-3)


NUMBERS = {
    "softmax of soft targets": ("softmax focal loss", "2,-1,.3", ".7,.1,.2", ()),
    "smoothed": ("CrossEntropyLoss(label_smoothing=.1)", "2,-1,.3", "0", ()),
    "several labels": ("multi-label softmax loss", "2,-1,.3", "1,0,1", ()),
    "one question": ("logistic loss", "-2.5", "1", ()),
    "weighted": ("torchvision.ops.sigmoid_focal_loss", "2,-1,.3", "0", ("--alpha", ".75")),
    "by their name": ("CatBoost.Focal(focal_alpha=.3, focal_gamma=1)", "-1,2", "1", ()),
    "for every class": ("kornia.losses.focal_loss", "2,-1,.3", "1", ("--alpha", ".25")),
    "probabilities": ("BCELoss", ".7,.2", "1,0", ()),
    "rows of probabilities": ("multi-class log loss", ".7,.2,.1", "0", ()),
    "below 0 first": ("NLL", "-1,2,3", "0", ()),
}


@pytest.mark.parametrize("kind", [kind for kind in NUMBERS if kind != "below 0 first"])
def test_numbers_add_up(capsys, kind):
    name, logits, target, rest = NUMBERS[kind]
    command = ("explain", name, "--logits", logits, "--target", target, *rest)
    succeed(capsys, *command)
    for one in json.loads(succeed(capsys, *command, "--json")):
        assert sum(one["losses"]) == pytest.approx(one["value"], rel=1e-12)
        scores = np.array(one["scores"])
        assert len(scores) == len(logits.split(","))
        step = 1e-6
        for k, slope in enumerate(one["gradient"]):
            if one["link"] in ("identity", "simplex"):
                break
            ends = []
            for sign in (1, -1):
                moved = ",".join(f"{x + sign * step * (i == k):.12f}" for i, x in enumerate(scores))
                command = ("explain", name, "--json", "--logits", moved, "--target", target, *rest)
                ends.append(
                    next(
                        other["value"]
                        for other in json.loads(succeed(capsys, *command))
                        if other["link"] == one["link"]
                    )
                )
            assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_infinities_are_words_for_programs(capsys):
    command = ("explain", "BCELoss", "--logits", "0", "--target", "1", "--json")
    command = ("explain", "torch.nn.BCELoss", *command[2:])
    (one,) = json.loads(succeed(capsys, *command))
    assert one["value"] == "inf"


BAD = {
    "a miss": (("explain", "croseentropy"), "did you mean 'cross-entropy'"),
    "no name": (("explain",), "NAME"),
    "a word": (("explain", "focal", "--logits", "2,x", "--target", "0"), "separated by commas"),
    "no target": (("explain", "focal", "--logits", "2,1"), "both --logits and --target"),
    "no such class": (("explain", "focal", "--logits", "2,1", "--target", "5"), r"\[0, 2\)"),
    "few targets": (("explain", "focal", "--logits", "2,1,0", "--target", "1,0"), "shape"),
    "out of range": (
        ("explain", "focal", "--logits", "2,1", "--target", "0", "--gamma", "-1"),
        "gamma of focal must lie in",
    ),
    "not its parameter": (
        ("explain", "BCELoss", "--logits", ".2", "--target", "0", "--gamma", "1"),
        "has no parameter for gamma",
    ),
    "a parameter alone": (("explain", "focal", "--gamma", "1"), "give --logits and --target"),
    "its own name": (
        ("explain", "sigmoid focal loss(foo=1)", "--logits", "2", "--target", "0"),
        "has no parameter 'foo'",
    ),
    "missing": (
        ("explain", "CatBoost.Focal", "--logits", "2", "--target", "0"),
        "needs focal_alpha, focal_gamma",
    ),
    "no row": (("explain", "softmax loss", "--logits", "2", "--target", "0"), "a row of classes"),
    "logits": (("explain", "BCELoss(x=1)", "--logits", "2"), "both --logits and --target"),
    "no framework": (("list", "--framework", "Theano"), "framework must be one of"),
    "no task": (("list", "--task", "regression"), "task must be one of"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line_and_exit_code_2(capsys, kind):
    arguments, message = BAD[kind]
    status, printed, errors = run(capsys, *arguments)
    assert (status, printed) == (2, "")
    assert re.fullmatch(rf"focalis {arguments[0]}: error: [^\n]+\n", errors)
    assert re.search(message, errors)


def test_they_need_no_optional_package():
    script = """
import sys
for name in ("rich", "scipy", "sklearn", "torch", "plotly", "polars", "lightgbm", "numba"):
    sys.modules[name] = None
from focalis.cli import main
main(["list"]), main(["explain", "nn.NLLLoss"])
main(["explain", "focal", "--logits", "2,-1,.3", "--target", "0", "--gamma", "2"])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "utf8", "-c", script],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "CE Hessian" in done.stdout
