"""What the vocabulary in float64 has for itself, for the fused kernels. See the package's docstring."""

import numpy as np
from numba import njit

from focalis.engines.fused.options import PRIMITIVE

# --- below this line the text is part of every float64 kernel
FLOAT = np.float64
INT = np.int64
MANTISSA, EXPONENT_BIAS = INT(52), INT(1023)

ZERO, HALF, ONE, TWO = 0.0, 0.5, 1.0, 2.0
INFINITY, NAN = np.inf, np.nan
LARGEST, TINY = np.finfo(np.float64).max, np.finfo(np.float64).tiny
BELOW_LARGEST = np.nextafter(LARGEST, ZERO)
NEGLIGIBLE = 5e-131  # e^-300: far from underflow, and its inverse far from overflow

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
# Adding 1.5 · 2^52 rounds to an integer n, left in the low bits: there it is the exponent, biased by
# 1023, of 2^(n + 200). With that offset 2^n is never subnormal, and the product can be scaled down
# again.
BIAS, DROP = 1023 + 200, 2.0**-200
ROUND = 6755399441055744.0 + BIAS
ROUND_BITS = INT(0x4338000000000000 + BIAS)
EXP_LOW, EXP_HIGH = -800.0, 720.0
# Minimax fits: (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2, to 1.6e-19 of e^r.
E0, E1, E2, E3, E4, E5, E6, E7, E8, E9, E10 = (
    0.49999999999999999997,
    0.16666666666666670991,
    0.041666666666666683738,
    0.0083333333333261350499,
    0.0013888888888874431779,
    0.00019841269874821157098,
    0.000024801587347268622921,
    2.7557255399372260744e-6,
    2.7557252973278132016e-7,
    2.5105217387857132494e-8,
    2.0921571354997560439e-9,
)
# (artanh(s)/s − 1) / s² on |s| ≤ 1/3, to 4.8e-18.
B0, B1, B2, B3, B4, B5, B6, B7, B8, B9 = (
    0.33333333333333329053,
    0.20000000000007624781,
    0.14285714283474087235,
    0.11111111366147333558,
    0.090908943735375598468,
    0.076927939995529988189,
    0.066569350386479728006,
    0.060017572887472120515,
    0.043945055759267156394,
    0.080937560120798114162,
)
# The same on |s| ≤ 3 − 2√2, to 4.5e-18.
A0, A1, A2, A3, A4, A5, A6 = (
    0.33333333333333348644,
    0.19999999999949223594,
    0.14285714313199476855,
    0.11111105536428065194,
    0.0909144660890495348,
    0.076657985018820934115,
    0.073089359702747440885,
)
M2, M3, M4, M5, M6, M7, M8 = (1.0 / k for k in (2, 6, 24, 120, 720, 5040, 40320))
M9, M10, M11 = (1.0 / k for k in (362880, 3628800, 39916800))
M12, M13, M14 = (1.0 / k for k in (479001600, 6227020800, 87178291200))
SIGN_SHIFT, MAGNITUDE, LOWEST = INT(63), INT(0x7FFFFFFFFFFFFFFF), INT(-0x8000000000000000)
ROOT_HALF_BITS = INT(0x3FE6A09E667F3BCD)
SUBNORMAL_LIFT, SUBNORMAL_SHIFT = 18014398509481984.0, 54.0


@njit(**PRIMITIVE)
def reduced(x):
    """Return e^r − 1 and ROUND_BITS + n, where x = n ln 2 + r."""
    rounded = x * LOG2_E + ROUND
    whole = rounded - ROUND
    r = x - whole * LN2_HIGH
    r = r - whole * LN2_LOW
    # Pairs of terms are independent, which saves the latency of the chain in Horner's scheme.
    r2 = r * r
    r4 = r2 * r2
    low = (E3 * r + E2) * r2 + (E1 * r + E0)
    middle = (E7 * r + E6) * r2 + (E5 * r + E4)
    tail = ((E10 * r2 + (E9 * r + E8)) * r4 + middle) * r4 + low
    return tail * r2 + r, FLOAT(rounded).view(INT)


@njit(**PRIMITIVE)
def log1p_unit(t):
    s = t / (TWO + t)
    z = s * s
    z2 = z * z
    z4 = z2 * z2
    low = (B3 * z + B2) * z2 + (B1 * z + B0)
    middle = (B7 * z + B6) * z2 + (B5 * z + B4)
    tail = ((B9 * z + B8) * z4 + middle) * z4 + low
    # 2 artanh(s), with the leading 2 s written as t − s t to avoid its rounding.
    return t - s * (t - TWO * (z * tail))


@njit(**PRIMITIVE)
def artanh_tail(z):
    """Return (artanh(s)/s − 1) / s² for z = s²."""
    return (((((A6 * z + A5) * z + A4) * z + A3) * z + A2) * z + A1) * z + A0


@njit(**PRIMITIVE)
def expm1_tail(x):
    """Return the terms of (e^x − 1) / x from x⁴ on, divided by x⁴."""
    tail = ((((M14 * x + M13) * x + M12) * x + M11) * x + M10) * x + M9
    return (((tail * x + M8) * x + M7) * x + M6) * x + M5
