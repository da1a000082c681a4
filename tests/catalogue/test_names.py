"""Names as users write them, and what is said about the gradient with respect to their scores."""

import numpy as np
import pytest

from focalis.catalogue import entries, lookup
from focalis.catalogue.describe import as_data
from focalis.catalogue.search import meant


def names_of(text):
    return [entry.name for entry in lookup(text)]


@pytest.mark.parametrize("module", ["tf.losses", "tf.metrics", "tf.keras.losses", "keras.metrics"])
def test_tensorflow_has_the_losses_of_keras(module):
    found = meant(f"{module}.BinaryCrossentropy")
    assert not found.unknown_module
    assert {entry.framework for entry, _ in found.meanings} == {"Keras"}
    assert names_of("tf.losses.log_loss") == ["tf.losses.log_loss"]


def test_a_gradient_is_told_by_the_scores_that_are_taken():
    """What is said about them, with the loss's p and g, is the real gradient."""
    (nll,) = lookup("torch.nn.NLLLoss")
    assert as_data(nll)["gradient"].endswith("; by the scores p g")
    scores = np.log([[0.7, 0.2, 0.1]])
    p = np.exp(scores)
    g = [[-1 / 0.7, 0, 0]]
    np.testing.assert_allclose(nll.evaluate(scores, [0], engine="numpy")[1], p * g)
    keras = meant("keras.losses.SparseCategoricalCrossentropy").meanings[0][0]
    told = "(g_j − Σ_k g_k p_k) / Σ_k score_k, with g = 0 where p is clipped"
    assert as_data(keras)["gradient"].endswith(f"; by the scores {told}")
    scores = np.array([[0.5, 0.2, 0.1]])
    p = scores / scores.sum()
    g = np.array([[-1 / p[0, 0], 0, 0]])
    expected = (g - (g * p).sum()) / scores.sum()
    np.testing.assert_allclose(expected, [[-0.75, 1.25, 1.25]])
    np.testing.assert_allclose(keras.evaluate(scores, [0], engine="numpy")[1], expected)
    for entry in entries():
        assert ("by the scores" in as_data(entry)["gradient"]) == (entry.scores is not None)


def test_packages_are_frameworks_too():
    assert entries(framework="sklearn") == entries(framework="scikit-learn")
    assert entries(framework="torch") == entries(framework="PyTorch")


def test_names_that_are_written_or_meant_otherwise():
    for dash in "\u2010\u2011\u2013\u2212":
        assert names_of(f"cross{dash}entropy") == names_of("cross-entropy")
    assert names_of("class balanced loss") == ["weighted cross-entropy"]
    assert any("SGDClassifier" in name for name in names_of("log_loss"))
    with pytest.raises(ValueError, match=r"without weights it is LightGBM\.cross_entropy"):
        lookup("cross_entropy_lambda")
