"""The named losses as functions: NumPy in and out, each a few lines over `focalis.Loss`.

The first part of a name says what the scores are: ``sigmoid_`` and ``softmax_`` take logits, ``binary_``
and ``categorical_`` probabilities. A function returns only the value; for the gradient build the
`focalis.Loss` and call `Loss.value_and_grad`. The class axis is the last one. Common arguments are
documented once: the settings in `focalis.Loss`, the arguments of a call in `focalis.Loss.__call__`.
"""

from focalis.functional import named
from focalis.functional.log_losses import binary_log_loss, log_loss
from focalis.functional.named import *  # noqa: F403  # generated, with its `__all__`
from focalis.functional.pytorch import binary_cross_entropy_with_logits, cross_entropy

__all__ = ["binary_cross_entropy_with_logits", "binary_log_loss", "cross_entropy", "log_loss"]
__all__ += named.__all__
