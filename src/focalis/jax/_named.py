"""What the named losses share: turning their arguments into a call of `apply`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import jax
import jax.numpy as jnp
import numpy as np

from focalis.errors import ArgumentError, ArgumentTypeError, renamed
from focalis.inputs.arguments import Arguments
from focalis.inputs.class_weights import check_factor
from focalis.jax._apply import apply
from focalis.jax._checks import as_array, class_axes
from focalis.loss import Loss
from focalis.margin import MarginLossFamily
from focalis.maths.links import LINKS, PROBABILITY_SLACK, LinkName
from focalis.real_number import check_number
from focalis.settings_table import WEIGHTS, largest_weight

Array = jax.Array
ArrayLike = jax.typing.ArrayLike
Weight = ArrayLike | Sequence[float] | None
Axis = int | tuple[int, ...] | None


class LossSettings(TypedDict, total=False):
    """The options that all named losses take."""

    class_weight: Weight
    label_smoothing: float


class Options(LossSettings, total=False):
    """The options of losses that do not have `where` in their signature."""

    where: ArrayLike | None


class RowOptions(Options, total=False):
    """The options of losses of rows."""

    axis: Axis


def elementwise(
    link: LinkName,
    family: MarginLossFamily,
    parameters: Mapping[str, ArrayLike],
    logits: ArrayLike,
    labels: ArrayLike,
    options: Mapping[str, Any],
    **settings: Any,
) -> Array:
    """Return one loss for each element; `options` are the caller's keywords."""
    settings = {**_known(options, Options, parameters, settings), **settings}
    where = settings.pop("where", None)
    x = as_array("logits", logits)
    y = _broadcast("labels", labels, x.shape)
    kept = None if where is None else _broadcast("where", where, x.shape)
    return _call(link, family, Arguments(x, y, None, kept, parameters=parameters), settings)


def rows(
    link: LinkName,
    family: MarginLossFamily,
    parameters: Mapping[str, ArrayLike],
    logits: ArrayLike,
    labels: ArrayLike,
    options: Mapping[str, Any],
    **settings: Any,
) -> Array:
    """Return one loss for each row, the classes along one axis or several.

    `options` are the caller's keywords.
    """
    settings = {**_known(options, RowOptions, parameters, settings), **settings}
    axis, where = settings.pop("axis", -1), settings.pop("where", None)
    x, y = as_array("logits", logits), as_array("labels", labels)
    kept = None if where is None else as_array("where", where)
    axes = class_axes(axis, x.ndim)
    classes = math.prod(x.shape[one] for one in axes)
    by_class = y.ndim == x.ndim

    def classes_last(array: Array) -> Array:
        last = jnp.moveaxis(array, axes, range(-len(axes), 0))
        return last.reshape(*last.shape[: last.ndim - len(axes)], classes)

    if by_class and y.shape != x.shape:
        expected = f"the shape of the {{logits}} {x.shape}"
        raise ArgumentError("labels", expected, y.shape, must="have")
    if kept is not None and kept.ndim == x.ndim:
        kept = classes_last(_broadcast("where", kept, x.shape))
    x, y = classes_last(x), classes_last(y) if by_class else y
    if kept is not None and kept.ndim == x.ndim:
        if settings.get("label_smoothing"):
            raise ArgumentError(
                "label_smoothing",
                "{where} with one answer for each row",
                f"one for each of {kept.shape[-1]} classes",
                problem="{argument} spreads over all classes: expected {expected}, got {got}",
            )
        _check_boolean(kept)
        outside = 0.0 if LINKS[link].on_probabilities else -jnp.inf
        x, y = jnp.where(kept, x, outside), jnp.where(kept, y, 0) if by_class else y
        kept = jnp.any(kept, axis=-1)
    return _call(link, family, Arguments(x, y, None, kept, parameters=parameters), settings)


def dense(logits: ArrayLike, labels: ArrayLike) -> Array:
    """Return labels with a number for each class, broadcast to the shape of the logits."""
    return _broadcast("labels", labels, as_array("logits", logits).shape)


def clipped(probabilities: ArrayLike, eps: float) -> Array:
    """Return probabilities clipped to [eps, 1 − eps]; invalid ones stay, to give NaN."""
    eps = check_number("eps", eps, 0.0, 0.5, expected="a number in [0, 0.5]")
    p = as_array("probabilities", probabilities)
    if eps == 0.0 or not jnp.issubdtype(p.dtype, jnp.floating):
        return p
    upper = 1.0 + PROBABILITY_SLACK * float(jnp.finfo(p.dtype).eps)
    return jnp.where((p >= 0.0) & (p <= upper), jnp.clip(p, eps, 1.0 - eps), p)


def _known(
    options: Mapping[str, Any],
    known: Any,
    parameters: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Return the options, or raise for one that the losses of this kind do not take."""
    for name in options.keys() - known.__annotations__.keys():
        takes = (*parameters, *(["alpha"] if "alpha" in settings else []), *known.__annotations__)
        raise TypeError(f"unexpected keyword argument {name!r}: expected {', '.join(takes)}")
    return options


def _broadcast(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    array = as_array(name, value)
    try:
        return jnp.broadcast_to(array, shape)
    except ValueError:
        expected = f"a shape that broadcasts to that of the {{logits}} {shape}"
        raise ArgumentError(name, expected, array.shape, must="have") from None


def _check_boolean(where: Array) -> None:
    if where.dtype != jnp.bool_:
        raise ArgumentTypeError("where", "boolean, True for what counts", where.dtype)


def _call(
    link: LinkName, family: MarginLossFamily, given: Arguments, settings: Mapping[str, Any]
) -> Array:
    """Return the loss; arrays, which may be traced, are passed on as parameters."""
    parameters = given.parameters or {}
    arrays = {k: v for k, v in parameters.items() if isinstance(v, jax.Array) or np.ndim(v)}
    numbers = {k: v for k, v in parameters.items() if k not in arrays}
    factors = {k: settings[k] for k in WEIGHTS if k in settings}
    arrays |= {k: v for k, v in factors.items() if isinstance(v, jax.Array)}
    fixed = {k: v for k, v in settings.items() if k not in arrays}
    if fixed.get("alpha") is not None:
        # A Loss takes a number below 0 to mean no alpha; here a traced one could not mean that.
        high = largest_weight("alpha", LINKS[link], math.inf)
        fixed["alpha"] = check_factor("alpha", fixed["alpha"], high)
    loss = Loss(link, family(**numbers), reduction="none", **fixed)
    with renamed(targets="labels"):
        return apply(loss, given.logits, given.targets, where=given.where, parameters=arrays)
