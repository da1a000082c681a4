"""Rows are evaluated many at a time, yet each as if it were alone."""

import numpy as np
import pytest
import registry

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
