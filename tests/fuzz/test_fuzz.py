"""A few seconds of the fuzz; as many as ``FOCALIS_FUZZ_SECONDS`` says, from ``FOCALIS_FUZZ_SEED``."""

import os
import subprocess
import sys
from pathlib import Path

SECONDS = os.environ.get("FOCALIS_FUZZ_SECONDS", "3")
SEED = os.environ.get("FOCALIS_FUZZ_SEED", "0")


def test_random_losses_on_random_arrays():
    """In a process of its own, which may end at a touch of what lies beside an array."""
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", SECONDS, "--seed", SEED]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"seed {SEED}" in done.stdout
