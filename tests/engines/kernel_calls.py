"""Calls of every kind of kernel, with arrays placed where a step outside them shows.

``python kernel_calls.py`` puts each array at the end of a mapped page, followed by an inaccessible one;
``python kernel_calls.py float32`` leaves the 16-bit types out. With ``NUMBA_BOUNDSCHECK=1`` it wants an
empty ``FOCALIS_CACHE_DIR``, since kernels that were compiled without the checks would be loaded from it.
"""

import ctypes
import mmap
import sys

import ml_dtypes
import numpy as np

from focalis import engines, margin
from focalis.engines import halves
from focalis.maths.links import SIGMOID, SOFTMAX

ROWS = 117  # more than a strip of rows, and not a multiple of a register
FEW, MANY = 3, 53  # few enough classes for one row per lane, and too many
LONG = 5000  # more classes than a block
NOBODY = 0  # PROT_NONE


def at_the_end_of_a_page(array):
    """Return a copy whose last byte is the last one before an inaccessible page."""
    length = -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, length + mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(start + length), ctypes.c_size_t(mmap.PAGESIZE), NOBODY):
        raise OSError(ctypes.get_errno(), "mprotect")
    place = np.frombuffer(memory, np.uint8, array.nbytes, length - array.nbytes)
    copy = place.view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def check_kernels(place, own, computed):
    """Call every kernel that computes in one type, on numbers of another or the same type."""
    rng = np.random.default_rng(31)

    def scores(*shape):
        return place((rng.normal(size=shape) * 3).astype(own))

    def result(*shape):
        return place(np.full(shape, np.nan).astype(own))

    def weights(n):
        return place(np.linspace(0, 2, n).astype(computed))

    def check(answer, *results):
        assert np.isfinite(answer[0])
        assert not answer[1]
        for array in results:
            assert np.isfinite(array.astype(np.float64)).all()

    yes_no, softmax = (
        engines.load("numba", link, margin.focal(2.0), computed, "exact")
        for link in (SIGMOID, SOFTMAX)
    )
    for classes, rows in ((FEW, ROWS), (LONG, 1)):
        n = rows * classes
        for targets in (rng.integers(0, 2, n), rng.random(n)):
            written = [result(n) for _ in range(3)]
            given = scores(n), place(targets.astype(own)), weights(n), weights(classes)
            check(yes_no.elementwise(*given, weights(classes), 1.0, *written), *written)
    for n in (4096, 4097):  # written past the caches, and through them
        gradient = result(n)
        given = scores(n), place(np.ones(n, own)), None, weights(1), weights(1), 1.0, None
        check(yes_no.elementwise(*given, gradient, None, streams=True), gradient)

    labels = place(rng.integers(0, FEW, ROWS))
    for classes in (FEW, MANY):
        written = [result(ROWS), result(ROWS, classes), result(ROWS, classes)]
        given = scores(ROWS, classes), labels, weights(ROWS), weights(classes), 1.0
        check(softmax.index(*given, *written), *written)
    planes, gradient, value = scores(FEW, ROWS).T, result(FEW, ROWS).T, result(ROWS)
    given = labels, weights(ROWS), weights(FEW), 1.0
    check(softmax.index(planes, *given, value, gradient, None), value, gradient)
    check(softmax.index(planes, *given, None, None, None))
    for classes, rows in ((FEW, ROWS), (MANY, ROWS), (LONG, 1)):
        value, gradient = result(rows), result(rows, classes)
        hessian = None if classes == FEW else result(rows, classes)
        written = [a for a in (value, gradient, hessian) if a is not None]
        one_hot = np.eye(classes)[rng.integers(0, classes, rows)]
        for targets in (rng.dirichlet([1.0] * classes, rows), one_hot):
            given = scores(rows, classes), place(targets.astype(own)), weights(rows)
            outputs = value, gradient, hessian
            check(softmax.dense(*given, weights(classes), 1.0, *outputs), *written)
    hessian = result(ROWS, MANY)
    softmax.fisher(scores(ROWS, MANY), weights(ROWS), hessian)
    check((0.0, False), hessian)


def check_conversions(place):
    """Convert 16-bit numbers, as the driver does if they are not contiguous."""
    for half in (np.float16, ml_dtypes.bfloat16):
        numbers = place(np.linspace(-3, 3, 1023).astype(half))
        single = halves.read(numbers, np.dtype(np.float32))
        back = place(np.zeros_like(numbers))
        halves.write(place(single), back)
        np.testing.assert_array_equal(back, numbers)


if __name__ == "__main__":
    # float64 has the same loops; the fuzz runs them between guarded pages.
    check_kernels(at_the_end_of_a_page, np.float32, np.float32)
    if sys.argv[1:] != ["float32"]:
        check_kernels(at_the_end_of_a_page, ml_dtypes.bfloat16, np.float32)
        check_conversions(at_the_end_of_a_page)
