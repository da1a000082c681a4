"""float16 and bfloat16 to float32 and back, by their bits. See the package's docstring.

Numba supports neither type on a CPU: a half is the integer of its bits. Both directions are exact or
rounded to nearest even; values that are too large become infinite. A NaN stays a NaN; towards bfloat16
only if its lower half is 0, as in every NaN that arithmetic makes or that comes from a bfloat16. No
intermediate value is a subnormal float32, which a thread may be set to flush to zero.
"""

import numpy as np
from numba import njit

from focalis.engines.fused.options import PRIMITIVE

# --- below this line the text is part of every kernel that reads or writes numbers
SINGLE = np.float32  # whatever the computing type is
BITS = np.uint32  # cast every sum back to this, or Numba widens it to 64 bits
ODD, HIGH = BITS(1), BITS(16)
MAGNITUDE_BITS, INFINITY_BITS = BITS(0x7FFFFFFF), BITS(0x7F800000)

B_BELOW_HALF = BITS(0x7FFF)
SHORT = np.int16
SHORT_LOWEST, SHORT_MAGNITUDE, SHORT_SIGN_SHIFT = SHORT(-0x8000), SHORT(0x7FFF), SHORT(15)

H_SIGN, H_MAGNITUDE, H_INFINITY, H_NAN = BITS(0x8000), BITS(0x7FFF), BITS(0x7C00), BITS(0x7E00)
H_NORMAL, H_SHIFT, H_BELOW_HALF = BITS(0x400), BITS(13), BITS(0xFFF)
H_BIAS = BITS((127 - 15) << 23)  # difference between the exponents of the two types
H_LEAST = SINGLE(2.0**-14)  # the smallest normal float16
H_HALF = SINGLE(0.5)
H_LEAST_BITS, H_BEYOND_BITS = BITS((127 - 14) << 23), BITS((127 + 16) << 23)
H_HALF_BITS = BITS(126 << 23)  # bits of 0.5, whose last digit is the smallest float16


@njit(**PRIMITIVE)
def widen_bfloat16(half):
    return BITS(BITS(half) << HIGH).view(SINGLE)


@njit(**PRIMITIVE)
def narrow_bfloat16(number):
    b = SINGLE(number).view(BITS)
    return BITS(BITS(b + B_BELOW_HALF) + BITS(BITS(b >> HIGH) & ODD)) >> HIGH


@njit(**PRIMITIVE)
def ordered_bfloat16(half):
    """Return the bits of a bfloat16 as an integer of the same order, and vice versa."""
    h = SHORT(half)
    return SHORT(h ^ SHORT(SHORT(h >> SHORT_SIGN_SHIFT) & SHORT_MAGNITUDE))


@njit(**PRIMITIVE)
def widen_float16(half):
    h = BITS(half)
    magnitude = BITS(h & H_MAGNITUDE)
    shifted = BITS(magnitude << H_SHIFT)
    normal = BITS(shifted + H_BIAS)
    # A subnormal's digits behind a leading 1, which is subtracted again.
    small = SINGLE(SINGLE(BITS(shifted + H_LEAST_BITS).view(SINGLE)) - H_LEAST)
    wide = BITS(small.view(BITS)) if magnitude < H_NORMAL else normal
    wide = BITS(normal + H_BIAS) if magnitude >= H_INFINITY else wide
    return BITS(wide | BITS(BITS(h & H_SIGN) << HIGH)).view(SINGLE)


@njit(**PRIMITIVE)
def narrow_float16(number):
    b = SINGLE(number).view(BITS)
    magnitude = BITS(b & MAGNITUDE_BITS)
    odd = BITS(BITS(magnitude >> H_SHIFT) & ODD)
    normal = BITS(BITS(BITS(magnitude - H_BIAS) + H_BELOW_HALF) + odd) >> H_SHIFT
    # Adding 0.5 to a subnormal rounds it at its last digit.
    small = SINGLE(SINGLE(magnitude.view(SINGLE)) + H_HALF)
    half = BITS(small.view(BITS) - H_HALF_BITS) if magnitude < H_LEAST_BITS else normal
    beyond = H_NAN if magnitude > INFINITY_BITS else H_INFINITY
    half = beyond if magnitude >= H_BEYOND_BITS else half
    return half | BITS(BITS(b >> HIGH) & H_SIGN)
