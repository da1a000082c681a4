"""Keras has one backend per process: what runs on each is collected in separate sessions."""

import itertools
import os

collect_ignore = [] if "FOCALIS_KERAS_SESSION" in os.environ else ["session"]


def pytest_collection_modifyitems(items):
    """Keep the first and the last case of each test on JAX, which compiles every operation anew.

    What Keras' own code does is the same on all backends, and JAX has its own tests in `tests/jax`.
    """
    if not collect_ignore and os.environ["KERAS_BACKEND"] == "jax":
        cases = [list(same) for _, same in itertools.groupby(items, lambda item: item.function)]
        items[:] = [
            item for same in cases for item in (same if len(same) < 3 else same[:: len(same) - 1])
        ]
