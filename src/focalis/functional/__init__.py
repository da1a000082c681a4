"""The named losses as functions: NumPy in and out, each a few lines over `focalis.Loss`.

The first half of a name says what the scores are: ``sigmoid_`` and ``softmax_`` take logits, ``binary_``
and ``categorical_`` probabilities. A function returns the value alone; for the gradient build the
`focalis.Loss` and call `Loss.value_and_grad`. The class axis is the last one. What all of them take is
told once: the settings in `focalis.Loss`, the arguments of a call in `focalis.Loss.__call__`.
"""

from focalis.functional.cross_entropies import (
    balanced_cross_entropy,
    multilabel_softmax_cross_entropy,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from focalis.functional.focal import (
    binary_focal_loss,
    categorical_focal_loss,
    sigmoid_focal_loss,
    softmax_focal_loss,
)
from focalis.functional.focal_star import (
    binary_focal_star,
    categorical_focal_star,
    sigmoid_focal_star,
    softmax_focal_star,
)
from focalis.functional.generalized import (
    binary_generalized_cross_entropy,
    categorical_generalized_cross_entropy,
    sigmoid_generalized_cross_entropy,
    softmax_generalized_cross_entropy,
)
from focalis.functional.log_losses import binary_log_loss, log_loss
from focalis.functional.poly1 import (
    binary_poly1,
    categorical_poly1,
    sigmoid_poly1,
    softmax_poly1,
)
from focalis.functional.pytorch import binary_cross_entropy_with_logits, cross_entropy

__all__ = [
    "balanced_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_focal_loss",
    "binary_focal_star",
    "binary_generalized_cross_entropy",
    "binary_log_loss",
    "binary_poly1",
    "categorical_focal_loss",
    "categorical_focal_star",
    "categorical_generalized_cross_entropy",
    "categorical_poly1",
    "cross_entropy",
    "log_loss",
    "multilabel_softmax_cross_entropy",
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
]
