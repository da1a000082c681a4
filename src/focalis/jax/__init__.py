"""The cross-entropy family for JAX: ``from focalis import jax as fj`` or ``import focalis.jax``.

`apply` takes any `focalis.Loss`, reductions included. Functions that optax has keep their names,
signatures and defaults; the others follow the same style: ``logits, labels``, then keywords, and one
loss for each element (sigmoid) or row (softmax), for the caller to reduce.

Everything can be traced by `jax.jit`, mapped by `jax.vmap` and differentiated in both modes, nested in
any way, with respect to the parameters too. Derivatives are closed forms: finite and right at the ends,
where differentiating the formula gives NaN. Half types are computed in float32; results have the type of
the logits. Shapes, types and settings that do not fit raise an error. So does a label out of range, a
negative weight or an invalid normaliser, if it can be read without waiting: outside a trace, on a CPU.
Elsewhere it gives NaN, as does an invalid probability.

These arguments mean the same everywhere:

labels : array
    Sigmoid: in [0, 1], of a shape that broadcasts to that of the logits. Softmax: class indices, shaped
    like the logits without the class axis, or a non-negative number for each class, shaped like the
    logits. With soft labels the loss is the expectation Σ_k w_k φ(m_k).
gamma, beta, epsilon, kappa, order : float or array
    Parameters of the margin loss. A number is checked and built into the program: γ = 2 becomes a
    multiplication. An array may be traced and learnt; its range is checked where it can be read, and its
    shape broadcasts to that of the elements (sigmoid) or rows (softmax with indices). The derivative by
    κ is a difference of two terms of about the size of φ/κ, and only as accurate as their rounding:
    where κ log p_t is small, few digits may be left.
alpha : float, sequence of float or array, optional
    Sigmoid: weights positives by α in [0, 1] and negatives by 1 − α. Softmax: a factor for each class,
    or one for all. None is no weight; a number below 0, which elsewhere means the same, is an error.
class_weight : sequence of float or array (C,), optional
    A factor for each class. One-dimensional logits of a sigmoid, even inside `jax.vmap`, are N rows of
    one output: several classes need a second axis.
label_smoothing : float, default 0.0
    ε in [0, 1]: labels become y (1 − ε) + ε/C for a softmax, y (1 − ε) + ε/2 for a sigmoid.
axis : int or tuple of int, default -1
    The axis of a softmax's classes; over several axes a class index counts their elements in order.
    None means all axes.
where : array of bool, optional
    True where an element (sigmoid) or a row (softmax) counts; others may be NaN, and give 0. If it has
    the shape of a softmax's logits, it says which classes exist, as in optax.
"""

try:
    import jax as _jax  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "jax":
        raise
    raise ImportError('focalis.jax needs JAX: pip install "focalis[jax]"') from error

from focalis.jax import _vocabulary  # noqa: F401  # teaches the margin losses JAX's arrays
from focalis.jax import named as _generated
from focalis.jax._apply import apply
from focalis.jax.inference import initial_logits, posterior
from focalis.jax.losses import (
    binary_log_loss,
    log_loss,
    poly_loss_cross_entropy,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
)
from focalis.jax.named import *  # noqa: F403  # generated from the table, which lists the names

__all__ = [
    "apply",
    "binary_log_loss",
    "initial_logits",
    "log_loss",
    "poly_loss_cross_entropy",
    "posterior",
    "sigmoid_binary_cross_entropy",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_integer_labels",
]
__all__ += _generated.__all__
