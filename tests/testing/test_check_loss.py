"""focalis.testing.check_loss: correct losses pass, and every kind of fault makes it fail."""

import re
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from implementations import (
    CE,
    FOCAL,
    SOFTMAX,
    margins,
    softmax_value,
    softplus,
    wrong,
)

import focalis.torch
from focalis import Loss, margin
from focalis.testing import Report, check_loss, examine_loss


def sound(x, y):
    """Cross-entropy with its derivatives, as it should be written."""
    z = margins(x, y)
    e = np.exp(-np.abs(z))
    small, large = e / (1 + e), 1 / (1 + e)
    miss = np.where(z < 0, large, small)
    return softplus(-z), np.where(y == 1, -miss, miss), small * large


@pytest.mark.slow
def test_the_losses_of_this_package_are_right():
    report = check_loss(FOCAL, FOCAL)
    assert isinstance(report, Report)
    assert report.framework == "numpy"
    assert {f.check for f in report.findings} >= {"values", "gradients", "Hessians", "threads"}
    weighted = replace(FOCAL, alpha=0.25)
    report = check_loss(focalis.torch.sigmoid_focal_loss, weighted)
    assert report.framework == "torch"
    assert {f.name for f in report.findings} >= {"Hessians, gamma=0.5", "gradients, bfloat16"}


@pytest.mark.slow
def test_a_softmax_is_right():
    loss = Loss("softmax", margin.focal(gamma=2.0), reduction="none")
    checks = ["extremes", "random scores", "shapes", "soft targets", "masks", "reductions", "NaN"]
    check_loss(loss, loss, checks=checks)


@pytest.mark.slow
@pytest.mark.parametrize("link", ["identity", "simplex"])
def test_losses_of_probabilities_are_right(link):
    loss = Loss(link, margin.focal(gamma=2.0), reduction="none")
    check_loss(loss, loss, checks=["extremes", "random scores", "shapes", "masks", "NaN"])


def test_what_others_write_rightly_is_right():
    assert check_loss(sound, CE, checks=["extremes", "inputs", "threads"]).ok


def raised_to(power):
    def loss(x, y):
        value, gradient, hessian = sound(x, y)
        return value, gradient * np.where(np.abs(x) > 50, power, 1), hessian

    return loss


def usual(x, y):
    p = 1 / (1 + np.exp(-x))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def overwriting(x, y):
    x[...] = margins(x, y)
    return softplus(-x)


class Forgetful:
    """Keeps the margins where another thread can find them."""

    def __call__(self, x, y):
        self.margins = margins(x, y)
        time.sleep(0.01)  # lets other threads run
        return softplus(-self.margins)


def mean_over_all(x, y, where=None, reduction="mean"):
    value = softplus(-margins(x, y))
    value = value if where is None else np.where(where, value, 0.0)
    counted = len(x) + 1
    return {"none": value, "sum": value.sum(), "mean": value.sum() / counted}[reduction]


def multiplied_mask(x, y, where):
    return where * softplus(-margins(x, y))


def half_in_half(x, y):
    z = margins(x, y)
    return np.log(1 + np.exp(-z)) if x.dtype == np.float16 else softplus(-z)


def hiding(x, y):
    return np.nan_to_num(softplus(-margins(x, y)), nan=0.0, posinf=np.inf)


def weighted(x, y, sample_weight=None):
    value = softplus(-margins(x, y))
    return value if sample_weight is None else value * np.sqrt(sample_weight)


def refusing_nothing(x, y):
    if not x.size:
        raise IndexError("no rows")
    return softplus(-margins(x, y))


def wrong_between(x, y):
    value = softplus(-margins(x, y))
    return np.where((np.abs(x) > 10.5) & (np.abs(x) < 12.9), 1.5 * value, value)


def doubled_in_columns(x, y):
    return softplus(-margins(x, y)) * x.ndim


def wrong_for_many(x, y):
    return softplus(-margins(x, y)) * (1.1 if x.size > 256 else 1)


def cut_off(x, y):
    return torch.nn.functional.softplus(torch.where(y == 1, -x, x)).detach()


BROKEN = {
    "between the extremes": (wrong_between, "random scores", "values, random scores"),
    "columns": (doubled_in_columns, "shapes", "values, 3 classes"),
    "many": (wrong_for_many, "shapes", "values, 4100 rows"),
    "no gradient": (cut_off, "shapes", "gradients, 4100 rows"),
    "overflow": (usual, "extremes", "values, float32"),
    "wrong far out": (raised_to(1.001), "extremes", "gradients, float64"),
    "overwriting": (overwriting, "inputs", "inputs left alone"),
    "shared state": (Forgetful(), "threads", "threads, 4 at once"),
    "denominator": (mean_over_all, "reductions", "values, mean"),
    "masked NaN": (multiplied_mask, "masks", "values, where over NaN"),
    "half type": (half_in_half, "half types", "values, float16"),
    "hidden NaN": (hiding, "NaN", "values, one NaN"),
    "sample weights": (weighted, "weights", "values, sample_weight"),
    "empty": (refusing_nothing, "empty batches", "empty batch"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_wrong_is_found(kind):
    function, check, finding = BROKEN[kind]
    if kind == "masked NaN":
        function = lambda x, y, where=True: multiplied_mask(x, y, where)  # noqa: E731
    checks = ["extremes", "inputs"] if check == "inputs" else [check]
    report = examine_loss(function, CE, checks=checks)
    assert finding in wrong(report)
    assert {found.part_of for found in report.findings} == set(checks)


def test_a_softmax_that_is_right_for_four_classes_only_is_found():
    def of_four(x, labels):
        return softmax_value(x, labels) * (1 if x.shape[1] == 4 else 1.1)

    found = wrong(examine_loss(of_four, SOFTMAX, checks=["shapes"], tolerance=1e3))
    assert found >= {f"values, {classes} classes" for classes in (2, 3, 11)}
    assert not any("rows" in name for name in found)


def test_one_of_many_questions_is_named_by_its_own_score():
    report = examine_loss(doubled_in_columns, CE, checks=["shapes"])
    finding = next(f for f in report.findings if f.name == "values, 3 classes")
    assert re.fullmatch(r"score [-\d.]+, target [01]", finding.failures[0].where)


@pytest.mark.slow
def test_shapes_that_a_function_does_not_take_are_not_held_against_it():
    report = check_loss(lambda x, y: sound(x, y)[0] if x.ndim == 1 else None, CE, checks=["shapes"])
    assert any(f.not_checked for f in report.findings)
    summed = check_loss(
        lambda x, y: sound(x, y)[0].reshape(len(x), -1).sum(1), CE, checks=["shapes"]
    )
    reasons = [f.not_checked for f in summed.findings]
    assert "it returns the shape (9,) for scores of the shape (9, 3)" in reasons
    four = replace(SOFTMAX, class_weight=(1, 2, 3, 4), reduction="none")
    reasons = [f.not_checked for f in check_loss(four, four, checks=["shapes"]).findings]
    assert reasons[0] == "class_weight fixes the number of classes"


def test_a_tensor_without_a_gradient_is_wrong():
    report = examine_loss(cut_off, CE, framework="torch", checks=["extremes", "threads"])
    assert "gradients, float32" in wrong(report)
    problem = "172 of 172 wrong\n  returns no gradient: its result is cut off from the logits\n"
    assert f"WRONG gradients, float32: {problem}" in str(report)
    assert "threads, 4 at once" not in wrong(report)


def test_the_end_of_the_program_is_an_error_of_the_function():
    with pytest.raises(ValueError, match="numpy: RuntimeError: ends the program with 0"):
        examine_loss(lambda x, y: sys.exit(0), CE, framework="numpy")
    late = lambda x, y: sys.exit(0) if len(x) > 3 else softplus(-margins(x, y))  # noqa: E731
    assert "values, float32" in wrong(examine_loss(late, CE, checks=["extremes"]))


@pytest.mark.slow
def test_an_alpha_of_the_functions_own_is_asked_for():
    def focal(x, y, alpha=0.25):
        value = softplus(-margins(x, y))
        return value if alpha < 0 else value * np.where(y == 1, alpha, 1 - alpha)

    with pytest.raises(ValueError, match=r"the function has alpha=0\.25 by default and the loss"):
        examine_loss(focal, CE, checks=["threads"])
    check_loss(focal, replace(CE, alpha=0.25), checks=["random scores"], tolerance=3)
    check_loss(focal, CE, checks=["random scores"], arguments={"alpha": -1}, tolerance=3)


@pytest.mark.slow
def test_what_only_other_parameters_bring_out_is_found():
    def no_half(inputs, targets, gamma=2.0):
        """Focal loss whose gradient is infinite at γ < 1, as torchvision's is."""
        p = torch.sigmoid(torch.where(targets == 1, inputs, -inputs))
        return -((1 - p) ** gamma) * torch.log(p)

    report = examine_loss(no_half, FOCAL, checks=["parameters"])
    finding = next(f for f in report.findings if f.name == "gradients, gamma=0.5")
    assert "no" in finding.failures[0].problem or "times" in finding.failures[0].problem


def test_the_smallest_failing_input_comes_with_the_true_number():
    report = examine_loss(raised_to(1.001), CE, checks=["extremes"])
    finding = next(f for f in report.findings if f.name == "gradients, float32")
    assert finding.failures[0].where == "score 60, target 1"
    assert finding.failures[0].true == "-8.7565107627e-27"
    sizes = [failure.size for failure in finding.failures]
    assert sizes == sorted(sizes)
    text = str(report)
    assert "WRONG gradients, float32: " in text
    assert "score 60, target 1: got -8.7652674e-27, true -8.7565107627e-27; is " in text
    assert re.search(
        r"WRONG gradients, float32: \d+ of 172 wrong, the smallest of those tried\n", text
    )
    assert text.endswith("is wrong: 2 of 6 lines failed, in extremes.")


def test_it_fails_a_test_with_the_report():
    with pytest.raises(AssertionError, match=r"WRONG gradients, float32: \d+ of 172 wrong"):
        check_loss(raised_to(1.001), CE, checks=["extremes"])
    check_loss(raised_to(1 + 2e-6), CE, checks=["extremes"], tolerance=3e7)
    with pytest.raises(AssertionError):
        check_loss(raised_to(1 + 4e-6), CE, checks=["extremes"], tolerance=3)


def targets_first_and_one_hot(y_true, y_pred):
    assert y_true.shape == y_pred.shape
    return softmax_value(y_pred, y_true.argmax(axis=1))


def one_number(x, labels):
    return softmax_value(x, labels).mean()


def columns(x, y):
    if x.ndim != 2:
        raise ValueError("expected a column")
    return softplus(-margins(x, y))


@pytest.mark.slow
def test_forms_are_found_by_rule():
    plain = examine_loss(softmax_value, SOFTMAX, checks=["extremes", "soft targets"])
    other = examine_loss(targets_first_and_one_hot, SOFTMAX, checks=["extremes", "soft targets"])
    counts = [
        next(len(f.failures) for f in r.findings if f.check == "values") for r in (plain, other)
    ]
    assert counts[0] == counts[1] > 0  # 1e-3 out of 10 000: the usual way cancels
    assert check_loss(columns, CE, checks=["extremes"]).ok


def test_one_number_for_a_batch_is_looked_at_row_by_row():
    report = examine_loss(one_number, SOFTMAX, checks=["extremes", "reductions"])
    assert report.findings[0].cases == 92
    assert "values, mean" in {f.name for f in report.findings if f.ok and not f.not_checked}
    assert report.loss == "softmax_cross_entropy"
    claimed = Loss("softmax", margin.cross_entropy(), reduction="none")
    assert "reduction" in wrong(examine_loss(one_number, claimed, checks=["reductions"]))


def test_second_derivatives_are_asked_of_autograd():
    class OnceOnly(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            value, gradient, _ = (torch.from_numpy(a) for a in sound(x.numpy(), y.numpy()))
            ctx.save_for_backward(gradient)
            return value

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, g):
            return g * ctx.saved_tensors[0], None

    report = examine_loss(OnceOnly.apply, CE, framework="torch", checks=["extremes"])
    assert report.ok
    assert {f.name for f in report.findings if f.not_checked} >= {"Hessians, float32"}


@pytest.mark.slow
def test_jax():
    jnp = pytest.importorskip("jax.numpy")
    import jax

    def stable(x, y):
        z = jnp.where(y == 1, x, -x)
        return jax.nn.softplus(-z)

    report = examine_loss(stable, CE, framework="jax", checks=["extremes"])
    assert report.framework == "jax"
    assert next(f for f in report.findings if f.name == "values, float64").ok
    for function in (lambda x, y: jnp.asarray(sound(np.asarray(x), np.asarray(y))[0]), jnp.equal):
        report = examine_loss(function, CE, framework="jax", checks=["threads", "NaN"])
        assert "gradients, one NaN" in wrong(report)


def test_errors_say_what_is_wrong():
    with pytest.raises(TypeError, match="function must be callable, got int"):
        examine_loss(3, CE)
    with pytest.raises(TypeError, match=r"loss must be a focalis.Loss, got str"):
        examine_loss(sound, "focal")
    with pytest.raises(ValueError, match=r"checks must be among extremes, .*got 'extreme'"):
        examine_loss(sound, CE, checks=["extreme"])
    with pytest.raises(ValueError, match=r"framework must be one of 'auto', .* got 'caffe'"):
        examine_loss(sound, CE, framework="caffe")
    with pytest.raises(ValueError, match="tolerance must be a finite number above 0, got 0"):
        examine_loss(sound, CE, tolerance=0)
    with pytest.raises(ValueError, match="tolerance must be a finite number above 0, got inf"):
        examine_loss(sound, CE, tolerance=np.inf)
    with pytest.raises(ValueError, match=r"skip must be among extremes, .*got 'extreme'"):
        examine_loss(sound, CE, skip=["extreme"])
    with pytest.raises(ValueError, match=r"checks must name at least one of extremes, .* got none"):
        examine_loss(sound, CE, checks=["NaN"], skip=["NaN"])
    with pytest.raises(TypeError, match="tolerance must be a number, got '1'"):
        examine_loss(sound, CE, tolerance="1")
    with pytest.raises(TypeError, match="arguments must be a mapping of names, got 3"):
        examine_loss(sound, CE, arguments=3)
    with pytest.raises(TypeError, match="checks must be a sequence of names, got 'NaN'"):
        examine_loss(sound, CE, checks="NaN")
    with pytest.raises(ValueError, match=r"checks must name at least one of extremes, .* got none"):
        examine_loss(sound, CE, checks=[])
    with pytest.raises(ValueError, match="nothing could be checked: the function has no such"):
        examine_loss(sound, CE, checks=["masks"])
    for nothing, told in ((None, "None"), ((None, 1.0), "a tuple of NoneType, float")):
        with pytest.raises(ValueError, match=f"it returned {told}"):
            examine_loss(lambda x, y, nothing=nothing: nothing, CE, framework="numpy")
    with pytest.raises(ValueError, match=r"a tuple of ndarray, ndarray, ndarray, ndarray"):
        examine_loss(lambda x, y: (x, x, x, x), CE, framework="numpy")
    with pytest.raises(ValueError, match=r"torch: it returned a numpy\.ndarray"):
        examine_loss(lambda x, y: torch.where(y > 0, x, x).numpy(), CE)
    with pytest.raises(ValueError, match="could not be called: numpy: TypeError"):
        examine_loss(lambda x: x, CE, framework="numpy")
    with pytest.raises(ValueError, match="it returned a str"):
        examine_loss(lambda x, y: "low", CE, framework="numpy")
    with pytest.raises(ValueError, match="it returned 9 numbers for 3 rows"):
        examine_loss(lambda x, y: np.zeros(9), CE, framework="numpy")
