"""The fused loop over rows of few classes, one row in each vector lane. See the package's docstring.

A strip of rows is turned so that a class is a line of LANES numbers, one for each row.
"""

import numpy as np
from numba import njit

from focalis.engines.fused.primitives32 import (
    FLOAT,
    INFINITY,
    LARGEST,
    ONE,
    PRIMITIVE,
    ZERO,
    exp_nonpositive,
    where,
)
from focalis.engines.fused.softmax import index_curvature, terms
from focalis.engines.fused.steps import LOOP, SUM, margin, weighed

CACHE = False

# --- below this line the text is part of every softmax kernel
# An odd number of cache lines: the numbers of one row must not lie at addresses that are equal in their
# last 12 bits, or each load waits for the store before it.
LANES = 112
# A call per line would hand over a hundred words of array descriptions for seven vectors of work.
LINE = {**PRIMITIVE, "nogil": True}
LINE_SUM = {**LINE, "fastmath": SUM["fastmath"]}


@njit(**LINE)
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


@njit(**LINE)
def lane_turn(x, block):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            block[j, i] = x[i, j]


@njit(**LINE)
def lane_clip(x):
    """Put infinities at the ends of the finite numbers: their differences are no NaN."""
    for i in range(LANES):
        inside = -LARGEST if x[i] < -LARGEST else x[i]
        x[i] = LARGEST if inside > LARGEST else inside


@njit(**LINE)
def lane_load(x, w, block):
    lane_turn(x, block)
    lane_tame(w, block)


@njit(**LINE)
def lane_tame(w, block):
    """Take a row without weight, which may hold anything, as zeros, and clip the others."""
    for i in range(LANES):
        if w[i] == ZERO:
            block[:, i] = ZERO
    for j in range(block.shape[0]):
        lane_clip(block[j])


@njit(**LINE)
def lane_store(block, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = block[j, i]


@njit(**LINE)
def lane_tops(x, k, c, top, own):
    for i in range(LANES):
        mine = k[i] == c
        xi, ti, oi = x[i], top[i], own[i]
        other = where(mine, -INFINITY, xi)
        top[i] = where(other > ti, other, ti)
        own[i] = where(mine, xi, oi)


@njit(**LINE)
def lane_exps(x, k, c, top, total):
    for i in range(LANES):
        e = where(k[i] == c, ZERO, exp_nonpositive(x[i] - top[i]))
        x[i] = e
        total[i] += e


@njit(**LINE_SUM)
def lane_terms(weight, scale, top, own, total, slope, factor, second, value, c):
    """Evaluate the margins; leave the class's own slope and, for the others, slope / total."""
    kept = ZERO
    for i in range(LANES):
        # An end of the finite numbers stands for the infinity that was clipped to it.
        lost = (top[i] >= LARGEST) & (own[i] < LARGEST)
        lost |= (own[i] <= -LARGEST) & (top[i] > -LARGEST)
        m = where(lost, -INFINITY, margin(own[i], top[i], total[i]))
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


@njit(**LINE)
def lane_rest(e, rest, ones):
    for i in range(LANES):
        at_top = e[i] == ONE
        rest[i] += where(at_top, ZERO, e[i])
        ones[i] += where(at_top, ONE, ZERO)


@njit(**LINE)
def lane_curvature(e, k, c, total, rest, ones, slope, second, out):
    for i in range(LANES):
        mine = index_curvature(e[i], total[i], rest[i], ones[i], slope[i], second[i])
        out[i] = where(k[i] == c, second[i], mine)


@njit(**LINE)
def lane_gradient(e, k, c, slope, factor, scale):
    for i in range(LANES):
        e[i] = where(k[i] == c, slope[i] * scale, e[i] * factor[i])


@njit(**LINE)
def index_strip(block, k, scale, value, grad, hess, lanes, c):
    """Evaluate a strip whose weights are lanes[0] and labels k.

    The gradient, unless `grad` is None, is left where the logits were; the Hessian, unless it is None,
    is written to `hess`, a block like that of the logits.
    """
    w, top, own, total = lanes[0], lanes[1], lanes[2], lanes[3]
    slope, factor, second, phi = lanes[4], lanes[5], lanes[6], lanes[7]
    classes = block.shape[0]
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
            lane_curvature(block[j], k, np.int32(j), total, rest, ones, slope, second, hess[j])
    if grad is not None:
        for j in range(classes):
            lane_gradient(block[j], k, np.int32(j), slope, factor, scale)
    return kept


@njit(cache=CACHE, **LOOP)
def index_lanes(x, t, weight, per_class, scale, value, grad, hess, c):
    n, classes = x.shape
    block = np.empty((classes, LANES), FLOAT)
    other = None if hess is None else np.empty((classes, LANES), FLOAT)
    lanes = np.empty((8, LANES), FLOAT)
    k = np.empty(LANES, np.int32)
    total, bad = 0.0, False
    for lo in range(0, n, LANES):
        hi = min(lo + LANES, n)
        w = None if weight is None else weight[lo:hi]
        bad |= lane_labels(t[lo:hi], w, per_class, k, lanes[0])
        lane_load(x[lo:hi], lanes[0], block)
        v = None if value is None else value[lo:hi]
        total += index_strip(block, k, scale, v, grad, other, lanes, c)
        if grad is not None:
            lane_store(block, grad[lo:hi])
        if hess is not None:
            lane_store(other, hess[lo:hi])
    return total, bad


@njit(**LINE)
def copy_line(x, out):
    for i in range(x.size):
        out[i] = x[i]


@njit(cache=CACHE, **LOOP)
def index_planes(x, stride, t, weight, per_class, scale, value, grad, c):
    """Evaluate rows whose logits of class j begin at x[j * stride], as those of an image do."""
    n, classes = t.size, per_class.size
    block = np.empty((classes, LANES), FLOAT)
    lanes = np.empty((8, LANES), FLOAT)
    k = np.empty(LANES, np.int32)
    total, bad = 0.0, False
    for lo in range(0, n, LANES):
        hi = min(lo + LANES, n)
        w = None if weight is None else weight[lo:hi]
        bad |= lane_labels(t[lo:hi], w, per_class, k, lanes[0])
        for j in range(classes):
            copy_line(x[j * stride + lo : j * stride + hi], block[j])
        lane_tame(lanes[0], block)
        v = None if value is None else value[lo:hi]
        total += index_strip(block, k, scale, v, grad, None, lanes, c)
        if grad is not None:
            for j in range(classes):
                copy_line(block[j, : hi - lo], grad[j * stride + lo : j * stride + hi])
    return total, bad
