"""Derivatives of every order, with respect to scores, parameters and weights, in every mode."""

import frontends
import jax
import jax.numpy as jnp
import jax_cases
import mpmath
import numpy as np
import pytest
import registry

from focalis import Loss, margin
from focalis.jax import apply

pytestmark = pytest.mark.slow

STEP = 1e-5


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


def difference(f, x, step=STEP):
    """Return the derivative of a function of one number, to about ten digits."""
    return (8 * (f(x + step) - f(x - step)) - (f(x + 2 * step) - f(x - 2 * step))) / (12 * step)


ORDERS = [("sigmoid", chosen) for chosen in frontends.MARGIN_LOSSES[-3:]]
ORDERS += [("identity", chosen) for chosen in frontends.MARGIN_LOSSES[-2:-1]]


@pytest.mark.parametrize(("link", "chosen"), ORDERS, ids=str)
def test_the_third_and_fourth_derivative(link, chosen):
    """Each order is the slope of the previous one, and the modes agree on it."""
    loss = Loss(link, chosen, reduction="none")
    x = jnp.linspace(0.05, 0.95, 7) if link == "identity" else jnp.linspace(-6.0, 6.0, 7)
    y = jnp.asarray([1.0, 0.0, 1.0, 0.3, 0.0, 1.0, 0.6])

    def f(x):
        return apply(loss, x, y)

    def forward(g):
        return lambda x: jax.jvp(g, (x,), (jnp.ones_like(x),))[1]

    def reverse(g):
        return jax.grad(lambda x: g(x).sum())

    @jax.jit
    def orders(x):
        second = reverse(forward(f))
        return second(x), forward(second)(x), reverse(reverse(reverse(f)))(x)

    _, third, in_reverse = orders(x)
    slope = difference(lambda x: orders(x)[0], x)
    np.testing.assert_allclose(third, slope, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(in_reverse, third, rtol=1e-12, atol=1e-12)
    if link == "sigmoid":
        fourth = jax.jit(forward(forward(reverse(forward(f)))))(x)
        slope = difference(lambda x: orders(x)[1], x)
        np.testing.assert_allclose(fourth, slope, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("form", ["index", "soft"])
def test_the_hessian_and_third_derivative_of_a_softmax(form):
    """The whole matrix, against differences of the core's gradients, with either nesting of modes."""
    scores, targets = frontends.inputs("softmax", form, shape=(3,) if form == "soft" else (1, 3))
    loss = Loss("softmax", margin.focal(1.7), reduction="sum")

    def f(x):
        return apply(loss, x.reshape(scores.shape), targets)

    @jax.jit
    def every(x, along):
        hessian = jax.hessian(f)
        return hessian(x), jax.jacrev(jax.grad(f))(x), jax.jvp(hessian, (x,), (along,))[1]

    x = scores.reshape(-1)
    for i, e in enumerate(np.eye(3)):
        hessian, in_reverse, third = every(x, e)
        slope = difference(lambda s, e=e: core_gradient(loss, scores, targets, s * e), 0.0)
        np.testing.assert_allclose(hessian[i], slope, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(in_reverse, hessian, rtol=1e-12, atol=1e-14)
        change = difference(lambda s, e=e: every(x + s * e, e)[0], 0.0)
        np.testing.assert_allclose(third, change, rtol=1e-8, atol=1e-9)


def core_gradient(loss, scores, targets, step):
    moved = scores + step.reshape(scores.shape)
    return loss.value_and_grad(moved, targets, engine="numpy")[1].reshape(-1)


PARAMETERS = {
    "gamma": margin.focal(1.7),
    "beta": margin.focal_star(1.7, 0.5),
    "epsilon": margin.poly1(0.5),
    "kappa": margin.generalized_cross_entropy(0.7),
    "tau": frontends.bounded(0.3),
}


BY_PARAMETER = [(name, "sigmoid", "soft") for name in PARAMETERS]
BY_PARAMETER += [("gamma", "softmax", "index"), ("kappa", "identity", "hard")]


@pytest.mark.parametrize(("name", "link", "form"), BY_PARAMETER)
def test_derivatives_by_a_parameter(name, link, form):
    """First, second and mixed, against differences of the core's values and gradients."""
    scores, targets = frontends.inputs(link, form)
    chosen = PARAMETERS[name]

    def core(value):
        own = chosen.family(**{**chosen.parameters, name: float(value)})
        return Loss(link, own).value_and_grad(scores, targets, engine="numpy")

    def f(x, value):
        return apply(Loss(link, chosen), x, targets, parameters={name: value})

    @jax.jit
    def every(x, value):
        by_value = jax.grad(f, 1)
        mixed = jax.jacfwd(jax.grad(f), 1)(x, value), jax.grad(by_value)(x, value)
        second = jax.jacfwd(by_value, 1)(x, value)
        return f(x, value), by_value(x, value), jax.jacfwd(f, 1)(x, value), *mixed, second

    x, value = jnp.asarray(scores), chosen.parameters[name] * 1.1
    found, slope, forward, mixed, other_mixed, second = every(x, value)
    frontends.assert_close(found, core(value)[0])
    np.testing.assert_allclose(forward, slope, rtol=1e-12)
    np.testing.assert_allclose(slope, difference(lambda v: core(v)[0], value), rtol=1e-8)
    true = difference(lambda v: core(v)[1], value)
    for got in (mixed, other_mixed):
        np.testing.assert_allclose(got, true, rtol=1e-7, atol=1e-9)
    slopes = difference(lambda v: every(x, v)[1], value)
    np.testing.assert_allclose(second, slopes, rtol=1e-7)


@pytest.mark.parametrize("kappa", [1e-3, 0.01, 0.7])
def test_the_derivative_by_kappa_is_right_to_the_rounding_of_its_terms(kappa):
    """As the module says: it is a difference of terms of size φ/κ, which may be almost equal."""
    loss = Loss("sigmoid", margin.generalized_cross_entropy(), reduction="none")
    x, y = np.array([-20.0, -1.0, 1.0, 10.0, 15.0, 40.0]), np.ones(6)
    f = jax.jit(jax.jacfwd(lambda k: apply(loss, x, y, parameters={"kappa": k})))
    value = apply(loss, x, y, parameters={"kappa": kappa})
    for found, size, m in zip(f(kappa).tolist(), (value / kappa).tolist(), x, strict=True):
        with mpmath.workdps(60):
            z = -mpmath.mpf(kappa) * mpmath.log1p(mpmath.exp(-mpmath.mpf(m)))
            true = (mpmath.expm1(z) - z * mpmath.exp(z)) / mpmath.mpf(kappa) ** 2
        assert abs(float(found - true)) <= 4 * np.finfo(float).eps * size


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize("name", ["gamma", "kappa", "tau"])
def test_parameters_at_the_ends(name, dtype):
    """As arrays they give the same values far out, including limits, and finite derivatives."""
    with jax_cases.in_type(dtype):
        chosen = PARAMETERS[name]
        loss = Loss("sigmoid", chosen, reduction="none")
        x = registry.logits(dtype)
        true = loss(x, np.ones_like(x), engine="numpy")

        @jax.jit
        def f(value):
            return apply(loss, x, np.ones_like(x), parameters={name: value})

        got = f(dtype(chosen.parameters[name]))
        infinite = np.isinf(true)
        np.testing.assert_array_equal(got[infinite], true[infinite])
        # An array parameter is rounded to the type.
        rtol = 1e-12 if dtype == np.float64 else 3e-5
        np.testing.assert_allclose(got[~infinite], true[~infinite], rtol=rtol, atol=1e-35)
        second = jax.jit(jax.jacfwd(jax.jacfwd(f)))(dtype(chosen.parameters[name]))
        assert np.isfinite(second).all()


def test_a_parameter_for_each_class():
    scores, targets = frontends.inputs("sigmoid", "soft")
    gamma = jnp.asarray([0.5, 1.0, 2.5])
    loss = Loss("sigmoid", margin.focal(), reduction="none")

    @jax.jit
    def every(gamma):
        f = lambda g: apply(loss, scores, targets, parameters={"gamma": g}).sum(axis=0)  # noqa: E731
        return f(gamma), jax.grad(lambda g: f(g).sum())(gamma)

    values, slope = every(gamma)
    for j, g in enumerate(gamma.tolist()):
        one = Loss("sigmoid", margin.focal(g), reduction="sum")
        frontends.assert_close(values[j], one(scores[:, j], targets[:, j], engine="numpy"))
        step = jnp.zeros(3).at[j].set(1.0)
        true = difference(lambda s, j=j, step=step: every(gamma + s * step)[0][j], 0.0)
        np.testing.assert_allclose(slope[j], true, rtol=1e-8)


@pytest.mark.parametrize("link", ["sigmoid", "softmax"])
def test_weights_of_classes_as_arrays(link):
    """α, the weights of positives and of classes: the same numbers, and derivatives."""
    form = "hard" if link == "sigmoid" else "index"
    scores, targets = frontends.inputs(link, form)
    names = ["alpha", "class_weight"] + (["pos_weight"] if link == "sigmoid" else [])
    given = {"alpha": 0.3, "pos_weight": 3.0, "class_weight": (0.5, 1.0, 2.0)}
    plain = Loss(link, margin.focal())
    for name in names:
        true = Loss(link, margin.focal(), **{name: given[name]})

        def f(value, name=name):
            return apply(plain, scores, targets, parameters={name: value})

        value, f = np.asarray(given[name]), jax.jit(jax.value_and_grad(f))
        found, slope = f(value)
        frontends.assert_close(found, true(scores, targets, engine="numpy"))
        for i in np.ndindex(value.shape):
            e = np.zeros_like(value)
            e[i] = 1.0
            change = difference(lambda s, e=e, f=f, value=value: f(value + s * e)[0], 0.0)
            np.testing.assert_allclose(slope[i], change, rtol=1e-8)


@pytest.mark.parametrize("link", ["sigmoid", "softmax"])
def test_weights_and_soft_targets_have_derivatives(link):
    """Even where they are 0: there the derivative is the loss."""
    scores, y = (a.copy() for a in frontends.inputs(link, "soft"))
    weight = jnp.array([0.0, 1.0, 2.0, 0.0, 1.0])
    loss = Loss(link, margin.focal(1.7), reduction="sum")
    each = Loss(link, margin.focal(1.7), reduction="none")
    true = each(scores, y, engine="numpy").reshape(5, -1).sum(axis=1)
    f = jax.jit(lambda w: apply(loss, scores, y, sample_weight=w))
    frontends.assert_close(jax.grad(f)(weight), true)
    frontends.assert_close(jax.jvp(f, (weight,), (jnp.ones(5),))[1], true.sum())
    y[:, 1] = 0.0
    scores[2] = np.nan
    kept = np.array([True, True, False, True, True])
    g = jax.jit(lambda y: apply(loss, scores, y, where=kept))
    slope = jax.grad(g)(jnp.asarray(y))
    assert jnp.isfinite(slope).all()
    assert not slope[2].any()
    moved = jnp.zeros_like(slope).at[0, 1].set(1.0)
    forwards = (g(y + 1e-6 * moved) - g(jnp.asarray(y))) / 1e-6
    np.testing.assert_allclose(slope[0, 1], forwards, rtol=1e-6)


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
def test_higher_orders_far_out_are_finite(dtype):
    """Where the formula contains 0 · ∞: the third derivative, and the one with respect to γ."""
    loss = Loss("sigmoid", margin.focal(), reduction="sum")
    with jax_cases.in_type(dtype):
        x = jnp.asarray(registry.logits(dtype))
        ones = jnp.ones_like(x)

        def third(x, g):
            f = jax.grad(lambda x: apply(loss, x, ones, parameters={"gamma": g}))
            second = lambda x: jax.jvp(f, (x,), (ones,))[1]  # noqa: E731
            return jax.jvp(second, (x,), (ones,))[1]

        every = jax.jit(lambda x, g: (third(x, g), jax.jacfwd(third, 1)(x, g)))
        for found in every(x, dtype(0.5)):
            assert jnp.isfinite(found).all()


def test_the_margin_losses_here_are_of_every_form():
    names = {chosen.name for chosen in frontends.MARGIN_LOSSES}
    assert {one.name for one in registry.FEW_MARGINS} < names
    assert "bounded" in names
