"""Masks of classes: a masked class has probability 0."""

import numpy as np

from focalis.inputs.row_weights import RowWeights
from focalis.inputs.shapes import check_boolean, check_classes
from focalis.inputs.targets import Array, Scores, as_array


def read_classes(scores: Scores, given: object) -> Array:
    """Return a class mask as rows × classes, True where a class exists."""
    mask = as_array("class_where", given)
    check_boolean(mask, np.bool_, "class_where")
    check_classes(scores, mask.shape)
    return np.broadcast_to(mask, scores.shape).reshape(scores.n_rows, scores.n_classes)


def masked_scores(scores: Scores, classes: Array) -> Scores:
    """Return a copy of the scores in which masked classes do not affect the others."""
    if scores.link.elementwise:
        return scores
    array = scores.array.copy()
    np.copyto(array, array.dtype.type(scores.link.masked), where=~classes.reshape(array.shape))
    return scores._replace(array=array)


def check_targets(weights: RowWeights, step: int) -> None:
    """Raise for a target that the loss cannot take; the kernels do not know the mask."""
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
