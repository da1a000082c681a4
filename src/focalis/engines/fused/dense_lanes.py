"""The fused loop over rows of few classes with a weight for each. See the package's docstring.

The arithmetic is that of a dense row, one row in each vector lane, the largest class of each lane told
from the others by its number. A strip of rows with one weighted class each is evaluated as that.
"""

import numpy as np
from numba import njit

from focalis.engines.fused.dense import seen_from
from focalis.engines.fused.lanes import (
    LANES,
    LINE,
    LINE_SUM,
    index_strip,
    lane_load,
    lane_store,
    lane_turn,
)
from focalis.engines.fused.primitives32 import (
    BELOW_LARGEST,
    FLOAT,
    INFINITY,
    LARGEST,
    NEGLIGIBLE,
    ONE,
    ZERO,
    exp_nonpositive,
    log,
    where,
)
from focalis.engines.fused.softmax import state_terms, terms
from focalis.engines.fused.steps import LOOP, margin, weighed

CACHE = False


# --- below this line the text is part of every dense softmax kernel
@njit(**LINE_SUM)
def weigh_lanes(y, w, factor, j, count, k, hot):
    """Make targets weights, count those above 0 and note the last; return whether one was wrong."""
    wrong = np.int32(0)
    for i in range(LANES):
        yi, wi = y[i], w[i]
        right = (wi == ZERO) | ((yi >= ZERO) & (yi < INFINITY))
        wrong |= np.int32(0) if right else np.int32(1)
        weight = weighed(wi * factor, yi)
        y[i] = weight
        some = weight != ZERO
        ci, ki, hi = count[i], k[i], hot[i]
        count[i] = where(some, ci + ONE, ci)
        k[i] = j if some else ki
        hot[i] = where(some, weight, hi)
    return wrong != 0


@njit(**LINE_SUM)
def any_above_one(count):
    above = np.int32(0)
    for i in range(LANES):
        above |= np.int32(1) if count[i] > ONE else np.int32(0)
    return above != 0


@njit(**LINE)
def lane_peaks(x, j, top, where_top):
    for i in range(LANES):
        xi, ti, ai = x[i], top[i], where_top[i]
        higher = xi > ti
        where_top[i] = j if higher else ai
        top[i] = where(higher, xi, ti)


@njit(**LINE)
def exps_of_others(x, j, where_top, top, e, others):
    for i in range(LANES):
        term = exp_nonpositive(x[i] - top[i])
        e[i] = term
        others[i] += where(where_top[i] == j, ZERO, term)


@njit(**LINE_SUM)
def any_far(others):
    far = np.int32(0)
    for i in range(LANES):
        far |= np.int32(0) if others[i] >= NEGLIGIBLE else np.int32(1)
    return far != 0


@njit(**LINE)
def lane_next(x, j, where_top, next_top):
    for i in range(LANES):
        xi, ni = x[i], next_top[i]
        next_top[i] = where((where_top[i] != j) & (xi > ni), xi, ni)


@njit(**LINE)
def near_exps(x, j, where_top, next_top, near):
    for i in range(LANES):
        near[i] += where(where_top[i] == j, ZERO, exp_nonpositive(x[i] - next_top[i]))


@njit(**LINE)
def lane_totals(top, others, total, per_total, log_total, lost):
    """Fill in what the classes of a lane share; a logit below `lost` stands for −∞ beside the top."""
    for i in range(LANES):
        total[i] = ONE + others[i]
        per_total[i] = ONE / total[i]
        log_total[i] = log(total[i])
        # The largest may stand for +∞ itself, and all may stand for −∞.
        lost[i] = where(
            top[i] >= LARGEST, LARGEST, where(top[i] > -LARGEST, -BELOW_LARGEST, -INFINITY)
        )


@njit(**LINE)
def lane_class(
    x, weight, e, j, where_top, top, total, per_total, log_total, lost, limit, sum_g, value, cs
):
    """Evaluate class j in the lanes where it is not the largest; leave w g where its weight was."""
    for i in range(LANES):
        at_top = where_top[i] == j
        w = where(at_top, ZERO, weight[i])
        m, u, v, p, q, per_q = seen_from(x[i], e[i], top[i], total[i], per_total[i], log_total[i])
        phi, slope, _ = state_terms(m, u, v, p, q, cs)
        value[i] += weighed(w, where(x[i] < lost[i], limit, phi))
        g = weighed(w, slope) * where(at_top, ZERO, per_q)
        weight[i] = g
        sum_g[i] += g


@njit(**LINE_SUM)
def lane_largest(
    top, next_top, near, others, per_total, scale, own, sum_g, value, share, slopes, from_top, c
):
    """Evaluate each lane's largest class; leave what the gradients of the others take from it."""
    kept = ZERO
    for i in range(LANES):
        far = ~(others[i] >= NEGLIGIBLE)
        rest = where(far, near[i], others[i])
        m = margin(where(far, top[i], ZERO), where(far, next_top[i], ZERO), rest)
        phi, slope, _ = terms(m, -m, c)
        slope = weighed(own[i], slope)
        value[i] += weighed(own[i], phi)
        kept += value[i]
        taken = weighed(slope, scale / rest)
        share[i] = -(sum_g[i] * per_total[i]) * scale - where(far, ZERO, taken)
        from_top[i] = where(far, -taken, ZERO)
        slopes[i] = (slope - sum_g[i] * per_total[i]) * scale
    return kept


@njit(**LINE)
def dense_lane_gradient(g, e, j, where_top, share, slopes, scale):
    for i in range(LANES):
        g[i] = where(where_top[i] == j, slopes[i], g[i] * scale + e[i] * share[i])


@njit(**LINE)
def near_gradient(g, x, j, where_top, next_top, from_top):
    for i in range(LANES):
        term = weighed(from_top[i], exp_nonpositive(x[i] - next_top[i]))
        g[i] += where(where_top[i] == j, ZERO, term)


@njit(**LINE)
def dense_strip(xs, ys, es, scale, value, grad, lanes, where_top, limit, c, cs):
    """Evaluate a strip of weights ys; leave the gradient, unless `grad` is None, in their place."""
    top, next_top, others, near, own = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4]
    sum_g, phi, share, slopes, from_top = lanes[5], lanes[6], lanes[7], lanes[8], lanes[9]
    total, per_total, log_total, lost = lanes[10], lanes[11], lanes[12], lanes[13]
    classes = xs.shape[0]
    lanes[:] = ZERO
    top[:], next_top[:] = -INFINITY, -LARGEST
    where_top[:] = 0
    for j in range(classes):
        lane_peaks(xs[j], np.int32(j), top, where_top)
    for j in range(classes):
        exps_of_others(xs[j], np.int32(j), where_top, top, es[j], others)
    far = any_far(others)
    if far:
        for j in range(classes):
            lane_next(xs[j], np.int32(j), where_top, next_top)
        for j in range(classes):
            near_exps(xs[j], np.int32(j), where_top, next_top, near)
    lane_totals(top, others, total, per_total, log_total, lost)
    for i in range(LANES):
        own[i] = ys[where_top[i], i]
    for j in range(classes):
        lane_class(
            xs[j],
            ys[j],
            es[j],
            np.int32(j),
            where_top,
            top,
            total,
            per_total,
            log_total,
            lost,
            limit,
            sum_g,
            phi,
            cs,
        )
    kept = lane_largest(
        top, next_top, near, others, per_total, scale, own, sum_g, phi, share, slopes, from_top, c
    )
    if value is not None:
        value[:] = phi[: value.size]
    if grad is not None:
        for j in range(classes):
            dense_lane_gradient(ys[j], es[j], np.int32(j), where_top, share, slopes, scale)
        if far:
            for j in range(classes):
                near_gradient(ys[j], xs[j], np.int32(j), where_top, next_top, from_top)
    return kept


@njit(cache=CACHE, **LOOP)
def dense_lanes(x, y, weight, per_class, scale, value, grad, c, cs, limit):
    n, classes = x.shape
    xs, ys = np.empty((classes, LANES), FLOAT), np.zeros((classes, LANES), FLOAT)
    es = np.empty((classes, LANES), FLOAT)
    lanes = np.empty((14, LANES), FLOAT)
    w, count = np.empty(LANES, FLOAT), np.empty(LANES, FLOAT)
    k = np.empty(LANES, np.int32)
    total, bad = 0.0, False
    for lo in range(0, n, LANES):
        hi = min(lo + LANES, n)
        w[:], count[:], k[:] = ZERO, ZERO, 0
        w[: hi - lo] = ONE
        if weight is not None:
            w[: hi - lo] = weight[lo:hi]
        v = None if value is None else value[lo:hi]
        lane_turn(y[lo:hi], ys)
        hot = lanes[0]
        hot[:] = ZERO
        for j in range(classes):
            bad |= weigh_lanes(ys[j], w, per_class[j], np.int32(j), count, k, hot)
        lane_load(x[lo:hi], count, xs)
        if any_above_one(count):
            total += dense_strip(xs, ys, es, scale, v, grad, lanes, k, limit, c, cs)
            result = ys
        else:
            total += index_strip(xs, k, scale, v, grad, None, lanes, c)
            result = xs
        if grad is not None:
            lane_store(result, grad[lo:hi])
    return total, bad
