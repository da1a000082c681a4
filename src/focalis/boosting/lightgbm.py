"""Objectives and metrics for LightGBM.

>>> import numpy as np
>>> import lightgbm
>>> from sklearn.datasets import load_breast_cancer
>>> from focalis import parse
>>> from focalis.boosting.lightgbm import metric, objective, predict_logits, set_initial_logits
>>> features, labels = load_breast_cancer(return_X_y=True)
>>> loss = parse("focal(gamma=2)")
>>> train = lightgbm.Dataset(features[:400], labels[:400])
>>> valid = lightgbm.Dataset(features[400:], labels[400:], reference=train)
>>> start = set_initial_logits(loss, train, valid)
>>> parameters = {"objective": objective(loss), "metric": "none", "verbosity": -1, "num_threads": 1}
>>> stop = lightgbm.early_stopping(10, verbose=False)
>>> booster = lightgbm.train(
...     parameters, train, 100, valid_sets=[valid], feval=metric(loss), callbacks=[stop]
... )
>>> logits = predict_logits(booster, features[400:], start)
>>> bool(np.mean((loss.posterior(logits) > 0.5) == labels[400:]) > 0.95)
True
"""

from typing import Any

import numpy as np

from focalis.boosting.objective import DEFAULT_CURVATURE, Derivatives, Metric, read_call
from focalis.boosting.starts import add_start, spread, starting_logits
from focalis.engines.buffers import empty
from focalis.loss import Loss

__all__ = ["metric", "objective", "predict_logits", "set_initial_logits"]

Array = np.ndarray


class _Objective(Derivatives):
    def native_factor(self, n_classes: int) -> float:
        return n_classes / (n_classes - 1.0) if n_classes > 1 else 1.0

    def places(self, scores: Array) -> tuple[Array, Array] | None:
        """Return float32 arrays with one class after the other; LightGBM would copy any others."""
        if scores.ndim == 1:
            return None
        rows, classes = scores.shape
        grad, hess = (empty((classes, rows), np.dtype(np.float32)).T for _ in range(2))
        return grad, hess

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Array, Array]:
        return self.derivatives(*read_call(first, second, sample_weight))


class _Metric(Metric):
    def __call__(
        self, first: Any, second: Any, sample_weight: Any = None
    ) -> tuple[str, float, bool]:
        value = self.mean(*read_call(first, second, sample_weight))
        return self.__name__, value, self.higher_is_better


def objective(loss: Loss, curvature: str = DEFAULT_CURVATURE, *, scale: float = 1.0) -> Derivatives:
    """Return a loss as LightGBM's objective.

    Use it as the parameter ``objective`` of ``lightgbm.train`` or ``LGBMClassifier`` (whose
    ``predict_proba`` then returns raw scores); row weights are taken into account. Write
    ``LGBMClassifier(objective=..., metric="none")``: otherwise LightGBM adds its log loss, which takes
    raw scores for probabilities, and early stopping looks at both. Under any custom objective LightGBM
    silently ignores parameters of its built-in ones: ``pos_bagging_fraction``, ``neg_bagging_fraction``,
    ``scale_pos_weight``, ``is_unbalance`` and ``boost_from_average``.

    Parameters
    ----------
    loss : Loss
        ``"sigmoid"`` for two classes; ``"softmax"``, with LightGBM's ``num_class``, for more. With
        ``num_class`` = C, a sigmoid decides one class against the rest, for each of the C classes.
    curvature : {"native", "exact", "clipped", "absolute", "fisher"}, default "native"
        What to use as second derivative: a policy of `focalis.curvature`, or "native", which here is
        "clipped" times C / (C − 1), the factor in LightGBM's softmax.
    scale : float, default 1.0
        A constant factor on gradient and curvature.

    Returns
    -------
    callable
        Picklable; takes ``(scores, Dataset)`` or ``(labels, scores, sample_weight)`` and returns the
        gradient and the diagonal Hessian, shaped like the scores (n,) or (n, C); for (n, C) they are in
        float32 and Fortran order, as LightGBM wants them.

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
    _check_ignored(loss)
    return _Objective(loss, curvature, scale)


def metric(loss: Loss, *, scale: float = 1.0) -> Metric:
    """Return a loss as LightGBM's metric, the weighted mean over the rows, for early stopping.

    Use it as ``feval`` of ``lightgbm.train`` or as ``eval_metric`` of ``LGBMClassifier.fit``, together
    with the objective of the same loss: under a built-in objective LightGBM passes probabilities.
    `LGBMClassifier` also needs ``metric="none"``, or LightGBM adds a log loss of raw scores, which early
    stopping then looks at too.

    Parameters
    ----------
    loss : Loss
        As for `objective`.
    scale : float, default 1.0
        A constant factor on the value, as for `objective`.

    Returns
    -------
    callable
        Picklable; returns the name (``str(loss)`` without spaces), the value, and False, meaning that
        smaller is better.

    Raises
    ------
    TypeError, ValueError
        As for `objective`.

    Examples
    --------
    >>> from focalis import parse
    >>> name, value, higher_is_better = metric(parse("focal(gamma=2)"))([1, 0], [0.0, 0.0])
    >>> name, round(value, 4)
    ('focal(gamma=2)', 0.1733)
    """
    _check_ignored(loss)
    return _Metric(loss, scale)


def set_initial_logits(loss: Loss, train: Any, *others: Any, n_classes: int | None = None) -> Any:
    """Make training start from the constant that minimises the loss.

    Parameters
    ----------
    loss : Loss
        As for `objective`.
    train : lightgbm.Dataset
        With labels; its weights are taken into account.
    *others : lightgbm.Dataset
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
    >>> import lightgbm, numpy
    >>> from focalis import parse
    >>> data = lightgbm.Dataset(numpy.zeros((4, 1)), label=[1, 0, 0, 0])
    >>> print(set_initial_logits(parse("cross_entropy"), data).round(4))
    -1.0986
    """
    _check_ignored(loss)
    labels, weight = _labels(train)
    start = starting_logits(loss, labels, weight, n_classes)
    for data in (train, *others):
        data.set_init_score(spread(start, len(_labels(data)[0])))
    return start


def predict_logits(booster: Any, features: Any, initial_logits: Any) -> Array:
    """Return the logits of rows: the booster's raw scores plus what it started from.

    Parameters
    ----------
    booster : lightgbm.Booster
        A booster trained from `initial_logits`.
    features : array_like, DataFrame
        Anything LightGBM predicts from.
    initial_logits : float or array_like of float (C,)
        From `set_initial_logits`, or 0 if that was not called.

    Returns
    -------
    ndarray
        (n,) or (n, C), for `Loss.posterior` and `Loss.probabilities`.
    """
    raw = booster.predict(features, raw_score=True)
    return add_start(raw, initial_logits)


def _check_ignored(loss: Any) -> None:
    skip = getattr(loss, "ignore_index", None)
    if skip is not None and skip != skip:
        raise ValueError(
            "loss must have an ignore_index that LightGBM keeps, such as -1: it stores NaN as 0, "
            "got ignore_index=nan"
        )


def _labels(data: Any) -> tuple[Any, Any]:
    """Return labels and weights; a Dataset made with labels need not have been constructed yet."""
    if data.label is not None:
        return np.ravel(data.label), data.weight
    data.construct()
    return data.get_label(), data.get_weight()
