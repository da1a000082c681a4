"""One pytest session for each Keras backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BACKENDS = ("tensorflow", "jax", "torch")
# Programs of a few operations take longer to optimise than to run.
UNOPTIMISED = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_on(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: it has no release for this Python")
    session = {"FOCALIS_KERAS_SESSION": "1", "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    if backend == "jax":
        session["XLA_FLAGS"] = UNOPTIMISED
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "tests/keras/session"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **QUIET, **session},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def run(script, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, **QUIET, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_what_is_missing_is_named():
    for missing, backend, words in (
        ("keras", "torch", "focalis[keras]"),
        ("jax", "jax", "KERAS_BACKEND"),
    ):
        script = f"import sys; sys.modules[{missing!r}] = None; import focalis.keras"
        done = run(script, KERAS_BACKEND=backend)
        assert done.returncode == 1
        assert "ImportError" in done.stderr.splitlines()[-1]
        assert words in done.stderr.splitlines()[-1]


def test_a_backend_without_derivatives_is_refused():
    done = run("import focalis.keras", KERAS_BACKEND="numpy")
    assert done.returncode == 1
    assert "got 'numpy'" in done.stderr.splitlines()[-1]
