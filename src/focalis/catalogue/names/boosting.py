"""The objectives of XGBoost, LightGBM and CatBoost."""

from focalis.catalogue.entry import REQUIRED, Entry, Parameter
from focalis.catalogue.transforms import CLASS_INDICES, ONLY_INDICES
from focalis.maths.links import SIGMOID, SOFTMAX

_POSITIVE = Parameter("scale_pos_weight", 1.0, "pos_weight")
_CLASSES = "It needs the number of classes."
_TWICE = (
    "Its Hessian is 2 p (1 − p) for each class, twice the diagonal of the softmax's "
    '(curvature="native").'
)

ENTRIES = (
    Entry(
        "XGBoost.binary:logistic",
        "XGBoost",
        SIGMOID,
        parameters=(_POSITIVE,),
        tasks=("binary",),
        also=("XGBoost.logloss",),
        pitfalls=(
            "Predictions are probabilities; binary:logitraw trains the same model and predicts logits.",
            "base_score changes where training starts, and max_delta_step how far it steps.",
        ),
    ),
    Entry(
        "XGBoost.binary:logitraw",
        "XGBoost",
        SIGMOID,
        parameters=(_POSITIVE,),
        tasks=("binary",),
        pitfalls=("Its default metric is logloss, computed on the probabilities.",),
    ),
    Entry(
        "XGBoost.reg:logistic",
        "XGBoost",
        SIGMOID,
        parameters=(_POSITIVE,),
        tasks=("binary",),
        pitfalls=(
            "binary:logistic with another default metric (rmse); both accept targets in [0, 1].",
        ),
    ),
    Entry(
        "XGBoost.multi:softmax",
        "XGBoost",
        SOFTMAX,
        targets=ONLY_INDICES,
        also=("XGBoost.mlogloss",),
        pitfalls=(
            _CLASSES,
            _TWICE,
            "It predicts a class; multi:softprob trains the same model and predicts probabilities.",
        ),
    ),
    Entry(
        "XGBoost.multi:softprob",
        "XGBoost",
        SOFTMAX,
        targets=ONLY_INDICES,
        pitfalls=(_CLASSES, _TWICE),
    ),
    Entry(
        "LightGBM.binary",
        "LightGBM",
        SIGMOID,
        parameters=(_POSITIVE,),
        tasks=("binary",),
        also=("LightGBM.binary_logloss",),
        pitfalls=(
            "is_unbalance gives the rarer class more weight, and excludes scale_pos_weight.",
            "sigmoid=s scales the scores: p = σ(s x).",
        ),
    ),
    Entry(
        "LightGBM.multiclass",
        "LightGBM",
        SOFTMAX,
        targets=ONLY_INDICES,
        also=("LightGBM.softmax", "LightGBM.multi_logloss"),
        pitfalls=(
            _CLASSES,
            'Its Hessian is C/(C − 1) p (1 − p) for each class (curvature="native").',
        ),
    ),
    Entry(
        "LightGBM.multiclassova",
        "LightGBM",
        SIGMOID,
        targets=CLASS_INDICES,
        fixed={"reduction": "batchmean"},
        tasks=("multi-class",),
        also=("LightGBM.multiclass_ova", "LightGBM.ova", "LightGBM.ovr"),
        pitfalls=(_CLASSES, "C binary losses: its probabilities do not sum to 1."),
    ),
    Entry(
        "LightGBM.cross_entropy",
        "LightGBM",
        SIGMOID,
        tasks=("binary",),
        also=("LightGBM.xentropy",),
        pitfalls=("binary with targets in [0, 1]; weights mean the same.",),
    ),
    Entry(
        "CatBoost.Logloss",
        "CatBoost",
        SIGMOID,
        parameters=(_POSITIVE,),
        denominator="weights",
        tasks=("binary",),
        pitfalls=("Targets are two classes; CrossEntropy accepts any number in [0, 1].",),
    ),
    Entry(
        "CatBoost.CrossEntropy",
        "CatBoost",
        SIGMOID,
        denominator="weights",
        tasks=("binary",),
        pitfalls=("Logloss with targets in [0, 1].",),
    ),
    Entry(
        "CatBoost.MultiClass",
        "CatBoost",
        SOFTMAX,
        targets=ONLY_INDICES,
        pitfalls=("Custom objectives for it are called row by row, which is slow.",),
    ),
    Entry(
        "CatBoost.MultiClassOneVsAll",
        "CatBoost",
        SIGMOID,
        targets=CLASS_INDICES,
        tasks=("multi-class",),
        pitfalls=(
            "C binary losses, summed in training and averaged in the metric.",
            "Its probabilities do not sum to 1.",
        ),
    ),
    Entry(
        "CatBoost.MultiLogloss",
        "CatBoost",
        SIGMOID,
        tasks=("multi-label",),
        also=("CatBoost.MultiCrossEntropy",),
        pitfalls=(
            "The mean over the labels. MultiCrossEntropy is the same with targets in [0, 1].",
        ),
    ),
    Entry(
        "CatBoost.Focal",
        "CatBoost",
        SIGMOID,
        "focal",
        parameters=(
            Parameter("focal_alpha", REQUIRED, "alpha", off=REQUIRED),
            Parameter("focal_gamma", REQUIRED, "gamma"),
        ),
        denominator="weights",
        tasks=("binary",),
        pitfalls=(
            "Neither parameter has a default; α must lie inside (0, 1), and γ above 0.",
            "The probability is clipped to [1e-13, 1 − 1e-13], and predict_proba is not corrected for "
            "the loss.",
        ),
    ),
)
