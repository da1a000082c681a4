"""The vocabulary in the computing type, for the fused kernels. See the package's docstring."""

import numpy as np
from numba import njit

from focalis.engines.fused.options import PRIMITIVE
from focalis.engines.fused.primitives32 import (
    DROP,
    EXP_HIGH,
    EXP_LOW,
    EXPONENT_BIAS,
    FLOAT,
    INFINITY,
    INT,
    LN2_HIGH,
    LN2_LOW,
    M2,
    M3,
    M4,
    MAGNITUDE,
    MANTISSA,
    NAN,
    ONE,
    ROOT_HALF_BITS,
    ROUND_BITS,
    SIGN_SHIFT,
    SUBNORMAL_LIFT,
    SUBNORMAL_SHIFT,
    TINY,
    TWO,
    ZERO,
    artanh_tail,
    expm1_tail,
    reduced,
)


# --- below this line the text is part of every kernel
@njit(**PRIMITIVE)
def where(condition, a, b):
    return a if condition else b


@njit(**PRIMITIVE)
def absolute(x):
    return abs(x)


@njit(**PRIMITIVE)
def sqrt(x):
    return np.sqrt(x)


@njit(**PRIMITIVE)
def exp(x):
    x = EXP_LOW if x < EXP_LOW else x
    x = EXP_HIGH if x > EXP_HIGH else x
    rest, bits = reduced(x)
    n = INT(bits - ROUND_BITS)
    # 2^n in two factors: as one it would overflow, or lose a subnormal result, at the ends.
    half = n >> INT(1)
    first = INT((half + EXPONENT_BIAS) << MANTISSA).view(FLOAT)
    second = INT((n - half + EXPONENT_BIAS) << MANTISSA).view(FLOAT)
    return (rest * first + first) * second


@njit(**PRIMITIVE)
def exp_nonpositive(x):
    """Return e^x for x ≤ 0."""
    rest, bits = reduced(EXP_LOW if x < EXP_LOW else x)
    lifted = INT(bits << MANTISSA).view(FLOAT)
    return (rest * lifted + lifted) * DROP


@njit(**PRIMITIVE)
def log(x):
    subnormal = x < TINY
    lifted = x * SUBNORMAL_LIFT if subnormal else x
    bits = FLOAT(lifted).view(INT)
    n = INT((bits - ROOT_HALF_BITS) >> MANTISSA)
    f = INT(bits - INT(n << MANTISSA)).view(FLOAT)
    exponent = FLOAT(n) - (SUBNORMAL_SHIFT if subnormal else ZERO)
    s = (f - ONE) / (f + ONE)
    z = s * s
    result = exponent * LN2_HIGH + (exponent * LN2_LOW + (TWO * s + TWO * s * (z * artanh_tail(z))))
    result = result if x < INFINITY else x
    result = NAN if x < ZERO else result
    return -INFINITY if x == ZERO else result


@njit(**PRIMITIVE)
def log1p(x):
    w = ONE + x
    rest = w - ONE
    # log(w) is wrong by the rounding of w; x / (w − 1) corrects it.
    result = log(w) * (x / rest)
    result = x if rest == ZERO else result
    return w if w == INFINITY else (-INFINITY if w == ZERO else result)


@njit(**PRIMITIVE)
def expm1(x):
    near = x * ((((expm1_tail(x) * x + M4) * x + M3) * x + M2) * x + ONE)
    return near if abs(x) < FLOAT(0.35) else exp(x) - ONE


@njit(**PRIMITIVE)
def as_ordered(bits):
    """Return the bits of a number as an integer of the same order, and vice versa."""
    return INT(bits ^ INT(INT(bits >> SIGN_SHIFT) & MAGNITUDE))
