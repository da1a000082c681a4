"""What can be learnt from TensorFlow's tensors: their numbers, and where they came from."""

from typing import Any

import numpy as np
import tensorflow as tf

from focalis import Loss
from focalis.frontend.numbers import check_numbers
from focalis.inputs.arguments import Arguments
from focalis.keras._tensorflow import apply


def checked(loss: Loss, x: Any, y: Any, *, axis: int, **others: Any) -> Any:
    """Return the loss; invalid numbers raise an error if they can be read, and give NaN otherwise."""
    given = Arguments(x, y, **others)
    weight, kept, classes = map(numbers_of, given[2:5])
    hidden = [
        given.where is not None and kept is None,
        given.class_where is not None and classes is None,
    ]
    if not any(hidden):
        # Targets of weight 0 may be anything, so if the weights cannot be read, nor can be these.
        is_known = given.sample_weight is None or weight is not None
        targets = numbers_of(y) if is_known else None
        check_numbers(loss, tuple(x.shape), axis, Arguments(None, targets, weight, kept, classes))
    return apply(loss, given, axis)


def numbers_of(tensor: Any) -> np.ndarray | None:
    """Return the numbers of a tensor on the CPU, or None if they cannot be read without waiting."""
    if not isinstance(tensor, tf.__internal__.EagerTensor) or "CPU" not in tensor.device:
        return None
    return np.asarray(tensor)


def logits_behind(x: Any, activation: str | None) -> Any:
    """Return the logits from which an activation made the scores, or None if they are not known.

    As in Keras, they are an attribute of the tensor or its input in a graph.
    """
    if activation is None:
        return None
    known = getattr(x, "_keras_logits", None)
    if known is None and tf.is_symbolic_tensor(x) and x.op.type == activation:
        (known,) = x.op.inputs
    return known
