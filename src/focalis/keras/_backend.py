"""What computes a loss: the front end for the framework that is Keras' backend."""

from typing import Any

import keras

from focalis.errors import renamed

__all__ = ["apply", "logits_behind", "numbers_of", "replicas"]

_NAMES = {"targets": "y_true", "logits": "y_pred"}


def apply(*scores: Any, **settings: Any) -> Any:
    """Return the loss of scores: ``apply(loss, x, y, sample_weight=, where=, normalizer=, axis=)``."""
    if _is_compiling():
        return _compute(*scores, **settings)
    with renamed(**_NAMES):
        return _compute(*scores, **settings)


def replicas() -> int:
    """Return the number of replicas of a model that a batch is split over."""
    return 1


def logits_behind(x: Any, activation: str | None) -> Any:
    """Return the logits from which an activation made the scores, or None if they are not known."""
    return None


_compute: Any
numbers_of: Any
"""Return the numbers of a tensor, or None if they cannot be read without waiting."""


def _is_compiling() -> bool:
    """Return whether a compiler is tracing this code, which should then contain only what it must."""
    return False


# Keras chooses its backend once, at import.
match keras.config.backend():
    case "tensorflow":
        from focalis.keras._tensorflow import replicas
        from focalis.keras._tensorflow_scores import checked as _compute
        from focalis.keras._tensorflow_scores import logits_behind, numbers_of
    case "jax":
        from focalis.jax import apply as _compute
        from focalis.jax._checks import numbers_of
    case "torch":
        from torch.compiler import is_compiling as _is_compiling

        from focalis.inputs.arguments import Arguments
        from focalis.torch._apply import apply_along
        from focalis.torch._compat import memory

        def _compute(loss: Any, x: Any, y: Any, *, axis: int, **given: Any) -> Any:
            return apply_along(loss, Arguments(x, y, **given), axis)

        def numbers_of(tensor: Any) -> Any:
            found = memory(tensor)
            return None if found is None else found.detach().numpy()

    case other:
        raise ImportError(
            "focalis.keras needs one of the backends tensorflow, jax and torch of Keras, "
            f"got {other!r}: choose one by KERAS_BACKEND"
        )
