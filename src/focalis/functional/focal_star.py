"""FL*, the variant of the focal loss that is cross-entropy of a steeper, shifted margin.

m = log p_t − log(1 − p_t) is the margin of the truth, for a sigmoid ±x. p_t comes from a sigmoid or a
softmax of logits, or is as given.
"""

from numpy.typing import ArrayLike

from focalis import margin
from focalis.functional._evaluation import Engine, Reduction, Value, evaluate
from focalis.loss import Loss

__all__ = [
    "binary_focal_star",
    "categorical_focal_star",
    "sigmoid_focal_star",
    "softmax_focal_star",
]


def sigmoid_focal_star(
    inputs: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = -1,
    gamma: float = 1,
    reduction: Reduction = "none",
    *,
    beta: float = 0.0,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return FL* of a sigmoid, −α_t log σ(±γx + β) / γ.

    Parameters
    ----------
    inputs : array_like
        Logits of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the inputs, in [0, 1].
    alpha : float or sequence of float, default -1
        Weighs positives by α and negatives by 1 − α; one number or one per class. None, or a
        number below 0, is off.
    gamma : float, default 1
        The steepness γ > 0.
    reduction : {"none", "sum", "mean", "batchmean"}, default "none"
        "mean" divides by the number of elements that count, "batchmean" by the number of rows.
    beta : float, default 0.0
        The shift β of the margin.
    class_weight, label_smoothing, ignore_index : optional
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

    Notes
    -----
    The default γ = 1, β = 0 is cross-entropy; the paper's own choices are (2, 1) and (4, 0).

    The same under another name: fvcore.nn.sigmoid_focal_loss_star, whose signature this is and which
    has no β.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> sigmoid_focal_star([2.0, -1.0], [1, 0], gamma=2, engine="numpy").round(6)
    array([0.009075, 0.063464])
    """
    loss = Loss(
        "sigmoid",
        margin.focal_star(gamma, beta),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(
        loss, inputs, targets, sample_weight, where, normalizer, engine, logits="inputs"
    )


def softmax_focal_star(
    inputs: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = None,
    gamma: float = 1,
    reduction: Reduction = "mean",
    *,
    beta: float = 0.0,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return FL* of a softmax, −α_t log σ(γm + β) / γ with m = log p_t − log(1 − p_t).

    Parameters
    ----------
    inputs : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    gamma : float, default 1
        The steepness γ > 0.
    beta : float, default 0.0
        The shift β of the margin.
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
    The default γ = 1, β = 0 is cross-entropy; the paper's own choices are (2, 1) and (4, 0).

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> round(float(softmax_focal_star([[1.0, 2.0, 3.0]], [2], gamma=2, engine="numpy")), 6)
    0.11286
    """
    loss = Loss(
        "softmax",
        margin.focal_star(gamma, beta),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(
        loss, inputs, targets, sample_weight, where, normalizer, engine, logits="inputs"
    )


def binary_focal_star(
    probabilities: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = -1,
    gamma: float = 1,
    reduction: Reduction = "none",
    *,
    beta: float = 0.0,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return FL* of probabilities of yes, −α_t log σ(γm + β) / γ with m = logit p_t.

    Parameters
    ----------
    probabilities : array_like
        Probabilities of yes, of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the probabilities, in [0, 1].
    alpha : float or sequence of float, default -1
        Weighs positives by α and negatives by 1 − α; one number or one per class. None, or a
        number below 0, is off.
    gamma : float, default 1
        The steepness γ > 0.
    reduction : {"none", "sum", "mean", "batchmean"}, default "none"
        "mean" divides by the number of elements that count, "batchmean" by the number of rows.
    beta : float, default 0.0
        The shift β of the margin.
    class_weight, label_smoothing, ignore_index : optional
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

    Notes
    -----
    The default γ = 1, β = 0 is the log loss; the defaults are those of `sigmoid_focal_star`.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> binary_focal_star([0.9, 0.2], [1, 0], gamma=2, engine="numpy").round(6)
    array([0.006135, 0.030312])
    """
    loss = Loss(
        "identity",
        margin.focal_star(gamma, beta),
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


def categorical_focal_star(
    probabilities: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = None,
    gamma: float = 1,
    reduction: Reduction = "mean",
    *,
    beta: float = 0.0,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return FL* of rows of probabilities, −α_t log σ(γm + β) / γ with m = logit p_t.

    Parameters
    ----------
    probabilities : array_like
        Probabilities (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    gamma : float, default 1
        The steepness γ > 0.
    beta : float, default 0.0
        The shift β of the margin.
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
    The default γ = 1, β = 0 is the log loss.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> round(float(categorical_focal_star([[0.7, 0.2, 0.1]], [0], gamma=2, engine="numpy")), 6)
    0.084311
    """
    loss = Loss(
        "simplex",
        margin.focal_star(gamma, beta),
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
