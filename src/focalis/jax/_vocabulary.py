"""The vocabulary for JAX arrays and tracers, so that a margin loss runs on them as it is written."""

from typing import Any

import jax
import jax.numpy as jnp

from focalis import vocabulary
from focalis.frontend import plain_where  # noqa: F401  # registers itself
from focalis.frontend.polynomials import log1p_unit_polynomial


def _log1p_unit(x: jax.Array) -> Any:
    return log1p_unit_polynomial(x) if x.dtype == jnp.float32 else jnp.log1p(x)


vocabulary.teach(
    {
        "exp": jnp.exp,
        "exp_nonpositive": jnp.exp,
        "expm1": jnp.expm1,
        "log": jnp.log,
        "log1p": jnp.log1p,
        "log1p_unit": _log1p_unit,
        "sqrt": jnp.sqrt,
        "absolute": jnp.abs,
        "where": jnp.where,
    },
    [jax.Array, jax.core.Tracer],
)
