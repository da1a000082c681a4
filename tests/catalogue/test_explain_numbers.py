"""`focalis explain` on numbers."""

import json
import re

import numpy as np
import pytest
from explaining import run, succeed, trials

from focalis import Loss, margin


def test_numbers(capsys):
    """The example in the help: a focal loss is one of two, and both are shown."""
    text = succeed(
        capsys, "explain", "focal", "--logits", "2,-1,.3", "--target", "0", "--gamma", "1.5"
    )
    tables = text.split("\n\n")[:2]
    assert [table.splitlines()[1] for table in tables] == [
        "focal(gamma=1.5), link sigmoid, before the reduction",
        "softmax_focal(gamma=1.5), link softmax, before the reduction",
    ]
    for table, link in zip(tables, ("sigmoid", "softmax"), strict=True):
        assert table.startswith(f"{link} focal loss, ")  # the names with this meaning
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
    "below 0 first": ("NLL", "-1,-2,-3", "0", ()),
}


@pytest.mark.parametrize("kind", [kind for kind in NUMBERS if kind != "below 0 first"])
def test_numbers_add_up(capsys, kind):
    name, logits, target, rest = NUMBERS[kind]
    command = ("explain", name, "--logits", logits, "--target", target, *rest)
    succeed(capsys, *command)
    for one in trials(capsys, *command):
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
                command = ("explain", name, "--logits", moved, "--target", target, *rest)
                ends.append(
                    next(
                        other["value"]
                        for other in trials(capsys, *command)
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
    (one,) = (one for one in trials(capsys, "explain", *command) if name in one["names"])
    assert one["value"] == pytest.approx(value, rel=1e-6)


def test_a_gradient_is_led_back_to_what_was_given(capsys):
    """For log-probabilities it is that of −Σ y log p, and there is no Hessian to show."""
    command = ("explain", "torch.nn.NLLLoss", "--logits", "-.2,-1.7", "--target", "0")
    (one,) = trials(capsys, *command)
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


def test_programs_get_what_the_table_has(capsys):
    command = ("explain", "focal", "--logits", "2,-1,.3", "--target", "0", "--gamma", "2")
    data, text = json.loads(succeed(capsys, *command, "--json")), succeed(capsys, *command)
    assert text.count("CE gradient") == len(data["trials"]) > 1
    for one in data["trials"]:
        assert sum(one["cross_entropy"]["losses"]) == pytest.approx(one["cross_entropy"]["value"])
        assert len(one["cross_entropy"]["gradient"]) == len(one["cross_entropy"]["hessian"]) == 3
    refused = {name: one["reason"] for one in data["not_tried"] for name in one["names"]}
    assert refused["CatBoost.Focal"] == "it needs focal_alpha"
    assert text.count("not tried: ") == len(data["not_tried"])
    plain = trials(capsys, "explain", "torch.nn.BCELoss", "--logits", ".2", "--target", "1")
    assert plain[0]["cross_entropy"] is None


def test_a_table_says_that_nothing_is_reduced(capsys):
    text = succeed(capsys, "explain", "torch.nn.BCELoss", "--logits", ".2,.7", "--target", "1,0")
    assert "identity_cross_entropy, link identity, before the reduction" in text


def test_a_minus_may_stand_before_inf(capsys):
    text = succeed(capsys, "explain", "torch.nn.NLLLoss", "--logits", "-inf,0", "--target", "1")
    assert re.search(r"\n +0 +-inf ", text)
    status, _, errors = run(capsys, "explain", "focal", "--logits", "-nan,x", "--target", "0")
    assert status == 2
    assert "got '-nan,x'" in errors


def test_infinities_are_words_for_programs(capsys):
    (one,) = trials(capsys, "explain", "torch.nn.BCELoss", "--logits", "0", "--target", "1")
    assert one["value"] == "inf"
