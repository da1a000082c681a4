"""The vocabulary on JAX arrays and tracers, so that a margin loss runs on them as it is written."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from focalis import vocabulary

__all__: list[str] = []

_OF_NUMPY = (np.ndarray, np.generic, int, float)

_PRIMITIVES: dict[Any, Any] = {
    vocabulary.exp: jnp.exp,
    vocabulary.exp_nonpositive: jnp.exp,
    vocabulary.expm1: jnp.expm1,
    vocabulary.log: jnp.log,
    vocabulary.log1p: jnp.log1p,
    vocabulary.log1p_unit: jnp.log1p,
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
