"""scikit-learn."""

from focalis.catalogue.entry import Entry, Parameter
from focalis.catalogue.transforms import ONLY_INDICES, held_inside
from focalis.maths.links import IDENTITY, SIGMOID, SIMPLEX, SOFTMAX

_ROUNDING = 2.0**-52
_NORMALIZE = Parameter("normalize", True, "reduction", {True: "mean", False: "sum"})
_FIRST = "The targets come first, and it takes probabilities."
_SCORER = 'The scorer "neg_log_loss" is its negative.'
_INSIDE = "Probabilities are clipped by the rounding of their type: 2.2e-16, or 1.2e-7 in float32."

ENTRIES = (
    Entry(
        "sklearn.metrics.log_loss(two classes)",
        "scikit-learn",
        IDENTITY,
        scores=held_inside(_ROUNDING),
        parameters=(_NORMALIZE, Parameter("sample_weight")),
        denominator="weights",
        tasks=("binary",),
        also=("neg_log_loss",),
        pitfalls=(
            _FIRST,
            _INSIDE,
            "A single class needs labels=. It is a metric: there is no gradient.",
            _SCORER,
        ),
    ),
    Entry(
        "sklearn.metrics.log_loss",
        "scikit-learn",
        SIMPLEX,
        scores=held_inside(_ROUNDING),
        parameters=(_NORMALIZE, Parameter("sample_weight")),
        also=("neg_log_loss",),
        pitfalls=(
            _FIRST,
            _INSIDE,
            "Columns follow the sorted labels. It is a metric: there is no gradient.",
            _SCORER,
        ),
    ),
    Entry(
        'sklearn.linear_model.SGDClassifier(loss="log_loss")',
        "scikit-learn",
        SIGMOID,
        parameters=(Parameter("class_weight", note="a dict there"),),
        tasks=("binary",),
        also=("SGDClassifier.log_loss",),
        pitfalls=("Several classes are fitted one against the rest.",),
    ),
    Entry(
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "scikit-learn",
        SIGMOID,
        fixed={"reduction": "sum"},
        tasks=("binary",),
        also=("HistGradientBoostingClassifier.log_loss",),
        pitfalls=("Three or more classes have a softmax, with a tree for each class.",),
    ),
    Entry(
        "sklearn.linear_model.LogisticRegression",
        "scikit-learn",
        SOFTMAX,
        targets=ONLY_INDICES,
        fixed={"reduction": "sum"},
        tasks=("binary", "multi-class"),
        also=("logistic regression",),
        pitfalls=(
            "C multiplies this sum, not the penalty, and the penalty is on by default.",
            "Two classes are fitted with one logit, as a sigmoid.",
        ),
    ),
)
