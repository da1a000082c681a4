"""The fused loops over softmax rows with one true class. See the package's docstring.

A row is seen from its class: the largest of the other logits, the sum of the others' exponentials, and
from these the margin, so that 1 − p_t is never a difference.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload

from focalis.engines.fused.primitives32 import (
    FLOAT,
    INFINITY,
    INT,
    LARGEST,
    LOWEST,
    ONE,
    PRIMITIVE,
    ZERO,
    as_ordered,
    exp_nonpositive,
    where,
)
from focalis.engines.fused.steps import LINE, LINE_SUM, LOOP, margin, room
from focalis.engines.fused.storage import part

CACHE = False


def terms(z, mirrored, c):
    """Stand in for the traced terms of a margin loss at a margin."""
    raise NotImplementedError


def state_terms(m, u, v, p, q, c):
    """Stand in for the traced terms at a margin whose companions are known."""
    raise NotImplementedError


# --- below this line the text is part of every softmax kernel
BLOCK = 4096  # elements summed in their own type
NOWHERE = -1


def row_of(array, r):
    """Return a row of an array, None of None: a conditional expression would be of no one type."""


@overload(row_of, jit_options=PRIMITIVE)
def _row_of(array, r):
    if isinstance(array, types.NoneType):
        return lambda array, r: None
    return lambda array, r: array[r]


@njit(**LINE)
def largest(x, k):
    """Return the largest number but x[k], −inf of none. A NaN may be passed over: sums show it."""
    # Integers of the same order: a running maximum of floats does not become vector code.
    best, skipped = LOWEST, np.int32(k)
    for i in range(x.size):
        key = where(np.int32(i) == skipped, LOWEST, as_ordered(FLOAT(x[i]).view(INT)))
        best = key if key > best else best
    return -INFINITY if best == LOWEST else INT(as_ordered(best)).view(FLOAT)


@njit(**LINE_SUM)
def exp_block(x, k, top, e):
    total, skipped = ZERO, np.int32(k)
    for i in range(x.size):
        term = where(np.int32(i) == skipped, ZERO, exp_nonpositive(x[i] - top))
        if e is not None:
            e[i] = term
        total += term
    return total


@njit(**LINE)
def exp_sum(x, k, top, e):
    """Return the sum of the exponentials of all numbers but x[k]; write them to e, and 0 for x[k]."""
    total = 0.0
    for lo in range(0, x.size, BLOCK):
        hi = min(lo + BLOCK, x.size)
        total += exp_block(x[lo:hi], k - lo, top, part(e, lo, hi))
    return FLOAT(total)


@njit(**LINE_SUM)
def sum_below_one(e):
    """Return the sum of the exponentials below 1 and how many are 1."""
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
    """Return total − e, where the total is that of `rest` and of `ones` times 1."""
    # By subtraction it is right for all but the largest, whose rest is summed.
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


@njit(**LINE)
def clip_into(x, out):
    for i in range(x.size):
        inside = -LARGEST if x[i] < -LARGEST else x[i]
        out[i] = LARGEST if inside > LARGEST else inside


@njit(**LINE)
def index_row(x, k, weight, scale, grad, hess, spare, c):
    """Return the weighted value of a row with the class k; write its derivatives."""
    row = x
    top = largest(x, k)
    lost = False
    if not (abs(top) <= LARGEST):
        lost = top == INFINITY and x[k] < INFINITY
        clip_into(x, spare)
        row = spare
        top = largest(row, k)
    own = row[k]
    total = exp_sum(row, k, top, grad)
    m = -INFINITY if lost else margin(own, top, total)
    value, slope, second = terms(m, -m, c)
    if grad is not None:
        slope = slope * weight
        if hess is not None:
            second = second * weight
            rest, ones = sum_below_one(grad)
            curvature_into(grad, total, rest, ones, slope, second, hess)
            hess[k] = second
        slope = slope * scale
        scale_by(grad, -(slope / total))
        grad[k] = slope
    return weight * value


@njit(cache=CACHE, **LOOP)
def index_rows(x, t, weight, per_class, scale, value, grad, hess, c):
    n, classes = x.shape
    spare = room(classes)
    total, bad = 0.0, False
    for r in range(n):
        w = ONE
        if weight is not None:
            w = weight[r]
        k = t[r]
        if w != ZERO and (k < 0 or k >= classes):
            bad = True
            w = ZERO
        if w != ZERO:
            w = w * per_class[k]
        g, h = row_of(grad, r), row_of(hess, r)
        phi = ZERO
        if w != ZERO:
            phi = index_row(x[r], k, w, scale, g, h, spare, c)
        else:
            if grad is not None:
                g[:] = ZERO
            if hess is not None:
                h[:] = ZERO
        if value is not None:
            value[r] = phi
        total += phi
    return total, bad
