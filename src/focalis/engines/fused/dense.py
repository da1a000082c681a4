"""The fused loops over softmax rows with a weight for each class. See the package's docstring.

The largest class a is treated separately, because 1 − p_a cancels: seen from it, the others are
measured against the largest among them. For every other class 1 − p_k ≥ 1/2, and sums over all classes
will do. With g_k = φ′(m_k) / (1 − p_k) the gradient is w_j g_j − p_j Σ_k w_k g_k for j ≠ a, and at a
itself w_a φ′_a − p_a Σ_{k≠a} w_k g_k.
"""

import numpy as np
from numba import njit

from focalis.engines.fused.options import PRIMITIVE
from focalis.engines.fused.primitives import exp_nonpositive, log, where
from focalis.engines.fused.primitives32 import (
    FLOAT,
    INFINITY,
    LARGEST,
    NEGLIGIBLE,
    ONE,
    ZERO,
    log1p_unit,
)
from focalis.engines.fused.softmax import (
    BLOCK,
    NOWHERE,
    all_but,
    clip_into,
    exp_sum,
    index_curvature,
    largest,
    sum_below_one,
)
from focalis.engines.fused.steps import LINE, LINE_SUM, LOOP, margin, room, weighed
from focalis.engines.fused.storage import (
    borrowed,
    close_part,
    open_part,
    part,
    put,
    read_part,
    room_for,
)
from focalis.engines.fused.strips import state_terms, terms

# --- below this line the text is part of every dense softmax kernel
UINT = np.uint32 if FLOAT is np.float32 else np.uint64
NO_BITS, WRONG_BITS = UINT(0), FLOAT(INFINITY).view(UINT)
STANDS_APART = -ONE  # not an exponential: marks the largest class among them


@njit(**PRIMITIVE)
def as_bits(y):
    """Return the bits of a target, `WRONG_BITS` or more if it is invalid: faster than comparisons."""
    # −0 has the bits of a negative number, but −0 + 0 does not.
    return FLOAT(y + ZERO).view(UINT)


@njit(**LINE_SUM)
def survey(y, per_class):
    """Return how many classes of a row have a weight, the last one, and whether a target is invalid."""
    count, last, highest = np.int32(0), np.int32(0), NO_BITS
    for i in range(y.size):
        weighted = (y[i] != ZERO) & (per_class[i] != ZERO)
        here = np.int32(i) if weighted else np.int32(0)
        last = here if here > last else last
        count += np.int32(1) if weighted else np.int32(0)
        bits = as_bits(y[i])
        highest = bits if bits > highest else highest
    return count, np.int64(last), highest >= WRONG_BITS


@njit(**LINE)
def last_equal(x, wanted):
    """Return the last position of a number, or 0 if there is none (as with NaN)."""
    # A running maximum of positions vectorises; an early return does not.
    found = np.int32(0)
    for i in range(x.size):
        here = np.int32(i) if x[i] == wanted else np.int32(0)
        found = here if here > found else found
    return np.int64(found)


@njit(**PRIMITIVE)
def seen_from(x, e, top, total, per_total, log_total):
    """Return margin, u, v, p, q and 1 / q for a class that is not the largest."""
    u = (x - top) - log_total
    u = -LARGEST if u < -LARGEST else u
    left = total - e
    per_left = ONE / left
    # p ≤ 1/2, so p / q ≤ 1 and log q = −log(1 + p / q).
    v = -log1p_unit(e * per_left)
    return u - v, u, v, e * per_total, left * per_total, total * per_left


@njit(**LINE)
def other_classes(x, y, per_class, e, weight, top, total, log_total, lost, limit, gw, second, cs):
    """Fill gw with w_k g_k and second with w_k φ″_k, 0 at the largest; return Σ w φ and Σ w g.

    Also return whether any of the classes has a weight, and whether any target of the row is invalid.
    """
    value, sum_g, weighted, bad = 0.0, 0.0, False, False
    for lo in range(0, x.size, BLOCK):
        hi = min(lo + BLOCK, x.size)
        phi, g, some, wrong = block_of_classes(
            part(x, lo, hi),
            part(y, lo, hi),
            part(per_class, lo, hi),
            part(e, lo, hi),
            weight,
            top,
            total,
            log_total,
            lost,
            limit,
            part(gw, lo, hi),
            part(second, lo, hi),
            cs,
        )
        value += phi
        sum_g += g
        weighted |= some
        bad |= wrong
    return FLOAT(value), FLOAT(sum_g), weighted, bad


@njit(**LINE_SUM)
def block_of_classes(
    x, y, per_class, e, weight, top, total, log_total, lost, limit, gw, second, cs
):
    value, sum_g = ZERO, ZERO
    highest, weights = NO_BITS, NO_BITS
    per_total = ONE / total
    for i in range(x.size):
        bits = as_bits(y[i])
        highest = bits if bits > highest else highest
        w = where(e[i] < ZERO, ZERO, weighed(weight * per_class[i], y[i]))
        weights = UINT(weights | as_bits(w))
        m, u, v, p, q, per_q = seen_from(x[i], e[i], top, total, per_total, log_total)
        phi, slope, curved = state_terms(m, u, v, p, q, cs)
        value += weighed(w, where(x[i] < lost, limit, phi))
        g = weighed(w, slope) * per_q
        sum_g += g
        if gw is not None:
            gw[i] = g
        if second is not None:
            second[i] = weighed(w, curved)
    return value, sum_g, weights != NO_BITS, highest >= WRONG_BITS


@njit(**LINE)
def gradient_into(gw, e, total, sum_g, scale):
    share = sum_g / total
    for i in range(gw.size):
        gw[i] = (gw[i] - e[i] * share) * scale


@njit(**LINE)
def subtract_ratio(near, factor, out):
    for i in range(near.size):
        out[i] -= near[i] * factor


@njit(**LINE)
def curvature_sums(gw, second, e, near, total, near_total, rest, ones, shrink):
    """Return A = Σ w (φ″ + φ′) / q², B = Σ w φ′ / q and what the other classes add at the largest."""
    known = total, near_total, rest, ones, shrink
    a, b, at_top = 0.0, 0.0, 0.0
    for lo in range(0, gw.size, BLOCK):
        hi = min(lo + BLOCK, gw.size)
        lines = part(gw, lo, hi), part(second, lo, hi), part(e, lo, hi), part(near, lo, hi)
        sums = curvature_block(*lines, *known)
        a += sums[0]
        b += sums[1]
        at_top += sums[2]
    return FLOAT(a), FLOAT(b), FLOAT(at_top)


@njit(**LINE_SUM)
def curvature_block(gw, second, e, near, total, near_total, rest, ones, shrink):
    a, b, at_top = ZERO, ZERO, ZERO
    for i in range(gw.size):
        left = total - e[i]
        q = left / total
        a += second[i] / (q * q) + gw[i] / q
        b += gw[i]
        missing = all_but(near[i], near_total, rest, ones) * shrink
        r = ONE / left
        at_top += second[i] * (r * r) - (gw[i] * q) * (r * (missing / left))
    return a, b, at_top


@njit(**LINE)
def curvature_of_others(
    gw, second, e, near, total, near_total, rest, ones, slope_a, second_a, a, b
):
    for i in range(gw.size):
        p = e[i] / total
        q = (total - e[i]) / total
        own_a = second[i] / (q * q) + gw[i] / q
        mixed = (p * p) * (a - own_a) - p * (b - gw[i])
        from_a = index_curvature(near[i], near_total, rest, ones, slope_a, second_a)
        second[i] = second[i] + mixed + from_a


@njit(**LINE)
def dense_row(x, y, per_class, weight, scale, grad, hess, e, near, spare, limit, c, cs):
    """Return a row's value, whether it has a weighted class, and whether a target is invalid."""
    e, near, spare = borrowed(e), borrowed(near), borrowed(spare)
    row, lost = x, -LARGEST
    top = largest(x, NOWHERE)
    if not abs(top) <= LARGEST:
        lost = LARGEST if top == INFINITY else -LARGEST
        clip_into(x, spare)
        row = spare
        top = largest(row, NOWHERE)
    a = last_equal(row, top)
    others = exp_sum(row, a, top, e)
    e[a] = STANDS_APART
    total = ONE + others
    log_total = log(total)
    far = not others >= NEGLIGIBLE
    next_top, near_total, m = top, others, -log(others)
    if far or hess is not None:
        next_top = largest(row, a)
        if next_top < -LARGEST:
            clip_into(x, spare)
            row, next_top = spare, -LARGEST
        near_total = exp_sum(row, a, next_top, near)
        m = margin(top, next_top, near_total)
    value, sum_g, weighted, bad = other_classes(
        row,
        y,
        per_class,
        e,
        weight,
        top,
        total,
        log_total,
        lost,
        limit,
        grad,
        hess,
        cs,
    )
    phi, slope, second = terms(m, -m, c)
    own = weighed(weight * per_class[a], y[a])
    value += weighed(own, phi)
    weighted = weighted or own != ZERO
    if grad is not None:
        slope = weighed(own, slope)
        second = weighed(own, second)
        if hess is not None:
            rest, ones = sum_below_one(near)
            shrink = exp_nonpositive(next_top - top)
            known = total, near_total, rest, ones
            s, b, at_top = curvature_sums(grad, hess, e, near, *known, shrink)
            curvature_of_others(grad, hess, e, near, *known, slope, second, s, b)
            hess[a] = second + at_top
        seen = sum_g
        if not far and slope != ZERO:
            seen = sum_g + slope * (total / others)
        gradient_into(grad, e, total, seen, scale)
        if far and slope != ZERO:
            subtract_ratio(near, (slope / near_total) * scale, grad)
        grad[a] = (slope - sum_g / total) * scale
    return value, weighted, bad


@njit(**LOOP)
def one_hot(y, weight, per_class, t, w):
    """Read rows with at most one target as class indices; return False at a row with more than one."""
    ys = room_for(y, per_class.size)
    wrong = False
    for r in range(t.size):
        t[r], w[r] = 0, ZERO
        mine = ONE
        if weight is not None:
            mine = weight[r]
        if mine == ZERO:
            continue
        row = read_part(y, r, ys)
        count, last, bad = survey(row, per_class)
        wrong |= bad
        if count > 1:
            return False, wrong
        if count == 1:
            t[r] = last
            w[r] = mine * per_class[last] * row[last]
    return True, wrong


@njit(**LOOP)
def dense_rows(x, y, weight, per_class, scale, value, grad, hess, c, cs, limit):
    n, classes = x.shape
    spare, e, near = room(classes), room(classes), room(classes)
    xs, ys = room_for(x, classes), room_for(y, classes)
    gs, hs = room_for(grad, classes), room_for(hess, classes)
    total, bad = 0.0, False
    for r in range(n):
        w = ONE
        if weight is not None:
            w = weight[r]
        phi, weighted = ZERO, False
        g, h = open_part(grad, r, gs), open_part(hess, r, hs)
        if w != ZERO:
            row, targets = read_part(x, r, xs), read_part(y, r, ys)
            phi, weighted, wrong = dense_row(
                row, targets, per_class, w, scale, g, h, e, near, spare, limit, c, cs
            )
            bad |= wrong
        if not weighted:
            # Whatever the logits are, even NaN.
            phi = ZERO
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
