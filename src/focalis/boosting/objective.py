"""What the objectives and metrics of all boosters share.

A booster asks for the gradient and the diagonal Hessian of the weighted sum of the losses at its raw
scores. The libraries differ only in how they pass scores, labels and weights, and in the factor that
their built-in softmax objectives put on the curvature.
"""

import importlib
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from focalis.curvature import POLICIES, check_policy
from focalis.errors import ArgumentError, ClassIndexError, renamed
from focalis.inputs.arguments import Arguments
from focalis.loss import Loss, Wanted, evaluate

__all__ = [
    "CURVATURES",
    "DEFAULT_CURVATURE",
    "Derivatives",
    "Metric",
    "as_targets",
    "check_loss",
    "class_indices",
    "engine_for",
    "naming_labels",
    "read_call",
    "require",
    "weights_or_none",
]

Array = np.ndarray

CURVATURES = (*POLICIES, "native")
DEFAULT_CURVATURE = "native"

# On fewer rows NumPy finishes before a kernel is compiled.
_COMPILE_FROM = 20_000


class _Value:
    """An immutable value, returned as its copy, since CatBoost's estimators copy their parameters."""

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


@dataclass(frozen=True)
class Derivatives(_Value):
    """The gradient and the curvature of a loss with a sigmoid or softmax at a booster's scores.

    The curvature is a policy of `focalis.curvature`, or ``"native"``: clipped, times the factor in the
    library's built-in objective. `scale` is a constant factor on both. It changes no minimiser, but how
    much the booster's floors and penalties weigh.
    """

    loss: Loss
    curvature: str = DEFAULT_CURVATURE
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_loss(self.loss)
        if self.curvature not in CURVATURES and isinstance(self.curvature, str):
            raise ValueError(
                f"curvature must be one of {', '.join(map(repr, CURVATURES))}, "
                f"got {self.curvature!r}"
            )
        if self.curvature != "native":
            check_policy(self.curvature)
        check_scale(self.scale)

    def native_factor(self, n_classes: int) -> float:
        """Return the factor that the library's built-in softmax objective puts on the curvature."""
        return 1.0

    def places(self, scores: Array) -> tuple[Array, Array] | None:
        """Return arrays for gradient and Hessian in the library's layout, or None for the scores'."""
        return None

    def derivatives(self, scores: Any, labels: Any, sample_weight: Any) -> tuple[Array, Array]:
        """Return gradient and Hessian, shaped like the scores (n,) or (n, C)."""
        scores = np.asarray(scores)
        native = self.curvature == "native"
        widening = float(self.scale)
        if native and not self.loss.link.elementwise and scores.ndim == 2:
            widening *= self.native_factor(scores.shape[1])
        places = self.places(scores) or (None, None)
        arguments = Arguments(
            scores, as_targets(self.loss, scores, labels), weights_or_none(sample_weight)
        )
        wanted = Wanted(
            2,
            places,
            "clipped" if native else self.curvature,
            engine_for(len(scores)),
            float(self.scale) / widening,
            None if places[0] is None else places[0].dtype,
        )
        loss = times(self.loss, widening, 1 if scores.ndim == 1 else scores.shape[1])
        with naming_labels():
            value, grad, hess = evaluate(loss, arguments, wanted)
        # The sum of the losses is computed with the gradient, and is NaN if any score was.
        if np.isnan(value):
            check_finite(grad, scores)
        return grad, hess


@dataclass(frozen=True)
class Metric(_Value):
    """The weighted mean of a loss at a booster's scores, times a factor; smaller is better."""

    loss: Loss
    scale: float = 1.0

    higher_is_better: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_loss(self.loss)
        check_scale(self.scale)

    @property
    def __name__(self) -> str:
        """The metric's name in the booster's log: the text form of the loss, without spaces."""
        # XGBoost splits its log at spaces.
        return str(self.loss).replace(" ", "")

    def totals(self, scores: Any, labels: Any, sample_weight: Any) -> tuple[float, float]:
        """Return the sum of the weighted losses and the sum of the weights."""
        scores = np.asarray(scores)
        if scores.size == 0:  # a worker that has no rows
            return 0.0, 0.0
        weight = weights_or_none(sample_weight)
        targets = as_targets(self.loss, scores, labels)
        with naming_labels():
            value = replace(self.loss, reduction="sum")(
                scores, targets, sample_weight=weight, engine=engine_for(len(scores))
            )
        if np.isnan(value):
            check_finite(scores, scores)
        counts = ~ignored(self.loss, targets).reshape(len(scores), -1).all(axis=1)
        if weight is not None:
            counts = weight[counts]
        return self.scale * float(value), float(counts.sum())

    def mean(self, scores: Any, labels: Any, sample_weight: Any) -> float:
        """Return the weighted mean of the losses of the rows, or 0 if the weights are all 0."""
        total, weight = self.totals(scores, labels, sample_weight)
        return total / weight if weight > 0 else 0.0


def check_loss(loss: Any) -> None:
    """Raise unless a booster can minimise the loss."""
    if not isinstance(loss, Loss):
        raise TypeError(
            f"loss must be a focalis.Loss such as focalis.parse('focal(gamma=2)'), got {loss!r}"
        )
    if loss.link.on_probabilities:
        expected = "a link with logits, sigmoid or softmax"
        raise ArgumentError("loss", expected, f"link={loss.link!r}", must="have")


def check_scale(scale: Any) -> None:
    """Raise unless a scale is a finite number above 0."""
    number = isinstance(scale, Real) and not isinstance(scale, bool)
    if not (number and 0 < scale < np.inf):
        raise ArgumentError("scale", "a finite number above 0", repr(scale))


def read_call(first: Any, second: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Return scores, labels and weights from the arguments of a call by LightGBM or XGBoost.

    ``train`` passes (scores, data set), the scikit-learn wrappers (labels, scores, weights).
    """
    if hasattr(second, "get_label"):
        return first, second.get_label(), second.get_weight()
    return second, first, sample_weight


def engine_for(rows: int) -> str:
    """Return the engine to use for this number of rows."""
    return "numpy" if rows < _COMPILE_FROM else "auto"


def as_targets(loss: Loss, scores: Array, labels: Any) -> Array:
    """Return a booster's labels as the targets of a loss at scores (n,) or (n, C).

    With a sigmoid and scores (n, C), n × C labels are yes/no answers to C questions, while n labels are
    class indices, which are turned into one class against the rest, for each of the C classes.
    """
    labels = np.asarray(labels)
    if not loss.link.elementwise:
        if scores.ndim != 2:
            raise ValueError(
                "a softmax loss needs scores of shape (n, classes), which the booster gives if it is "
                f"told the number of classes (num_class); got shape {scores.shape}"
            )
        return class_indices(labels, scores.shape[1], loss)
    if labels.shape == scores.shape:
        return np.asarray(labels)
    if scores.ndim == 2 and labels.size == scores.size:
        return np.asarray(labels.reshape(scores.shape))
    if scores.ndim == 2 and labels.shape == scores.shape[:1]:
        answers = np.zeros(scores.shape, scores.dtype)
        counts = ~ignored(loss, labels)
        if loss.ignore_index is not None:
            answers[~counts] = loss.ignore_index
        classes = class_indices(labels[counts], scores.shape[1])
        answers[np.flatnonzero(counts), classes] = 1.0
        return answers
    expected = f"one or {scores.shape[-1]} for each of {len(scores)} rows"
    raise ArgumentError("labels", expected, f"shape {labels.shape}")


def naming_labels() -> renamed:
    """Use a booster's names, labels and scores, in errors about targets and logits."""
    return renamed(targets="labels", logits="scores")


def ignored(loss: Loss, labels: Array) -> Array:
    """Return a mask of the labels that equal the loss's `ignore_index`."""
    skip = loss.ignore_index
    if skip is None:
        return np.zeros(labels.shape, bool)
    return np.asarray(np.isnan(labels) if np.isnan(skip) else labels == skip)


def class_indices(labels: Array, n_classes: int, loss: Loss | None = None) -> Array:
    """Return labels as integers in [0, n_classes), or raise for the first that is not one.

    Labels that the loss ignores stay as they are.
    """
    labels = labels.reshape(-1)
    if labels.dtype.kind in "iu":
        indices = labels
    else:
        with np.errstate(invalid="ignore"):
            indices = labels.astype(np.int64)
    bad = (indices != labels) | (indices < 0) | (indices >= n_classes)
    if loss is not None:
        bad &= ~ignored(loss, labels)
    if bad.any():
        first = int(bad.argmax())
        expected = f"class indices in [0, {n_classes})"
        raise ClassIndexError("labels", expected, labels[first], (first,))
    return indices


def check_finite(grad: Array, scores: Array) -> None:
    """Raise if a score was NaN: a booster would silently carry on with it."""
    bad = np.isnan(grad).reshape(len(grad), -1).any(axis=1)
    if bad.any():
        first = int(bad.argmax())
        raise ArgumentError("scores", "numbers", scores[first], (first,))


def times(loss: Loss, factor: float, n_classes: int) -> Loss:
    """Return a loss times a factor, which is put into its class weights."""
    if factor == 1.0:
        return loss
    weights = np.ones(n_classes) if loss.class_weight is None else np.asarray(loss.class_weight)
    return replace(loss, class_weight=tuple((factor * weights).tolist()))


def require(library: str, extra: str = "boosting") -> Any:
    """Return a library, or raise an ImportError that says what to install."""
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        raise ImportError(
            f"{library} is not installed: pip install {library}, or pip install 'focalis[{extra}]'"
        ) from error


def weights_or_none(sample_weight: Any) -> Array | None:
    """Return weights as an array, or None; some libraries pass an empty array for no weights."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight)
    return weights if weights.size else None
