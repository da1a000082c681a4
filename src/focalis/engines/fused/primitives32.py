"""What the vocabulary in float32 has for itself, for the fused kernels. See the package's docstring."""

import numpy as np
from numba import njit

from focalis.engines.fused.options import PRIMITIVE

# --- below this line the text is part of every float32 kernel
FLOAT = np.float32
INT = np.int32
MANTISSA, EXPONENT_BIAS = INT(23), INT(127)

ZERO, HALF, ONE, TWO = FLOAT(0), FLOAT(0.5), FLOAT(1), FLOAT(2)
INFINITY, NAN = FLOAT(np.inf), FLOAT(np.nan)
LARGEST, TINY = FLOAT(np.finfo(np.float32).max), FLOAT(np.finfo(np.float32).tiny)
BELOW_LARGEST = np.nextafter(LARGEST, ZERO)
NEGLIGIBLE = FLOAT(4e-18)  # e^-40: far from underflow, and its inverse far from overflow

LOG2_E = FLOAT(1.4426950408889634)
LN2_HIGH, LN2_LOW = FLOAT(0.693359375), FLOAT(-2.12194440e-4)
LN2 = FLOAT(0.6931471805599453)  # accurate to 2e-9: the 24 bits are followed by zeros
# Adding 1.5 · 2^23 rounds to an integer n, left in the low bits: there it is the exponent, biased by
# 127, of 2^(n + 64). With that offset 2^n is never subnormal, and the product can be scaled down again.
BIAS, DROP = 127 + 64, FLOAT(2.0**-64)
ROUND = FLOAT(12582912.0 + BIAS)
ROUND_BITS = INT(0x4B400000 + BIAS)
EXP_LOW, EXP_HIGH = FLOAT(-110), FLOAT(90)
# Minimax fits: (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2, to 7.5e-9 of e^r.
E0, E1, E2, E3, E4 = (
    FLOAT(0.50000000269212648544),
    FLOAT(0.16666576971028040381),
    FLOAT(0.041666375323421758039),
    FLOAT(0.0083631812296801625986),
    FLOAT(0.001394111024930718567),
)
# log(1 + t) / t on [0, 1], to 4.7e-9.
G0, G1, G2, G3, G4, G5, G6, G7, G8, G9 = (
    FLOAT(0.99999999528992484691),
    FLOAT(-0.49999902337545566143),
    FLOAT(0.33329960311937388012),
    FLOAT(-0.24954114368803363549),
    FLOAT(0.19675849124554576138),
    FLOAT(-0.15305351530918988443),
    FLOAT(0.10603270594906326396),
    FLOAT(-0.056955922897435778833),
    FLOAT(0.019849616284875898535),
    FLOAT(-0.0032436293234986939037),
)
# (artanh(s)/s − 1) / s² on |s| ≤ 3 − 2√2, to 1.7e-11.
A0, A1, A2, A3 = (
    FLOAT(0.33333333276511002326),
    FLOAT(0.20000061376387123582),
    FLOAT(0.14275368589611006894),
    FLOAT(0.11666190857945287198),
)
M2, M3, M4, M5, M6, M7, M8 = (FLOAT(1.0 / k) for k in (2, 6, 24, 120, 720, 5040, 40320))
SIGN_SHIFT, MAGNITUDE, LOWEST = INT(31), INT(0x7FFFFFFF), INT(-0x80000000)
ROOT_HALF_BITS = INT(0x3F3504F3)
SUBNORMAL_LIFT, SUBNORMAL_SHIFT = FLOAT(16777216.0), FLOAT(24)


@njit(**PRIMITIVE)
def reduced(x):
    """Return e^r − 1 and ROUND_BITS + n, where x = n ln 2 + r."""
    rounded = x * LOG2_E + ROUND
    r = x - (rounded - ROUND) * LN2
    # Pairs of terms are independent, which saves the latency of the chain in Horner's scheme.
    r2 = r * r
    tail = (E4 * r2 + (E3 * r + E2)) * r2 + (E1 * r + E0)
    return tail * r2 + r, FLOAT(rounded).view(INT)


@njit(**PRIMITIVE)
def log1p_unit(t):
    t2 = t * t
    t4 = t2 * t2
    low = (G3 * t + G2) * t2 + (G1 * t + G0)
    middle = (G7 * t + G6) * t2 + (G5 * t + G4)
    return t * ((((G9 * t + G8) * t4) + middle) * t4 + low)


@njit(**PRIMITIVE)
def artanh_tail(z):
    """Return (artanh(s)/s − 1) / s² for z = s²."""
    return ((A3 * z + A2) * z + A1) * z + A0


@njit(**PRIMITIVE)
def expm1_tail(x):
    """Return the terms of (e^x − 1) / x from x⁴ on, divided by x⁴."""
    return ((M8 * x + M7) * x + M6) * x + M5
