"""Where training on a Dask cluster starts from.

The objectives and metrics of `focalis.boosting.xgboost` and `focalis.boosting.lightgbm` work on the
workers unchanged. But no worker knows the class frequencies over all partitions, which the initial
logits depend on. `initial_logits` computes them where the labels are, and `initial_scores` passes them
to each partition, as XGBoost's ``base_margin`` or LightGBM's ``init_score``.

>>> import numpy as np
>>> import dask.array as da
>>> from focalis import parse
>>> from focalis.boosting.dask import initial_logits, initial_scores
>>> labels = da.from_array(np.array([0, 0, 0, 1, 1, 2, 1, 0]), chunks=3)
>>> start = initial_logits(parse("softmax_cross_entropy"), labels)
>>> print(start.round(3))
[ 0.558  0.27  -0.828]
>>> initial_scores(start, labels).chunks
((3, 3, 2), (3,))
"""

from typing import Any

import numpy as np

from focalis.boosting.objective import ignored, naming_labels, require
from focalis.boosting.starts import check_classes, spread, starting_targets
from focalis.loss import Loss, answer_totals
from focalis.maths.links import SOFTMAX
from focalis.maths.posterior import constant_logits

__all__ = ["initial_logits", "initial_scores"]

Array = np.ndarray


def initial_logits(
    loss: Loss, labels: Any, sample_weight: Any = None, n_classes: int | None = None
) -> Any:
    """Return the constant logits that minimise a loss over all partitions.

    Every partition is read where it is, and only its total weight per class is transferred. All labels
    and weights are checked on the way.

    Parameters
    ----------
    loss : Loss
        As for `focalis.boosting.xgboost.objective`.
    labels : dask.array.Array or dask.dataframe.Series
        Class indices (n,), or answers (n, C) to several yes/no questions.
    sample_weight : dask.array.Array or dask.dataframe.Series, optional
        Weights (n,) in the same partitions.
    n_classes : int, optional
        The number of classes; for a softmax, by default one more than the largest label, which costs a
        second pass over the labels.

    Returns
    -------
    float or ndarray
        The logits, one or (C,), for `initial_scores` and for ``predict_logits``: the booster does not
        store them.

    Raises
    ------
    TypeError
        If `labels` or `sample_weight` is not a Dask collection.
    ValueError
        If a class never occurs, a label is not a class, a weight is negative, or the weights are not
        partitioned like the labels.
    ImportError
        If Dask is not installed.

    Examples
    --------
    >>> import dask.array as da
    >>> from focalis import parse
    >>> labels = da.from_array(np.array([1, 0, 0, 0]), chunks=2)
    >>> print(initial_logits(parse("cross_entropy"), labels).round(4))
    -1.0986
    """
    dask = require("dask", "dask")
    parts = _partitions(labels, "labels")
    weights = [None] * len(parts)
    if sample_weight is not None:
        weights = _partitions(sample_weight, "sample_weight")
        if len(weights) != len(parts):
            raise ValueError(
                f"sample_weight must have the {len(parts)} partitions of labels, got {len(weights)}"
            )
    if n_classes is None and getattr(loss, "link", None) == SOFTMAX:
        largest = dask.compute(*(dask.delayed(_largest)(loss, part) for part in parts))
        n_classes = max(largest) + 1
    totals = dask.compute(
        *(
            dask.delayed(_totals)(loss, part, weight, n_classes)
            for part, weight in zip(parts, weights, strict=True)
        )
    )
    positive, negative = np.sum(totals, axis=0)
    check_classes(loss, len(positive))
    with naming_labels():
        logits = constant_logits(loss.link, loss.margin_loss, positive, negative)
    one = loss.link.elementwise and labels.ndim == 1 and n_classes is None
    return logits[0] if one else logits


def initial_scores(initial_logits: Any, labels: Any) -> Any:
    """Return the initial logits of every row, in the partitions of the labels.

    Parameters
    ----------
    initial_logits : float or array_like of float (C,)
        From the function `initial_logits`.
    labels : dask.array.Array or dask.dataframe.Series
        The labels, (n,) or (n, C).

    Returns
    -------
    dask.array.Array
        (n,) or (n, C) in float64: the ``base_margin`` of ``xgboost.dask.DaskDMatrix``, or the
        ``init_score`` of LightGBM's Dask estimators.

    Raises
    ------
    TypeError
        If `labels` is not a Dask collection.
    ValueError
        If the columns of `labels` are split across partitions.

    Examples
    --------
    >>> import dask.array as da
    >>> labels = da.from_array(np.array([1, 0, 0]), chunks=2)
    >>> initial_scores(-1.5, labels).compute()
    array([-1.5, -1.5, -1.5])
    """
    rows = _rows(labels, "labels")
    start = np.asarray(initial_logits, np.float64)
    shape = {"drop_axis": list(range(1, rows.ndim)), "new_axis": list(range(1, 1 + start.ndim))}
    return rows.map_blocks(
        _spread, start, chunks=(rows.chunks[0], *((n,) for n in start.shape)), meta=start, **shape
    )


def _rows(collection: Any, name: str) -> Any:
    """Return a Dask collection as an array whose blocks consist of whole rows."""
    if not require("dask", "dask").is_dask_collection(collection):
        raise TypeError(f"{name} must be a Dask array or series, got {type(collection).__name__}")
    array = getattr(collection, "values", collection)
    if any(n != 1 for n in array.numblocks[1:]):
        raise ValueError(
            f"{name} must be divided by rows only, got {array.numblocks} blocks along its axes"
        )
    return array


def _partitions(collection: Any, name: str) -> list[Any]:
    return list(_rows(collection, name).to_delayed().reshape(-1))


def _largest(loss: Loss, labels: Array) -> int:
    found = starting_targets(loss, labels, None)
    return int(found[~ignored(loss, found)].max(initial=0))


def _totals(
    loss: Loss, labels: Array, sample_weight: Array | None, n_classes: int | None
) -> tuple[Array, Array]:
    targets = starting_targets(loss, labels, n_classes)
    with naming_labels():
        return answer_totals(
            loss, targets, sample_weight, None if loss.link.elementwise else n_classes
        )


def _spread(labels: Array, start: Array) -> Array:
    return spread(start, len(labels))
