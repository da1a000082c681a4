"""Cross-entropy from logits: the activation is part of the loss.

p_t is the probability that the model gives to the truth: for a yes/no question σ(x) or σ(−x), for one
class of C softmax(x)_t.
"""

from numpy.typing import ArrayLike

from focalis import margin
from focalis.functional._evaluation import Engine, Reduction, Value, evaluate
from focalis.loss import Loss

__all__ = [
    "balanced_cross_entropy",
    "multilabel_softmax_cross_entropy",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
]


def sigmoid_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    reduction: Reduction = "mean",
    alpha: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the cross-entropy of a sigmoid, −log p_t = log(1 + exp(∓x)).

    Parameters
    ----------
    logits : array_like
        Logits of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the logits, in [0, 1].
    reduction, alpha, pos_weight, class_weight, label_smoothing, ignore_index : optional
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
    The same under other names: logistic loss, binary cross-entropy with logits; Caffe's
    SigmoidCrossEntropyLoss, PyTorch's BCEWithLogitsLoss, TensorFlow's
    sigmoid_cross_entropy_with_logits, Keras's BinaryCrossentropy(from_logits=True), optax's
    sigmoid_binary_cross_entropy.

    Examples
    --------
    >>> round(float(sigmoid_cross_entropy([2.0, -1.0], [1, 0])), 6)
    0.220095
    """
    loss = Loss(
        "sigmoid",
        margin.cross_entropy(),
        alpha=alpha,
        pos_weight=pos_weight,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(loss, logits, targets, sample_weight, where, normalizer, engine)


def balanced_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike = 0.75,
    *,
    reduction: Reduction = "mean",
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the α-balanced cross-entropy of a sigmoid, −α_t log p_t.

    Parameters
    ----------
    logits : array_like
        Logits of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the logits, in [0, 1].
    alpha : float or sequence of float, default 0.75
        Weighs positives by α and negatives by 1 − α; one number or one per class. None, or a
        number below 0, is off.
    reduction, class_weight, label_smoothing, ignore_index : optional
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
    α_t is α for a positive and 1 − α for a negative. The default is the one that the paper found
    best for detection (its table 1a). To balance a data set, take the share of its negatives.

    References
    ----------
    arXiv 1708.02002, section 3.1.

    Examples
    --------
    >>> round(float(balanced_cross_entropy([2.0, -1.0], [1, 0], alpha=0.25, engine="numpy")), 6)
    0.133339
    """
    loss = Loss(
        "sigmoid",
        margin.cross_entropy(),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(loss, logits, targets, sample_weight, where, normalizer, engine)


def softmax_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
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
    """Return the cross-entropy of a softmax, −log p_t = logsumexp(x) − x_t.

    Parameters
    ----------
    logits : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
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
    The same under other names: softmax loss, multinomial logistic loss, categorical cross-entropy;
    Caffe's SoftmaxWithLoss, PyTorch's CrossEntropyLoss, TensorFlow's
    (sparse_)softmax_cross_entropy_with_logits, Keras's (Sparse)CategoricalCrossentropy with
    from_logits=True, optax's softmax_cross_entropy(_with_integer_labels).

    Examples
    --------
    >>> round(float(softmax_cross_entropy([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [2, 0])), 6)
    0.753109
    """
    loss = Loss(
        "softmax",
        margin.cross_entropy(),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    return evaluate(loss, logits, targets, sample_weight, where, normalizer, engine)


def multilabel_softmax_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    reduction: Reduction = "mean",
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    sample_weight: ArrayLike | None = None,
    where: ArrayLike | None = None,
    normalizer: float | None = None,
    engine: Engine = "auto",
) -> Value:
    """Return the 1/M multi-label softmax cross-entropy, −Σ_k (y_k / M) log p_k.

    Parameters
    ----------
    logits : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Numbers (…, C) ≥ 0; those above 0 are the positives.
    reduction, class_weight, label_smoothing : optional
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
    M is the number of positives of the row, so that 0/1 targets make each of them worth 1/M. A row
    without positives counts 0.

    References
    ----------
    arXiv 1805.00932.

    Examples
    --------
    >>> round(float(multilabel_softmax_cross_entropy([[1.0, 2.0, 3.0]], [[0, 1, 1]], engine="numpy")), 6)
    0.907606
    """
    loss = Loss(
        "softmax",
        margin.cross_entropy(),
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        positives="mean",
        reduction=reduction,
    )
    return evaluate(loss, logits, targets, sample_weight, where, normalizer, engine)
