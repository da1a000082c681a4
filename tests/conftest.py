"""Settings of the whole suite."""

import os
import sys
from importlib.util import find_spec

import pytest
from hypothesis import settings

# Of Keras' backends the one that loads quickest here; tests/keras has sessions for all of them.
os.environ.setdefault("KERAS_BACKEND", "torch")
# Before any library is loaded: the arrays are small and pytest's workers have the cores, which pools of
# threads of each library would spend on waiting for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("suite")

# The numbers that are published, on either engine, are quick all the same.
COMPILED_AND_QUICK = "test_published.py"


def pytest_collection_modifyitems(items):
    """Mark what compiles kernels as slow; begin with what takes minutes, lest one worker end with it."""
    for item in items:
        engine = item.callspec.params.get("engine") if hasattr(item, "callspec") else None
        if engine == "numba" and item.path.name != COMPILED_AND_QUICK:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.path.name != "test_backends.py")


class _Missing:
    """Says of a library that is not installed that it is not.

    The folder of its tests, whose parent is on the path, would pass for it.
    """

    names = tuple(
        n for n in ("jax", "keras", "sklearn", "torch") if not getattr(find_spec(n), "origin", None)
    )

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in cls.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, _Missing)
