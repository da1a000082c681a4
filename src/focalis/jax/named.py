"""The named losses of the table, as functions of JAX arrays.

Generated from the table in `focalis.named` by ``python -m focalis.named``: edit that, not this file.
"""

import jax

from focalis import margin
from focalis.jax._named import Axis, Weight, elementwise, rows

__all__ = [
    "balanced_cross_entropy",
    "multilabel_softmax_cross_entropy",
    "sigmoid_focal_loss",
    "sigmoid_focal_star",
    "sigmoid_generalized_cross_entropy",
    "sigmoid_poly1",
    "sigmoid_tempered",
    "softmax_focal_loss",
    "softmax_focal_star",
    "softmax_generalized_cross_entropy",
    "softmax_poly1",
    "softmax_tempered",
]

Array = jax.Array
ArrayLike = jax.typing.ArrayLike


def balanced_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = 0.75,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
) -> Array:
    """Return the α-balanced cross-entropy of a sigmoid, −α_t log p_t.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    alpha : float, sequence of float or array, default 0.75
        Weights positives by α and negatives by 1 − α; one number or one per class. None, or a number
        below 0, turns it off.
    class_weight, label_smoothing, where : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    α_t is α for a positive and 1 − α for a negative. The default is the value that the paper found
    best for detection (its table 1a). To balance a data set, use the share of its negatives.

    References
    ----------
    arXiv 1708.02002, section 3.1.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import balanced_cross_entropy
    >>> x, y = jnp.array([2.0, -1.0]), jnp.array([1, 0])
    >>> print(f"{balanced_cross_entropy(x, y).mean():.4f}")
    0.0868
    """
    return elementwise(
        "sigmoid",
        margin.cross_entropy,
        {},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
        },
        alpha=alpha,
    )


def multilabel_softmax_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
    axis: Axis = -1,
) -> Array:
    """Return the 1/M multi-label cross-entropy of a softmax, −Σ_k (y_k / M) log p_k.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    class_weight, label_smoothing, where, axis : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    M is the number of positives of the row, those above 0, so that 0/1 targets make each of them
    worth 1/M. The loss of a row without positives is 0.

    References
    ----------
    arXiv 1805.00932.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import multilabel_softmax_cross_entropy
    >>> x, y = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([[0, 1, 1]])
    >>> print(f"{multilabel_softmax_cross_entropy(x, y).mean():.4f}")
    0.9076
    """
    return rows(
        "softmax",
        margin.cross_entropy,
        {},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
            "axis": axis,
        },
        positives="mean",
    )


def sigmoid_focal_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    gamma: ArrayLike = 2.0,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
) -> Array:
    """Return the focal loss of a sigmoid, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    gamma : float or array, default 2.0
        The focusing γ ≥ 0; at 0 the loss is cross-entropy.
    alpha, class_weight, label_smoothing, where : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    Soft targets mean the expectation y φ(x) + (1 − y) φ(−x). torchvision and optax mix p_t first,
    which is another loss: γ = 2, y = .7, x = 1 without α give .226 here against .102 there.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_focal_loss
    >>> x, y = jnp.array([2.0, -1.0]), jnp.array([1, 0])
    >>> print(f"{sigmoid_focal_loss(x, y).mean():.4f}")
    0.0122
    """
    return elementwise(
        "sigmoid",
        margin.focal,
        {"gamma": gamma},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
        },
        alpha=alpha,
    )


def softmax_focal_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    gamma: ArrayLike = 2.0,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
    axis: Axis = -1,
) -> Array:
    """Return the focal loss of a softmax, −(1 − p_t)^γ log p_t.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    gamma : float or array, default 2.0
        The focusing γ ≥ 0; at 0 the loss is cross-entropy.
    alpha, class_weight, label_smoothing, where, axis : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_focal_loss
    >>> x, y = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([2])
    >>> print(f"{softmax_focal_loss(x, y).mean():.4f}")
    0.0457
    """
    return rows(
        "softmax",
        margin.focal,
        {"gamma": gamma},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
            "axis": axis,
        },
        alpha=alpha,
    )


def sigmoid_focal_star(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    gamma: ArrayLike = 2.0,
    beta: ArrayLike = 0.0,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
) -> Array:
    """Return FL* of a sigmoid, −log σ(γ m + β) / γ.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    gamma : float or array, default 2.0
        The steepness γ > 0.
    beta : float or array, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    alpha, class_weight, label_smoothing, where : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    γ = 1, β = 0 is cross-entropy; the paper uses (2, 1) and (4, 0).
    fvcore.nn.sigmoid_focal_loss_star has no β, and γ = 1 by default.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_focal_star
    >>> x, y = jnp.array([2.0, -1.0]), jnp.array([1, 0])
    >>> print(f"{sigmoid_focal_star(x, y).mean():.4f}")
    0.0363
    """
    return elementwise(
        "sigmoid",
        margin.focal_star,
        {"gamma": gamma, "beta": beta},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
        },
        alpha=alpha,
    )


def softmax_focal_star(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    gamma: ArrayLike = 2.0,
    beta: ArrayLike = 0.0,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
    axis: Axis = -1,
) -> Array:
    """Return FL* of a softmax, −log σ(γ m + β) / γ.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    gamma : float or array, default 2.0
        The steepness γ > 0.
    beta : float or array, default 0.0
        The shift β of the margin m = log p_t − log(1 − p_t).
    alpha, class_weight, label_smoothing, where, axis : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    γ = 1, β = 0 is cross-entropy; the paper uses (2, 1) and (4, 0).
    fvcore.nn.sigmoid_focal_loss_star has no β, and γ = 1 by default.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_focal_star
    >>> x, y = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([2])
    >>> print(f"{softmax_focal_star(x, y).mean():.4f}")
    0.1129
    """
    return rows(
        "softmax",
        margin.focal_star,
        {"gamma": gamma, "beta": beta},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
            "axis": axis,
        },
        alpha=alpha,
    )


def sigmoid_poly1(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    epsilon: ArrayLike = 1.0,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
) -> Array:
    """Return the poly-1 loss of a sigmoid, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    epsilon : float or array, default 1.0
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    alpha, class_weight, label_smoothing, where : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    PolyLoss, truncated after its first term.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_poly1
    >>> x, y = jnp.array([2.0, -1.0]), jnp.array([1, 0])
    >>> print(f"{sigmoid_poly1(x, y).mean():.4f}")
    0.4142
    """
    return elementwise(
        "sigmoid",
        margin.poly1,
        {"epsilon": epsilon},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
        },
        alpha=alpha,
    )


def softmax_poly1(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    epsilon: ArrayLike = 1.0,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
    axis: Axis = -1,
) -> Array:
    """Return the poly-1 loss of a softmax, −log p_t + ε (1 − p_t).

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    epsilon : float or array, default 1.0
        ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy.
    alpha, class_weight, label_smoothing, where, axis : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    PolyLoss, truncated after its first term.

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_poly1
    >>> x, y = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([2])
    >>> print(f"{softmax_poly1(x, y).mean():.4f}")
    0.7424
    """
    return rows(
        "softmax",
        margin.poly1,
        {"epsilon": epsilon},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
            "axis": axis,
        },
        alpha=alpha,
    )


def sigmoid_generalized_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    kappa: ArrayLike = 0.7,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
) -> Array:
    """Return the generalised cross-entropy of a sigmoid, (1 − p_t^κ) / κ.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    kappa : float or array, default 0.7
        κ in (0, 1]: towards 0 cross-entropy, at 1 the error 1 − p_t.
    alpha, class_weight, label_smoothing, where : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    GCE, or the L_q loss. At κ = 1 it does not determine the class probabilities.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_generalized_cross_entropy
    >>> x, y = jnp.array([2.0, -1.0]), jnp.array([1, 0])
    >>> print(f"{sigmoid_generalized_cross_entropy(x, y).mean():.4f}")
    0.2014
    """
    return elementwise(
        "sigmoid",
        margin.generalized_cross_entropy,
        {"kappa": kappa},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
        },
        alpha=alpha,
    )


def softmax_generalized_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    kappa: ArrayLike = 0.7,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
    axis: Axis = -1,
) -> Array:
    """Return the generalised cross-entropy of a softmax, (1 − p_t^κ) / κ.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    kappa : float or array, default 0.7
        κ in (0, 1]: towards 0 cross-entropy, at 1 the error 1 − p_t.
    alpha, class_weight, label_smoothing, where, axis : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    GCE, or the L_q loss. At κ = 1 it does not determine the class probabilities.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_generalized_cross_entropy
    >>> x, y = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([2])
    >>> print(f"{softmax_generalized_cross_entropy(x, y).mean():.4f}")
    0.3546
    """
    return rows(
        "softmax",
        margin.generalized_cross_entropy,
        {"kappa": kappa},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
            "axis": axis,
        },
        alpha=alpha,
    )


def sigmoid_tempered(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    order: ArrayLike = 2.0,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
) -> Array:
    """Return the tempered cross-entropy of a sigmoid, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    order : float or array, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    alpha, class_weight, label_smoothing, where : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per element.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    The α-loss, or the cross-entropy with a Tsallis logarithm.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_tempered
    >>> x, y = jnp.array([2.0, -1.0]), jnp.array([1, 0])
    >>> print(f"{sigmoid_tempered(x, y).mean():.4f}")
    0.2065
    """
    return elementwise(
        "sigmoid",
        margin.tempered,
        {"order": order},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
        },
        alpha=alpha,
    )


def softmax_tempered(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    order: ArrayLike = 2.0,
    class_weight: Weight = None,
    label_smoothing: float = 0.0,
    where: ArrayLike | None = None,
    axis: Axis = -1,
) -> Array:
    """Return the tempered cross-entropy of a softmax, (1 − p_t^κ) / κ with κ = 1 − 1/order.

    Parameters
    ----------
    logits, labels : array
        As throughout `focalis.jax`.
    order : float or array, default 2.0
        The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t.
    alpha, class_weight, label_smoothing, where, axis : optional
        As throughout `focalis.jax`.

    Returns
    -------
    Array
        One loss per row.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Notes
    -----
    The α-loss, or the cross-entropy with a Tsallis logarithm.

    References
    ----------
    arXiv 1906.02314, there as α-loss with α for the order.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_tempered
    >>> x, y = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([2])
    >>> print(f"{softmax_tempered(x, y).mean():.4f}")
    0.3688
    """
    return rows(
        "softmax",
        margin.tempered,
        {"order": order},
        logits,
        labels,
        {
            "class_weight": class_weight,
            "label_smoothing": label_smoothing,
            "where": where,
            "axis": axis,
        },
        alpha=alpha,
    )
