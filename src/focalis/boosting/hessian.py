"""The whole Hessian of a softmax row, computed from its gradient and its diagonal.

With one true class t the gradient is φ′ d and the Hessian φ″ d dᵀ − φ′ (diag r − r rᵀ), where
r = e_t − d holds the other classes' shares (`focalis.maths.links`). So the gradient at t is φ′, the
diagonal at t is φ″, and the two determine the matrix: no formula of a loss appears here.
"""

import numpy as np

__all__ = ["softmax_hessian", "softmax_hessian_product"]

Array = np.ndarray


def softmax_hessian(grad: Array, hess: Array, labels: Array) -> Array:
    """Return the Hessian matrices (n, C, C) of softmax rows with one true class each.

    `grad` and `hess` (n, C) are from `Loss.grad_and_hess`, with a curvature of "exact", "clipped" or
    "absolute"; `labels` (n,) are the true classes.

    Examples
    --------
    >>> from focalis import parse
    >>> labels = np.array([2])
    >>> grad, hess = parse("softmax_cross_entropy").grad_and_hess(np.zeros((1, 3)), labels)
    >>> softmax_hessian(grad, hess, labels).round(3)
    array([[[ 0.222, -0.111, -0.111],
            [-0.111,  0.222, -0.111],
            [-0.111, -0.111,  0.222]]])
    """
    slope, curvature, direction, share = _parts(grad, hess, labels)
    spread = share[:, :, None] * (np.eye(grad.shape[1]) - share[:, None, :])
    outer = direction[:, :, None] * direction[:, None, :]
    matrices = np.asarray(curvature[:, :, None] * outer - slope[:, :, None] * spread)
    # 1 − r cancels where a wrong class is almost certain; hess was computed without it.
    np.einsum("nii->ni", matrices)[...] = hess
    return matrices


def softmax_hessian_product(grad: Array, hess: Array, labels: Array, v: Array) -> Array:
    """Return each row's Hessian times the same row of v (n, C), without forming the matrices.

    Examples
    --------
    >>> from focalis import parse
    >>> labels = np.array([2])
    >>> grad, hess = parse("softmax_cross_entropy").grad_and_hess(np.zeros((1, 3)), labels)
    >>> softmax_hessian_product(grad, hess, labels, np.array([[1.0, 0.0, 0.0]])).round(3)
    array([[ 0.222, -0.111, -0.111]])
    """
    slope, curvature, direction, share = _parts(grad, hess, labels)
    along = np.sum(direction * v, axis=1, keepdims=True)
    mean = np.sum(share * v, axis=1, keepdims=True)
    return np.asarray(curvature * along * direction - slope * share * (v - mean))


def _parts(grad: Array, hess: Array, labels: Array) -> tuple[Array, Array, Array, Array]:
    """Return φ′ and φ″ (n, 1), d and r (n, C), with the weights in φ′ and φ″."""
    rows = np.arange(len(labels))
    slope, curvature = grad[rows, labels][:, None], hess[rows, labels][:, None]
    # A slope of 0 has no direction, and needs none.
    direction = np.divide(grad, slope, out=np.zeros_like(grad), where=slope != 0)
    share = -direction
    share[rows, labels] = 0.0
    return slope, curvature, direction, share
