"""Results written into the caller's arrays: right, or refused, but never wrong."""

import ctypes
import random
import sys
from functools import partial

import ml_dtypes
import numpy as np
import pytest
import registry

from focalis import Loss
from focalis.engines import driver

FOCAL = registry.FOCAL
TYPES = [*registry.DTYPES, np.float16, ml_dtypes.bfloat16]
ROWS, CLASSES = 13, 5

every_engine = pytest.mark.parametrize("engine", registry.ENGINES)
every_link = pytest.mark.parametrize("link", registry.LINKS)


def sample(link, dtype=np.float64):
    """Return inputs and dense targets."""
    rng = np.random.default_rng(51)
    x = rng.dirichlet([1] * CLASSES, size=ROWS)
    x = np.log(x) if link in registry.LOGIT_LINKS else x
    return x.astype(dtype), rng.dirichlet([1] * CLASSES, size=ROWS).astype(dtype)


@pytest.mark.parametrize("reduction", registry.REDUCTIONS)
@pytest.mark.parametrize(
    ("engine", "dtype"),
    [*registry.grid(["numpy"], TYPES), ("numba", np.float64), ("numba", ml_dtypes.bfloat16)],
    ids=registry.name,
)
@every_link
def test_out(link, dtype, reduction, engine):
    x, targets = sample(link, dtype)
    loss = Loss(link, registry.build(FOCAL), reduction=reduction)
    value, gradient = loss.value_and_grad(x, targets, engine=engine)
    out = np.full_like(x, np.nan)
    got, returned = loss.value_and_grad(x, targets, out=out, engine=engine)
    assert returned is out
    np.testing.assert_array_equal(got, value)
    np.testing.assert_array_equal(out, gradient)
    out = np.full_like(x, np.nan), np.full_like(x, np.nan)
    returned = loss.grad_and_hess(x, targets, out=out, engine=engine)
    expected = loss.grad_and_hess(x, targets, engine=engine)
    for a, b, c in zip(returned, out, expected, strict=True):
        assert a is b
        np.testing.assert_array_equal(b, c)


@every_engine
@every_link
def test_out_may_be_strided(link, engine):
    x, targets = sample(link)
    loss = Loss(link, registry.build(FOCAL))
    expected = loss.value_and_grad(x, targets, engine=engine)[1]
    wide = np.empty((ROWS, 2 * CLASSES))
    for out in (np.empty((CLASSES, ROWS)).T, np.empty((2 * ROWS, CLASSES))[::2], wide[:, ::-2]):
        _, returned = loss.value_and_grad(x, targets, out=out, engine=engine)
        assert returned is out
        np.testing.assert_array_equal(out, expected)


def check_right_or_refused(call, expected):
    try:
        got = call()
    except ValueError as error:
        message = str(error)
    else:
        np.testing.assert_array_equal(got, expected)
        return
    assert "out" in message


@every_engine
@pytest.mark.parametrize("dense", [True, False], ids=["dense", "labels"])
@every_link
def test_a_gradient_over_what_is_still_read(link, dense, engine):
    loss = Loss(link, registry.build(FOCAL))
    x, targets = sample(link)
    if link in registry.ROW_LINKS and not dense:
        targets = np.arange(ROWS) % CLASSES
    expected = loss.value_and_grad(x, targets, engine=engine)[1]

    def gradient(x, targets, out):
        return loss.value_and_grad(x, targets, out=out, engine=engine)[1]

    same = x.copy()
    check_right_or_refused(lambda: gradient(same, targets, same), expected)
    twice = np.concatenate([x, x[:1]])
    check_right_or_refused(lambda: gradient(twice[:-1], targets, twice[1:]), expected)
    if targets.shape == x.shape:
        taken = targets.copy()
        check_right_or_refused(lambda: gradient(x, taken, taken), expected)
    if link not in registry.ROW_LINKS:
        weight = np.ones_like(x)
        call = {"sample_weight": weight, "out": weight, "engine": engine}
        check_right_or_refused(lambda: loss.value_and_grad(x, targets, **call)[1], expected)


@every_engine
def test_a_gradient_over_the_transposed_logits(engine, monkeypatch):
    """It begins where they do, but a chunk of it is none of theirs."""
    monkeypatch.setattr(driver, "CHUNK", 256)
    x = np.random.default_rng(5).normal(size=(64, 64))
    loss, labels = Loss("softmax", registry.build(FOCAL)), np.arange(64)
    expected = loss.value_and_grad(x, labels, engine=engine)[1]
    call = {"out": x.T, "engine": engine}
    check_right_or_refused(lambda: loss.value_and_grad(x, labels, **call)[1], expected)


def shared_arrays(how, x):
    """Return logits and two outputs that share memory in some way."""
    x, other, long = x.copy(), np.empty_like(x), np.empty((ROWS + 1, CLASSES))
    pairs = {
        "the gradient over the logits": (x, other),
        "the Hessian over the logits": (other, x),
        "one array twice": (other, other),
        "two that overlap": (long[:-1], long[1:]),
    }
    return x, pairs[how]


SHARED = [
    "the gradient over the logits", "the Hessian over the logits",
    "one array twice", "two that overlap",
]  # fmt: skip


@every_engine
@pytest.mark.parametrize("how", SHARED)
@pytest.mark.parametrize("dense", [True, False], ids=["dense", "labels"])
@every_link
def test_two_results_over_what_is_still_read(link, dense, how, engine):
    loss = Loss(link, registry.build(FOCAL))
    x, targets = sample(link)
    if link in registry.ROW_LINKS and not dense:
        targets = np.arange(ROWS) % CLASSES
    for curvature in ("exact", "fisher"):
        options = {"curvature": curvature, "engine": engine}
        expected = loss.grad_and_hess(x, targets, **options)
        taken, out = shared_arrays(how, x)
        call = partial(loss.grad_and_hess, taken, targets, out=out, **options)
        check_right_or_refused(call, expected)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16], ids=registry.name)
@pytest.mark.parametrize(
    ("classes", "begin"), [(1, 0), (1, 1), (3, 0), (64, 0), (91, 0), (3000, 0)]
)
def test_a_gradient_that_is_written_past_the_caches(monkeypatch, classes, begin, dtype):
    rng = np.random.default_rng(5)
    x = (3 * rng.standard_normal((40_000 // classes, classes))).astype(dtype)
    y = (rng.random(x.shape) < 0.1).astype(np.float32)
    y[len(y) // 2, 0] = 0.5
    loss = Loss("sigmoid", registry.build(FOCAL), reduction="sum")
    monkeypatch.setattr(driver, "CHUNK", 1 << 13)
    value, gradient = loss.value_and_grad(x, y, out=np.empty_like(x))
    memory = np.zeros(x.size + 64, dtype)
    line = -memory.ctypes.data % 64 // memory.itemsize + begin
    out = memory[line : line + x.size].reshape(x.shape)
    monkeypatch.setattr(driver, "STREAM", 0)
    got, _ = loss.value_and_grad(x, y, out=out)
    assert got == value
    np.testing.assert_array_equal(out, gradient)
    assert not memory[:line].any()
    assert not memory[line + x.size :].any()


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform == "win32", reason="asks the C library of Linux and macOS for memory"
)
def test_where_the_allocator_puts_work_arrays_does_not_show():
    memory = ctypes.CDLL(None)
    memory.malloc.restype, memory.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    memory.free.argtypes = [ctypes.c_void_p]
    x, targets = sample("softmax")
    loss = Loss("softmax", registry.build(FOCAL))
    expected = [result.tobytes() for result in loss.grad_and_hess(x, targets)]
    rng = random.Random(3)
    taken = []
    # Without room around them, work arrays ended up next to the logits in about one call in 200.
    for i in range(8_000):
        taken += [memory.malloc(rng.randint(8, 700)) for _ in range(rng.randint(0, 40))]
        if i % 10 == 0:
            rng.shuffle(taken)
        while len(taken) > 400:
            memory.free(taken.pop())
        taken.append(memory.malloc(x.nbytes))
        logits = np.ctypeslib.as_array((ctypes.c_double * x.size).from_address(taken[-1]))
        logits = logits.reshape(x.shape)
        logits[...] = x
        results = loss.grad_and_hess(logits, targets)
        assert [result.tobytes() for result in results] == expected
    for address in taken:
        memory.free(address)
