"""focalis: the cross-entropy family of classification losses.

Exact gradients and Hessians in closed form, at the speed of memory. A loss is a *link* (sigmoid,
softmax, or none for scores that already are probabilities), a *margin loss* from `focalis.margin` and
weights: see `Loss`.
"""

from focalis import margin, weights
from focalis.buffers import buffer_cache_limit, set_buffer_cache_limit
from focalis.functional import (
    balanced_cross_entropy,
    binary_cross_entropy_with_logits,
    binary_focal_loss,
    binary_focal_star,
    binary_generalized_cross_entropy,
    binary_log_loss,
    binary_poly1,
    categorical_focal_loss,
    categorical_focal_star,
    categorical_generalized_cross_entropy,
    categorical_poly1,
    cross_entropy,
    log_loss,
    multilabel_softmax_cross_entropy,
    sigmoid_cross_entropy,
    sigmoid_focal_loss,
    sigmoid_focal_star,
    sigmoid_generalized_cross_entropy,
    sigmoid_poly1,
    softmax_cross_entropy,
    softmax_focal_loss,
    softmax_focal_star,
    softmax_generalized_cross_entropy,
    softmax_poly1,
)
from focalis.loss import Loss
from focalis.parsing import parse
from focalis.threads import get_num_threads, set_num_threads

__all__ = [
    "Loss",
    "balanced_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_focal_loss",
    "binary_focal_star",
    "binary_generalized_cross_entropy",
    "binary_log_loss",
    "binary_poly1",
    "buffer_cache_limit",
    "categorical_focal_loss",
    "categorical_focal_star",
    "categorical_generalized_cross_entropy",
    "categorical_poly1",
    "cross_entropy",
    "get_num_threads",
    "log_loss",
    "margin",
    "multilabel_softmax_cross_entropy",
    "parse",
    "set_buffer_cache_limit",
    "set_num_threads",
    "sigmoid_cross_entropy",
    "sigmoid_focal_loss",
    "sigmoid_focal_star",
    "sigmoid_generalized_cross_entropy",
    "sigmoid_poly1",
    "softmax_cross_entropy",
    "softmax_focal_loss",
    "softmax_focal_star",
    "softmax_generalized_cross_entropy",
    "softmax_poly1",
    "weights",
]

__version__ = "0.1.0"
