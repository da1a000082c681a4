"""Python layers for Caffe: the sigmoid focal loss and the 1/M multi-label softmax loss.

They follow pycaffe's protocol. In a prototxt::

    layer {
      type: "Python" name: "loss" bottom: "scores" bottom: "labels" top: "loss"
      python_param {
        module: "focalis.caffe" layer: "SigmoidFocalLossLayer"
        param_str: "{'gamma': 2, 'alpha': .25}"
      }
      loss_weight: 1
    }

``loss_weight`` tells Caffe that a Python layer is a loss, and multiplies the gradient. The first bottom
holds scores (N, C, …), the second labels of the same shape; the loss is summed over every axis but the
first and divided by N.

Caffe accepts only Python layers that derive from ``caffe.Layer``. Where a module ``caffe`` is installed,
it is imported with this module and these layers derive from it; elsewhere they derive from a class with
the same constructor, and run on any blobs that have pycaffe's attributes.
"""

import ast
import importlib.util
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from focalis import margin
from focalis.loss import Loss

__all__ = ["MultiLabelSoftmaxLossLayer", "SigmoidFocalLossLayer"]

Array = np.ndarray


class _Layer:
    """Stands in for caffe.Layer where Caffe is not installed."""

    def __init__(self, layer_parameter: Any) -> None:
        """Accept the layer's parameters, as caffe.Layer does; Caffe sets `param_str` afterwards."""


def _base() -> Any:
    if importlib.util.find_spec("caffe") is None:
        return _Layer
    import caffe

    if not hasattr(caffe, "Layer"):
        raise ImportError(
            f"the module caffe in {caffe.__path__} has no Layer: "
            "expected pycaffe, built WITH_PYTHON_LAYER"
        )
    return caffe.Layer


class _LossLayer(_base()):  # type: ignore[misc]  # the base is known only at run time
    """The protocol, which both layers share; a subclass chooses the loss."""

    parameters: tuple[str, ...] = ()
    param_str: str = ""

    @abstractmethod  # documentation only: caffe.Layer's metaclass does not enforce it
    def make_loss(self, **settings: Any) -> Loss:
        """Return the loss for these settings, read from `param_str`."""

    def setup(self, bottom: Sequence[Any], top: Sequence[Any]) -> None:
        """Read `param_str` and check the number of blobs."""
        if len(bottom) != 2 or len(top) != 1:
            raise ValueError(
                f"{type(self).__name__} takes two bottoms, scores and labels, and one top, "
                f"got {len(bottom)} and {len(top)}"
            )
        self.settings = _read(self.param_str, self.parameters)

    def reshape(self, bottom: Sequence[Any], top: Sequence[Any]) -> None:
        """Check the shapes, which may change between batches, and shape the top."""
        scores, labels = tuple(bottom[0].data.shape), tuple(bottom[1].data.shape)
        if len(scores) < 2:
            raise ValueError(f"scores must have a class axis (N, C, …), got shape {scores}")
        if scores != labels:
            raise ValueError(f"labels must have the shape of the scores {scores}, got {labels}")
        settings = dict(self.settings)
        balances = settings.pop("class_balances", None)
        self.loss = self.make_loss(class_weight=_balances(balances, scores[1]), **settings)
        top[0].reshape(1)

    def forward(self, bottom: Sequence[Any], top: Sequence[Any]) -> None:
        """Compute the loss, and its gradient in the same pass."""
        scores, labels = (np.moveaxis(blob.data, 1, -1) for blob in bottom)
        # With no rows the loss is 0, so do not divide by N.
        value, gradient = self.loss.value_and_grad(scores, labels, normalizer=len(scores) or None)
        self.gradient = np.moveaxis(gradient, -1, 1)
        top[0].data[...] = value

    def backward(
        self, top: Sequence[Any], propagate_down: Sequence[bool], bottom: Sequence[Any]
    ) -> None:
        """Write the gradient times the loss weight, which Caffe puts into the top's diff."""
        if propagate_down[1]:
            raise ValueError(f"{type(self).__name__} has no gradient for labels")
        if propagate_down[0]:
            bottom[0].diff[...] = self.gradient * top[0].diff.reshape(-1)[0]


class SigmoidFocalLossLayer(_LossLayer):
    """Focal loss of sigmoids, −α_t (1 − p_t)^γ log p_t, summed over classes and averaged over N.

    Labels are 0, 1 or anything between: a label y counts as y times the loss of a positive plus 1 − y
    times the loss of a negative.

    The layer's ``param_str`` is a dict of ``gamma`` (default 2, also accepted as
    ``focusing_parameter``), ``alpha`` (off by default), ``class_balances`` (C numbers, or a dict from
    "1" to "C"), which weights positives and negatives alike, and ``ignore_label`` (none by default).

    Raises
    ------
    ValueError, TypeError
        In `setup` if ``param_str`` is anything else; in `reshape` and `forward` if the blobs do not fit.

    Examples
    --------
    >>> from types import SimpleNamespace as Blob
    >>> import numpy as np
    >>> layer = SigmoidFocalLossLayer(None)
    >>> layer.param_str = "{'gamma': 2, 'alpha': .25}"
    >>> scores = Blob(data=np.array([[2.0, -1.0]]), diff=np.zeros((1, 2)))
    >>> labels = Blob(data=np.array([[1.0, 0.0]]))
    >>> top = Blob(data=np.zeros(1), diff=np.ones(1), reshape=lambda *shape: None)
    >>> layer.setup([scores, labels], [top])
    >>> layer.reshape([scores, labels], [top])
    >>> layer.forward([scores, labels], [top])
    >>> layer.backward([top], [True, False], [scores, labels])
    >>> top.data.round(4), scores.diff.round(4)
    (array([0.0174]), array([[-0.0012,  0.0394]]))
    """

    parameters = ("gamma", "focusing_parameter", "alpha", "class_balances", "ignore_label")

    def make_loss(self, class_weight: Any = None, **settings: Any) -> Loss:
        """Return the loss for these settings, read from `param_str`."""
        if {"gamma", "focusing_parameter"} <= set(settings):
            raise ValueError("param_str must have gamma or focusing_parameter, got both")
        gamma = settings.get("gamma", settings.get("focusing_parameter", 2.0))
        return Loss(
            "sigmoid",
            margin.focal(gamma=gamma),
            alpha=settings.get("alpha"),
            class_weight=class_weight,
            ignore_index=settings.get("ignore_label"),
            reduction="batchmean",
        )


class MultiLabelSoftmaxLossLayer(_LossLayer):
    """Multi-label softmax cross-entropy, −Σ_k (y_k / M) log p_k, averaged over N.

    M is the number of positive labels in a row. Labels may be any non-negative numbers, and the gradient
    is exact for all of them; the loss of a row without positives is 0.

    The layer's ``param_str`` is a dict of ``class_balances`` (C numbers, or a dict from "1" to "C"), or
    empty.

    Raises
    ------
    ValueError, TypeError
        In `setup` if ``param_str`` is anything else; in `reshape` and `forward` if the blobs do not fit.

    Examples
    --------
    >>> from types import SimpleNamespace as Blob
    >>> import numpy as np
    >>> layer = MultiLabelSoftmaxLossLayer(None)
    >>> scores = Blob(data=np.array([[0.3, -1.0, 0.8]]), diff=np.zeros((1, 3)))
    >>> labels = Blob(data=np.array([[0.5, 0.0, 2.0]]))
    >>> top = Blob(data=np.zeros(1), diff=np.ones(1), reshape=lambda *shape: None)
    >>> layer.setup([scores, labels], [top])
    >>> layer.reshape([scores, labels], [top])
    >>> layer.forward([scores, labels], [top])
    >>> layer.backward([top], [True, False], [scores, labels])
    >>> scores.diff.round(3)
    array([[ 0.178,  0.117, -0.295]])
    """

    parameters = ("class_balances",)

    def make_loss(self, class_weight: Any = None, **settings: Any) -> Loss:
        """Return the loss for these settings, read from `param_str`."""
        return Loss(
            "softmax",
            margin.cross_entropy(),
            class_weight=class_weight,
            positives="mean",
            reduction="batchmean",
        )


def _read(text: str, known: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings in a `param_str`, a Python dict literal, without evaluating code."""
    try:
        settings = ast.literal_eval(text.strip() or "{}")
    except (SyntaxError, TypeError, ValueError):  # TypeError: an unhashable key, such as a list
        settings = None
    if not isinstance(settings, dict):
        raise ValueError(f"param_str must be a dict such as \"{{'{known[0]}': …}}\", got {text!r}")
    for name in settings:
        if name not in known:
            raise ValueError(f"param_str may have {', '.join(known)}, got {name!r}")
    for name in ("gamma", "focusing_parameter", "alpha", "ignore_label"):
        value = settings.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise TypeError(f"{name} in param_str must be a number, got {value!r}")
    return settings


def _balances(balances: Any, n_classes: int) -> Any:
    """Return the class weights, which may be keyed by class number, counting from 1."""
    if isinstance(balances, Mapping):
        by_number = {str(key): value for key, value in balances.items()}
        numbers = [str(k) for k in range(1, n_classes + 1)]
        if sorted(by_number) != sorted(numbers):
            raise ValueError(
                f"class_balances must name each class from 1 to {n_classes}, got {', '.join(by_number)}"
            )
        balances = [by_number[number] for number in numbers]
    if balances is None:
        return None
    try:
        weights = np.asarray(balances, np.float64)
        fits = weights.shape == (n_classes,) and bool(((weights >= 0) & (weights < np.inf)).all())
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"class_balances must be {n_classes} finite numbers from 0 up, one per class, "
            f"got {balances!r}"
        )
    return balances
