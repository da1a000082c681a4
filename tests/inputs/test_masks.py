"""Anything may stand where there is a mask or no weight, and a NaN stays where it is."""

import numpy as np
import pytest
import registry

import focalis
from focalis import Loss

N, C = 9, 3
FOCAL = registry.FOCAL
RUBBISH = [np.nan, np.inf, -np.inf, -3.0, 1e30, 7.0, np.nan, np.inf, -np.inf]

every_engine = pytest.mark.parametrize("engine", registry.ENGINES)
every_link = pytest.mark.parametrize("link", registry.LINKS)
on_engines = pytest.mark.parametrize(
    ("margin", "engine"),
    [*registry.grid(registry.TWO_MARGINS, ["numpy"]), (FOCAL, "numba")],
    ids=registry.name,
)
yes_no_links = pytest.mark.parametrize("link", ["sigmoid", "identity"])
row_links = pytest.mark.parametrize("link", registry.ROW_LINKS)


def clean(link):
    rng = np.random.default_rng(41)
    x = rng.normal(size=(N, C)) * 2 if link in registry.LOGIT_LINKS else rng.dirichlet([1] * C, N)
    dense = rng.dirichlet([0.5] * C, N) if link in registry.ROW_LINKS else rng.random((N, C))
    return x, dense


def everything(loss, x, targets, **options):
    """Return everything that a loss returns, in one list."""
    call = loss(x, targets, **options)
    second = loss.grad_and_hess(x, targets, **options)
    fisher = loss.grad_and_hess(x, targets, curvature="fisher", **options)
    return [call, *loss.value_and_grad(x, targets, **options), *second, *fisher]


def check_same_but_zero(loss, dirty, clean, masked, **options):
    """The rubbish costs exactly nothing, and everything else is as if it were not there."""
    for got, expected in zip(
        everything(loss, *dirty, **options), everything(loss, *clean, **options), strict=True
    ):
        assert np.isfinite(got).all()
        assert (got[masked] == 0).all()
        np.testing.assert_array_equal(got, expected)


@on_engines
@every_link
def test_masked_with_where(margin, link, engine):
    x, targets = clean(link)
    loss = Loss(link, registry.build(margin), reduction="none")
    dirty_x, dirty_targets = x.copy(), targets.copy()
    if link in registry.ROW_LINKS:
        masked = np.arange(N) % 3 == 1
        dirty_x[masked, 1], dirty_targets[masked, 2] = np.nan, np.nan
        dirty_x[4], dirty_targets[4] = np.inf, -5
    else:
        masked = np.random.default_rng(42).random((N, C)) < 0.5
        dirty_x[masked] = np.resize(RUBBISH, masked.sum())
        dirty_targets[masked] = np.resize(RUBBISH[::-1], masked.sum())
    pair = (x, targets)
    check_same_but_zero(loss, (dirty_x, dirty_targets), pair, masked, where=~masked, engine=engine)


@on_engines
@every_link
def test_weightless(margin, link, engine):
    x, targets = clean(link)
    loss = Loss(link, registry.build(margin), reduction="none")
    weight = np.array([1, 0, 2, 0, 0.5, 1, 0, 1, 3.0])
    dirty_x, dirty_targets = x.copy(), targets.copy()
    dirty_x[weight == 0] = np.nan
    dirty_x[1] = np.inf
    dirty_targets[weight == 0] = 8
    dirty_targets[3] = np.nan
    dirty = dirty_x, dirty_targets
    options = {"sample_weight": weight, "engine": engine}
    check_same_but_zero(loss, dirty, (x, targets), weight == 0, **options)


@every_engine
@row_links
def test_labels_that_do_not_count_may_be_anything(link, engine):
    x, _ = clean(link)
    labels = np.arange(N) % C
    masked = np.arange(N) % 4 == 2
    dirty_x, dirty_labels = x.copy(), labels.copy()
    dirty_x[masked] = np.nan
    dirty_labels[masked] = [-7, 10**6]
    loss = Loss(link, registry.build(FOCAL), reduction="none")
    dirty, pair = (dirty_x, dirty_labels), (x, labels)
    check_same_but_zero(loss, dirty, pair, masked, where=~masked, engine=engine)
    weight = np.where(masked, 0.0, 2.0)
    check_same_but_zero(loss, dirty, pair, masked, sample_weight=weight, engine=engine)


@every_engine
@row_links
@pytest.mark.parametrize("ignored", [-100, -1, 255, 1])
def test_ignored_labels(link, ignored, engine):
    x, _ = clean(link)
    labels = np.arange(N) % C
    labels[[2, 5]] = ignored
    masked = labels == ignored
    dirty_x = x.copy()
    dirty_x[masked] = np.nan
    loss = Loss(link, registry.build(FOCAL), reduction="none", ignore_index=ignored)
    check_same_but_zero(loss, (dirty_x, labels), (x, labels), masked, engine=engine)
    mean = Loss(link, registry.build(FOCAL), ignore_index=ignored)
    expected = Loss(link, registry.build(FOCAL))(x[~masked], labels[~masked], engine=engine)
    np.testing.assert_allclose(mean(dirty_x, labels, engine=engine), expected, rtol=1e-14)


@every_engine
@pytest.mark.parametrize("ignored", [2**63 - 1, 1 - 2**63, 2**53 + 1, np.int64(2**53 + 1)], ids=str)
def test_an_ignored_label_is_no_float(ignored, engine):
    loss = Loss("softmax", registry.build(FOCAL), ignore_index=ignored)
    assert loss.ignore_index == int(ignored)
    assert eval(repr(loss), vars(focalis) | vars(focalis.margin)) == loss
    assert focalis.parse(str(loss)) == loss
    x, labels = clean("softmax")[0], np.arange(N) % C
    expected = loss(x[1:], labels[1:], engine=engine)
    labels[0] = ignored
    np.testing.assert_allclose(loss(x, labels, engine=engine), expected, rtol=1e-14)
    labels[0] -= 1  # the nearest float64 is the same
    with pytest.raises(ValueError, match=f"targets .* got {labels[0]}"):
        loss(x, labels, engine=engine)


@pytest.mark.parametrize(("engine", "dtype"), registry.DTYPES_ON_ENGINES, ids=registry.name)
@yes_no_links
@pytest.mark.parametrize("ignored", [-1, 255, float("nan"), 0.5])
def test_ignored_targets(link, dtype, ignored, engine):
    x, targets = (a.astype(dtype) for a in clean(link))
    masked = np.random.default_rng(43).random((N, C)) < 0.4
    targets[masked] = ignored
    dirty_x = x.copy()
    dirty_x[masked] = np.nan
    loss = Loss(link, registry.build(FOCAL), reduction="none", ignore_index=ignored)
    check_same_but_zero(loss, (dirty_x, targets), (x, targets), masked, engine=engine)
    mean = Loss(link, registry.build(FOCAL), ignore_index=ignored)
    expected = Loss(link, registry.build(FOCAL))(x[~masked], targets[~masked], engine=engine)
    rtol = 1e-14 if dtype == np.float64 else 1e-6
    np.testing.assert_allclose(mean(dirty_x, targets, engine=engine), expected, rtol=rtol)


@every_engine
@pytest.mark.parametrize("reduction", ["sum", "mean", "batchmean"])
@every_link
def test_rubbish_does_not_reach_a_reduction(link, reduction, engine):
    x, targets = clean(link)
    weight = np.array([1, 0, 2, 0, 0.5, 1, 0, 1, 3.0])
    dirty_x = np.where(weight[:, None] == 0, np.nan, x)
    loss = Loss(link, registry.build(FOCAL), reduction=reduction)
    options = {"sample_weight": weight, "engine": engine}
    value, gradient = loss.value_and_grad(dirty_x, targets, **options)
    expected = loss.value_and_grad(x, targets, **options)
    np.testing.assert_array_equal(value, expected[0])
    np.testing.assert_array_equal(gradient, expected[1])


@every_engine
def test_a_class_of_weight_zero_may_hold_anything(engine):
    x, targets = clean("sigmoid")
    dirty = x.copy()
    dirty[:, 1] = np.nan
    loss = Loss("sigmoid", registry.build(FOCAL), reduction="none", class_weight=(1.0, 0.0, 2.0))
    masked = np.broadcast_to([False, True, False], x.shape)
    check_same_but_zero(loss, (dirty, targets), (x, targets), masked, engine=engine)

    x, _ = clean("softmax")
    labels = np.arange(N) % C
    dirty = x.copy()
    dirty[labels == 1] = np.nan
    loss = Loss("softmax", registry.build(FOCAL), reduction="none", class_weight=(1.0, 0.0, 2.0))
    check_same_but_zero(loss, (dirty, labels), (x, labels), labels == 1, engine=engine)


@every_engine
def test_negatives_of_weight_zero_may_hold_anything(engine):
    x, _ = clean("sigmoid")
    targets = np.random.default_rng(44).integers(2, size=x.shape).astype(float)
    dirty = np.where(targets == 0, np.nan, x)
    loss = Loss("sigmoid", registry.build(FOCAL), reduction="none", alpha=1.0)
    check_same_but_zero(loss, (dirty, targets), (x, targets), targets == 0, engine=engine)


@on_engines
@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize("link", registry.LOGIT_LINKS)
def test_a_nan_logit_gives_nan_there_and_nowhere_else(margin, link, dtype, engine):
    x, dense = (a.astype(dtype) for a in clean(link))
    loss = Loss(link, registry.build(margin), reduction="none")
    dirty = x.copy()
    dirty[4, 1] = np.nan
    there = np.zeros((N, C), bool)
    there[4, 1 if link == "sigmoid" else slice(None)] = True
    within = there if link == "sigmoid" else there.any(axis=1)
    forms = [dense, np.eye(C, dtype=dtype)[np.arange(N) % C]]
    if link == "softmax":
        forms.append(np.arange(N) % C)
    for targets in forms:
        for curvature in registry.CURVATURES if engine == "numpy" else ("exact", "fisher"):
            kind = {"engine": engine}
            value, gradient = loss.value_and_grad(dirty, targets, **kind)
            _, hessian = loss.grad_and_hess(dirty, targets, curvature=curvature, **kind)
            expected = loss.value_and_grad(x, targets, **kind)
            np.testing.assert_array_equal(np.isnan(value), within)
            np.testing.assert_array_equal(np.isnan(gradient), there)
            np.testing.assert_array_equal(np.isnan(hessian), there)
            np.testing.assert_array_equal(value[~within], expected[0][~within])
            np.testing.assert_array_equal(gradient[~there], expected[1][~there])


@every_engine
def test_a_nan_reaches_the_sum(engine):
    x, targets = clean("sigmoid")
    x[3, 0] = np.nan
    for reduction in ("sum", "mean", "batchmean"):
        loss = Loss("sigmoid", registry.build(FOCAL), reduction=reduction)
        value, gradient = loss.value_and_grad(x, targets, engine=engine)
        assert np.isnan(value)
        assert np.isnan(gradient).sum() == 1


@pytest.mark.parametrize("link", registry.LINKS)
def test_the_weight_of_a_masked_row_may_be_anything(link):
    x, targets = clean(link)
    kept = np.arange(N) % 3 > 0
    weight = np.where(kept, 2.0, np.nan)
    loss = Loss(link, registry.build(FOCAL), reduction="none")
    given = {"where": kept, "engine": "numpy"}
    got = loss.value_and_grad(x, targets, sample_weight=weight, **given)
    expected = loss.value_and_grad(x, targets, sample_weight=np.full(N, 2.0), **given)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_mean_over_elements_counts_all_of_a_row_that_is_kept():
    x, targets = clean("sigmoid")
    kept = np.arange(N) % 3 > 0
    loss = Loss("sigmoid", registry.build(FOCAL))
    expected = loss(x[kept], targets[kept], engine="numpy")
    np.testing.assert_allclose(loss(x, targets, where=kept, engine="numpy"), expected, rtol=1e-14)


def test_smoothing_gives_a_row_without_positives_no_loss():
    loss = Loss("softmax", registry.build(FOCAL), positives="mean", label_smoothing=0.1)
    value, gradient = loss.value_and_grad(np.zeros((1, 3)), np.zeros((1, 3)), engine="numpy")
    assert value == 0
    assert not gradient.any()
