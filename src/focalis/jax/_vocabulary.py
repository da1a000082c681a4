"""The vocabulary on JAX arrays and tracers, so that a margin loss runs on them as it is written."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from focalis import vocabulary

__all__: list[str] = []

_OF_NUMPY = (np.ndarray, np.generic, int, float)


@functools.cache
def _coefficients() -> list[float]:
    """Return those of log(1 + x) / x on [0, 1] in float32, which the fused kernels have."""
    from focalis.engines.fused import primitives32  # brings Numba, which is slow to import

    return [float(getattr(primitives32, f"G{k}")) for k in range(10)]


def _log1p_unit(x: jax.Array) -> jax.Array:
    """Return log(1 + x) for x in [0, 1].

    XLA vectorises no loop that has both an exponential and a logarithm, but polynomials it does.
    """
    if x.dtype != jnp.float32:
        return jnp.log1p(x)
    *lower, highest = _coefficients()
    series: jax.Array | float = highest
    for coefficient in reversed(lower):
        series = series * x + coefficient
    return x * series


_PRIMITIVES: dict[Any, Any] = {
    vocabulary.exp: jnp.exp,
    vocabulary.exp_nonpositive: jnp.exp,
    vocabulary.expm1: jnp.expm1,
    vocabulary.log: jnp.log,
    vocabulary.log1p: jnp.log1p,
    vocabulary.log1p_unit: _log1p_unit,
    vocabulary.sqrt: jnp.sqrt,
    vocabulary.absolute: jnp.abs,
    vocabulary.where: jnp.where,
}


def _where_of_numbers(condition: bool | np.bool_, a: Any, b: Any) -> Any:
    """Choose by a condition on parameters alone, whichever front end's arrays there are."""
    if isinstance(a, _OF_NUMPY) and isinstance(b, _OF_NUMPY):
        return np.where(condition, a, b)
    return a if condition else b


for _primitive, _function in _PRIMITIVES.items():
    for _kind in (jax.Array, jax.core.Tracer):
        _primitive.register(_kind, _function)
vocabulary.where.register(bool, _where_of_numbers)
vocabulary.where.register(np.bool_, _where_of_numbers)
