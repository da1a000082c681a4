"""The vocabulary on JAX arrays and tracers, so that a margin loss runs on them as it is written."""

from typing import Any

import jax
import jax.numpy as jnp

from focalis import vocabulary
from focalis.frontend import conditions  # noqa: F401  # registers itself
from focalis.frontend.polynomials import log1p_unit_polynomial

__all__: list[str] = []


def _log1p_unit(x: jax.Array) -> Any:
    return log1p_unit_polynomial(x) if x.dtype == jnp.float32 else jnp.log1p(x)


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


for _primitive, _function in _PRIMITIVES.items():
    for _kind in (jax.Array, jax.core.Tracer):
        _primitive.register(_kind, _function)
