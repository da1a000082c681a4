"""How rows of classes lie in memory, so that reading row by row never needs a copy of a whole array.

An array (…, C) whose rows follow each other at one stride is a single block of rows. One whose class
axis comes early in memory, as in images (N, C, H, W), is N blocks of rows.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Layout(NamedTuple):
    """Rows in `blocks` blocks of `size` rows; the rows of a block follow each other at one stride."""

    blocks: int
    size: int

    def arrange(self, array: Array) -> Array:
        """Return an array (…, C) as (R, C), or as (blocks, size, C) if there is more than one block."""
        classes = array.shape[-1]
        if self.blocks == 1:
            return array if array.ndim == 2 else array.reshape(self.size, classes)
        return array.reshape(self.blocks, self.size, classes)

    def take(self, arranged: Array, lo: int, hi: int) -> Array:
        """Return rows of one block (n, C), or whole blocks (blocks, size, C); of (R,), numbers (n,)."""
        if self.blocks == 1 or arranged.ndim == 1:
            return arranged[lo:hi]
        block, start = divmod(lo, self.size)
        if hi - lo <= self.size:
            return arranged[block, start : start + hi - lo]
        return arranged[block : block + (hi - lo) // self.size]

    def spans(self, step: int) -> list[tuple[int, int]]:
        """Return chunks of about `step` rows: parts of a block, or several whole blocks."""
        rows = self.blocks * self.size
        if self.blocks > 1 and self.size >= step:
            return [
                (first + lo, first + min(lo + step, self.size))
                for first in range(0, rows, self.size)
                for lo in range(0, self.size, step)
            ]
        if self.blocks > 1:
            step = step // self.size * self.size
        return [(lo, min(lo + step, rows)) for lo in range(0, rows, step)]


def layout_of(arrays: Iterable[Array | None], row_shape: tuple[int, ...], rows: int) -> Layout:
    """Return the layout with the fewest blocks in which each array (…, C) is a view, if there is one."""
    if len(row_shape) <= 1 or all(a is None or _is_one_block(a) for a in arrays):
        return Layout(1, rows)
    return Layout(row_shape[0], rows // row_shape[0])


def _is_one_block(array: Array) -> bool:
    if array.flags.c_contiguous:
        return True
    lengths, strides = array.shape[:-1], array.strides[:-1]
    return all(
        strides[i] == strides[i + 1] * lengths[i + 1]
        for i in range(len(lengths) - 1)
        if lengths[i] > 1
    )


def is_planar(rows: Array) -> bool:
    """Return whether rows (n, C) lie one class after the other, each class without gaps."""
    return (
        rows.ndim == 2
        and rows.strides[0] == rows.itemsize
        and rows.strides[1] >= rows.shape[0] * rows.itemsize
        and rows.strides[1] % rows.itemsize == 0
        and rows.flags.aligned
    )


def overlaps_itself(array: Array) -> bool:
    """Return whether two elements of an array may share memory, as in a broadcast array."""
    if array.size == 0:
        return False
    reach = array.itemsize
    axes = zip(array.strides, array.shape, strict=True)
    for stride, length in sorted((abs(s), n) for s, n in axes if n > 1):
        if stride < reach:
            return True
        reach += stride * (length - 1)
    return False
