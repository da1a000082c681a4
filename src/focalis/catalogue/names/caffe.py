"""Caffe 1.0, and this library's Python layers for it."""

from focalis.catalogue.entry import REQUIRED, Entry, Parameter
from focalis.catalogue.transforms import INFOGAIN, ONLY_INDICES, held_above
from focalis.maths.links import SIGMOID, SIMPLEX, SOFTMAX

IGNORE = Parameter("ignore_label", None, "ignore_index")
_MODES = {"VALID": "mean", "BATCH_SIZE": "batchmean", "NONE": "sum"}
_LABELS = "Labels are a blob of floats, which Caffe casts to integers."
_INFOGAIN = Parameter(
    "infogain", REQUIRED, note="the matrix H (C, C), from a file or the third bottom"
)

ENTRIES = (
    Entry(
        "Caffe.MultinomialLogisticLoss",
        "Caffe",
        SIMPLEX,
        targets=ONLY_INDICES,
        scores=held_above(1e-20),
        fixed={"reduction": "batchmean"},
        pitfalls=(
            "It takes probabilities: put a Softmax layer before it, or use SoftmaxWithLoss, "
            "which is stable.",
            _LABELS,
        ),
    ),
    Entry(
        "Caffe.SoftmaxWithLoss",
        "Caffe",
        SOFTMAX,
        targets=ONLY_INDICES,
        parameters=(
            IGNORE,
            Parameter(
                "normalization",
                "VALID",
                "reduction",
                _MODES,
                "its fourth mode, FULL, has no equivalent",
            ),
        ),
        also=("SoftmaxLoss", "SOFTMAX_LOSS"),
        pitfalls=(
            "The class axis is 1, so that (N, C, H, W) averages over N × H × W pixels that are "
            "not ignored.",
            _LABELS,
        ),
    ),
    Entry(
        "Caffe.SigmoidCrossEntropyLoss",
        "Caffe",
        SIGMOID,
        parameters=(IGNORE, Parameter("normalization", "BATCH_SIZE", "reduction", _MODES)),
        pitfalls=("It divides by the number of rows, not of elements: C times PyTorch's value.",),
    ),
    Entry(
        "Caffe.InfogainLoss",
        "Caffe",
        SOFTMAX,
        targets=INFOGAIN,
        parameters=(_INFOGAIN,),
        pitfalls=(
            "Since 1.0 it applies the softmax itself; before, it took probabilities.",
            "If H is the identity matrix it is SoftmaxWithLoss. The rows of H need not sum to 1.",
            "Its mean divides by the number of rows, whatever H.",
        ),
    ),
    Entry(
        "Caffe.InfogainLoss(before 1.0)",
        "Caffe",
        SIMPLEX,
        scores=held_above(1e-20),
        targets=INFOGAIN,
        parameters=(_INFOGAIN,),
        fixed={"reduction": "batchmean"},
        pitfalls=(
            "It takes probabilities; since 1.0 it takes scores and applies the softmax itself.",
        ),
    ),
    Entry(
        "focalis.caffe.SigmoidFocalLossLayer",
        "Caffe",
        SIGMOID,
        "focal",
        parameters=(
            Parameter("gamma", 2.0),
            Parameter("alpha"),
            Parameter("class_balances", None, "class_weight"),
        ),
        fixed={"reduction": "batchmean"},
        pitfalls=(
            "Widely copied layers count every non-zero label as a positive; here a label in (0, 1) "
            "is soft.",
        ),
    ),
    Entry(
        "focalis.caffe.MultiLabelSoftmaxLossLayer",
        "Caffe",
        SOFTMAX,
        parameters=(Parameter("class_balances", None, "class_weight"),),
        fixed={"positives": "mean", "reduction": "batchmean"},
        tasks=("multi-label",),
        pitfalls=(
            "In widely copied layers the backward pass is the gradient of the forward pass only for "
            "labels of 0 and 1, and divides by 0 in rows without positives.",
        ),
    ),
)
