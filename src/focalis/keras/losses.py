"""Keras' losses under its names, and those that it lacks."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from focalis import Loss, margin
from focalis.errors import ArgumentError, ArgumentTypeError, renamed
from focalis.keras._loss import FamilyLoss, factors
from focalis.keras._probabilities import divided, held_by_focal, of_indices, unchanged
from focalis.margin import MarginLoss
from focalis.maths.links import IDENTITY, SIGMOID, SIMPLEX, SOFTMAX, Link

MEAN = "sum_over_batch_size"

Numbers = Sequence[float] | None
Classes = Sequence[bool] | None
ByClass = Sequence[float] | Mapping[int, float] | None
Factor = float | Sequence[float] | None

register = keras.saving.register_keras_serializable("focalis")


def _loss(
    links: tuple[Link, Link], margin_loss: MarginLoss, arguments: Mapping[str, Any], **others: Any
) -> Loss:
    """Return the loss with the first link for probabilities, or the second for logits."""
    from_logits = arguments["from_logits"]
    if not isinstance(from_logits, bool):
        raise ArgumentTypeError("from_logits", "a bool", repr(from_logits))
    shared = {name: arguments[name] for name in ("class_weight", "label_smoothing")}
    return Loss(links[from_logits], margin_loss, **shared, **others)


def _yes_no(margin_loss: MarginLoss, arguments: Mapping[str, Any], **others: Any) -> Loss:
    if isinstance(arguments["class_weight"], Mapping):
        got = f"the mapping {dict(arguments['class_weight'])}: use alpha to weight yes against no"
        raise ArgumentTypeError("class_weight", "a sequence with a factor for each question", got)
    return _loss((IDENTITY, SIGMOID), margin_loss, arguments, **others)


def _one_of_many(margin_loss: MarginLoss, arguments: Mapping[str, Any], **others: Any) -> Loss:
    by_class = arguments["class_weight"]
    if isinstance(by_class, Mapping):
        arguments = {**arguments, "class_weight": _listed(by_class)}
    return _loss((SIMPLEX, SOFTMAX), margin_loss, arguments, **others)


def _listed(by_class: Mapping[int, float]) -> tuple[float, ...] | None:
    """Return the factors of a mapping of classes to factors, as Keras' `fit` takes it."""
    for index in by_class:
        if isinstance(index, bool) or not isinstance(index, int | np.integer):
            expected = "a sequence or a mapping of class indices to factors"
            raise ArgumentTypeError("class_weight", expected, f"the class {index!r}")
        if index < 0:
            raise ArgumentError("class_weight", "classes from 0 on", index, must="name")
    return factors(by_class) if by_class else None


@register
class BinaryCrossentropy(FamilyLoss):
    """Cross-entropy of yes/no questions, −log p_t.

    Parameters
    ----------
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As described in `focalis.keras`.
    class_weight, class_where : optional
        As described in `focalis.keras`.

    Examples
    --------
    >>> from focalis.keras import BinaryCrossentropy
    >>> bce = BinaryCrossentropy(from_logits=True)
    >>> round(float(bce([[0, 1], [0, 0]], [[-18.6, 0.51], [2.94, -12.8]])), 3)
    0.865
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        *,
        ignore_class: float | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _yes_no(margin.cross_entropy(), arguments)
        super().__init__(loss, "elementwise", arguments, activation="Sigmoid")


@register
class BinaryFocalCrossentropy(FamilyLoss):
    """Focal loss of yes/no questions, −α_t (1 − p_t)^γ log p_t.

    Parameters
    ----------
    apply_class_balancing : bool, default False
        Whether `alpha` is used.
    alpha : float or sequence of float, default 0.25
        Weights positives by α and negatives by 1 − α.
    gamma : float, default 2.0
        The focusing γ ≥ 0.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As described in `focalis.keras`.
    class_weight, class_where : optional
        As described in `focalis.keras`.

    Notes
    -----
    With soft or smoothed targets the loss is the expectation y φ(x) + (1 − y) φ(−x). Keras mixes p_t
    first, which is a different loss: γ = 2, y = .7, x = 1 give .226 here and .102 there. For targets of
    0 and 1 they agree.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> from focalis.keras import BinaryFocalCrossentropy
    >>> loss = BinaryFocalCrossentropy(gamma=3, from_logits=True)
    >>> round(float(loss([[0, 1], [0, 0]], [[-18.6, 0.51], [2.94, -12.8]])), 3)
    0.647
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: Factor = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
        *,
        ignore_class: float | None = None,
        class_weight: Numbers = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        balance = alpha if apply_class_balancing else None
        loss = _yes_no(margin.focal(gamma), arguments, alpha=balance)
        # From logits, Keras computes the probabilities itself.
        activation = None if from_logits else "Sigmoid"
        reading = held_by_focal(float(gamma))
        super().__init__(loss, "elementwise", arguments, reading=reading, activation=activation)


@register
class CategoricalCrossentropy(FamilyLoss):
    """Cross-entropy of one class of C, −log p_t, for targets with a number for each class.

    Parameters
    ----------
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As described in `focalis.keras`.
    class_weight, class_where : optional
        As described in `focalis.keras`.

    Examples
    --------
    >>> from focalis.keras import CategoricalCrossentropy
    >>> cce = CategoricalCrossentropy()
    >>> round(float(cce([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])), 3)
    1.177
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        *,
        ignore_class: int | None = None,
        class_weight: ByClass = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.cross_entropy(), arguments)
        super().__init__(loss, "dense", arguments, reading=divided, activation="Softmax")


@register
class CategoricalFocalCrossentropy(FamilyLoss):
    """Focal loss of one class of C, −α_t (1 − p_t)^γ log p_t, with a number for each class.

    Parameters
    ----------
    alpha : float or sequence of float, default 0.25
        A factor for each class, or one for all; None turns it off.
    gamma : float, default 2.0
        The focusing γ ≥ 0.
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As described in `focalis.keras`.
    class_weight, class_where : optional
        As described in `focalis.keras`.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> from focalis.keras import CategoricalFocalCrossentropy
    >>> loss = CategoricalFocalCrossentropy()
    >>> round(float(loss([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])), 6)
    0.233153
    """

    def __init__(
        self,
        alpha: Factor = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
        *,
        ignore_class: int | None = None,
        class_weight: ByClass = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.focal(gamma), arguments, alpha=alpha)
        super().__init__(loss, "dense", arguments, reading=divided)


@register
class CategoricalGeneralizedCrossEntropy(FamilyLoss):
    """Generalised cross-entropy of one class of C, (1 − p_t^q) / q, for class indices.

    Parameters
    ----------
    q : float, default 0.5
        In (0, 1]: near 0 the loss is the cross-entropy, at 1 it is the probability of a mistake.
    reduction, name, dtype, from_logits, label_smoothing, axis, ignore_class : optional
        As described in `focalis.keras`.
    class_weight, class_where : optional
        As described in `focalis.keras`.

    References
    ----------
    arXiv 1805.07836.

    Examples
    --------
    >>> from focalis.keras import CategoricalGeneralizedCrossEntropy
    >>> loss = CategoricalGeneralizedCrossEntropy()
    >>> round(float(loss([0, 1, 0, 1], [[0.7, 0.3], [0.2, 0.8], [0.6, 0.4], [0.4, 0.6]])), 4)
    0.3599
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = MEAN,
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
        *,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        ignore_class: int | None = None,
        class_weight: ByClass = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        with renamed(kappa="q"):
            general = margin.generalized_cross_entropy(q)
        super().__init__(_one_of_many(general, arguments), "index", arguments, reading=unchanged)


@register
class SparseCategoricalCrossentropy(FamilyLoss):
    """Cross-entropy of one class of C, −log p_t, for class indices.

    Parameters
    ----------
    from_logits, ignore_class, reduction, axis, name, dtype, label_smoothing : optional
        As described in `focalis.keras`.
    class_weight, class_where : optional
        As described in `focalis.keras`.

    Examples
    --------
    >>> from focalis.keras import SparseCategoricalCrossentropy
    >>> scce = SparseCategoricalCrossentropy()
    >>> round(float(scce([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])), 3)
    1.177
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = MEAN,
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        *,
        label_smoothing: float = 0.0,
        class_weight: ByClass = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.cross_entropy(), arguments)
        # If rows may be ignored, Keras rewrites the scores and finds no activation behind them.
        activation = "Softmax" if ignore_class is None else None
        super().__init__(loss, "index", arguments, reading=of_indices, activation=activation)


@register
class SparseCategoricalFocalCrossentropy(FamilyLoss):
    """Focal loss of one class of C, −α_t (1 − p_t)^γ log p_t, for class indices.

    It equals `CategoricalFocalCrossentropy` for the same classes as one-hot rows.

    Parameters
    ----------
    alpha : float or sequence of float, default 0.25
        A factor for each class, or one for all; None turns it off.
    gamma : float, default 2.0
        The focusing γ ≥ 0.
    from_logits, ignore_class, reduction, axis, name, dtype, label_smoothing : optional
        As described in `focalis.keras`.
    class_weight, class_where : optional
        As described in `focalis.keras`.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> from focalis.keras import SparseCategoricalFocalCrossentropy
    >>> loss = SparseCategoricalFocalCrossentropy()
    >>> round(float(loss([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])), 6)
    0.233153
    """

    def __init__(
        self,
        alpha: Factor = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = MEAN,
        axis: int = -1,
        name: str | None = "sparse_categorical_focal_crossentropy",
        dtype: Any = None,
        *,
        label_smoothing: float = 0.0,
        class_weight: ByClass = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        loss = _one_of_many(margin.focal(gamma), arguments, alpha=alpha)
        super().__init__(loss, "index", arguments, reading=divided)


@register
class MultiLabelSoftmaxCrossentropy(FamilyLoss):
    """Cross-entropy of a softmax for rows with several labels, which share the weight equally.

    −Σ_k y_k log p_k / M, where M is the number of labels above 0; a row without any has loss 0.

    Parameters
    ----------
    from_logits, label_smoothing, axis, reduction, name, dtype, ignore_class : optional
        As described in `focalis.keras`.
    class_weight, class_where : optional
        As described in `focalis.keras`.

    Examples
    --------
    >>> from focalis.keras import MultiLabelSoftmaxCrossentropy
    >>> loss = MultiLabelSoftmaxCrossentropy(from_logits=True)
    >>> round(float(loss([[1, 1, 0]], [[0.0, 0.0, 0.0]])), 4)
    1.0986
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = "multi_label_softmax_crossentropy",
        dtype: Any = None,
        *,
        ignore_class: int | None = None,
        class_weight: ByClass = None,
        class_where: Classes = None,
    ) -> None:
        arguments = locals()
        mean = _one_of_many(margin.cross_entropy(), arguments, positives="mean")
        super().__init__(mean, "dense", arguments, reading=divided)
