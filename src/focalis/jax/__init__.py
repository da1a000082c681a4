"""The cross-entropy family for JAX: ``from focalis import jax as fj`` or ``import focalis.jax``.

`apply` takes any `focalis.Loss`, reductions and all. The functions that optax has keep their names,
signatures and defaults; the others of the family are in the same style: ``logits, labels``, then
keywords, and one loss for each element (sigmoid) or row (softmax), to be reduced by the caller.

All of it can be traced by `jax.jit`, mapped by `jax.vmap` and differentiated by both modes in any
nesting, also with respect to the parameters. Derivatives are closed forms: finite and right at the ends,
where differentiating the formula gives NaN. Half types are computed in float32; results have the type of
the logits. Shapes, types and settings that do not fit raise. So does a label out of range, a negative
weight or a normaliser that is none where its number can be read without waiting: outside of a trace, on
a CPU. Elsewhere it gives NaN, as does a probability that is none.

These arguments mean the same everywhere:

labels : array
    Sigmoid: in [0, 1], of a shape that broadcasts to that of the logits. Softmax: class indices, shaped
    like the logits without the class axis, or a non-negative number for each class, shaped like the
    logits. Soft labels mean the expectation Σ_k w_k φ(m_k).
gamma, beta, epsilon, kappa, order : float or array
    Parameters of the margin loss. A number is checked, and a part of the program: γ = 2 is a
    multiplication. An array may be traced and learnt; its range is checked where it can be read, and its
    shape broadcasts to that of the elements (sigmoid) or rows (softmax with indices). The derivative by
    κ is a difference of two terms of about the size of φ/κ, and right to their rounding: where κ log p_t
    is small, little may be left of it.
alpha : float, sequence of float or array, optional
    Sigmoid: weighs positives by α in [0, 1] and negatives by 1 − α. Softmax: a factor for each class, or
    for all. None is no weight; a number below 0, which means that elsewhere, is an error.
class_weight : sequence of float or array (C,), optional
    A factor for each class. Logits of a sigmoid with one axis, in the function that `jax.vmap` maps too,
    are N rows of one output: several classes need a second.
label_smoothing : float, default 0.0
    ε in [0, 1]: labels become y (1 − ε) + ε/C for a softmax, y (1 − ε) + ε/2 for a sigmoid.
axis : int or tuple of int, default -1
    Where the classes of a softmax lie; along several axes an index counts their elements in order. None
    is all of them.
where : array of bool, optional
    True where an element (sigmoid) or a row (softmax) counts; what does not may be NaN, and gives 0.
    Shaped like the logits of a softmax, it says which classes there are, as in optax.
"""

try:
    import jax as _jax  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "jax":
        raise
    raise ImportError('focalis.jax needs JAX: pip install "focalis[jax]"') from error

from focalis.jax import _vocabulary  # noqa: F401  # teaches the margin losses JAX's arrays
from focalis.jax import named as _named
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
from focalis.jax.named import *  # noqa: F403  # made from the table, which says what there is

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
__all__ += _named.__all__
