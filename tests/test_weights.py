"""Weights computed from the data."""

import itertools
import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import focalis
from focalis import weights

COUNTS = st.lists(st.integers(1, 10**9), min_size=1, max_size=6)
BETAS = [0.0, 1e-20, 0.3, 0.5, 0.9, 0.999, 0.9999, 1 - 1e-9, 1 - 2**-53]
BY_CLASS = (weights.inverse_frequency, weights.effective_number)


def test_it_comes_with_the_package():
    script = "import focalis; print(focalis.weights.prior_logit(.5))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0.0\n"
    assert "weights" in focalis.__all__


@given(COUNTS)
def test_inverse_frequencies_have_a_mean_of_1_over_the_samples(counts):
    n = np.array(counts, float)
    w = weights.inverse_frequency(counts=counts)
    np.testing.assert_allclose((w * n).sum() / n.sum(), 1.0, rtol=1e-14)
    np.testing.assert_allclose(w * n, (w * n)[0], rtol=1e-14)


def test_inverse_frequencies_are_scikit_learns():
    utils = pytest.importorskip("sklearn.utils.class_weight")
    labels = np.random.default_rng(0).choice(4, size=200, p=[0.7, 0.2, 0.05, 0.05])
    theirs = utils.compute_class_weight("balanced", classes=np.arange(4), y=labels)
    np.testing.assert_allclose(weights.inverse_frequency(labels), theirs, rtol=1e-14)


def test_the_share_of_the_negatives_is_alpha():
    w = weights.inverse_frequency([0] * 9 + [1])
    assert w[1] / w.sum() == pytest.approx(0.9, rel=1e-15)


@pytest.mark.parametrize("beta", BETAS)
def test_effective_numbers_to_40_digits(beta):
    counts = [1, 2, 50, 5000, 10**6, 10**9]
    with mpmath.workdps(40):
        inverse = [1 / (1 - mpmath.mpf(beta) ** n) for n in counts]
        truth = [float(len(counts) * x / sum(inverse)) for x in inverse]
    actual = weights.effective_number(counts=counts, beta=beta)
    np.testing.assert_allclose(actual, truth, rtol=1e-13)


@given(COUNTS, st.floats(0, 1, exclude_max=True))
def test_effective_numbers_sum_to_the_number_of_classes(counts, beta):
    w = weights.effective_number(counts=counts, beta=beta)
    assert w.sum() == pytest.approx(len(counts), rel=1e-13)
    assert np.all(w > 0)
    assert all(a >= b for _, a, b in _pairs(counts, w))


def _pairs(counts, w):
    order = np.argsort(counts)
    return [(counts[j], w[i], w[j] * (1 - 1e-14)) for i, j in itertools.pairwise(order)]


def test_the_ends_of_beta():
    counts = [100, 10, 1]
    np.testing.assert_array_equal(weights.effective_number(counts=counts, beta=0.0), np.ones(3))
    near_1 = weights.effective_number(counts=counts, beta=1 - 1e-12)
    inverse = weights.inverse_frequency(counts=counts)
    np.testing.assert_allclose(near_1, inverse / inverse.mean(), rtol=1e-9)


@pytest.mark.parametrize("function", BY_CLASS)
def test_targets_are_counted(function):
    labels = np.array([0, 2, 2, 1, 0, 0])
    expected = function(counts=[3, 1, 2])
    for given_ in (labels, labels.astype(np.uint8), labels.tolist(), labels[::-1]):
        np.testing.assert_array_equal(function(given_), expected)
    np.testing.assert_array_equal(function(labels, n_classes=3), expected)
    np.testing.assert_array_equal(function(counts=[3, 1, 2], n_classes=3), expected)
    np.testing.assert_array_equal(function(labels > 0), function(counts=[3, 3]))


@pytest.mark.parametrize("function", BY_CLASS)
def test_a_sample_weight_of_2_is_a_row_twice(function):
    labels = np.array([0, 1, 1, 2, -100])
    actual = function(labels, sample_weight=[2, 1, 0.5, 3, 0])
    np.testing.assert_array_equal(actual, function(counts=[2, 1.5, 3]))


@pytest.mark.parametrize("function", BY_CLASS)
@pytest.mark.parametrize(
    ("args", "options", "kind", "message"),
    [
        ((), {}, TypeError, "one of targets and counts, got neither"),
        (([0],), {"counts": [1]}, TypeError, "one of targets and counts, got both"),
        (([0, 2, 2],), {}, ValueError, "every class must occur, got none of class 1 of 3"),
        (([0, 1],), {"n_classes": 3}, ValueError, "none of class 2 of 3"),
        (([0, 1],), {"sample_weight": [1, 0], "n_classes": 2}, ValueError, "none of class 1"),
        ((), {"counts": [3, 0]}, ValueError, "none of class 1 of 2"),
        (([],), {}, ValueError, "at least one class, got none"),
        ((), {"counts": []}, ValueError, "at least one class, got none"),
        (([0, 3, 1],), {"n_classes": 2}, ValueError, r"targets .*\[0, 2\), got 3 at position 1"),
        (([0, -1],), {}, ValueError, r"targets .*\[0, inf\), got -1 at position 1"),
        (([0.0, 1.0],), {}, TypeError, "targets must be class indices, integers, got float64"),
        ((["a"],), {}, TypeError, "targets must be real numbers"),
        (([[0, 1]],), {}, ValueError, r"targets .*shape \(1, 2\)"),
        (([0, 1],), {"sample_weight": [1]}, ValueError, r"sample_weight .*\(2,\), got \(1,\)"),
        (([0, 1],), {"sample_weight": [1, -1]}, ValueError, "sample_weight .*-1.0 at position 1"),
        ((), {"counts": [1, np.nan]}, ValueError, "counts .*nan at position 1"),
        ((), {"counts": [[1, 2]]}, ValueError, r"counts must be one-dimensional, .*\(1, 2\)"),
        ((), {"counts": [1], "sample_weight": [1]}, TypeError, "sample_weight goes with targets"),
        ((), {"counts": [1, 2], "n_classes": 3}, ValueError, "n_classes must be 2, .* got 3"),
        (([0],), {"n_classes": 0}, ValueError, "n_classes must be an integer .* got 0"),
        (([0],), {"n_classes": 2.0}, TypeError, "n_classes must be an integer .* got float"),
    ],
)
def test_errors(function, args, options, kind, message):
    with pytest.raises(kind, match=message):
        function(*args, **options)


@pytest.mark.parametrize("beta", [1, 1.5, -0.1, math.nan])
def test_beta_out_of_range(beta):
    with pytest.raises(ValueError, match=r"beta must be a number in \[0, 1\), got"):
        weights.effective_number([0, 1], beta)


@pytest.mark.parametrize(
    "pi", [1e-300, 1e-10, 0.01, 0.2499, 0.2501, 0.49999, 0.5, 0.500001, 0.7, 0.9, 1 - 1e-12]
)
def test_prior_logits_to_40_digits(pi):
    with mpmath.workdps(40):
        truth = -mpmath.log((1 - mpmath.mpf(pi)) / mpmath.mpf(pi))
    assert weights.prior_logit(pi) == pytest.approx(float(truth), rel=1e-14)


def test_the_prior_of_the_paper():
    assert weights.prior_logit() == weights.prior_logit(0.01)
    probability = focalis.Loss("sigmoid", focalis.margin.focal()).probabilities(
        weights.prior_logit()
    )
    assert probability == pytest.approx(0.01, rel=1e-14)


@pytest.mark.parametrize("pi", [0, 1, -0.1, 1.1, math.nan])
def test_priors_out_of_range(pi):
    with pytest.raises(ValueError, match=r"pi must be a number in \(0, 1\), got"):
        weights.prior_logit(pi)


@pytest.mark.parametrize("pi", ["a", None, [0.5], True])
def test_priors_of_a_wrong_type(pi):
    with pytest.raises(TypeError, match=r"pi must be a number in \(0, 1\), got"):
        weights.prior_logit(pi)
