"""The fused loop over rows of few classes, one row in each vector lane. See the package's docstring.

A strip of rows is transposed so that a class is a line of LANES numbers, one for each row.
"""

import numpy as np
from numba import njit

from focalis.engines.fused.primitives import exp_nonpositive, where
from focalis.engines.fused.primitives32 import FLOAT, INFINITY, LARGEST, ONE, ZERO
from focalis.engines.fused.softmax import clipped, index_curvature
from focalis.engines.fused.steps import LINE, LOOP
from focalis.engines.fused.storage import (
    close_part,
    copy_line,
    open_part,
    part,
    read_part,
    room_for,
)
from focalis.engines.fused.strips import (
    FACTOR,
    LANES,
    LINES,
    ONES,
    OWN,
    PHI,
    REST,
    SECOND,
    SLOPE,
    TOP,
    TOTAL,
    WEIGHT,
    lane_labels,
    lane_terms,
)


# --- below this line the text is part of every softmax kernel
@njit(**LINE)
def lane_turn(x, block):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            block[j, i] = x[i, j]


@njit(**LINE)
def lane_clip(x):
    """Replace infinities by the largest finite numbers, so that their differences are not NaN."""
    for i in range(LANES):
        x[i] = clipped(x[i])


@njit(**LINE)
def lane_load(x, lane, block):
    lane_turn(x, block)
    lane_tame(lane, block)


@njit(**LINE)
def lane_tame(lane, block):
    """Set rows without weight, which may hold anything, to zeros, and clip the others."""
    for i in range(LANES):
        if lane[WEIGHT + i] == ZERO:
            for j in range(block.shape[0]):
                block[j, i] = ZERO
    for j in range(block.shape[0]):
        lane_clip(block[j])


@njit(**LINE)
def lane_store(block, out):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = block[j, i]


@njit(**LINE)
def lane_start(lane):
    for i in range(LANES):
        lane[TOP + i], lane[TOTAL + i] = -INFINITY, ZERO


@njit(**LINE)
def lane_tops(x, k, c, lane):
    for i in range(LANES):
        mine = k[i] == c
        xi, top, own = x[i], lane[TOP + i], lane[OWN + i]
        other = where(mine, -INFINITY, xi)
        lane[TOP + i] = where(other > top, other, top)
        lane[OWN + i] = where(mine, xi, own)


@njit(**LINE)
def lane_exps(x, k, c, lane):
    for i in range(LANES):
        e = where(k[i] == c, ZERO, exp_nonpositive(x[i] - lane[TOP + i]))
        x[i] = e
        lane[TOTAL + i] += e


@njit(**LINE)
def lane_rest(e, lane):
    for i in range(LANES):
        at_top = e[i] == ONE
        lane[REST + i] += where(at_top, ZERO, e[i])
        lane[ONES + i] += where(at_top, ONE, ZERO)


@njit(**LINE)
def lane_curvature(e, k, c, lane, out):
    for i in range(LANES):
        second = lane[SECOND + i]
        total, rest, ones = lane[TOTAL + i], lane[REST + i], lane[ONES + i]
        mine = index_curvature(e[i], total, rest, ones, lane[SLOPE + i], second)
        out[i] = where(k[i] == c, second, mine)


@njit(**LINE)
def lane_gradient(e, k, c, lane, scale):
    for i in range(LANES):
        e[i] = where(k[i] == c, lane[SLOPE + i] * scale, e[i] * lane[FACTOR + i])


@njit(**LINE)
def lane_losses(lane):
    """Set OWN to −∞ where a clipped infinity puts the class infinitely far below the top."""
    for i in range(LANES):
        top, own = lane[TOP + i], lane[OWN + i]
        lost = (top >= LARGEST) & (own < LARGEST)
        lost |= (own <= -LARGEST) & (top > -LARGEST)
        lane[OWN + i] = where(lost, -INFINITY, own)


@njit(**LINE)
def index_strip(block, k, scale, value, grad, hess, lane, c):
    """Evaluate a strip with labels k and weights in the WEIGHT line.

    Unless they are None, the gradient replaces the logits in `block`, and the Hessian is written to
    `hess`, which has the same shape.
    """
    classes = block.shape[0]
    lane_start(lane)
    for j in range(classes):
        lane_tops(block[j], k, np.int32(j), lane)
    for j in range(classes):
        lane_exps(block[j], k, np.int32(j), lane)
    lane_losses(lane)
    kept = lane_terms(lane, LANES, scale, c)
    if value is not None:
        copy_line(lane[PHI : PHI + value.size], value)
    if hess is not None:
        for i in range(LANES):
            lane[REST + i], lane[ONES + i] = ZERO, ZERO
        for j in range(classes):
            lane_rest(block[j], lane)
        for j in range(classes):
            lane_curvature(block[j], k, np.int32(j), lane, hess[j])
    if grad is not None:
        for j in range(classes):
            lane_gradient(block[j], k, np.int32(j), lane, scale)
    return kept


@njit(**LOOP)
def index_lanes(x, t, weight, per_class, scale, value, grad, hess, c):
    n, classes = x.shape
    block = np.empty((classes, LANES), FLOAT)
    other = None if hess is None else np.empty((classes, LANES), FLOAT)
    lane = np.empty(LINES * LANES, FLOAT)
    k = np.empty(LANES, np.int32)
    xs, gs = room_for(x, LANES * classes), room_for(grad, LANES * classes)
    hs = room_for(hess, LANES * classes)
    total, bad = 0.0, False
    for lo in range(0, n, LANES):
        hi = min(lo + LANES, n)
        strip = slice(lo, hi)
        w = part(weight, lo, hi)
        bad |= lane_labels(t[lo:hi], w, per_class, k, lane)
        lane_load(read_part(x, strip, xs), lane, block)
        v = part(value, lo, hi)
        total += index_strip(block, k, scale, v, grad, other, lane, c)
        if grad is not None:
            lane_store(block, open_part(grad, strip, gs))
            close_part(grad, strip, gs)
        if hess is not None:
            lane_store(other, open_part(hess, strip, hs))
            close_part(hess, strip, hs)
    return total, bad


@njit(**LOOP)
def index_planes(x, stride, t, weight, per_class, scale, value, grad, c):
    """Evaluate rows whose logits of class j begin at x[j * stride], as in an image."""
    n, classes = t.size, per_class.size
    block = np.empty((classes, LANES), FLOAT)
    lane = np.empty(LINES * LANES, FLOAT)
    k = np.empty(LANES, np.int32)
    total, bad = 0.0, False
    for lo in range(0, n, LANES):
        hi = min(lo + LANES, n)
        w = part(weight, lo, hi)
        bad |= lane_labels(t[lo:hi], w, per_class, k, lane)
        for j in range(classes):
            copy_line(x[j * stride + lo : j * stride + hi], block[j, : hi - lo])
        lane_tame(lane, block)
        v = part(value, lo, hi)
        total += index_strip(block, k, scale, v, grad, None, lane, c)
        if grad is not None:
            for j in range(classes):
                copy_line(block[j, : hi - lo], grad[j * stride + lo : j * stride + hi])
    return total, bad
