"""PyTorch, torchvision, fvcore and Detectron2."""

from focalis.catalogue.entry import Entry, Parameter
from focalis.catalogue.transforms import (
    CLASS_INDICES_WITH_BACKGROUND,
    LOG_PROBABILITIES,
    ONLY_INDICES,
    SIGNS,
)
from focalis.maths.links import IDENTITY, SIGMOID, SIMPLEX, SOFTMAX

MEAN, NONE = Parameter("reduction", "mean"), Parameter("reduction", "none")
WEIGHT = Parameter("weight", None, "class_weight")
IGNORE = Parameter("ignore_index", -100)
GAMMA, ALPHA_OFF = Parameter("gamma", 2.0), Parameter("alpha", -1.0, off=-1.0)
_AXIS = "The class axis is dimension 1; in focalis for NumPy it is the last."
_EMPTY = "The mean over no elements is NaN; here it is 0."
_NAN = (
    "For γ in (0, 1) the gradient at saturated logits is NaN: (1 − p_t)^γ has an infinite slope at "
    "p_t = 1."
)
_MIXED = "Soft targets mix p_t and α_t; here they mean the expectation of the loss."

ENTRIES = (
    Entry(
        "torch.nn.BCELoss",
        "PyTorch",
        IDENTITY,
        parameters=(Parameter("weight", None, "sample_weight"), MEAN),
        also=("torch.nn.functional.binary_cross_entropy",),
        pitfalls=(
            "It takes probabilities. log p is clipped at −100, so p_t = 0 costs 100, not infinity.",
            "The gradient's denominator p (1 − p) is at least 1e-12.",
            _EMPTY,
        ),
    ),
    Entry(
        "torch.nn.BCEWithLogitsLoss",
        "PyTorch",
        SIGMOID,
        parameters=(Parameter("weight", None, "sample_weight"), MEAN, Parameter("pos_weight")),
        also=("torch.nn.functional.binary_cross_entropy_with_logits",),
        pitfalls=("The mean divides by the number of elements, whatever the weights.", _EMPTY),
    ),
    Entry(
        "torch.nn.NLLLoss",
        "PyTorch",
        SIMPLEX,
        scores=LOG_PROBABILITIES,
        targets=ONLY_INDICES,
        parameters=(WEIGHT, IGNORE, MEAN),
        also=("torch.nn.functional.nll_loss", "torch.nn.NLLLoss2d"),
        pitfalls=(
            "It takes log-probabilities and contains no logarithm: on logits or probabilities "
            "it trains on "
            "nonsense without an error.",
            "The mean divides by the sum of the weights of the targets.",
            _AXIS,
            _EMPTY,
        ),
    ),
    Entry(
        "torch.nn.CrossEntropyLoss",
        "PyTorch",
        SOFTMAX,
        parameters=(WEIGHT, IGNORE, MEAN, Parameter("label_smoothing", 0.0)),
        also=("torch.nn.functional.cross_entropy",),
        pitfalls=(
            "It applies the softmax: give it logits, not the output of a softmax.",
            "The mean divides by the sum of the weights of the targets.",
            _AXIS,
            _EMPTY,
        ),
    ),
    Entry(
        "torch.nn.MultiLabelSoftMarginLoss",
        "PyTorch",
        SIGMOID,
        parameters=(WEIGHT, MEAN),
        tasks=("multi-label",),
        also=("torch.nn.functional.multilabel_soft_margin_loss",),
        pitfalls=(
            'It is the mean of sigmoid cross-entropies, not a loss of its own; "sum" and "none" still '
            "average over the classes (here they do not).",
        ),
    ),
    Entry(
        "torch.nn.SoftMarginLoss",
        "PyTorch",
        SIGMOID,
        targets=SIGNS,
        parameters=(MEAN,),
        tasks=("binary", "multi-label"),
        also=("torch.nn.functional.soft_margin_loss",),
        pitfalls=("Its targets are +1 and −1, and it does not complain about 0 and 1.",),
    ),
    Entry(
        "torchvision.ops.sigmoid_focal_loss",
        "torchvision",
        SIGMOID,
        "focal",
        parameters=(Parameter("alpha", 0.25, off=-1.0), GAMMA, NONE),
        also=("torchvision.ops.focal_loss.sigmoid_focal_loss",),
        pitfalls=(_NAN, _MIXED, "Nothing is reduced by default."),
    ),
    Entry(
        "fvcore.nn.sigmoid_focal_loss",
        "fvcore",
        SIGMOID,
        "focal",
        parameters=(ALPHA_OFF, GAMMA, NONE),
        also=("fvcore.nn.sigmoid_focal_loss_jit", "fvcore.nn.focal_loss.sigmoid_focal_loss"),
        pitfalls=(_NAN, _MIXED, "α is off by default, unlike torchvision's .25."),
    ),
    Entry(
        "fvcore.nn.sigmoid_focal_loss_star",
        "fvcore",
        SIGMOID,
        "focal_star",
        parameters=(ALPHA_OFF, Parameter("gamma", 1.0), NONE),
        fixed={"beta": 0.0},
        also=(
            "fvcore.nn.sigmoid_focal_loss_star_jit",
            "fvcore.nn.focal_loss.sigmoid_focal_loss_star",
        ),
        pitfalls=(
            "It has no β. With its default γ = 1 it is cross-entropy.",
            "Soft targets shrink the logits (2 y − 1 multiplies them); here they mean the "
            "expectation.",
        ),
    ),
    Entry(
        "detectron2.modeling.RetinaNet",
        "Detectron2",
        SIGMOID,
        "focal",
        targets=CLASS_INDICES_WITH_BACKGROUND,
        parameters=(
            Parameter("focal_loss_alpha", 0.25, "alpha", off=-1.0),
            Parameter("focal_loss_gamma", 2.0, "gamma"),
        ),
        fixed={"reduction": "sum"},
        tasks=("multi-label",),
        also=(
            "detectron2.modeling.meta_arch.retinanet.RetinaNet",
            "Detectron2.FocalLoss",
        ),
        pitfalls=(
            "It calls fvcore's function; the sum is then divided by a moving average of the "
            "number of positives.",
            "The class index K of K classes is background, and −1 is left out.",
        ),
    ),
    Entry(
        "detectron2.layers.cross_entropy",
        "Detectron2",
        SOFTMAX,
        parameters=(WEIGHT, IGNORE, MEAN),
        also=("detectron2.modeling.roi_heads.FastRCNNOutputLayers",),
        pitfalls=("PyTorch's function, but 0 for no rows, as here. The last class is background.",),
    ),
)
