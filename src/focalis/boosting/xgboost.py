"""Objectives and metrics for XGBoost.

>>> import numpy as np
>>> import xgboost
>>> from sklearn.datasets import load_wine
>>> from focalis import parse
>>> from focalis.boosting.xgboost import metric, objective, predict_logits, set_initial_logits
>>> features, labels = load_wine(return_X_y=True)
>>> loss = parse("softmax_focal(gamma=2)")
>>> train = xgboost.DMatrix(features[::2], labels[::2])
>>> valid = xgboost.DMatrix(features[1::2], labels[1::2])
>>> start = set_initial_logits(loss, train, valid)
>>> parameters = {"num_class": 3, "disable_default_eval_metric": True, "nthread": 1}
>>> booster = xgboost.train(
...     parameters,
...     train,
...     100,
...     obj=objective(loss),
...     custom_metric=metric(loss),
...     evals=[(valid, "valid")],
...     early_stopping_rounds=10,
...     verbose_eval=False,
... )
>>> logits = predict_logits(booster, features[1::2], start)
>>> bool(np.mean(loss.posterior(logits).argmax(axis=1) == labels[1::2]) > 0.9)
True
"""

import json
from typing import Any

import numpy as np

from focalis.boosting.objective import (
    DEFAULT_CURVATURE,
    Derivatives,
    Metric,
    read_call,
    require,
)
from focalis.boosting.starts import as_row, spread, starting_logits
from focalis.loss import Loss

__all__ = ["metric", "objective", "predict_logits", "set_initial_logits"]

Array = np.ndarray


class _Objective(Derivatives):
    def native_factor(self, n_classes: int) -> float:
        return 2.0

    # XGBoost's wrapper looks for a parameter named sample_weight.
    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Array, Array]:
        scores, labels, weight = read_call(first, second, sample_weight)
        if np.size(scores) == 0 and hasattr(second, "get_base_margin"):
            # The scores of a worker without rows have no shape, but XGBoost wants gradients with one.
            scores = np.reshape(scores, second.get_base_margin().shape)
        return self.derivatives(scores, labels, weight)


class _Metric(Metric):
    def totals(self, scores: Any, labels: Any, sample_weight: Any) -> tuple[float, float]:
        """Return the sums over the rows of all workers, if several train together."""
        total, weight = super().totals(scores, labels, sample_weight)
        collective = require("xgboost").collective
        if collective.is_distributed():
            # XGBoost averages what its workers return, ignoring how many rows each of them has.
            sums = collective.allreduce(np.array([total, weight]), collective.Op.SUM)
            total, weight = sums.tolist()
        return total, weight

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> Any:
        value = self.mean(*read_call(first, second, sample_weight))
        return (self.__name__, value) if hasattr(second, "get_label") else value


def objective(loss: Loss, curvature: str = DEFAULT_CURVATURE, *, scale: float = 1.0) -> Derivatives:
    """Return a loss as XGBoost's objective.

    Use it as ``obj`` of ``xgboost.train`` or as ``objective`` of ``XGBClassifier``; row weights are
    taken into account.

    Parameters
    ----------
    loss : Loss
        ``"sigmoid"`` for two classes, or for several yes/no questions with labels (n, C);
        ``"softmax"``, with XGBoost's ``num_class``, for more. With ``num_class`` = C, a sigmoid decides
        one class against the rest, for each of the C classes.
    curvature : {"native", "exact", "clipped", "absolute", "fisher"}, default "native"
        What to use as second derivative: a policy of `focalis.curvature`, or "native", which here is
        "clipped" times 2, the factor in XGBoost's softmax.
    scale : float, default 1.0
        A constant factor on gradient and curvature.

    Returns
    -------
    callable
        Picklable; takes ``(scores, DMatrix)`` or ``(labels, scores, sample_weight)`` and returns the
        gradient and the diagonal Hessian, shaped like the scores (n,) or (n, C).

    Raises
    ------
    TypeError, ValueError
        If an argument is not one of these; when called, if a label is not a class, a weight is negative,
        or a score is NaN.

    Examples
    --------
    >>> from focalis import parse
    >>> gradient, hessian = objective(parse("cross_entropy"))([1, 0], [0.0, 0.0])
    >>> gradient, hessian
    (array([-0.5,  0.5]), array([0.25, 0.25]))
    """
    return _Objective(loss, curvature, scale)


def metric(loss: Loss, *, scale: float = 1.0) -> Metric:
    """Return a loss as XGBoost's metric, the weighted mean over the rows, for early stopping.

    Use it as ``custom_metric`` of ``xgboost.train`` or as ``eval_metric`` of ``XGBClassifier``, together
    with the objective of the same loss: under a built-in objective XGBoost passes probabilities. If
    several workers train together, the mean is over the rows of all of them.

    Parameters
    ----------
    loss : Loss
        As for `objective`.
    scale : float, default 1.0
        A constant factor on the value, as for `objective`. XGBoost reads a metric's value back with six
        digits after the point: scale up a loss of small numbers, such as one with a large γ or small
        weights, or early stopping will see no change.

    Returns
    -------
    callable
        Picklable; returns the name (``str(loss)`` without spaces) and the value, or just the value to
        the scikit-learn wrapper.

    Raises
    ------
    TypeError, ValueError
        As for `objective`.

    Examples
    --------
    >>> from focalis import parse
    >>> print(round(metric(parse("focal(gamma=2)"))([1, 0], [0.0, 0.0]), 4))
    0.1733
    """
    return _Metric(loss, scale)


def set_initial_logits(loss: Loss, train: Any, *others: Any, n_classes: int | None = None) -> Any:
    """Make training start from the constant that minimises the loss, by setting the base margin.

    Otherwise a custom objective starts from XGBoost's ``base_score``.

    Parameters
    ----------
    loss : Loss
        As for `objective`.
    train : xgboost.DMatrix
        With labels; its weights are taken into account.
    *others : xgboost.DMatrix
        Validation sets, to start from the same logits.
    n_classes : int, optional
        The number of classes; for a softmax, by default one more than the largest label.

    Returns
    -------
    float or ndarray
        The logits, one or (C,). The booster does not store them: pass them to `predict_logits`.

    Raises
    ------
    ValueError
        If a class never occurs.

    Examples
    --------
    >>> import numpy, xgboost
    >>> from focalis import parse
    >>> data = xgboost.DMatrix(numpy.zeros((4, 1)), label=[1, 0, 0, 0])
    >>> print(set_initial_logits(parse("cross_entropy"), data).round(4))
    -1.0986
    """
    labels = train.get_label()
    if labels.size != train.num_row():
        labels = labels.reshape(train.num_row(), -1)
    start = starting_logits(loss, labels, train.get_weight(), n_classes)
    for data in (train, *others):
        data.set_base_margin(spread(start, data.num_row()))
    return start


def predict_logits(booster: Any, features: Any, initial_logits: Any) -> Array:
    """Return the logits of rows, starting from the base margin that the booster was trained with.

    After early stopping they are those of the best round, as with LightGBM and CatBoost. A booster that
    is trained further keeps that round: ``set_attr(best_iteration=None)`` removes it.

    Parameters
    ----------
    booster : xgboost.Booster
        A booster trained from `initial_logits`.
    features : array_like, DataFrame or xgboost.DMatrix
        Anything XGBoost predicts from; the base margin of a DMatrix is overwritten.
    initial_logits : float or array_like of float (C,)
        From `set_initial_logits`.

    Returns
    -------
    ndarray
        (n,) or (n, C), for `Loss.posterior` and `Loss.probabilities`.

    Raises
    ------
    ImportError
        If XGBoost is not installed.
    ValueError
        If `initial_logits` has the wrong shape.
    """
    xgboost = require("xgboost")
    data = features
    if not isinstance(features, xgboost.DMatrix):
        data = xgboost.DMatrix(features, enable_categorical=True)
    data.set_base_margin(spread(as_row(initial_logits, _row_shape(booster)), data.num_row()))
    # `Booster.predict` uses all rounds by default, including those after the best one.
    best = booster.attr("best_iteration")
    rounds = (0, 0) if best is None else (0, int(best) + 1)
    return np.asarray(booster.predict(data, output_margin=True, iteration_range=rounds))


def _row_shape(booster: Any) -> tuple[int, ...]:
    """Return the shape of a row of a booster's scores: () or (C,)."""
    model = json.loads(booster.save_config())["learner"]["learner_model_param"]
    outputs = max(int(model["num_class"]), int(model["num_target"]))
    return (outputs,) if outputs > 1 else ()
