"""The fused loops over softmax rows with one true class. See the package's docstring.

A row is seen from its class: the largest of the other logits, the sum of the others' exponentials, and
the margin computed from these, so that 1 − p_t is never a difference.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload

from focalis.engines.fused.halves import (
    BITS,
    SHORT,
    SHORT_LOWEST,
    ordered_bfloat16,
    widen_bfloat16,
)
from focalis.engines.fused.options import PRIMITIVE
from focalis.engines.fused.primitives import as_ordered, exp_nonpositive, where
from focalis.engines.fused.primitives32 import FLOAT, INFINITY, INT, LARGEST, LOWEST, ONE, ZERO
from focalis.engines.fused.steps import LINE, LINE_SUM, LOOP
from focalis.engines.fused.storage import (
    borrowed,
    close_part,
    copy_line,
    is_narrow,
    number,
    open_part,
    part,
    put,
    read_part,
    room_for,
    room_to_widen,
    row_of,
)
from focalis.engines.fused.strips import (
    FACTOR,
    LANES,
    LINES,
    OWN,
    PHI,
    SECOND,
    SLOPE,
    TOP,
    TOTAL,
    WEIGHT,
    lane_labels,
    lane_terms,
)

# --- below this line the text is part of every softmax kernel
BLOCK = 4096  # elements summed in the computing type, with positions that fit into 16 bits
NOWHERE = -1
REGISTER = 16  # lanes of the widest one; evaluating terms one by one may round differently
# Elements of a strip, whose exponentials are kept until its terms are known. If the gradient is
# narrower, they need a workspace, from which it is written at the end: the smaller, the better.
NEAR_BY, ELSEWHERE, MANY = 65536, 4096, 1 << 62


@njit(**LINE)
def largest(x, k):
    """Return the largest number but x[k], or −inf if none. It may miss a NaN, which reaches the sums."""
    # Integers of the same order, because a running maximum of floats does not vectorise.
    best = LOWEST
    for lo in range(0, x.size, BLOCK):
        hi = min(lo + BLOCK, x.size)
        xs = part(x, lo, hi)
        key = largest_key(xs, k - lo) if lo <= k < hi else largest_key(xs, None)
        best = key if key > best else best
    return -INFINITY if best == LOWEST else INT(as_ordered(best)).view(FLOAT)


def largest_key(x, k):
    """Return the largest number of a block but x[k], or of all, as an integer of the same order."""


@overload(largest_key, jit_options=PRIMITIVE)
def _largest_key(x, k):
    if x.dtype == types.uint16:
        return lambda x, k: widened_key(short_key(x, k))
    return lambda x, k: full_key(x, k)


@njit(**LINE)
def full_key(x, k):
    best = LOWEST
    for i in range(x.size):
        key = as_ordered(FLOAT(number(x, i)).view(INT))
        if k is not None:
            key = where(np.int32(i) == np.int32(k), LOWEST, key)
        best = key if key > best else best
    return best


@njit(**LINE)
def short_key(x, k):
    # With 16-bit keys and positions a register holds twice as many as with widened numbers.
    best = SHORT_LOWEST
    for i in range(x.size):
        key = ordered_bfloat16(x[i])
        if k is not None:
            key = where(SHORT(i) == SHORT(k), SHORT_LOWEST, key)
        best = key if key > best else best
    return best


@njit(**PRIMITIVE)
def widened_key(short):
    wide = as_ordered(FLOAT(widen_bfloat16(BITS(ordered_bfloat16(short)))).view(INT))
    return LOWEST if short == SHORT_LOWEST else wide


@njit(**LINE_SUM)
def exp_block(x, k, top, e):
    total = ZERO
    for i in range(x.size):
        term = exp_nonpositive(number(x, i) - top)
        if k is not None:
            term = where(np.int32(i) == np.int32(k), ZERO, term)
        if e is not None:
            e[i] = term
        total += term
    return total


@njit(**LINE)
def exp_sum(x, k, top, e):
    """Return the sum of the exponentials of all numbers but x[k]; write them to e, with 0 for x[k]."""
    total = 0.0
    for lo in range(0, x.size, BLOCK):
        hi = min(lo + BLOCK, x.size)
        xs, es = part(x, lo, hi), part(e, lo, hi)
        # Only the block that contains k looks for it: the comparison takes a sixth of the time.
        total += exp_block(xs, k - lo, top, es) if lo <= k < hi else exp_block(xs, None, top, es)
    return FLOAT(total)


@njit(**LINE)
def sum_below_one(e):
    """Return the sum of the exponentials below 1 and how many are 1."""
    total, ones = 0.0, 0.0
    for lo in range(0, e.size, BLOCK):
        below, equal = block_below_one(part(e, lo, min(lo + BLOCK, e.size)))
        total += below
        ones += equal
    return FLOAT(total), FLOAT(ones)


@njit(**LINE_SUM)
def block_below_one(e):
    total = ZERO
    ones = ZERO
    for i in range(e.size):
        at_top = e[i] == ONE
        total += where(at_top, ZERO, e[i])
        ones += where(at_top, ONE, ZERO)
    return total, ones


@njit(**LINE)
def scale_by(e, factor):
    for i in range(e.size):
        e[i] *= factor


@njit(**PRIMITIVE)
def all_but(e, total, rest, ones):
    """Return total − e, where the total is the sum of `rest` and of `ones` times 1."""
    # Subtraction is accurate for all but the largest, for which the rest has been summed.
    return where(e == ONE, rest + (ones - ONE), total - e)


@njit(**PRIMITIVE)
def index_curvature(e, total, rest, ones, slope, second):
    """Return second r² − slope r (1 − r) for r = e / total."""
    r = e / total
    return second * (r * r) - slope * (r * (all_but(e, total, rest, ones) / total))


@njit(**LINE)
def curvature_into(e, total, rest, ones, slope, second, hess):
    for i in range(e.size):
        hess[i] = index_curvature(e[i], total, rest, ones, slope, second)


@njit(**PRIMITIVE)
def clipped(x):
    """Return a number, with an infinity replaced by the nearest finite number."""
    inside = -LARGEST if x < -LARGEST else x
    return LARGEST if inside > LARGEST else inside


@njit(**LINE)
def clip_into(x, out):
    for i in range(x.size):
        out[i] = clipped(x[i])


@njit(**LINE_SUM)
def count_peaks(x, k, top, e):
    """Return the sum of the exponentials of a row whose top is an extreme finite number."""
    total, skipped = ZERO, np.int32(k)
    for i in range(x.size):
        xi = clipped(number(x, i))
        # Every number below the top is infinitely far from it, and a NaN stays NaN.
        term = where(xi >= top, ONE, where(xi == xi, ZERO, xi))
        term = where(np.int32(i) == skipped, ZERO, term)
        if e is not None:
            e[i] = term
        total += term
    return total


def elements_at_once(grad):
    """Return how many elements a strip of rows should have."""


@overload(elements_at_once, jit_options=PRIMITIVE)
def _elements_at_once(grad):
    if isinstance(grad, types.NoneType):
        return lambda grad: MANY
    return (lambda grad: ELSEWHERE) if is_narrow(grad) else (lambda grad: NEAR_BY)


def scale_into(e, factor, out):
    """Multiply a row by a factor into `out`, or in place if `out` has its type: then e is `out`."""


@overload(scale_into, jit_options=PRIMITIVE)
def _scale_into(e, factor, out):
    def elsewhere(e, factor, out):
        for i in range(e.size):
            put(out, i, e[i] * factor)

    return elsewhere if is_narrow(out) else lambda e, factor, out: scale_by(e, factor)


@njit(**LINE)
def row_sums(x, k, lane, i, e):
    """Store the parts of the margin of a row with class k in lane i; fill e with exponentials."""
    lane = borrowed(lane)
    top, own = largest(x, k), number(x, k)
    if abs(top) <= LARGEST:
        total = exp_sum(x, k, top, e)
    else:
        lost = top == INFINITY and own < INFINITY
        top, own = clipped(top), -INFINITY if lost else clipped(own)
        total = count_peaks(x, k, top, e)
    lane[TOP + i], lane[OWN + i], lane[TOTAL + i] = top, own, total


@njit(**LINE)
def row_derivatives(e, k, lane, i, scale, grad, hess):
    """Turn a row's exponentials e into the gradient and, unless it is None, the Hessian."""
    lane = borrowed(lane)
    slope = lane[SLOPE + i]
    if hess is not None:
        rest, ones = sum_below_one(e)
        second = lane[SECOND + i]
        curvature_into(e, lane[TOTAL + i], rest, ones, slope, second, hess)
        hess[k] = second
    scale_into(e, lane[FACTOR + i], grad)
    put(grad, k, slope * scale)


@njit(**LOOP)
def index_rows(x, t, weight, per_class, scale, value, grad, hess, c):
    n, classes = x.shape
    strip = min(max(elements_at_once(grad) // classes, 1), LANES)
    lane, k = np.empty(LINES * LANES, FLOAT), np.empty(LANES, np.int32)
    xs = room_to_widen(x, classes)
    es, hs = room_for(grad, strip * classes), room_for(hess, strip * classes)
    total, bad = 0.0, False
    for lo in range(0, n, strip):
        hi = min(lo + strip, n)
        rows = slice(lo, hi)
        e, h = open_part(grad, rows, es), open_part(hess, rows, hs)
        bad |= lane_labels(t[lo:hi], part(weight, lo, hi), per_class, k, lane)
        for i in range(hi - lo):
            if lane[WEIGHT + i] != ZERO:
                row_sums(read_part(x, lo + i, xs), k[i], lane, i, row_of(e, i))
        # The terms of many rows at once: one by one, each would wait for a chain of results.
        lane_terms(lane, -((lo - hi) // REGISTER) * REGISTER, scale, c)
        for i in range(hi - lo):
            total += lane[PHI + i]
        if value is not None:
            copy_line(lane[PHI : PHI + hi - lo], value[lo:hi])
        if grad is None:
            continue
        for i in range(hi - lo):
            g, own_hess = row_of(grad, lo + i), row_of(h, i)
            if lane[WEIGHT + i] != ZERO:
                row_derivatives(row_of(e, i), k[i], lane, i, scale, g, own_hess)
            else:
                g[:] = 0
                if hess is not None:
                    own_hess[:] = ZERO
        close_part(hess, rows, hs)
    return total, bad
