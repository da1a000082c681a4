"""Classes that not every row has: what is masked has probability 0."""

import numpy as np

from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.inputs.row_weights import RowWeights
from focalis.inputs.targets import Array, Scores, as_array
from focalis.maths.links import Link

__all__ = ["check_targets", "masked_scores", "read_classes"]

# Whatever stands for a class of probability 0, and harms no class that is never asked about.
_MASKED = {"softmax": -np.inf, "simplex": 0.5}


def read_classes(link: Link, scores: Scores, given: object) -> Array:
    """Return a mask of classes, True where there is one, as rows × classes."""
    mask = as_array("class_where", given)
    if mask.dtype != np.bool_:
        raise ArgumentTypeError("class_where", "boolean, True where there is a class", mask.dtype)
    if link.elementwise and len(scores.shape) <= 1:
        expected = f"None where the {{logits}}, of shape {scores.shape}, have no class axis"
        raise ArgumentError("class_where", expected, f"shape {mask.shape}")
    try:
        whole = np.broadcast_to(mask, scores.shape)
    except ValueError:
        expected = f"one answer for each class, or of a shape that broadcasts to {scores.shape}"
        raise ArgumentError("class_where", expected, f"shape {mask.shape}") from None
    return whole.reshape(scores.n_rows, scores.n_classes)


def masked_scores(link: Link, scores: Scores, classes: Array) -> Scores:
    """Return a copy of scores in which a class that is masked has no say in that of another."""
    if link.elementwise:
        return scores
    array = scores.array.copy()
    np.copyto(array, array.dtype.type(_MASKED[link]), where=~classes.reshape(array.shape))
    return scores._replace(array=array)


def check_targets(weights: RowWeights, step: int) -> None:
    """Raise for a target that the loss cannot take; the kernels know no class that is masked."""
    targets = weights.targets
    if targets.form == "elementwise":
        return
    for lo in range(0, len(targets.rows), step):
        hi = min(lo + step, len(targets.rows))
        valid, weight = targets.valid(lo, hi), weights.chunk(lo, hi, np.float64, None)
        if weight is not None:
            valid = valid | (weight == 0).reshape(-1, *(1,) * (valid.ndim - 1))
        if not valid.all():
            width = valid.size // len(valid)
            targets.complain(lo * width + int(np.flatnonzero(~valid)[0]))
