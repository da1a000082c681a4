"""A few seconds of the fuzz, or ``FOCALIS_FUZZ_SECONDS``, starting from ``FOCALIS_FUZZ_SEED``."""

import ctypes
import faulthandler
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from focalis import Loss

from .cases import A_RUN, Case, Kind, WrongResultError
from .comparison import kill_and_resume
from .memory import block, place

SECONDS = os.environ.get("FOCALIS_FUZZ_SECONDS", "3")
SEED = os.environ.get("FOCALIS_FUZZ_SEED", "0")


@pytest.mark.slow
def test_random_losses_on_random_arrays():
    """In a separate process, which may end when it touches what lies next to an array."""
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", SECONDS, "--seed", SEED]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"seed {SEED}" in done.stdout


@pytest.mark.slow
def test_a_comparison_that_is_killed(tmp_path):
    kill_and_resume(tmp_path, int(SEED), most=2 + int(float(SECONDS) // 30))


def test_a_gradient_that_is_off_is_found(monkeypatch):
    right = Loss.value_and_grad

    def value_and_grad(*arguments, **options):
        value, grad = right(*arguments, **options)
        grad[...] = grad * np.float32(1.02)
        return value, grad

    case = next(case for case in map(Case, [0] * 9, range(7, 900, A_RUN)) if is_plain(case))
    case.check(("numpy",))
    monkeypatch.setattr(Loss, "value_and_grad", value_and_grad)
    with pytest.raises(WrongResultError, match="gradient"):
        case.check(("numpy",))


def is_plain(case):
    return not case.kind.second_order and case.w.any() and case.x.array.size < 10_000


def test_what_is_written_beside_an_array_is_found():
    rng, beside = np.random.default_rng(5), 0
    for run in range(40):
        made = place(rng, Kind(0, run), (3, 4, 5), np.float32)
        made.array[...] = rng.normal(size=(3, 4, 5))
        assert made.outside_is_untouched()
        outside = np.flatnonzero(~made.inside)
        if outside.size:
            beside += 1
            made.memory[rng.choice(outside)] ^= 1
            assert not made.outside_is_untouched()
    assert beside


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no such pages")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_touch_of_what_lies_beside_ends_the_process():
    rng = np.random.default_rng(5)
    blocks = [block(rng, 100) for _ in range(20)]
    guarded = [b for b in blocks if isinstance(b.base, np.ndarray)]
    assert 0 < len(guarded) < len(blocks)
    ends = {touch(b, beside) for b in guarded for beside in (-1, 100)}
    assert ends == {0, -signal.SIGSEGV}


def touch(block, beside):
    """Return how a child ends that reads a byte next to a block."""
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        ctypes.string_at(block.ctypes.data + beside, 1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
