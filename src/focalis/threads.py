"""The threads that share a large call.

Kernels release the GIL and work on fixed-size chunks, so a plain thread pool is as fast as a parallel
loop and, unlike Numba's thread layers, safe from any thread and after a fork. One result per chunk,
added up in order, makes every result independent of the number of threads.
"""

import atexit
import itertools
import math
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["at_most", "get_num_threads", "run_chunks", "set_num_threads"]

T = TypeVar("T")


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Pool:
    """Threads that start at the first large call, and again after a fork or a change of size.

    Not an executor: its futures take as long as a kernel takes for a hundred thousand numbers.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: SimpleQueue[Callable[[], None] | None] | None = None
        self._threads: list[threading.Thread] = []
        self._size: int | None = None

    @property
    def size(self) -> int:
        if self._size is None:
            self._size = _available_cores()
        return self._size

    def resize(self, size: int) -> None:
        self.stop()
        self._size = size

    def stop(self) -> list[threading.Thread]:
        """End the threads when they have done what they were called for; return them."""
        with self._lock:
            calls, threads, self._calls, self._threads = self._calls, self._threads, None, []
        if calls is not None:
            for _ in threads:
                calls.put(None)
        return threads

    def forget(self) -> None:
        # In a forked child the threads are gone and the lock may be held by one of them.
        self._lock = threading.Lock()
        self._calls, self._threads = None, []

    def call(self, work: Callable[[], None], helpers: int) -> None:
        """Have some threads run `work` as soon as they are free."""
        calls = self._calls or self._start()
        for _ in range(helpers):
            calls.put(work)

    def _start(self) -> "SimpleQueue[Callable[[], None] | None]":
        with self._lock:
            if self._calls is None:
                self._calls = SimpleQueue()
                for _ in range(self.size - 1):
                    thread = threading.Thread(
                        target=_answer, args=(self._calls,), name="focalis", daemon=True
                    )
                    thread.start()
                    self._threads.append(thread)
            return self._calls


def _answer(calls: "SimpleQueue[Callable[[], None] | None]") -> None:
    """Do what is called for, until None is."""
    while (work := calls.get()) is not None:
        work()
        del work


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.forget)


@atexit.register
def _stop() -> None:
    # A kernel must not run on while the interpreter is taken down.
    for thread in _pool.stop():
        thread.join()


def get_num_threads() -> int:
    """Return how many threads a large call may use.

    Returns
    -------
    int
        The number set last, at first the number of cores that this process may run on.

    Examples
    --------
    >>> import focalis
    >>> focalis.get_num_threads() >= 1
    True
    """
    return _pool.size


def set_num_threads(n: int) -> None:
    """Set how many threads a large call may use; results do not depend on it.

    Parameters
    ----------
    n : int
        At least 1.

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If `n` is below 1.

    Examples
    --------
    >>> import focalis
    >>> before = focalis.get_num_threads()
    >>> focalis.set_num_threads(1)
    >>> focalis.set_num_threads(before)
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"n must be an int, got {type(n).__name__}")
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    _pool.resize(n)


class _Bound(threading.local):
    """How many threads the calls of this thread may use, beside the size of the pool."""

    threads = math.inf


_bound = _Bound()


class at_most:  # noqa: N801, a context manager is called like a function
    """Hold the calls of this thread to `threads` threads, as a front end's own setting says."""

    def __init__(self, threads: int) -> None:
        self._threads, self._before = threads, _bound.threads

    def __enter__(self) -> None:
        _bound.threads = min(self._threads, self._before)

    def __exit__(self, *_: object) -> None:
        _bound.threads = self._before


def run_chunks(work: Callable[[int], T], count: int) -> list[T]:
    """Return ``[work(0), …, work(count − 1)]``, shared out over the threads.

    The calling thread works too, so nested and concurrent calls cannot wait for each other. An
    exception of any chunk is raised here, after the other threads have stopped.
    """
    threads = int(min(_pool.size, count, _bound.threads))
    if threads <= 1:
        return [work(i) for i in range(count)]
    results: list[T | None] = [None] * count
    tickets, ended = itertools.count(), SimpleQueue[None]()
    failures: list[BaseException] = []
    # A helper may come when all is done, and look for work: it must not keep the caller's arrays.
    held = [work]

    def drain() -> None:
        while (i := next(tickets)) < count:
            if not failures:
                try:
                    results[i] = held[0](i)
                except BaseException as failure:
                    failures.append(failure)
            ended.put(None)

    _pool.call(drain, threads - 1)
    drain()
    for _ in range(count):
        ended.get()
    held.clear()
    if failures:
        raise failures[0]
    return results  # type: ignore[return-value]
