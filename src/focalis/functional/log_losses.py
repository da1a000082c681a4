"""Cross-entropy from probabilities: the loss includes no activation.

p_t is taken as it is: nothing is renormalised. If you have the logits, pass those instead to a loss
that takes them: they are more accurate.
"""

from numpy.typing import ArrayLike

from focalis import margin
from focalis.functional._call import Engine, Reduction, Value, call_loss, clip, in_type_of
from focalis.inputs.arguments import Arguments
from focalis.loss import Loss


def binary_log_loss(
    probabilities: ArrayLike,
    targets: ArrayLike,
    *,
    eps: float = 0.0,
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
    """Return the log loss of probabilities of yes, −log p_t.

    Parameters
    ----------
    probabilities : array_like
        Probabilities of yes, of any shape; the last of two or more axes holds the classes.
    targets : array_like
        Shaped like the probabilities, in [0, 1].
    eps : float, default 0.0
        Probabilities are first clipped to [eps, 1 − eps]; at 0.0, p_t = 0 gives inf.
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
    The probabilities come first; scikit-learn takes the targets first.

    The same under other names: binary cross-entropy; PyTorch's BCELoss, Keras's BinaryCrossentropy
    (which clips at 1e-7), scikit-learn's log_loss with two classes, TensorFlow 1's log_loss (which adds
    1e-7 to p_t instead).

    Examples
    --------
    >>> round(float(binary_log_loss([0.9, 0.2], [1, 0], engine="numpy")), 6)
    0.164252
    >>> float(binary_log_loss([0.0], [1], engine="numpy"))
    inf
    >>> round(float(binary_log_loss([0.0], [1], eps=1e-7, engine="numpy")), 6)
    16.118096
    """
    loss = Loss(
        "identity",
        margin.cross_entropy(),
        alpha=alpha,
        pos_weight=pos_weight,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    clipped = clip(probabilities, eps)
    given = Arguments(clipped, targets, sample_weight, where, normalizer=normalizer)
    value = call_loss(loss, given, engine, logits="probabilities")
    return in_type_of(probabilities, value)


def log_loss(
    probabilities: ArrayLike,
    targets: ArrayLike,
    *,
    eps: float = 0.0,
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
    """Return the log loss of rows of probabilities, −log p_t.

    Parameters
    ----------
    probabilities : array_like
        Probabilities (…, C), the class axis last.
    targets : array_like
        Class indices (…) or non-negative numbers (…, C).
    eps : float, default 0.0
        Probabilities are first clipped to [eps, 1 − eps]; at 0.0, p_t = 0 gives inf.
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
    The probabilities come first; scikit-learn takes the targets first.

    The same under other names: categorical cross-entropy; Caffe's MultinomialLogisticLoss, PyTorch's
    NLLLoss (which takes log p), Keras's (Sparse)CategoricalCrossentropy (which clips at 1e-7),
    scikit-learn's log_loss (which clips at the rounding of the type).

    Examples
    --------
    >>> round(float(log_loss([[0.7, 0.2, 0.1]], [0], engine="numpy")), 6)
    0.356675
    >>> round(float(log_loss([[1.0, 0.0]], [1], eps=1e-7, engine="numpy")), 6)
    16.118096
    """
    loss = Loss(
        "simplex",
        margin.cross_entropy(),
        alpha=alpha,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )
    clipped = clip(probabilities, eps)
    given = Arguments(clipped, targets, sample_weight, where, normalizer=normalizer)
    value = call_loss(loss, given, engine, logits="probabilities")
    return in_type_of(probabilities, value)
