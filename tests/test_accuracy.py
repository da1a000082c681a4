"""Values, gradients and Hessians of every margin loss on every link, against 80 digits."""

import contract
import numpy as np
import pytest
import registry
from contract import assert_accurate
from oracle import mp, number, resolved, truth

from focalis import Loss

CROSS_ENTROPY = registry.FEW_MARGINS[0]

every_engine = pytest.mark.parametrize("engine", registry.ENGINES)
every_dtype = pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
every_margin = pytest.mark.parametrize("margin", registry.MARGINS, ids=registry.name)


def on_engines(margins, links=registry.LINKS, dtype=None):
    """Return a decorator for `registry.on_engines`, all but one loss compiled in one type if given."""

    def wanted(margin, link, found, engine):
        return dtype in (None, found) or engine == "numpy" or margin == registry.FOCAL

    cases = [case for case in registry.on_engines(margins, links) if wanted(*case.values)]
    names = ("margin", "link", "dtype", "engine")
    return pytest.mark.parametrize(names, cases, ids=registry.name)


# The compiled φ and φ′ of every loss in float32, with φ″ in float64: each type is compiled once.
@on_engines(registry.MARGINS, dtype=np.float32)
def test_hard_targets(margin, link, dtype, engine):
    loss = Loss(link, registry.build(margin), reduction="none")
    for case in contract.cases(link, dtype):
        contract.check_first_order(loss, margin, case, engine)


@on_engines(registry.MARGINS, dtype=np.float64)
def test_hessians(margin, link, dtype, engine):
    loss = Loss(link, registry.build(margin))
    for case in contract.cases(link, dtype):
        contract.check_second_order(loss, margin, case, engine)


@pytest.mark.parametrize(("engine", "dtype"), registry.DTYPES_ON_ENGINES, ids=registry.name)
@pytest.mark.parametrize("link", registry.LINKS)
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_a_call_is_the_value_alone(reduction, link, dtype, engine):
    if engine == "numba" and link not in registry.LOGIT_LINKS:
        pytest.skip("probabilities go through the same loops as logits")
    loss = Loss(link, registry.build(registry.FOCAL), reduction=reduction)
    for case in [*contract.cases(link, dtype), soft_case(link, dtype)]:
        expected, _ = loss.value_and_grad(case.inputs, case.targets, engine=engine)
        got = loss(case.inputs, case.targets, engine=engine)
        np.testing.assert_array_equal(got, expected)


def soft_case(link, dtype):
    rng = np.random.default_rng(21)
    if link in registry.ROW_LINKS:
        x = registry.rows(dtype) if link == "softmax" else registry.distributions(dtype)
        targets = rng.dirichlet([0.7] * 4, size=len(x))
        targets[1::4] *= 2.5  # real-valued multi-label: rows need not sum to 1
        targets[2::4, 1] = 0
        return contract.dense_case(link, x, targets.astype(dtype))
    x = registry.logits(dtype) if link == "sigmoid" else registry.probabilities(dtype)
    return contract.yes_no_case(link, x, rng.choice([0, 0.25, 0.5, 0.9375, 1], size=x.shape))


# The loops over soft targets, the slowest to compile, are compiled for one loss.
@on_engines(registry.FEW_MARGINS, dtype="none")
def test_soft_targets(margin, link, dtype, engine):
    loss = Loss(link, registry.build(margin), reduction="none")
    case = soft_case(link, dtype)
    contract.check_first_order(loss, margin, case, engine)
    contract.check_second_order(loss, margin, case, engine)


@pytest.mark.slow
@every_dtype
@pytest.mark.parametrize("link", registry.LINKS)
@pytest.mark.parametrize("curvature", ["clipped", "absolute", "fisher"])
@pytest.mark.parametrize("margin", registry.TWO_MARGINS, ids=registry.name)
def test_curvature_policies(margin, curvature, link, dtype):
    check_curvature(margin, curvature, link, dtype, "numpy")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("curvature", "dtype", "link"),
    [
        *registry.grid(["fisher"], [np.float64], registry.LINKS),
        ("fisher", np.float32, "softmax"),
        ("clipped", np.float64, "sigmoid"),
        ("clipped", np.float64, "softmax"),
    ],
    ids=registry.name,
)
def test_compiled_curvature_policies(curvature, dtype, link):
    check_curvature(registry.FOCAL, curvature, link, dtype, "numba")


@pytest.mark.slow
def test_the_compiled_absolute_policy():
    """It is the clipped one in all but one operation."""
    check_curvature(registry.FOCAL, "absolute", "sigmoid", np.float64, "numba")


def check_curvature(margin, curvature, link, dtype, engine):
    loss = Loss(link, registry.build(margin))
    for case in [*contract.cases(link, dtype), soft_case(link, dtype)]:
        contract.check_second_order(loss, margin, case, engine, curvature)


@pytest.mark.parametrize("curvature", ["clipped", "absolute", "fisher"])
@pytest.mark.parametrize(
    ("link", "engine"), [("sigmoid", "numpy"), ("softmax", "numpy"), ("sigmoid", "numba")]
)
def test_cross_entropy_has_one_curvature(link, curvature, engine):
    loss = Loss(link, registry.build(CROSS_ENTROPY))
    case = soft_case(link, np.float64)
    expected = loss.grad_and_hess(case.inputs, case.targets, engine=engine)[1]
    got = loss.grad_and_hess(case.inputs, case.targets, curvature=curvature, engine=engine)[1]
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-300)


def test_the_information_of_an_impossible_class_is_a_number():
    loss = Loss("simplex", registry.build(CROSS_ENTROPY))
    for y in (np.array([1]), np.array([[0.0, 1.0]])):
        hess = loss.grad_and_hess(np.array([[0.0, 1.0]]), y, curvature="fisher", engine="numpy")[1]
        np.testing.assert_allclose(hess, [[1.0 / np.finfo(float).tiny, 1.0]])


@pytest.mark.parametrize("link", registry.LINKS)
@every_margin
def test_policies_but_exact_are_never_negative(margin, link):
    loss = Loss(link, registry.build(margin))
    for dtype, curvature in registry.grid(registry.DTYPES, ["clipped", "absolute", "fisher"]):
        for case in contract.cases(link, dtype):
            options = {"curvature": curvature, "engine": "numpy"}
            hessian = loss.grad_and_hess(case.inputs, case.targets, **options)[1]
            assert (hessian >= 0).all()


@pytest.mark.parametrize("classes", [1, 2, 5, 33])
@on_engines([registry.FOCAL], ("softmax",))
def test_other_numbers_of_classes(margin, link, classes, dtype, engine):
    rng = np.random.default_rng(classes)
    x = rng.normal(size=(5, classes)) * np.array([0.1, 1, 5, 20, 60])[:, None]
    case = contract.label_case(link, x.astype(dtype), rng.integers(classes, size=5))
    loss = Loss(link, registry.build(margin), reduction="none")
    contract.check_first_order(loss, margin, case, engine)
    contract.check_second_order(loss, margin, case, engine)


@every_engine
@every_dtype
@pytest.mark.parametrize("link", registry.LINKS)
@pytest.mark.parametrize("margin", [registry.FOCAL], ids=registry.name)
def test_sums(margin, link, dtype, engine):
    """A sum is no less accurate than its elements: it is not accumulated in a narrower type."""
    loss = Loss(link, registry.build(margin), reduction="sum")
    for case in contract.cases(link, dtype):
        true = truth(margin, link, case.inputs, case.weights).value
        finite = np.array([t < np.finfo(dtype).max for t in true])
        got = loss(case.inputs[finite], case.targets[finite], engine=engine)
        allowed = sum(contract.tolerance(max(t, mp.mpf("1e-38")), dtype) * t for t in true[finite])
        assert abs(number(got) - sum(true[finite])) <= case.factor * allowed


@every_engine
def test_a_long_float32_sum_keeps_its_digits(engine):
    x = np.full(3_000_001, 0.1, np.float32)
    one = truth(CROSS_ENTROPY, "sigmoid", x[:1], [[1, 0]]).value[0]
    total = Loss("sigmoid", registry.build(CROSS_ENTROPY), reduction="sum")
    assert abs(number(total(x, np.ones_like(x), engine=engine)) / (len(x) * one) - 1) < 1e-6


@on_engines(registry.MARGINS, registry.PROBABILITY_LINKS)
def test_tiny_probabilities(margin, link, dtype, engine):
    """Down to the smallest normal one: its loss, and its large gradient."""
    p = np.geomspace(4 * np.finfo(dtype).tiny, 1e-7, 9, dtype=dtype)
    loss = Loss(link, registry.build(margin), reduction="none")
    case = contract.yes_no_case(link, p, 1)
    if link == "simplex":
        pairs = np.stack([p, 1 - p], axis=-1)
        case = contract.label_case(link, pairs, np.zeros(9, int))
    value, gradient = loss.value_and_grad(case.inputs, case.targets, engine=engine)
    expected = truth(margin, "identity", p, np.tile([1, 0], (9, 1)))
    assert_accurate(value, expected.value, what="value", inputs=p)
    at = ... if link == "identity" else (..., 0)
    assert_accurate(gradient[at], expected.gradient, what="gradient", inputs=p, factor=2)


END_VALUES = {
    "cross_entropy": np.inf,
    "focal": np.inf,
    "focal_star": np.inf,
    "poly1": np.inf,
    "generalized_cross_entropy": lambda kappa: 1 / kappa,
}


def end_slopes(margin):
    """Return dφ/dp at p = 0 and p = 1."""
    given = dict(margin.parameters)
    match margin.name:
        case "cross_entropy":
            return -np.inf, -1
        case "focal":
            return -np.inf, -1 if given["gamma"] == 0 else 0
        case "focal_star":
            gamma, beta = given["gamma"], given["beta"]
            return -np.inf, 0 if gamma > 1 else -np.exp(-beta) if gamma == 1 else -np.inf
        case "poly1":
            return -np.inf, -1 - given["epsilon"]
    return (-1 if given["kappa"] == 1 else -np.inf), -1


@on_engines(registry.MARGINS, ("identity",))
def test_certain_probabilities(margin, link, dtype, engine):
    """At p_t = 1 the loss is 0, at p_t = 0 the limit of φ; and so for the gradients."""
    p, y = np.array([0, 1, 0, 1], dtype), np.array([1, 1, 0, 0], dtype)
    loss = Loss(link, registry.build(margin), reduction="none")
    value, gradient = loss.value_and_grad(p, y, engine=engine)
    margin = resolved(margin)
    end = END_VALUES[margin.name]
    end = end if end == np.inf else float(end(**dict(margin.parameters)))
    near = {"rtol": 2e-6, "atol": 100 * np.finfo(dtype).tiny}
    np.testing.assert_allclose(value, np.array([end, 0, 0, end], dtype), **near)
    at_0, at_1 = end_slopes(margin)
    expected = np.array([at_0, at_1, -at_1, -at_0], dtype)
    np.testing.assert_allclose(gradient, expected, **near)


@every_dtype
def test_sigmoid_probabilities(dtype):
    x = registry.logits(dtype)
    true = truth(CROSS_ENTROPY, "sigmoid", x, np.tile([0, 1], (len(x), 1))).gradient
    p = Loss("sigmoid", registry.build(CROSS_ENTROPY)).probabilities(x)
    assert p.dtype == dtype
    assert_accurate(p, true, inputs=x)


@every_dtype
def test_softmax_probabilities(dtype):
    x, labels = registry.every_label(dtype)
    wrong = np.eye(4)[(labels + 1) % 4]  # where another class is true, the gradient is p
    at = np.arange(len(x)), labels
    true = truth(CROSS_ENTROPY, "softmax", x, wrong).gradient[at]
    p = Loss("softmax", registry.build(CROSS_ENTROPY)).probabilities(x)
    assert p.dtype == dtype
    assert_accurate(p[at], true, inputs=x, factor=2)
