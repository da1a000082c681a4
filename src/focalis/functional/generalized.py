"""Generalised cross-entropy, between cross-entropy and the mean absolute error: for noisy labels.

p_t is the probability that the model gives to the truth: from a sigmoid or a softmax of logits, or as
it is given.
"""

from numpy.typing import ArrayLike

from focalis import margin
from focalis.functional._evaluation import Engine, Reduction, Value, evaluate
from focalis.loss import Loss

__all__ = [
    "binary_generalized_cross_entropy",
    "categorical_generalized_cross_entropy",
    "sigmoid_generalized_cross_entropy",
    "softmax_generalized_cross_entropy",
]


def sigmoid_generalized_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    kappa: float = 0.7,
    *,
    reduction: Reduction = "mean",
    alpha: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the generalised cross-entropy of a sigmoid, (1 − p_t^κ) / κ.

    Parameters
    ----------
    logits : array_like
        Logits of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the logits, in [0, 1].
    kappa : float, default 0.7
        The exponent κ in (0, 1], the paper's q: towards 0 cross-entropy, at 1 the mean absolute error.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As in `Loss`.
    sample_weight, where, normalizer, engine : optional
        As in calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none" one number for each element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : The gradient as well.

    References
    ----------
    arXiv 1805.07836.

    Examples
    --------
    >>> round(float(sigmoid_generalized_cross_entropy([2.0, -1.0], [1, 0], engine="numpy")), 6)
    0.201373
    """
    loss = Loss(
        "sigmoid",
        margin.generalized_cross_entropy(kappa),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(loss, logits, targets, sample_weight, where, normalizer, engine)


def softmax_generalized_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    kappa: float = 0.7,
    *,
    reduction: Reduction = "mean",
    alpha: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the generalised cross-entropy of a softmax, (1 − p_t^κ) / κ.

    Parameters
    ----------
    logits : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    kappa : float, default 0.7
        The exponent κ in (0, 1], the paper's q: towards 0 cross-entropy, at 1 the mean absolute error.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As in `Loss`.
    sample_weight, where, normalizer, engine : optional
        As in calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none" one number for each row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : The gradient as well.

    Notes
    -----
    The same under another name: the L_q loss against noisy labels.

    References
    ----------
    arXiv 1805.07836.

    Examples
    --------
    >>> round(float(softmax_generalized_cross_entropy([[1.0, 2.0, 3.0]], [2], engine="numpy")), 6)
    0.354614
    """
    loss = Loss(
        "softmax",
        margin.generalized_cross_entropy(kappa),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(loss, logits, targets, sample_weight, where, normalizer, engine)


def binary_generalized_cross_entropy(
    probabilities: ArrayLike,
    targets: ArrayLike,
    kappa: float = 0.7,
    *,
    reduction: Reduction = "mean",
    alpha: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the generalised cross-entropy of probabilities of yes, (1 − p_t^κ) / κ.

    Parameters
    ----------
    probabilities : array_like
        Probabilities of yes, of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the probabilities, in [0, 1].
    kappa : float, default 0.7
        The exponent κ in (0, 1], the paper's q: towards 0 cross-entropy, at 1 the mean absolute error.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As in `Loss`.
    sample_weight, where, normalizer, engine : optional
        As in calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none" one number for each element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : The gradient as well.

    References
    ----------
    arXiv 1805.07836.

    Examples
    --------
    >>> round(float(binary_generalized_cross_entropy([0.9, 0.2], [1, 0], engine="numpy")), 6)
    0.154079
    """
    loss = Loss(
        "identity",
        margin.generalized_cross_entropy(kappa),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(
        loss,
        probabilities,
        targets,
        sample_weight,
        where,
        normalizer,
        engine,
        logits="probabilities",
    )


def categorical_generalized_cross_entropy(
    probabilities: ArrayLike,
    targets: ArrayLike,
    kappa: float = 0.7,
    *,
    reduction: Reduction = "mean",
    alpha: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the generalised cross-entropy of rows of probabilities, (1 − p_t^κ) / κ.

    Parameters
    ----------
    probabilities : array_like
        Probabilities (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    kappa : float, default 0.7
        The exponent κ in (0, 1], the paper's q: towards 0 cross-entropy, at 1 the mean absolute error.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As in `Loss`.
    sample_weight, where, normalizer, engine : optional
        As in calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none" one number for each row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : The gradient as well.

    References
    ----------
    arXiv 1805.07836.

    Examples
    --------
    >>> round(float(categorical_generalized_cross_entropy([[0.7, 0.2, 0.1]], [0], engine="numpy")), 6)
    0.315634
    """
    loss = Loss(
        "simplex",
        margin.generalized_cross_entropy(kappa),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(
        loss,
        probabilities,
        targets,
        sample_weight,
        where,
        normalizer,
        engine,
        logits="probabilities",
    )
