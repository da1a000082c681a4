"""Strips of softmax rows, whose margins are evaluated together. See the package's docstring."""

from numba import njit

from focalis.engines.fused.primitives32 import ONE, ZERO
from focalis.engines.fused.steps import LINE, LINE_SUM, margin, weighed


def terms(z, mirrored, c):
    """Stand in for the traced terms of a margin loss at a margin."""
    raise NotImplementedError


def state_terms(m, u, v, p, q, c):
    """Stand in for the traced terms at a margin whose u, v, p and q are known."""
    raise NotImplementedError


# --- below this line the text is part of every softmax kernel
# An odd number of cache lines: if the addresses of a row's numbers agreed in their last 12 bits, each
# load would wait for the store before it.
LANES = 112
# Where the lines of a strip's workspace begin. They share one array, whose parts at constant offsets are
# known not to overlap; separate views would be compared with each other before every loop.
LINES = 19
WEIGHT, TOP, OWN, TOTAL, SLOPE, FACTOR, SECOND, PHI = [k * LANES for k in range(8)]
REST, ONES = TOP, OWN  # reused once the margins are known


@njit(**LINE)
def lane_labels(t, weight, per_class, k, lane):
    """Read the labels and weights of a strip of rows; lanes without weight get label 0."""
    for i in range(LANES):
        k[i], lane[WEIGHT + i] = 0, ZERO
    bad = False
    for i in range(t.size):
        # Read once: what was checked is what is used, even if another thread writes to the labels.
        label, mine = t[i], ONE
        if weight is not None:
            mine = weight[i]
        if mine != ZERO:
            if label < 0 or label >= per_class.size:
                bad = True
            else:
                k[i] = label
                lane[WEIGHT + i] = mine * per_class[label]
    return bad


@njit(**LINE_SUM)
def lane_terms(lane, n, scale, c):
    """Evaluate the margins; store the slope of the true class and, for the others, slope / total."""
    kept = ZERO
    for i in range(n):
        top, own, total = lane[TOP + i], lane[OWN + i], lane[TOTAL + i]
        m = margin(own, top, total)
        phi, s, h = terms(m, -m, c)
        w = lane[WEIGHT + i]
        phi = weighed(w, phi)
        s = weighed(w, s)
        lane[SLOPE + i] = s
        lane[FACTOR + i] = -(s * scale) / total
        lane[SECOND + i] = weighed(w, h)
        lane[PHI + i] = phi
        kept += phi
    return kept
