"""The accuracy criterion against the oracle, as functions that a broken loss must fail."""

from typing import Any

import numpy as np
import registry
from oracle import Margin, mp, truth

import focalis
from focalis.testing.criterion import TYPES, complaint, tolerance

__all__ = ["assert_accurate", "cases", "check", "complaint", "tolerance"]


def assert_accurate(
    got: Any,
    true: Any,
    bulk: Any = None,
    *,
    what: str = "result",
    inputs: Any = None,
    factor: int = 1,
) -> None:
    """Fail, and show the first few, if any element of `got` is not accurate enough.

    `bulk` is the sum of the sizes of the signed terms that make up `true`, `factor` is 2 through a
    softmax. A true infinity must be that infinity.
    """
    got = np.asarray(got)
    true = np.asarray(true, object)
    bulk = np.asarray(np.abs(true) if bulk is None else bulk, object)
    assert got.shape == true.shape, f"{what}: shape {got.shape}, expected {true.shape}"
    wrong = []
    for i in map(tuple, np.argwhere(~_far_inside(got, true, factor)).tolist()):
        problem = complaint(got[i], true[i], bulk[i], got.dtype, factor)
        if problem:
            at = "" if inputs is None else f" at {inputs[i[0]]!r}"
            wrong.append(f"{what}{list(i)}{at} = {got[i]!r} {problem}; true {mp.nstr(true[i], 17)}")
    assert not wrong, f"{len(wrong)} of {true.size} wrong, such as\n" + "\n".join(wrong[:5])


def _far_inside(got: np.ndarray, true: np.ndarray, factor: int) -> np.ndarray:
    """Return which ordinary numbers have half the permitted error at most, in doubles.

    What rounding adds to the error is 3e-16 of the number; half of what is permitted is 5e-14 at least,
    so the many digits, which take fifty times as long, would find no fault in them either.
    """
    kind = TYPES[got.dtype.name]
    wide, near = got.astype(np.float64), true.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        close = np.abs(wide - near) <= 0.5 * factor * float(kind.relative) * np.abs(near)
    return close & (np.abs(near) > 4 * float(kind.tiny)) & (np.abs(near) < float(kind.largest) / 4)


class Case:
    """Inputs, targets in the form that the loss takes, and a weight for every component."""

    def __init__(self, link: str, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray):
        self.link, self.inputs, self.targets, self.weights = link, inputs, targets, weights
        # A sigmoid's margin is the logit itself; elsewhere it is computed, and rounded.
        self.factor = 1 if link == "sigmoid" else 2


def yes_no_case(link: str, inputs: np.ndarray, yes: Any) -> Case:
    """Return a case in which every element's target is `yes`."""
    y = np.broadcast_to(np.asarray(yes, inputs.dtype), inputs.shape)
    return Case(link, inputs, y, np.stack([y.astype(float), 1 - y.astype(float)], axis=-1))


def label_case(link: str, inputs: np.ndarray, labels: np.ndarray) -> Case:
    """Return a case with one true class for each row."""
    return Case(link, inputs, labels, np.eye(inputs.shape[-1])[labels])


def dense_case(link: str, inputs: np.ndarray, targets: np.ndarray) -> Case:
    """Return a case with a weight for each class of each row."""
    targets = targets.astype(inputs.dtype)
    return Case(link, inputs, targets, targets.astype(float))


def cases(link: str, dtype: type) -> list[Case]:
    """Return the cases with hard targets on which a margin loss is judged."""
    match link:
        case "sigmoid":
            x = registry.logits(dtype)
            return [yes_no_case(link, x, 1), yes_no_case(link, x, 0)]
        case "identity":
            p = registry.probabilities(dtype)
            return [yes_no_case(link, p, 1), yes_no_case(link, p, 0)]
        case "softmax":
            return [label_case(link, *registry.every_label(dtype))]
    p = registry.distributions(dtype)
    return [label_case(link, np.repeat(p, 4, axis=0), np.tile(np.arange(4), len(p)))]


def check_first_order(loss: "focalis.Loss", margin: Margin, case: Case, engine: str) -> None:
    """Fail unless values and gradients are accurate enough."""
    expected = truth(margin, case.link, case.inputs, case.weights)
    value, gradient = loss.value_and_grad(case.inputs, case.targets, engine=engine)
    assert value.dtype == gradient.dtype == case.inputs.dtype
    kind = {"inputs": case.inputs, "factor": case.factor}
    assert_accurate(value, expected.value, what="value", **kind)
    assert_accurate(gradient, expected.gradient, expected.gradient_bulk, what="gradient", **kind)


def check_second_order(
    loss: "focalis.Loss", margin: Margin, case: Case, engine: str, curvature: str = "exact"
) -> None:
    """Fail unless gradients and Hessians are accurate enough."""
    expected = truth(margin, case.link, case.inputs, case.weights, curvature)
    gradient, hessian = loss.grad_and_hess(
        case.inputs, case.targets, curvature=curvature, engine=engine
    )
    assert gradient.dtype == hessian.dtype == case.inputs.dtype
    kind = {"inputs": case.inputs, "factor": case.factor}
    assert_accurate(gradient, expected.gradient, expected.gradient_bulk, what="gradient", **kind)
    assert_accurate(hessian, expected.hessian, expected.hessian_bulk, what="Hessian", **kind)


def check(
    margin_loss: "focalis.margin.MarginLoss", margin: Margin, link: str, dtype: type, engine: str
) -> None:
    """Fail unless a margin loss, with a link, type and engine, is close enough to the oracle."""
    loss = focalis.Loss(link, margin_loss, reduction="none")
    for case in cases(link, dtype):
        check_first_order(loss, margin, case, engine)
        check_second_order(loss, margin, case, engine)
