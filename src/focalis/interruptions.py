"""Steps that must not be interrupted: forks and signal handlers wait until they are done.

A child forked in the middle of a compilation would inherit the compiler's lock, held for ever by a
thread that does not exist in the child. A signal handler that raises in the middle, as Ctrl-C's does,
may do so in a callback or a finaliser, where the exception is lost.
"""

import contextlib
import os
import signal
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol


class _Lock(Protocol):
    def acquire(self) -> Any: ...
    def release(self) -> Any: ...


def let_forks_wait(lock: _Lock) -> None:
    """Make every fork of this process wait for a lock, so that it is free in both parent and child."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )


@contextlib.contextmanager
def undisturbed(lock: AbstractContextManager[Any]) -> Iterator[None]:
    """Hold a lock that forks wait for, and defer signals until it is released."""
    with _signals_held(), lock:
        yield


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Defer the handlers of signals that arrive inside the block."""
    handlers = {}
    if threading.current_thread() is threading.main_thread():  # handlers run only there
        known = {number: signal.getsignal(number) for number in signal.valid_signals()}
        handlers = {number: handler for number, handler in known.items() if callable(handler)}
    arrived: list[int] = []
    try:
        for number in handlers:
            signal.signal(number, lambda number, _: arrived.append(number))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in arrived:
            signal.raise_signal(late)


def raise_afterwards(interruption: BaseException, finalised: object) -> None:
    """Raise an exception in this thread once `finalised`, whose finaliser it interrupted, is gone.

    Python writes whatever a finaliser raises to standard error and drops it.
    """
    import ctypes

    ended, thread = weakref.ref(finalised), threading.get_ident()
    kind = ctypes.py_object(type(interruption))

    def deliver() -> None:
        while ended() is not None:
            time.sleep(0.001)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)

    # RuntimeError: the interpreter is exiting and starts no more threads; nothing is left to interrupt.
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=deliver, daemon=True).start()
