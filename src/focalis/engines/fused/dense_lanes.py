"""The fused loop over rows of few classes with a weight for each. See the package's docstring.

The arithmetic is that of a dense row, with one row in each vector lane; the largest class of each lane
is told apart by its number.
"""

import numpy as np
from numba import njit

from focalis.engines.fused.dense import NO_BITS, WRONG_BITS, as_bits, seen_from
from focalis.engines.fused.lanes import lane_load, lane_store, lane_turn
from focalis.engines.fused.primitives import exp_nonpositive, log, where
from focalis.engines.fused.primitives32 import (
    BELOW_LARGEST,
    FLOAT,
    INFINITY,
    LARGEST,
    NEGLIGIBLE,
    ONE,
    ZERO,
)
from focalis.engines.fused.steps import LINE, LINE_SUM, LOOP, margin, weighed
from focalis.engines.fused.storage import (
    close_part,
    copy_line,
    open_part,
    part,
    read_part,
    room_for,
)
from focalis.engines.fused.strips import (
    LANES,
    LINES,
    OWN,
    PHI,
    TOP,
    TOTAL,
    WEIGHT,
    state_terms,
    terms,
)

# --- below this line the text is part of every dense softmax kernel
# More lines, for rows with a weight per class. COUNT, the number of non-zero weights, takes the place of
# WEIGHT: there, too, 0 means that the row does not count.
NEXT_TOP, OTHERS, NEAR, PER_TOTAL, LOG_TOTAL, LOST = [k * LANES for k in range(8, 14)]
SUM_G, SHARE, SLOPES, FROM_TOP, MINE = [k * LANES for k in range(14, LINES)]
COUNT = WEIGHT


@njit(**LINE_SUM)
def weigh_lanes(y, factor, lane):
    """Turn targets into weights and count the non-zero ones; return whether one was invalid."""
    highest = NO_BITS
    for i in range(LANES):
        yi, mine = y[i], lane[MINE + i]
        bits = where(mine == ZERO, NO_BITS, as_bits(yi))
        highest = bits if bits > highest else highest
        weight = weighed(mine * factor, yi)
        y[i] = weight
        lane[COUNT + i] += where(weight == ZERO, ZERO, ONE)
    return highest >= WRONG_BITS


@njit(**LINE_SUM)
def any_above_one(lane):
    above = np.int32(0)
    for i in range(LANES):
        above |= np.int32(1) if lane[COUNT + i] > ONE else np.int32(0)
    return above != 0


@njit(**LINE)
def lane_hots(y, j, k, lane):
    """Record class j and its weight where it has one."""
    for i in range(LANES):
        none, kept, weight = y[i] == ZERO, k[i], lane[WEIGHT + i]
        k[i] = kept if none else j
        lane[WEIGHT + i] = where(none, weight, y[i])


@njit(**LINE)
def load_weights(y, weight, per_class, ys, lane):
    """Turn a strip's targets into weights and count them per row; return whether one was invalid."""
    for i in range(LANES):
        lane[MINE + i], lane[COUNT + i] = ZERO, ZERO
    for i in range(y.shape[0]):
        mine = ONE
        if weight is not None:
            mine = weight[i]
        lane[MINE + i] = mine
    lane_turn(y, ys)
    bad = False
    for j in range(ys.shape[0]):
        bad |= weigh_lanes(ys[j], per_class[j], lane)
    return bad


@njit(**LOOP)
def one_hot_lanes(y, weight, per_class, t, w):
    """Read rows with at most one target as class indices; return False at a strip with more."""
    n, classes = y.shape
    ys, lane = np.empty((classes, LANES), FLOAT), np.empty(LINES * LANES, FLOAT)
    k = np.empty(LANES, np.int32)
    space = room_for(y, LANES * classes)
    bad = False
    for lo in range(0, n, LANES):
        hi = min(lo + LANES, n)
        mine = part(weight, lo, hi)
        bad |= load_weights(read_part(y, slice(lo, hi), space), mine, per_class, ys, lane)
        if any_above_one(lane):
            return False, bad
        for i in range(LANES):
            k[i] = 0
        for j in range(classes):
            lane_hots(ys[j], np.int32(j), k, lane)
        for i in range(hi - lo):
            t[lo + i], w[lo + i] = k[i], lane[WEIGHT + i]
    return True, bad


@njit(**LINE)
def dense_start(lane, where_top):
    for i in range(LANES):
        where_top[i] = 0
        lane[TOP + i], lane[NEXT_TOP + i] = -INFINITY, -LARGEST
        lane[OTHERS + i], lane[NEAR + i] = ZERO, ZERO
        lane[SUM_G + i], lane[PHI + i] = ZERO, ZERO


@njit(**LINE)
def lane_peaks(x, j, lane, where_top):
    for i in range(LANES):
        xi, top, at = x[i], lane[TOP + i], where_top[i]
        higher = xi > top
        where_top[i] = j if higher else at
        lane[TOP + i] = where(higher, xi, top)


@njit(**LINE)
def exps_of_others(x, e, j, lane, where_top):
    for i in range(LANES):
        term = exp_nonpositive(x[i] - lane[TOP + i])
        e[i] = term
        lane[OTHERS + i] += where(where_top[i] == j, ZERO, term)


@njit(**LINE_SUM)
def any_far(lane):
    far = np.int32(0)
    for i in range(LANES):
        far |= np.int32(0) if lane[OTHERS + i] >= NEGLIGIBLE else np.int32(1)
    return far != 0


@njit(**LINE)
def lane_next(x, j, lane, where_top):
    for i in range(LANES):
        xi, highest = x[i], lane[NEXT_TOP + i]
        lane[NEXT_TOP + i] = where((where_top[i] != j) & (xi > highest), xi, highest)


@njit(**LINE)
def near_exps(x, j, lane, where_top):
    for i in range(LANES):
        term = exp_nonpositive(x[i] - lane[NEXT_TOP + i])
        lane[NEAR + i] += where(where_top[i] == j, ZERO, term)


@njit(**LINE)
def lane_totals(ys, lane, where_top):
    """Fill in what a lane's classes share; a logit below `LOST` counts as −∞ relative to the top."""
    for i in range(LANES):
        top, total = lane[TOP + i], ONE + lane[OTHERS + i]
        lane[TOTAL + i] = total
        lane[PER_TOTAL + i] = ONE / total
        lane[LOG_TOTAL + i] = log(total)
        # The largest may itself represent +∞, and all of them may represent −∞.
        below = where(top > -LARGEST, -BELOW_LARGEST, -INFINITY)
        lane[LOST + i] = where(top >= LARGEST, LARGEST, below)
    for i in range(LANES):
        lane[OWN + i] = ys[where_top[i], i]


@njit(**LINE)
def lane_class(x, weight, e, j, lane, where_top, limit, cs):
    """Evaluate class j in lanes where it is not the largest; overwrite its weight with w g."""
    for i in range(LANES):
        at_top = where_top[i] == j
        w = where(at_top, ZERO, weight[i])
        top, total, log_total = lane[TOP + i], lane[TOTAL + i], lane[LOG_TOTAL + i]
        m, u, v, p, q, per_q = seen_from(x[i], e[i], top, total, lane[PER_TOTAL + i], log_total)
        phi, slope, _ = state_terms(m, u, v, p, q, cs)
        lane[PHI + i] += weighed(w, where(x[i] < lane[LOST + i], limit, phi))
        g = weighed(w, slope) * where(at_top, ZERO, per_q)
        weight[i] = g
        lane[SUM_G + i] += g


@njit(**LINE_SUM)
def lane_largest(lane, scale, c):
    """Evaluate each lane's largest class; leave what the gradients of the others need from it."""
    kept = ZERO
    for i in range(LANES):
        others, own, sum_g = lane[OTHERS + i], lane[OWN + i], lane[SUM_G + i]
        far = ~(others >= NEGLIGIBLE)
        rest = where(far, lane[NEAR + i], others)
        m = margin(where(far, lane[TOP + i], ZERO), where(far, lane[NEXT_TOP + i], ZERO), rest)
        phi, slope, _ = terms(m, -m, c)
        slope = weighed(own, slope)
        phi = lane[PHI + i] + weighed(own, phi)
        lane[PHI + i] = phi
        kept += phi
        taken = weighed(slope, scale / rest)
        shared = sum_g * lane[PER_TOTAL + i]
        lane[SHARE + i] = -shared * scale - where(far, ZERO, taken)
        lane[FROM_TOP + i] = where(far, -taken, ZERO)
        lane[SLOPES + i] = (slope - shared) * scale
    return kept


@njit(**LINE)
def dense_lane_gradient(g, e, j, lane, where_top, scale):
    for i in range(LANES):
        other = g[i] * scale + e[i] * lane[SHARE + i]
        g[i] = where(where_top[i] == j, lane[SLOPES + i], other)


@njit(**LINE)
def near_gradient(g, x, j, lane, where_top):
    for i in range(LANES):
        term = weighed(lane[FROM_TOP + i], exp_nonpositive(x[i] - lane[NEXT_TOP + i]))
        g[i] += where(where_top[i] == j, ZERO, term)


@njit(**LINE)
def dense_strip(xs, ys, es, scale, value, grad, lane, where_top, limit, c, cs):
    """Evaluate a strip with weights ys; unless `grad` is None, overwrite them with the gradient."""
    classes = xs.shape[0]
    dense_start(lane, where_top)
    for j in range(classes):
        lane_peaks(xs[j], np.int32(j), lane, where_top)
    for j in range(classes):
        exps_of_others(xs[j], es[j], np.int32(j), lane, where_top)
    far = any_far(lane)
    if far:
        for j in range(classes):
            lane_next(xs[j], np.int32(j), lane, where_top)
        for j in range(classes):
            near_exps(xs[j], np.int32(j), lane, where_top)
    lane_totals(ys, lane, where_top)
    for j in range(classes):
        lane_class(xs[j], ys[j], es[j], np.int32(j), lane, where_top, limit, cs)
    kept = lane_largest(lane, scale, c)
    if value is not None:
        copy_line(lane[PHI : PHI + value.size], value)
    if grad is not None:
        for j in range(classes):
            dense_lane_gradient(ys[j], es[j], np.int32(j), lane, where_top, scale)
        if far:
            for j in range(classes):
                near_gradient(ys[j], xs[j], np.int32(j), lane, where_top)
    return kept


@njit(**LOOP)
def dense_lanes(x, y, weight, per_class, scale, value, grad, c, cs, limit):
    n, classes = x.shape
    xs, ys = np.empty((classes, LANES), FLOAT), np.empty((classes, LANES), FLOAT)
    es, lane = np.empty((classes, LANES), FLOAT), np.empty(LINES * LANES, FLOAT)
    where_top = np.empty(LANES, np.int32)
    x_room, y_room = room_for(x, LANES * classes), room_for(y, LANES * classes)
    g_room = room_for(grad, LANES * classes)
    total, bad = 0.0, False
    for lo in range(0, n, LANES):
        hi = min(lo + LANES, n)
        strip = slice(lo, hi)
        mine = part(weight, lo, hi)
        bad |= load_weights(read_part(y, strip, y_room), mine, per_class, ys, lane)
        lane_load(read_part(x, strip, x_room), lane, xs)
        v = part(value, lo, hi)
        total += dense_strip(xs, ys, es, scale, v, grad, lane, where_top, limit, c, cs)
        if grad is not None:
            lane_store(ys, open_part(grad, strip, g_room))
            close_part(grad, strip, g_room)
    return total, bad
