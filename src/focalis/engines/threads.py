"""The threads that share a large call.

Kernels release the GIL and work on chunks of fixed size, so a plain thread pool is as fast as a parallel
loop and, unlike Numba's threading layers, safe to use from any thread and after a fork. One result per
chunk, added up in order, makes every result independent of the number of threads.
"""

import itertools
import math
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Pool:
    """A thread pool that starts at its first use, and restarts after a fork or a change of size."""

    def __init__(self) -> None:
        # Reentrant: a signal handler or a finaliser may call this while the thread holds the lock.
        self._lock = threading.RLock()
        self._starting = False
        self._executor: ThreadPoolExecutor | None = None
        self._size: int | None = None

    @property
    def size(self) -> int:
        if self._size is None:
            self._size = _available_cores()
        return self._size

    def resize(self, size: int) -> None:
        with self._lock:
            # The old pool's threads end when nothing refers to it any more.
            self._size, self._executor = size, None

    def forget(self) -> None:
        # In a forked child the other threads are gone, and one of them may have held the lock.
        self._lock = threading.RLock()
        self._starting = False
        self._executor = None

    def start(self, work: Callable[[], None], count: int, started: list["Future[None]"]) -> None:
        """Start up to `count` workers on `work`, and add each to `started`.

        Fewer start if the system runs out of threads, and none while the interpreter exits or if a call
        interrupts this one.
        """
        with self._lock:
            if self._starting:
                return
            self._starting = True
            try:
                executor = self._running()
                for _ in range(count):
                    started.append(executor.submit(work))
            except (RuntimeError, ImportError):  # ImportError: the interpreter is shutting down
                pass
            finally:
                self._starting = False

    def _running(self) -> "ThreadPoolExecutor":
        if self._executor is None:
            # Imported by the first large call: it costs as much as the rest of focalis.
            from concurrent.futures import ThreadPoolExecutor

            self._executor = ThreadPoolExecutor(self.size, thread_name_prefix="focalis")
        return self._executor


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.forget)


def get_num_threads() -> int:
    """Return how many threads a large call may use.

    Returns
    -------
    int
        The number last set, or else the number of cores that this process may run on.

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
    """How many threads the calls of this thread may use, apart from the size of the pool."""

    threads = math.inf


_bound = _Bound()


class at_most:  # noqa: N801, a context manager is called like a function
    """Limit the calls of this thread to `threads` threads, as the setting of a front end demands."""

    def __init__(self, threads: int) -> None:
        self._threads, self._before = threads, _bound.threads

    def __enter__(self) -> None:
        _bound.threads = min(self._threads, self._before)

    def __exit__(self, *_: object) -> None:
        _bound.threads = self._before


def run_chunks(work: Callable[[int], T], count: int) -> list[T]:
    """Return ``[work(0), …, work(count − 1)]``, shared out over the threads.

    The calling thread works too, so nested and concurrent calls never wait for each other. An exception
    in any chunk is raised here, once the other threads have stopped.
    """
    threads = int(min(_pool.size, count, _bound.threads))
    if threads <= 1:
        return [work(i) for i in range(count)]
    results: list[T | None] = [None] * count
    tickets = itertools.count()
    failures: list[BaseException] = []
    # The pool may hold on to `drain` for a while, which must not keep the caller's arrays alive.
    held = [work]

    def drain() -> None:
        while not failures and (i := next(tickets)) < count:
            try:
                results[i] = held[0](i)
            except BaseException as failure:
                failures.append(failure)

    started: list[Future[None]] = []
    try:
        _pool.start(drain, threads - 1, started)
        drain()
    except BaseException as failure:
        failures.append(failure)
    for future in started:
        # Workers that have not started yet have nothing left to do.
        while not (future.cancel() or future.done()):
            try:
                future.result()
            except BaseException as failure:  # such as Ctrl-C: wait until the others have stopped
                failures.append(failure)
    held.clear()
    if failures:
        raise failures[0]
    return results  # type: ignore[return-value]
