"""The fused loop over rows of few classes with a weight for each. See the package's docstring.

The arithmetic is that of a dense row, one row in each vector lane, the largest class of each lane told
from the others by its number.
"""

import numpy as np
from numba import njit

from focalis.engines.fused.dense import seen_from
from focalis.engines.fused.primitives32 import (
    FAR,
    FLOAT,
    INFINITY,
    LARGEST,
    ONE,
    ZERO,
    exp_nonpositive,
    log,
)
from focalis.engines.fused.softmax import (
    LANES,
    LOOP,
    SUM,
    choose,
    lane_load,
    lane_store,
    state_terms,
    terms,
    weighed,
)

CACHE = False


# --- below this line the text is part of every dense softmax kernel
@njit(**LOOP)
def load_targets(y, per_class, block, w):
    """Turn targets into lanes; a row without a weighted class loses its weight."""
    block[:] = ZERO
    wrong = False
    for i in range(y.shape[0]):
        count = 0
        for j in range(y.shape[1]):
            block[j, i] = y[i, j]
            count += (y[i, j] != ZERO) & (per_class[j] != ZERO)
            wrong |= (w[i] != ZERO) & ~((y[i, j] >= ZERO) & (y[i, j] < INFINITY))
        if count == 0:
            w[i] = ZERO
    return wrong


@njit(**LOOP)
def lane_peaks(x, j, top, next_top, where_top):
    for i in range(LANES):
        xi, ti, ni, ai = x[i], top[i], next_top[i], where_top[i]
        higher = xi > ti
        below = choose(xi > ni, xi, ni)
        next_top[i] = choose(higher, ti, below)
        where_top[i] = j if higher else ai
        top[i] = choose(higher, xi, ti)


@njit(**LOOP)
def exps_of_others(x, j, where_top, top, e, total):
    for i in range(LANES):
        term = exp_nonpositive(x[i] - top[i])
        e[i] = term
        total[i] += choose(where_top[i] == j, ZERO, term)


@njit(**LOOP)
def near_exps(x, j, where_top, next_top, near):
    for i in range(LANES):
        near[i] += choose(where_top[i] == j, ZERO, exp_nonpositive(x[i] - next_top[i]))


@njit(**SUM)
def any_far(top, next_top):
    far = 0
    for i in range(LANES):
        far |= ~(top[i] - next_top[i] <= FAR)
    return far != 0


@njit(**LOOP)
def lane_class(x, y, e, w, factor, j, where_top, top, others, limit, g, sum_g, own, value, cs):
    """Evaluate class j in the lanes where it is not the largest; leave its weight where it is."""
    for i in range(LANES):
        weight = weighed(w[i] * factor, y[i])
        at_top = where_top[i] == j
        own[i] += choose(at_top, weight, ZERO)
        weight = choose(at_top, ZERO, weight)
        total = ONE + others[i]
        m, u, v, p, q = seen_from(x[i], e[i], top[i], total, ONE / total, log(total))
        phi, slope, _ = state_terms(m, u, v, p, q, cs)
        lost = (top[i] >= LARGEST) & (x[i] < LARGEST)
        lost |= (x[i] <= -LARGEST) & (top[i] > -LARGEST)
        value[i] += weighed(weight, choose(lost, limit, phi))
        mine = choose(at_top, ZERO, weighed(weight, slope) / q)
        g[i] = mine
        sum_g[i] += mine


@njit(**SUM)
def lane_largest(top, next_top, near, others, scale, own, sum_g, value, share, slopes, from_top, c):
    """Evaluate each lane's largest class; leave what the gradients of the others take from it."""
    kept = ZERO
    for i in range(LANES):
        far = ~(top[i] - next_top[i] <= FAR)
        m = choose(far, (top[i] - next_top[i]) - log(near[i]), -log(others[i]))
        phi, slope, _ = terms(m, -m, c)
        slope = weighed(own[i], slope)
        value[i] += weighed(own[i], phi)
        kept += value[i]
        total = ONE + others[i]
        seen = choose(far, sum_g[i], sum_g[i] + weighed(slope, total / others[i]))
        share[i] = -(seen / total)
        from_top[i] = choose(far, -weighed(slope, scale / near[i]), ZERO)
        slopes[i] = (slope - sum_g[i] / total) * scale
    return kept


@njit(**LOOP)
def dense_lane_gradient(g, e, j, where_top, share, slopes, scale):
    for i in range(LANES):
        others = (g[i] + e[i] * share[i]) * scale
        g[i] = choose(where_top[i] == j, slopes[i], others)


@njit(**LOOP)
def near_gradient(g, x, j, where_top, next_top, from_top):
    for i in range(LANES):
        term = weighed(from_top[i], exp_nonpositive(x[i] - next_top[i]))
        g[i] += choose(where_top[i] == j, ZERO, term)


@njit(**LOOP)
def dense_strip(x, y, w, per_class, scale, value, grad, blocks, lanes, where_top, limit, c, cs):
    """Evaluate at most LANES rows, one in each lane."""
    top, next_top, others, near, own = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4]
    sum_g, phi, share, slopes, from_top = lanes[5], lanes[6], lanes[7], lanes[8], lanes[9]
    xs, ys, es, gs = blocks[0], blocks[1], blocks[2], blocks[3]
    classes = x.shape[1]
    bad = load_targets(y, per_class, ys, w)
    lane_load(x, w, xs)
    lanes[:] = ZERO
    top[:], next_top[:] = -INFINITY, -INFINITY
    where_top[:] = 0
    for j in range(classes):
        lane_peaks(xs[j], np.int32(j), top, next_top, where_top)
    for j in range(classes):
        exps_of_others(xs[j], np.int32(j), where_top, top, es[j], others)
    far = any_far(top, next_top)
    if far:
        for j in range(classes):
            near_exps(xs[j], np.int32(j), where_top, next_top, near)
    for j in range(classes):
        lane_class(
            xs[j],
            ys[j],
            es[j],
            w,
            per_class[j],
            np.int32(j),
            where_top,
            top,
            others,
            limit,
            gs[j],
            sum_g,
            own,
            phi,
            cs,
        )
    kept = lane_largest(
        top, next_top, near, others, scale, own, sum_g, phi, share, slopes, from_top, c
    )
    if value is not None:
        value[:] = phi[: value.size]
    if grad is not None:
        for j in range(classes):
            dense_lane_gradient(gs[j], es[j], np.int32(j), where_top, share, slopes, scale)
        if far:
            for j in range(classes):
                near_gradient(gs[j], xs[j], np.int32(j), where_top, next_top, from_top)
        lane_store(gs, grad)
    return kept, bad


@njit(cache=CACHE, **LOOP)
def dense_lanes(x, y, weight, per_class, scale, value, grad, c, cs, limit):
    n, classes = x.shape
    blocks = np.empty((4, classes, LANES), FLOAT)
    lanes = np.empty((10, LANES), FLOAT)
    w = np.empty(LANES, FLOAT)
    where_top = np.empty(LANES, np.int32)
    total, bad = 0.0, False
    for lo in range(0, n, LANES):
        hi = min(lo + LANES, n)
        w[:] = ZERO
        w[: hi - lo] = ONE
        if weight is not None:
            w[: hi - lo] = weight[lo:hi]
        part, wrong = dense_strip(
            x[lo:hi],
            y[lo:hi],
            w,
            per_class,
            scale,
            None if value is None else value[lo:hi],
            None if grad is None else grad[lo:hi],
            blocks,
            lanes,
            where_top,
            limit,
            c,
            cs,
        )
        total += part
        bad |= wrong
    return total, bad
