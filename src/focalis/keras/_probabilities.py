"""How Keras' functions read probabilities, in their different ways."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Reading = Callable[[Any, Any, int], Any]
"""From probabilities, targets and the class axis to the probabilities that the loss is computed from."""


def unchanged(p: Any, y: Any, axis: int) -> Any:
    """Return the probabilities as they are."""
    return p


def held(p: Any, y: Any, axis: int) -> Any:
    """Return the probabilities clipped away from 0 and 1, widened since 16 bits cannot hold Keras' ε."""
    epsilon = keras.config.epsilon()
    return ops.clip(ops.cast(p, wide(p)), epsilon, 1.0 - epsilon)


def held_by_focal(gamma: float) -> Reading:
    """Return a reading that clips as Keras' focal loss does: in the logarithm only, not in the power.

    A clipped wrong answer costs (1 − p_t)^γ log(1 / ε), of which Keras still differentiates the power.
    That derivative is the loss's derivative at ε times a factor, which this reading puts in.
    """

    def read(p: Any, y: Any, axis: int) -> Any:
        near = held(p, y, axis)
        p = ops.clip(ops.cast(p, near.dtype), -1.0, 2.0)
        # The distance by which an end has been moved, which differs since 1 − ε is rounded.
        moved = ops.where(p < near, near, 1.0 - near)
        price = -ops.log(moved) * gamma
        rest = 1.0 - moved
        power = ops.maximum(p, 1.0 - p) ** (gamma - 1.0)
        share = price * power / (rest**gamma / moved + price * rest ** (gamma - 1.0))
        factor = ops.where(p < near, y * share, ops.where(p > near, (1.0 - y) * share, 0.0))
        # Ignored or masked probabilities may be NaN.
        factor = ops.where(ops.isfinite(factor), factor, 0.0)
        return near + (p - ops.stop_gradient(p)) * ops.stop_gradient(factor)

    return read


def divided(p: Any, y: Any, axis: int) -> Any:
    """Return the probabilities divided by their sum, and then clipped away from 0 and 1."""
    return held(_shares(ops.cast(p, wide(p)), axis), y, axis)


def of_indices(p: Any, y: Any, axis: int) -> Any:
    """Return the probabilities as Keras reads them for class indices.

    On TensorFlow it clips them first, and then uses their logarithms as logits.
    """
    if keras.config.backend() == "tensorflow":
        return _shares(held(p, y, axis), axis)
    return divided(p, y, axis)


def wide(x: Any) -> str:
    """Return the type to read and weight scores in: float64 for float64 scores, else float32."""
    dtype = str(keras.backend.standardize_dtype(x.dtype))
    return dtype if dtype == "float64" else "float32"


def _shares(p: Any, axis: int) -> Any:
    return p / ops.sum(p, axis=axis, keepdims=True)
