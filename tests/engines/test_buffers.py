"""Memory that is reused: by one owner at a time, and released when memory is short."""

import sys
import time

import numpy as np
import pytest

import focalis
import focalis.loss
from focalis import Loss, margin
from focalis.engines import buffers

SIZE = 1 << 21


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="traces CPython's steps")
def test_a_call_in_the_middle_of_another_gets_memory_of_its_own():
    """As a signal handler may call, at any step of taking or returning a buffer."""
    steps, at = 0, 1

    def interrupt(frame, event, argument):
        nonlocal steps
        if frame.f_code.co_filename != buffers.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            steps += 1
            if steps == at:
                sys.settrace(None)
                inner.append(cache.take(SIZE))
                cache.give(np.empty(SIZE, np.uint8))
        return interrupt

    interrupted = True
    while interrupted:
        cache, inner = buffers._Cache(4 * SIZE), []
        for _ in range(3):
            cache.give(np.empty(SIZE, np.uint8))
        steps = 0
        sys.settrace(interrupt)
        try:
            outer = [cache.take(SIZE), cache.take(SIZE)]
            cache.give(np.empty(SIZE, np.uint8))
        finally:
            sys.settrace(None)
        taken = [id(buffer) for buffer in outer + inner]
        assert len(set(taken)) == len(taken), f"handed out twice after step {at}"
        assert not {id(b) for b in cache._kept()} & set(taken)
        interrupted, at = bool(inner), at + 1
    assert at > 50


@pytest.fixture
def kept():
    """Keep a buffer, whatever other tests have set or dropped."""
    before = focalis.buffer_cache_limit()
    focalis.set_buffer_cache_limit(0)
    focalis.set_buffer_cache_limit(1 << 30)
    buffers.empty((SIZE,), np.dtype(np.float32))
    yield
    focalis.set_buffer_cache_limit(before)


def short_of_memory(monkeypatch):
    """Make a run fail while buffers are kept; return how many runs there were."""
    runs, run = [], focalis.loss.run

    def hungry(batch, kernels, scale, outputs):
        runs.append(1)
        total = run(batch, kernels, scale, outputs)
        if len(runs) == 1:
            raise MemoryError
        return total

    monkeypatch.setattr("focalis.loss.run", hungry)
    return runs


def test_kept_memory_is_given_back_where_it_is_short(kept, monkeypatch):
    loss, x, y = Loss("sigmoid", margin.focal(2.0)), np.linspace(-1, 1, 9), np.ones(9)
    expected = loss.value_and_grad(x, y, engine="numpy")
    out = np.empty(9)
    runs = short_of_memory(monkeypatch)
    value, gradient = loss.value_and_grad(x, y, engine="numpy", out=out)
    assert len(runs) == 2
    assert gradient is out
    np.testing.assert_equal((value, gradient), expected)
    runs.clear()  # and now there is nothing left to release
    with pytest.raises(MemoryError):
        loss.value_and_grad(x, y, engine="numpy")


def test_logits_that_are_written_over_are_not_read_again(kept, monkeypatch):
    loss, x = Loss("sigmoid", margin.focal(2.0)), np.linspace(-1, 1, 9)
    runs = short_of_memory(monkeypatch)
    with pytest.raises(MemoryError):
        loss.value_and_grad(x, np.ones(9), engine="numpy", out=x)
    assert len(runs) == 1


def test_a_large_result_may_have_the_memory_that_is_kept(kept, monkeypatch):
    def scarce(shape, dtype=float):
        if buffers._cache._buffers:
            raise MemoryError
        return np.zeros(shape, dtype)

    monkeypatch.setattr(buffers.np, "empty", scarce, raising=True)
    assert buffers.empty((4 * SIZE,), np.dtype(np.float32)).shape == (4 * SIZE,)


@pytest.mark.parametrize(
    "options", [{}, {"alpha": 0.25}, {"alpha": 0.25, "class_weight": None}], ids=str
)
def test_weights_of_few_widths_are_kept(options):
    loss = Loss("sigmoid", margin.focal(2.0), **options)
    for width in range(1, 300):
        positive, negative = loss.answer_weights(width, np.dtype(np.float32))
        assert positive.shape == negative.shape == (width,)
    held = sum(a.nbytes for pair in loss._weights.values() for a in pair)
    assert held <= 4 * 2 * 4 * 300 if options else held == 0


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_finaliser_is_not_lost(monkeypatch, interruption):
    def interrupted(buffer):
        raise interruption

    monkeypatch.setattr(buffers._Lease.__del__, "__defaults__", (interrupted,))
    given = buffers.empty((1 << 20,), np.dtype(np.float32))

    def drop_and_wait():
        nonlocal given
        given = None
        for _ in range(20_000):
            time.sleep(0.001)

    with pytest.raises(interruption):
        drop_and_wait()
