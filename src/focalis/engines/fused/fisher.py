"""The fused loop over the Fisher information of softmax rows. See the package's docstring."""

from numba import njit

from focalis.engines.fused.dense import last_equal
from focalis.engines.fused.primitives32 import FLOAT, LARGEST, ONE, PRIMITIVE, ZERO
from focalis.engines.fused.softmax import clip_into, exp_sum, largest, terms
from focalis.engines.fused.steps import LOOP, SUM, margin, room
from focalis.engines.fused.storage import close_part, open_part, read_part, room_for

CACHE = False


# --- below this line the text is part of every softmax kernel
@njit(**LOOP)
def peaks(x):
    """Return where the largest is, the largest and the largest of the others."""
    top = largest(x)
    a = last_equal(x, top)
    return a, top, max(largest(x[:a]), largest(x[a + 1 :]))


@njit(**PRIMITIVE)
def is_finite(top, next_top):
    # A NaN top is let through: it must reach every result of the row.
    return not (top > LARGEST or next_top < -LARGEST)


@njit(**SUM)
def fisher_terms(x, e, top, total, out, c):
    """Fill out with p_k φ′_k²; return Σ p_k φ′_k² / q_k²."""
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


@njit(**LOOP)
def fisher_into(e, near, total, near_total, weight, kept, own, out):
    for i in range(out.size):
        p = e[i] / total
        q = (total - e[i]) / total
        r = near[i] / near_total
        mixed = (p * p) * (kept - out[i] / (q * q))
        out[i] = weight * (out[i] + mixed + own * (r * r))


@njit(cache=CACHE, **LOOP)
def fisher(x, weight, hess, c):
    n, classes = x.shape
    spare, e, near = room(classes), room(classes), room(classes)
    xs, hs = room_for(x, classes), room_for(hess, classes)
    for r in range(n):
        h = open_part(hess, r, hs)
        if weight[r] == ZERO:
            h[:] = ZERO
            close_part(hess, r, hs)
            continue
        row = read_part(x, r, xs)
        a, top, next_top = peaks(row)
        if not is_finite(top, next_top):
            clip_into(row, spare)
            row = spare
            a, top, next_top = peaks(row)
        z = a + 1
        others = FLOAT(exp_sum(row[:a], top, e[:a]) + exp_sum(row[z:], top, e[z:]))
        total = ONE + others
        near_total = FLOAT(
            exp_sum(row[:a], next_top, near[:a]) + exp_sum(row[z:], next_top, near[z:])
        )
        kept = fisher_terms(row[:a], e[:a], top, total, h[:a], c)
        kept += fisher_terms(row[z:], e[z:], top, total, h[z:], c)
        m = margin(top, next_top, near_total)
        slope = terms(m, -m, c)[1]
        own = (ONE / total) * (slope * slope)
        w = weight[r]
        fisher_into(e[:a], near[:a], total, near_total, w, kept, own, h[:a])
        fisher_into(e[z:], near[z:], total, near_total, w, kept, own, h[z:])
        h[a] = w * (own + kept / (total * total))
        close_part(hess, r, hs)
