"""Numbers as arrays hold them, read and written in the computing type. See the package's docstring.

What may be missing, or of a narrower type, is told by its type: each function here is chosen when the
kernel is compiled, and for arrays of the computing type none of them is left.
"""

from numba import njit, typeof, types
from numba.extending import overload

from focalis.engines.fused.halves import (
    SINGLE,
    narrow_bfloat16,
    narrow_float16,
    widen_bfloat16,
    widen_float16,
)
from focalis.engines.fused.primitives32 import FLOAT, PRIMITIVE
from focalis.engines.fused.steps import LOOP, room

CACHE = False

# --- below this line the text is part of every kernel that reads or writes numbers
# A bfloat16 is the unsigned integer of its bits, a float16 the signed one.
WIDEN = {types.uint16: widen_bfloat16, types.int16: widen_float16}
NARROW = {types.uint16: narrow_bfloat16, types.int16: narrow_float16, types.float32: SINGLE}
COMPUTED = typeof(FLOAT(0))


def is_narrow(array):
    return getattr(array, "dtype", COMPUTED) != COMPUTED


def part(array, lo, hi):
    """Return a part of an array, None of None: a conditional expression would be of no one type."""


@overload(part, jit_options=PRIMITIVE)
def _part(array, lo, hi):
    if isinstance(array, types.NoneType):
        return lambda array, lo, hi: None
    return lambda array, lo, hi: array[lo:hi]


def number(source, i):
    """Return a number in the computing type."""


def narrowed(result, number):
    """Return a number in the type of a result; a half is rounded by way of float32."""


@overload(number, jit_options=PRIMITIVE)
def _number(source, i):
    widen = WIDEN.get(source.dtype, FLOAT)
    return lambda source, i: FLOAT(widen(source[i]))


@overload(narrowed, jit_options=PRIMITIVE)
def _narrowed(result, number):
    narrow = NARROW.get(result.dtype, FLOAT)
    return lambda result, number: narrow(number)


@njit(**PRIMITIVE)
def put(result, i, number):
    """Write a number in the type of the result."""
    result[i] = narrowed(result, number)


@njit(cache=CACHE, **LOOP)
def copy_into(source, result):
    for i in range(result.size):
        put(result, i, number(source, i))


def room_for(array, size):
    """Return room for `size` numbers of a narrower type in the computing one, None for other arrays."""


def read_part(array, which, space):
    """Return a row, or a slice of rows, in the computing type: itself, or a copy in its room."""


def open_part(array, which, space):
    """Return where to write rows in the computing type: themselves, or their room; None of None."""


def close_part(array, which, space):
    """Write the rows that were opened to their place, if they are not there."""


@overload(room_for, jit_options=PRIMITIVE)
def _room_for(array, size):
    if is_narrow(array):
        return lambda array, size: room(size)
    return lambda array, size: None


@overload(read_part, jit_options=PRIMITIVE)
def _read_part(array, which, space):
    def copied(array, which, space):
        source = array[which]
        flat = space[: source.size]
        copy_into(source.reshape(-1), flat)
        return flat.reshape(source.shape)

    return copied if is_narrow(array) else lambda array, which, space: array[which]


@overload(open_part, jit_options=PRIMITIVE)
def _open_part(array, which, space):
    def elsewhere(array, which, space):
        place = array[which]
        return space[: place.size].reshape(place.shape)

    if isinstance(array, types.NoneType):
        return lambda array, which, space: None
    return elsewhere if is_narrow(array) else lambda array, which, space: array[which]


@overload(close_part, jit_options=PRIMITIVE)
def _close_part(array, which, space):
    def narrowed(array, which, space):
        place = array[which]
        copy_into(space[: place.size], place.reshape(-1))

    return narrowed if is_narrow(array) else lambda array, which, space: None
