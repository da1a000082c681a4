"""Threads, forks, and memory that is reused."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import registry

import focalis
from focalis import Loss, margin
from focalis.engines import threads

pytestmark = pytest.mark.slow

LARGE = 1_000_003  # many chunks, and not a multiple of anything


@pytest.fixture(autouse=True)
def same_threads_afterwards():
    before = focalis.get_num_threads()
    yield
    focalis.set_num_threads(before)


def sample(link, dtype):
    rng = np.random.default_rng(61)
    x = rng.normal(size=LARGE if link == "sigmoid" else (LARGE // 10, 10)).astype(dtype)
    targets = rng.integers(2, size=LARGE).astype(dtype)
    return x, targets if link == "sigmoid" else rng.integers(10, size=LARGE // 10)


@pytest.mark.parametrize("engine", registry.ENGINES)
@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize("link", registry.LOGIT_LINKS)
def test_bit_identical_for_any_number_of_threads(link, dtype, engine):
    x, targets = sample(link, dtype)
    results = []
    for n in (1, 2, 8, 3):
        focalis.set_num_threads(n)
        assert focalis.get_num_threads() == n
        loss = Loss(link, margin.focal(gamma=2.0))
        first = loss.value_and_grad(x, targets, engine=engine)
        results.append([*first, *loss.grad_and_hess(x, targets, engine=engine)])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", None, True])
def test_a_bad_number_of_threads(bad):
    before = focalis.get_num_threads()
    with pytest.raises((TypeError, ValueError), match=r"n must be"):
        focalis.set_num_threads(bad)
    assert focalis.get_num_threads() == before


@pytest.mark.parametrize("engine", registry.ENGINES)
def test_eight_callers_at_once(engine):
    focalis.set_num_threads(2)
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    x, targets = sample("sigmoid", np.float32)
    expected = loss.value_and_grad(x, targets, engine=engine)
    barrier = threading.Barrier(8)

    def call(_):
        barrier.wait()
        return [loss.value_and_grad(x, targets, engine=engine) for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        for results in pool.map(call, range(8)):
            for value, gradient in results:
                assert value == expected[0]
                np.testing.assert_array_equal(gradient, expected[1])


def test_the_number_of_threads_may_change_under_way():
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    x, targets = sample("sigmoid", np.float32)
    expected = loss(x, targets)
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(loss, x, targets) for _ in range(24)]
        for n in (1, 4, 2, 8, 1, 3):
            focalis.set_num_threads(n)
        assert {float(f.result()) for f in futures} == {float(expected)}


FIRST_CALL_BY_MANY = """
import threading
import numpy as np
from focalis import Loss, margin
x, results = np.linspace(-3, 3, 100_001), []
barrier = threading.Barrier(8)
def call():
    barrier.wait()
    results.append(float(Loss("sigmoid", margin.focal(gamma=2.0))(x, np.ones_like(x))))
threads = [threading.Thread(target=call) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
assert len(results) == 8 and len(set(results)) == 1, results
"""


def test_the_first_call_may_come_from_many_threads(tmp_path):
    """Nothing is compiled yet, and nothing is on disk either."""
    environment = {**os.environ, "FOCALIS_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", FIRST_CALL_BY_MANY]
    subprocess.run(command, env=environment, check=True, timeout=300)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("engine", registry.ENGINES)
def test_a_forked_child_computes(engine):
    focalis.set_num_threads(2)
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    x, targets = sample("sigmoid", np.float32)
    expected = loss.value_and_grad(x, targets, engine=engine)  # this starts the pool
    child = os.fork()
    if child == 0:
        code = 1
        try:
            value, gradient = loss.value_and_grad(x, targets, engine=engine)
            code = 0 if value == expected[0] and np.array_equal(gradient, expected[1]) else 2
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert wait(child) == 0
    assert loss(x, targets, engine=engine) == expected[0]  # and so does the parent


def wait(child, seconds=60):
    """Return the child's exit code; kill a child that hangs."""
    timer = threading.Timer(seconds, os.kill, (child, 9))
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    return os.waitstatus_to_exitcode(status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_in_the_middle_of_other_threads_calls():
    """Whatever lock another thread held at that moment, the child does not hang."""
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    x, targets = sample("sigmoid", np.float32)
    loss.value_and_grad(x, targets)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            loss.value_and_grad(x, targets)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                loss.value_and_grad(x, targets)
                os._exit(0)
            assert wait(child, seconds=20) == 0
    finally:
        stop.set()
        for worker in workers:
            worker.join()


LATE_CALL = """
import atexit, sys, threading
import numpy as np
import focalis
from focalis import Loss, margin
focalis.set_num_threads(4)
loss, x = Loss("sigmoid", margin.focal(gamma=2.0)), np.linspace(-3, 3, 2_000_001)
t = (x > 0).astype(float)
expected = loss(x, t, engine="numpy") if {warm} else None
def call(when):
    value = loss(x, t, engine="numpy")
    print(when, expected is None or value == expected, flush=True)
class Finaliser:
    def __del__(self, call=call):
        call("in a finaliser")
kept = Finaliser()
atexit.register(call, "at exit")
def outlive():
    threading.main_thread().join()
    call("after the main thread")
threading.Thread(target=outlive).start()
"""


@pytest.mark.parametrize("warm", [True, False], ids=["pool has run", "first large call"])
def test_a_call_at_the_end_of_the_interpreter_goes_on_alone(warm):
    """No thread can be started by then, and an exception in a finaliser would be lost."""
    command = [sys.executable, "-W", "error", "-c", LATE_CALL.format(warm=warm)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stderr == ""
    assert sorted(done.stdout.splitlines()) == [
        "after the main thread True",
        "at exit True",
        "in a finaliser True",
    ]


@pytest.fixture
def new_pool(monkeypatch):
    monkeypatch.setattr(threads, "_pool", threads._Pool())


@pytest.mark.parametrize("most", [0, 1, 2])
def test_where_no_more_threads_can_be_started(new_pool, monkeypatch, most):
    """As many help as there are."""
    started, start = [], threading.Thread.start

    def reluctant(thread):
        if len(started) == most:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", reluctant)
    focalis.set_num_threads(4)
    for _ in range(2):
        assert threads.run_chunks(lambda i: i * i, 1000) == [i * i for i in range(1000)]
    assert len(started) == most


def test_a_call_in_the_middle_of_starting_threads(new_pool, monkeypatch):
    """Made by a signal handler or a finaliser, on the thread that holds the lock."""
    inner = []

    def submit(pool, work):
        inner.append(threads.run_chunks(lambda i: -i, 10))
        focalis.set_num_threads(3)
        return original(pool, work)

    original = ThreadPoolExecutor.submit
    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    focalis.set_num_threads(2)
    assert threads.run_chunks(lambda i: i, 10) == [*range(10)]
    assert inner == [[-i for i in range(10)]]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such timer on this system")
def test_after_an_interrupt_no_thread_works_on():
    """It would write to the caller's arrays."""
    focalis.set_num_threads(2)
    running, main = [], threading.main_thread()

    def work(_):
        if threading.current_thread() is main:
            while not running:
                time.sleep(0.001)
            return
        running.append("begun")
        time.sleep(0.3)
        running.append("done")

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            threads.run_chunks(work, 2)
        assert running.count("begun") == running.count("done")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_memory_in_use_is_never_handed_out_again():
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    x, ones = np.linspace(-5, 5, LARGE), np.ones(LARGE)
    expected = loss.value_and_grad(x, ones)[1].copy()

    def gradient():
        return loss.value_and_grad(x, ones)[1]

    held = [
        gradient(),
        gradient()[::7],
        gradient()[5:].reshape(-1, 2),
        gradient().view(np.int64),
        memoryview(gradient()),
        np.frombuffer(gradient(), np.float64),
        np.asarray(gradient().T),
        gradient().__array_interface__ and gradient().ravel(),
        loss.grad_and_hess(x, ones)[0],
        loss.grad_and_hess(x, ones)[1],
    ]
    before = [np.array(h, copy=True) for h in held]
    np.testing.assert_array_equal(before[0], expected)
    for _ in range(5):
        loss.value_and_grad(x[::-1], np.zeros(LARGE))
        loss.grad_and_hess(x[::-1], np.zeros(LARGE), curvature="fisher")
    for h, b in zip(held, before, strict=True):
        np.testing.assert_array_equal(np.asarray(h), b)


def test_memory_held_by_torch_is_never_handed_out_again():
    torch = pytest.importorskip("torch")
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    x, ones = np.linspace(-5, 5, LARGE), np.ones(LARGE)
    tensor = torch.from_numpy(loss.value_and_grad(x, ones)[1])
    view, before = tensor[100:], tensor.clone()
    del tensor
    for _ in range(5):
        loss.value_and_grad(-x, ones)
    assert torch.equal(view, before[100:])


def test_the_cache_of_memory_can_be_switched_off():
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    x, ones = np.linspace(-5, 5, LARGE), np.ones(LARGE)
    expected = loss.value_and_grad(x, ones)
    before = focalis.buffer_cache_limit()
    try:
        for limit in (0, 1, 10**6, before):
            focalis.set_buffer_cache_limit(limit)
            assert focalis.buffer_cache_limit() == limit
            value, gradient = loss.value_and_grad(x, ones)
            assert value == expected[0]
            np.testing.assert_array_equal(gradient, expected[1])
        for bad in (-1, 1.5, "1", None):
            with pytest.raises((TypeError, ValueError), match="limit must be"):
                focalis.set_buffer_cache_limit(bad)
    finally:
        focalis.set_buffer_cache_limit(before)
