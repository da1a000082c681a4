"""What all fused loops share: how they are compiled, and zero weights. See the package's docstring."""

import numpy as np
from numba import njit

from focalis.engines.fused.options import PRIMITIVE
from focalis.engines.fused.primitives import log
from focalis.engines.fused.primitives32 import FLOAT, ZERO

# --- below this line the text is part of every kernel
LOOP = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
SUM = {"fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy", "nogil": True}
# For a loop over a row or a line of lanes: a call would pass dozens of words, and count references.
LINE = {**PRIMITIVE, "nogil": True}
LINE_SUM = {**LINE, "fastmath": SUM["fastmath"]}

# A vector loop falls back to a scalar loop, which rounds differently, if it reads and writes memory
# closer than one iteration of it: where the allocator puts a work array must not affect a result.
CLEAR = 64


@njit(**PRIMITIVE)
def room(size):
    """Return a work array at a distance from all others."""
    return np.empty(size + 2 * CLEAR, FLOAT)[CLEAR : CLEAR + size]


@njit(**PRIMITIVE)
def weighed(weight, term):
    return ZERO if weight == ZERO else weight * term


@njit(**PRIMITIVE)
def margin(own, top, total):
    """Return own − (top + log total); a loop that sums would be free to change this order."""
    return (own - top) - log(total)
