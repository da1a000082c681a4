"""No kernel reads or writes outside an array, whatever changes during the call."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import registry

from focalis import Loss, margin

CALLS = Path(__file__).with_name("kernel_calls.py")


def run(*command, **environment):
    """Run Python in a process that a fault may end; return how it ended and why."""
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="pages are locked as Linux does it")
def test_arrays_at_the_end_of_a_page():
    run(str(CALLS))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="pages are locked as Linux does it")
def test_with_bounds_checked(tmp_path):
    # Not optimised, since the checks are the same and nobody else uses these kernels.
    switches = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_OPT": "0"}
    run(str(CALLS), "float32", **switches, FOCALIS_CACHE_DIR=str(tmp_path))


RACE = """
import itertools, threading
import numpy as np
from focalis import Loss, margin
n = 1_000
def race(engine, link, classes, dense, planar):
    x = np.full((n, classes), 1 / classes, np.float32)
    if planar:
        x = np.asfortranarray(x)
    labels = np.arange(n) % classes
    good = np.eye(classes, dtype=np.float32)[labels] if dense else labels
    bad = np.full_like(good, -1 if dense else 2**40)
    targets, done = good.copy(), threading.Event()
    def scribble():
        for numbers in itertools.cycle((bad, good)):
            targets[:] = numbers
            if done.is_set():
                break
    loss = Loss(link, margin.focal(2.0))
    loss(x, good, engine=engine)  # compiled before the race
    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(30):
            try:
                loss(x, targets, engine=engine)
            except ValueError as error:
                assert "targets" in str(error), error
    finally:
        done.set()
        thread.join()
for engine in ("numpy", "numba"):
    for case in (
        ("softmax", 3, False, False),
        ("softmax", 3, False, True),
        ("softmax", 53, False, False),
        ("softmax", 3, True, False),
        ("simplex", 3, False, False),
        ("sigmoid", 3, True, False),
    ):
        race(engine, *case)
"""


@pytest.mark.slow
def test_targets_that_another_thread_writes_to():
    """The result is a number, or the error for a bad target, but never a read outside an array."""
    run("-W", "error", "-c", RACE)


@pytest.mark.parametrize("link", registry.LINKS)
def test_targets_that_are_good_again_when_looked_for(link, monkeypatch):
    """The kernel has met a bad target that is gone when the error tries to name it."""
    from focalis.engines import driver

    monkeypatch.setattr(driver, "_run_chunk", lambda *_: (0.0, True))
    with pytest.raises(ValueError, match=r"targets .* changed"):
        Loss(link, margin.focal(2.0))(np.full((2, 3), 0.3), np.eye(3)[:2], where=np.ones(2, bool))
