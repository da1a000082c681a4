"""The JAX front end gives what the core gives, to the core's own accuracy, at the ends too."""

import contract
import jax
import jax_cases
import numpy as np
import pytest
import registry
from oracle import Margin, truth

from focalis import Loss

MARGINS = [*registry.FEW_MARGINS, Margin("focal", (("gamma", 0.5),))]


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize("link", registry.LINKS)
@pytest.mark.parametrize("chosen", MARGINS, ids=registry.name)
def test_they_meet_the_contract(chosen, link, dtype):
    """Values, gradients and Hessians against 80 digits, from 0 to ±1e30 and ±inf."""
    loss = Loss(link, registry.build(chosen), reduction="none")
    for case in contract.cases(link, dtype):
        true = truth(chosen, case.link, case.inputs, case.weights)
        value, grad, hess = jax_cases.derivatives(loss, case.inputs, case.targets)
        kind = {"inputs": case.inputs, "factor": case.factor}
        assert value.dtype == grad.dtype == hess.dtype == dtype
        jax_cases.assert_accurate(value, true.value, what="value", **kind)
        jax_cases.assert_accurate(grad, true.gradient, true.gradient_bulk, what="gradient", **kind)
        jax_cases.assert_accurate(hess, true.hessian, true.hessian_bulk, what="Hessian", **kind)


@pytest.mark.parametrize("second", [jax.jacfwd, jax.jacrev])
@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize("chosen", MARGINS, ids=registry.name)
def test_dense_targets_meet_the_contract(chosen, dtype, second):
    x = registry.rows(dtype)
    y = np.resize([(0.5, 0.25, 0.0, 0.25), (0.0, 1.0, 0.0, 0.0), (0.125, 0.0, 2.0, 0.5)], x.shape)
    loss = Loss("softmax", registry.build(chosen), reduction="none")
    case = contract.dense_case("softmax", x, y)
    true = truth(chosen, case.link, case.inputs, case.weights)
    value, grad, hess = jax_cases.derivatives(loss, case.inputs, case.targets, second)
    jax_cases.assert_accurate(value, true.value, what="value", inputs=x, factor=2)
    jax_cases.assert_accurate(
        grad, true.gradient, true.gradient_bulk, what="gradient", inputs=x, factor=2
    )
    jax_cases.assert_accurate(
        hess, true.hessian, true.hessian_bulk, what="Hessian", inputs=x, factor=2
    )
