"""The core's grid, from 0 to ±1e30 and ±inf, through Keras: everything finite, every digit right."""

import contextlib

import contract
import keras
import numpy as np
import pytest
import registry
from derivatives import BACKEND, TYPES, value_and_grad
from oracle import Margin, mp, truth

from focalis import Loss
from focalis.keras import LossWrapper

FOCAL_HALF = Margin("focal", (("gamma", 0.5),))
if BACKEND == "tensorflow":
    MARGINS, LINKS = registry.FEW_MARGINS, registry.LINKS
else:
    # The other front ends' own tests cover all of it.
    MARGINS, LINKS = registry.TWO_MARGINS, registry.LOGIT_LINKS
FLUSHED = 0 if BACKEND == "torch" else 1000
"""TensorFlow and XLA flush subnormal numbers to 0, even inside a formula: an error of up to so many
times the smallest normal number is acceptable."""


@contextlib.contextmanager
def probabilities_as_they_are():
    """Keep Keras from clipping probabilities at its ε."""
    epsilon = keras.config.epsilon()
    keras.config.set_epsilon(1e-300)
    try:
        yield
    finally:
        keras.config.set_epsilon(epsilon)


def check(got, true, bulk, **kind):
    flushed = FLUSHED * mp.mpf(float(np.finfo(got.dtype).tiny))
    pairs = zip(got.flat, true.flat, strict=True)
    near = [bool(np.isfinite(g)) and abs(mp.mpf(float(g)) - t) <= flushed for g, t in pairs]
    near = np.reshape(near, got.shape)
    judged = np.where(near, 0, got).astype(got.dtype)
    contract.assert_accurate(judged, np.where(near, mp.zero, true), bulk, **kind)


def check_case(chosen, loss, case, orders, derive):
    true = truth(chosen, case.link, case.inputs, case.weights)
    expected = (
        ("value", true.value, None),
        ("gradient", true.gradient, true.gradient_bulk),
        ("Hessian", true.hessian, true.hessian_bulk),
    )
    x, y = case.inputs, case.targets
    if case.link in ("sigmoid", "identity"):
        x, y = x[:, None], y[:, None]
    found = derive(loss, x, y)
    for (what, numbers, bulk), got in zip(expected[:orders], found, strict=True):
        got = got.reshape(numbers.shape)
        assert got.dtype == case.inputs.dtype
        check(got, numbers, bulk, what=what, inputs=case.inputs, factor=case.factor)


def first(loss, x, y, *, compiled=BACKEND == "jax"):
    with probabilities_as_they_are():
        return value_and_grad(lambda x: loss(y, x), x, compiled=compiled)


def twice(loss, x, y):
    """Return value, gradient and the diagonal of the Hessian, by nested tapes."""
    import tensorflow as tf

    x = tf.constant(x)
    with probabilities_as_they_are(), tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(y, x)
        grad = tape.gradient(value, x)
        columns = tf.unstack(grad, axis=-1)
    rows = [outer.gradient(column, x)[..., j] for j, column in enumerate(columns)]
    return value.numpy(), grad.numpy(), tf.stack(rows, -1).numpy()


ORDERS = (3, twice) if BACKEND == "tensorflow" else (2, first)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("chosen", [*MARGINS, FOCAL_HALF], ids=registry.name)
def test_derivatives(chosen, link, dtype):
    """Value and gradient, and on TensorFlow also the diagonal of the Hessian."""
    loss = LossWrapper(Loss(link, registry.build(chosen)), reduction=None, dtype=dtype)
    for case in contract.cases(link, np.dtype(dtype).type):
        check_case(chosen, loss, case, *ORDERS)


@pytest.mark.parametrize("dtype", TYPES)
def test_dense_targets(dtype):
    x = registry.rows(np.dtype(dtype).type)
    y = np.resize([(0.5, 0.25, 0.0, 0.25), (0.0, 1.0, 0.0, 0.0), (0.125, 0.0, 2.0, 0.5)], x.shape)
    for chosen in (registry.FEW_MARGINS[1], FOCAL_HALF):
        loss = LossWrapper(Loss("softmax", registry.build(chosen)), reduction=None, dtype=dtype)
        check_case(chosen, loss, contract.dense_case("softmax", x, y), *ORDERS)


if BACKEND == "tensorflow":

    @pytest.mark.parametrize("dtype", TYPES)
    @pytest.mark.parametrize("link", ["sigmoid", "softmax"])
    @pytest.mark.parametrize("chosen", [registry.FEW_MARGINS[1], FOCAL_HALF], ids=registry.name)
    def test_under_xla(chosen, link, dtype):
        loss = LossWrapper(Loss(link, registry.build(chosen)), reduction=None, dtype=dtype)

        def compiled(loss, x, y):
            return first(loss, x, y, compiled=True)

        for case in contract.cases(link, np.dtype(dtype).type):
            check_case(chosen, loss, case, 2, compiled)
