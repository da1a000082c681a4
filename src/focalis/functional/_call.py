"""What the named losses share: calling, with errors in the caller's words, and clipping."""

import functools
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from focalis.errors import WordedError
from focalis.inputs.arguments import Arguments
from focalis.inputs.targets import real_array
from focalis.loss import Loss, Wanted, evaluate
from focalis.margin import MarginLossFamily
from focalis.maths.links import PROBABILITY_SLACK, LinkName
from focalis.real_number import check_number

Reduction = Literal["none", "sum", "mean", "batchmean"]
Engine = Literal["auto", "numba", "numpy"]
Value = np.float64 | np.ndarray


def loss_of(
    link: LinkName, family: MarginLossFamily, parameters: tuple[float, ...], **settings: Any
) -> Loss:
    """Return the loss with these parameters and settings; equal ones return the same object."""
    try:
        return _kept(
            link, family, len(parameters), tuple(settings), *parameters, *settings.values()
        )
    except TypeError:
        # An argument is unhashable, such as a list or an array, or an error that the loss can name.
        return Loss(link, family(*parameters), **settings)


@functools.lru_cache(maxsize=256, typed=True)
def _kept(
    link: LinkName, family: MarginLossFamily, count: int, names: tuple[str, ...], *values: Any
) -> Loss:
    settings = dict(zip(names, values[count:], strict=True))
    return Loss(link, family(*values[:count]), **settings)


def call_loss(loss: Loss, given: Arguments, engine: str, *, logits: str = "logits") -> Value:
    """Return the loss; `logits` is the caller's name for the scores."""
    try:
        value: Value = evaluate(loss, given, Wanted(engine=engine))[0]
    except WordedError as error:
        error.rename({"logits": logits})
        raise
    return value


def clip(probabilities: Any, eps: float) -> Any:
    """Return probabilities clipped to [eps, 1 − eps], half types as float32; invalid ones stay."""
    eps = check_number("eps", eps, 0.0, 0.5, expected="a number in [0, 0.5]")
    if eps == 0.0:
        return probabilities
    p = real_array("probabilities", probabilities)
    dtype = np.float64 if p.dtype.kind in "iu" or p.dtype == np.float64 else np.float32
    p = p.astype(dtype)
    upper = 1 + PROBABILITY_SLACK * np.finfo(dtype).eps
    return np.where((p >= 0) & (p <= upper), np.clip(p, eps, 1 - eps), p)


def in_type_of(probabilities: ArrayLike, value: Value) -> Value:
    """Return one loss per element or row in the type of the probabilities, which `clip` widens."""
    dtype = np.asarray(probabilities).dtype
    if not isinstance(value, np.ndarray) or dtype.kind in "biu" or dtype == value.dtype:
        return value
    return value.astype(dtype)
