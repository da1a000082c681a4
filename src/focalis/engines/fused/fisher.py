"""The fused loop over the Fisher information of softmax rows. See the package's docstring."""

from numba import njit

from focalis.engines.fused.dense import last_equal
from focalis.engines.fused.options import PRIMITIVE
from focalis.engines.fused.primitives32 import FLOAT, LARGEST, ONE, ZERO
from focalis.engines.fused.softmax import BLOCK, NOWHERE, clip_into, exp_sum, largest
from focalis.engines.fused.steps import LINE, LINE_SUM, LOOP, margin, room
from focalis.engines.fused.storage import close_part, open_part, part, read_part, room_for
from focalis.engines.fused.strips import terms


# --- below this line the text is part of every softmax kernel
@njit(**LINE)
def peaks(x):
    """Return the position of the largest, the largest, and the largest of the others."""
    top = largest(x, NOWHERE)
    a = last_equal(x, top)
    return a, top, largest(x, a)


@njit(**PRIMITIVE)
def is_finite(top, next_top):
    # Let a NaN top through: it must reach every result of the row.
    return not (top > LARGEST or next_top < -LARGEST)


@njit(**LINE)
def fisher_terms(x, e, top, total, out, c):
    """Fill out with p_k φ′_k²; return Σ p_k φ′_k² / q_k²."""
    kept = 0.0
    for lo in range(0, x.size, BLOCK):
        hi = min(lo + BLOCK, x.size)
        lines = part(x, lo, hi), part(e, lo, hi)
        kept += fisher_block(*lines, top, total, part(out, lo, hi), c)
    return FLOAT(kept)


@njit(**LINE_SUM)
def fisher_block(x, e, top, total, out, c):
    kept = ZERO
    for i in range(x.size):
        left = total - e[i]
        m = margin(x[i], top, left)
        slope = terms(m, -m, c)[1]
        own = (e[i] / total) * (slope * slope)
        q = left / total
        kept += own / (q * q)
        out[i] = own
    return kept


@njit(**LINE)
def fisher_into(e, near, total, near_total, weight, kept, own, out):
    for i in range(out.size):
        p = e[i] / total
        q = (total - e[i]) / total
        r = near[i] / near_total
        mixed = (p * p) * (kept - out[i] / (q * q))
        out[i] = weight * (out[i] + mixed + own * (r * r))


@njit(**LOOP)
def fisher(x, weight, hess, c):
    n, classes = x.shape
    spare, e, near = room(classes), room(classes), room(classes)
    xs, hs = room_for(x, classes), room_for(hess, classes)
    for r in range(n):
        row, h = read_part(x, r, xs), open_part(hess, r, hs)
        if weight[r] == ZERO:
            h[:] = ZERO
            close_part(hess, r, hs)
            continue
        a, top, next_top = peaks(row)
        if not is_finite(top, next_top):
            clip_into(row, spare)
            row = spare
            a, top, next_top = peaks(row)
        total = ONE + exp_sum(row, a, top, e)
        near_total = exp_sum(row, a, next_top, near)
        kept = fisher_terms(row, e, top, total, h, c)
        m = margin(top, next_top, near_total)
        slope = terms(m, -m, c)[1]
        own = (ONE / total) * (slope * slope)
        fisher_into(e, near, total, near_total, weight[r], kept, own, h)
        h[a] = weight[r] * (own + kept / (total * total))
        close_part(hess, r, hs)
