"""What both classifiers share: labels and losses in, probabilities out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d

from focalis.loss import Loss
from focalis.margin import MarginLoss
from focalis.maths.links import link_for
from focalis.parsing import parse
from focalis.settings_table import WEIGHTS
from focalis.sklearn.columns import is_missing
from focalis.weights import inverse_frequency

Array = np.ndarray

CALIBRATIONS = ("posterior", "link")


def read_loss(loss: Any, n_classes: int) -> Loss:
    """Return the loss for this number of classes: a sigmoid for two, a softmax for more."""
    link = link_for(n_classes)
    if isinstance(loss, MarginLoss):
        return Loss(link, loss)
    if not isinstance(loss, Loss | str):
        raise TypeError(
            "loss must be a text such as 'focal(gamma=2)', a focalis.Loss or a margin loss, "
            f"got {loss!r}"
        )
    parsed = parse(loss, link=link) if isinstance(loss, str) else loss
    if parsed.link != link:
        raise ValueError(
            f"loss must have the link {link!r} for {n_classes} classes, got link={parsed.link!r}"
        )
    if parsed.ignore_index is not None:
        raise ValueError(
            f"loss must have no ignore_index, got {parsed.ignore_index!r}: every label of y is a class, "
            "so leave out the rows without one"
        )
    for name in WEIGHTS if n_classes == 2 else ():
        factor = getattr(parsed, name)
        if isinstance(factor, tuple) and len(factor) > 1:
            raise ValueError(
                f"{name} of the loss must be one number for 2 classes, which have one logit, "
                f"got {len(factor)} numbers"
            )
    parsed.answer_weights(outputs(n_classes), np.dtype(np.float64))
    return parsed


def outputs(n_classes: int) -> int:
    """Return how many logits a row has."""
    return 1 if n_classes == 2 else n_classes


class LossClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier that is trained on a loss and turns its logits into class probabilities."""

    loss: Any
    class_weight: Any
    calibration: str
    # The attribute that exists once a model is trained.
    _trained: ClassVar[str]

    def _read_labels(self, y: Any) -> Array:
        """Set the classes and the loss; return class indices."""
        y = column_or_1d(y, warn=True)
        gaps = [label for label in y if is_missing(label)] if y.dtype == object else []
        if gaps:
            raise ValueError(f"Input y contains {gaps[0]!r}, which is not a class")
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        encoder = LabelEncoder().fit(y)
        self.classes_ = encoder.classes_
        if len(self.classes_) < 2:
            raise ValueError(f"y must hold at least 2 classes, got 1 class: {self.classes_[0]!r}")
        self.loss_ = read_loss(self.loss, len(self.classes_))
        self._check_calibration()
        return np.asarray(encoder.transform(y))

    def _known_labels(self, y: Any, name: str) -> Array:
        """Return labels as class indices, or raise if one is not among the known classes."""
        y = column_or_1d(y)
        known = set(self.classes_.tolist())
        unknown = [label for label in y.tolist() if label not in known]
        if unknown:
            raise ValueError(
                f"{name} must hold only the classes {self.classes_.tolist()}, got {unknown[0]!r}"
            )
        return np.asarray(np.searchsorted(self.classes_, y))

    def _read_weights(self, sample_weight: Any, X: Array, labels: Array) -> Array | None:
        """Return the row weights times the class weights, or None if there are neither."""
        weight = None
        if sample_weight is not None:
            weight = np.asarray(_check_sample_weight(sample_weight, X, ensure_non_negative=True))
        if self.class_weight is None:
            return weight
        factors = self._class_factors(labels, weight)
        return np.asarray(factors[labels] if weight is None else weight * factors[labels])

    def _class_factors(self, labels: Array, weight: Array | None) -> Array:
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            if not hasattr(self, "class_factors_"):
                self.class_factors_ = inverse_frequency(
                    labels, n_classes=len(self.classes_), sample_weight=weight
                )
            return self.class_factors_
        if not isinstance(self.class_weight, Mapping):
            raise ValueError(
                "class_weight must be None, 'balanced' or a mapping of classes to weights, "
                f"got {self.class_weight!r}"
            )
        classes, named = set(self.classes_.tolist()), set(self.class_weight)
        # A fold may lack a class, so an unknown name is a mistake only if some class has no weight.
        if named - classes and classes - named:
            raise ValueError(
                f"class_weight must name classes of y, which are {self.classes_.tolist()}, "
                f"got {sorted(named - classes, key=str)}"
            )
        factors: list[Any] = [self.class_weight.get(one, 1.0) for one in self.classes_.tolist()]
        if not all(isinstance(one, Real) and 0 <= one < np.inf for one in factors):  # type: ignore[operator]
            raise ValueError(
                f"class_weight must hold non-negative finite numbers, got {self.class_weight!r}"
            )
        return np.array(factors, np.float64)

    def _truth(self, labels: Array) -> Array:
        """Return class indices as targets of the loss."""
        return labels.astype(np.float64) if len(self.classes_) == 2 else labels

    @abstractmethod
    def raw_logits(self, X: Any) -> Array:
        """Return the logits of the model, including the initial logits.

        Parameters
        ----------
        X : array_like, sparse matrix or DataFrame of shape (n, features)
            Rows.

        Returns
        -------
        ndarray
            (n,) for two classes, (n, C) for more.
        """

    def predict_proba(self, X: Any) -> Array:
        """Return the class probabilities.

        Parameters
        ----------
        X : array_like, sparse matrix or DataFrame of shape (n, features)
            Rows.

        Returns
        -------
        ndarray of shape (n, C)
            With `calibration` "posterior", the probabilities that the logits imply after training on the
            loss; with "link", the link's output.
        """
        probabilities = self._probabilities(self.raw_logits(X), self.loss_)
        if probabilities.ndim == 2:
            return probabilities
        return np.column_stack([1.0 - probabilities, probabilities])

    def decision_function(self, X: Any) -> Array:
        """Return the log-odds of `predict_proba`.

        Parameters
        ----------
        X : array_like, sparse matrix or DataFrame of shape (n, features)
            Rows.

        Returns
        -------
        ndarray
            For two classes (n,), the log-odds of the second, above 0 where it is likelier; else (n, C).
        """
        logits = self.raw_logits(X)
        p = self._probabilities(logits, self.loss_)
        if p.ndim == 2:
            q = 1.0 - p
            # For the largest of a row sum the others, since 1 − p would cancel.
            top = p.argmax(axis=1)[:, None]
            others = np.where(np.arange(p.shape[1]) == top, 0.0, p).sum(axis=1)
            np.put_along_axis(q, top, others[:, None], axis=1)
        else:
            q = self._probabilities(-logits, mirrored(self.loss_))
        tiny = np.finfo(np.float64).tiny
        return np.asarray(np.log(np.maximum(p, tiny)) - np.log(np.maximum(q, tiny)))

    def predict(self, X: Any) -> Array:
        """Return the likeliest class of each row.

        Parameters
        ----------
        X : array_like, sparse matrix or DataFrame of shape (n, features)
            Rows.

        Returns
        -------
        ndarray of shape (n,)
            Classes, as they appear in y.
        """
        decision = self.decision_function(X)
        best = (decision > 0).astype(int) if decision.ndim == 1 else decision.argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _check_calibration(self) -> None:
        if self.calibration not in CALIBRATIONS:
            raise ValueError(f"calibration must be 'posterior' or 'link', got {self.calibration!r}")

    def _probabilities(self, logits: Array, loss: Loss) -> Array:
        self._check_calibration()
        logits = np.asarray(logits, np.float64)
        return (
            loss.posterior(logits)
            if self.calibration == "posterior"
            else loss.probabilities(logits)
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, self._trained)


def mirrored(loss: Loss) -> Loss:
    """Return the binary loss in which positives and negatives trade places."""
    positive, negative = loss.answer_weights(1, np.dtype(np.float64))
    if positive[0] == negative[0]:
        return loss
    with np.errstate(divide="ignore"):
        ratio = float(negative[0] / positive[0])
    return replace(loss, alpha=None, class_weight=None, pos_weight=ratio)
