"""Names that people look for here and that are of another family: why they are."""

__all__ = ["REASONS"]

_REGIONS = "it measures how far regions overlap, and not classes one by one"
_RANKS = "it ranks the rows of a query"
_SCORES = "it compares scores, without probabilities"
_SOFT_FACTOR = (
    "its factor depends on the target's own value, and so on more than the probability of the truth"
)
_EXPOSURE = (
    "weights w make p = 1 − (1 + e^score)^(−w) of it; without weights it is LightGBM.cross_entropy"
)
_PAIRS = "it compares embeddings with each other"

# By the name in small letters, without spaces and punctuation and without "loss".
REASONS = {
    "asymmetric": "it has one γ for a yes and another for a no",
    "bpr": _RANKS,
    "brier": "it is a squared error of probabilities",
    "contrastive": _PAIRS,
    "crossentropylambda": _EXPOSURE,
    "ctc": "it sums over alignments of sequences",
    "dice": _REGIONS,
    "focaltversky": _REGIONS,
    "generalizeddice": _REGIONS,
    "hinge": _SCORES,
    "infonce": f"{_PAIRS}; what it does with the similarities is softmax cross-entropy",
    "iou": _REGIONS,
    "jaccard": _REGIONS,
    "kldiv": "with targets that are given it is cross-entropy less a constant, their entropy",
    "kldivergence": "with targets that are given it is cross-entropy less a constant, their entropy",
    "lambdarank": _RANKS,
    "lovasz": _REGIONS,
    "lovaszsoftmax": _REGIONS,
    "mae": "of probabilities it is twice generalised cross-entropy at kappa = 1",
    "meanabsoluteerror": "of probabilities it is twice generalised cross-entropy at kappa = 1",
    "meansquarederror": "it is a squared error",
    "mse": "it is a squared error",
    "multimargin": _SCORES,
    "qualityfocal": _SOFT_FACTOR,
    "rankmap": _RANKS,
    "rankndcg": _RANKS,
    "rankpairwise": _RANKS,
    "rankxendcg": _RANKS,
    "squaredhinge": _SCORES,
    "triplet": _PAIRS,
    "tripletmargin": _PAIRS,
    "tversky": _REGIONS,
    "varifocal": _SOFT_FACTOR,
}
