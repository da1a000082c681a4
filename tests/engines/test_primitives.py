"""The compiled primitives from one end of their numbers to the other, one number at a time."""

from types import FunctionType, SimpleNamespace

import mpmath
import numpy as np
import pytest

from focalis.engines.fused import primitives, primitives32, primitives64


def plain(module):
    """Return the primitives of a type as functions that Python runs."""
    names = {**vars(primitives), **vars(module)}
    for name, primitive in tuple(names.items()):
        if hasattr(primitive, "py_func"):
            names[name] = FunctionType(primitive.py_func.__code__, names)
    return SimpleNamespace(**names)


both_types = pytest.mark.parametrize(
    ("primitives", "tolerance"),
    [(plain(primitives32), 1e-6), (plain(primitives64), 1e-14)],
    ids=["float32", "float64"],
)


def check(primitives, name, arguments, tolerance, true=None):
    """Compare a primitive with the function of its name in mpmath."""
    function, true = getattr(primitives, name), true or getattr(mpmath, name)
    for x in map(primitives.FLOAT, arguments):
        with np.errstate(all="ignore"):
            found, expected = float(function(x)), float(true(mpmath.mpf(float(x))))
        assert found == pytest.approx(expected, rel=tolerance, abs=0), (name, x)


@both_types
def test_logarithms(primitives, tolerance):
    info = np.finfo(primitives.FLOAT)
    sizes = np.geomspace(info.tiny, info.max / 2, 300)
    subnormals = info.smallest_subnormal * 2.0 ** np.arange(info.nmant)
    check(primitives, "log", [*sizes, *subnormals, 0.7071067, 1.0, 1.4142136], tolerance)
    check(primitives, "log1p", [*sizes, *-sizes[sizes < 1], *subnormals], tolerance)
    check(primitives, "log1p_unit", [*sizes[sizes < 1], 0.0, 1.0], tolerance, mpmath.log1p)
    for x, expected in ((0.0, -np.inf), (np.inf, np.inf), (-1.0, np.nan), (np.nan, np.nan)):
        with np.errstate(all="ignore"):
            assert primitives.log(primitives.FLOAT(x)) == pytest.approx(expected, nan_ok=True)


@both_types
def test_exponentials(primitives, tolerance):
    info = np.finfo(primitives.FLOAT)
    low, high = float(np.log(info.tiny)), float(np.log(info.max))
    x = np.linspace(low, high, 301) * (1 - 1e-6)
    check(primitives, "exp", x, tolerance * max(1, high / 8))
    check(primitives, "exp_nonpositive", [*x[x < 0], 0.0], tolerance * max(1, high / 8), mpmath.exp)
    near = np.geomspace(info.tiny, 1, 100)
    check(primitives, "expm1", [*near, *-near, *x[x > 0]], tolerance * max(1, high / 8))
