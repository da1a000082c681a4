"""Keras has one backend per process: what runs on each is collected in separate sessions."""

import itertools
import os

collect_ignore = [] if "FOCALIS_KERAS_SESSION" in os.environ else ["session"]


def pytest_collection_modifyitems(items):
    """Keep one case of each test, but on TensorFlow, which has no other tests.

    What Keras' own code does is the same on all backends. JAX compiles every operation, and PyTorch a
    kernel for each loss; they have their tests in `tests/jax` and `tests/torch`. The last case of a test
    is its most unusual one.
    """
    if not collect_ignore and os.environ["KERAS_BACKEND"] != "tensorflow":
        cases = itertools.groupby(items, lambda item: item.function)
        items[:] = [list(same)[-1] for _, same in cases]
