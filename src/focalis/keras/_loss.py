"""From the arguments of a Keras loss to a call of the front end that computes it."""

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.src.backend import get_keras_mask  # JAX lets nothing be attached to its arrays

from focalis import Loss
from focalis.errors import ArgumentError, ArgumentTypeError, renamed
from focalis.frontend.numbers import check_numbers
from focalis.inputs.arguments import Arguments
from focalis.keras._backend import apply, logits_behind, numbers_of, replicas
from focalis.keras._probabilities import Reading, held, wide
from focalis.keras._targets import aligned, kept_of, read_targets, to_rows


class FamilyLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras has no types
    """A loss of the family as a Keras loss: what the named losses and `LossWrapper` share.

    The reduction of `loss` is not used. `form` says what the targets are: a number for each score
    ("elementwise"), a class for each row ("index"), a number for each class of a row ("dense"), or
    whichever of the last two fits their shape ("any"). `arguments` are those of the constructor by
    name, its ``locals()``; they make up the configuration. `reading` is how probabilities are read,
    `activation` the one behind which Keras looks for logits, if its backend knows them.
    """

    def __init__(
        self,
        loss: Loss,
        form: str,
        arguments: Mapping[str, Any],
        *,
        reading: Reading = held,
        activation: str | None = None,
    ) -> None:
        options = {n: v for n, v in arguments.items() if n not in ("self", "__class__")}
        super().__init__(**{name: options.pop(name) for name in ("name", "reduction", "dtype")})
        axis = options["axis"]
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ArgumentTypeError("axis", "an int", repr(axis))
        with renamed(ignore_index="ignore_class"):
            # The core checks the value.
            self._ignored = dataclasses.replace(
                loss, ignore_index=options["ignore_class"]
            ).ignore_index
        self._loss = dataclasses.replace(loss, reduction="mean")
        self._classes = _mask(options["class_where"])
        self._form, self._reading, self._activation = form, reading, activation
        self._arguments = tuple(options)
        for argument, value in options.items():
            setattr(self, argument, _plain(value))

    @property
    def loss(self) -> Loss:
        """The `focalis.Loss` behind this one, for example for its `posterior` and `initial_logits`.

        If `class_weight` is a mapping, it has the factors up to the last class that is named.
        """
        return self._loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss.

        Parameters
        ----------
        y_true : array_like
            The targets.
        y_pred : array_like
            Logits or probabilities.
        sample_weight : array_like, optional
            Of the shape of the samples' losses, or one that broadcasts to it from the last axis, as in
            Keras. Samples that are masked or of weight 0 may hold anything.
        """
        mask = get_keras_mask(y_pred)
        with keras.name_scope(self.name):
            return self._evaluate(y_true, y_pred, sample_weight, mask, self.reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each sample: for yes/no questions, the mean along `axis`."""
        return self._evaluate(y_true, y_pred, None, None, "none")

    def get_config(self) -> dict[str, Any]:
        """Return the configuration from which an equal loss can be made."""
        config: dict[str, Any] = super().get_config()
        return config | {name: getattr(self, name) for name in self._arguments}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Return the loss of a configuration, in which JSON may have turned classes into text."""
        by_class = config.get("class_weight")
        if isinstance(by_class, Mapping):
            config = {**config, "class_weight": {int(k): w for k, w in by_class.items()}}
        return cls(**config)

    def _evaluate(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any, reduction: str | None
    ) -> Any:
        loss, single = self._loss, False
        x = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        logits = logits_behind(x, self._activation)
        if logits is not None:
            self._check_kind(not loss.link.on_probabilities)
            loss = dataclasses.replace(loss, link=loss.link.of_logits)
            x = logits
        elementwise = loss.link.elementwise
        x, y = aligned(x, ops.convert_to_tensor(y_true), self._form, self.axis)
        if elementwise and len(x.shape) == 1:
            # Keras takes this as a single sample.
            x, y = ops.expand_dims(x, 0), ops.expand_dims(y, 0)
            single = True
        axis = self.axis % len(x.shape)
        loss = self._for_classes(loss, x, axis)
        rows = tuple(n for i, n in enumerate(ops.shape(x)) if i != axis)
        weight = to_rows("sample_weight", sample_weight, rows, wide(x))
        kept = to_rows("the mask of y_pred", mask, rows, "bool")
        labels, y = y, read_targets(y, x)
        counted = None if self._ignored is None else kept_of(y, x, self._ignored, self._form, axis)
        classes = None if self._classes is None else _along(self._classes, x, axis)
        if classes is not None and elementwise:
            counted = classes if counted is None else counted & classes
        if counted is not None:
            kept = counted if kept is None else _beside(kept, counted, axis) & counted
        if len(y.shape) < len(x.shape) and keras.backend.is_float_dtype(labels.dtype):
            _check_labels(loss, labels, x, axis, weight, kept)
        options = {"sample_weight": weight, "where": kept, "axis": axis}
        if classes is not None and not elementwise:
            options["class_where"] = classes
            x = ops.where(classes, x, ops.zeros_like(x))
        if loss.link.on_probabilities:
            x = self._reading(x if elementwise else _harmless(x, weight, kept, axis), y, axis)
        if reduction in (None, "none"):
            loss = dataclasses.replace(loss, reduction="none")
            values = apply(loss, x, y, **options)
            if elementwise:
                # Not Keras' mean, which returns float64 for float32 on torch.
                values = ops.sum(values, axis) / _count((ops.shape(x)[axis],), x)
            return ops.cast(values[0] if single else values, self.dtype)
        denominator = self._denominator(reduction, x, weight, kept, axis)
        value = apply(loss, x, y, normalizer=denominator, **options)
        if reduction != "sum" and replicas() > 1:
            value = value / replicas()
        return ops.cast(value, self.dtype)

    def _check_kind(self, from_logits: bool) -> None:
        """Warn, as Keras does, about probabilities that are passed as logits."""
        if from_logits:
            warnings.warn(
                f"{self.name} received from_logits=True, but y_pred was produced by a "
                f"{self._activation} activation: its logits are used. Was this intended?",
                stacklevel=4,
            )

    def _for_classes(self, loss: Loss, x: Any, axis: int) -> Loss:
        """Return the loss for as many classes as y_pred has."""
        classes = x.shape[axis]
        if self._form == "dense" and classes == 1:
            warnings.warn(
                f"In loss {self.name}, expected y_pred.shape to be (batch_size, num_classes) with "
                f"num_classes > 1. Received: y_pred.shape={tuple(x.shape)}. Consider using "
                "'binary_crossentropy' if you only have 2 classes.",
                SyntaxWarning,
                stacklevel=4,
            )
        by_class = getattr(self, "class_weight", None)
        if not isinstance(by_class, dict):
            return loss
        if classes is None:
            expected = "a sequence, since the number of classes is not known yet"
            got = f"{by_class} with y_pred of shape {tuple(x.shape)}"
            raise ArgumentError("class_weight", expected, got)
        if max(by_class) >= classes:
            expected = f"classes in [0, {classes}), those of y_pred"
            raise ArgumentError("class_weight", expected, by_class, must="name")
        return dataclasses.replace(loss, class_weight=factors(by_class, classes))

    def _denominator(self, reduction: str | None, x: Any, weight: Any, kept: Any, axis: int) -> Any:
        """Return the number that the sum of the losses is divided by: 1 if nothing counts."""
        shape = ops.shape(x)
        each = shape[axis] if self._loss.link.elementwise else 1
        if reduction == "sum":
            return _count((each,), x)
        if reduction == "mean_with_sample_weight" and weight is not None:
            if kept is not None:
                weight = ops.where(kept, _beside(weight, kept, axis), 0.0)
            counted = weight
        elif kept is not None:
            counted = ops.cast(kept, wide(x))
        else:
            rows = tuple(n for i, n in enumerate(shape) if i != axis)
            total = _count((*rows, each), x)
            return max(total, 1.0) if isinstance(total, float) else ops.maximum(total, 1.0)
        total = ops.sum(counted)
        if len(counted.shape) < len(x.shape):
            total = total * _count((each,), x)
        return ops.where(total > 0, total, 1.0)


def factors(by_class: Mapping[int, float], classes: int | None = None) -> tuple[float, ...]:
    """Return a factor for each class, 1 for classes that the mapping does not name."""
    last = max(by_class) + 1
    return tuple(by_class.get(i, 1.0) for i in range(last if classes is None else classes))


def _mask(classes: Any) -> Any:
    """Return a mask of classes as an array, or None if there is none; raise for an invalid one."""
    if classes is None:
        return None
    mask = np.asarray(classes)
    if mask.dtype != np.bool_:
        raise TypeError(f"class_where must be boolean, True where a class exists, got {classes!r}")
    if mask.ndim != 1 or not mask.any():
        raise ValueError(
            "class_where must have one truth value for each class, and keep at least one, "
            f"got {classes!r}"
        )
    return mask


def _along(mask: Any, x: Any, axis: int) -> Any:
    """Return a mask of classes in the shape of the scores."""
    if x.shape[axis] not in (None, len(mask)):
        raise ValueError(
            f"class_where must have one truth value for each of the {x.shape[axis]} classes of y_pred, "
            f"got {len(mask)}"
        )
    shape = [1] * len(x.shape)
    shape[axis] = len(mask)
    return ops.broadcast_to(ops.convert_to_tensor(mask.reshape(shape)), ops.shape(x))


def _plain(setting: Any) -> Any:
    """Return a setting in a form that a configuration can hold."""
    if hasattr(setting, "__array__"):
        setting = np.asarray(setting).tolist()
    if isinstance(setting, Mapping):
        return {int(k): float(w) for k, w in setting.items()}
    return list(setting) if isinstance(setting, tuple) else setting


def _check_labels(loss: Loss, y: Any, x: Any, axis: int, weight: Any, kept: Any) -> None:
    """Raise for a label such as 1.5, which could not be reported once it is cast to an integer."""
    tensors = (y, weight, kept)
    read = [None if tensor is None else numbers_of(tensor) for tensor in tensors]
    if all(
        found is not None or tensor is None for found, tensor in zip(read, tensors, strict=True)
    ):
        with renamed(targets="y_true"):
            check_numbers(loss, tuple(x.shape), axis, Arguments(None, *read))


def _harmless(p: Any, weight: Any, kept: Any, axis: int) -> Any:
    """Return probabilities with ones in rows that do not count, so that every row can be divided."""
    counts = kept
    if weight is not None:
        counts = weight != 0 if kept is None else kept & (weight != 0)
    return p if counts is None else ops.where(ops.expand_dims(counts, axis), p, ops.ones_like(p))


def _beside(a: Any, like: Any, axis: int) -> Any:
    """Give per-row numbers a class axis when they meet per-element ones."""
    return ops.expand_dims(a, axis) if len(a.shape) < len(like.shape) else a


def _count(lengths: tuple[Any, ...], x: Any) -> Any:
    """Return a product of lengths: a float, or a tensor if one of them is not known yet."""
    total: Any = 1.0
    for n in lengths:
        total = total * (n if isinstance(n, int) else ops.cast(n, wide(x)))
    return total
