"""Probabilities as the functions of Keras read them, each in its own way."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

__all__ = ["Reading", "divided", "given", "held", "held_by_focal", "of_indices", "wide"]

Reading = Callable[[Any, Any, int], Any]
"""What is made of probabilities before the loss sees them, given the targets and the class axis."""


def given(p: Any, y: Any, axis: int) -> Any:
    """Return the probabilities as they are."""
    return p


def held(p: Any, y: Any, axis: int) -> Any:
    """Return the probabilities held off 0 and 1; 16 bits have no room for Keras' ε."""
    epsilon = keras.config.epsilon()
    return ops.clip(ops.cast(p, wide(p)), epsilon, 1.0 - epsilon)


def held_by_focal(gamma: float) -> Reading:
    """Return what holds probabilities off 0 and 1 in the focal loss alone of the logarithm.

    A wrong answer that is held costs (1 − p_t)^γ log(1 / ε), in which Keras goes on differentiating the
    power: its derivative is the loss's own at ε times a factor.
    """

    def read(p: Any, y: Any, axis: int) -> Any:
        near = held(p, y, axis)
        p = ops.clip(ops.cast(p, near.dtype), -1.0, 2.0)
        # By how much an end has been moved: 1 − ε is rounded.
        moved = ops.where(p < near, near, 1.0 - near)
        price = -ops.log(moved) * gamma
        rest = 1.0 - moved
        power = ops.maximum(p, 1.0 - p) ** (gamma - 1.0)
        share = price * power / (rest**gamma / moved + price * rest ** (gamma - 1.0))
        factor = ops.where(p < near, y * share, ops.where(p > near, (1.0 - y) * share, 0.0))
        # What is ignored or masked may be no number.
        factor = ops.where(ops.isfinite(factor), factor, 0.0)
        return near + (p - ops.stop_gradient(p)) * ops.stop_gradient(factor)

    return read


def divided(p: Any, y: Any, axis: int) -> Any:
    """Return the probabilities divided by their sum, and then held off 0 and 1."""
    return held(_shares(ops.cast(p, wide(p)), axis), y, axis)


def of_indices(p: Any, y: Any, axis: int) -> Any:
    """Return the probabilities as Keras reads them beside class indices.

    On TensorFlow it holds them off 0 and 1 first, and then takes their logarithms for logits.
    """
    if keras.config.backend() == "tensorflow":
        return _shares(held(p, y, axis), axis)
    return divided(p, y, axis)


def wide(x: Any) -> str:
    """Return the type that scores of 16 bits are read and weighed in."""
    dtype = str(keras.backend.standardize_dtype(x.dtype))
    return dtype if dtype == "float64" else "float32"


def _shares(p: Any, axis: int) -> Any:
    return p / ops.sum(p, axis=axis, keepdims=True)
