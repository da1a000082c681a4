"""The front ends name losses in text that the core alone can read."""

import importlib.util
import os
import subprocess
import sys

import pytest

SCRIPT = """
from focalis import Loss, parse
from focalis.margin import FAMILIES

before = dict(FAMILIES)
import focalis.catalogue, focalis.jax, focalis.keras, focalis.torch

assert dict(FAMILIES) == before, set(FAMILIES) - set(before)
made = [getattr(m, n) for m in (focalis.torch, focalis.keras) for n in m.__all__]
classes = [c for c in made if isinstance(c, type) and hasattr(c, "loss")]
losses = {c.__name__: c().loss for c in classes if c.__name__ != "LossWrapper"}
assert {"BCELoss", "CrossEntropyLoss", "BinaryFocalCrossentropy"} <= losses.keys()
for name, loss in losses.items():
    assert isinstance(loss, Loss), name
    assert parse(str(loss)) == loss, (name, str(loss))
print(len(losses), losses["BCELoss"])
"""


@pytest.mark.slow
def test_their_losses_parse_where_they_are_not_loaded():
    """No import adds to the families, so what parses here parses in any process."""
    for package in ("torch", "keras", "jax"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    environment = {**os.environ, "KERAS_BACKEND": "torch", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == "identity_cross_entropy"
