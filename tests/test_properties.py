"""What must hold for any input."""

import dataclasses

import numpy as np
import pytest
import registry
import strategies
from hypothesis import given
from hypothesis import strategies as st

from focalis import Loss, margin

every_engine = pytest.mark.parametrize("engine", registry.ENGINES)
logit_links = pytest.mark.parametrize("link", registry.LOGIT_LINKS)
N, C = 5, 3


def for_engine(phi, engine):
    """Return the margin loss, or for the compiled engine the one whose kernels the tests share."""
    return phi if engine == "numpy" else registry.build(registry.FOCAL)


def everything(loss, x, targets, **options):
    return [*loss.value_and_grad(x, targets, **options), *loss.grad_and_hess(x, targets, **options)]


def assert_near(got, expected, rtol=2e-13, atol=1e-16):
    """Compare in the norm of each array, since values near 0 may have cancelled."""
    for a, b in zip(got, expected, strict=True):
        size = np.max(np.abs(b), initial=0)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=max(atol, rtol * size))


@every_engine
@given(phi=strategies.margin_losses(), x=strategies.logits(N), y=strategies.soft(N))
def test_softmax_of_two_is_sigmoid(engine, phi, x, y):
    phi = for_engine(phi, engine)
    pairs, both = np.stack([np.zeros(N), x], axis=-1), np.stack([1 - y, y], axis=-1)
    alone = Loss("sigmoid", phi, reduction="none")
    two = Loss("softmax", phi, reduction="none")
    size = np.abs(alone.grad_and_hess(x, y, curvature="absolute", engine="numpy")[1])
    size += margin_bulk(x)
    for curvature in registry.CURVATURES if engine == "numpy" else ("exact", "fisher"):
        options = {"curvature": curvature, "engine": engine}
        g, h = alone.grad_and_hess(x, y, **options)
        g2, h2 = two.grad_and_hess(pairs, both, **options)
        np.testing.assert_allclose(g2[:, 1], g, rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(g2[:, 0], -g, rtol=1e-12, atol=1e-300)
        for j in (0, 1):
            assert (np.abs(h2[:, j] - h) <= 1e-12 * np.maximum(size, np.abs(h))).all()
    value, gradient = two.value_and_grad(pairs, both, engine=engine)
    expected = alone.value_and_grad(x, y, engine=engine)
    np.testing.assert_allclose(value, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradient[:, 1], expected[1], rtol=1e-12, atol=1e-300)


def margin_bulk(x):
    """Return p q for each logit."""
    p = np.exp(-np.logaddexp(0, x))
    return p * np.exp(-np.logaddexp(0, -x))


@every_engine
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@given(phi=strategies.margin_losses(), x=strategies.logits((N, C)), t=strategies.labels(N, C))
def test_a_weight_of_two_is_the_row_twice(engine, reduction, phi, x, t):
    phi = for_engine(phi, engine)
    loss = Loss("softmax", phi, reduction=reduction, class_weight=(1, 0.5, 2))
    order = [0, 1, 1, 2, 3, 3, 4]
    weight = np.array([1.0, 2, 1, 2, 1])
    value, gradient, g, h = everything(loss, x, t, sample_weight=weight, engine=engine)
    twice = everything(loss, x[order], t[order], engine=engine)
    first = [0, 1, 3, 4, 6]
    expected = [twice[0]] + [a[first] * weight[:, None] for a in twice[1:]]
    assert_near([value, gradient, g, h], expected)


@every_engine
@given(phi=strategies.margin_losses(), x=strategies.logits((N, C)), y=strategies.soft((N, C)))
def test_a_weight_of_two_is_the_element_twice(engine, phi, x, y):
    phi = for_engine(phi, engine)
    loss = Loss("sigmoid", phi, reduction="sum", alpha=0.25)
    order = [0, 1, 1, 2, 3, 3, 4]
    weight = np.array([1.0, 2, 1, 2, 1])
    value, gradient, g, h = everything(loss, x, y, sample_weight=weight, engine=engine)
    twice = everything(loss, x[order], y[order], engine=engine)
    expected = [twice[0]] + [a[[0, 1, 3, 4, 6]] * weight[:, None] for a in twice[1:]]
    assert_near([value, gradient, g, h], expected)


@every_engine
@logit_links
@given(
    phi=strategies.margin_losses(),
    x=strategies.logits((N, C)),
    a=strategies.soft((N, C)),
    b=strategies.soft((N, C)),
    share=st.sampled_from([0.25, 0.5, 0.75]),
)
def test_linear_in_the_targets(engine, link, phi, x, a, b, share):
    phi = for_engine(phi, engine)
    loss = Loss(link, phi, reduction="sum")
    mixed = everything(loss, x, share * a + (1 - share) * b, engine=engine)
    parts = zip(
        everything(loss, x, a, engine=engine), everything(loss, x, b, engine=engine), strict=True
    )
    assert_near(mixed, [share * p + (1 - share) * q for p, q in parts], rtol=1e-12)


@every_engine
@given(
    loss=strategies.losses(link="softmax"),
    x=strategies.logits((N, C)),
    t=strategies.labels(N, C),
    shift=st.integers(-1000, 1000),
)
def test_softmax_does_not_see_a_shift(engine, loss, x, t, shift):
    loss = dataclasses.replace(loss, margin_loss=for_engine(loss.margin_loss, engine))
    expected = everything(loss, x, t, engine=engine)
    assert_near(everything(loss, x + shift, t, engine=engine), expected, rtol=1e-15)


@every_engine
@given(
    phi=strategies.margin_losses(),
    x=strategies.logits((N, C)),
    y=strategies.soft((N, C)),
    order=st.permutations(range(C)),
)
def test_softmax_classes_have_no_order(engine, phi, x, y, order):
    phi = for_engine(phi, engine)
    weight = np.array([0.5, 1, 2])
    loss = Loss("softmax", phi, reduction="none", class_weight=tuple(weight))
    permuted = Loss("softmax", phi, reduction="none", class_weight=tuple(weight[order]))
    value, gradient, g, h = everything(loss, x, y, engine=engine)
    expected = [value, gradient[:, order], g[:, order], h[:, order]]
    assert_near(everything(permuted, x[:, order], y[:, order], engine=engine), expected)


@every_engine
@given(
    loss=strategies.losses(link="softmax"), x=strategies.logits((N, C)), t=strategies.labels(N, C)
)
def test_a_label_is_its_one_hot_row(engine, loss, x, t):
    loss = dataclasses.replace(loss, margin_loss=for_engine(loss.margin_loss, engine))
    if loss.reduction == "mean" and loss.class_weight is not None:
        return  # class weights enter the denominator for labels only
    dense = Loss(
        "softmax",
        loss.margin_loss,
        alpha=loss.alpha,
        class_weight=loss.class_weight,
        label_smoothing=loss.label_smoothing,
        positives=loss.positives,
        reduction=loss.reduction,
    )
    where = np.ones(N, bool) if loss.ignore_index is None else t != loss.ignore_index
    expected = everything(loss, x, t, engine=engine)
    assert_near(everything(dense, x, np.eye(C)[t], where=where, engine=engine), expected)


@every_engine
@logit_links
@given(phi=strategies.margin_losses(), x=strategies.logits((N, C)), y=strategies.soft((N, C)))
def test_reductions_agree(engine, link, phi, x, y):
    phi = for_engine(phi, engine)
    per, (_, gradient) = (
        Loss(link, phi, reduction="none")(x, y, engine=engine),
        Loss(link, phi, reduction="none").value_and_grad(x, y, engine=engine),
    )
    total = Loss(link, phi, reduction="sum").value_and_grad(x, y, engine=engine)
    assert_near(total, [per.sum(), gradient])
    count = N * C if link == "sigmoid" else N
    for reduction, divisor in [("mean", count), ("batchmean", N)]:
        loss = Loss(link, phi, reduction=reduction)
        got = loss.value_and_grad(x, y, engine=engine)
        assert_near(got, [total[0] / divisor, total[1] / divisor])
        got = loss.value_and_grad(x, y, normalizer=7, engine=engine)
        assert_near(got, [total[0] / 7, total[1] / 7])
    assert_near([Loss(link, phi).grad_and_hess(x, y, engine=engine)[0]], [gradient])


@every_engine
@given(phi=strategies.margin_losses(), x=strategies.logits((N, C)), t=strategies.labels(N, C))
def test_policies_bend_the_scalar(engine, phi, x, t):
    """On hard sigmoid targets the policies are the clipped and the absolute exact Hessian."""
    loss = Loss("sigmoid", for_engine(phi, engine))
    y = np.eye(C)[t]
    h = {c: loss.grad_and_hess(x, y, curvature=c, engine=engine)[1] for c in registry.CURVATURES}
    np.testing.assert_array_equal(h["clipped"], np.maximum(h["exact"], 0))
    # This is another kernel, in which a product and a sum may be rounded together.
    np.testing.assert_allclose(h["absolute"], np.abs(h["exact"]), rtol=1e-13, atol=1e-15)
    assert (h["fisher"] >= 0).all()


@pytest.mark.slow
@given(phi=strategies.margin_losses(), x=strategies.logits((N, C)), y=strategies.soft((N, C)))
@logit_links
def test_engines_agree(link, phi, x, y):
    loss = Loss(link, for_engine(phi, "numba"), alpha=0.25, label_smoothing=0.125)
    expected = everything(loss, x, y, engine="numpy")
    assert_near(everything(loss, x, y, engine="numba"), expected)
    assert_near(everything(loss, x, y), expected)


@every_engine
@logit_links
@given(phi=strategies.margin_losses(), x=strategies.logits((N, C), limit=20))
def test_the_gradient_is_the_slope_of_the_value(engine, link, phi, x):
    phi = for_engine(phi, engine)
    y = np.eye(C)[np.arange(N) % C]
    loss = Loss(link, phi, reduction="sum")
    direction = np.resize([1.0, -0.5, 0.25, 2.0], x.shape)
    step = 1e-5
    ahead, behind = (loss(x + s * direction, y, engine=engine) for s in (step, -step))
    _, gradient = loss.value_and_grad(x, y, engine=engine)
    along = (gradient * direction).sum()
    assert abs((ahead - behind) / (2 * step) - along) <= 1e-6 * (1 + abs(ahead))


@given(x=strategies.logits(N), y=strategies.soft(N))
def test_members_of_the_family_meet(x, y):
    """Focal at γ = 0, focal* at γ = 1, poly-1 at ε = 0 are cross-entropy."""
    expected = everything(Loss("sigmoid", margin.cross_entropy()), x, y, engine="numpy")
    for phi in (margin.focal(gamma=0), margin.focal_star(gamma=1, beta=0), margin.poly1(epsilon=0)):
        assert_near(everything(Loss("sigmoid", phi), x, y, engine="numpy"), expected)
