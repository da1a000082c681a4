"""The fused loops over softmax rows. See the package's docstring.

A row with one true class is seen from that class: the largest of the other logits, the sum of the
others' exponentials, and from these the margin, so that 1 − p_t is never a difference. Rows of few
classes are taken many at a time, one row per vector lane.
"""

import numpy as np
from numba import njit

from focalis.engines.fused.primitives32 import (
    FLOAT,
    INFINITY,
    INT,
    LARGEST,
    LOWEST,
    ONE,
    ZERO,
    as_ordered,
    exp_nonpositive,
    log,
)

CACHE = False


def terms(z, mirrored, c):
    """Stand in for the traced terms of a margin loss at a margin."""
    raise NotImplementedError


def state_terms(m, u, v, p, q, c):
    """Stand in for the traced terms at a margin whose companions are known."""
    raise NotImplementedError


# --- below this line the text is part of every softmax kernel
STEP = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True}
LOOP = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
SUM = {"fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy", "nogil": True}
BLOCK = 4096  # elements summed in their own type
LANES = 128


@njit(**STEP)
def weighed(weight, term):
    return ZERO if weight == ZERO else weight * term


@njit(**STEP)
def choose(condition, a, b):
    return a if condition else b


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
        total += choose(at_top, ZERO, e[i])
        ones += choose(at_top, ONE, ZERO)
    return total, ones


@njit(**LOOP)
def scale_by(e, factor):
    for i in range(e.size):
        e[i] *= factor


@njit(**STEP)
def index_curvature(e, total, rest, ones, slope, second):
    """Return second r² − slope r (1 − r) for r = e / total."""
    r = e / total
    # By subtraction 1 − r is right for all but the largest r, whose rest is summed.
    missing = choose(e == ONE, rest + (ones - ONE), total - e)
    return second * (r * r) - slope * (r * (missing / total))


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
    m = -INFINITY if lost else (own - top) - log(total)
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
    spare = np.empty(classes, FLOAT)
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
        g = None if grad is None else grad[r]
        h = None if hess is None else hess[r]
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


@njit(**LOOP)
def lane_labels(t, weight, per_class, k, w):
    """Read the labels and weights of a strip of rows; lanes without weight get label 0."""
    k[:], w[:] = 0, ZERO
    bad = False
    for i in range(t.size):
        mine = ONE
        if weight is not None:
            mine = weight[i]
        if mine != ZERO:
            if t[i] < 0 or t[i] >= per_class.size:
                bad = True
            else:
                k[i] = t[i]
                w[i] = mine * per_class[t[i]]
    return bad


@njit(**LOOP)
def lane_load(x, w, block):
    """Turn rows into lanes; a row without weight may hold anything and is taken as zeros."""
    if x.shape[0] < LANES:
        block[:] = ZERO
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            # Infinities at the ends of the finite numbers: their differences are no NaN.
            inside = -LARGEST if x[i, j] < -LARGEST else x[i, j]
            block[j, i] = LARGEST if inside > LARGEST else inside
    for i in range(x.shape[0]):
        if w[i] == ZERO:
            block[:, i] = ZERO


@njit(**LOOP)
def lane_store(block, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = block[j, i]


@njit(**LOOP)
def lane_tops(x, k, c, top, own):
    for i in range(LANES):
        mine = k[i] == c
        xi, ti, oi = x[i], top[i], own[i]
        other = choose(mine, -INFINITY, xi)
        top[i] = choose(other > ti, other, ti)
        own[i] = choose(mine, xi, oi)


@njit(**LOOP)
def lane_exps(x, k, c, top, total):
    for i in range(LANES):
        e = choose(k[i] == c, ZERO, exp_nonpositive(x[i] - top[i]))
        x[i] = e
        total[i] += e


@njit(**SUM)
def lane_terms(weight, scale, top, own, total, slope, factor, second, value, c):
    """Evaluate the margins; leave the class's own slope and, for the others, slope / total."""
    kept = ZERO
    for i in range(LANES):
        # An end of the finite numbers stands for the infinity that was clipped to it.
        lost = (top[i] >= LARGEST) & (own[i] < LARGEST)
        lost |= (own[i] <= -LARGEST) & (top[i] > -LARGEST)
        m = choose(lost, -INFINITY, (own[i] - top[i]) - log(total[i]))
        phi, s, h = terms(m, -m, c)
        w = weight[i]
        phi = weighed(w, phi)
        s = weighed(w, s)
        slope[i] = s
        factor[i] = -(s * scale) / total[i]
        second[i] = weighed(w, h)
        value[i] = phi
        kept += phi
    return kept


@njit(**LOOP)
def lane_rest(e, rest, ones):
    for i in range(LANES):
        at_top = e[i] == ONE
        rest[i] += choose(at_top, ZERO, e[i])
        ones[i] += choose(at_top, ONE, ZERO)


@njit(**LOOP)
def lane_curvature(e, k, c, total, rest, ones, slope, second, out):
    for i in range(LANES):
        mine = index_curvature(e[i], total[i], rest[i], ones[i], slope[i], second[i])
        out[i] = choose(k[i] == c, second[i], mine)


@njit(**LOOP)
def lane_gradient(e, k, c, slope, factor, scale):
    for i in range(LANES):
        e[i] = choose(k[i] == c, slope[i] * scale, e[i] * factor[i])


@njit(**LOOP)
def index_strip(x, t, weight, per_class, scale, value, grad, hess, block, other, k, lanes, c):
    """Evaluate at most LANES rows of few classes, one in each lane."""
    w, top, own, total = lanes[0], lanes[1], lanes[2], lanes[3]
    slope, factor, second, phi = lanes[4], lanes[5], lanes[6], lanes[7]
    classes = x.shape[1]
    bad = lane_labels(t, weight, per_class, k, w)
    lane_load(x, w, block)
    top[:], total[:] = -INFINITY, ZERO
    for j in range(classes):
        lane_tops(block[j], k, np.int32(j), top, own)
    for j in range(classes):
        lane_exps(block[j], k, np.int32(j), top, total)
    kept = lane_terms(w, scale, top, own, total, slope, factor, second, phi, c)
    if value is not None:
        value[:] = phi[: value.size]
    if hess is not None:
        rest, ones = lanes[1], lanes[2]
        rest[:], ones[:] = ZERO, ZERO
        for j in range(classes):
            lane_rest(block[j], rest, ones)
        for j in range(classes):
            lane_curvature(block[j], k, np.int32(j), total, rest, ones, slope, second, other[j])
        lane_store(other, hess)
    if grad is not None:
        for j in range(classes):
            lane_gradient(block[j], k, np.int32(j), slope, factor, scale)
        lane_store(block, grad)
    return kept, bad


@njit(cache=CACHE, **LOOP)
def index_lanes(x, t, weight, per_class, scale, value, grad, hess, c):
    n, classes = x.shape
    block = np.empty((classes, LANES), FLOAT)
    other = np.empty((classes if hess is not None else 0, LANES), FLOAT)
    lanes = np.empty((8, LANES), FLOAT)
    k = np.empty(LANES, np.int32)
    total, bad = 0.0, False
    for lo in range(0, n, LANES):
        hi = min(lo + LANES, n)
        part, wrong = index_strip(
            x[lo:hi],
            t[lo:hi],
            None if weight is None else weight[lo:hi],
            per_class,
            scale,
            None if value is None else value[lo:hi],
            None if grad is None else grad[lo:hi],
            None if hess is None else hess[lo:hi],
            block,
            other,
            k,
            lanes,
            c,
        )
        total += part
        bad |= wrong
    return total, bad
