"""The reference itself, against numerical differentiation of φ and the published numbers."""

import itertools

import numpy as np
import oracle
import pytest
import registry
from oracle import INF, at_margin, at_probability, mp, phi

pytestmark = pytest.mark.slow

MARGINS_AT = [mp.mpf(m) for m in ("-300", "-20", "-2.8", "-0.4", "0", "0.7", "3", "25", "300")]
PROBABILITIES = [mp.mpf(p) for p in ("1e-20", "0.01", "0.3", "0.5", "0.8", "0.9999")]


def near(a, b, digits=25):
    # What is really 0 comes out of a difference quotient as its rounding error.
    return abs(a - b) <= mp.mpf(10) ** -digits * max(abs(a), abs(b)) + mp.mpf(10) ** -900


@pytest.fixture(autouse=True)
def many_digits():
    # Cached results have the digits that they were computed with.
    oracle.forget()
    with mp.workdps(400):
        yield
    oracle.forget()


@pytest.mark.parametrize("margin", registry.MARGINS, ids=registry.name)
def test_slope_and_curvature_are_the_derivatives_in_the_margin(margin):
    for m in MARGINS_AT:
        at = at_margin.__wrapped__(m)
        first, second = (
            mp.diff(lambda t: phi(margin, at_margin.__wrapped__(t)), m, n, h=mp.mpf("1e-100"))
            for n in (1, 2)
        )
        assert near(oracle.slope(margin, at), first)
        assert near(oracle.curvature(margin, at).value, second)


@pytest.mark.parametrize("margin", registry.MARGINS, ids=registry.name)
def test_slope_and_curvature_are_the_derivatives_in_the_probability(margin):
    for p in PROBABILITIES:
        at = at_probability.__wrapped__(p)
        first, second = (
            mp.diff(lambda t: phi(margin, at_probability.__wrapped__(t)), p, n, h=mp.mpf("1e-100"))
            for n in (1, 2)
        )
        assert near(oracle.slope_in_p(margin, at), first)
        assert near(oracle.curvature_in_p(margin, at).value, second)


@pytest.mark.parametrize("margin", registry.FEW_MARGINS, ids=registry.name)
@pytest.mark.parametrize("weights", [(0, 1, 0), (0.2, 0.5, 0.3), (0, 2, 0.7)])
def test_softmax_row_is_differentiated(margin, weights):
    xs = (mp.mpf("0.3"), mp.mpf("-1.2"), mp.mpf("2"))
    weights = [mp.mpf(w) for w in weights]
    _, gradient, hessian = oracle.softmax(margin, xs, weights, "exact")
    for j in range(3):

        def along(t, j=j):
            row = (*xs[:j], t, *xs[j + 1 :])
            return oracle.softmax(margin, row, weights, "exact")[0]

        assert near(gradient[j].value, mp.diff(along, xs[j], 1, h=mp.mpf("1e-30")))
        assert near(hessian[j].value, mp.diff(along, xs[j], 2, h=mp.mpf("1e-30")))


@pytest.mark.parametrize("weights", [(1, 0), (0, 1), (0.3, 1.7)])
@pytest.mark.parametrize(("link", "x"), [("sigmoid", "-1.3"), ("identity", "0.4")])
def test_yes_no_element_is_differentiated(link, x, weights):
    margin = oracle.Margin("focal", (("gamma", 1.7),))
    weights = tuple(mp.mpf(w) for w in weights)

    def along(t):
        return oracle.yes_no(margin, link, t, weights, "exact")[0]

    _, gradient, hessian = oracle.yes_no(margin, link, mp.mpf(x), weights, "exact")
    assert near(gradient.value, mp.diff(along, mp.mpf(x), 1, h=mp.mpf("1e-30")))
    assert near(hessian.value, mp.diff(along, mp.mpf(x), 2, h=mp.mpf("1e-30")))


def test_fisher_of_cross_entropy_is_exact():
    margin = oracle.Margin("cross_entropy")
    xs, weights = tuple(mp.mpf(x) for x in (1, -2, 0.5)), [mp.mpf(w) for w in (0.2, 0, 1.4)]
    exact = oracle.softmax(margin, xs, weights, "exact")[2]
    fisher = oracle.softmax(margin, xs, weights, "fisher")[2]
    assert all(near(a.value, b.value) for a, b in zip(exact, fisher, strict=True))
    for x, w in itertools.product((-3, 0.1), ((1, 0), (0.4, 0.9))):
        w = tuple(mp.mpf(v) for v in w)
        exact, fisher = (
            oracle.yes_no(margin, "sigmoid", mp.mpf(x), w, policy)[2].value
            for policy in ("exact", "fisher")
        )
        assert near(exact, fisher)


@pytest.mark.parametrize("margin", registry.MARGINS, ids=registry.name)
def test_the_ends_are_limits(margin):
    """The values at ±inf are the limits for large margins."""
    for sign in (1, -1):
        far, end = at_margin(sign * mp.mpf("1e30")), at_margin(sign * INF)
        if phi(margin, far) < 1e25:
            assert abs(phi(margin, far) - phi(margin, end)) < mp.mpf("1e-25")
        else:
            assert phi(margin, end) == INF
        assert abs(oracle.slope(margin, far) - oracle.slope(margin, end)) < mp.mpf("1e-25")
        assert abs(oracle.curvature(margin, far).value) < mp.mpf("1e-20")
        assert oracle.curvature(margin, end).value == 0


def test_softmax_of_two_is_sigmoid():
    margin = oracle.Margin("focal", (("gamma", 3.5),))
    x = np.array([-40.0, -1.5, 0.0, 2.5, 80.0])
    pairs = np.stack([np.zeros_like(x), x], axis=-1)
    labels = np.tile([0.25, 0.75], (5, 1))
    both = oracle.truth(margin, "softmax", pairs, labels)
    alone = oracle.truth(margin, "sigmoid", x, labels[:, ::-1])
    for a, b in [
        (both.value, alone.value),
        (both.gradient[:, 1], alone.gradient),
        (both.hessian[:, 1], alone.hessian),
    ]:
        assert all(near(s, t) for s, t in zip(a, b, strict=True))
