"""The reference in focalis.testing against the oracle, which shares nothing with the package."""

import contract
import numpy as np
import oracle
import pytest
import registry
import weight_cases
from oracle import Margin, mp

from focalis import Loss
from focalis.margin import margin_loss
from focalis.testing.numbers import Number, number
from focalis.testing.reference import margin_terms, truth
from focalis.vocabulary import log, sqrt, where

MARGINS = [
    *registry.FEW_MARGINS,
    Margin("focal", (("gamma", 0.3),)),
    Margin("poly1", (("epsilon", -1),)),
]
# Poly-1's series has only float64's digits; everything else agrees as far as sixty digits allow.
NEAR = {"poly1": mp.mpf("1e-16")}


def assert_near(ours, theirs, size, near):
    assert ours.shape == theirs.shape
    for i in np.ndindex(theirs.shape):
        if abs(theirs[i]) > mp.mpf("1e300"):
            assert abs(ours[i]) > mp.mpf("1e300")
            continue
        assert abs(ours[i] - theirs[i]) <= near * size[i] + mp.mpf("1e-330"), i


@pytest.mark.slow
@pytest.mark.parametrize("link", registry.LINKS)
@pytest.mark.parametrize("margin", MARGINS, ids=registry.name)
def test_it_agrees_with_the_oracle(margin, link):
    loss = Loss(link, registry.build(margin))
    for case in contract.cases(link, np.float32):
        ours = truth(loss, case.inputs, case.targets)
        theirs = oracle.truth(margin, link, case.inputs, case.weights)
        near = NEAR.get(margin.name, mp.mpf("1e-30"))
        assert_near(ours.value, theirs.value, theirs.value, near)
        for name in ("gradient", "hessian"):
            bulk = getattr(theirs, f"{name}_bulk")
            assert_near(getattr(ours, name), getattr(theirs, name), bulk, mp.mpf("1e-30"))
            assert_near(getattr(ours, f"{name}_bulk"), bulk, bulk, mp.mpf("1e-30"))


@pytest.mark.parametrize("reduction", registry.REDUCTIONS)
@pytest.mark.parametrize(
    ("link", "settings"),
    [
        ("sigmoid", {"alpha": 0.25, "label_smoothing": 0.1, "ignore_index": -1}),
        ("sigmoid", {"pos_weight": (1.0, 2.0, 3.0, 0.5)}),
        ("softmax", {"class_weight": (1.0, 2.0, 0.0, 0.5), "ignore_index": -1}),
        ("softmax", {"alpha": 3.0, "label_smoothing": 0.2, "ignore_index": -1}),
    ],
)
def test_weights_and_denominators_are_those_of_the_rules(link, settings, reduction):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(7, 4))
    y = rng.integers(2, size=(7, 4)).astype(float) if link == "sigmoid" else rng.integers(4, size=7)
    if "ignore_index" in settings:
        y[2] = -1
    more = {"sample_weight": rng.uniform(size=7), "where": np.arange(7) != 5}
    margin = MARGINS[1]
    loss = Loss(link, registry.build(margin), reduction=reduction, **settings)
    where_rows = {**more, "where": np.tile(more["where"][:, None], 4)}
    weighed = weight_cases.weigh(
        link, y, 4, **settings, **(where_rows if link == "sigmoid" else more)
    )
    expected = oracle.truth(margin, link, x, weighed.components)
    ours = truth(loss, x, y, **more)
    assert ours.denominator == pytest.approx(weighed.denominator(reduction), 1e-15)
    bulk = expected.gradient_bulk
    assert_near(ours.gradient, expected.gradient, bulk, mp.mpf("1e-15"))
    total = mp.fsum(expected.value.flat) / weighed.denominator(reduction)
    assert abs(ours.reduced().value[()] - total) < mp.mpf("1e-15") * total


@margin_loss(tau="(0, inf)")
def square_rooted(m, u, v, p, q, tau=0.5):
    return where(q < 0.5, sqrt(q + tau), log(p + tau)), -p * q * q, p * q * (p - q) * (q - p) ** 2


def test_a_margin_loss_of_ones_own_runs_as_it_is_written():
    point = [number(x) for x in (0.4, -0.5, -0.9, 0.25, 0.75)]
    value, slope, curvature = margin_terms(square_rooted(tau=2.0))(*point)
    assert abs(value.value - mp.log(mp.mpf("2.25"))) < mp.mpf("1e-55")
    assert slope.value == mp.mpf("-0.140625")
    assert curvature.value == mp.mpf("-0.0234375")
    assert curvature.bulk == mp.mpf("0.1875")  # p q (p + q)³


def test_numbers_that_do_not_exist_are_not_a_number():
    for made in (log(Number(mp.mpf(-1))), sqrt(Number(mp.mpf(-1))), number(1) / number(0)):
        assert mp.isnan(made.value)


def test_constants_have_no_terms():
    assert (1.0 + number(-1.0)).bulk == 0
    assert (1.0 + Number(mp.mpf(-1))).bulk == 2
