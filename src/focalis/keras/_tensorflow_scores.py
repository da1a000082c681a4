"""What TensorFlow's tensors tell of themselves: their numbers, and where they came from."""

from typing import Any

import numpy as np
import tensorflow as tf

from focalis import Loss
from focalis.frontend.numbers import check_numbers
from focalis.inputs.arguments import Arguments
from focalis.keras._tensorflow import apply

__all__ = ["checked", "logits_behind", "numbers_of"]


def checked(loss: Loss, x: Any, y: Any, *, axis: int, **others: Any) -> Any:
    """Return the loss; what it cannot take raises where numbers can be read, and is NaN elsewhere."""
    given = Arguments(x, y, **others)
    weight, kept, classes = map(numbers_of, given[2:5])
    hidden = [
        given.where is not None and kept is None,
        given.class_where is not None and classes is None,
    ]
    if not any(hidden):
        # Behind a weight or a mask that cannot be read anything may stand.
        is_known = given.sample_weight is None or weight is not None
        targets = numbers_of(y) if is_known else None
        check_numbers(loss, tuple(x.shape), axis, Arguments(None, targets, weight, kept, classes))
    return apply(loss, given, axis)


def numbers_of(tensor: Any) -> np.ndarray | None:
    """Return what a tensor on the CPU holds, None where it cannot be read without waiting."""
    if not isinstance(tensor, tf.__internal__.EagerTensor) or "CPU" not in tensor.device:
        return None
    return np.asarray(tensor)


def logits_behind(x: Any, activation: str | None) -> Any:
    """Return the logits that scores were made of by an activation, None where they are not known.

    Keras keeps them with the tensor, and finds them in a graph.
    """
    if activation is None:
        return None
    known = getattr(x, "_keras_logits", None)
    if known is None and tf.is_symbolic_tensor(x) and x.op.type == activation:
        (known,) = x.op.inputs
    return known
