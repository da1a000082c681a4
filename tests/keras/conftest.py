"""Keras has one backend per process: what runs on each is collected in separate sessions."""

import itertools
import os

collect_ignore = [] if "FOCALIS_KERAS_SESSION" in os.environ else ["session"]


BY_BACKEND = ("test_training.py", "test_errors.py", "test_odd_inputs.py")


def pytest_collection_modifyitems(items):
    """Keep what depends on the backend, one case of each, but on TensorFlow, which has no other tests.

    What Keras' own code does is the same on all backends. JAX compiles every operation, and PyTorch a
    kernel for each loss; they have their tests in `tests/jax` and `tests/torch`. The last case of a test
    is its most unusual one.
    """
    if not collect_ignore and os.environ["KERAS_BACKEND"] != "tensorflow":
        cases = itertools.groupby(items, lambda item: item.function)
        kept = [list(same)[-1] for _, same in cases]
        items[:] = [
            item for item in kept if item.path.name in BY_BACKEND or "grid" in item.path.name
        ]
