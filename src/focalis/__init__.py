"""focalis: the cross-entropy family of classification losses.

Exact gradients and Hessians in closed form, at the speed of memory. A loss is a *link* (sigmoid,
softmax, or none for scores that already are probabilities), a *margin loss* from `focalis.margin` and
weights: see `Loss`.
"""

from focalis import functional as _functional
from focalis import margin, weights
from focalis.engines.buffers import buffer_cache_limit, set_buffer_cache_limit
from focalis.engines.threads import get_num_threads, set_num_threads
from focalis.functional import *  # noqa: F403  # which says what there is
from focalis.loss import Loss
from focalis.parsing import parse

__all__ = [
    "Loss",
    "buffer_cache_limit",
    "get_num_threads",
    "margin",
    "parse",
    "set_buffer_cache_limit",
    "set_num_threads",
    "weights",
]
__all__ += _functional.__all__

__version__ = "0.1.0"
