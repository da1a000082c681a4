"""Posterior and initial logits: each is characterised by a gradient that vanishes there."""

import dataclasses

import numpy as np
import pytest
import registry
from oracle import Margin, at_margin, mp, number, one_against_the_rest, slope, truth

from focalis import Loss, margin
from focalis.margin import margin_loss

C = 3
UNDETERMINED = Margin("generalized_cross_entropy", (("kappa", 1),))
INVERTIBLE = [m for m in registry.MARGINS if m != UNDETERMINED]
invertible = pytest.mark.parametrize("margin_", INVERTIBLE, ids=registry.name)
FOCAL = margin.focal(gamma=2.0)
X = np.random.default_rng(81).normal(size=(9, C)) * 2


def softmax(x):
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def check_vanishing(margin_, link, x, weights):
    """The weighted loss has no slope at x, as far as the digits of its terms allow."""
    expected = truth(margin_, link, x, weights)
    for g, bulk in zip(expected.gradient.flat, expected.gradient_bulk.flat, strict=True):
        assert abs(g) <= 1e-10 * bulk + mp.mpf("1e-15")


def true_posterior(margin_, link, x):
    """Return η ∝ p_k / −g_k with g_k = φ′(m_k) / (1 − p_k), for a row x or for both answers of one x."""
    if link == "sigmoid":
        points = [at_margin(x), at_margin(-x)]
    else:
        points = [one_against_the_rest(tuple(x), k)[0] for k in range(len(x))]
    shares = [at.p * at.q / -slope(margin_, at) for at in points]
    return [s / mp.fsum(shares) for s in shares]


@invertible
def test_softmax_posterior(margin_):
    """If the posterior were the truth, training would end at x."""
    alpha = np.array([0.5, 2.0, 1.0])
    for weight in (None, alpha):
        options = {} if weight is None else {"alpha": tuple(weight)}
        loss = Loss("softmax", registry.build(margin_), **options)
        eta = loss.posterior(X)
        np.testing.assert_allclose(eta.sum(axis=-1), 1, rtol=1e-13)
        assert (eta >= 0).all()
        check_vanishing(margin_, "softmax", X, eta * (1 if weight is None else weight))


@invertible
def test_sigmoid_posterior(margin_):
    settings = [({}, 1, 1), ({"alpha": 0.25}, 0.25, 0.75), ({"pos_weight": 4.0}, 4, 1)]
    for options, yes, no in settings:
        loss = Loss("sigmoid", registry.build(margin_), **options)
        eta = loss.posterior(X)
        check_vanishing(margin_, "sigmoid", X, np.stack([eta * yes, (1 - eta) * no], axis=-1))


@invertible
def test_posterior_against_the_reference(margin_):
    """Even far out, where slopes underflow."""
    x = registry.logits(np.float64)
    x = x[np.abs(x) < 1e20]
    got = Loss("sigmoid", registry.build(margin_)).posterior(x)
    expected = [float(true_posterior(margin_, "sigmoid", number(a))[0]) for a in x]
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-15)
    rows = registry.rows(np.float64)
    rows = rows[np.isfinite(rows).all(axis=1)]
    got = Loss("softmax", registry.build(margin_)).posterior(rows)
    expected = [true_posterior(margin_, "softmax", [number(a) for a in row]) for row in rows]
    expected = [[float(p) for p in row] for row in expected]
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("link", registry.LOGIT_LINKS)
def test_posterior_of_cross_entropy_is_the_link(link):
    loss = Loss(link, margin.cross_entropy())
    np.testing.assert_allclose(loss.posterior(X), loss.probabilities(X), rtol=1e-13)


def test_class_weights_are_undone():
    """In a softmax, like α; on sigmoid outputs they scale both answers and change nothing."""
    weight = (0.5, 2.0, 1.0)
    by_weight = Loss("softmax", FOCAL, class_weight=weight).posterior(X)
    by_alpha = Loss("softmax", FOCAL, alpha=weight).posterior(X)
    np.testing.assert_allclose(by_weight, by_alpha, rtol=1e-13)
    plain = Loss("sigmoid", FOCAL).posterior(X)
    np.testing.assert_allclose(Loss("sigmoid", FOCAL, class_weight=weight).posterior(X), plain)


@pytest.mark.parametrize("link", registry.LOGIT_LINKS)
def test_smoothing_is_undone_and_clipped(link):
    smooth = Loss(link, FOCAL, label_smoothing=0.1).posterior(X)
    plain = Loss(link, FOCAL).posterior(X)
    undone = (plain - 0.1 / (C if link == "softmax" else 2)) / 0.9
    inside = (undone > 0) & (undone < 1)
    if link == "softmax":
        inside = inside.all(axis=-1)
    assert inside.any()
    assert not inside.all()
    np.testing.assert_allclose(smooth[inside], undone[inside], rtol=1e-12)
    assert ((smooth >= 0) & (smooth <= 1)).all()
    assert (smooth[undone <= 0] == 0).all()


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize("link", registry.LOGIT_LINKS)
@invertible
def test_posterior_is_a_probability_everywhere(margin_, link, dtype):
    loss = Loss(link, registry.build(margin_))
    x = registry.logits(dtype) if link == "sigmoid" else registry.rows(dtype)
    eta = loss.posterior(x)
    assert eta.shape == x.shape
    assert eta.dtype == dtype
    assert ((eta >= 0) & (eta <= 1)).all()
    if link == "softmax":
        np.testing.assert_allclose(eta.sum(axis=-1), 1, rtol=1e-6 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("link", registry.LINKS)
def test_no_posterior_where_phi_does_not_determine_it(link):
    with pytest.raises(ValueError, match=r"(?i)posterior|kappa|probabilit"):
        Loss(link, margin.generalized_cross_entropy(kappa=1.0)).posterior(softmax(X))


SHARES = np.array([[0.7, 0.2, 0.1]])


@invertible
def test_sigmoid_start_minimises_the_loss(margin_):
    y = np.array([[1, 0, 0.5], [0, 0, 1], [0, 1, 0.25], [0, 0, 0.5]])
    weight = np.array([1, 2, 0.5, 1])
    loss = Loss("sigmoid", registry.build(margin_), alpha=0.25)
    start = loss.initial_logits(y, sample_weight=weight)
    assert start.shape == (C,)
    yes = 0.25 * (y * weight[:, None]).sum(axis=0)
    no = 0.75 * ((1 - y) * weight[:, None]).sum(axis=0)
    check_vanishing(margin_, "sigmoid", start, np.stack([yes, no], axis=-1))


@invertible
def test_softmax_start_minimises_the_loss(margin_):
    labels = np.array([0, 1, 0, 2, 0, 1, 0])
    loss = Loss("softmax", registry.build(margin_), class_weight=(1, 2, 0.5))
    start = loss.initial_logits(labels)
    assert start.shape == (C,)
    assert abs(start.sum()) < 1e-10
    check_vanishing(margin_, "softmax", start[None], [[4 * 1, 2 * 2, 1 * 0.5]])


def test_start_for_one_output_is_a_scalar():
    start = Loss("sigmoid", FOCAL).initial_logits([1, 0, 0, 0])
    assert np.ndim(start) == 0
    assert start < 0


def test_start_of_cross_entropy_is_the_log_odds():
    start = Loss("softmax", margin.cross_entropy()).initial_logits([0, 0, 0, 1])
    np.testing.assert_allclose(start, np.array([0.5, -0.5]) * np.log(3), rtol=1e-10)
    start = Loss("sigmoid", margin.cross_entropy(), pos_weight=3.0).initial_logits([1, 0, 0, 0])
    np.testing.assert_allclose(start, 0, atol=1e-12)


@margin_loss()
def squared_distance(m, u, v, p, q):
    """(1 − p_t)²: if η_k (1 − p_k) cannot be equal for all classes, the rarest get p_k = 0."""
    return q * q, -2.0 * p * q * q, 2.0 * p * q * q * (2.0 * p - q)


def test_no_start_where_a_class_gets_no_probability():
    loss = Loss("softmax", squared_distance())
    share = np.array([4.0, 5.0, 4.5])
    start = loss.initial_logits(np.diag(share))
    p = softmax(start)
    np.testing.assert_allclose(share * (1 - p), (share * (1 - p)).mean(), rtol=1e-9)
    with pytest.raises(ValueError, match="no finite minimiser"):
        loss.initial_logits(np.diag([1.0, 5.0, 4.0, 5.0, 0.5]))


def test_start_counts_what_counts():
    loss = Loss("softmax", FOCAL, ignore_index=-1)
    np.testing.assert_allclose(
        loss.initial_logits([0, -1, 1, 0, -1]), loss.initial_logits([0, 1, 0]), rtol=1e-13
    )
    weighted = loss.initial_logits([0, 1], sample_weight=[2, 1])
    np.testing.assert_allclose(weighted, loss.initial_logits([0, 1, 0]), rtol=1e-12)
    loss = Loss("sigmoid", FOCAL, ignore_index=float("nan"))
    got = loss.initial_logits([1, np.nan, 0, 0])
    np.testing.assert_allclose(got, loss.initial_logits([1, 0, 0]), rtol=1e-13)


@pytest.mark.parametrize(
    ("link", "targets", "options"),
    [
        ("softmax", [0, 2, 2], {}),
        ("softmax", [0, 1, 1], {"n_classes": 3}),
        ("softmax", [[0.5, 0.5, 0]], {}),
        ("sigmoid", [0, 0, 0], {}),
        ("sigmoid", [1, 1], {}),
        ("sigmoid", [[1, 0], [0, 0]], {}),
    ],
)
def test_a_class_that_never_occurs_has_no_start(link, targets, options):
    with pytest.raises(ValueError, match=r"(?i)class|targets|never|positive|negative"):
        Loss(link, FOCAL).initial_logits(targets, **options)


@pytest.mark.parametrize("margin_", registry.FEW_MARGINS, ids=registry.name)
@pytest.mark.parametrize("eta", [(1, 1, 1), (0.6, 0.3, 0.1), (0.9, 0.09, 0.01), (0.2, 0.35, 0.45)])
def test_posterior_and_start_are_inverse(eta, margin_):
    """From a true distribution to the best logits and back."""
    eta = np.array([eta]) / np.sum(eta)
    loss = Loss("softmax", registry.build(margin_))
    start = loss.initial_logits(eta)
    np.testing.assert_allclose(loss.posterior(start), eta[0], rtol=1e-7)


def test_the_minimum_is_not_a_saddle():
    """No nearby logits are better than the start, even for the margin losses that are not convex."""
    rng = np.random.default_rng(82)
    for margin_ in registry.FEW_MARGINS:
        loss = Loss("softmax", registry.build(margin_))
        start = loss.initial_logits(SHARES)
        at = truth(margin_, "softmax", start[None], SHARES).value[0]
        for step in rng.normal(size=(20, C)) * np.geomspace(1e-3, 3, 20)[:, None]:
            there = truth(margin_, "softmax", (start + step)[None], SHARES).value[0]
            assert there > at - mp.mpf("1e-15")


@pytest.mark.parametrize("gamma", [700.0, 1e6])
def test_a_loss_as_steep_as_a_step_has_a_start_and_a_posterior(gamma):
    """Its slope underflows at a margin of 1."""
    steep, labels = margin.focal_star(gamma=gamma), np.array([0, 0, 0, 1, 1, 2])
    loss = Loss("sigmoid", steep)
    start = loss.initial_logits([1.0, 1.0, 1.0, 0.0])
    assert start * gamma == pytest.approx(np.log(3))
    assert loss.posterior([start, -9.0, 9.0]) == pytest.approx([0.75, 0.0, 1.0])
    loss = Loss("softmax", steep)
    start = loss.initial_logits(labels)
    np.testing.assert_allclose(loss.posterior(start[None]), [[1 / 2, 1 / 3, 1 / 6]], rtol=1e-8)
    slopes = loss.value_and_grad(np.tile(start, (6, 1)), labels, engine="numpy")[1].sum(axis=0)
    np.testing.assert_allclose(slopes, 0, atol=1e-9)


@pytest.mark.parametrize("gamma", [5.0, 50.0, 1000.0])
@pytest.mark.parametrize("beta", [-50.0, -20.0, 5.0])
def test_a_softmax_starts_at_the_minimum_of_a_steep_and_shifted_loss(gamma, beta):
    """The derivative of what is solved jumps where a class reaches one half."""
    loss, share = Loss("softmax", margin.focal_star(gamma=gamma, beta=beta)), np.geomspace(1, 50, 3)
    start = loss.initial_logits(np.arange(3), sample_weight=share)
    expected = share / share.sum()
    np.testing.assert_allclose(loss.posterior(start[None])[0], expected, rtol=1e-9)


def test_an_ignored_label_is_no_class_to_start_from():
    loss = Loss("softmax", margin.cross_entropy(), ignore_index=255)
    start = loss.initial_logits([0, 1, 255, 1])
    counted = dataclasses.replace(loss, ignore_index=None).initial_logits([0, 1, 1])
    np.testing.assert_allclose(start, counted)
