"""Convert float16 and bfloat16 to float32 and back by kernels: Numba supports neither on a CPU."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from focalis.engines import buffers
from focalis.engines.kernel_cache import compile_kernel

Array = np.ndarray

_BITS = {"float16": np.int16, "bfloat16": np.uint16}


@functools.cache
def _copy_into() -> Callable[[Array, Array], None]:
    """Return the kernel that copies halves, as bits, to or from float32."""
    kernel: Callable[[Array, Array], None] = compile_kernel("float32", "", "storage", "copy_into")
    return kernel


def is_half(dtype: np.dtype[Any]) -> bool:
    """Return whether a type is float16 or bfloat16 in the machine's byte order."""
    return dtype.isnative and dtype.name in _BITS


def bits(array: Any) -> Any:
    """Return halves as integers of the same bits, signed for float16; anything else unchanged."""
    if array is None or array.itemsize != 2:  # looking up a type's name is slow
        return array
    form = _BITS.get(array.dtype.name)
    return array if form is None else array.view(form)


def read(source: Array, dtype: np.dtype[Any]) -> Array:
    """Return numbers of any type and layout as a contiguous array of `dtype`."""
    if source.dtype == dtype or source.dtype.name not in _BITS:
        return np.ascontiguousarray(source, dtype)
    native = np.ascontiguousarray(source, source.dtype.newbyteorder("="))
    single = buffers.empty(native.shape, np.dtype(np.float32))
    _copy_into()(bits(native.reshape(-1)), single.reshape(-1))
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return single.astype(dtype, copy=False)


def write(result: Array, place: Array) -> None:
    """Copy a contiguous result to its place, rounded to its type; for a half, through float32."""
    if place.dtype.name not in _BITS:
        with np.errstate(over="ignore"):
            place[...] = result
        return
    with np.errstate(over="ignore"):
        single = result.astype(np.float32, copy=False)
    direct = place.flags.c_contiguous and place.dtype.isnative
    native = place if direct else np.empty(place.shape, place.dtype.newbyteorder("="))
    _copy_into()(single.reshape(-1), bits(native.reshape(-1)))
    if not direct:
        place[...] = native
