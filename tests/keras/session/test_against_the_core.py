"""Every option gives the numbers of the NumPy engine, both value and gradient."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
from derivatives import BACKEND, array, value_and_grad
from keras.src.backend import set_keras_mask

import focalis.keras as F
from focalis import Loss, margin, parse
from focalis.margin import margin_loss

RNG = np.random.default_rng(3)
X = (RNG.normal(size=(6, 3)) * 2).astype("float32")
P = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
LABELS = np.array([0, 2, 1, 1, 0, 2])
SOFT = RNG.dirichlet([1.0] * 3, size=6).astype("float32")
SEVERAL = np.array([(1, 1, 0), (0, 0, 0), (0, 1, 0), (1, 1, 1), (0, 0, 1), (0, 1, 1)], "float32")
ANSWERS = RNG.uniform(size=(6, 3)).astype("float32")
WEIGHT = np.array([1.0, 2.0, 0.5, 0.0, 3.0, 0.25], "float32")
BY_CLASS = (1.0, 2.0, 0.5)


@margin_loss(tau="(0, inf)")
def squared_miss(m, u, v, p, q, tau=1.0):
    """A user's own margin loss."""
    return tau * q * q, -2 * tau * p * q * q, 2 * tau * p * q * q * (2 * p - q)


FOCAL = margin.focal(1.7)
CE = margin.cross_entropy()
SMOOTH = {"label_smoothing": 0.1, "class_weight": BY_CLASS}
BALANCED = {"apply_class_balancing": True, "alpha": (0.1, 0.6, 0.3), "gamma": 1.7}
CASES = [
    ("BinaryCrossentropy", SMOOTH, ("sigmoid", CE, SMOOTH), ANSWERS),
    ("BinaryFocalCrossentropy", BALANCED, ("sigmoid", FOCAL, {"alpha": (0.1, 0.6, 0.3)}), ANSWERS),
    ("BinaryFocalCrossentropy", {"gamma": 1.7, **SMOOTH}, ("sigmoid", FOCAL, SMOOTH), ANSWERS),
    ("CategoricalCrossentropy", SMOOTH, ("softmax", CE, SMOOTH), SOFT),
    ("CategoricalFocalCrossentropy", {"alpha": BY_CLASS, "gamma": 1.7},
     ("softmax", FOCAL, {"alpha": BY_CLASS}), SOFT),
    ("CategoricalFocalCrossentropy", {"alpha": None, "gamma": 1.7, **SMOOTH},
     ("softmax", FOCAL, SMOOTH), SOFT),
    ("SparseCategoricalCrossentropy", SMOOTH, ("softmax", CE, SMOOTH), LABELS),
    ("SparseCategoricalCrossentropy", {"class_weight": BY_CLASS},
     ("softmax", CE, {"class_weight": BY_CLASS}), LABELS),
    ("SparseCategoricalFocalCrossentropy", {"gamma": 1.7},
     ("softmax", FOCAL, {"alpha": 0.25}), LABELS),
    ("SparseCategoricalFocalCrossentropy", {"alpha": BY_CLASS, "gamma": 1.7, **SMOOTH},
     ("softmax", FOCAL, {"alpha": BY_CLASS, **SMOOTH}), LABELS),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7, **SMOOTH},
     ("softmax", margin.generalized_cross_entropy(0.7), SMOOTH), LABELS),
    ("MultiLabelSoftmaxCrossentropy", {}, ("softmax", CE, {"positives": "mean"}), SEVERAL),
    ("MultiLabelSoftmaxCrossentropy", SMOOTH, ("softmax", CE, {"positives": "mean", **SMOOTH}), SEVERAL),
]  # fmt: skip
PROBABILITIES = {"sigmoid": "identity", "softmax": "simplex"}


def expected(loss, x, y, weight=None, *, divided=False):
    """Return what Keras's reductions make of the core's losses per sample, and the gradients."""
    value, grad = loss.value_and_grad(x.astype(float), y, sample_weight=weight, engine="numpy")
    if divided:  # by their sum, which is 1
        grad = grad - (grad * x).sum(-1, keepdims=True)
    if loss.link in ("sigmoid", "identity"):
        return value.mean(-1), grad / x.shape[-1]
    return value, grad


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize(("name", "settings", "core", "y"), CASES)
def test_settings(name, settings, core, y, from_logits):
    link, margin_loss, options = core
    x = X if from_logits else P
    link = link if from_logits else PROBABILITIES[link]
    core_loss = Loss(link, margin_loss, **options, reduction="none")
    divided = link == "simplex" and name != "CategoricalGeneralizedCrossEntropy"
    each, grad = expected(core_loss, x, y, WEIGHT, divided=divided)
    for reduction, denominator in ((None, 1.0), ("mean_with_sample_weight", WEIGHT.sum())):
        loss = getattr(F, name)(**settings, from_logits=from_logits, reduction=reduction)
        got, slopes = value_and_grad(partial(loss, y, sample_weight=WEIGHT), x)
        true = each if reduction is None else each.sum() / denominator
        np.testing.assert_allclose(got, true, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(slopes, grad / denominator, rtol=2e-5, atol=1e-6)


def test_the_focal_loss_of_indices_is_that_of_one_hot_rows():
    dense = F.CategoricalFocalCrossentropy(from_logits=True)
    sparse = F.SparseCategoricalFocalCrossentropy(from_logits=True)
    ours = [
        value_and_grad(lambda x, f=f, y=y: f(y, x), X)
        for f, y in ((dense, np.eye(3, dtype="float32")[LABELS]), (sparse, LABELS))
    ]
    for a, b in zip(*ours, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("text", [
    "focal_star(gamma=2, beta=1)", "softmax_poly1(epsilon=-.5)",
    "softmax_generalized_cross_entropy(kappa=.7)",
    "squared_miss(tau=2)", "softmax_squared_miss(tau=2, class_weight=[1, 2, .5])",
    "identity_poly1(epsilon=2)", "simplex_focal(gamma=1.7)",
])  # fmt: skip
def test_any_loss(text):
    """The other margin losses, and a user's own, for both forms of targets."""
    loss = F.LossWrapper(text, reduction="sum")
    core_loss = replace(parse(text), reduction="none")
    x = P if core_loss.link in PROBABILITIES.values() else X
    for y in [ANSWERS] if core_loss.link in ("sigmoid", "identity") else [LABELS, SOFT]:
        each, grad = expected(core_loss, x, y)
        got, slopes = value_and_grad(lambda x, y=y: loss(y, x), x)
        np.testing.assert_allclose(got, each.sum(), rtol=2e-5)
        np.testing.assert_allclose(slopes, grad, rtol=1e-4, atol=1e-6)


MASKED = np.array([False, True, False, True, False, False])


@pytest.mark.parametrize("by", ["weight", "mask", "ignore_class"])
@pytest.mark.parametrize("name", ["BinaryFocalCrossentropy", "SparseCategoricalFocalCrossentropy"])
def test_what_is_masked_may_hold_anything(name, by):
    x = X.copy()
    x[1], x[3] = np.nan, [np.inf, -np.inf, np.nan]
    y = (ANSWERS > 0.5).astype("float32") if name.startswith("Binary") else LABELS.copy()
    options, weight, mask = {}, None, None
    if by == "ignore_class":
        options["ignore_class"] = -7
        y[MASKED] = -7
    elif by == "weight":
        weight = 1.0 - MASKED
    else:
        mask = ~MASKED
    loss = getattr(F, name)(from_logits=True, reduction="mean_with_sample_weight", **options)

    def call(x):
        x = x + 0.0
        if mask is not None:
            set_keras_mask(x, keras.ops.convert_to_tensor(mask))
        return loss(y, x, sample_weight=weight)

    got, grad = value_and_grad(call, x)
    kept = ~MASKED
    true, slopes = value_and_grad(lambda x: loss(y[kept], x), X[kept])
    np.testing.assert_allclose(got, true, rtol=1e-6)
    assert not grad[MASKED].any()
    np.testing.assert_allclose(grad[kept], slopes, rtol=1e-5, atol=1e-7)


def test_ignored_answers_and_rows():
    y = (ANSWERS > 0.5).astype("float32")
    for ignored in (-1.0, float("nan")):
        some = np.where(ANSWERS > 0.7, np.float32(ignored), y)
        loss = F.BinaryCrossentropy(from_logits=True, ignore_class=ignored)
        kept = ANSWERS <= 0.7
        core = Loss("sigmoid", CE, reduction="mean")
        true = core(X.astype(float), y, where=kept, engine="numpy")
        assert float(loss(some, X)) == pytest.approx(float(true), rel=1e-5)
        each = F.BinaryCrossentropy(from_logits=True, ignore_class=ignored, reduction=None)(some, X)
        assert float(array(each).sum()) == pytest.approx(float(true) * kept.sum() / 3, rel=1e-5)
    rows = np.eye(3, dtype="float32")[LABELS]
    dense = F.CategoricalCrossentropy(from_logits=True, ignore_class=2)
    sparse = F.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)
    assert float(dense(rows, X)) == pytest.approx(float(sparse(LABELS, X)), rel=1e-6)
    several = F.MultiLabelSoftmaxCrossentropy(from_logits=True, ignore_class=2)
    kept = SEVERAL[:, 2] == 0
    assert float(several(SEVERAL, X)) == pytest.approx(
        float(several(SEVERAL[kept], X[kept])), rel=1e-6
    )


def test_nothing_left_is_zero():
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        loss = F.SparseCategoricalFocalCrossentropy(
            from_logits=True, ignore_class=-1, reduction=reduction
        )
        got, grad = value_and_grad(lambda x, loss=loss: loss(np.full(6, -1), x), X)
        assert got == 0
        assert not grad.any()
        got, grad = value_and_grad(
            lambda x, loss=loss: loss(LABELS, x, sample_weight=np.zeros(6)), X
        )
        assert got == 0
        assert not grad.any()


def test_shapes_and_the_class_axis():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    last = np.moveaxis(x, 1, -1)
    labels = rng.integers(0, 3, (2, 4, 5))
    rows = np.eye(3, dtype="float32")[labels]
    first = np.moveaxis(rows, -1, 1)
    pairs = [
        ("SparseCategoricalFocalCrossentropy", labels, labels, {"alpha": BY_CLASS}),
        ("SparseCategoricalFocalCrossentropy", labels[:, None], labels[..., None], {}),
        ("CategoricalFocalCrossentropy", first, rows, {"alpha": BY_CLASS}),
        ("BinaryFocalCrossentropy", first, rows, {"class_weight": BY_CLASS, "ignore_class": 2}),
    ]
    weight = rng.uniform(size=(2, 4, 1)).astype("float32")
    for name, in_front, behind, options in pairs:
        settings = {"from_logits": True, "reduction": None, **options}
        ours = getattr(F, name)(**settings, axis=1)(in_front, x, sample_weight=weight)
        true = getattr(F, name)(**settings)(behind, last, sample_weight=weight)
        assert array(ours).shape == (2, 4, 5)
        np.testing.assert_allclose(array(ours), array(true), rtol=1e-5)


def test_a_last_axis_of_one_may_be_missing():
    x, y = X[:, :1], (ANSWERS > 0.5).astype("float32")[:, :1]
    loss = F.BinaryFocalCrossentropy(from_logits=True, reduction=None)
    true = array(loss(y, x))
    for one, other in ((y[:, 0], x), (y, x[:, 0])):
        np.testing.assert_array_equal(array(loss(one, other)), true)
    labels = F.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    true = array(labels(LABELS, X))
    for given in (LABELS[:, None], *map(LABELS.astype, ("float32", "uint8", "int64"))):
        np.testing.assert_array_equal(array(labels(given, X)), true)


# JAX has no float64 unless it is switched on.
TYPES = ["bfloat16"] if BACKEND == "jax" else ["float16", "bfloat16", "float64"]


@pytest.mark.parametrize("dtype", TYPES)
def test_types(dtype):
    """16 bits are computed in 32, including their weights; a label of 257 must not become 256."""
    tolerance = {"float16": 2e-3, "bfloat16": 1.6e-2, "float64": 1e-12}[dtype]
    x = keras.ops.convert_to_tensor(X * 3, dtype=dtype)
    exact = array(keras.ops.cast(x, "float32" if dtype != "float64" else dtype)).astype(float)
    for name, y, core in (
        ("BinaryFocalCrossentropy", ANSWERS.round(), Loss("sigmoid", margin.focal(2.0))),
        ("SparseCategoricalCrossentropy", LABELS, Loss("softmax", CE)),
    ):
        loss = getattr(F, name)(from_logits=True, dtype=dtype)
        got = loss(y, x)
        assert keras.backend.standardize_dtype(got.dtype) == dtype
        assert float(got) == pytest.approx(float(core(exact, y, engine="numpy")), rel=tolerance)
        summed = getattr(F, name)(from_logits=True, dtype=dtype, reduction="sum")
        assert np.isfinite(
            float(summed(np.concatenate([y] * 100), keras.ops.concatenate([x] * 100)))
        )
    wide = np.zeros((1, 300), "float32")
    wide[0, 257] = 4.0
    labels = F.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")
    right, wrong = (float(labels(np.array([i]), wide)) for i in (257, 256))
    assert right < 2.0 < 5.0 < wrong


def test_a_model_in_mixed_precision_hands_over_16_bits():
    x = keras.ops.convert_to_tensor(X, dtype="float16")
    got = F.SparseCategoricalCrossentropy(from_logits=True)(LABELS, x)
    assert keras.backend.standardize_dtype(got.dtype) == "float32"


def test_posterior_of_the_loss_behind():
    loss = F.SparseCategoricalFocalCrossentropy(alpha=None, from_logits=True).loss
    assert loss.posterior(np.log([0.48892, 0.35279, 0.15829])).round(3).tolist() == [0.6, 0.3, 0.1]


def test_a_weight_for_each_sample_of_one_row():
    loss, weight = F.SparseCategoricalCrossentropy(from_logits=True), np.arange(6.0)
    expected = float(loss(LABELS, X, sample_weight=weight))
    found = float(loss(LABELS[:, None], X[:, None], sample_weight=weight))
    assert found == pytest.approx(expected, rel=1e-6)
