"""What Keras publishes and what it returns, for hard labels; deliberate differences are pinned."""

import inspect
import json

import keras
import numpy as np
import pytest
from derivatives import BACKEND, array, value_and_grad
from keras.src.backend import set_keras_mask

import focalis.keras as F

NAMES = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "SparseCategoricalCrossentropy",
]  # fmt: skip
FUNCTIONS = [
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "sparse_categorical_crossentropy",
]  # fmt: skip
# New in Keras 3.15.
GENERAL = [n for n in ("CategoricalGeneralizedCrossEntropy",) if hasattr(keras.losses, n)]
GENERAL_FUNCTIONS = ["categorical_generalized_cross_entropy"] if GENERAL else []

YES_NO = ([[0, 1], [0, 0]], [[-18.6, 0.51], [2.94, -12.8]])
FLAT = ([0, 1, 0, 0], [-18.6, 0.51, 2.94, -12.8])
ROWS = [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]
WEIGHT = {"sample_weight": [0.8, 0.2]}
WEIGHTS = {"sample_weight": np.array([0.3, 0.7])}
LOGITS = {"from_logits": True}
ONE_HOT = ([[0, 1, 0], [0, 0, 1]], ROWS)
BALANCED = {"apply_class_balancing": True}
PUBLISHED = [
    ("BinaryCrossentropy", LOGITS, FLAT, {}, 0.8654),
    ("BinaryCrossentropy", LOGITS, YES_NO, {}, 0.8654),
    ("BinaryCrossentropy", LOGITS, YES_NO, WEIGHT, 0.243),
    ("BinaryCrossentropy", {**LOGITS, "reduction": "sum"}, YES_NO, {}, 1.730),
    ("BinaryCrossentropy", {**LOGITS, "reduction": None}, YES_NO, {}, [0.235, 1.496]),
    ("BinaryFocalCrossentropy", {"gamma": 2, **LOGITS}, FLAT, {}, 0.691),
    ("BinaryFocalCrossentropy", {"gamma": 2, **LOGITS}, FLAT, BALANCED, 0.51),
    ("BinaryFocalCrossentropy", {"gamma": 3, **LOGITS}, YES_NO, {}, 0.647),
    ("BinaryFocalCrossentropy", {"gamma": 3, **LOGITS}, YES_NO, BALANCED, 0.482),
    ("BinaryFocalCrossentropy", {"gamma": 3, **LOGITS}, YES_NO, WEIGHT, 0.133),
    ("BinaryFocalCrossentropy", {"gamma": 4, "reduction": "sum", **LOGITS}, YES_NO, {}, 1.222),
    ("BinaryFocalCrossentropy", {"gamma": 4, "reduction": "sum", **LOGITS}, YES_NO, BALANCED, 0.914),
    ("BinaryFocalCrossentropy", {"gamma": 5, "reduction": None, **LOGITS}, YES_NO, {}, [0.0017, 1.1561]),
    ("BinaryFocalCrossentropy", {"gamma": 5, "reduction": None, **LOGITS}, YES_NO, BALANCED,
     [0.0004, 0.867]),
    ("CategoricalCrossentropy", {}, ONE_HOT, {}, 1.177),
    ("CategoricalCrossentropy", {}, ONE_HOT, WEIGHTS, 0.814),
    ("CategoricalCrossentropy", {"reduction": "sum"}, ONE_HOT, {}, 2.354),
    ("CategoricalCrossentropy", {"reduction": None}, ONE_HOT, {}, [0.0513, 2.303]),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT, {}, 0.23315276),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT, WEIGHTS, 0.1632),
    ("CategoricalFocalCrossentropy", {"reduction": "sum"}, ONE_HOT, {}, 0.46631),
    ("CategoricalFocalCrossentropy", {"reduction": None}, ONE_HOT, {}, [3.2058331e-05, 4.6627346e-01]),
    ("SparseCategoricalCrossentropy", {}, ([1, 2], ROWS), {}, 1.177),
    ("SparseCategoricalCrossentropy", {}, ([1, 2], ROWS), WEIGHTS, 0.814),
    ("SparseCategoricalCrossentropy", {"reduction": "sum"}, ([1, 2], ROWS), {}, 2.354),
    ("SparseCategoricalCrossentropy", {"reduction": None}, ([1, 2], ROWS), {}, [0.0513, 2.303]),
]  # fmt: skip
PUBLISHED_FUNCTIONS = [
    ("binary_crossentropy", ([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), [0.916, 0.714]),
    ("binary_focal_crossentropy", ([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), [0.330, 0.206]),
    ("categorical_crossentropy", ([[0, 1, 0], [0, 0, 1]], ROWS), [0.0513, 2.303]),
    (
        "categorical_focal_crossentropy",
        ([[0, 1, 0], [0, 0, 1]], [[0.05, 0.9, 0.05], [0.1, 0.85, 0.05]]),
        [2.63401289e-04, 6.75912094e-01],
    ),
    ("sparse_categorical_crossentropy", ([1, 2], ROWS), [0.0513, 2.303]),
]


@pytest.mark.parametrize(("name", "settings", "inputs", "call", "published"), PUBLISHED)
def test_published_examples(name, settings, inputs, call, published):
    if call is BALANCED:
        settings, call = {**settings, **call}, {}
    got = getattr(F, name)(**settings)(*map(np.array, inputs), **call)
    np.testing.assert_allclose(array(got), published, atol=1e-3)


@pytest.mark.parametrize(("name", "inputs", "published"), PUBLISHED_FUNCTIONS)
def test_published_functions(name, inputs, published):
    np.testing.assert_allclose(array(getattr(F, name)(*inputs)), published, atol=1e-3)


@pytest.mark.parametrize("name", [*NAMES, *FUNCTIONS, *GENERAL, *GENERAL_FUNCTIONS])
def test_signatures_begin_as_those_of_keras(name):
    ours = inspect.signature(getattr(F, name)).parameters
    theirs = inspect.signature(getattr(keras.losses, name)).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert [ours[n].default for n in theirs] == [p.default for p in theirs.values()]
    assert all(p.kind == p.KEYWORD_ONLY for p in list(ours.values())[len(theirs) :])


def hard_labels(name, shape=(5, 4, 3), seed=0):
    """Return targets, logits and probabilities."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape).astype("float32") * 3
    if name.startswith("Binary"):
        return rng.integers(0, 2, shape).astype("float32"), x, 1 / (1 + np.exp(-x))
    p = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    labels = rng.integers(0, shape[-1], shape[:-1])
    if name.startswith(("Sparse", *GENERAL)):
        return labels, x, p
    return np.eye(shape[-1], dtype="float32")[labels], x, p


HARD = [(name, from_logits) for name in NAMES for from_logits in (True, False)]
HARD += [(name, None) for name in GENERAL]  # for probabilities only


@pytest.mark.parametrize(("name", "from_logits"), HARD)
def test_hard_labels_give_what_keras_gives(name, from_logits):
    """Values and gradients, with every reduction, sample weights and masks."""
    y, logits, probabilities = hard_labels(name)
    x = logits if from_logits else probabilities
    rng = np.random.default_rng(1)
    each = rng.uniform(size=y.shape[:2]).astype("float32")
    mask = rng.uniform(size=y.shape[:2]) > 0.4
    calls = [
        ("sum_over_batch_size", each[:, :1], None),
        ("mean", each, mask),
        ("mean_with_sample_weight", each, None),
        ("sum", None, mask),
        (None, each, None),
    ]
    for reduction, weight, mask in calls:
        settings = {"reduction": reduction}
        if from_logits is not None:
            settings["from_logits"] = from_logits

        def derive(module, settings=settings, mask=mask, weight=weight):
            loss = getattr(module, name)(**settings)

            def call(x):
                x = x + 0.0
                if mask is not None:
                    set_keras_mask(x, keras.ops.convert_to_tensor(mask))
                return loss(y, x, sample_weight=weight)

            return value_and_grad(call, x)

        got, grad = derive(F)
        expected, slopes = derive(keras.losses)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(grad, slopes, rtol=2e-4, atol=1e-5)


def test_smoothing_is_that_of_keras():
    for name in ("BinaryCrossentropy", "CategoricalCrossentropy"):
        y, logits, probabilities = hard_labels(name)
        for from_logits, x in ((True, logits), (False, probabilities)):
            settings = {"from_logits": from_logits, "label_smoothing": 0.2}
            ours, theirs = (getattr(m, name)(**settings)(y, x) for m in (F, keras.losses))
            np.testing.assert_allclose(array(ours), array(theirs), rtol=1e-5)


def test_classes_to_ignore_are_those_of_keras():
    y, x, _ = hard_labels("SparseCategoricalCrossentropy")
    y[0, 1:] = y[3] = -1
    for reduction in ("sum_over_batch_size", "sum", None):
        settings = {"from_logits": True, "ignore_class": -1, "reduction": reduction}
        ours, theirs = (
            m.SparseCategoricalCrossentropy(**settings)(y, x) for m in (F, keras.losses)
        )
        np.testing.assert_allclose(array(ours), array(theirs), rtol=1e-5, atol=1e-6)


def test_probabilities_at_the_ends_are_held_off_as_in_keras():
    y, p = np.array([[1.0, 0.0, 0.0, 1.0]]), np.array([[0.0, 1.0, 0.0, 1.0]])
    ours, theirs = (m.BinaryCrossentropy(reduction=None)(y, p) for m in (F, keras.losses))
    np.testing.assert_allclose(array(ours), array(theirs), rtol=1e-4)
    _, slopes = value_and_grad(lambda p: F.BinaryCrossentropy()(y, p), p.astype("float32"))
    assert not slopes.any()


def test_soft_labels_mean_the_expectation():
    """γ = 2, y = .7, x = 1: Keras mixes p_t before raising 1 − p_t to γ, which is a different loss."""
    y, x = np.array([[0.7]]), np.array([[1.0]])
    settings = {"gamma": 2.0, "from_logits": True}
    ours, theirs = (float(m.BinaryFocalCrossentropy(**settings)(y, x)) for m in (F, keras.losses))
    p = 1 / (1 + np.exp(-1.0))
    expectation = -0.7 * (1 - p) ** 2 * np.log(p) - 0.3 * p**2 * np.log(1 - p)
    mixed = (1 - (0.7 * p + 0.3 * (1 - p))) ** 2 * (-0.7 * np.log(p) - 0.3 * np.log(1 - p))
    assert ours == pytest.approx(expectation, rel=1e-5)
    assert theirs == pytest.approx(mixed, rel=1e-5)
    assert (round(ours, 3), round(theirs, 3)) == (0.226, 0.102)


def probabilities(seed=0):
    """Return rows that sum to 1 and rows that do not, up to the ends."""
    rng = np.random.default_rng(seed)
    ends = [
        [0, 1, 0],
        [1, 0, 0],
        [0.5, 0.5, 0],
        [1e-9, 1, 0],
        [2, 0, 0],
        [0.5, 0.1, 0],
        [1e-8, 1, 1e-3],
    ]
    kinds = (
        rng.dirichlet([1.0] * 3, 12),
        rng.uniform(size=(12, 3)),
        rng.uniform(size=(6, 3)) * 5,
        ends,
    )
    return np.concatenate(kinds).astype("float32")


PROBABILITIES = probabilities()
ANY = [
    ("BinaryCrossentropy", {}), ("BinaryCrossentropy", {"label_smoothing": 0.2}),
    ("BinaryFocalCrossentropy", {}), ("BinaryFocalCrossentropy", {"gamma": 0.5, **BALANCED}),
    ("CategoricalCrossentropy", {}), ("CategoricalCrossentropy", {"label_smoothing": 0.2}),
    ("CategoricalFocalCrossentropy", {}), ("CategoricalFocalCrossentropy", {"label_smoothing": 0.2}),
    ("SparseCategoricalCrossentropy", {}), ("SparseCategoricalCrossentropy", {"ignore_class": 1}),
    *((name, {"q": q}) for name in GENERAL for q in (0.1, 0.9)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings"), ANY)
def test_probabilities_are_read_as_keras_reads_them(name, settings):
    """Each function in its own way, including rows that do not sum to 1 and both ends."""
    p = PROBABILITIES
    labels = np.random.default_rng(2).integers(0, 3, len(p))
    y = np.eye(3, dtype="float32")[labels]
    if name.startswith(("Binary", *GENERAL)):
        p = np.clip(p, 0, 1)
    if name.startswith(("Sparse", *GENERAL)):
        y = labels

    def derive(module):
        loss = getattr(module, name)(**settings, reduction=None)
        return value_and_grad(lambda p: loss(y, p), p)

    (got, grad), (expected, slopes) = derive(F), derive(keras.losses)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    # At p_t = 0 the other classes of Keras's generalised loss give 0 · ∞.
    slopes = np.where(np.isnan(slopes), 0.0, slopes)
    np.testing.assert_allclose(grad, slopes, rtol=2e-4, atol=1e-5)


def test_numbers_of_rows_that_do_not_sum_to_1():
    p = np.array([[0.5, 0.1]], "float32")
    for loss, y in (
        (F.CategoricalCrossentropy(), [[1.0, 0.0]]),
        (F.SparseCategoricalCrossentropy(), [0]),
        (F.MultiLabelSoftmaxCrossentropy(), [[1.0, 0.0]]),
    ):
        value, grad = value_and_grad(lambda p, loss=loss, y=y: loss(np.array(y), p), p)
        assert value == pytest.approx(np.log(1.2), rel=1e-6)
        np.testing.assert_allclose(grad, [[-1 / 3, 5 / 3]], rtol=1e-5)
    dense, sparse = F.CategoricalFocalCrossentropy(), F.SparseCategoricalFocalCrossentropy()
    assert float(dense([[1, 0]], p)) == pytest.approx(float(sparse([0], p)), rel=1e-6)
    # A wrapped loss uses probabilities as they are.
    assert float(F.LossWrapper("simplex_cross_entropy")([0], p)) == pytest.approx(np.log(2))


def test_the_generalised_loss_holds_nothing_off_0():
    loss = F.CategoricalGeneralizedCrossEntropy(q=0.1)
    value, grad = value_and_grad(
        lambda p: loss(np.array([0]), p), np.array([[0.0, 1.0]], "float32")
    )
    assert value == pytest.approx(10.0)
    assert grad.tolist() == [[-np.inf, 0.0]]


def test_rows_that_do_not_count_may_sum_to_nothing():
    p = np.array([[0.5, 0.1], [0.0, 0.0], [np.nan, np.inf]], "float32")
    y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    loss = F.CategoricalCrossentropy(reduction="sum")
    weight = np.array([1.0, 0.0, 0.0])
    value, grad = value_and_grad(lambda p: loss(y, p, sample_weight=weight), p)
    assert value == pytest.approx(np.log(1.2), rel=1e-6)
    assert not grad[1:].any()
    focal = F.BinaryFocalCrossentropy(reduction="sum")
    value, grad = value_and_grad(lambda p: focal(y, p, sample_weight=weight), p)
    assert np.isfinite(grad).all()
    assert not grad[1:].any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.filterwarnings("ignore:.*from_logits=True:UserWarning")
def test_logits_behind_an_activation(name, from_logits):
    """TensorFlow's tensors remember them and Keras uses them: exact even where p_t rounds to 0."""
    kind = "sigmoid" if name.startswith("Binary") else "softmax"
    x = np.array([[40.0, -40.0, 0.0], [1.0, 2.0, 3.0]], "float32")
    y = np.eye(3, dtype="float32")[[1, 2]]
    y = np.array([1, 2]) if name.startswith("Sparse") else y

    def derive(module, compiled=False):
        loss = getattr(module, name)(reduction=None, from_logits=from_logits)
        activation = keras.activations.get(kind)
        return value_and_grad(lambda x: loss(y, activation(x)), x, compiled=compiled)

    for ours, theirs in zip(derive(F), derive(keras.losses), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    if BACKEND == "tensorflow" and not from_logits and "Focal" not in name:
        assert derive(F)[0].max() > 20.0


def test_a_class_axis_of_length_1_warns_as_in_keras():
    y = p = np.ones((2, 1), "float32")
    for name in ("CategoricalCrossentropy", "CategoricalFocalCrossentropy"):
        for module in (F, keras.losses):
            with pytest.warns(SyntaxWarning, match="num_classes > 1.*binary_crossentropy"):
                getattr(module, name)()(y, p)
    for name in ("categorical_crossentropy", "categorical_focal_crossentropy"):
        with pytest.warns(SyntaxWarning, match=f"In loss {name}"):
            getattr(F, name)(y, p)


WEIGHTS_OF_KERAS = [(), (1,), (4,), (3, 4), (3, 1), (1, 4), (3, 4, 1), (3, 1, 1), (1, 1)]


@pytest.mark.parametrize("shape", WEIGHTS_OF_KERAS)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "sum", "none"])
def test_weights_meet_losses_as_in_keras(shape, reduction):
    """From the last axis on: if (3, 4) losses became (4, 4), (4,) would weight the second axis too."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3, 4, 5)).astype("float32")
    y = rng.integers(0, 5, (3, 4))
    weight = rng.uniform(size=shape).astype("float32")
    settings = {"from_logits": True, "reduction": reduction}
    ours, theirs = (
        m.SparseCategoricalCrossentropy(**settings)(y, x, sample_weight=weight)
        for m in (F, keras.losses)
    )
    np.testing.assert_allclose(array(ours), array(theirs), rtol=1e-5)


def test_weights_of_as_many_samples_as_steps_are_of_the_steps():
    x, y = np.zeros((3, 3, 2), "float32"), np.zeros((3, 3), int)
    weight = np.array([1.0, 2.0, 4.0], "float32")
    for name in ("SparseCategoricalCrossentropy", "BinaryCrossentropy"):
        targets = np.zeros_like(x) if name == "BinaryCrossentropy" else y
        settings = {"from_logits": True, "reduction": None}
        ours, theirs = (
            array(getattr(m, name)(**settings)(targets, x, sample_weight=weight))
            for m in (F, keras.losses)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        np.testing.assert_allclose(ours, np.log(2) * np.stack([weight] * 3), rtol=1e-6)


def test_a_mapping_of_class_weights_is_that_of_fit():
    """The mean weighted by the samples' classes, with 1 for classes that are not named."""
    rng = np.random.default_rng(7)
    x, labels = rng.normal(size=(6, 4)).astype("float32"), np.array([0, 1, 2, 3, 1, 0])
    by_class = {0: 2.0, np.int64(2): 0.5}
    for name, y in (
        ("SparseCategoricalCrossentropy", labels),
        ("CategoricalCrossentropy", np.eye(4, dtype="float32")[labels]),
    ):
        weight = np.array([by_class.get(i, 1.0) for i in labels], "float32")
        loss = getattr(F, name)(from_logits=True, class_weight=by_class)
        theirs = getattr(keras.losses, name)(from_logits=True)(y, x, sample_weight=weight)
        assert float(loss(y, x)) == pytest.approx(float(theirs), rel=1e-6)
        again = keras.losses.deserialize(json.loads(json.dumps(keras.losses.serialize(loss))))
        assert again.class_weight == {0: 2.0, 2: 0.5}
        assert float(again(y, x)) == float(loss(y, x))
        listed = getattr(F, name)(from_logits=True, class_weight=[2.0, 1.0, 0.5, 1.0])
        assert float(listed(y, x)) == float(loss(y, x))


def test_what_differs_on_purpose():
    """As listed in docs/frameworks/keras.md, except for what has a separate test."""
    y, p = np.array([0, 1]), np.array([[0.5, 0.5], [0.2, 0.8]], "float32")
    ours, theirs = (m.SparseCategoricalCrossentropy(reduction=None) for m in (F, keras.losses))
    weight = np.ones((2, 1), "float32")
    assert tuple(ours(y, p, sample_weight=weight).shape) == (2,)
    assert tuple(theirs(y, p, sample_weight=weight).shape) == (2, 1)
    ours, theirs = (m.SparseCategoricalCrossentropy(reduction="sum") for m in (F, keras.losses))
    assert float(ours(y[:0], p[:0])) == 0.0
    assert tuple(theirs(y[:0], p[:0]).shape) == (0,)
    first = F.SparseCategoricalCrossentropy(axis=0)
    assert float(first(y, p.T)) == pytest.approx(float(F.SparseCategoricalCrossentropy()(y, p)))
    if not GENERAL:
        return
    ours, theirs = (m.CategoricalGeneralizedCrossEntropy(reduction=None) for m in (F, keras.losses))
    assert tuple(ours(y[:, None], p).shape) == (2,)
    assert tuple(theirs(y[:, None], p).shape) == (2, 2)
    assert np.isfinite(array(theirs(y, 3 * p))).all()
    if BACKEND == "torch":
        with pytest.raises(ValueError, match=r"y_pred .* got 1.5 at position \(0, 0\)"):
            ours(y, 3 * p)
    else:
        assert np.isnan(array(ours(y, 3 * p))).all()
    assert float(F.CategoricalGeneralizedCrossEntropy(q=1.0)(y, p)) == pytest.approx(0.35)
    with pytest.raises(ValueError, match="q must be"):
        keras.losses.CategoricalGeneralizedCrossEntropy(q=1.0)
