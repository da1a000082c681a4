"""log(1 + x) by arithmetic alone: XLA does not vectorise loops with an exponential and a logarithm."""

import functools
from typing import Any


def log1p_unit_polynomial(x: Any) -> Any:
    """Return log(1 + x) for x in [0, 1], to the rounding of float32."""
    *lower, highest = _coefficients()
    series: Any = highest
    for coefficient in reversed(lower):
        series = series * x + coefficient
    return x * series


@functools.cache
def _coefficients() -> list[float]:
    """Return the coefficients of log(1 + x) / x that the fused kernels use."""
    from focalis.engines.fused import primitives32  # brings Numba, which is slow to import

    return [float(getattr(primitives32, f"G{k}")) for k in range(10)]
