"""What the named losses share: from their arguments to a call of `apply`."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import jax
import jax.numpy as jnp

from focalis.functional._evaluation import renamed
from focalis.jax._apply import apply
from focalis.jax._checks import as_array, class_axis
from focalis.links import PROBABILITY_SLACK
from focalis.loss import Link, Loss
from focalis.margin import MarginLossFamily
from focalis.weighting import check_number

__all__ = [
    "Axis",
    "Options",
    "RowOptions",
    "Settings",
    "Weight",
    "clipped",
    "dense",
    "elementwise",
    "rows",
]

Array = jax.Array
ArrayLike = jax.typing.ArrayLike
Weight = ArrayLike | Sequence[float] | None
Axis = int | tuple[int, ...] | None


class Settings(TypedDict, total=False):
    """What all named losses take."""

    class_weight: Weight
    label_smoothing: float


class Options(Settings, total=False):
    """What those take besides that do not name it themselves."""

    where: ArrayLike | None


class RowOptions(Options, total=False):
    """What the losses of rows take."""

    axis: Axis


def elementwise(
    link: Link,
    family: MarginLossFamily,
    parameters: Mapping[str, ArrayLike],
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    where: ArrayLike | None = None,
    **settings: Any,
) -> Array:
    """Return one loss for each element."""
    x = as_array("logits", logits)
    y = _broadcast("labels", labels, x.shape)
    kept = None if where is None else _broadcast("where", where, x.shape)
    return _call(link, family, parameters, x, y, kept, settings)


def rows(
    link: Link,
    family: MarginLossFamily,
    parameters: Mapping[str, ArrayLike],
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    axis: Axis = -1,
    where: ArrayLike | None = None,
    **settings: Any,
) -> Array:
    """Return one loss for each row, the classes along one axis or several."""
    x, y = as_array("logits", logits), as_array("labels", labels)
    kept = None if where is None else as_array("where", where)
    several = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = [class_axis(one, x.ndim) for one in several]
    by_class = y.ndim == x.ndim

    def classes_last(array: Array) -> Array:
        last = jnp.moveaxis(array, axes, range(-len(axes), 0))
        return last.reshape(*last.shape[: last.ndim - len(axes)], -1)

    if by_class and y.shape != x.shape:
        raise ValueError(f"labels must have the shape of the logits {x.shape}, got {y.shape}")
    if kept is not None and kept.ndim == x.ndim:
        kept = classes_last(_broadcast("where", kept, x.shape))
    x, y = classes_last(x), classes_last(y) if by_class else y
    if kept is not None and kept.ndim == x.ndim:
        if settings.get("label_smoothing"):
            raise ValueError(
                "label_smoothing spreads over all classes: expected where with one answer for each "
                f"row, got one for each of {kept.shape[-1]} classes"
            )
        _check_boolean(kept)
        outside = 0.0 if link == "simplex" else -jnp.inf
        x, y = jnp.where(kept, x, outside), jnp.where(kept, y, 0) if by_class else y
        kept = jnp.any(kept, axis=-1)
    return _call(link, family, parameters, x, y, kept, settings)


def dense(logits: ArrayLike, labels: ArrayLike) -> Array:
    """Return labels with a number for each class, in the shape of the logits."""
    return _broadcast("labels", labels, as_array("logits", logits).shape)


def clipped(probabilities: ArrayLike, eps: float) -> Array:
    """Return probabilities held in [eps, 1 − eps]; what is none stays."""
    eps = check_number("eps", eps, 0.0, 0.5, expected="a number in [0, 0.5]")
    p = as_array("probabilities", probabilities)
    if eps == 0.0 or not jnp.issubdtype(p.dtype, jnp.floating):
        return p
    upper = 1.0 + PROBABILITY_SLACK * jnp.finfo(p.dtype).eps
    return jnp.where((p >= 0.0) & (p <= upper), jnp.clip(p, eps, 1.0 - eps), p)


def _broadcast(name: str, given: ArrayLike, shape: tuple[int, ...]) -> Array:
    array = as_array(name, given)
    try:
        return jnp.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"{name} must have a shape that broadcasts to that of the logits {shape}, "
            f"got {array.shape}"
        ) from None


def _check_boolean(where: Array) -> None:
    if where.dtype != jnp.bool_:
        raise TypeError(f"where must be boolean, True where a label counts, got {where.dtype}")


def _call(
    link: Link,
    family: MarginLossFamily,
    parameters: Mapping[str, Any],
    x: Array,
    y: Array,
    where: Array | None,
    settings: Mapping[str, Any],
) -> Array:
    """Return the loss; what is a JAX array, and may be traced, is handed on as a parameter."""
    given = {**parameters, **settings}
    arrays = {name: value for name, value in given.items() if isinstance(value, jax.Array)}
    numbers = {k: v for k, v in parameters.items() if k not in arrays}
    fixed = {k: v for k, v in settings.items() if k not in arrays}
    loss = Loss(link, family(**numbers), reduction="none", **fixed)
    with renamed(targets="labels", target="label"):
        return apply(loss, x, y, where=where, parameters=arrays)
