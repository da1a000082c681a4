"""MONAI, kornia, Segmentation Models PyTorch and MMDetection."""

from focalis.catalogue.entry import REQUIRED, Entry, Parameter
from focalis.catalogue.transforms import (
    CLASS_INDICES,
    CLASS_INDICES_WITH_BACKGROUND,
    ONLY_INDICES,
    ONLY_ROWS,
)
from focalis.maths.links import SIGMOID, SOFTMAX

MEAN, NONE = Parameter("reduction", "mean"), Parameter("reduction", "none")
GAMMA = Parameter("gamma", 2.0)
WEIGHT = Parameter("weight", None, "class_weight")
_FOREGROUND = "weights class 0 by 1 − α and every other class by α"
_AXIS = "The class axis is dimension 1."
_OF_ALL = "The mean divides by the number of scores, C times the number of rows."
_IGNORED_COUNT = "Ignored elements count in the mean."
_ROWS = {"mean": "batchmean", "sum": "sum", "none": "none"}
_FACTOR = Parameter("loss_weight", 1.0, "factor")
_AVG_FACTOR = Parameter("avg_factor", None, "normalizer", note="an argument of the call")
_ROW_WEIGHT = Parameter("weight", None, "sample_weight", note="an argument of the call")

ENTRIES = (
    Entry(
        "monai.losses.FocalLoss",
        "MONAI",
        SIGMOID,
        "focal",
        parameters=(GAMMA, Parameter("alpha", None, "alpha_or_pos_weight"), WEIGHT, MEAN),
        also=("monai.losses.focal_loss.FocalLoss",),
        pitfalls=(
            _AXIS,
            'reduction="sum" averages over the spatial axes first. For (N, C), which has none, '
            "it is the mean.",
            "A single α weights a no by 1 − α; one per class leaves a no alone (pos_weight here).",
            "Targets are one-hot unless to_onehot_y=True; include_background=False drops class 0.",
        ),
    ),
    Entry(
        "monai.losses.FocalLoss(use_softmax=True)",
        "MONAI",
        SOFTMAX,
        "focal",
        targets=ONLY_ROWS,
        parameters=(
            GAMMA,
            Parameter("alpha", None, "foreground_alpha", note=_FOREGROUND),
            WEIGHT,
            MEAN,
        ),
        also=("monai.losses.focal_loss.FocalLoss",),
        denominator="elements",
        pitfalls=(
            _AXIS,
            _OF_ALL,
            "α does not mean the same as with the sigmoid: class 0 is background.",
        ),
    ),
    Entry(
        "kornia.losses.focal_loss",
        "kornia",
        SOFTMAX,
        "focal",
        targets=ONLY_INDICES,
        parameters=(
            Parameter("alpha", REQUIRED, "foreground_alpha", note=_FOREGROUND),
            GAMMA,
            NONE,
            WEIGHT,
            Parameter("ignore_index", -100),
        ),
        also=("kornia.losses.FocalLoss",),
        denominator="elements",
        pitfalls=(
            _AXIS,
            _OF_ALL,
            _IGNORED_COUNT,
            "Without a reduction it returns C numbers for each row, all but one of them 0.",
        ),
    ),
    Entry(
        "kornia.losses.binary_focal_loss_with_logits",
        "kornia",
        SIGMOID,
        "focal",
        parameters=(
            Parameter("alpha", 0.25),
            GAMMA,
            NONE,
            WEIGHT,
        ),
        also=("kornia.losses.BinaryFocalLossWithLogits",),
        pitfalls=(
            "It has both α and pos_weight; together they multiply, while a focalis.Loss takes only "
            "one of them.",
            _IGNORED_COUNT,
        ),
    ),
    Entry(
        'segmentation_models_pytorch.losses.FocalLoss(mode="binary")',
        "Segmentation Models PyTorch",
        SIGMOID,
        "focal",
        parameters=(Parameter("alpha"), GAMMA, MEAN, Parameter("ignore_index")),
        tasks=("binary", "multi-label"),
        also=(
            "smp.losses.FocalLoss",
            'segmentation_models_pytorch.losses.FocalLoss(mode="multilabel")',
        ),
        pitfalls=(
            "normalized=True divides by the sum of (1 − p_t)^γ, and reduced_threshold cuts that "
            "factor off: both give other losses.",
        ),
    ),
    Entry(
        'segmentation_models_pytorch.losses.FocalLoss(mode="multiclass")',
        "Segmentation Models PyTorch",
        SIGMOID,
        "focal",
        targets=CLASS_INDICES,
        parameters=(Parameter("alpha"), GAMMA),
        tasks=("multi-class",),
        also=("smp.losses.FocalLoss",),
        pitfalls=(
            "No softmax: each class against the rest, by a sigmoid, averaged over rows and "
            "classes.",
            _AXIS,
        ),
    ),
    Entry(
        "mmdet.models.losses.FocalLoss",
        "MMDetection",
        SIGMOID,
        "focal",
        targets=CLASS_INDICES_WITH_BACKGROUND,
        parameters=(GAMMA, Parameter("alpha", 0.25, off=REQUIRED), MEAN, _FACTOR, _AVG_FACTOR),
        tasks=("multi-label",),
        also=("mmseg.models.losses.FocalLoss", "mmcv.ops.sigmoid_focal_loss"),
        pitfalls=(
            "It has only the sigmoid: use_sigmoid=False is an error. The class index C of C "
            "classes is background.",
            "mmseg's has α = .5 by default.",
        ),
    ),
    Entry(
        "mmdet.models.losses.py_sigmoid_focal_loss",
        "MMDetection",
        SIGMOID,
        "focal",
        parameters=(GAMMA, Parameter("alpha", 0.25, off=REQUIRED), MEAN, _AVG_FACTOR),
        also=("mmdet.models.losses.focal_loss.py_sigmoid_focal_loss",),
        pitfalls=("Soft targets mix p_t and α_t; here they mean the expectation of the loss.",),
    ),
    Entry(
        "mmdet.models.losses.CrossEntropyLoss",
        "MMDetection",
        SOFTMAX,
        targets=ONLY_INDICES,
        parameters=(
            Parameter("reduction", "mean", words=_ROWS),
            Parameter("class_weight"),
            Parameter("ignore_index", -100),
            _FACTOR,
            _ROW_WEIGHT,
            _AVG_FACTOR,
        ),
        also=("mmseg.models.losses.CrossEntropyLoss",),
        pitfalls=(
            "The mean divides by the number of rows: not by the weights, as PyTorch's does, nor, "
            "unless avg_non_ignore=True, by the number that is not ignored.",
        ),
    ),
    Entry(
        "mmdet.models.losses.CrossEntropyLoss(use_sigmoid=True)",
        "MMDetection",
        SIGMOID,
        targets=CLASS_INDICES_WITH_BACKGROUND,
        parameters=(MEAN, Parameter("class_weight", None, "pos_weight"), _FACTOR, _AVG_FACTOR),
        tasks=("multi-label",),
        also=("mmseg.models.losses.CrossEntropyLoss",),
        pitfalls=("class_weight weights only the positives: it is PyTorch's pos_weight.",),
    ),
)
