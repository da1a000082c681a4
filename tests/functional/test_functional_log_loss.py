"""Losses of probabilities: what `eps` clips, and what it leaves alone."""

import ml_dtypes
import numpy as np
import pytest

from focalis import binary_log_loss, log_loss


def test_a_truth_of_probability_0_is_inf():
    assert binary_log_loss([0.0, 0.5], [1, 1], engine="numpy") == np.inf
    assert log_loss([[0.0, 1.0]], [0], engine="numpy") == np.inf
    assert log_loss([[0.0, 1.0]], [1], engine="numpy") == 0.0


@pytest.mark.parametrize("eps", [1e-7, 1e-15, 0.1, 0.5])
def test_both_ends_are_clipped(eps):
    p = np.array([0.0, 1.0, 0.0, 1.0, 0.5])
    y = np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    actual = binary_log_loss(p, y, eps=eps, reduction="none", engine="numpy")
    # 1 − eps is rounded before it is used, as in any function that clips.
    far = -np.log1p(-(1 - eps))
    expected = [-np.log(eps), far, -np.log1p(-eps), -np.log(1 - eps), -np.log(0.5)]
    np.testing.assert_allclose(actual, expected, rtol=1e-13)
    rows = log_loss([[0.0, 1.0], [1.0, 0.0]], [0, 0], eps=eps, reduction="none", engine="numpy")
    np.testing.assert_allclose(rows, [-np.log(eps), -np.log(1 - eps)], rtol=1e-13)


def test_it_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(8)
    p, t = rng.dirichlet([1.0] * 4, size=30), rng.integers(4, size=30)
    w = rng.random(30)
    eps = np.finfo(np.float64).eps
    for weight in (None, w):
        expected = metrics.log_loss(t, p, sample_weight=weight, labels=range(4))
        actual = log_loss(p, t, eps=eps, sample_weight=weight, engine="numpy")
        assert actual == pytest.approx(expected, rel=1e-13)
    q, y = rng.random(30), rng.integers(2, size=30)
    q[:2], y[:2] = (0.0, 1.0), (1, 0)
    expected = metrics.log_loss(y, q)
    assert binary_log_loss(q, y, eps=eps, engine="numpy") == pytest.approx(expected, rel=1e-13)


def test_no_class_axis_is_renormalised():
    assert log_loss([[0.5, 0.1]], [0], engine="numpy") == pytest.approx(np.log(2), rel=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("eps", [0.0, 1e-7])
def test_types(dtype, eps):
    p = np.array([0.25, 0.0, 0.5]).astype(dtype)
    y = np.array([1.0, 0.0, 1.0])
    rows = binary_log_loss(p, y, eps=eps, reduction="none", engine="numpy")
    assert rows.dtype == dtype
    np.testing.assert_allclose(rows.astype(float), [np.log(4), eps, np.log(2)], 1e-2, 3e-8)
    assert binary_log_loss(p, y, eps=eps, engine="numpy").dtype == np.float64
    rows = log_loss(p[None], [0], eps=eps, reduction="none", engine="numpy")
    assert rows.dtype == dtype


def test_half_types_are_clipped_before_they_are_rounded():
    """In float16 1 − 1e-7 is 1, and a wrong answer would cost infinity."""
    p = np.array([1.0], np.float16)
    value = binary_log_loss(p, [0], eps=1e-6, engine="numpy")
    assert value == pytest.approx(-np.log(1e-6), rel=0.01)


def test_clipping_hides_no_bad_probability():
    for bad in (1.5, -0.5):
        with pytest.raises(ValueError, match=rf"{bad} at position"):
            binary_log_loss([0.5, bad], [1, 1], eps=1e-3, engine="numpy")
        with pytest.raises(ValueError, match=rf"{bad} at position"):
            log_loss([[0.5, bad]], [1], eps=1e-3, engine="numpy")


def test_what_is_masked_may_be_anything():
    where = np.array([True, False])
    value = binary_log_loss([0.0, np.nan], [1, 1], where=where, eps=0.1, engine="numpy")
    assert value == pytest.approx(-np.log(0.1))


def test_the_probabilities_are_not_overwritten():
    p = np.array([0.0, 1.0])
    binary_log_loss(p, [1, 0], eps=0.1, engine="numpy")
    assert p.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("function", [binary_log_loss, log_loss])
@pytest.mark.parametrize("eps", [-1e-7, 0.6, float("nan"), float("inf")])
def test_eps_out_of_range(function, eps):
    with pytest.raises(ValueError, match=r"^eps must be a number in \[0, 0\.5\], got"):
        function([[0.5]], [[1.0]], eps=eps, engine="numpy")


@pytest.mark.parametrize("function", [binary_log_loss, log_loss])
def test_types_that_are_none(function):
    with pytest.raises(TypeError, match=r"^eps must be"):
        function([[0.5]], [[1.0]], eps="small", engine="numpy")
    with pytest.raises(TypeError, match=r"^probabilities must be real"):
        function([["a"]], [[1.0]], eps=1e-7, engine="numpy")
