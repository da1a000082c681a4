"""What all fused loops share: how they are compiled, and weights of 0. See the package's docstring."""

from numba import njit

from focalis.engines.fused.primitives32 import PRIMITIVE, ZERO

# --- below this line the text is part of every kernel
LOOP = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
SUM = {"fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy", "nogil": True}


@njit(**PRIMITIVE)
def weighed(weight, term):
    return ZERO if weight == ZERO else weight * term
