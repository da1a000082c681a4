"""Shapes, layouts and types of arrays."""

import functools

import ml_dtypes
import numpy as np
import pytest
import registry
from oracle import Margin

from focalis import Loss

FOCAL = registry.FOCAL
HALVES = [np.float16, ml_dtypes.bfloat16]

every_engine = pytest.mark.parametrize("engine", registry.ENGINES)
every_link = pytest.mark.parametrize("link", registry.LINKS)
every_half = pytest.mark.parametrize("half", HALVES, ids=registry.name)


def sample(link, shape, dtype=np.float64, dense=True):
    """Return inputs and targets of a shape whose last axis is that of the classes."""
    rng = np.random.default_rng(51)
    x = rng.normal(size=shape) * 3
    if link in registry.PROBABILITY_LINKS:
        x = 1 / (1 + np.exp(-x))
    if link in registry.ROW_LINKS:
        x = x / x.sum(axis=-1, keepdims=True) if link == "simplex" else x
        labels = rng.integers(shape[-1], size=shape[:-1])
        targets = np.eye(shape[-1])[labels] if dense else labels
    else:
        targets = rng.integers(2, size=shape).astype(float)
    return x.astype(dtype), targets.astype(dtype) if dense else targets


def everything(loss, x, targets, **options):
    return [*loss.value_and_grad(x, targets, **options), *loss.grad_and_hess(x, targets, **options)]


def assert_same(got, expected):
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


LAYOUTS = {
    "fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "negative strides": lambda a: a[::-1].copy()[::-1],
    "negative class stride": lambda a: a[..., ::-1].copy()[..., ::-1],
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "unaligned": lambda a: unaligned(a),
}


def unaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    out = np.ndarray(a.shape, a.dtype, raw.data, offset=1)
    out[...] = a
    return out


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dense", [True, False], ids=["dense", "labels"])
@pytest.mark.parametrize(("engine", "dtype"), registry.DTYPES_ON_ENGINES, ids=registry.name)
@every_link
def test_layouts(link, dtype, dense, layout, engine):
    x, targets = sample(link, (13, 5), dtype, dense)
    change = LAYOUTS[layout]
    weight = np.linspace(0, 2, 13)
    for reduction in ("none", "mean"):
        loss = Loss(link, registry.build(FOCAL), reduction=reduction)
        expected = everything(loss, x, targets, engine=engine, sample_weight=weight)
        got = everything(loss, change(x), change(targets), engine=engine, sample_weight=weight)
        assert_same(got, expected)
        assert_same(everything(loss, x, targets, engine=engine, sample_weight=change(weight)), got)


@every_engine
@every_link
def test_inputs_are_never_written_to(link, engine):
    for dense in (True, False):
        arrays = [*sample(link, (13, 5), dense=dense), np.linspace(0, 2, 13)]
        mask = np.arange(13) % 3 > 0
        mask = mask if link in registry.ROW_LINKS else np.repeat(mask, 5).reshape(13, 5)
        arrays.append(mask)
        copies = [a.copy() for a in arrays]
        for a in arrays:
            a.flags.writeable = False
        x, targets, weight, where = arrays
        options = {"label_smoothing": 0.1, "class_weight": (1, 2, 3, 4, 5), "reduction": "none"}
        loss = Loss(link, registry.build(FOCAL), **options)
        everything(loss, x, targets, sample_weight=weight, where=where, engine=engine)
        assert_same(arrays, copies)


@every_engine
@pytest.mark.parametrize("shape", [(4, 3, 5), (2, 3, 4, 5), (1, 5), (7, 1), (1, 1)])
@pytest.mark.parametrize("dense", [True, False], ids=["dense", "labels"])
@every_link
def test_more_axes_are_rows(link, dense, shape, engine):
    x, targets = sample(link, shape, dense=dense)
    rows = link in registry.ROW_LINKS
    flat_targets = targets.reshape(-1) if rows and not dense else targets.reshape(-1, shape[-1])
    for reduction in ("none", "sum", "mean"):
        loss = Loss(link, registry.build(FOCAL), reduction=reduction)
        expected = everything(loss, x.reshape(-1, shape[-1]), flat_targets, engine=engine)
        got = everything(loss, x, targets, engine=engine)
        assert [np.shape(a) for a in got[1:]] == [x.shape] * 3
        if reduction == "none":
            assert got[0].shape == (x.shape[:-1] if rows else x.shape)
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(np.ravel(a), np.ravel(b), rtol=1e-15)


@every_engine
@pytest.mark.parametrize("link", ["sigmoid", "identity"])
def test_no_axis_and_one_axis(link, engine):
    loss = Loss(link, registry.build(FOCAL), reduction="none")
    x, y = np.array([0.3, 0.9, 0.2]), np.array([1.0, 0.0, 0.25])
    expected = everything(loss, x, y, engine=engine)
    assert [a.shape for a in expected] == [(3,)] * 4
    for i in range(3):
        got = everything(loss, x[i], y[i], engine=engine)
        assert [np.shape(a) for a in got] == [()] * 4
        assert_same(got, [a[i] for a in expected])
    got = everything(loss, x[:, None], y[:, None], engine=engine)
    assert_same([a[:, 0] for a in got], expected)


@every_engine
@pytest.mark.parametrize("link", registry.ROW_LINKS)
def test_one_row_without_a_batch_axis(link, engine):
    loss = Loss(link, registry.build(FOCAL), reduction="none")
    x = np.array([0.2, 0.5, 0.3])
    expected = everything(loss, x[None], np.array([1]), engine=engine)
    for targets in (1, np.array([0.0, 1.0, 0.0])):
        got = everything(loss, x, targets, engine=engine)
        assert [np.shape(a) for a in got] == [(), (3,), (3,), (3,)]
        assert_same(got, [a[0] for a in expected])


@every_engine
@pytest.mark.parametrize("reduction", registry.REDUCTIONS)
@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@every_link
def test_empty(link, dtype, reduction, engine):
    loss = Loss(link, registry.build(FOCAL), reduction=reduction)
    rows = link in registry.ROW_LINKS
    shapes = [(0, 3), (2, 0, 3)] if rows else [(0,), (0, 3), (2, 0)]
    for shape in shapes:
        x = np.empty(shape, dtype)
        forms = [np.empty(shape, dtype)] + ([np.empty(shape[:-1], int)] if rows else [])
        for targets in forms:
            value, gradient, g, h = everything(loss, x, targets, engine=engine)
            assert gradient.shape == g.shape == h.shape == shape
            assert gradient.dtype == g.dtype == h.dtype == dtype
            if reduction == "none":
                assert value.shape == (shape[:-1] if rows else shape)
            else:
                assert value == 0


@every_engine
def test_lists_and_integers_are_taken(engine):
    loss = Loss("sigmoid", registry.build(FOCAL))
    expected = loss(np.array([0.0, 2.0, -1.0]), np.array([1.0, 0.0, 1.0]), engine=engine)
    assert loss([0, 2, -1], [1, 0, 1], engine=engine) == expected
    assert loss(np.array([0, 2, -1]), np.array([True, False, True]), engine=engine) == expected
    loss = Loss("softmax", registry.build(FOCAL))
    expected = loss(np.array([[0.0, 2.0], [1.0, 3.0]]), np.array([1, 0]), engine=engine)
    assert loss([[0, 2], [1, 3]], [1, 0], engine=engine) == expected
    for kind in (np.int8, np.uint8, np.int32, np.uint64):
        labels = np.array([1, 0], kind)
        assert loss(np.array([[0.0, 2.0], [1.0, 3.0]]), labels, engine=engine) == expected


@pytest.mark.parametrize(("engine", "dtype"), registry.DTYPES_ON_ENGINES, ids=registry.name)
@every_link
def test_targets_of_another_type_are_the_same_targets(link, dtype, engine):
    x, targets = sample(link, (13, 5), dtype)
    loss = Loss(link, registry.build(FOCAL))
    expected = everything(loss, x, targets, engine=engine)
    kinds = (np.float16, np.float32, np.int64, np.uint8, bool)
    for kind in kinds if engine == "numpy" else kinds[:2]:
        if kind in (np.int64, np.uint8, bool) and link in registry.ROW_LINKS:
            continue  # integers are labels there
        assert_same(everything(loss, x, targets.astype(kind), engine=engine), expected)


@pytest.mark.parametrize(
    ("engine", "link", "dense", "half"),
    [
        *registry.grid(["numpy"], registry.LINKS, [True, False], HALVES),
        ("numba", "sigmoid", True, np.float16),
        ("numba", "sigmoid", True, ml_dtypes.bfloat16),
        ("numba", "softmax", False, np.float16),
        ("numba", "simplex", True, ml_dtypes.bfloat16),
    ],
    ids=registry.name,
)
def test_half_types_are_the_float32_result_rounded(link, dense, half, engine):
    x, targets = sample(link, (67, 5), half, dense)
    ends = np.array([0, 1e-3, 8, 17, 30, 88, 104, 200, 6e4])
    if link in registry.LOGIT_LINKS:
        x[:9, 0], x[9:18, 1] = ends, -ends
        x[18, 2], x[19, 2] = np.inf, -np.inf
    options = {"engine": engine, "sample_weight": np.linspace(0, 2, 67).astype(np.float32)}
    single = targets.astype(np.float32) if dense else targets
    for reduction in ("none", "sum") if engine == "numpy" else ("none",):
        loss = Loss(link, registry.build(FOCAL), reduction=reduction)
        # The compiled Hessians of rows are in test_halves.
        derived = loss.value_and_grad
        if engine == "numpy" or link == "sigmoid":
            derived = functools.partial(everything, loss)
        got = derived(x, targets, **options)
        expected = derived(x.astype(np.float32), single, **options)
        for a, b in zip(got, expected, strict=True):
            if np.ndim(a) == 0:
                assert np.asarray(a).dtype == np.float64
                np.testing.assert_array_equal(a, b)
                continue
            assert a.dtype == half
            with np.errstate(over="ignore"):
                rounded = b.astype(half)
            np.testing.assert_array_equal(a.astype(np.float32), rounded.astype(np.float32))


@pytest.mark.slow
@pytest.mark.parametrize(("link", "classes"), [("sigmoid", 5), ("softmax", 5), ("softmax", 60)])
def test_float32_targets_of_float64_logits_are_the_same_numbers(link, classes):
    x, _ = sample(link, (67, classes))
    hard, soft = np.zeros((2, 67, classes), np.float32)
    hard[np.arange(67), np.arange(67) % classes] = 1
    soft[:] = np.random.default_rng(58).random((67, classes))
    loss = Loss(link, registry.build(FOCAL), reduction="sum")
    for targets in (hard, soft):
        assert_same(everything(loss, x, targets), everything(loss, x, targets.astype(np.float64)))


@every_engine
@pytest.mark.parametrize("dense", [True, False], ids=["dense", "labels"])
@pytest.mark.parametrize("link", registry.PROBABILITY_LINKS)
def test_float32_probabilities_are_computed_with_in_float64(link, dense, engine):
    x, targets = sample(link, (67, 5), np.float32, dense)
    loss = Loss(link, registry.build(FOCAL), reduction="none")
    wide = targets.astype(np.float64) if dense else targets
    got = everything(loss, x, targets, engine=engine)
    expected = everything(loss, x.astype(np.float64), wide, engine=engine)
    assert all(a.dtype == np.float32 for a in got)
    assert_same(got, [b.astype(np.float32) for b in expected])


@every_engine
@every_half
def test_a_half_sum_does_not_overflow(half, engine):
    x = np.full(5000, -100, half)
    loss = Loss("sigmoid", registry.build(Margin("cross_entropy")), reduction="sum")
    assert loss(x, np.ones(5000, half), engine=engine) == 500_000


@every_half
@pytest.mark.parametrize("link", registry.LOGIT_LINKS)
def test_half_probabilities(link, half):
    x, _ = sample(link, (7, 5), half)
    loss = Loss(link, registry.build(FOCAL))
    expected = loss.probabilities(x.astype(np.float32)).astype(half)
    assert loss.probabilities(x).dtype == half
    np.testing.assert_array_equal(loss.probabilities(x), expected)


@every_engine
@pytest.mark.parametrize("size", [1, 7, 252, 507, 123, 4097, 33_001, 262_147])
@every_link
def test_odd_sizes(link, size, engine):
    """Every element has the value it has alone, whatever chunk it falls in."""
    shape = (size, 3) if link in registry.ROW_LINKS else (size,)
    loss = Loss(link, registry.build(FOCAL), reduction="none")
    for dtype in registry.DTYPES if engine == "numpy" else (np.float64,):
        x, targets = sample(link, shape, dtype)
        got = everything(loss, x, targets, engine=engine)
        for at in {0, size // 2, size - 1}:
            alone = everything(loss, x[at : at + 1], targets[at : at + 1], engine=engine)
            for a, b in zip(got, alone, strict=True):
                np.testing.assert_allclose(a[at : at + 1], b, rtol=4 * np.finfo(dtype).eps)
