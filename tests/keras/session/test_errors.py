"""What does not fit raises and says so; a bad target never gives a wrong number."""

import keras
import numpy as np
import pytest
from derivatives import BACKEND, value_and_grad

import focalis.keras as F
from focalis import Loss, margin

X = np.zeros((6, 3), "float32")
WRONG_SETTINGS = [
    ("BinaryFocalCrossentropy", {"gamma": -1.0}, ValueError, "gamma of focal"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 2.0}, ValueError, "alpha"),
    ("BinaryCrossentropy", {"label_smoothing": 1.5}, ValueError, "label_smoothing"),
    ("BinaryCrossentropy", {"from_logits": "yes"}, TypeError, "from_logits"),
    ("BinaryCrossentropy", {"axis": True}, TypeError, "axis"),
    ("BinaryCrossentropy", {"reduction": "batchmean"}, ValueError, "reduction"),
    ("CategoricalCrossentropy", {"class_weight": -1.0}, ValueError, "class_weight"),
    ("CategoricalCrossentropy", {"class_weight": {0: -1.0}}, ValueError, "class_weight"),
    ("CategoricalCrossentropy", {"class_weight": {-1: 1.0}}, ValueError, "class_weight .* got -1"),
    ("CategoricalCrossentropy", {"class_weight": {"a": 1.0}}, TypeError, "class_weight .* 'a'"),
    ("BinaryCrossentropy", {"class_weight": {0: 1.0}}, TypeError, "class_weight .* mapping"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 0.5}, ValueError, "ignore_class"),
    ("SparseCategoricalCrossentropy", {"ignore_class": "void"}, TypeError, "ignore_class"),
    (
        "CategoricalGeneralizedCrossEntropy",
        {"q": 0.0},
        ValueError,
        "q of generalized_cross_entropy",
    ),
    ("LossWrapper", {"loss": 3}, TypeError, "loss"),
    ("LossWrapper", {"loss": "nothing(gamma=2)"}, ValueError, "nothing"),
]


@pytest.mark.parametrize(("name", "settings", "error", "words"), WRONG_SETTINGS)
def test_settings(name, settings, error, words):
    with pytest.raises(error, match=words):
        getattr(F, name)(**settings)


WRONG_CALLS = [
    ("BinaryCrossentropy", {}, (np.zeros((6, 2)), X), "y_true must have the shape"),
    ("BinaryCrossentropy", {}, (np.zeros(6), X), "y_true must have the shape"),
    ("CategoricalCrossentropy", {}, (np.zeros(6), X), "y_true must have the shape"),
    ("SparseCategoricalCrossentropy", {}, (np.zeros((6, 3)), X), "y_true must have the shape"),
    ("SparseCategoricalCrossentropy", {"axis": 2}, (np.zeros(6), X), "axis 2"),
    ("BinaryCrossentropy", {}, (X, X, np.ones(3)), "sample_weight must have the shape"),
    ("BinaryCrossentropy", {}, (X, X, np.ones((6, 3))), "sample_weight must have the shape"),
    ("CategoricalCrossentropy", {"class_weight": [1.0, 2.0]}, (X, X), "class_weight"),
    (
        "CategoricalCrossentropy",
        {"class_weight": {3: 2.0}},
        (X, X),
        r"class_weight must name classes in \[0, 3\)",
    ),
    (
        "SparseCategoricalCrossentropy",
        {},
        (np.zeros((6, 3), int), np.zeros((6, 3, 2)), np.ones(6)),
        r"sample_weight must .* got \(6,\) \(one for each sample is \(6, 1\)\)",
    ),
]


@pytest.mark.parametrize(("name", "settings", "given", "words"), WRONG_CALLS)
def test_calls(name, settings, given, words):
    with pytest.raises(ValueError, match=words):
        getattr(F, name)(**settings)(*given)


def check_bad(loss, y, weight, message):
    """Fail unless a bad number raises where it can be read, and gives NaN in a graph."""
    with pytest.raises(ValueError, match=message):
        loss(y, X, sample_weight=weight)
    with pytest.raises(ValueError, match=message):
        value_and_grad(lambda x: loss(y, x, sample_weight=weight), X)
    if BACKEND == "jax":
        import jax

        traced = jax.jit(lambda y, x, w: loss(y, x, sample_weight=w))
    elif BACKEND == "tensorflow":
        import tensorflow as tf

        traced = tf.function(lambda y, x, w: loss(y, x, sample_weight=w))
    else:
        return
    assert np.isnan(float(traced(np.array(y), X, weight)))


@pytest.mark.parametrize("label", [3, -1, 1.5, np.nan])
def test_a_label_that_is_no_class(label):
    labels = np.array([0, 1, label, 0, 2, 1])
    found = rf"y_true must be class indices in \[0, 3\), got {label:g}.* at position 2"
    check_bad(F.SparseCategoricalCrossentropy(from_logits=True), labels, np.ones(6), found)


def test_an_answer_that_is_none():
    y = X.copy()
    y[1, 2] = 2
    found = r"y_true must be numbers in \[0, 1\], got 2.0 at position \(1, 2\)"
    check_bad(F.BinaryCrossentropy(from_logits=True), y, np.ones(6), found)
    y[1, 2] = -1
    found = r"y_true must be non-negative finite numbers, got -1.0 at position \(1, 2\)"
    check_bad(F.CategoricalCrossentropy(from_logits=True), y, np.ones(6), found)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_a_weight_that_is_none(bad):
    """If it is masked, it may be anything."""
    weight = np.array([1.0, bad, 1.0, 2.0, 0.0, 1.0], "float32")
    labels = np.array([0, -7, 1, 0, 2, 1])
    settings = {"from_logits": True, "reduction": "mean_with_sample_weight"}
    for loss, y in (
        (F.BinaryCrossentropy(**settings), X),
        (F.SparseCategoricalCrossentropy(**settings), abs(labels) % 3),
    ):
        check_bad(loss, y, weight, f"sample_weight must be non-negative .* got {bad}")
    ignoring = F.SparseCategoricalCrossentropy(**settings, ignore_class=-7)
    assert float(ignoring(labels, X, sample_weight=weight)) == pytest.approx(np.log(3), rel=1e-6)


def test_what_does_not_count_may_be_no_label():
    labels = np.array([0.0, 1.5, 1.0, np.nan, 2.0, 1.0])
    weight = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0])
    loss = F.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    assert float(loss(labels, X, sample_weight=weight)) == pytest.approx(np.log(3), rel=1e-6)


def test_a_weight_that_losses_share_counts_for_each():
    """Keras divides by the sum of the weights as they are passed: by 4 here, not by 12."""
    x = np.zeros((2, 3, 4), "float32")
    loss = F.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    for weight in ([1.0, 3.0, 2.0], [[1.0], [3.0]], 2.0):
        value = float(loss(np.zeros((2, 3), int), x, sample_weight=np.array(weight)))
        assert value == pytest.approx(np.log(4), rel=1e-6)


def test_a_loss_that_ignores():
    """The index that a Loss ignores is the class that its wrapper ignores."""
    loss = F.LossWrapper(Loss("softmax", margin.cross_entropy(), ignore_index=-100))
    assert loss.ignore_class == -100
    assert float(loss(np.array([-100, 0, 0, -100, 1, 2]), X)) == pytest.approx(np.log(3), rel=1e-6)
    assert keras.losses.deserialize(keras.losses.serialize(loss)).ignore_class == -100
