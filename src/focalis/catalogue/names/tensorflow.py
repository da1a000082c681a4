"""TensorFlow: tf.nn, the losses of TensorFlow 1 in tf.compat.v1.losses, one from TensorFlow Addons."""

from typing import Any

from focalis.catalogue.entry import Entry, Parameter
from focalis.catalogue.transforms import ONLY_INDICES, ONLY_ROWS, held_inside
from focalis.maths.links import IDENTITY, SIGMOID, SOFTMAX

_REDUCTIONS = {
    "weighted_sum_by_nonzero_weights": "mean",
    "weighted_sum": "sum",
    "none": "none",
    "weighted_sum_over_batch_size": "mean",
}
REDUCTION = Parameter("reduction", "weighted_sum_by_nonzero_weights", words=_REDUCTIONS)
SMOOTHING = Parameter("label_smoothing", 0.0)
_V2 = (
    "In TensorFlow 2 tf.losses is Keras's module, which has other names; this one is "
    "tf.compat.v1.losses."
)
_WEIGHTS = (
    "weights multiply the losses, and the mean divides by the number of those that are not 0."
)
_NO_REDUCTION = "It takes keyword arguments, labels first, and returns one number for each"
_ADDON: dict[str, Any] = {
    "margin_loss": "focal",
    "parameters": (
        Parameter("alpha", 0.25),
        Parameter("gamma", 2.0),
        Parameter(
            "reduction",
            "none",
            words={"none": "none", "sum": "sum", "sum_over_batch_size": "batchmean"},
        ),
    ),
    "also": ("tfa.losses.sigmoid_focal_crossentropy",),
    "pitfalls": (
        "It takes probabilities unless from_logits=True.",
        "It sums over the last axis, even without a reduction (here it does not).",
        "Soft targets mix p_t; here they mean the expectation of the loss.",
        "TensorFlow Addons is no longer maintained.",
    ),
}

ENTRIES = (
    Entry(
        "tfa.losses.SigmoidFocalCrossEntropy",
        "TensorFlow Addons",
        IDENTITY,
        scores=held_inside(1e-7),
        **_ADDON,
    ),
    Entry(
        "tfa.losses.SigmoidFocalCrossEntropy(from_logits=True)",
        "TensorFlow Addons",
        SIGMOID,
        **_ADDON,
    ),
    Entry(
        "tf.losses.log_loss",
        "TensorFlow",
        IDENTITY,
        parameters=(REDUCTION,),
        also=("tf.compat.v1.losses.log_loss",),
        pitfalls=(
            "It takes probabilities, and adds 1e-7 to p_t inside the logarithm (here nothing is "
            "added), so a certain and right answer costs −1e-7.",
            _WEIGHTS,
            _V2,
        ),
    ),
    Entry(
        "tf.losses.softmax_cross_entropy",
        "TensorFlow",
        SOFTMAX,
        targets=ONLY_ROWS,
        parameters=(SMOOTHING, REDUCTION),
        also=("tf.compat.v1.losses.softmax_cross_entropy",),
        pitfalls=(_WEIGHTS, _V2),
    ),
    Entry(
        "tf.losses.sparse_softmax_cross_entropy",
        "TensorFlow",
        SOFTMAX,
        targets=ONLY_INDICES,
        parameters=(REDUCTION,),
        also=("tf.compat.v1.losses.sparse_softmax_cross_entropy",),
        pitfalls=(_WEIGHTS, _V2),
    ),
    Entry(
        "tf.losses.sigmoid_cross_entropy",
        "TensorFlow",
        SIGMOID,
        parameters=(SMOOTHING, REDUCTION),
        also=("tf.compat.v1.losses.sigmoid_cross_entropy",),
        pitfalls=(_WEIGHTS, _V2),
    ),
    Entry(
        "tf.nn.sigmoid_cross_entropy_with_logits",
        "TensorFlow",
        SIGMOID,
        fixed={"reduction": "none"},
        pitfalls=(f"{_NO_REDUCTION} element.",),
    ),
    Entry(
        "tf.nn.weighted_cross_entropy_with_logits",
        "TensorFlow",
        SIGMOID,
        parameters=(Parameter("pos_weight", 1.0),),
        fixed={"reduction": "none"},
        pitfalls=(
            "It has a sigmoid, although the name does not say so.",
            f"{_NO_REDUCTION} element.",
        ),
    ),
    Entry(
        "tf.nn.softmax_cross_entropy_with_logits",
        "TensorFlow",
        SOFTMAX,
        targets=ONLY_ROWS,
        fixed={"reduction": "none"},
        also=("tf.compat.v1.nn.softmax_cross_entropy_with_logits_v2",),
        pitfalls=(
            f"{_NO_REDUCTION} row.",
            "Targets are a distribution for each row: if a row sums to s, not to 1, the gradient is "
            "still p − y, not s p − y. Here it is the derivative of the value.",
        ),
    ),
    Entry(
        "tf.nn.sparse_softmax_cross_entropy_with_logits",
        "TensorFlow",
        SOFTMAX,
        targets=ONLY_INDICES,
        fixed={"reduction": "none"},
        pitfalls=(
            f"{_NO_REDUCTION} row.",
            "A class out of range is an error on a CPU and NaN on a GPU.",
        ),
    ),
)
