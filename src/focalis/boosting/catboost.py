"""Objectives and metrics for CatBoost.

CatBoost asks a softmax objective for one row at a time and for the row's whole Hessian, where LightGBM
and XGBoost ask for all rows at once: training takes some 50 µs per row and round. CatBoost's built-in
objectives take Newton steps in the leaves, so pass ``leaf_estimation_method="Newton"``; the default for
a custom objective is gradient steps, which ignore the curvature.

>>> import numpy as np
>>> import catboost
>>> from sklearn.datasets import load_breast_cancer
>>> from focalis import parse
>>> from focalis.boosting.catboost import metric, objective, predict_logits, set_initial_logits
>>> features, labels = load_breast_cancer(return_X_y=True)
>>> loss = parse("focal(gamma=2)")
>>> train = catboost.Pool(features[:400], labels[:400])
>>> valid = catboost.Pool(features[400:], labels[400:])
>>> start = set_initial_logits(loss, train, valid)
>>> booster = catboost.CatBoost(
...     {
...         "loss_function": objective(loss),
...         "eval_metric": metric(loss),
...         "leaf_estimation_method": "Newton",
...         "iterations": 30,
...         "depth": 4,
...         "thread_count": 1,
...         "allow_writing_files": False,
...     }
... )
>>> trained = booster.fit(train, eval_set=valid, early_stopping_rounds=10, verbose=False)
>>> logits = predict_logits(booster, features[400:], start)
>>> bool(np.mean((loss.posterior(logits) > 0.5) == labels[400:]) > 0.9)
True
"""

import functools
from dataclasses import replace
from typing import Any

import numpy as np

from focalis.boosting.hessian import softmax_hessian
from focalis.boosting.objective import (
    DEFAULT_CURVATURE,
    Derivatives,
    Metric,
    as_targets,
    check_finite,
    require,
)
from focalis.boosting.starts import add_start, spread, starting_logits
from focalis.loss import Loss
from focalis.maths.links import SIGMOID, SOFTMAX

__all__ = ["metric", "objective", "predict_logits", "set_initial_logits"]

Array = np.ndarray


class _Sigmoid(Derivatives):
    no_jit = True  # otherwise CatBoost tries to compile the method, and warns that it cannot

    def of_row(
        self, approxes: Any, labels: Any, weight: float
    ) -> tuple[list[float], list[list[float]]]:
        """Return the derivatives of a row with several scores, the second as a diagonal matrix."""
        scores, answers = np.asarray(approxes, np.float64)[None], np.atleast_1d(labels)
        grad, hess = self.derivatives(scores, answers, [weight])
        return (-grad[0]).tolist(), np.diag(-hess[0]).tolist()


class _Binary(_Sigmoid):
    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> Array:
        # CatBoost maximises, so both derivatives change sign.
        return -np.column_stack(self.derivatives(approxes, targets, weights))

    # For several scores: one class against the rest, for each.
    def calc_ders_multi(
        self, approxes: Any, target: float, weight: float
    ) -> tuple[list[float], list[list[float]]]:
        return self.of_row(approxes, target, weight)


class _Softmax(Derivatives):
    no_jit = True

    # CatBoost calls this when it does not know that there are several classes.
    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> Array:
        raise ValueError(
            "a softmax loss needs CatBoost to be told the number of classes (classes_count)"
        )

    def calc_ders_multi(
        self, approxes: Any, target: float, weight: float
    ) -> tuple[list[float], list[list[float]]]:
        scores = np.asarray(approxes, np.float64)
        n_classes = len(scores)
        label = int(as_targets(self.loss, scores[None], np.array([target]))[0])
        if label == self.loss.ignore_index:
            return [0.0] * n_classes, np.zeros((n_classes, n_classes)).tolist()
        grad, matrix = self._row(scores, label)
        check_finite(grad[None], scores[None])
        factor = -weight * self.scale
        return (factor * grad).tolist(), (factor * matrix).tolist()

    def _row(self, scores: Array, label: int) -> tuple[Array, Array]:
        """Return the gradient (C,) and the Hessian (C, C) of a row."""
        n_classes, smoothing = len(scores), self.loss.label_smoothing
        plain = replace(self.loss, label_smoothing=0.0) if smoothing else self.loss
        fisher = self.curvature == "fisher"
        # The loss of a smoothed target is a mean over the classes, and so is the Fisher information.
        classes = np.arange(n_classes) if smoothing or fisher else np.array([label])
        grad, hess = plain.grad_and_hess(
            np.repeat(scores[None], len(classes), axis=0),
            classes,
            curvature="clipped" if self.curvature in ("native", "fisher") else self.curvature,
        )
        if len(classes) == 1:
            return grad[0], softmax_hessian(grad, hess, classes)[0]
        share = np.full(n_classes, smoothing / n_classes)
        share[label] += 1.0 - smoothing
        if not fisher:
            matrix = np.tensordot(share, softmax_hessian(grad, hess, classes), axes=1)
            return share @ grad, matrix
        # Weights stay outside the squares.
        weight = plain.answer_weights(n_classes, np.dtype(np.float64))[0]
        slopes = Loss("softmax", plain.margin_loss).grad_and_hess(
            np.repeat(scores[None], n_classes, axis=0), classes
        )[0]
        information = slopes.T @ (plain.probabilities(scores)[:, None] * slopes)
        return share @ grad, float(share @ weight) * information


class _Questions(_Sigmoid):
    def calc_ders_multi(
        self, approxes: Any, targets: Any, weight: float
    ) -> tuple[list[float], list[list[float]]]:
        return self.of_row(approxes, targets, weight)

    def __reduce__(self) -> Any:
        return functools.partial(
            objective, self.loss, self.curvature, scale=self.scale, multilabel=True
        ), ()


class _Metric(Metric):
    no_jit = True

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        scores = np.asarray(approxes[0]) if len(approxes) == 1 else np.column_stack(approxes)
        return self.totals(scores, target, weight)

    def is_max_optimal(self) -> bool:
        return False

    def get_final_error(self, error: float, weight: float) -> float:
        return error / weight if weight > 0 else 0.0


class _QuestionsMetric(_Metric):
    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        return self.totals(np.column_stack(approxes), np.column_stack(target), weight)

    def __reduce__(self) -> Any:
        return functools.partial(metric, self.loss, scale=self.scale, multilabel=True), ()


@functools.cache
def _of_several_targets(kind: type, base: str) -> Any:
    """Return the class with one more base, by which CatBoost recognises labels of several columns."""
    return type(kind.__name__, (kind, getattr(require("catboost"), base)), {})


def _check_questions(loss: Loss) -> None:
    if getattr(loss, "link", SIGMOID) != SIGMOID:
        raise ValueError(f"multilabel needs a loss with the link 'sigmoid', got link={loss.link!r}")


def objective(
    loss: Loss, curvature: str = DEFAULT_CURVATURE, *, scale: float = 1.0, multilabel: bool = False
) -> Derivatives:
    """Return a loss as CatBoost's objective.

    Use it as the ``loss_function`` of ``catboost.train``, ``CatBoost`` or ``CatBoostClassifier``; row
    weights are taken into account.

    Parameters
    ----------
    loss : Loss
        ``"sigmoid"`` for two classes, ``"softmax"`` for more. With CatBoost's ``classes_count`` = C, a
        sigmoid decides one class against the rest, for each of the C classes.
    curvature : {"native", "exact", "clipped", "absolute", "fisher"}, default "native"
        What to use as second derivative: a policy of `focalis.curvature`, or "native", which here is
        "clipped": CatBoost scales the curvature of its softmax by nothing, and takes the whole matrix.
    scale : float, default 1.0
        A constant factor on gradient and curvature.
    multilabel : bool, default False
        For a sigmoid: whether the labels are answers (n, C) to C yes/no questions.

    Returns
    -------
    object
        Picklable, with the method ``calc_ders_range`` (sigmoid) or ``calc_ders_multi`` (softmax and
        multi-label). Both return the derivatives of minus the loss, which CatBoost maximises.

    Raises
    ------
    TypeError, ValueError
        If an argument is not one of these; during training, if a label is not a class or a score is NaN.
    ImportError
        If `multilabel` is true and CatBoost is not installed.

    Examples
    --------
    >>> from focalis import parse
    >>> objective(parse("cross_entropy")).calc_ders_range(np.zeros(2), np.array([1.0, 0.0]), None)
    array([[ 0.5 , -0.25],
           [-0.5 , -0.25]])
    """
    kind: Any = _Softmax if getattr(loss, "link", None) == SOFTMAX else _Binary
    if multilabel:
        _check_questions(loss)
        kind = _of_several_targets(_Questions, "MultiTargetCustomObjective")
    made: Derivatives = kind(loss, curvature, scale)
    return made


def metric(loss: Loss, *, scale: float = 1.0, multilabel: bool = False) -> Metric:
    """Return a loss as CatBoost's metric, the weighted mean over the rows, for early stopping.

    Use it as ``eval_metric``, with any objective: CatBoost always passes raw scores.

    Parameters
    ----------
    loss : Loss
        As for `objective`.
    scale : float, default 1.0
        A constant factor on the value, as for `objective`.
    multilabel : bool, default False
        As for `objective`; the losses of a row's C questions are added up.

    Returns
    -------
    object
        Picklable, with the methods that CatBoost calls.

    Raises
    ------
    TypeError, ValueError
        As for `objective`.

    Examples
    --------
    >>> from focalis import parse
    >>> total, weight = metric(parse("focal(gamma=2)")).evaluate([np.zeros(2)], np.ones(2), None)
    >>> round(total / weight, 4)
    0.1733
    """
    if not multilabel:
        return _Metric(loss, scale)
    _check_questions(loss)
    made: Metric = _of_several_targets(_QuestionsMetric, "MultiTargetCustomMetric")(loss, scale)
    return made


def set_initial_logits(loss: Loss, train: Any, *others: Any, n_classes: int | None = None) -> Any:
    """Make training start from the constant that minimises the loss, by setting the baseline.

    Parameters
    ----------
    loss : Loss
        As for `objective`.
    train : catboost.Pool
        With labels; its weights are taken into account.
    *others : catboost.Pool
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
        If a class never occurs, or the labels have several columns, for which CatBoost has no baseline.

    Examples
    --------
    >>> import catboost
    >>> from focalis import parse
    >>> data = catboost.Pool(np.arange(4.0)[:, None], label=[1, 0, 0, 0])
    >>> print(set_initial_logits(parse("cross_entropy"), data).round(4))
    -1.0986
    """
    stored = train.get_label()
    labels = np.asarray([] if stored is None else stored, np.float64)
    if labels.ndim > 1:
        raise ValueError(
            "train must have labels of one column: CatBoost takes no baseline for several and starts "
            f"them from 0, got shape {labels.shape}"
        )
    start = starting_logits(loss, labels, train.get_weight(), n_classes)
    for data in (train, *others):
        data.set_baseline(spread(start, data.num_row()))
    return start


def predict_logits(booster: Any, features: Any, initial_logits: Any) -> Array:
    """Return the logits of rows: the booster's raw values plus what it started from.

    Parameters
    ----------
    booster : catboost.CatBoost
        A booster trained from `initial_logits`.
    features : array_like, DataFrame or catboost.Pool
        Anything CatBoost predicts from; a Pool must have no baseline.
    initial_logits : float or array_like of float (C,)
        From `set_initial_logits`, or 0 if that was not called.

    Returns
    -------
    ndarray
        (n,) or (n, C), for `Loss.posterior` and `Loss.probabilities`.
    """
    raw = booster.predict(features, prediction_type="RawFormulaVal")
    return add_start(raw, initial_logits)
