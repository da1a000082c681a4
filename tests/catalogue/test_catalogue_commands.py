"""`focalis explain` and `focalis list`."""

import json
import os
import re
import subprocess
import sys

import pytest
from explaining import run, succeed

from focalis import parse
from focalis.catalogue import entries


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
    assert text.startswith("focalis knows no BCEWithLogitsLoss in paddle.nn")
    assert "torch.nn.BCEWithLogitsLoss  ·  PyTorch" in text
    status, printed, errors = run(capsys, "explain", "tf.nn.sigmoid_focal_loss", "--json")
    assert status == 0
    assert "focalis knows no sigmoid_focal_loss in tf.nn" in errors
    assert len(json.loads(printed)) > 3


def test_of_a_framework_its_own_is_shown_and_the_module_said(capsys):
    text = succeed(capsys, "explain", "tf.nn.softmax_cross_entropy")
    assert text.startswith("focalis knows no softmax_cross_entropy in tf.nn; elsewhere")
    assert "\ntf.losses.softmax_cross_entropy  ·  TensorFlow\n" in text


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is full")
@pytest.mark.parametrize("command", [("list",), ("explain", "focal")])
def test_a_full_disk_is_one_line(command):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-m", "focalis", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    told = f"focalis {command[0]}: error: cannot write to standard output: No space left on device"
    assert done.stderr == f"{told}\n"


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
    "a parameter alone": (("explain", "focal", "--gamma", "1"), "pass --logits and --target"),
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
        "weight does not apply to the loss of one row",
    ),
    "above 0": (
        ("explain", "torch.nn.NLLLoss", "--logits", "-1,2", "--target", "0"),
        "scores must be log-probabilities, at most 0, got 2",
    ),
    "twice": (
        ("explain", "focal(gamma=3)", "--logits", "1", "--target", "1", "--gamma", "2"),
        "gamma is given twice, as 3 and as 2",
    ),
    "twice, there": (
        (
            "explain",
            "CatBoost.Focal(focal_gamma=3, focal_alpha=.5)",
            *("--logits", "1", "--target", "1", "--gamma", "2"),
        ),
        "focal_gamma is given twice, as 3 and as 2",
    ),
    "no name of a parameter": (
        ("explain", "nn.BCEWithLogitsLoss(3)"),
        "has no variant '3': parameters are written as name=value",
    ),
    "of a loss's text": (("explain", "focal(2)"), "parameters are written as name=value"),
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
from focalis.cli.main import main
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
