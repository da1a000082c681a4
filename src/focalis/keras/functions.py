"""The losses of samples as functions, with Keras' names and arguments."""

from typing import Any

import keras
from keras import ops

from focalis.keras import losses
from focalis.keras.losses import Factor, register


def _each(named: type, y_true: Any, y_pred: Any, **settings: Any) -> Any:
    """Return the loss of each sample in the type of the scores."""
    scores = ops.convert_to_tensor(y_pred)
    dtype = keras.backend.standardize_dtype(scores.dtype)
    return named(**settings, dtype=dtype if keras.backend.is_float_dtype(dtype) else None).call(
        y_true, scores
    )


@register  # type: ignore[untyped-decorator]
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the cross-entropy of yes/no questions, averaged along `axis`.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    from_logits, label_smoothing, axis : optional
        As for `focalis.keras.BinaryCrossentropy`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import binary_crossentropy
    >>> [round(float(x), 3) for x in binary_crossentropy([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])]
    [0.916, 0.714]
    """
    settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
    return _each(losses.BinaryCrossentropy, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: Factor = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the focal loss of yes/no questions, averaged along `axis`.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.BinaryFocalCrossentropy`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import binary_focal_crossentropy
    >>> each = binary_focal_crossentropy([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]], gamma=2)
    >>> [round(float(x), 3) for x in each]
    [0.33, 0.206]
    """
    return _each(
        losses.BinaryFocalCrossentropy,
        y_true,
        y_pred,
        apply_class_balancing=apply_class_balancing,
        alpha=alpha,
        gamma=gamma,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        axis=axis,
    )


@register  # type: ignore[untyped-decorator]
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the cross-entropy of one class of C, for targets with a number for each class.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    from_logits, label_smoothing, axis : optional
        As for `focalis.keras.CategoricalCrossentropy`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import categorical_crossentropy
    >>> each = categorical_crossentropy([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
    >>> [round(float(x), 4) for x in each]
    [0.0513, 2.3026]
    """
    settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
    return _each(losses.CategoricalCrossentropy, y_true, y_pred, **settings)


@register  # type: ignore[untyped-decorator]
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Factor = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the focal loss of one class of C, for targets with a number for each class.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    alpha, gamma, from_logits, label_smoothing, axis : optional
        As for `focalis.keras.CategoricalFocalCrossentropy`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import categorical_focal_crossentropy
    >>> rows = [[0.05, 0.9, 0.05], [0.1, 0.85, 0.05]]
    >>> each = categorical_focal_crossentropy([[0, 1, 0], [0, 0, 1]], rows)
    >>> [round(float(x), 6) for x in each]
    [0.000263, 0.675912]
    """
    return _each(
        losses.CategoricalFocalCrossentropy,
        y_true,
        y_pred,
        alpha=alpha,
        gamma=gamma,
        from_logits=from_logits,
        label_smoothing=label_smoothing,
        axis=axis,
    )


@register  # type: ignore[untyped-decorator]
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """Return the generalised cross-entropy of one class of C, for class indices.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities.
    q : float
        As for `focalis.keras.CategoricalGeneralizedCrossEntropy`.

    Returns
    -------
    Tensor
        The loss of each sample.

    Examples
    --------
    >>> from focalis.keras import categorical_generalized_cross_entropy
    >>> each = categorical_generalized_cross_entropy([1, 0], [[0.19, 0.81], [0.36, 0.64]], q=0.5)
    >>> [round(float(x), 4) for x in each]
    [0.2, 0.8]
    """
    return _each(losses.CategoricalGeneralizedCrossEntropy, y_true, y_pred, q=q)


@register  # type: ignore[untyped-decorator]
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """Return the cross-entropy of one class of C, for class indices.

    Parameters
    ----------
    y_true, y_pred : array_like
        Targets, and probabilities or logits.
    from_logits, ignore_class, axis : optional
        As for `focalis.keras.SparseCategoricalCrossentropy`.

    Returns
    -------
    Tensor
        The loss of each sample, 0 for those of the ignored class.

    Examples
    --------
    >>> from focalis.keras import sparse_categorical_crossentropy
    >>> each = sparse_categorical_crossentropy([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
    >>> [round(float(x), 4) for x in each]
    [0.0513, 2.3026]
    """
    settings = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
    return _each(losses.SparseCategoricalCrossentropy, y_true, y_pred, **settings)
