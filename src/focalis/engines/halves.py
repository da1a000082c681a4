"""float16 and bfloat16 arrays to float32 and back, by kernels: Numba knows neither type on a CPU."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from focalis.engines.kernel_cache import compile_kernel

__all__ = ["bits", "is_half", "read", "write"]

Array = np.ndarray


_BITS = {"float16": np.int16, "bfloat16": np.uint16}


class Conversion(NamedTuple):
    """The native form of a half type, and the kernels between its bits and float32."""

    native: np.dtype[Any]
    widen: Callable[[Array, Array], None]
    narrow: Callable[[Array, Array], None]


@functools.cache
def _conversion(dtype: np.dtype[Any]) -> Conversion | None:
    """Return the conversion of a half type, None for a type that NumPy converts fast."""
    if dtype.name not in _BITS:
        return None
    kernel = functools.partial(compile_kernel, "float32", "", "halves")
    widen, narrow = kernel(f"all_from_{dtype.name}"), kernel(f"all_to_{dtype.name}")
    return Conversion(dtype.newbyteorder("="), widen, narrow)


def is_half(dtype: np.dtype[Any]) -> bool:
    """Return whether a type is float16 or bfloat16 in the machine's byte order."""
    return dtype.isnative and dtype.name in _BITS


def bits(array: Array) -> Array:
    """Return halves as integers of their bits, signed for float16; other numbers as they are."""
    if array.dtype.itemsize != 2:  # the name of a type is slow to ask for
        return array
    form = _BITS.get(array.dtype.name)
    return array if form is None else array.view(form)


def read(source: Array, dtype: np.dtype[Any]) -> Array:
    """Return numbers of any type and layout as a contiguous array of `dtype`."""
    if source.dtype == dtype:
        return np.ascontiguousarray(source)
    conversion = _conversion(source.dtype)
    if conversion is None:
        return np.ascontiguousarray(source, dtype)
    native = np.ascontiguousarray(source, conversion.native)
    single = np.empty(native.shape, np.float32)
    conversion.widen(native.reshape(-1).view(np.uint16), single.reshape(-1))
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return single.astype(dtype, copy=False)


def write(result: Array, place: Array) -> None:
    """Copy a contiguous result to its place, rounded to the type there; a half by way of float32."""
    conversion = _conversion(place.dtype)
    with np.errstate(over="ignore"):
        if conversion is None:
            place[...] = result
            return
        single = result.astype(np.float32, copy=False)
    direct = place.flags.c_contiguous and place.dtype == conversion.native
    native = place if direct else np.empty(place.shape, conversion.native)
    conversion.narrow(single.reshape(-1), native.reshape(-1).view(np.uint16))
    if not direct:
        place[...] = native
