"""Classes that not every row has: what is masked has probability 0."""

import numpy as np

from focalis.links import ELEMENTWISE
from focalis.targets import Array, Scores, as_array
from focalis.weighting import RowWeights

__all__ = ["check_targets", "masked_scores", "read_classes"]

# Whatever stands for a class of probability 0, and harms no class that is never asked about.
_MASKED = {"softmax": -np.inf, "simplex": 0.5}


def read_classes(link: str, scores: Scores, given: object) -> Array:
    """Return a mask of classes, True where there is one, as rows × classes."""
    mask = as_array("class_where", given)
    if mask.dtype != np.bool_:
        raise TypeError(
            f"class_where must be boolean, True where there is a class, got {mask.dtype}"
        )
    if link in ELEMENTWISE and len(scores.shape) <= 1:
        raise ValueError(
            f"class_where masks classes, and logits of shape {scores.shape} with link={link!r} have "
            "no class axis: expected None"
        )
    try:
        whole = np.broadcast_to(mask, scores.shape)
    except ValueError:
        raise ValueError(
            "class_where must have one number for each class, or a shape that broadcasts to "
            f"{scores.shape}, got {mask.shape}"
        ) from None
    return whole.reshape(scores.n_rows, scores.n_classes)


def masked_scores(link: str, scores: Scores, classes: Array) -> Scores:
    """Return a copy of scores in which a class that is masked has no say in that of another."""
    if link in ELEMENTWISE:
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
