"""What computes a loss: the front end that owns automatic differentiation on the backend of Keras."""

from typing import Any

import keras

__all__ = ["apply", "replicas"]

apply: Any
"""Return the loss of scores: ``apply(loss, x, y, sample_weight=, where=, normalizer=, axis=)``."""


def replicas() -> int:
    """Return over how many replicas of a model a batch is spread, each of which takes its part."""
    return 1


# Keras chooses its backend once, at import.
match keras.config.backend():
    case "tensorflow":
        from focalis.keras._tensorflow import apply, replicas
    case "jax":
        from focalis.jax import apply
    case "torch":
        from focalis.torch._apply import evaluate as apply
    case other:
        raise ImportError(
            "focalis.keras needs one of the backends tensorflow, jax and torch of Keras, "
            f"got {other!r}: choose one by KERAS_BACKEND"
        )
