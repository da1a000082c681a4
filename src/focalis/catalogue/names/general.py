"""The names from the literature, which belong to no framework."""

from focalis.catalogue.entry import Entry, Parameter
from focalis.catalogue.transforms import ONLY_INDICES, SIGNS
from focalis.maths.links import IDENTITY, SIGMOID, SIMPLEX, SOFTMAX

ALPHA, GAMMA = Parameter("alpha"), Parameter("gamma", 2.0)
CLASS_WEIGHT, SMOOTHING = Parameter("class_weight"), Parameter("label_smoothing", 0.0)

ENTRIES = (
    Entry(
        "logistic loss",
        "general",
        SIGMOID,
        targets=SIGNS,
        tasks=("binary",),
        also=("log-logistic loss", "binomial deviance"),
        pitfalls=(
            "With labels of ±1 it is written log(1 + e^(−y x)), with labels of 0 and 1 as "
            "cross-entropy: the same loss.",
            "The binomial deviance of statisticians is twice this.",
        ),
    ),
    Entry(
        "multinomial logistic loss",
        "general",
        SOFTMAX,
        also=("multinomial deviance", "multiclass logistic loss"),
        pitfalls=("Caffe's layer of this name takes probabilities, not logits.",),
    ),
    Entry(
        "log loss",
        "general",
        IDENTITY,
        tasks=("binary", "multi-label"),
        also=("binary log loss",),
        pitfalls=(
            "It takes probabilities: on logits it is nonsense, and some implementations do not "
            "notice.",
            "p_t = 0 costs infinity; libraries clip p at thresholds from 1e-16 to 1e-7.",
        ),
    ),
    Entry(
        "multi-class log loss",
        "general",
        SIMPLEX,
        also=("log loss",),
        pitfalls=("It takes rows of probabilities that sum to 1.",),
    ),
    Entry(
        "categorical cross-entropy",
        "general",
        SOFTMAX,
        parameters=(CLASS_WEIGHT, SMOOTHING),
        also=("cross-entropy", "softmax cross-entropy", "CE", "xent"),
        pitfalls=(
            "The name does not say what applies the softmax: PyTorch and TensorFlow's "
            "*_with_logits do, "
            "Keras does not unless from_logits=True. Applied twice it trains, badly.",
        ),
    ),
    Entry(
        "sparse categorical cross-entropy",
        "general",
        SOFTMAX,
        targets=ONLY_INDICES,
        pitfalls=("Sparse means that a target is a class index: the loss is the same.",),
    ),
    Entry(
        "softmax loss",
        "general",
        SOFTMAX,
        also=("softmax with loss",),
        pitfalls=("A softmax is an activation; the loss is cross-entropy.",),
    ),
    Entry(
        "binary cross-entropy",
        "general",
        SIGMOID,
        parameters=(Parameter("pos_weight"), SMOOTHING),
        also=("cross-entropy", "BCE", "xent", "binary cross-entropy with logits"),
        pitfalls=(
            "PyTorch's and Keras's classes of this name take probabilities by default, not logits.",
        ),
    ),
    Entry(
        "sigmoid cross-entropy",
        "general",
        SIGMOID,
        parameters=(Parameter("pos_weight"), SMOOTHING),
        also=("sigmoid loss", "sigmoid cross-entropy with logits"),
    ),
    Entry(
        "negative log-likelihood",
        "general",
        SIMPLEX,
        also=("NLL", "negative log-likelihood loss"),
        pitfalls=(
            "The negative logarithm of the probability of the truth: cross-entropy. Frameworks' "
            "losses of this "
            "name take log-probabilities.",
        ),
    ),
    Entry(
        "multi-label softmax loss",
        "general",
        SOFTMAX,
        parameters=(CLASS_WEIGHT,),
        fixed={"positives": "mean", "reduction": "batchmean"},
        tasks=("multi-label",),
        also=("multi-label softmax cross-entropy", "multi-label categorical cross-entropy"),
        pitfalls=(
            "Each of the M positives of a row counts 1/M, so the best probability for each is 1/M, "
            "not 1.",
            "A row without positives divides by 0 in widely copied code; here it counts 0.",
        ),
    ),
    Entry(
        "balanced cross-entropy",
        "general",
        SIGMOID,
        parameters=(Parameter("alpha", 0.75),),
        also=("alpha-balanced cross-entropy",),
        pitfalls=("α weighs positives and 1 − α negatives, so α = .5 halves the loss.",),
    ),
    Entry(
        "weighted cross-entropy",
        "general",
        SOFTMAX,
        parameters=(CLASS_WEIGHT,),
        also=("class-weighted cross-entropy", "class-balanced loss"),
        pitfalls=(
            "The class-balanced loss has the weights of focalis.weights.effective_number.",
            "The mean divides by the sum of the weights of the targets here and in PyTorch, by "
            "the number of "
            "rows elsewhere.",
        ),
    ),
    Entry(
        "label-smoothed cross-entropy",
        "general",
        SOFTMAX,
        parameters=(Parameter("label_smoothing", 0.1),),
        also=("label smoothing cross-entropy", "label smoothing"),
        pitfalls=(
            "A share ε of the target goes to all C classes alike: the true one keeps 1 − ε + ε / C.",
        ),
    ),
    Entry(
        "weighted binary cross-entropy",
        "general",
        SIGMOID,
        parameters=(Parameter("pos_weight"),),
        also=("weighted cross-entropy", "weighted sigmoid cross-entropy"),
    ),
    Entry(
        "sigmoid focal loss",
        "general",
        SIGMOID,
        "focal",
        parameters=(GAMMA, ALPHA),
        also=("focal loss", "binary focal loss", "FL"),
        pitfalls=(
            "α and γ work against each other: the paper takes α = .25 with γ = 2, less weight "
            "on positives.",
            "The values are small, so a mean over all anchors vanishes: divide by the "
            "number of positives.",
            "It is not minimised by the class probabilities; Loss.posterior recovers them.",
            "With soft targets the expected loss and the loss of a mixed p_t differ.",
        ),
    ),
    Entry(
        "softmax focal loss",
        "general",
        SOFTMAX,
        "focal",
        parameters=(GAMMA, Parameter("alpha")),
        also=("focal loss", "categorical focal loss", "multi-class focal loss", "FL"),
        pitfalls=(
            "α is a factor per class here; one number for all classes only scales the loss.",
            "It is not minimised by the class probabilities; Loss.posterior recovers them.",
        ),
    ),
    Entry(
        "FL*",
        "general",
        SIGMOID,
        "focal_star",
        parameters=(GAMMA, Parameter("beta", 0.0), ALPHA),
        also=("focal loss star", "focal star", "sigmoid focal star"),
        pitfalls=("The margin is γ y x + β: notes that write γ x + β leave the label out.",),
    ),
    Entry(
        "softmax FL*",
        "general",
        SOFTMAX,
        "focal_star",
        parameters=(GAMMA, Parameter("beta", 0.0)),
        also=("FL*", "softmax focal star"),
    ),
    Entry(
        "poly-1 loss",
        "general",
        SOFTMAX,
        "poly1",
        parameters=(Parameter("epsilon", 1.0),),
        also=("poly loss", "poly-1 cross-entropy"),
    ),
    Entry(
        "sigmoid poly-1 loss",
        "general",
        SIGMOID,
        "poly1",
        parameters=(Parameter("epsilon", 1.0),),
        also=("poly-1 loss", "poly loss", "binary poly-1"),
    ),
    Entry(
        "generalised cross-entropy",
        "general",
        SOFTMAX,
        "generalized_cross_entropy",
        parameters=(Parameter("kappa", 0.7),),
        also=("generalized cross-entropy", "GCE", "Lq loss"),
        pitfalls=(
            "The paper calls κ q. Towards κ = 0 it is cross-entropy; at κ = 1 it is 1 − p_t, half of "
            "the paper's absolute error, 2 (1 − p_t).",
        ),
    ),
    Entry(
        "sigmoid generalised cross-entropy",
        "general",
        SIGMOID,
        "generalized_cross_entropy",
        parameters=(Parameter("kappa", 0.7),),
        also=("generalized cross-entropy", "sigmoid generalized cross-entropy"),
    ),
)
