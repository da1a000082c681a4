"""Poly-1: cross-entropy with another first coefficient in its series in 1 − p_t.

p_t is the probability that the model gives to the truth: from a sigmoid or a softmax of logits, or as
it is given.
"""

from numpy.typing import ArrayLike

from focalis import margin
from focalis.functional._evaluation import Engine, Reduction, Value, evaluate
from focalis.loss import Loss

__all__ = [
    "binary_poly1",
    "categorical_poly1",
    "sigmoid_poly1",
    "softmax_poly1",
]


def sigmoid_poly1(
    logits: ArrayLike,
    targets: ArrayLike,
    epsilon: float = 1.0,
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
    """Return the poly-1 loss of a sigmoid, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    logits : array_like
        Logits of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the logits, in [0, 1].
    epsilon : float, default 1.0
        The coefficient ε ≥ −1; 0 leaves cross-entropy.
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
    arXiv 2204.12511.

    Examples
    --------
    >>> round(float(sigmoid_poly1([2.0, -1.0], [1, 0], engine="numpy")), 6)
    0.414167
    """
    loss = Loss(
        "sigmoid",
        margin.poly1(epsilon),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(loss, logits, targets, sample_weight, where, normalizer, engine)


def softmax_poly1(
    logits: ArrayLike,
    targets: ArrayLike,
    epsilon: float = 1.0,
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
    """Return the poly-1 loss of a softmax, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    logits : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    epsilon : float, default 1.0
        The coefficient ε ≥ −1; 0 leaves cross-entropy.
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
    arXiv 2204.12511.

    Examples
    --------
    >>> round(float(softmax_poly1([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [2, 0], engine="numpy")), 6)
    1.253822
    """
    loss = Loss(
        "softmax",
        margin.poly1(epsilon),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(loss, logits, targets, sample_weight, where, normalizer, engine)


def binary_poly1(
    probabilities: ArrayLike,
    targets: ArrayLike,
    epsilon: float = 1.0,
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
    """Return the poly-1 loss of probabilities of yes, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    probabilities : array_like
        Probabilities of yes, of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the probabilities, in [0, 1].
    epsilon : float, default 1.0
        The coefficient ε ≥ −1; 0 leaves cross-entropy.
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
    arXiv 2204.12511.

    Examples
    --------
    >>> round(float(binary_poly1([0.9, 0.2], [1, 0], engine="numpy")), 6)
    0.314252
    """
    loss = Loss(
        "identity",
        margin.poly1(epsilon),
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


def categorical_poly1(
    probabilities: ArrayLike,
    targets: ArrayLike,
    epsilon: float = 1.0,
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
    """Return the poly-1 loss of rows of probabilities, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    probabilities : array_like
        Probabilities (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    epsilon : float, default 1.0
        The coefficient ε ≥ −1; 0 leaves cross-entropy.
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
    arXiv 2204.12511.

    Examples
    --------
    >>> round(float(categorical_poly1([[0.7, 0.2, 0.1]], [0], engine="numpy")), 6)
    0.656675
    """
    loss = Loss(
        "simplex",
        margin.poly1(epsilon),
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
