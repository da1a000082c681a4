"""The arguments that a function has are passed and checked; checks can be left out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from implementations import (
    CE,
    FOCAL_SOFTMAX,
    SOFTMAX,
    margins,
    softmax_value,
    softplus,
    wrong,
)

import focalis.torch
from focalis.testing import check_loss, examine_loss


def over_all_rows(x, y, ignore_index=-100, class_weight=None, reduction="mean"):
    """Cross-entropy whose mean divides by the number of rows, even those that do not count."""
    value = softmax_value(x, np.clip(y, 0, None)) * (y != ignore_index)
    if class_weight is not None:
        value = value * np.asarray(class_weight)[y]
    kept = np.where(y == ignore_index, 0.0, value)
    return {"none": kept, "sum": kept.sum(), "mean": kept.sum() / max(len(x), 1)}[reduction]


@pytest.mark.slow
def test_what_a_mean_divides_by_is_looked_at_under_masks_and_weights():
    found = wrong(examine_loss(over_all_rows, SOFTMAX, checks=["weights", "masks", "reductions"]))
    with_what = ("class_weight", "ignore_index", "ignore_index over NaN")
    assert found == {f"values, mean with {name}" for name in with_what}
    report = check_loss(focalis.torch.softmax_focal_loss, FOCAL_SOFTMAX, checks=["reductions"])
    assert {f.name for f in report.findings} >= {
        f"gradients, mean with {name}" for name in with_what
    }


def clearing_ignored(x, y, ignore_index=-100, reduction="none"):
    value = torch.nn.functional.cross_entropy(
        x, y.clone(), ignore_index=ignore_index, reduction=reduction
    )
    y[y == ignore_index] = 0
    return value


@pytest.mark.parametrize("checks", [["inputs"], ["masks", "inputs"]])
def test_a_write_to_what_is_ignored_is_found(checks):
    report = examine_loss(clearing_ignored, SOFTMAX, checks=checks, tolerance=1e6)
    assert "inputs left alone" in wrong(report)
    assert "the function writes to its targets" in str(report)


def squared_weight(x, y, weight=None, reduction="none", temperature=1.0):
    weight = None if weight is None else weight**2
    return torch.nn.functional.cross_entropy(x, y, weight=weight, reduction=reduction)


def test_the_names_that_pytorch_gives_to_arguments_are_known():
    report = examine_loss(squared_weight, SOFTMAX, checks=["weights"], tolerance=10)
    assert wrong(report) == {"values, class_weight", "gradients, class_weight"}
    theirs = torch.nn.functional.cross_entropy
    report = check_loss(theirs, SOFTMAX, checks=["weights", "parameters"], tolerance=1e6)
    looked = {f.name for f in report.findings if not f.not_checked}
    assert "values, class_weight" in looked
    assert "arguments, size_average, reduce: left as the function has them" in str(report)


@pytest.mark.slow
def test_a_loss_that_ignores_an_index_can_be_looked_at_in_full():
    loss = replace(FOCAL_SOFTMAX, ignore_index=-100)
    function = focalis.torch.softmax_focal_loss
    checks = ["soft targets", "masks", "reductions"]
    assert not any(f.not_checked for f in check_loss(function, loss, checks=checks[:1]).findings)
    check_loss(function, loss, checks=checks)


@pytest.mark.slow
def test_a_check_may_be_left_out():
    def shrinking(x, y):  # soft targets shrink the score
        return softplus(-(2 * y - 1) * x)

    kept = ["extremes", "soft targets"]
    report = examine_loss(shrinking, CE, checks=kept, tolerance=10)
    assert str(report).endswith("lines failed, in soft targets.")
    check_loss(shrinking, CE, checks=kept, skip=["soft targets"], tolerance=10)
    parts = {f.part_of for f in examine_loss(shrinking, CE, skip=["extremes", "shapes"]).findings}
    assert "extremes" not in parts
    assert "NaN" in parts


def test_complex_numbers_are_refused():
    with pytest.raises(ValueError, match="the function returns complex numbers"):
        examine_loss(lambda x, y: softplus(-margins(x, y)) + 0j, CE, framework="numpy")
    late = lambda x, y: softplus(-margins(x, y)) + (0j if len(x) > 3 else 0)  # noqa: E731
    report = examine_loss(late, CE, checks=["extremes"])
    assert "the function returns complex numbers" in str(report)
    assert not report.ok
