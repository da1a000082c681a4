"""A small cache of large buffers that are no longer in use.

For a large new array, page faults cost more than a fused kernel, and a training loop drops the gradient
of its logits at every step. Arrays made here return their memory once the last array, view, memoryview
or tensor that refers to it is gone, and no sooner: the memory belongs to a separate object that each of
them keeps alive.
"""

import math
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from focalis.interruptions import raise_afterwards

_WORTH_KEEPING = 1 << 20
_MOST_BUFFERS = 8
_ALIGNMENT = 64


class _Cache:
    """Dropped buffers by number, oldest first; never more than `limit` bytes of them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffers: dict[int, np.ndarray] = {}
        # Reentrant: a signal handler, or a lease dropped by the garbage collector, may re-enter while
        # this thread holds the lock. So a buffer is claimed by the single step that removes it, and
        # nothing looked up earlier is trusted.
        self._lock = threading.RLock()

    def take(self, size: int) -> np.ndarray:
        with self._lock:
            while fits := [b for b in self._kept() if size <= b.nbytes <= size + size // 4]:
                best = self._buffers.pop(id(min(fits, key=lambda b: b.nbytes)), None)
                if best is not None:
                    return best
        try:
            return np.empty(size, np.uint8)
        except MemoryError:
            if not self.release():
                raise
        return np.empty(size, np.uint8)

    def give(self, buffer: np.ndarray) -> None:
        with self._lock:
            if buffer.nbytes <= self.limit:
                self._buffers[id(buffer)] = buffer
            self.trim()

    def trim(self) -> None:
        with self._lock:
            while (kept := self._kept()) and (
                len(kept) > _MOST_BUFFERS or sum(b.nbytes for b in kept) > self.limit
            ):
                self._buffers.pop(id(kept[0]), None)

    def release(self) -> bool:
        """Return all memory to the system; report whether there was any."""
        with self._lock:
            held = bool(self._buffers)
            self._buffers = {}
        return held

    def _kept(self) -> list[np.ndarray]:
        return list(self._buffers.values())

    def unlock(self) -> None:
        # In a forked child, a thread that no longer exists may hold the lock.
        self._lock = threading.RLock()


_cache = _Cache(1 << 30)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_cache.unlock)


class _Lease:
    """Hold a buffer for the arrays made from it, and return it when they are gone."""

    def __init__(self, buffer: np.ndarray, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._buffer = buffer
        start = buffer.__array_interface__["data"][0]
        aligned = -(-start // _ALIGNMENT) * _ALIGNMENT
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": (aligned, False),
        }

    def __del__(self, give: Callable[[np.ndarray], None] = _cache.give) -> None:
        # `give` is bound early: module globals may be gone when the interpreter shuts down.
        try:
            give(self._buffer)
        except (KeyboardInterrupt, SystemExit) as interruption:
            raise_afterwards(interruption, self)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Return an uninitialised C-ordered array, reusing a dropped buffer where one fits."""
    size = math.prod(shape) * dtype.itemsize
    if size < _WORTH_KEEPING or _cache.limit == 0:
        return np.empty(shape, dtype)
    # The array interface has no code for bfloat16: pass bytes and take a view of them here.
    return np.asarray(_Lease(_cache.take(size + _ALIGNMENT), shape, dtype)).view(dtype)


def release() -> bool:
    """Return the dropped buffers to the system; report whether there were any."""
    return _cache.release()


def buffer_cache_limit() -> int:
    """Return how many bytes of dropped gradients are kept for later calls.

    Returns
    -------
    int
        Bytes; 0 means that nothing is kept. Initially 1 GiB.

    Examples
    --------
    >>> import focalis
    >>> focalis.buffer_cache_limit()
    1073741824
    """
    return _cache.limit


def set_buffer_cache_limit(limit: int) -> None:
    """Set how many bytes of dropped gradients are kept for later calls.

    At most eight buffers, each of at least 1 MiB, are kept. Memory that is still referred to is never
    reused.

    Parameters
    ----------
    limit : int
        Bytes; 0 switches the cache off and frees what it holds.

    Raises
    ------
    TypeError
        If `limit` is not an integer.
    ValueError
        If `limit` is negative.

    Examples
    --------
    >>> import focalis
    >>> before = focalis.buffer_cache_limit()
    >>> focalis.set_buffer_cache_limit(0)
    >>> focalis.set_buffer_cache_limit(before)
    """
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"limit must be an int, got {type(limit).__name__}")
    if limit < 0:
        raise ValueError(f"limit must be at least 0 bytes, got {limit}")
    _cache.limit = limit
    _cache.trim()
