"""`focalis explain` and `focalis list`."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from focalis import Loss, margin, parse
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
    tables = text.split("\n\n")[:2]
    assert [table.splitlines()[1] for table in tables] == [
        "focal(gamma=1.5), link sigmoid",
        "softmax_focal(gamma=1.5), link softmax",
    ]
    for table, link in zip(tables, ("sigmoid", "softmax"), strict=True):
        assert table.startswith(f"{link} focal loss, ")  # the names that mean it
        rows = [re.split(" {2,}", line.strip()) for line in table.strip().splitlines()[2:]]
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
    "signs": ("SoftMarginLoss", "-2.5,1", "-1,1", ()),
    "its matrix": ("Caffe.InfogainLoss(infogain=[[1, .2], [0, 1]])", "2,1", "0", ()),
    "its weights": ("nn.CrossEntropyLoss(weight=(1, 2))", "2,1", "1", ()),
    "a number per class": ("softmax focal loss", "2,1", "1", ("--alpha", ".25,.75")),
    "a switch": ("smp.losses.FocalLoss(mode='binary', gamma=3)", "2,1", "1,0", ()),
    "background": ("mmdet.models.losses.FocalLoss", "2,1", "2", ()),
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


TRIED = {  # the value, and the name that has it, as its framework computes it
    "torch.nn.BCELoss": (("BCELoss", "--logits", ".2,.9", "--target", "1,0"), 3.912023005428146),
    "keras.losses.BinaryCrossentropy": (
        ("BinaryCrossentropy", "--logits", ".2,.9", "--target", "1,0"),
        3.912023005428146,
    ),
    "keras.losses.SparseCategoricalCrossentropy": (
        ("sparse categorical crossentropy", "--logits", ".2,.8", "--target", "0"),
        1.6094379124341003,
    ),
    "Caffe.MultinomialLogisticLoss": (
        ("MultinomialLogisticLoss", "--logits", ".2,.8", "--target", "0"),
        1.6094379124341003,
    ),
    "torchvision.ops.sigmoid_focal_loss": (
        ("sigmoid_focal_loss", "--logits", "2", "--target", "1"),
        0.25 * 0.12692801104297263 * 0.11920292202211755**2,
    ),
    "torch.nn.NLLLoss": (("nn.NLLLoss", "--logits", "-.2,-1.7", "--target", "0"), 0.2),
}


@pytest.mark.parametrize("name", TRIED)
def test_each_meaning_of_a_name_has_its_numbers(capsys, name):
    command, value = TRIED[name]
    (one,) = (
        one
        for one in json.loads(succeed(capsys, "explain", *command, "--json"))
        if name in one["names"]
    )
    assert one["value"] == pytest.approx(value, rel=1e-6)


def test_a_gradient_is_led_back_to_what_was_given(capsys):
    """Of log-probabilities it is that of −Σ y log p, and there is no Hessian to show."""
    command = ("explain", "torch.nn.NLLLoss", "--logits", "-.2,-1.7", "--target", "0")
    (one,) = json.loads(succeed(capsys, *command, "--json"))
    assert one["gradient"] == pytest.approx([-1.0, 0.0])
    assert one["hessian"] is None
    assert "Hessian" not in succeed(capsys, *command)


def test_what_cannot_be_tried_is_said(capsys):
    text = succeed(capsys, "explain", "CrossEntropyLoss", "--logits", "2", "--target", "0")
    assert re.search(r"not tried: .*torch.nn.CrossEntropyLoss.*: scores must be a row", text)
    assert text.startswith("binary cross-entropy, LightGBM.cross_entropy, CatBoost.CrossEntropy\n")


def test_a_background_has_its_cross_entropy_beside_it(capsys):
    command = ("explain", "detectron2.modeling.RetinaNet", "--logits", "2,-1", "--target", "2")
    rows = succeed(capsys, *command).splitlines()
    assert rows[-1].split()[-1] == f"{np.logaddexp(0, 2) + np.logaddexp(0, -1):.4g}"


def test_an_infinite_margin_is_infinite(capsys):
    text = succeed(capsys, "explain", "softmax_focal", "--logits", "inf,0", "--target", "0")
    assert "e+308" not in text
    assert re.search(r"^ +0 +inf +1 +1 +inf ", text, re.MULTILINE)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_every_name_of_the_list_leads_to_its_page(capsys, entry):
    assert succeed(capsys, "explain", entry.name).startswith(f"{entry.name}  ·  ")


@pytest.mark.parametrize("text", sorted({entry.text for entry in entries()}))
def test_every_loss_of_the_list_is_a_name(capsys, text):
    found = json.loads(succeed(capsys, "explain", text, "--json"))
    assert parse(text).link in [one["link"] for one in found]


def test_other_meanings_are_told(capsys):
    text = succeed(capsys, "explain", "log loss")
    assert text.startswith("log loss  ·  general")
    assert "other meanings of the name\n  - multi-class log loss\n" in text


CALLS = {
    "nn.CrossEntropyLoss()": (
        "torch.nn.CrossEntropyLoss",
        "softmax_cross_entropy(ignore_index=-100)",
    ),
    "keras.losses.BinaryFocalCrossentropy(from_logits=False)": (
        "keras.losses.BinaryFocalCrossentropy",
        "identity_focal(gamma=2)",
    ),
    "keras.losses.BinaryFocalCrossentropy(from_logits=True, gamma=3, reduction=None)": (
        "keras.losses.BinaryFocalCrossentropy(from_logits=True)",
        "focal(gamma=3, reduction=none)",
    ),
    "torchvision.ops.sigmoid_focal_loss(alpha=-1)": (
        "torchvision.ops.sigmoid_focal_loss",
        "focal(gamma=2, reduction=none)",
    ),
    "sigmoid focal loss (gamma=2.0, alpha=.25)": (
        "sigmoid focal loss",
        "focal(gamma=2, alpha=.25)",
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_explained_with_what_it_gives(capsys, call):
    name, text = CALLS[call]
    (one,) = json.loads(succeed(capsys, "explain", call, "--json"))
    assert (one["name"], one["loss"]) == (name, text)


def test_what_is_printed_can_be_asked(capsys):
    (one,) = json.loads(succeed(capsys, "explain", "torchvision.ops.sigmoid_focal_loss", "--json"))
    for other in one["equivalents"]:
        base, _, switches = other["name"].partition("(")
        inside = [switches.removesuffix(")")] * bool(switches)
        inside += [f"{key}={value!r}" for key, value in other["parameters"].items()]
        call = f"{base}({', '.join(inside)})"
        if base == "CatBoost.Focal":
            assert other["parameters"] == {"focal_alpha": 0.25, "focal_gamma": 2.0}
        found = json.loads(succeed(capsys, "explain", call, "--json"))
        (same,) = (entry for entry in found if entry["name"] == other["name"])
        assert same["loss"].startswith("focal(gamma=2, alpha=.25")


def test_an_unknown_module_is_said(capsys):
    text = succeed(capsys, "explain", "paddle.nn.BCEWithLogitsLoss")
    assert text.startswith("paddle.nn has no BCEWithLogitsLoss that is known here")
    assert "torch.nn.BCEWithLogitsLoss  ·  PyTorch" in text
    status, printed, errors = run(capsys, "explain", "tf.nn.sigmoid_focal_loss", "--json")
    assert status == 0
    assert "tf.nn has no sigmoid_focal_loss" in errors
    assert len(json.loads(printed)) > 3


def test_infinities_are_words_for_programs(capsys):
    command = ("explain", "BCELoss", "--logits", "0", "--target", "1", "--json")
    command = ("explain", "torch.nn.BCELoss", *command[2:])
    (one,) = json.loads(succeed(capsys, *command))
    assert one["value"] == "inf"


BAD = {
    "a miss": (("explain", "croseentropy"), "did you mean 'cross-entropy'"),
    "no name": (("explain",), "NAME"),
    "an empty name": (("explain", ""), "no loss is called ''"),
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
    "infinitely many": (
        ("explain", "CrossEntropyLoss", "--logits", "1,2", "--target", "inf"),
        "targets must be a class index.* got inf",
    ),
    "no class": (
        ("explain", "CrossEntropyLoss", "--logits", "1,2", "--target", "nan"),
        "targets must be a class index.* got nan",
    ),
    "no sign": (
        ("explain", "SoftMarginLoss", "--logits", "1", "--target", "0"),
        r"targets must be \+1 or −1, got 0",
    ),
    "an index alone": (
        (
            "explain",
            "keras.losses.SparseCategoricalCrossentropy",
            "--logits",
            ".1,.9",
            "--target",
            "0,1",
        ),
        "targets must be a class index, got 2 numbers",
    ),
    "of the call": (
        ("explain", "BCEWithLogitsLoss(weight=2)", "--logits", "1", "--target", "0"),
        "weight is no part of the loss of one row",
    ),
    "half a call": (("explain", "focal(gamma=2"), r"a \) at the end"),
    "no call": (("explain", "focal(gamma=)"), "expected parameter=value"),
    "no meaning": (("explain", "focal(foo=1)"), "no meaning of 'focal' takes foo=1"),
    "classes unknown": (
        ("explain", "kornia.losses.focal_loss(alpha=.25)"),
        "n_classes must be given",
    ),
    "no row": (("explain", "softmax loss", "--logits", "2", "--target", "0"), "a row of classes"),
    "logits": (("explain", "BCELoss", "--logits", "2"), "both --logits and --target"),
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
