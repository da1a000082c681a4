"""From the arguments of a loss of Keras to a call of the front end that computes it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.src.backend import get_keras_mask  # JAX lets nothing be attached to its arrays

from focalis import Loss
from focalis.functional._evaluation import renamed
from focalis.keras._backend import apply, replicas
from focalis.keras._targets import aligned, kept_of, read_targets, to_rows
from focalis.links import ELEMENTWISE, PROBABILITY

__all__ = ["FamilyLoss"]


class FamilyLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """A loss of the family as Keras' own are: what the named losses and `LossWrapper` share.

    Parameters
    ----------
    loss : Loss
        Link, margin loss and weights; its reduction plays no part.
    form : {"elementwise", "index", "dense", "any"}
        What the targets are: a number for each score, a class for each row, a number for each class of
        a row, or of these two what the shape tells.
    arguments : mapping
        The arguments of the constructor by name, its ``locals()``: among them `axis`, `ignore_class`,
        `reduction`, `name` and `dtype` as everywhere in `focalis.keras`. They are what the configuration
        holds.
    """

    def __init__(self, loss: Loss, form: str, arguments: Mapping[str, Any]) -> None:
        given = {n: v for n, v in arguments.items() if n not in ("self", "__class__")}
        super().__init__(**{name: given.pop(name) for name in ("name", "reduction", "dtype")})
        axis = given["axis"]
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise TypeError(f"axis must be an int, got {axis!r}")
        with renamed(ignore_index="ignore_class"):
            # The core knows what can be ignored.
            self._ignored = dataclasses.replace(
                loss, ignore_index=given["ignore_class"]
            ).ignore_index
        self._reduced = dataclasses.replace(loss, reduction="mean")
        self._unreduced = dataclasses.replace(loss, reduction="none")
        self._form, self._arguments = form, tuple(given)
        for argument, value in given.items():
            setattr(self, argument, _plain(value))

    @property
    def loss(self) -> Loss:
        """The `focalis.Loss` behind this one, for its `posterior` and `initial_logits` among others."""
        return self._reduced

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss.

        Parameters
        ----------
        y_true : array_like
            The targets.
        y_pred : array_like
            Logits or probabilities.
        sample_weight : array_like, optional
            Of each sample (batch,), or shaped like the losses of the samples. What has weight 0, or is
            masked, may hold anything.
        """
        mask = get_keras_mask(y_pred)
        with keras.name_scope(self.name):
            return self._evaluate(y_true, y_pred, sample_weight, mask, self.reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each sample: of yes/no questions the mean along `axis`."""
        return self._evaluate(y_true, y_pred, None, None, "none")

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal loss."""
        config: dict[str, Any] = super().get_config()
        return config | {name: getattr(self, name) for name in self._arguments}

    def _evaluate(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any, reduction: str | None
    ) -> Any:
        elementwise, single = self._reduced.link in ELEMENTWISE, False
        x = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        x, y = aligned(x, ops.convert_to_tensor(y_true), self._form, self.axis)
        if elementwise and len(x.shape) == 1:
            # A single sample, as Keras takes it.
            x, y = ops.expand_dims(x, 0), ops.expand_dims(y, 0)
            single = True
        axis = self.axis % len(x.shape)
        y = read_targets(y, x, self._form, axis)
        if self._reduced.link in PROBABILITY:
            x = _clipped(x)
        rows = tuple(n for i, n in enumerate(ops.shape(x)) if i != axis)
        weight = to_rows("sample_weight", sample_weight, rows, _wide(x))
        kept = to_rows("the mask of y_pred", mask, rows, "bool")
        counted = None if self._ignored is None else kept_of(y, x, self._ignored, self._form, axis)
        if counted is not None:
            kept = counted if kept is None else _beside(kept, counted, axis) & counted
        given = {"sample_weight": weight, "where": kept, "axis": axis}
        if reduction in (None, "none"):
            values = apply(self._unreduced, x, y, **given)
            if elementwise:
                # The mean of Keras takes float64 for float32 on torch.
                values = ops.sum(values, axis) / _count((ops.shape(x)[axis],), x)
            return ops.cast(values[0] if single else values, self.dtype)
        denominator = self._denominator(reduction, x, weight, kept, axis)
        value = apply(self._reduced, x, y, normalizer=denominator, **given)
        if reduction != "sum" and replicas() > 1:
            value = value / replicas()
        return ops.cast(value, self.dtype)

    def _denominator(self, reduction: str | None, x: Any, weight: Any, kept: Any, axis: int) -> Any:
        """Return what the sum of the losses is divided by: 1 where nothing is left to average."""
        shape = ops.shape(x)
        each = shape[axis] if self._reduced.link in ELEMENTWISE else 1
        if reduction == "sum":
            return _count((each,), x)
        if reduction == "mean_with_sample_weight" and weight is not None:
            if kept is not None:
                weight = ops.where(kept, _beside(weight, kept, axis), 0.0)
            counted = weight
        elif kept is not None:
            counted = ops.cast(kept, _wide(x))
        else:
            rows = tuple(n for i, n in enumerate(shape) if i != axis)
            total = _count((*rows, each), x)
            return max(total, 1.0) if isinstance(total, float) else ops.maximum(total, 1.0)
        total = ops.sum(counted)
        if len(counted.shape) < len(x.shape):
            total = total * _count((each,), x)
        return ops.where(total > 0, total, 1.0)


def _plain(setting: Any) -> Any:
    """Return a setting as a configuration can hold it."""
    if hasattr(setting, "__array__"):
        setting = np.asarray(setting).tolist()
    return list(setting) if isinstance(setting, tuple) else setting


def _wide(x: Any) -> str:
    """Return the type that scores of 16 bits are weighed in."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    return dtype if dtype == "float64" else "float32"


def _clipped(p: Any) -> Any:
    """Return probabilities held off 0 and 1, as Keras does; 16 bits have no room for its ε."""
    epsilon = keras.config.epsilon()
    return ops.clip(ops.cast(p, _wide(p)), epsilon, 1.0 - epsilon)


def _beside(a: Any, like: Any, axis: int) -> Any:
    """Give per-row numbers a class axis when they meet per-element ones."""
    return ops.expand_dims(a, axis) if len(a.shape) < len(like.shape) else a


def _count(lengths: tuple[Any, ...], x: Any) -> Any:
    """Return a product of lengths, as a float or, where one is not known yet, as a tensor."""
    total: Any = 1.0
    for n in lengths:
        total = total * (n if isinstance(n, int) else ops.cast(n, _wide(x)))
    return total
