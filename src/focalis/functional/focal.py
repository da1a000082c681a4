"""The focal loss: easy examples, with p_t near 1, count for less.

p_t is the probability that the model gives to the truth: from a sigmoid or a softmax of logits, or as
it is given.
"""

from numpy.typing import ArrayLike

from focalis import margin
from focalis.functional._evaluation import Engine, Reduction, Value, evaluate
from focalis.loss import Loss

__all__ = [
    "binary_focal_loss",
    "categorical_focal_loss",
    "sigmoid_focal_loss",
    "softmax_focal_loss",
]


def sigmoid_focal_loss(
    inputs: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = 0.25,
    gamma: float = 2,
    reduction: Reduction = "none",
    *,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the focal loss of a sigmoid, −α_t (1 − p_t)^γ log p_t.

    Parameters
    ----------
    inputs : array_like
        Logits of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the inputs, in [0, 1].
    alpha : float or sequence of float, default 0.25
        Weighs positives by α and negatives by 1 − α; one number or one per class. None, or a
        number below 0, is off.
    gamma : float, default 2
        The focusing γ ≥ 0; 0 leaves cross-entropy.
    reduction : {"none", "sum", "mean", "batchmean"}, default "none"
        "mean" divides by the number of elements that count, "batchmean" by the number of rows.
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
    Soft targets mean the expectation of the loss over the target; torchvision and optax mix p_t first,
    which is another loss.

    The same under other names: torchvision.ops.sigmoid_focal_loss (whose signature this is), fvcore's,
    TensorFlow Addons' SigmoidFocalCrossEntropy, Keras's BinaryFocalCrossentropy(from_logits=True),
    kornia's binary_focal_loss_with_logits.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> sigmoid_focal_loss([2.0, -1.0], [1, 0]).round(6)
    array([0.000451, 0.016994])
    """
    loss = Loss(
        "sigmoid",
        margin.focal(gamma),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(
        loss, inputs, targets, sample_weight, where, normalizer, engine, logits="inputs"
    )


def softmax_focal_loss(
    inputs: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = None,
    gamma: float = 2,
    reduction: Reduction = "mean",
    *,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the focal loss of a softmax, −α_t (1 − p_t)^γ log p_t.

    Parameters
    ----------
    inputs : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    gamma : float, default 2
        The focusing γ ≥ 0; 0 leaves cross-entropy.
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
    Soft targets mean the expectation of the loss over the target; to mix p_t first is another loss.

    The same under other names: kornia's focal_loss, Keras's CategoricalFocalCrossentropy with
    from_logits=True.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> round(float(softmax_focal_loss([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [2, 0], engine="numpy")), 6)
    0.266975
    """
    loss = Loss(
        "softmax",
        margin.focal(gamma),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(
        loss, inputs, targets, sample_weight, where, normalizer, engine, logits="inputs"
    )


def binary_focal_loss(
    probabilities: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = 0.25,
    gamma: float = 2,
    reduction: Reduction = "none",
    *,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the focal loss of probabilities of yes, −α_t (1 − p_t)^γ log p_t.

    Parameters
    ----------
    probabilities : array_like
        Probabilities of yes, of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the probabilities, in [0, 1].
    alpha : float or sequence of float, default 0.25
        Weighs positives by α and negatives by 1 − α; one number or one per class. None, or a
        number below 0, is off.
    gamma : float, default 2
        The focusing γ ≥ 0; 0 leaves cross-entropy.
    reduction : {"none", "sum", "mean", "batchmean"}, default "none"
        "mean" divides by the number of elements that count, "batchmean" by the number of rows.
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
    The defaults are those of `sigmoid_focal_loss`.

    The same under another name: Keras's BinaryFocalCrossentropy with apply_class_balancing=True, up to
    its reduction and its clipping at 1e-7.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> binary_focal_loss([0.9, 0.2], [1, 0], engine="numpy").round(6)
    array([0.000263, 0.006694])
    """
    loss = Loss(
        "identity",
        margin.focal(gamma),
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


def categorical_focal_loss(
    probabilities: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = None,
    gamma: float = 2,
    reduction: Reduction = "mean",
    *,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the focal loss of rows of probabilities, −α_t (1 − p_t)^γ log p_t.

    Parameters
    ----------
    probabilities : array_like
        Probabilities (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    gamma : float, default 2
        The focusing γ ≥ 0; 0 leaves cross-entropy.
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
    The same under another name: Keras's CategoricalFocalCrossentropy, which has α = 0.25, renormalises
    the rows and clips at 1e-7.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> round(float(categorical_focal_loss([[0.7, 0.2, 0.1]], [0], engine="numpy")), 6)
    0.032101
    """
    loss = Loss(
        "simplex",
        margin.focal(gamma),
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
