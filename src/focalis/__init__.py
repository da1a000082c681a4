"""focalis: the cross-entropy family of classification losses.

Exact gradients and Hessians in closed form, at the speed of memory. A loss is a *link* (sigmoid,
softmax, or none for scores that already are probabilities), a *margin loss* from `focalis.margin` and
weights: see `Loss`.
"""

from focalis import margin
from focalis.buffers import buffer_cache_limit, set_buffer_cache_limit
from focalis.loss import Loss
from focalis.parsing import parse
from focalis.threads import get_num_threads, set_num_threads

__all__ = [
    "Loss",
    "buffer_cache_limit",
    "get_num_threads",
    "margin",
    "parse",
    "set_buffer_cache_limit",
    "set_num_threads",
]

__version__ = "0.1.0"
