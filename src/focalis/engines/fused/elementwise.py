"""The fused loop over yes/no questions. See the package's docstring."""

import numpy as np
from numba import njit, types
from numba.extending import overload

from focalis.engines.fused.halves import (
    narrow_bfloat16,
    narrow_float16,
    widen_bfloat16,
    widen_float16,
)
from focalis.engines.fused.primitives32 import FLOAT, ONE, PRIMITIVE, ZERO, where
from focalis.engines.fused.steps import LOOP, SUM, weighed

CACHE = False
PROBABILITY, SLACK = False, FLOAT(0)


def terms(z, mirrored, c):
    """Stand in for the traced terms of a margin loss."""
    raise NotImplementedError


def both_terms(z, mirrored, c):
    """Stand in for the traced terms of a margin loss seen from yes and from no."""
    raise NotImplementedError


# --- below this line the text is part of every elementwise kernel
# Elements that are summed in their own type, and that stay in the first cache.
TILE = 2048

# A bfloat16 is the unsigned integer of its bits, a float16 the signed one.
WIDEN = {types.uint16: widen_bfloat16, types.int16: widen_float16}
NARROW = {types.uint16: narrow_bfloat16, types.int16: narrow_float16}


def number(source, i):
    """Return a number in the computing type."""


def put(result, i, number):
    """Write a number in the type of the result."""


@overload(number, jit_options=PRIMITIVE)
def _number(source, i):
    widen = WIDEN.get(source.dtype)
    if widen is None:
        return lambda source, i: source[i]
    return lambda source, i: widen(source[i])


@overload(put, jit_options=PRIMITIVE)
def _put(result, i, number):
    # What may be None is still called so behind a test that it is not.
    narrow = NARROW.get(getattr(result, "type", result).dtype)

    def direct(result, i, number):
        result[i] = number

    def rounded(result, i, number):
        result[i] = narrow(number)

    return direct if narrow is None else rounded


@njit(**PRIMITIVE)
def sides(x):
    """Return what the score says of yes and of no: margins, or probabilities."""
    if PROBABILITY:
        inside = ONE if x > ONE else x
        return inside, ONE - inside
    return x, -x


@njit(**PRIMITIVE)
def softness(y):
    """Return 0 for a target of 0 or 1 and a number above 0, or NaN, for any other."""
    return abs(y - y * y)


@njit(**SUM)
def outside(x, y, weight, positive, negative):
    wrong = 0
    for i in range(x.size):
        xi, yi = number(x, i), number(y, i)
        beyond = (xi < ZERO) | (xi > ONE + SLACK)
        beyond &= (positive[i] * yi != ZERO) | (negative[i] * (ONE - yi) != ZERO)
        if weight is not None:
            beyond &= weight[i] != ZERO
        wrong |= beyond
    return wrong != 0


@njit(**SUM)
def hard_tile(x, y, weight, positive, negative, scale, value, grad, hess, c):
    """Evaluate targets of 0 and 1; return True if there are others, and all is to be done again."""
    total, soft = ZERO, ZERO
    for i in range(x.size):
        xi, yi = number(x, i), number(y, i)
        soft += softness(yi)
        yes = yi == ONE
        a, b = positive[i], negative[i]
        w = where(yes, a, b)
        if weight is not None:
            w = w * weight[i]
        z, other = sides(xi)
        phi, slope, second = terms(where(yes, z, other), where(yes, other, z), c)
        nothing = w == ZERO
        phi = where(nothing, ZERO, w * phi)
        total += phi
        if value is not None:
            put(value, i, phi)
        if grad is not None:
            slope = where(nothing, ZERO, (w * scale) * slope)
            put(grad, i, where(yes, slope, -slope))
        if hess is not None:
            put(hess, i, weighed(w, second))
    return total, soft != ZERO


@njit(**SUM)
def soft_tile(x, y, weight, positive, negative, scale, value, grad, hess, both):
    """Evaluate targets of any kind; return as well whether one was wrong, and whether one was soft."""
    total, soft = ZERO, ZERO
    bad = 0
    for i in range(x.size):
        xi, yi = number(x, i), number(y, i)
        soft += softness(yi)
        a, b = positive[i] * yi, negative[i] * (ONE - yi)
        wrong = ~((yi >= ZERO) & (yi <= ONE))
        if weight is not None:
            counts = weight[i] != ZERO
            a, b = where(counts, a * weight[i], ZERO), where(counts, b * weight[i], ZERO)
            wrong = wrong & counts
        bad |= wrong
        z, other = sides(xi)
        phi, slope, second, phi_no, slope_no, second_no = both_terms(z, other, both)
        phi = weighed(a, phi) + weighed(b, phi_no)
        total += phi
        if value is not None:
            put(value, i, phi)
        if grad is not None:
            put(grad, i, weighed(a * scale, slope) - weighed(b * scale, slope_no))
        if hess is not None:
            put(hess, i, weighed(a, second) + weighed(b, second_no))
    return total, bad != 0, soft != ZERO


@njit(cache=CACHE, **LOOP)
def elementwise(x, y, weight, positive, negative, scale, value, grad, hess, c, both):
    n, classes = x.size, positive.size
    tile = classes if classes >= TILE else (TILE // classes) * classes
    tile = min(tile, n)
    pos, neg = np.empty(tile, FLOAT), np.empty(tile, FLOAT)
    j = 0
    for i in range(tile):
        pos[i], neg[i] = positive[j], negative[j]
        j = j + 1 if j + 1 < classes else 0
    total, bad, soft = 0.0, False, False
    for lo in range(0, n, tile):
        hi = min(lo + tile, n)
        w = None if weight is None else weight[lo:hi]
        v = None if value is None else value[lo:hi]
        g = None if grad is None else grad[lo:hi]
        h = None if hess is None else hess[lo:hi]
        xs, ys = x[lo:hi], y[lo:hi]
        if PROBABILITY:
            bad |= outside(xs, ys, w, pos, neg)
        part = ZERO
        if not soft:
            part, soft = hard_tile(xs, ys, w, pos, neg, scale, v, g, h, c)
        if soft:
            # Soft targets come in company: the next tile is not tried as a hard one first.
            part, wrong, soft = soft_tile(xs, ys, w, pos, neg, scale, v, g, h, both)
            bad |= wrong
        total += part
    return total, bad
