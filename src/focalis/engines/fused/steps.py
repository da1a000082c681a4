"""What all fused loops share: how they are compiled, and weights of 0. See the package's docstring."""

import numpy as np
from numba import njit

from focalis.engines.fused.primitives32 import FLOAT, PRIMITIVE, ZERO, log

# --- below this line the text is part of every kernel
LOOP = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
SUM = {"fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy", "nogil": True}
# A loop over a row, or a line of lanes: a call would hand over dozens of words, and count references.
LINE = {**PRIMITIVE, "nogil": True}
LINE_SUM = {**LINE, "fastmath": SUM["fastmath"]}

# A vector loop that reads and writes memory nearer than one turn of it gives way to a scalar loop, which
# rounds otherwise: where the allocator puts a work array must not show in a result.
CLEAR = 64


@njit(**PRIMITIVE)
def room(size):
    """Return a work array that is clear of all others."""
    return np.empty(size + 2 * CLEAR, FLOAT)[CLEAR : CLEAR + size]


@njit(**PRIMITIVE)
def weighed(weight, term):
    return ZERO if weight == ZERO else weight * term


@njit(**PRIMITIVE)
def margin(own, top, total):
    """Return own − (top + log total), in an order that a loop with a sum would be free to change."""
    return (own - top) - log(total)
