"""The JAX front end is as accurate as the core must be, even under jit and at the ends."""

import contract
import jax
import jax_cases
import numpy as np
import pytest
import registry
from oracle import Margin, truth

from focalis import Loss

pytestmark = pytest.mark.slow

FOCAL_HALF = Margin("focal", (("gamma", 0.5),))
EVERY = [*registry.FEW_MARGINS, FOCAL_HALF]
SOME = [registry.TWO_MARGINS[1], FOCAL_HALF]
# Every loss for one link, every link for two, each in one type: a compilation takes seconds.
GRID = [("sigmoid", chosen, np.float64) for chosen in EVERY]
GRID += [
    (link, *each)
    for link in registry.LINKS
    for each in zip(SOME, (np.float64, np.float32), strict=True)
    if (link, *each) not in GRID
]


@pytest.mark.parametrize(("link", "chosen", "dtype"), GRID, ids=registry.name)
def test_they_meet_the_contract(link, chosen, dtype):
    """Values, gradients and Hessians against 80 digits, from 0 to ±1e30 and ±inf."""
    loss = Loss(link, registry.build(chosen), reduction="none")
    for case in contract.cases(link, dtype):
        check(loss, chosen, case, jax.jacfwd)


@pytest.mark.parametrize(
    ("dtype", "second"),
    [(np.float32, jax.jacfwd), (np.float64, jax.jacrev)],
    ids=["float32-jacfwd", "float64-jacrev"],
)
@pytest.mark.parametrize("chosen", SOME[1:], ids=registry.name)
def test_dense_targets_meet_the_contract(chosen, dtype, second):
    x = registry.rows(dtype)
    y = np.resize([(0.5, 0.25, 0.0, 0.25), (0.0, 1.0, 0.0, 0.0), (0.125, 0.0, 2.0, 0.5)], x.shape)
    loss = Loss("softmax", registry.build(chosen), reduction="none")
    check(loss, chosen, contract.dense_case("softmax", x, y), second)


def check(loss, chosen, case, second):
    true = truth(chosen, case.link, case.inputs, case.weights)
    value, grad, hess = jax_cases.derivatives(loss, case.inputs, case.targets, second)
    assert value.dtype == grad.dtype == hess.dtype == case.inputs.dtype
    for what, got, expected, bulk in (
        ("value", value, true.value, None),
        ("gradient", grad, true.gradient, true.gradient_bulk),
        ("Hessian", hess, true.hessian, true.hessian_bulk),
    ):
        kind = {"what": what, "inputs": case.inputs, "factor": case.factor}
        jax_cases.assert_accurate(got, expected, bulk, **kind)


def test_naive_differentiation_would_fail():
    """The same formula, differentiated as it stands, gives NaN where the closed forms do not."""

    def naive(x):
        p = jax.nn.sigmoid(x)
        return -((1.0 - p) ** 0.5) * jax.numpy.log(p)

    assert np.isnan(jax.grad(naive)(60.0))
    loss = Loss("sigmoid", registry.build(FOCAL_HALF), reduction="none")
    _, grad, hess = jax_cases.derivatives(loss, np.float64([60.0]), np.ones(1))
    true_grad, true_hess = loss.grad_and_hess([60.0], [1.0])
    np.testing.assert_allclose((grad, hess), (true_grad, true_hess), rtol=1e-13)
    assert grad[0] < 0.0 < hess[0]
