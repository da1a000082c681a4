"""What does not fit raises and says so; a wrong target is never a wrong number."""

import keras
import numpy as np
import pytest
from derivatives import BACKEND

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
]


@pytest.mark.parametrize(("name", "settings", "given", "words"), WRONG_CALLS)
def test_calls(name, settings, given, words):
    with pytest.raises(ValueError, match=words):
        getattr(F, name)(**settings)(*given)


@pytest.mark.parametrize("label", [3, -1, 1.5, np.nan])
def test_a_label_that_is_no_class(label):
    loss = F.SparseCategoricalCrossentropy(from_logits=True)
    labels = np.array([0, 1, label, 0, 2, 1])
    if BACKEND == "torch":
        with pytest.raises(ValueError, match="targets must be class indices"):
            loss(labels, X)
    else:
        assert np.isnan(float(loss(labels, X)))


def test_an_answer_that_is_none():
    loss = F.BinaryCrossentropy(from_logits=True)
    if BACKEND == "torch":
        with pytest.raises(ValueError, match=r"targets must be numbers in \[0, 1\]"):
            loss(X + 2, X)
    else:
        assert np.isnan(float(loss(X + 2, X)))


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_a_weight_that_is_none(bad):
    """Masked, it may be anything."""
    weight = np.array([1.0, bad, 1.0, 2.0, 0.0, 1.0], "float32")
    labels = np.array([0, -7, 1, 0, 2, 1])
    settings = {"from_logits": True, "reduction": "mean_with_sample_weight"}
    for loss, y in (
        (F.BinaryCrossentropy(**settings), X),
        (F.SparseCategoricalCrossentropy(**settings), abs(labels) % 3),
    ):
        if BACKEND == "torch":
            with pytest.raises(ValueError, match="sample_weight must be non-negative"):
                loss(y, X, sample_weight=weight)
        else:
            assert np.isnan(float(loss(y, X, sample_weight=weight)))
    ignoring = F.SparseCategoricalCrossentropy(**settings, ignore_class=-7)
    assert float(ignoring(labels, X, sample_weight=weight)) == pytest.approx(np.log(3), rel=1e-6)


def test_a_weight_that_losses_share_counts_for_each():
    """Keras divides by the sum of the weights as they are given: by 4 here, not by 12."""
    x = np.zeros((2, 3, 4), "float32")
    loss = F.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    for weight in ([1.0, 3.0], [[1.0], [3.0]], 2.0):
        value = float(loss(np.zeros((2, 3), int), x, sample_weight=np.array(weight)))
        assert value == pytest.approx(np.log(4), rel=1e-6)


def test_a_loss_that_ignores():
    """The index that a Loss ignores is the class that its wrapper ignores."""
    loss = F.LossWrapper(Loss("softmax", margin.cross_entropy(), ignore_index=-100))
    assert loss.ignore_class == -100
    assert float(loss(np.array([-100, 0, 0, -100, 1, 2]), X)) == pytest.approx(np.log(3), rel=1e-6)
    assert keras.losses.deserialize(keras.losses.serialize(loss)).ignore_class == -100
