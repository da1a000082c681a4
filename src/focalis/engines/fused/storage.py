"""Numbers as arrays hold them, read and written in the computing type. See the package's docstring.

The type says whether an array is missing or narrower: each function here is chosen when the kernel is
compiled, and for arrays of the computing type nothing of it is left.
"""

from numba import njit, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from focalis.engines.fused.halves import (
    SINGLE,
    narrow_bfloat16,
    narrow_float16,
    widen_bfloat16,
    widen_float16,
)
from focalis.engines.fused.options import PRIMITIVE
from focalis.engines.fused.primitives32 import FLOAT
from focalis.engines.fused.steps import LINE, LOOP, room

# --- below this line the text is part of every kernel that reads or writes numbers
# A bfloat16 is the unsigned integer of its bits, a float16 the signed one.
WIDEN = {types.uint16: widen_bfloat16, types.int16: widen_float16}
NARROW = {types.uint16: narrow_bfloat16, types.int16: narrow_float16, types.float32: SINGLE}
COMPUTED = typeof(FLOAT(0))


def is_narrow(array):
    return getattr(array, "dtype", COMPUTED) != COMPUTED


@intrinsic
def borrowed(typing_context, array):
    """Return an array without its owner, so that references to it, or to parts of it, are not counted.

    Only an argument may be borrowed, because it outlives the call. An array that a function creates
    lives only until the line that last names it, unless that is in a loop whose next iteration needs it.
    """

    def unowned(context, builder, signature, arguments):
        view = context.make_array(array)(context, builder, *arguments)
        for owner in ("meminfo", "parent"):
            setattr(view, owner, cgutils.get_null_value(getattr(view, owner).type))
        return view._getvalue()

    return array(array), unowned


def part(array, lo, hi):
    """Borrow a part of an array; None for None, where a conditional expression would not compile."""


def row_of(array, r):
    """Borrow a row of an array; None for None."""


@overload(part, jit_options=PRIMITIVE)
def _part(array, lo, hi):
    if isinstance(array, types.NoneType):
        return lambda array, lo, hi: None
    return lambda array, lo, hi: borrowed(array)[lo:hi]


@overload(row_of, jit_options=PRIMITIVE)
def _row_of(array, r):
    if isinstance(array, types.NoneType):
        return lambda array, r: None
    return lambda array, r: borrowed(array)[r]


def number(source, i):
    """Return a number in the computing type."""


def narrowed(result, number):
    """Return a number in the type of a result; a half is rounded from float32."""


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


@njit(**LINE)
def copy_line(source, result):
    for i in range(min(source.size, result.size)):
        put(result, i, number(source, i))


@njit(**LOOP)
def copy_into(source, result):
    copy_line(source, result)


def room_for(array, size):
    """Return room for `size` numbers in the computing type if the array is narrower, else None."""


def room_to_widen(array, size):
    """Return room for `size` numbers that must not be widened as they are read, else None.

    The conversion is compiled into the loop that sums, and may change its order and so its rounding; the
    single shift that widens a bfloat16 does not.
    """


def read_part(array, which, space):
    """Return a row, or a slice of rows: a copy in the computing type if there is room, else itself."""


def open_part(array, which, space):
    """Return where to write rows in the computing type: the rows or their room; None for None."""


def close_part(array, which, space):
    """Write opened rows to their place, unless they are already there."""


@overload(room_for, jit_options=PRIMITIVE)
def _room_for(array, size):
    if is_narrow(array):
        return lambda array, size: room(size)
    return lambda array, size: None


@overload(room_to_widen, jit_options=PRIMITIVE)
def _room_to_widen(array, size):
    if is_narrow(array) and array.dtype != types.uint16:
        return lambda array, size: room(size)
    return lambda array, size: None


@overload(read_part, jit_options=PRIMITIVE)
def _read_part(array, which, space):
    def copied(array, which, space):
        source = borrowed(array)[which]
        flat = borrowed(space)[: source.size]
        copy_line(source.reshape(-1), flat)
        return flat.reshape(source.shape)

    if isinstance(space, types.NoneType):
        return lambda array, which, space: borrowed(array)[which]
    return copied


@overload(open_part, jit_options=PRIMITIVE)
def _open_part(array, which, space):
    def elsewhere(array, which, space):
        place = borrowed(array)[which]
        return borrowed(space)[: place.size].reshape(place.shape)

    if isinstance(array, types.NoneType):
        return lambda array, which, space: None
    return elsewhere if is_narrow(array) else lambda array, which, space: borrowed(array)[which]


@overload(close_part, jit_options=PRIMITIVE)
def _close_part(array, which, space):
    def narrowed(array, which, space):
        place = borrowed(array)[which]
        copy_line(borrowed(space)[: place.size], place.reshape(-1))

    return narrowed if is_narrow(array) else lambda array, which, space: None
