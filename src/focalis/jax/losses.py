"""The named losses, each a line over `focalis.jax.apply`; what they share is told in `focalis.jax`."""

from typing import Unpack

import jax
import jax.numpy as jnp

from focalis import margin
from focalis.functional._evaluation import renamed
from focalis.jax._checks import as_array
from focalis.jax._named import (
    Axis,
    Options,
    RowOptions,
    Settings,
    Weight,
    clipped,
    dense,
    elementwise,
    rows,
)

__all__ = [
    "balanced_cross_entropy",
    "binary_log_loss",
    "log_loss",
    "multilabel_softmax_cross_entropy",
    "poly_loss_cross_entropy",
    "sigmoid_binary_cross_entropy",
    "sigmoid_focal_loss",
    "sigmoid_focal_star",
    "sigmoid_generalized_cross_entropy",
    "sigmoid_poly1",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_integer_labels",
    "softmax_focal_loss",
    "softmax_focal_star",
    "softmax_generalized_cross_entropy",
    "softmax_poly1",
]

Array = jax.Array
ArrayLike = jax.typing.ArrayLike


def sigmoid_binary_cross_entropy(
    logits: ArrayLike, labels: ArrayLike, **options: Unpack[Options]
) -> Array:
    """Return the cross-entropy of a sigmoid, −log p_t, as optax has it.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_binary_cross_entropy
    >>> print(f"{sigmoid_binary_cross_entropy(jnp.array(2.0), 1.0):.4f}")
    0.1269
    """
    return elementwise("sigmoid", margin.cross_entropy, {}, logits, labels, options)


def balanced_cross_entropy(
    logits: ArrayLike, labels: ArrayLike, *, alpha: Weight = 0.75, **options: Unpack[Options]
) -> Array:
    """Return the cross-entropy of a sigmoid with positives weighed by α and negatives by 1 − α.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import balanced_cross_entropy
    >>> print(f"{balanced_cross_entropy(jnp.array(2.0), 1.0):.4f}")
    0.0952
    """
    return elementwise("sigmoid", margin.cross_entropy, {}, logits, labels, options, alpha=alpha)


def sigmoid_focal_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    gamma: ArrayLike = 2.0,
    **options: Unpack[Options],
) -> Array:
    """Return the focal loss of a sigmoid, −α_t (1 − p_t)^γ log p_t, as optax has it.

    Soft labels mean the expectation y φ(x) + (1 − y) φ(−x). optax mixes p_t first, which is another
    loss: γ = 2, y = .7, x = 1 give .226 here and .102 there.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_focal_loss
    >>> print(f"{sigmoid_focal_loss(jnp.array(-1.0), 1.0, alpha=0.25):.4f}")
    0.1755
    """
    given = {"gamma": gamma}
    return elementwise("sigmoid", margin.focal, given, logits, labels, options, alpha=alpha)


def sigmoid_focal_star(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    gamma: ArrayLike = 1.0,
    beta: ArrayLike = 0.0,
    **options: Unpack[Options],
) -> Array:
    """Return FL* of a sigmoid, −α_t log σ(γ m + β) / γ.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_focal_star
    >>> print(f"{sigmoid_focal_star(jnp.array(-1.0), 1.0, gamma=2.0):.4f}")
    1.0635
    """
    given = {"gamma": gamma, "beta": beta}
    return elementwise("sigmoid", margin.focal_star, given, logits, labels, options, alpha=alpha)


def sigmoid_poly1(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    epsilon: ArrayLike = 1.0,
    **options: Unpack[Options],
) -> Array:
    """Return poly-1 of a sigmoid, α_t (−log p_t + ε (1 − p_t)).

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_poly1
    >>> print(f"{sigmoid_poly1(jnp.array(-1.0), 1.0):.4f}")
    2.0443
    """
    given = {"epsilon": epsilon}
    return elementwise("sigmoid", margin.poly1, given, logits, labels, options, alpha=alpha)


def sigmoid_generalized_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    kappa: ArrayLike = 0.7,
    **options: Unpack[Options],
) -> Array:
    """Return the generalised cross-entropy of a sigmoid, α_t (1 − p_t^κ) / κ.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import sigmoid_generalized_cross_entropy
    >>> print(f"{sigmoid_generalized_cross_entropy(jnp.array(-1.0), 1.0):.4f}")
    0.8589
    """
    family, given = margin.generalized_cross_entropy, {"kappa": kappa}
    return elementwise("sigmoid", family, given, logits, labels, options, alpha=alpha)


def binary_log_loss(
    probabilities: ArrayLike, labels: ArrayLike, *, eps: float = 0.0, **options: Unpack[Options]
) -> Array:
    """Return −log p_t of probabilities of yes, which are held in [eps, 1 − eps].

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import binary_log_loss
    >>> print(f"{binary_log_loss(jnp.array(0.9), 1.0):.4f}")
    0.1054
    """
    p = clipped(probabilities, eps)
    with renamed(logits="probabilities"):
        return elementwise("identity", margin.cross_entropy, {}, p, labels, options)


def softmax_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    axis: Axis = -1,
    where: ArrayLike | None = None,
    **options: Unpack[Settings],
) -> Array:
    """Return the cross-entropy of a softmax with a number for each class, as optax has it.

    Labels below 0 give NaN.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_cross_entropy
    >>> x = jnp.array([0.9, -1.2, 1.1])
    >>> print(f"{softmax_cross_entropy(x, jnp.array([0.0, 1.0, 0.0])):.4f}")
    2.9518
    """
    y, family = dense(logits, labels), margin.cross_entropy
    return rows("softmax", family, {}, logits, y, options, axis=axis, where=where)


def softmax_cross_entropy_with_integer_labels(
    logits: ArrayLike,
    labels: ArrayLike,
    axis: Axis = -1,
    where: ArrayLike | None = None,
    **options: Unpack[Settings],
) -> Array:
    """Return the cross-entropy of a softmax with class indices, as optax has it.

    Indices out of range give NaN. A class that `where` excludes has probability 0, and as a label gives
    infinity.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_cross_entropy_with_integer_labels
    >>> x = jnp.array([0.9, -1.2, 1.1])
    >>> print(f"{softmax_cross_entropy_with_integer_labels(x, 1):.4f}")
    2.9518
    """
    t = as_array("labels", labels)
    if not jnp.issubdtype(t.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, got {t.dtype}")
    family = margin.cross_entropy
    return rows("softmax", family, {}, logits, t, options, axis=axis, where=where)


def multilabel_softmax_cross_entropy(
    logits: ArrayLike, labels: ArrayLike, **options: Unpack[RowOptions]
) -> Array:
    """Return the 1/M softmax loss of rows with several labels, −Σ_k y_k log p_k / M, M = #(y_k > 0).

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import multilabel_softmax_cross_entropy
    >>> print(f"{multilabel_softmax_cross_entropy(jnp.zeros(3), jnp.array([1, 1, 0])):.4f}")
    1.0986
    """
    family = margin.cross_entropy
    return rows("softmax", family, {}, logits, labels, options, positives="mean")


def softmax_focal_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    gamma: ArrayLike = 2.0,
    **options: Unpack[RowOptions],
) -> Array:
    """Return the focal loss of a softmax, −α_t (1 − p_t)^γ log p_t.

    References
    ----------
    arXiv 1708.02002.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_focal_loss
    >>> print(f"{softmax_focal_loss(jnp.array([1.0, 2.0, 3.0]), 0):.4f}")
    1.9936
    """
    return rows("softmax", margin.focal, {"gamma": gamma}, logits, labels, options, alpha=alpha)


def softmax_focal_star(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    gamma: ArrayLike = 1.0,
    beta: ArrayLike = 0.0,
    **options: Unpack[RowOptions],
) -> Array:
    """Return FL* of a softmax, −α_t log σ(γ m_t + β) / γ.

    References
    ----------
    arXiv 1708.02002, appendix A.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_focal_star
    >>> print(f"{softmax_focal_star(jnp.array([1.0, 2.0, 3.0]), 0, gamma=2.0):.4f}")
    2.3181
    """
    given = {"gamma": gamma, "beta": beta}
    return rows("softmax", margin.focal_star, given, logits, labels, options, alpha=alpha)


def softmax_poly1(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    epsilon: ArrayLike = 1.0,
    **options: Unpack[RowOptions],
) -> Array:
    """Return poly-1 of a softmax, α_t (−log p_t + ε (1 − p_t)).

    References
    ----------
    arXiv 2204.12511.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_poly1
    >>> print(f"{softmax_poly1(jnp.array([1.0, 2.0, 3.0]), 0):.4f}")
    3.3176
    """
    given = {"epsilon": epsilon}
    return rows("softmax", margin.poly1, given, logits, labels, options, alpha=alpha)


def poly_loss_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    epsilon: ArrayLike = 2.0,
    axis: Axis = -1,
    where: ArrayLike | None = None,
) -> Array:
    """Return `softmax_poly1` with a number for each class and the default ε of optax.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import poly_loss_cross_entropy
    >>> print(f"{poly_loss_cross_entropy(jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 0.0, 0.0])):.4f}")
    4.2275
    """
    labels = dense(logits, labels)
    return softmax_poly1(logits, labels, epsilon=epsilon, axis=axis, where=where)


def softmax_generalized_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    alpha: Weight = None,
    kappa: ArrayLike = 0.7,
    **options: Unpack[RowOptions],
) -> Array:
    """Return the generalised cross-entropy of a softmax, α_t (1 − p_t^κ) / κ.

    References
    ----------
    arXiv 1805.07836, there with q for κ.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import softmax_generalized_cross_entropy
    >>> print(f"{softmax_generalized_cross_entropy(jnp.array([1.0, 2.0, 3.0]), 0):.4f}")
    1.1637
    """
    family, given = margin.generalized_cross_entropy, {"kappa": kappa}
    return rows("softmax", family, given, logits, labels, options, alpha=alpha)


def log_loss(
    probabilities: ArrayLike, labels: ArrayLike, *, eps: float = 0.0, **options: Unpack[RowOptions]
) -> Array:
    """Return −log p_t of rows of probabilities, which are held in [eps, 1 − eps].

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from focalis.jax import log_loss
    >>> print(f"{log_loss(jnp.array([0.7, 0.2, 0.1]), 0):.4f}")
    0.3567
    """
    p = clipped(probabilities, eps)
    with renamed(logits="probabilities"):
        return rows("simplex", margin.cross_entropy, {}, p, labels, options)
