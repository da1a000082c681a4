"""Every weight, mask, reduction and denominator, against the reference."""

import contract
import numpy as np
import pytest
import registry
from contract import assert_accurate
from oracle import mp, number, truth
from weight_cases import weigh

from focalis import Loss

N, C = 7, 3
MARGIN = registry.FOCAL
RNG = np.random.default_rng(31)
LOGITS = RNG.normal(size=(N, C)) * 3
PROBABILITIES = RNG.dirichlet([1.0] * C, size=N)
LABELS = np.array([0, 2, 1, 1, 0, 2, 0])
IGNORING = np.array([0, -100, 1, 1, -100, 2, 0])
DENSE = RNG.dirichlet([0.6] * C, size=N)
MULTI = np.array(
    [[0, 2, 0.5], [1, 1, 1], [0, 0, 0], [0, 0, 3], [0.5, 0, 2], [1, 0, 0], [0, 1, 1]], float
)
HARD = RNG.integers(2, size=(N, C)).astype(float)
SOFT = RNG.choice([0, 0.25, 0.5, 1], size=(N, C))
PER_ROW = np.array([1, 2, 0.5, 0, 3, 1, 0.25])
PER_ELEMENT = RNG.choice([0, 0.5, 1, 3], size=(N, C))
CLASS_WEIGHT = np.array([0.5, 2.0, 1.25])
MASK = RNG.random((N, C)) < 0.7
ROW_MASK = np.array([True, True, False, True, False, True, True])
IGNORED = np.where(MASK, HARD, -1)
IGNORED_NAN = np.where(MASK, SOFT, np.nan)

OF_LOSS = (
    "alpha", "pos_weight", "class_weight", "label_smoothing", "positives", "ignore_index",
)  # fmt: skip

YES_NO_SETTINGS = [
    (HARD, {}),
    (SOFT, {}),
    (HARD, {"alpha": 0.25}),
    (SOFT, {"alpha": (0.25, 0.5, 0.9)}),
    (HARD, {"alpha": -1}),
    (HARD, {"alpha": 0.0}),
    (HARD, {"alpha": 1.0}),
    (SOFT, {"pos_weight": 3.0}),
    (HARD, {"pos_weight": (3.0, 0.5, 1.0)}),
    (HARD, {"class_weight": tuple(CLASS_WEIGHT)}),
    (HARD, {"label_smoothing": 0.1}),
    (SOFT, {"label_smoothing": 0.1, "alpha": 0.25}),
    (HARD, {"sample_weight": PER_ROW}),
    (HARD, {"sample_weight": PER_ELEMENT}),
    (SOFT, {"where": MASK}),
    (IGNORED, {"ignore_index": -1}),
    (IGNORED_NAN, {"ignore_index": float("nan")}),
    (
        IGNORED,
        {
            "ignore_index": -1,
            "alpha": 0.3,
            "class_weight": tuple(CLASS_WEIGHT),
            "sample_weight": PER_ELEMENT,
            "where": RNG.random((N, C)) < 0.8,
            "label_smoothing": 0.2,
        },
    ),
]

ROW_SETTINGS = [
    (LABELS, {}),
    (DENSE, {}),
    (MULTI, {}),
    (LABELS, {"alpha": 0.25}),
    (LABELS, {"alpha": (0.25, 0.5, 0.9)}),
    (DENSE, {"alpha": (0.25, 0.5, 0.9)}),
    (LABELS, {"alpha": -1}),
    (LABELS, {"class_weight": tuple(CLASS_WEIGHT)}),
    (DENSE, {"class_weight": tuple(CLASS_WEIGHT)}),
    (LABELS, {"label_smoothing": 0.1}),
    (DENSE, {"label_smoothing": 0.1}),
    (LABELS, {"label_smoothing": 0.1, "class_weight": tuple(CLASS_WEIGHT)}),
    (LABELS, {"sample_weight": PER_ROW}),
    (DENSE, {"sample_weight": PER_ROW}),
    (LABELS, {"sample_weight": PER_ROW, "class_weight": tuple(CLASS_WEIGHT), "alpha": 0.5}),
    (IGNORING, {"ignore_index": -100}),
    (IGNORING, {"ignore_index": -100, "sample_weight": PER_ROW, "label_smoothing": 0.3}),
    (LABELS, {"ignore_index": 2}),
    (LABELS, {"where": ROW_MASK}),
    (DENSE, {"where": ROW_MASK, "sample_weight": PER_ROW}),
    (MULTI, {"positives": "mean"}),
    (MULTI, {"positives": "mean", "class_weight": tuple(CLASS_WEIGHT)}),
    (LABELS, {"positives": "mean"}),
]


def settings_of(link):
    return ROW_SETTINGS if link in registry.ROW_LINKS else YES_NO_SETTINGS


def inputs_of(link):
    return PROBABILITIES if link in registry.PROBABILITY_LINKS else LOGITS


def split(options):
    """Return the options of the loss and those of the call."""
    of_loss = {k: v for k, v in options.items() if k in OF_LOSS}
    return of_loss, {k: v for k, v in options.items() if k not in OF_LOSS}


def reduced(expected, weighed, reduction, normalizer=None):
    """Return value, gradient and bulk as the call should return them."""
    denominator = weighed.denominator(reduction, normalizer)
    scale = 1 / mp.mpf(denominator) if denominator else mp.zero
    value = expected.value
    if reduction != "none":
        value = np.array(mp.fsum(value.flat) * scale)
    return value, expected.gradient * scale, expected.gradient_bulk * scale


EVERY_SETTING = [
    pytest.param(link, *setting, id=f"{link}-{i}-{'-'.join(setting[1])}")
    for link in registry.LINKS
    for i, setting in enumerate(settings_of(link))
]


@pytest.mark.parametrize("engine", registry.ENGINES)
@pytest.mark.parametrize(("link", "targets", "options"), EVERY_SETTING)
def test_values_and_gradients(link, targets, options, engine):
    x = inputs_of(link)
    weighed = weigh(link, targets, C, **options)
    expected = truth(MARGIN, link, x, weighed.components)
    of_loss, of_call = split(options)
    for reduction in registry.REDUCTIONS:
        loss = Loss(link, registry.build(MARGIN), reduction=reduction, **of_loss)
        for normalizer in (None, 2.5) if reduction in ("mean", "batchmean") else (None,):
            call = {**of_call, "normalizer": normalizer, "engine": engine}
            true, gradient, bulk = reduced(expected, weighed, reduction, normalizer)
            value, got = loss.value_and_grad(x, targets, **call)
            assert_accurate(value, true, what=f"{reduction} value", factor=2)
            assert_accurate(got, gradient, bulk, what=f"{reduction} gradient", factor=2)
            np.testing.assert_allclose(loss(x, targets, **call), value, rtol=1e-14)


@pytest.mark.parametrize("engine", registry.ENGINES)
@pytest.mark.parametrize(("link", "targets", "options"), EVERY_SETTING)
def test_hessians(link, targets, options, engine):
    """The gradient and Hessian are those of the weighted sum, whatever the reduction."""
    x = inputs_of(link)
    weighed = weigh(link, targets, C, **options)
    of_loss, of_call = split(options)
    loss = Loss(link, registry.build(MARGIN), reduction="mean", **of_loss)
    for curvature in registry.CURVATURES if engine == "numpy" else ("exact", "fisher"):
        expected = truth(MARGIN, link, x, weighed.components, curvature)
        call = {**of_call, "curvature": curvature, "engine": engine}
        gradient, hessian = loss.grad_and_hess(x, targets, **call)
        assert_accurate(gradient, expected.gradient, expected.gradient_bulk, factor=2)
        assert_accurate(hessian, expected.hessian, expected.hessian_bulk, what=curvature, factor=2)


@pytest.mark.parametrize("engine", registry.ENGINES)
@pytest.mark.parametrize("link", registry.LINKS)
def test_float32_weights(link, engine):
    """The last and fullest setting of each kind, in single precision."""
    for targets, options in settings_of(link)[-6:]:
        x = inputs_of(link).astype(np.float32)
        t = targets if targets.dtype.kind == "i" else targets.astype(np.float32)
        weighed = weigh(link, t, C, **options)
        of_loss, of_call = split(options)
        loss = Loss(link, registry.build(MARGIN), reduction="none", **of_loss)
        expected = truth(MARGIN, link, x, weighed.components)
        value, gradient = loss.value_and_grad(x, t, engine=engine, **of_call)
        assert value.dtype == gradient.dtype == np.float32
        assert_accurate(value, expected.value, factor=2)
        assert_accurate(gradient, expected.gradient, expected.gradient_bulk, factor=2)


@pytest.mark.parametrize("engine", registry.ENGINES)
@pytest.mark.parametrize("link", registry.LINKS)
@pytest.mark.parametrize("reduction", ["mean", "batchmean"])
def test_nothing_left_to_average(reduction, link, engine):
    x = inputs_of(link)
    rows = link in registry.ROW_LINKS
    targets = DENSE if rows else HARD
    loss = Loss(link, registry.build(MARGIN), reduction=reduction)
    nowhere = {"where": np.zeros(N if rows else (N, C), bool)}
    weightless = {"sample_weight": np.zeros(N)}
    for options in (nowhere, weightless):
        value, gradient = loss.value_and_grad(x, targets, engine=engine, **options)
        assert value == 0
        assert not gradient.any()
    value, gradient = loss.value_and_grad(x[:0], targets[:0], engine=engine)
    assert value == 0
    assert gradient.shape == (0, C)


@pytest.mark.parametrize("engine", registry.ENGINES)
def test_a_row_without_positives_costs_nothing_under_mean(engine):
    loss = Loss("softmax", registry.build(MARGIN), positives="mean", reduction="none")
    value, gradient = loss.value_and_grad(LOGITS, MULTI, engine=engine)
    empty = (MULTI == 0).all(axis=1)
    assert empty.any()
    assert (value[empty] == 0).all()
    assert (gradient[empty] == 0).all()
    assert (value[~empty] > 0).all()


@pytest.mark.parametrize("engine", registry.ENGINES)
def test_reduced_values_are_float64(engine):
    loss = Loss("sigmoid", registry.build(MARGIN), reduction="sum")
    x = LOGITS.astype(np.float32)
    value = loss(x, HARD.astype(np.float32), engine=engine)
    assert np.asarray(value).dtype == np.float64
    assert np.ndim(value) == 0
    expected = truth(MARGIN, "sigmoid", x, weigh("sigmoid", HARD, C).components)
    allowed = contract.tolerance(1, np.float32) * mp.fsum(expected.value.flat)
    assert abs(number(value) - mp.fsum(expected.value.flat)) <= allowed
