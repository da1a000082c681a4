"""What all fused loops share: how they are compiled, and weights of 0. See the package's docstring."""

from numba import njit

from focalis.engines.fused.primitives32 import PRIMITIVE, ZERO, log

# --- below this line the text is part of every kernel
LOOP = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
SUM = {"fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy", "nogil": True}


@njit(**PRIMITIVE)
def weighed(weight, term):
    return ZERO if weight == ZERO else weight * term


@njit(**PRIMITIVE)
def margin(own, top, total):
    """Return own − (top + log total), in an order that a loop with a sum would be free to change."""
    return (own - top) - log(total)
