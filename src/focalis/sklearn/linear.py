"""A linear model on any loss of the family, as a scikit-learn classifier."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from focalis.boosting.hessian import softmax_hessian_product
from focalis.boosting.objective import engine_for
from focalis.boosting.starts import starting_logits
from focalis.loss import Loss
from focalis.sklearn.base import LossClassifier
from focalis.sklearn.columns import check_types

Array = np.ndarray

_LARGEST_FEATURE = 1e70
"""Newton steps contain fourth powers of the features, which overflow for larger ones."""

SOLVERS = {"lbfgs": "L-BFGS-B", "newton-cg": "trust-ncg"}


class LinearClassifier(LossClassifier):
    """A linear model that minimises a loss and returns the class probabilities.

    It minimises C Σ w ℓ(X coef + intercept) + ‖coef‖² / 2, as `sklearn.linear_model.LogisticRegression`
    does for cross-entropy, starting from coefficients of 0 and the best constant intercept.

    Parameters
    ----------
    loss : str, Loss or MarginLoss, default "focal"
        Such as ``"focal(gamma=2, alpha=.25)"``; a sigmoid for two classes, a softmax for more.
    C : float, default 1.0
        Inverse strength of the penalty, which does not apply to the intercept.
    solver : {"lbfgs", "newton-cg"}, default "lbfgs"
        L-BFGS on the exact gradient, or Newton's method with conjugate gradients in a trust region, on
        exact products with the Hessian. The latter needs far fewer iterations if the features have
        different scales.
    class_weight : {"balanced"}, dict or None, default None
        Factors on the row weights. Like row weights, they change the probabilities to those of the
        reweighted rows, whereas the weights of the loss (α, class weights) are undone.
    calibration : {"posterior", "link"}, default "posterior"
        Whether `predict_proba` returns the class probabilities that the logits imply, or the link's
        output.
    tol : float, default 1e-6
        Stop once no element of the gradient, divided by C and the total weight, is larger than this.
    max_iter : int, default 1000
        The most iterations allowed; `converged_` says whether they were enough.
    warm_start : bool, default False
        Whether `fit` starts from the existing coefficients.

    Attributes
    ----------
    classes_ : ndarray
        The classes, in the order of the columns of `predict_proba`.
    coef_ : ndarray of shape (1, features) or (C, features)
        The coefficients.
    intercept_ : ndarray of shape (1,) or (C,)
        The intercept.
    loss_ : Loss
        The loss that was minimised.
    n_iter_ : int
        The number of iterations of the solver.
    converged_ : bool
        Whether the gradient is as small as `tol` requires.
    n_features_in_, feature_names_in_
        As in all scikit-learn estimators.

    Raises
    ------
    ValueError, TypeError
        If a parameter or a label is not one of these.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If `fit` ends with a gradient larger than `tol`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from focalis.sklearn import LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> print(round(LinearClassifier("focal(gamma=1)").fit(X, y).score(X, y), 2))
    0.99
    """

    def __init__(
        self,
        loss: Any = "focal",
        *,
        C: float = 1.0,
        solver: str = "lbfgs",
        class_weight: Any = None,
        calibration: str = "posterior",
        tol: float = 1e-6,
        max_iter: int = 1000,
        warm_start: bool = False,
    ) -> None:
        self.loss = loss
        self.C = C
        self.solver = solver
        self.class_weight = class_weight
        self.calibration = calibration
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    coef_: Array
    intercept_: Array
    _trained = "coef_"

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        callback: Callable[[], None] | None = None,
    ) -> "LinearClassifier":
        """Fit the coefficients.

        Parameters
        ----------
        X : array_like, sparse matrix or DataFrame of shape (n, features)
            Rows of finite numbers.
        y : array_like of shape (n,)
            Classes.
        sample_weight : array_like of shape (n,), optional
            Non-negative weights.
        callback : callable, optional
            Called after every iteration; an exception from it ends the training.

        Returns
        -------
        LinearClassifier
            The estimator itself.
        """
        if self.solver not in SOLVERS:
            raise ValueError(f"solver must be 'lbfgs' or 'newton-cg', got {self.solver!r}")
        if not (isinstance(self.C, int | float | np.number) and 0 < self.C < np.inf):
            raise ValueError(f"C must be a finite number above 0, got {self.C!r}")
        if not (isinstance(self.tol, int | float | np.number) and 0 <= self.tol < np.inf):
            raise ValueError(f"tol must be a finite number of at least 0, got {self.tol!r}")
        if not (isinstance(self.max_iter, int | np.integer) and self.max_iter >= 1):
            raise ValueError(f"max_iter must be an integer of at least 1, got {self.max_iter!r}")
        known = (self.coef_, self.intercept_) if self._goes_on() else None
        check_consistent_length(X, y)
        check_types(X)
        X = validate_data(self, X, dtype=np.float64, accept_sparse="csr")
        numbers = X.data if issparse(X) else X
        largest = float(max(numbers.max(initial=0.0), -numbers.min(initial=0.0)))
        if largest > _LARGEST_FEATURE:
            raise ValueError(
                f"X must hold numbers of at most {_LARGEST_FEATURE:g} in size, got {largest:g}: "
                "scale the features"
            )
        if hasattr(self, "class_factors_"):
            del self.class_factors_
        labels = self._read_labels(y)
        weight = self._read_weights(sample_weight, X, labels)
        n_classes = len(self.classes_)
        self.initial_logits_ = starting_logits(
            self.loss_, labels, weight, None if n_classes == 2 else n_classes
        )
        intercept = np.atleast_1d(self.initial_logits_)
        coef = np.zeros((len(intercept), X.shape[1]))
        if known is not None and known[0].shape == coef.shape:
            coef, intercept = known
        risk = _Risk(self.loss_, X, self._truth(labels), weight, self.C, len(intercept))
        found = self._minimise(risk, np.concatenate([coef.ravel(), intercept]), callback)
        self.coef_ = found[: coef.size].reshape(coef.shape)
        self.intercept_ = found[coef.size :]
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _goes_on(self) -> bool:
        return self.warm_start and hasattr(self, "coef_")

    def _minimise(self, risk: "_Risk", start: Array, callback: Callable[[], None] | None) -> Array:
        """Return the parameters at the minimum; set `n_iter_` and `converged_`."""
        found, gradient = start, risk.value_and_gradient(start)[1]
        self.n_iter_ = 0
        if np.abs(gradient).max() > self.tol:
            options: dict[str, Any] = {"maxiter": self.max_iter, "gtol": self.tol}
            settings: dict[str, Any] = {}
            if self.solver == "lbfgs":
                options.update(ftol=0.0, maxls=50, maxfun=np.iinfo(np.int32).max)
            else:
                settings["hessp"] = risk.hessian_product
            result = minimize(
                risk.value_and_gradient,
                start,
                jac=True,
                method=SOLVERS[self.solver],
                options=options,
                callback=None if callback is None else lambda _: callback(),
                **settings,
            )
            found, gradient, self.n_iter_ = result.x, result.jac, int(result.nit)
        largest = float(np.abs(gradient).max())
        self.converged_ = largest <= self.tol
        if not self.converged_:
            warnings.warn(
                f"solver {self.solver!r} stopped after {self.n_iter_} iterations with a gradient of "
                f"{largest:.1e}, above tol={self.tol}: scale the features, or raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=3,
            )
        return found

    def raw_logits(self, X: Any) -> Array:
        """Return the logits of the model.

        Parameters
        ----------
        X : array_like, sparse matrix or DataFrame of shape (n, features)
            Rows of finite numbers.

        Returns
        -------
        ndarray
            (n,) for two classes, (n, C) for more.
        """
        check_is_fitted(self)
        check_types(X)
        X = validate_data(self, X, reset=False, dtype=np.float64, accept_sparse="csr")
        logits = X @ self.coef_.T + self.intercept_
        return np.asarray(logits[:, 0] if len(self.classes_) == 2 else logits)


class _Risk:
    """The penalised loss of a linear model, per unit of C and weight, with its derivatives."""

    def __init__(
        self, loss: Loss, X: Any, truth: Array, weight: Array | None, C: float, n_outputs: int
    ) -> None:
        self._loss = replace(loss, reduction="sum")
        self._X, self._truth, self._weight = X, truth, weight
        total = len(truth) if weight is None else weight.sum()
        self._scale, self._penalty = 1.0 / total, 1.0 / (C * total)
        self._shape = (n_outputs, X.shape[1])
        self._at: Array | None = None

    def value_and_gradient(self, parameters: Array) -> tuple[float, Array]:
        coef, logits = self._logits(parameters)
        value, slope = self._loss.value_and_grad(
            logits, self._truth, sample_weight=self._weight, engine=engine_for(len(logits))
        )
        total = float(value) * self._scale + self._penalty / 2 * float(np.sum(coef**2))
        return total, self._pulled_back(slope, coef)

    def hessian_product(self, parameters: Array, direction: Array) -> Array:
        """Return the Hessian at the parameters times a direction."""
        self._derive(parameters)
        along, change = self._logits(direction)
        if self._loss.link.elementwise:
            return self._pulled_back(self._hess * change, along)
        product = np.zeros_like(change)
        for share, labels, grad, hess in self._parts:
            product += share[:, None] * softmax_hessian_product(grad, hess, labels, change)
        return self._pulled_back(product, along)

    def _derive(self, parameters: Array) -> None:
        """Compute gradient and Hessian per logit, once for all directions."""
        if self._at is not None and np.array_equal(self._at, parameters):
            return
        _, logits = self._logits(parameters)
        settings: dict[str, Any] = {
            "sample_weight": self._weight,
            "engine": engine_for(len(logits)),
        }
        if self._loss.link.elementwise:
            _, self._hess = self._loss.grad_and_hess(logits, self._truth, **settings)
        else:
            plain = replace(self._loss, label_smoothing=0.0)
            self._parts = []
            for share, labels in self._answers():
                derivatives = plain.grad_and_hess(logits, labels, **settings)
                self._parts.append((share, labels, *derivatives))
        self._at = parameters.copy()

    def _answers(self) -> list[tuple[Array, Array]]:
        """Return the classes that the targets stand for, with shares: one, or all if smoothed."""
        smoothing, n_classes = self._loss.label_smoothing, self._shape[0]
        if smoothing == 0.0:
            return [(np.ones(len(self._truth)), self._truth)]
        spread = smoothing / n_classes
        return [
            (
                np.where(self._truth == one, 1.0 - smoothing + spread, spread),
                np.full(len(self._truth), one),
            )
            for one in range(n_classes)
        ]

    def _logits(self, parameters: Array) -> tuple[Array, Array]:
        size = self._shape[0] * self._shape[1]
        coef = parameters[:size].reshape(self._shape)
        logits = self._X @ coef.T + parameters[size:]
        return coef, logits[:, 0] if self._loss.link.elementwise else logits

    def _pulled_back(self, slope: Array, coef: Array) -> Array:
        """Return the derivative with respect to the parameters from that with respect to the logits."""
        rows = slope.reshape(len(self._truth), -1)
        by_coef = rows.T @ self._X * self._scale + self._penalty * coef
        return np.concatenate([by_coef.ravel(), rows.sum(axis=0) * self._scale])
