"""Names that people look up here but that belong to another family, and why they do."""

_REGIONS = "it measures how far regions overlap, not classes one by one"
_RANKS = "it ranks the rows of a query"
_SCORES = "it compares scores, without probabilities"
_SOFT_FACTOR = (
    "its factor depends on the target's own value, and so on more than the probability of the truth"
)
_EXPOSURE = (
    "weights w make p = 1 − (1 + e^score)^(−w) of it; without weights it is LightGBM.cross_entropy"
)
_PAIRS = "it compares embeddings with each other"

# Names in lower case, without spaces, punctuation and "loss".
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
    "kldiv": "with fixed targets it is cross-entropy minus a constant, their entropy",
    "kldivergence": "with fixed targets it is cross-entropy minus a constant, their entropy",
    "lambdarank": _RANKS,
    "lovasz": _REGIONS,
    "lovaszsoftmax": _REGIONS,
    "mae": "on probabilities it is twice generalised cross-entropy at kappa = 1",
    "meanabsoluteerror": "on probabilities it is twice generalised cross-entropy at kappa = 1",
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
