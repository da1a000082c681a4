"""What computes a loss: the front end that owns automatic differentiation on the backend of Keras."""

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
    """Return over how many replicas of a model a batch is spread, each of which takes its part."""
    return 1


def logits_behind(x: Any, activation: str | None) -> Any:
    """Return the logits that scores were made of by an activation, None where they are not known."""
    return None


_compute: Any
numbers_of: Any
"""Return what a tensor holds, None where that cannot be read without waiting."""


def _is_compiling() -> bool:
    """Return whether a compiler reads this very code, and had better find no more than it must."""
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
