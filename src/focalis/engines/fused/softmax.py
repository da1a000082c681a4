"""The fused loops over softmax rows. See the package's docstring.

A row with one true class is seen from that class: the largest of the other logits, the sum of the
others' exponentials, and from these the margin, so that 1 − p_t is never a difference. Rows of few
classes are taken many at a time, one row per vector lane.
"""

import numpy as np
from numba import njit

from focalis.engines.fused.primitives32 import (
    FAR,
    FLOAT,
    INFINITY,
    LARGEST,
    ONE,
    ZERO,
    exp,
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
# A row's NaN shows in the sum of its exponentials; the search for the largest may pass it over.
MAX = {"fastmath": {"nnan", "nsz"}, "error_model": "numpy", "nogil": True}
BLOCK = 4096  # elements summed in their own type
LANES = 64
MOST_LANE_CLASSES = 48


@njit(**STEP)
def weighed(weight, term):
    return ZERO if weight == ZERO else weight * term


@njit(**STEP)
def choose(condition, a, b):
    return a if condition else b


@njit(**MAX)
def largest(x):
    best = -INFINITY
    for i in range(x.size):
        best = x[i] if x[i] > best else best
    return best


@njit(**SUM)
def exp_block(x, top, e):
    total = ZERO
    for i in range(x.size):
        term = exp(x[i] - top)
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
def scale_into(e, factor, out):
    for i in range(e.size):
        out[i] = e[i] * factor


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
        scale_into(left, factor, left)
        scale_into(right, factor, right)
        grad[k] = slope
    return weight * value


@njit(**LOOP)
def index_rows(x, t, weight, per_class, scale, value, grad, hess, spare, c):
    n, classes = x.shape
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
def lane_tops(x, k, c, top, own):
    for i in range(top.size):
        mine = k[i] == c
        xi, ti, oi = x[i], top[i], own[i]
        other = choose(mine, -INFINITY, xi)
        top[i] = choose(other > ti, other, ti)
        own[i] = choose(mine, xi, oi)


@njit(**LOOP)
def lane_exps(x, k, c, top, total):
    for i in range(top.size):
        e = choose(k[i] == c, ZERO, exp(x[i] - top[i]))
        x[i] = e
        total[i] += e


@njit(**SUM)
def lane_terms(weight, scale, top, own, total, slope, factor, second, value, c):
    kept = ZERO
    for i in range(top.size):
        m = (own[i] - top[i]) - log(total[i])
        phi, s, h = terms(m, -m, c)
        w = weight[i]
        phi = weighed(w, phi)
        s = weighed(w, s)
        second[i] = weighed(w, h)
        factor[i] = s
        slope[i] = s * scale
        value[i] = phi
        kept += phi
    return kept


@njit(**LOOP)
def lane_rest(e, rest, ones):
    for i in range(rest.size):
        at_top = e[i] == ONE
        rest[i] += choose(at_top, ZERO, e[i])
        ones[i] += choose(at_top, ONE, ZERO)


@njit(**LOOP)
def lane_curvature(e, k, c, total, rest, ones, factor, second, out):
    for i in range(total.size):
        mine = index_curvature(e[i], total[i], rest[i], ones[i], factor[i], second[i])
        out[i] = choose(k[i] == c, second[i], mine)


@njit(**LOOP)
def lane_gradient(e, k, c, slope, total):
    for i in range(total.size):
        others = -(e[i] * slope[i]) / total[i]
        e[i] = choose(k[i] == c, slope[i], others)


@njit(**SUM)
def has_infinite(x):
    found = 0
    for i in range(x.size):
        found |= abs(x[i]) == INFINITY
    return found != 0


@njit(cache=CACHE, **LOOP)
def index(x, t, weight, per_class, scale, value, grad, hess, c):
    n, classes = x.shape
    spare = np.empty(classes, FLOAT)
    if classes > MOST_LANE_CLASSES:
        return index_rows(x, t, weight, per_class, scale, value, grad, hess, spare, c)
    block = np.empty(classes * LANES, FLOAT)
    other = np.empty(classes * LANES if hess is not None else 0, FLOAT)
    k = np.empty(LANES, np.int32)
    w, top, own, total = (
        np.empty(LANES, FLOAT),
        np.empty(LANES, FLOAT),
        np.empty(LANES, FLOAT),
        np.empty(LANES, FLOAT),
    )
    slope, factor, second, phi = (
        np.empty(LANES, FLOAT),
        np.empty(LANES, FLOAT),
        np.empty(LANES, FLOAT),
        np.empty(LANES, FLOAT),
    )
    rest, ones = np.empty(LANES, FLOAT), np.empty(LANES, FLOAT)
    kept, bad = 0.0, False
    flat = x.reshape(-1)
    for r in range(0, n, LANES):
        rows = min(LANES, n - r)
        strip = flat[r * classes : (r + rows) * classes]
        if has_infinite(strip):
            part, wrong = index_rows(
                x[r : r + rows],
                t[r : r + rows],
                None if weight is None else weight[r : r + rows],
                per_class,
                scale,
                None if value is None else value[r : r + rows],
                None if grad is None else grad[r : r + rows],
                None if hess is None else hess[r : r + rows],
                spare,
                c,
            )
            kept += part
            bad |= wrong
            continue
        for i in range(LANES):
            w[i] = ZERO
            k[i] = 0
        for i in range(rows):
            weight_i = ONE
            if weight is not None:
                weight_i = weight[r + i]
            label = t[r + i]
            if weight_i != ZERO:
                if label < 0 or label >= classes:
                    bad = True
                else:
                    k[i] = label
                    w[i] = weight_i * per_class[label]
        if rows < LANES:
            block[:] = ZERO
        for i in range(rows):
            # A row without weight may hold anything: take zeros in its place.
            if w[i] != ZERO:
                for j in range(classes):
                    block[j * LANES + i] = strip[i * classes + j]
            else:
                for j in range(classes):
                    block[j * LANES + i] = ZERO
        for i in range(LANES):
            top[i] = -INFINITY
            total[i] = ZERO
        for j in range(classes):
            lane_tops(block[j * LANES : (j + 1) * LANES], k, j, top, own)
        for j in range(classes):
            lane_exps(block[j * LANES : (j + 1) * LANES], k, j, top, total)
        kept += lane_terms(w, scale, top, own, total, slope, factor, second, phi, c)
        if value is not None:
            value[r : r + rows] = phi[:rows]
        if hess is not None:
            rest[:] = ZERO
            ones[:] = ZERO
            for j in range(classes):
                lane_rest(block[j * LANES : (j + 1) * LANES], rest, ones)
            for j in range(classes):
                lane_curvature(
                    block[j * LANES : (j + 1) * LANES],
                    k,
                    j,
                    total,
                    rest,
                    ones,
                    factor,
                    second,
                    other[j * LANES : (j + 1) * LANES],
                )
            place = hess.reshape(-1)[r * classes : (r + rows) * classes]
            for i in range(rows):
                for j in range(classes):
                    place[i * classes + j] = other[j * LANES + i]
        if grad is not None:
            for j in range(classes):
                lane_gradient(block[j * LANES : (j + 1) * LANES], k, j, slope, total)
            place = grad.reshape(-1)[r * classes : (r + rows) * classes]
            for i in range(rows):
                for j in range(classes):
                    place[i * classes + j] = block[j * LANES + i]
    return kept, bad
