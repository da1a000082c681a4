"""The vocabulary for TensorFlow's tensors, so that a margin loss runs on them as it is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

from focalis import vocabulary
from focalis.frontend import plain_where  # noqa: F401  # registers itself
from focalis.frontend.polynomials import log1p_unit_polynomial

_computing_type: ContextVar[Any] = ContextVar("_computing_type", default=tf.float32)


@contextmanager
def computing_in(dtype: Any) -> Iterator[None]:
    """Make a formula's choices between two numbers tensors of this type: TensorFlow mixes no types."""
    token = _computing_type.set(dtype)
    try:
        yield
    finally:
        _computing_type.reset(token)


def _where(condition: tf.Tensor, a: Any, b: Any) -> Any:
    dtype = next((x.dtype for x in (a, b) if tf.is_tensor(x)), None) or _computing_type.get()
    return tf.where(condition, tf.convert_to_tensor(a, dtype), tf.convert_to_tensor(b, dtype))


def _log1p_unit(x: tf.Tensor) -> Any:
    return log1p_unit_polynomial(x) if x.dtype == tf.float32 else tf.math.log1p(x)


vocabulary.teach(
    {
        "exp": tf.math.exp,
        "exp_nonpositive": tf.math.exp,
        "expm1": tf.math.expm1,
        "log": tf.math.log,
        "log1p": tf.math.log1p,
        "log1p_unit": _log1p_unit,
        "sqrt": tf.math.sqrt,
        "absolute": tf.math.abs,
        "where": _where,
    },
    [tf.Tensor],
)
