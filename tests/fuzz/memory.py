"""Arrays with odd memory layouts, some of them at the edge of readable memory."""

import ctypes
import math
import mmap
import sys
from typing import NamedTuple

import numpy as np

PAGE = mmap.PAGESIZE
CANARY = 0xA5
_CAN_GUARD = sys.platform.startswith("linux")
if _CAN_GUARD:
    _mprotect = ctypes.CDLL(None, use_errno=True).mprotect
    _mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def block(rng, size):
    """Return bytes; half the time, touching what lies before or after them ends the process."""
    if not _CAN_GUARD or size == 0 or rng.random() < 0.5:
        return np.full(size, CANARY, np.uint8)
    inside = -(-size // PAGE) * PAGE
    pages = mmap.mmap(-1, inside + 2 * PAGE)
    whole = np.frombuffer(pages, np.uint8)
    start = whole.__array_interface__["data"][0]
    for edge in (start, start + PAGE + inside):
        if _mprotect(edge, PAGE, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    first = PAGE + (inside - size if rng.random() < 0.8 else 0)
    whole[PAGE : PAGE + inside] = CANARY
    return whole[first : first + size]


class Place(NamedTuple):
    """An array, and the whole memory that it is part of."""

    array: np.ndarray
    memory: np.ndarray
    inside: np.ndarray
    layout: str

    def outside_is_untouched(self):
        """Return whether only the array has been written to."""
        return bool((self.memory[~self.inside] == CANARY).all())


def place(rng, kind, shape, dtype):
    """Return room, in some layout, for an array of a shape and type."""
    dtype = np.dtype(dtype)
    axes, steps, pads = [*range(len(shape))], [1] * len(shape), [0] * len(shape)
    order = rng.integers(8)
    if order == 1:
        axes = axes[::-1]
    elif order == 2 and axes:
        axes = [axes[-1], *axes[:-1]]  # one class after the other
    elif order == 3 and len(axes) > 1:
        axes = [axes[0], axes[-1], *axes[1:-1]]  # images: the classes before the pixels
    elif order == 4:
        axes = [int(i) for i in rng.permutation(len(shape))]
    elif order == 5:
        steps = [int(i) for i in rng.choice([1, 1, 2, 3, -1, -2], len(shape))]
    elif order == 6:
        pads = [int(i) for i in rng.integers(0, 4, len(shape))]
    elif order == 7:
        axes = [int(i) for i in rng.permutation(len(shape))]
        steps = [int(i) for i in rng.choice([1, 1, 1, 2, -1], len(shape))]
        pads = [int(i) for i in rng.integers(0, 2, len(shape))]
    lengths = [
        (max(n - 1, 0)) * abs(s) + min(n, 1) + p for n, s, p in zip(shape, steps, pads, strict=True)
    ]
    offset = int(not kind.aligned and dtype.itemsize > 1)
    held = [lengths[axis] for axis in axes]
    size = math.prod(held) * dtype.itemsize
    memory = block(rng, size + offset)

    def view(memory, dtype):
        array = memory[offset * (memory.dtype == np.uint8) :]
        array = array.view(dtype) if memory.dtype == np.uint8 else array
        array = array.reshape(held).transpose(np.argsort(axes))
        for axis, (n, step) in enumerate(zip(shape, steps, strict=True)):
            cut = [slice(None)] * len(shape)
            cut[axis] = slice(0, max(n - 1, 0) * abs(step) + min(n, 1), abs(step))
            array = array[tuple(cut)]
            if step < 0:
                array = np.flip(array, axis)
        return array

    items = np.zeros(math.prod(held), np.int64)
    view(items, None)[...] = 1
    inside = np.concatenate([np.zeros(offset, bool), np.repeat(items == 1, dtype.itemsize)])
    layout = f"axes {axes} steps {steps} pads {pads}" + (" not aligned" if offset else "")
    return Place(view(memory, dtype), memory, inside, layout)


def placed(rng, kind, values, dtype=None):
    """Return numbers in a new place."""
    values = np.asarray(values)
    dtype = np.dtype(values.dtype if dtype is None else dtype)
    if dtype.kind in "fiu" and dtype.itemsize > 1 and rng.random() < 0.05:
        dtype = dtype.newbyteorder()
    made = place(rng, kind, values.shape, dtype)
    made.array[...] = values
    if not kind.writeable:
        made.array.flags.writeable = False
    return made
