"""Sums have the digits they promise, whatever their shape and however large their terms."""

import numpy as np
import pytest
import registry

from focalis import Loss, margin

FOCAL = margin.focal(gamma=2.0)
LONG = 1 << 20


def in_both_types(loss, x, targets, engine="auto", **options):
    """Return value and gradient of float32 logits, and of the same numbers as float64."""
    single = loss.value_and_grad(x, targets, engine=engine, **options)
    wide = targets.astype(np.float64) if targets.dtype.kind == "f" else targets
    return single, loss.value_and_grad(x.astype(np.float64), wide, engine=engine, **options)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("shape", [(LONG,), (1, LONG), (2, LONG // 2), (LONG // 2, 2)])
def test_yes_no_questions_of_every_shape(shape, soft):
    rng = np.random.default_rng(3)
    x = (rng.normal(size=shape) * 3).astype(np.float32)
    targets = (rng.random(shape) if soft else rng.integers(0, 2, shape)).astype(np.float32)
    (value, _), (expected, _) = in_both_types(Loss("sigmoid", FOCAL), x, targets)
    np.testing.assert_allclose(value, expected, rtol=5e-7)


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [32_000, 262_144])
def test_smoothed_labels_of_many_classes(n_classes):
    rng = np.random.default_rng(4)
    x = (rng.normal(size=(2, n_classes)) * 3).astype(np.float32)
    loss = Loss("softmax", FOCAL, label_smoothing=0.1)
    (value, gradient), (expected, exact) = in_both_types(loss, x, np.array([0, n_classes - 1]))
    np.testing.assert_allclose(value, expected, rtol=5e-7)
    np.testing.assert_allclose(gradient, exact, rtol=1e-5, atol=1e-6 * abs(exact).max())


@pytest.mark.parametrize(
    ("engine", "link"),
    [*registry.grid(["numpy"], registry.LINKS), ("numba", "sigmoid"), ("numba", "softmax")],
)
@pytest.mark.parametrize("size", [1e-46, 1e-40, 1e38])
def test_a_mean_does_not_depend_on_the_size_of_the_weights(size, link, engine):
    rng = np.random.default_rng(5)
    x = (rng.dirichlet([1] * 3, 7) * 0.9).astype(np.float32)
    targets = np.arange(7) % 3 if link in registry.ROW_LINKS else np.eye(3)[np.arange(7) % 3]
    loss = Loss(link, FOCAL)
    expected = loss.value_and_grad(x, targets, sample_weight=np.ones(7), engine=engine)
    tiny = np.full(7, size)
    value, gradient = loss.value_and_grad(x, targets, sample_weight=tiny, engine=engine)
    if link in registry.ROW_LINKS:
        np.testing.assert_allclose(value, expected[0], rtol=1e-6)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-6, atol=1e-30)
        by_class = Loss(link, FOCAL, class_weight=(size,) * 3)
        value, gradient = by_class.value_and_grad(x, targets, engine=engine)
        np.testing.assert_allclose(value, expected[0], rtol=1e-6)
    else:  # divided by their number
        np.testing.assert_allclose(value, expected[0] * size, rtol=1e-6)
    np.testing.assert_array_equal(np.isfinite(gradient), True)


def test_a_small_weight_keeps_its_digits_beside_a_weight_of_0():
    x, labels, weights = np.zeros((3, 3), np.float32), np.arange(3), (0.0, 1e-44, 1.0)
    x[2, 2] = 1e4  # which has no loss
    loss = Loss("softmax", FOCAL, reduction="sum")
    by_class = Loss("softmax", FOCAL, reduction="sum", class_weight=weights)
    expected = pytest.approx(1e-44 * np.log(3) * 4 / 9, rel=1e-6, abs=0)
    assert loss(x, labels, sample_weight=weights, engine="numpy") == expected
    assert by_class(x, labels, engine="numpy") == expected


@pytest.mark.slow
@pytest.mark.parametrize("targets", [np.zeros((3, 2)), np.full((3, 2), 0.3), np.zeros(3, int)])
@pytest.mark.parametrize("reduction", registry.REDUCTIONS)
def test_engines_agree_at_the_end_of_the_numbers(reduction, targets):
    """A sum may exceed every float32, although none of its terms does."""
    x = np.array([[3e38, 1], [-1e38, 2e38], [-1e38, 2e38]], np.float32)
    loss = Loss("softmax" if targets.ndim == 1 else "sigmoid", FOCAL, reduction=reduction)
    value, gradient = loss.value_and_grad(x, targets, engine="numba")
    expected, exact = loss.value_and_grad(x, targets, engine="numpy")
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, exact, rtol=1e-6)


@pytest.mark.parametrize(
    ("engine", "link"), [("numpy", "sigmoid"), ("numpy", "softmax"), ("numba", "sigmoid")]
)
@pytest.mark.parametrize(
    ("huge", "limit"),
    [
        (margin.focal(1e100), 0.0),  # nothing is left of a certain answer
        (margin.focal_star(1e100), 0.0),
        (margin.generalized_cross_entropy(1e-100), -np.log(0.75)),  # cross-entropy
    ],
    ids=str,
)
def test_parameters_beyond_float32(huge, limit, link, engine):
    x = np.log(np.array([[3.0, 1.0]], np.float32))[:, : 1 if link == "sigmoid" else None]
    targets = np.ones((1, 1), np.float32) if link == "sigmoid" else np.array([0])
    if link == "sigmoid":
        x[:] = np.log(3.0)
    value, gradient = Loss(link, huge).value_and_grad(x, targets, engine=engine)
    np.testing.assert_allclose(value, limit, atol=1e-7)
    assert np.isfinite(gradient).all()
    assert np.isfinite(Loss(link, huge).grad_and_hess(x, targets, engine=engine)[1]).all()


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize(
    ("loss", "parameter"),
    [
        (margin.focal(1e200), "gamma"),
        (margin.focal_star(1e-200), "gamma"),
        (margin.focal_star(1.0, -1e200), "beta"),
        (margin.poly1(1e200), "epsilon"),
        (margin.generalized_cross_entropy(1e-200), "kappa"),
    ],
    ids=str,
)
def test_parameters_beyond_float64(loss, parameter, dtype):
    with pytest.raises(ValueError, match=f"{parameter} of {loss.name} must be"):
        Loss("sigmoid", loss)(np.zeros(3, dtype), np.ones(3))


@pytest.mark.parametrize(
    ("engine", "link", "dtype"),
    [
        *registry.grid(["numpy"], registry.LINKS, registry.DTYPES),
        ("numba", "sigmoid", np.float32),
        ("numba", "softmax", np.float64),
    ],
    ids=registry.name,
)
@pytest.mark.parametrize(
    "same", [margin.focal(0.0), margin.poly1(0.0), margin.tempered(1.0)], ids=str
)
def test_what_is_cross_entropy_is_it_to_the_last_bit(same, link, dtype, engine):
    rng = np.random.default_rng(6)
    x = rng.dirichlet([0.3] * 3, 120).astype(dtype)
    targets, labels = rng.dirichlet([0.7] * 3, 120).astype(dtype), np.arange(120) % 3
    forms = (targets, np.eye(3, dtype=dtype)[labels])
    if (engine, link) == ("numba", "softmax"):
        forms = (labels,)  # the loops over soft targets are those of any loss
    for given in forms:
        for method in ("value_and_grad", "grad_and_hess"):
            results = [
                getattr(Loss(link, m, reduction="none"), method)(x, given, engine=engine)
                for m in (same, margin.cross_entropy())
            ]
            for got, expected in zip(*results, strict=True):
                np.testing.assert_array_equal(got, expected)
