"""The named losses of the table, as functions of NumPy arrays.

Generated from the table in `focalis.named` by ``python -m focalis.named``: edit that, not this file.
"""

from numpy.typing import ArrayLike

from focalis import margin
from focalis.functional._call import Engine, Reduction, Value, call_loss, loss_of
from focalis.inputs.arguments import Arguments

__all__ = [
    "balanced_cross_entropy",
    "binary_focal_loss",
    "binary_focal_star",
    "binary_generalized_cross_entropy",
    "binary_poly1",
    "binary_tempered",
    "categorical_focal_loss",
    "categorical_focal_star",
    "categorical_generalized_cross_entropy",
    "categorical_poly1",
    "categorical_tempered",
    "multilabel_softmax_cross_entropy",
    "sigmoid_cross_entropy",
    "sigmoid_focal_loss",
    "sigmoid_focal_star",
    "sigmoid_generalized_cross_entropy",
    "sigmoid_poly1",
    "sigmoid_tempered",
    "softmax_cross_entropy",
    "softmax_focal_loss",
    "softmax_focal_star",
    "softmax_generalized_cross_entropy",
    "softmax_poly1",
    "softmax_tempered",
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
    """Return the cross-entropy of a sigmoid, −log p_t.

    Parameters
    ----------
    logits : array_like
        Logits of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `logits`, in [0, 1].
    reduction, alpha, pos_weight, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    The same under other names: logistic loss, binary cross-entropy with logits; Caffe's
    SigmoidCrossEntropyLoss, PyTorch's BCEWithLogitsLoss, TensorFlow's
    sigmoid_cross_entropy_with_logits, Keras's BinaryCrossentropy(from_logits=True), optax's
    sigmoid_binary_cross_entropy.

    Examples
    --------
    >>> loss = sigmoid_cross_entropy([2.0, -1.0], [1, 0])
    >>> print(f"{loss:.4f}")
    0.2201
    """
    loss = loss_of(
        "sigmoid",
        margin.cross_entropy,
        (),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        pos_weight=pos_weight,
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


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
    """Return the cross-entropy of a softmax, −log p_t.

    Parameters
    ----------
    logits : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    The same under other names: softmax loss, multinomial logistic loss, categorical cross-entropy;
    Caffe's SoftmaxWithLoss, PyTorch's CrossEntropyLoss, TensorFlow's
    (sparse_)softmax_cross_entropy_with_logits, Keras's (Sparse)CategoricalCrossentropy with
    from_logits=True, optax's softmax_cross_entropy(_with_integer_labels).

    Examples
    --------
    >>> loss = softmax_cross_entropy([[1.0, 2.0, 3.0]], [2])
    >>> print(f"{loss:.4f}")
    0.4076
    """
    loss = loss_of(
        "softmax",
        margin.cross_entropy,
        (),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


def balanced_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = 0.75,
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
        Logits of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `logits`, in [0, 1].
    alpha : float or sequence of float, default 0.75
        Weights positives by α and negatives by 1 − α; one number or one per class. None, or a number
        below 0, turns it off.
    reduction, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    α_t is α for a positive and 1 − α for a negative. The default is the value that the paper found
    best for detection (its table 1a). To balance a data set, use the share of its negatives.

    References
    ----------
    arXiv 1708.02002, section 3.1.

    Examples
    --------
    >>> loss = balanced_cross_entropy([2.0, -1.0], [1, 0])
    >>> print(f"{loss:.4f}")
    0.0868
    """
    loss = loss_of(
        "sigmoid",
        margin.cross_entropy,
        (),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


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
    """Return the 1/M multi-label cross-entropy of a softmax, −Σ_k (y_k / M) log p_k.

    Parameters
    ----------
    logits : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Numbers (…, C) ≥ 0; those above 0 are the positives.
    reduction, class_weight, label_smoothing : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    M is the number of positives of the row, those above 0, so that 0/1 targets make each of them
    worth 1/M. The loss of a row without positives is 0.

    References
    ----------
    arXiv 1805.00932.

    Examples
    --------
    >>> loss = multilabel_softmax_cross_entropy([[1.0, 2.0, 3.0]], [[0, 1, 1]])
    >>> print(f"{loss:.4f}")
    0.9076
    """
    loss = loss_of(
        "softmax",
        margin.cross_entropy,
        (),
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        positives="mean",
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


def sigmoid_focal_loss(
    inputs: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = 0.25,
    gamma: float = 2.0,
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
    """Return the focal loss of a sigmoid, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    inputs : array_like
        Logits of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `inputs`, in [0, 1].
    alpha : float or sequence of float, default 0.25
        Weights positives by α and negatives by 1 − α; one number or one per class. None, or a number
        below 0, turns it off.
    gamma : float, default 2.0
        The focusing γ ≥ 0; at 0 the loss is cross-entropy.
    reduction, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    Signature and defaults are those of torchvision.ops.sigmoid_focal_loss. Soft targets mean the
    expectation y φ(x) + (1 − y) φ(−x). torchvision mixes p_t first, which is another loss: γ = 2, y
    = .7, x = 1 without α give .226 here against .102 there.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> loss = sigmoid_focal_loss([2.0, -1.0], [1, 0], reduction="mean")
    >>> print(f"{loss:.4f}")
    0.0087
    """
    loss = loss_of(
        "sigmoid",
        margin.focal,
        (gamma,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(inputs, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="inputs")


def softmax_focal_loss(
    inputs: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = None,
    gamma: float = 2.0,
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
    """Return the focal loss of a softmax, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    inputs : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    gamma : float, default 2.0
        The focusing γ ≥ 0; at 0 the loss is cross-entropy.
    alpha, reduction, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> loss = softmax_focal_loss([[1.0, 2.0, 3.0]], [2])
    >>> print(f"{loss:.4f}")
    0.0457
    """
    loss = loss_of(
        "softmax",
        margin.focal,
        (gamma,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(inputs, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="inputs")


def binary_focal_loss(
    probabilities: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = 0.25,
    gamma: float = 2.0,
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
    """Return the focal loss of probabilities of yes, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    probabilities : array_like
        Probabilities of yes, of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `probabilities`, in [0, 1].
    alpha : float or sequence of float, default 0.25
        Weights positives by α and negatives by 1 − α; one number or one per class. None, or a number
        below 0, turns it off.
    gamma : float, default 2.0
        The focusing γ ≥ 0; at 0 the loss is cross-entropy.
    reduction, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> loss = binary_focal_loss([0.9, 0.2], [1, 0], reduction="mean")
    >>> print(f"{loss:.4f}")
    0.0035
    """
    loss = loss_of(
        "identity",
        margin.focal,
        (gamma,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")


def categorical_focal_loss(
    probabilities: ArrayLike,
    targets: ArrayLike,
    alpha: ArrayLike | None = None,
    gamma: float = 2.0,
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
    """Return the focal loss of rows of probabilities, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    probabilities : array_like
        Probabilities (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    gamma : float, default 2.0
        The focusing γ ≥ 0; at 0 the loss is cross-entropy.
    alpha, reduction, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> loss = categorical_focal_loss([[0.7, 0.2, 0.1]], [0])
    >>> print(f"{loss:.4f}")
    0.0321
    """
    loss = loss_of(
        "simplex",
        margin.focal,
        (gamma,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")


def sigmoid_focal_star(
    inputs: ArrayLike,
    targets: ArrayLike,
    gamma: float = 2.0,
    beta: float = 0.0,
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
    """Return FL* of a sigmoid, −log σ(γ m + β) / γ.

    Parameters
    ----------
    inputs : array_like
        Logits of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `inputs`, in [0, 1].
    gamma : float, default 2.0
        The steepness γ > 0.
    beta : float, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    γ = 1, β = 0 is cross-entropy; the paper uses (2, 1) and (4, 0).
    fvcore.nn.sigmoid_focal_loss_star has no β, and γ = 1 by default.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> loss = sigmoid_focal_star([2.0, -1.0], [1, 0])
    >>> print(f"{loss:.4f}")
    0.0363
    """
    loss = loss_of(
        "sigmoid",
        margin.focal_star,
        (gamma, beta),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(inputs, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="inputs")


def softmax_focal_star(
    inputs: ArrayLike,
    targets: ArrayLike,
    gamma: float = 2.0,
    beta: float = 0.0,
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
    """Return FL* of a softmax, −log σ(γ m + β) / γ.

    Parameters
    ----------
    inputs : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    gamma : float, default 2.0
        The steepness γ > 0.
    beta : float, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    γ = 1, β = 0 is cross-entropy; the paper uses (2, 1) and (4, 0).
    fvcore.nn.sigmoid_focal_loss_star has no β, and γ = 1 by default.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> loss = softmax_focal_star([[1.0, 2.0, 3.0]], [2])
    >>> print(f"{loss:.4f}")
    0.1129
    """
    loss = loss_of(
        "softmax",
        margin.focal_star,
        (gamma, beta),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(inputs, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="inputs")


def binary_focal_star(
    probabilities: ArrayLike,
    targets: ArrayLike,
    gamma: float = 2.0,
    beta: float = 0.0,
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
    """Return FL* of probabilities of yes, −log σ(γ m + β) / γ.

    Parameters
    ----------
    probabilities : array_like
        Probabilities of yes, of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `probabilities`, in [0, 1].
    gamma : float, default 2.0
        The steepness γ > 0.
    beta : float, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    γ = 1, β = 0 is cross-entropy; the paper uses (2, 1) and (4, 0).
    fvcore.nn.sigmoid_focal_loss_star has no β, and γ = 1 by default.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> loss = binary_focal_star([0.9, 0.2], [1, 0])
    >>> print(f"{loss:.4f}")
    0.0182
    """
    loss = loss_of(
        "identity",
        margin.focal_star,
        (gamma, beta),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")


def categorical_focal_star(
    probabilities: ArrayLike,
    targets: ArrayLike,
    gamma: float = 2.0,
    beta: float = 0.0,
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
    """Return FL* of rows of probabilities, −log σ(γ m + β) / γ.

    Parameters
    ----------
    probabilities : array_like
        Probabilities (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    gamma : float, default 2.0
        The steepness γ > 0.
    beta : float, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    γ = 1, β = 0 is cross-entropy; the paper uses (2, 1) and (4, 0).
    fvcore.nn.sigmoid_focal_loss_star has no β, and γ = 1 by default.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> loss = categorical_focal_star([[0.7, 0.2, 0.1]], [0])
    >>> print(f"{loss:.4f}")
    0.0843
    """
    loss = loss_of(
        "simplex",
        margin.focal_star,
        (gamma, beta),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")


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
        Logits of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `logits`, in [0, 1].
    epsilon : float, default 1.0
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    PolyLoss, truncated after its first term.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> loss = sigmoid_poly1([2.0, -1.0], [1, 0])
    >>> print(f"{loss:.4f}")
    0.4142
    """
    loss = loss_of(
        "sigmoid",
        margin.poly1,
        (epsilon,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


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
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    PolyLoss, truncated after its first term.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> loss = softmax_poly1([[1.0, 2.0, 3.0]], [2])
    >>> print(f"{loss:.4f}")
    0.7424
    """
    loss = loss_of(
        "softmax",
        margin.poly1,
        (epsilon,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


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
        Probabilities of yes, of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `probabilities`, in [0, 1].
    epsilon : float, default 1.0
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    PolyLoss, truncated after its first term.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> loss = binary_poly1([0.9, 0.2], [1, 0])
    >>> print(f"{loss:.4f}")
    0.3143
    """
    loss = loss_of(
        "identity",
        margin.poly1,
        (epsilon,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")


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
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    PolyLoss, truncated after its first term.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> loss = categorical_poly1([[0.7, 0.2, 0.1]], [0])
    >>> print(f"{loss:.4f}")
    0.6567
    """
    loss = loss_of(
        "simplex",
        margin.poly1,
        (epsilon,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")


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
        Logits of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `logits`, in [0, 1].
    kappa : float, default 0.7
        κ in (0, 1]: towards 0 cross-entropy, at 1 the error 1 − p_t.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    GCE, or the L_q loss. At κ = 1 it does not determine the class probabilities.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> loss = sigmoid_generalized_cross_entropy([2.0, -1.0], [1, 0])
    >>> print(f"{loss:.4f}")
    0.2014
    """
    loss = loss_of(
        "sigmoid",
        margin.generalized_cross_entropy,
        (kappa,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


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
        κ in (0, 1]: towards 0 cross-entropy, at 1 the error 1 − p_t.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    GCE, or the L_q loss. At κ = 1 it does not determine the class probabilities.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> loss = softmax_generalized_cross_entropy([[1.0, 2.0, 3.0]], [2])
    >>> print(f"{loss:.4f}")
    0.3546
    """
    loss = loss_of(
        "softmax",
        margin.generalized_cross_entropy,
        (kappa,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


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
        Probabilities of yes, of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `probabilities`, in [0, 1].
    kappa : float, default 0.7
        κ in (0, 1]: towards 0 cross-entropy, at 1 the error 1 − p_t.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    GCE, or the L_q loss. At κ = 1 it does not determine the class probabilities.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> loss = binary_generalized_cross_entropy([0.9, 0.2], [1, 0])
    >>> print(f"{loss:.4f}")
    0.1541
    """
    loss = loss_of(
        "identity",
        margin.generalized_cross_entropy,
        (kappa,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")


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
        κ in (0, 1]: towards 0 cross-entropy, at 1 the error 1 − p_t.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    GCE, or the L_q loss. At κ = 1 it does not determine the class probabilities.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> loss = categorical_generalized_cross_entropy([[0.7, 0.2, 0.1]], [0])
    >>> print(f"{loss:.4f}")
    0.3156
    """
    loss = loss_of(
        "simplex",
        margin.generalized_cross_entropy,
        (kappa,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")


def sigmoid_tempered(
    logits: ArrayLike,
    targets: ArrayLike,
    order: float = 2.0,
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
    """Return the tempered cross-entropy of a sigmoid, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    logits : array_like
        Logits of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `logits`, in [0, 1].
    order : float, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    The α-loss, or the cross-entropy with a Tsallis logarithm.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> loss = sigmoid_tempered([2.0, -1.0], [1, 0])
    >>> print(f"{loss:.4f}")
    0.2065
    """
    loss = loss_of(
        "sigmoid",
        margin.tempered,
        (order,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


def softmax_tempered(
    logits: ArrayLike,
    targets: ArrayLike,
    order: float = 2.0,
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
    """Return the tempered cross-entropy of a softmax, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    logits : array_like
        Logits (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    order : float, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    The α-loss, or the cross-entropy with a Tsallis logarithm.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> loss = softmax_tempered([[1.0, 2.0, 3.0]], [2])
    >>> print(f"{loss:.4f}")
    0.3688
    """
    loss = loss_of(
        "softmax",
        margin.tempered,
        (order,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(logits, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine)


def binary_tempered(
    probabilities: ArrayLike,
    targets: ArrayLike,
    order: float = 2.0,
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
    """Return the tempered cross-entropy of probabilities of yes, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    probabilities : array_like
        Probabilities of yes, of any shape; the last of several axes holds the classes.
    targets : array_like
        The same shape as `probabilities`, in [0, 1].
    order : float, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    The α-loss, or the cross-entropy with a Tsallis logarithm.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> loss = binary_tempered([0.9, 0.2], [1, 0])
    >>> print(f"{loss:.4f}")
    0.1569
    """
    loss = loss_of(
        "identity",
        margin.tempered,
        (order,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")


def categorical_tempered(
    probabilities: ArrayLike,
    targets: ArrayLike,
    order: float = 2.0,
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
    """Return the tempered cross-entropy of rows of probabilities, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    probabilities : array_like
        Probabilities (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    order : float, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    reduction, alpha, class_weight, label_smoothing, ignore_index : optional
        As for `Loss`.
    sample_weight, where, normalizer, engine : optional
        As for calling a `Loss`.

    Returns
    -------
    float64 or ndarray
        The reduced loss; for "none", one number per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    See Also
    --------
    Loss.value_and_grad : Returns the gradient too.

    Notes
    -----
    The α-loss, or the cross-entropy with a Tsallis logarithm.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> loss = categorical_tempered([[0.7, 0.2, 0.1]], [0])
    >>> print(f"{loss:.4f}")
    0.3267
    """
    loss = loss_of(
        "simplex",
        margin.tempered,
        (order,),
        alpha=alpha,
        class_weight=class_weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction=reduction,
    )
    given = Arguments(probabilities, targets, sample_weight, where, normalizer=normalizer)
    return call_loss(loss, given, engine, logits="probabilities")
