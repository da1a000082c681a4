"""Rows are evaluated many at a time, yet each as if it were alone."""

import dataclasses

import contract
import numpy as np
import pytest
import registry
from contract import assert_accurate
from oracle import truth

from focalis import Loss

pytestmark = pytest.mark.slow

N = 120  # more than a strip of rows, and not a multiple of one
SOFTMAX = Loss("softmax", registry.build(registry.FOCAL), reduction="none")
few_and_many = pytest.mark.parametrize("n_classes", [4, 64])


def everything(x, targets, engine="auto"):
    value, gradient = SOFTMAX.value_and_grad(x, targets, engine=engine)
    own, fisher = (
        SOFTMAX.grad_and_hess(x, targets, curvature=curvature, engine=engine)[1]
        for curvature in ("exact", "fisher")
    )
    return value, gradient, own, fisher


@few_and_many
@pytest.mark.parametrize("dense", [False, True], ids=["index", "dense"])
@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
def test_a_row_in_company_is_the_row_by_itself(dtype, dense, n_classes):
    rng = np.random.default_rng(5)
    x = (rng.normal(size=(N, n_classes)) * 4).astype(dtype)
    targets = rng.integers(n_classes, size=N)
    if dense:
        targets = rng.dirichlet([1.0] * n_classes, N).astype(dtype)
    together = everything(x, targets)
    for first, after in ((0, 1), (17, 18), (40, 43), (N - 1, N)):
        some = slice(first, after)
        for alone, all_rows in zip(everything(x[some], targets[some]), together, strict=True):
            np.testing.assert_array_equal(alone, all_rows[some])


@few_and_many
@pytest.mark.parametrize("engine", registry.ENGINES)
def test_a_nan_beside_an_infinity_is_not_lost(engine, n_classes):
    x = np.zeros((3, n_classes))
    x[1, 2:4] = np.inf, np.nan
    for result in everything(x, np.zeros(3, int), engine):
        broken = np.isnan(result.reshape(3, -1))
        np.testing.assert_array_equal(broken.any(axis=1), [False, True, False])
        assert broken[1].all()


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize("order", ["first", "second"])
def test_classes_without_a_probability_change_nothing(order, dtype):
    """Rows with too many classes for a lane each are rows with few, beside classes at −∞."""
    (case,) = contract.cases("softmax", dtype)
    places = np.sort(np.random.default_rng(8).choice(91, 4, replace=False))
    places[0] = 0
    x = np.full((len(case.inputs), 91), -np.inf, dtype)
    x[:, places] = case.inputs
    labels = places[case.targets]
    if order == "first":
        value, gradient = SOFTMAX.value_and_grad(x, labels)
        expected = truth(registry.FOCAL, "softmax", case.inputs, case.weights)
        assert_accurate(value, expected.value, factor=2)
        bulk = expected.gradient_bulk
        assert_accurate(gradient[:, places], expected.gradient, bulk, factor=2)
        assert not np.delete(gradient, places, axis=1).any()
    else:
        got = SOFTMAX.grad_and_hess(x, labels)[1][:, places]
        expected = SOFTMAX.grad_and_hess(case.inputs, case.targets, engine="numpy")[1]
        tolerance = 1e-4 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
def test_soft_targets_far_below_the_top(dtype):
    x = np.array([[0, -30, -60, 3], [-90, 5, 0, -20], [40, -40, 0, 10]], dtype)
    y = np.full(x.shape, 0.25, dtype)
    case = contract.dense_case("softmax", x, y)
    contract.check_first_order(SOFTMAX, registry.FOCAL, case, "numba")
    contract.check_second_order(SOFTMAX, registry.FOCAL, case, "numba")


@few_and_many
def test_one_hot_rows_have_the_weight_of_their_class(n_classes):
    rng = np.random.default_rng(9)
    x, labels = rng.normal(size=(N, n_classes)), rng.integers(n_classes, size=N)
    loss = dataclasses.replace(SOFTMAX, class_weight=tuple(rng.uniform(0.5, 2, n_classes)))
    got = loss.value_and_grad(x, np.eye(n_classes)[labels])
    expected = loss.value_and_grad(x, labels, engine="numpy")
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_two_infinities_share_a_row_of_many_classes():
    x = np.random.default_rng(6).normal(size=(3, 64))
    x[0, [4, 9]], x[1, 4], x[2, 1] = np.inf, np.inf, -np.inf
    for targets in (np.array([4, 9, 1]), np.eye(64)[[4, 9, 1]]):
        got, expected = (
            SOFTMAX.value_and_grad(x, targets, engine=engine) for engine in ("numba", "numpy")
        )
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_a_top_far_away_still_pulls_a_class_without_weight():
    """Of cross-entropy, whose slope does not vanish there as focal loss's does."""
    cross_entropy = registry.FEW_MARGINS[0]
    x, y = np.array([[60, 0, 3, 10]], np.float32), np.array([[0.5, 0.5, 0, 0]], np.float32)
    loss = Loss("softmax", registry.build(cross_entropy), reduction="none")
    case = contract.dense_case("softmax", x, y)
    contract.check_first_order(loss, cross_entropy, case, "numba")


@few_and_many
def test_an_impossible_class_that_is_wanted_has_an_infinite_loss(n_classes):
    x = np.random.default_rng(6).normal(size=(3, n_classes))
    x[1, 2] = -np.inf
    y = np.eye(n_classes)[[2, 2, 2]] * 0.5 + 0.5 / n_classes
    loss = dataclasses.replace(SOFTMAX, reduction="none")
    got, expected = (loss.value_and_grad(x, y, engine=engine) for engine in ("numba", "numpy"))
    assert np.isposinf(got[0]).tolist() == [False, True, False]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
