"""Keras 3, whose losses take probabilities unless from_logits=True: one entry for each."""

from typing import Any

from focalis.catalogue.entry import REQUIRED, Entry, Parameter
from focalis.catalogue.transforms import (
    ONLY_INDICES,
    ONLY_ROWS,
    ScoreTransform,
    held_inside,
    normalised_inside,
)
from focalis.maths.links import IDENTITY, SIGMOID, SIMPLEX, SOFTMAX, Link

_REDUCTIONS = {
    "sum_over_batch_size": "mean",
    "mean": "mean",
    "sum": "sum",
    None: "none",
    "none": "none",
}
REDUCTION = Parameter("reduction", "sum_over_batch_size", words=_REDUCTIONS)
SMOOTHING = Parameter("label_smoothing", 0.0)
WEIGHT = Parameter("sample_weight", note="an argument of the call")
GAMMA = Parameter("gamma", 2.0)
_FUZZ = 1e-7  # keras.config.epsilon()
_PROBABILITIES = "It takes probabilities unless from_logits=True, clipped to [1e-7, 1 − 1e-7]."
_ROWS = "The mean divides by the number of rows, whatever sample_weight is."
_OVER_CLASSES = (
    'Without a reduction, and with "sum", it still averages over the last axis (here it does not).'
)
_SIGMOID_FIRST = (
    "from_logits=True applies the sigmoid first. On JAX and PyTorch the logarithm is clipped to "
    "[1e-7, 1 − 1e-7]: beyond |logit| = 16 a wrong answer has almost no gradient. On TensorFlow, "
    "and here, it has one."
)
_SOFTMAX_FIRST = (
    "from_logits=True applies the softmax first, then the logarithm, clipped to "
    "[1e-7, 1 − 1e-7]: a margin below −16 has no gradient (here it has the right one)."
)


def _both(
    name: str, links: tuple[Link, Link], transform: ScoreTransform, switch: str = "", **rest: Any
) -> tuple[Entry, Entry]:
    """Return the entries of a class, for probabilities and for logits."""
    other = f"{switch}, " if switch else ""
    function = rest.pop("function")
    names = [(f"{name}({switch})" if switch else name), f"{name}({other}from_logits=True)"]
    also = (function, *rest.pop("metrics", ()))
    return (
        Entry(names[0], "Keras", links[0], scores=transform, also=also, **rest),
        Entry(names[1], "Keras", links[1], also=also, **rest),
    )


_BINARY = (IDENTITY, SIGMOID)
_ROWWISE = (SIMPLEX, SOFTMAX)

ENTRIES = (
    *_both(
        "keras.losses.BinaryCrossentropy",
        _BINARY,
        held_inside(_FUZZ),
        function="keras.losses.binary_crossentropy",
        metrics=("keras.metrics.BinaryCrossentropy", "keras.metrics.binary_crossentropy"),
        parameters=(SMOOTHING, REDUCTION, WEIGHT),
        pitfalls=(_PROBABILITIES, _OVER_CLASSES),
    ),
    *_both(
        "keras.losses.CategoricalCrossentropy",
        _ROWWISE,
        normalised_inside(_FUZZ),
        function="keras.losses.categorical_crossentropy",
        metrics=("keras.metrics.CategoricalCrossentropy", "keras.metrics.categorical_crossentropy"),
        targets=ONLY_ROWS,
        parameters=(SMOOTHING, REDUCTION, WEIGHT),
        denominator="rows",
        pitfalls=(_PROBABILITIES, _ROWS),
    ),
    *_both(
        "keras.losses.SparseCategoricalCrossentropy",
        _ROWWISE,
        normalised_inside(_FUZZ),
        function="keras.losses.sparse_categorical_crossentropy",
        metrics=(
            "keras.metrics.SparseCategoricalCrossentropy",
            "keras.metrics.sparse_categorical_crossentropy",
        ),
        targets=ONLY_INDICES,
        parameters=(Parameter("ignore_class", None, "ignore_index"), REDUCTION, WEIGHT),
        denominator="rows",
        pitfalls=(_PROBABILITIES, _ROWS),
    ),
    *_both(
        "keras.losses.BinaryFocalCrossentropy",
        _BINARY,
        held_inside(_FUZZ),
        margin_loss="focal",
        function="keras.losses.binary_focal_crossentropy",
        parameters=(GAMMA, SMOOTHING, REDUCTION, WEIGHT),
        pitfalls=(
            _PROBABILITIES,
            _SIGMOID_FIRST,
            "alpha=.25 has no effect unless apply_class_balancing=True.",
            "Soft targets, and so label smoothing, mix p_t; here they mean the expectation of "
            "the loss.",
            _OVER_CLASSES,
        ),
    ),
    *_both(
        "keras.losses.BinaryFocalCrossentropy",
        _BINARY,
        held_inside(_FUZZ),
        "apply_class_balancing=True",
        margin_loss="focal",
        function="keras.losses.binary_focal_crossentropy",
        parameters=(Parameter("alpha", 0.25, off=REQUIRED), GAMMA, SMOOTHING, REDUCTION, WEIGHT),
        pitfalls=(
            _PROBABILITIES,
            _SIGMOID_FIRST,
            "Soft targets, and so label smoothing, mix p_t; here they mean the expectation of "
            "the loss.",
            _OVER_CLASSES,
        ),
    ),
    *_both(
        "keras.losses.CategoricalFocalCrossentropy",
        _ROWWISE,
        normalised_inside(_FUZZ),
        margin_loss="focal",
        function="keras.losses.categorical_focal_crossentropy",
        targets=ONLY_ROWS,
        parameters=(Parameter("alpha", 0.25, off=1.0), GAMMA, SMOOTHING, REDUCTION, WEIGHT),
        denominator="rows",
        pitfalls=(
            _PROBABILITIES,
            _SOFTMAX_FIRST,
            "One α for all classes only scales the loss, by a quarter unless told otherwise.",
            _ROWS,
        ),
    ),
    Entry(
        "keras.losses.CategoricalGeneralizedCrossEntropy",
        "Keras",
        SIMPLEX,
        "generalized_cross_entropy",
        targets=ONLY_INDICES,
        parameters=(Parameter("q", 0.5, "kappa"), REDUCTION, WEIGHT),
        also=("keras.losses.categorical_generalized_cross_entropy",),
        denominator="rows",
        pitfalls=("It takes probabilities and has no from_logits.", _ROWS),
    ),
)
