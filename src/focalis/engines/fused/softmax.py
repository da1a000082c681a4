"""The fused loops over softmax rows with one true class. See the package's docstring.

A row is seen from its class: the largest of the other logits, the sum of the others' exponentials, and
from these the margin, so that 1 − p_t is never a difference.
"""

from numba import njit

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
from focalis.engines.fused.steps import LOOP, SUM, margin, room
from focalis.engines.fused.storage import close_part, open_part, put, read_part, room_for

CACHE = False


def terms(z, mirrored, c):
    """Stand in for the traced terms of a margin loss at a margin."""
    raise NotImplementedError


def state_terms(m, u, v, p, q, c):
    """Stand in for the traced terms at a margin whose companions are known."""
    raise NotImplementedError


# --- below this line the text is part of every softmax kernel
BLOCK = 4096  # elements summed in their own type


@njit(**LOOP)
def largest(x):
    """Return the largest number, −inf of none. A NaN may be passed over: it shows in the sum."""
    # Integers of the same order: a running maximum of floats does not become vector code.
    best = LOWEST
    for i in range(x.size):
        key = as_ordered(FLOAT(x[i]).view(INT))
        best = key if key > best else best
    return -INFINITY if best == LOWEST else INT(as_ordered(best)).view(FLOAT)


@njit(**SUM)
def exp_block(x, top, e):
    total = ZERO
    for i in range(x.size):
        term = exp_nonpositive(x[i] - top)
        if e is not None:
            e[i] = term
        total += term
    return total


@njit(**LOOP)
def exp_sum(x, top, e):
    total = 0.0
    for lo in range(0, x.size, BLOCK):
        hi = min(lo + BLOCK, x.size)
        total += exp_block(x[lo:hi], top, None if e is None else e[lo:hi])
    return total


@njit(**SUM)
def sum_below_one(e):
    """Return the sum of the exponentials below 1 and how many are 1."""
    total = ZERO
    ones = ZERO
    for i in range(e.size):
        at_top = e[i] == ONE
        total += where(at_top, ZERO, e[i])
        ones += where(at_top, ONE, ZERO)
    return total, ones


@njit(**LOOP)
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


@njit(**LOOP)
def curvature_into(e, total, rest, ones, slope, second, hess):
    for i in range(e.size):
        hess[i] = index_curvature(e[i], total, rest, ones, slope, second)


@njit(**LOOP)
def clip_into(x, out):
    for i in range(x.size):
        inside = -LARGEST if x[i] < -LARGEST else x[i]
        out[i] = LARGEST if inside > LARGEST else inside


@njit(**LOOP)
def index_row(x, k, weight, scale, grad, hess, spare, c):
    """Return the weighted value of a row with the class k; write its derivatives."""
    row = x
    top = max(largest(x[:k]), largest(x[k + 1 :]))
    lost = False
    if not (abs(top) <= LARGEST):
        lost = top == INFINITY and x[k] < INFINITY
        clip_into(x, spare)
        row = spare
        top = max(largest(row[:k]), largest(row[k + 1 :]))
    left = None if grad is None else grad[:k]
    right = None if grad is None else grad[k + 1 :]
    own = row[k]
    total = FLOAT(exp_sum(row[:k], top, left) + exp_sum(row[k + 1 :], top, right))
    m = -INFINITY if lost else margin(own, top, total)
    value, slope, second = terms(m, -m, c)
    if grad is not None:
        slope = slope * weight
        if hess is not None:
            second = second * weight
            low, low_ones = sum_below_one(left)
            high, high_ones = sum_below_one(right)
            rest, ones = low + high, low_ones + high_ones
            curvature_into(left, total, rest, ones, slope, second, hess[:k])
            curvature_into(right, total, rest, ones, slope, second, hess[k + 1 :])
            hess[k] = second
        slope = slope * scale
        factor = -(slope / total)
        scale_by(left, factor)
        scale_by(right, factor)
        grad[k] = slope
    return weight * value


@njit(cache=CACHE, **LOOP)
def index_rows(x, t, weight, per_class, scale, value, grad, hess, c):
    n, classes = x.shape
    spare = room(classes)
    xs, gs, hs = room_for(x, classes), room_for(grad, classes), room_for(hess, classes)
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
        g, h = open_part(grad, r, gs), open_part(hess, r, hs)
        phi = ZERO
        if w != ZERO:
            phi = index_row(read_part(x, r, xs), k, w, scale, g, h, spare, c)
        else:
            if grad is not None:
                g[:] = ZERO
            if hess is not None:
                h[:] = ZERO
        close_part(grad, r, gs)
        close_part(hess, r, hs)
        if value is not None:
            put(value, r, phi)
        total += phi
    return total, bad
