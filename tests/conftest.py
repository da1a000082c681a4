"""Settings for the whole suite."""

import os

import pytest
from hypothesis import settings

# The one of Keras's backends that loads fastest here; tests/keras has a session for each of them.
os.environ.setdefault("KERAS_BACKEND", "torch")
# Before any library is loaded: the arrays are small and pytest's workers use all cores, which each
# library's thread pool would waste on waiting.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("suite")


def pytest_collection_modifyitems(items):
    """Mark tests that compile kernels as slow; run the longest first, so that no worker ends on it."""
    for item in items:
        engine = item.callspec.params.get("engine") if hasattr(item, "callspec") else None
        if engine == "numba" or (isinstance(item, pytest.DoctestItem) and compiles(item.path)):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.path.name != "test_backends.py")


def compiles(module):
    """Return whether the examples of a module call a kernel for each loss."""
    return module.name in ("named.py", "margin.py") or module.parent.name == "keras"
