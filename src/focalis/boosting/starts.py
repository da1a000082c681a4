"""Where training starts: the best constant logits, and how curved a loss is there.

No library stores what training started from, so it is added again to a booster's predictions.
"""

from typing import Any

import numpy as np

from focalis.boosting.objective import (
    as_targets,
    check_loss,
    class_indices,
    naming_labels,
    weights_or_none,
)
from focalis.loss import Loss
from focalis.margin import cross_entropy

__all__ = [
    "add_start",
    "as_row",
    "check_classes",
    "curvature_scale",
    "mean_curvature",
    "spread",
    "starting_logits",
    "starting_targets",
]

Array = np.ndarray


def starting_logits(
    loss: Loss, labels: Any, sample_weight: Any, n_classes: int | None = None
) -> Any:
    """Return the constant logits that minimise a loss over a booster's labels: a float, or (C,)."""
    check_loss(loss)
    if np.size(labels) == 0:
        raise ValueError("the data that training starts from must have labels, got none")
    targets = starting_targets(loss, labels, n_classes)
    with naming_labels():
        start = loss.initial_logits(
            targets,
            sample_weight=weights_or_none(sample_weight),
            n_classes=None if loss.link.elementwise else n_classes,
        )
    check_classes(loss, np.size(start))
    return start


def check_classes(loss: Loss, n_classes: int) -> None:
    """Raise if a softmax has fewer than two classes to choose from."""
    if not loss.link.elementwise and n_classes < 2:
        raise ValueError("labels must be of at least 2 classes for a softmax, got only 0")


def starting_targets(loss: Loss, labels: Any, n_classes: int | None) -> Array:
    """Return a booster's labels as the targets of a loss, before there are any scores."""
    check_loss(loss)
    targets: Array = np.asarray(labels)
    if not loss.link.elementwise:
        largest = np.iinfo(np.int32).max if n_classes is None else n_classes
        return class_indices(targets, largest, loss)
    if n_classes is None:
        return targets
    return as_targets(loss, np.empty((len(targets), n_classes)), targets)


def spread(start: Any, rows: int) -> Array:
    """Return the initial logits repeated for each row, (rows,) or (rows, C); the library stores them."""
    return np.broadcast_to(start, (rows, *np.shape(start))).copy()


def add_start(raw: Any, start: Any) -> Array:
    """Return raw scores (n,) or (n, C) plus the logits that training started from."""
    raw = np.asarray(raw)
    return np.asarray(raw + as_row(start, raw.shape[1:]))


def as_row(start: Any, shape: tuple[int, ...]) -> Array:
    """Return initial logits in the shape of a row of scores, () or (C,)."""
    start = np.asarray(start)
    if start.size != 1 and start.shape != shape:
        raise ValueError(
            f"initial_logits must be one number or of shape {shape}, as a row of scores is, "
            f"got shape {start.shape}"
        )
    return np.broadcast_to(start.reshape(()) if start.size == 1 else start, shape)


def curvature_scale(
    loss: Loss,
    curvature: str,
    class_totals: Array,
    initial_logits: Array,
    unit: str = "cross_entropy",
) -> float:
    """Return the factor that gives a loss the mean curvature of cross-entropy where each starts.

    Focal losses are small numbers, and class weights may be large ones. A booster's floors and
    penalties (``min_sum_hessian_in_leaf``, ``min_child_weight``, ``lambda``) are meant for
    cross-entropy; with this factor they have the same effect here. It is exactly 1 for cross-entropy.
    With the unit "row" it makes the mean curvature 1 instead, so that floors and penalties count rows.

    `class_totals` (C,) holds the total weight of the rows of each class.
    """
    found = mean_curvature(loss, curvature, class_totals, initial_logits)
    if unit == "row":
        return 1 / found
    return mean_curvature(Loss(loss.link, cross_entropy()), curvature, class_totals) / found


def mean_curvature(
    loss: Loss, curvature: str, class_totals: Array, initial_logits: Any = None
) -> float:
    """Return the mean curvature per logit of a row of weight 1, where training starts.

    A ValueError says if no finite constant minimises the loss, or the loss is flat there.
    """
    truth = np.arange(len(class_totals))
    truth = truth.astype(np.float64) if loss.link.elementwise else truth
    if initial_logits is None:
        initial_logits = loss.initial_logits(truth, sample_weight=class_totals)
    rows = np.repeat(np.asarray(initial_logits, np.float64)[None], len(truth), axis=0)
    policy = "clipped" if curvature == "native" else curvature
    _, hess = loss.grad_and_hess(
        rows, truth, sample_weight=class_totals, curvature=policy, engine="numpy"
    )
    found = float(hess.sum())
    if not 0 < found < np.inf:
        raise ValueError(f"loss {loss} is flat around its best constant logits, {initial_logits}")
    return found / (float(class_totals.sum()) * np.size(initial_logits))
