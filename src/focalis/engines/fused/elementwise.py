"""The fused loop over yes/no questions. See the package's docstring."""

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

from focalis.engines.fused.options import PRIMITIVE
from focalis.engines.fused.primitives import where
from focalis.engines.fused.primitives32 import FLOAT, ONE, ZERO
from focalis.engines.fused.steps import LOOP, SUM, room, weighed
from focalis.engines.fused.storage import narrowed, number, part, put

PROBABILITY, SLACK = False, FLOAT(0)


def terms(z, mirrored, c):
    """Stand in for the traced terms of a margin loss."""
    raise NotImplementedError


def both_terms(z, mirrored, c):
    """Stand in for the traced terms of a margin loss seen from both yes and no."""
    raise NotImplementedError


# --- below this line the text is part of every elementwise kernel
# Number of elements that are summed in the computing type, and that stay in the first-level cache.
TILE = 2048
# Bytes in a cache line, and a count of numbers that fills whole lines and registers in any type.
LINE_BYTES, WHOLE = 64, 128


@intrinsic
def stream_to(typing_context, result, i, number):
    """Write past the caches: a line that is written whole need not be fetched first.

    The writing must start at the beginning of a line, and fill it.
    """

    def write(context, builder, signature, arguments):
        place, position, value = arguments
        data = context.make_array(result)(context, builder, place).data
        # Each store claims the alignment of a line's first number, since whole registers are written.
        store = builder.store(value, builder.gep(data, [position]), align=LINE_BYTES)
        one = ir.Constant(ir.IntType(32), 1)
        store.set_metadata("nontemporal", builder.module.add_metadata([one]))
        return context.get_dummy_value()

    return types.void(result, i, result.dtype), write


@intrinsic
def settle(typing_context):
    """Make what was streamed visible to other threads."""

    def fence(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), fence


def put_gradient(result, i, number, streams):
    """Write a number of the gradient."""


@overload(put_gradient, jit_options=PRIMITIVE)
def _put_gradient(result, i, number, streams):
    if isinstance(streams, types.NoneType):
        return lambda result, i, number, streams: put(result, i, number)
    return lambda result, i, number, streams: stream_to(result, i, narrowed(result, number))


@njit(**PRIMITIVE)
def fills_lines(array):
    return array.ctypes.data % LINE_BYTES == 0 and array.size % WHOLE == 0


@njit(**PRIMITIVE)
def sides(x):
    """Return what the score says for yes and for no: margins, or probabilities."""
    if PROBABILITY:
        inside = ONE if x > ONE else x
        return inside, ONE - inside
    return x, -x


@njit(**PRIMITIVE)
def softness(y):
    """Return 0 for a target of 0 or 1, and a number above 0, or NaN, for any other."""
    return abs(y - y * y)


@njit(**SUM)
def outside(x, y, weight, positive, negative):
    wrong = 0
    for i in range(x.size):
        xi, yi = number(x, i), number(y, i)
        beyond = (xi < ZERO) | (xi > ONE + SLACK)
        beyond &= (positive[i] * yi != ZERO) | (negative[i] * (ONE - yi) != ZERO)
        if weight is not None:
            beyond &= weight[i] != ZERO
        wrong |= beyond
    return wrong != 0


@njit(**SUM)
def hard_tile(x, y, weight, positive, negative, scale, value, grad, hess, c, streams):
    """Evaluate targets of 0 and 1; return True if there are others and everything must be redone."""
    total, soft = ZERO, ZERO
    for i in range(x.size):
        xi, yi = number(x, i), number(y, i)
        soft += softness(yi)
        yes = yi == ONE
        a, b = positive[i], negative[i]
        w = where(yes, a, b)
        if weight is not None:
            w = w * weight[i]
        z, other = sides(xi)
        phi, slope, second = terms(where(yes, z, other), where(yes, other, z), c)
        nothing = w == ZERO
        phi = where(nothing, ZERO, w * phi)
        total += phi
        if value is not None:
            put(value, i, phi)
        if grad is not None:
            slope = where(nothing, ZERO, (w * scale) * slope)
            put_gradient(grad, i, where(yes, slope, -slope), streams)
        if hess is not None:
            put(hess, i, weighed(w, second))
    return total, soft != ZERO


@njit(**SUM)
def soft_tile(x, y, weight, positive, negative, scale, value, grad, hess, both):
    """Evaluate targets of any kind; also return whether one was invalid, and whether one was soft."""
    total, soft = ZERO, ZERO
    bad = 0
    for i in range(x.size):
        xi, yi = number(x, i), number(y, i)
        soft += softness(yi)
        a, b = positive[i] * yi, negative[i] * (ONE - yi)
        wrong = ~((yi >= ZERO) & (yi <= ONE))
        if weight is not None:
            counts = weight[i] != ZERO
            a, b = where(counts, a * weight[i], ZERO), where(counts, b * weight[i], ZERO)
            wrong = wrong & counts
        bad |= wrong
        z, other = sides(xi)
        phi, slope, second, phi_no, slope_no, second_no = both_terms(z, other, both)
        phi = weighed(a, phi) + weighed(b, phi_no)
        total += phi
        if value is not None:
            put(value, i, phi)
        if grad is not None:
            put(grad, i, weighed(a * scale, slope) - weighed(b * scale, slope_no))
        if hess is not None:
            put(hess, i, weighed(a, second) + weighed(b, second_no))
    return total, bad != 0, soft != ZERO


@njit(**LOOP)
def elementwise(x, y, weight, positive, negative, scale, value, grad, hess, c, both, streams):
    n, classes = x.size, positive.size
    rows = max(1, TILE // classes)
    if rows > WHOLE:
        rows -= rows % WHOLE
    # Whole rows, or part of a row that is longer than a tile.
    span = min(rows * classes, n)
    tile = min(span, TILE)
    pos, neg = room(span), room(span)
    j = 0
    for i in range(span):
        pos[i], neg[i] = positive[j], negative[j]
        j = j + 1 if j + 1 < classes else 0
    total, bad, soft = 0.0, False, False
    for start in range(0, n, span):
        end = min(start + span, n)
        for lo in range(start, end, tile):
            hi = min(lo + tile, end)
            xs, ys, w = x[lo:hi], y[lo:hi], part(weight, lo, hi)
            v, g, h = part(value, lo, hi), part(grad, lo, hi), part(hess, lo, hi)
            yes, no = pos[lo - start : hi - start], neg[lo - start : hi - start]
            if PROBABILITY:
                bad |= outside(xs, ys, w, yes, no)
            partial = ZERO
            if not soft:
                if streams is not None and fills_lines(g):
                    partial, soft = hard_tile(xs, ys, w, yes, no, scale, v, g, h, c, streams)
                else:
                    partial, soft = hard_tile(xs, ys, w, yes, no, scale, v, g, h, c, None)
            if soft:
                # Soft targets usually come together, so do not try the next tile as a hard one first.
                partial, wrong, soft = soft_tile(xs, ys, w, yes, no, scale, v, g, h, both)
                bad |= wrong
            total += partial
    if streams is not None:
        settle()
    return total, bad
