"""Names that cannot be run here, or that are not code at all, by their published definitions.

Written in NumPy from the definitions, using nothing of focalis, and differentiated by complex steps.
"""

import functools
import os

import numpy as np
import registry
from proofs import (
    ANSWERS,
    CLASS_WEIGHTS,
    INDICES,
    INFOGAIN,
    LOGITS,
    MAYBE,
    ONE_HOT,
    ROW_WEIGHTS,
    ROWS,
    SIGNS,
    SOFT,
    SOME_LABELS,
    WITH_BACKGROUND,
    YES,
    Proof,
    by_complex_steps,
)

IGNORED = INDICES.copy()
IGNORED[[1, 4]] = 255
ONCE = ({},)


def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def truth(p, y):
    """Return the probability of the truth, for answers of 0 and 1."""
    return np.where(y == 1, p, 1 - p)


def of_class(p, y):
    return p[np.arange(len(y)), y]


def focal(p_t, gamma):
    return -((1 - p_t) ** gamma) * np.log(p_t)


def focal_star(p_t, gamma, beta):
    """−log σ(γ m + β) / γ with the odds e^m = p_t / (1 − p_t)."""
    return np.log(1 + ((1 - p_t) / p_t) ** gamma * np.exp(-beta)) / gamma


def poly1(p_t, epsilon):
    return -np.log(p_t) + epsilon * (1 - p_t)


def generalised(p_t, kappa):
    return (1 - p_t**kappa) / kappa


def weighted_mean(x, y, class_weight=(1, 1, 1), label_smoothing=0.0):
    weight = np.asarray(class_weight)
    one_hot = np.eye(3)[y] * (1 - label_smoothing) + label_smoothing / 3
    return -(weight * one_hot * np.log(softmax(x))).sum() / weight[y].sum()


def binary_mean(x, y, pos_weight=1.0, label_smoothing=0.0):
    y = y * (1 - label_smoothing) + label_smoothing / 2
    p = sigmoid(x)
    return -(pos_weight * y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def multi_label(x, y, class_weight=(1, 1, 1)):
    share = np.asarray(class_weight) * y / np.maximum((y > 0).sum(axis=1, keepdims=True), 1)
    return -(share * np.log(softmax(x))).sum() / len(y)


def alpha_t(y, alpha):
    return 1.0 if alpha is None else np.where(y == 1, alpha, 1 - alpha)


def sigmoid_focal(x, y, gamma=2.0, alpha=None):
    return (alpha_t(y, alpha) * focal(truth(sigmoid(x), y), gamma)).mean()


def log_loss(p, y):
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def general():
    smooth, weights = {"label_smoothing": 0.2}, {"class_weight": CLASS_WEIGHTS}
    positives = {"pos_weight": 3.0}
    rows = {
        "multinomial logistic loss": (weighted_mean, ONCE),
        "categorical cross-entropy": (weighted_mean, ({}, smooth, weights)),
        "sparse categorical cross-entropy": (weighted_mean, ONCE),
        "softmax loss": (weighted_mean, ONCE),
        "label-smoothed cross-entropy": (
            lambda x, y, label_smoothing=0.1: weighted_mean(x, y, label_smoothing=label_smoothing),
            ({}, smooth),
        ),
        "weighted cross-entropy": (weighted_mean, ({}, weights)),
        "softmax focal loss": (
            lambda x, y, gamma=2.0, alpha=(1, 1, 1): (
                np.asarray(alpha)[y] * focal(of_class(softmax(x), y), gamma)
            ).mean(),
            ({}, {"gamma": 0.5}, {"alpha": tuple(CLASS_WEIGHTS)}),
        ),
        "softmax FL*": (
            lambda x, y, gamma=2.0, beta=0.0: focal_star(
                of_class(softmax(x), y), gamma, beta
            ).mean(),
            ({}, {"gamma": 1.5, "beta": -0.5}),
        ),
        "poly-1 loss": (
            lambda x, y, epsilon=1.0: poly1(of_class(softmax(x), y), epsilon).mean(),
            ({}, {"epsilon": -0.5}),
        ),
        "generalised cross-entropy": (
            lambda x, y, kappa=0.7: generalised(of_class(softmax(x), y), kappa).mean(),
            ({}, {"kappa": 1.0}),
        ),
    }
    answers = {
        "binary cross-entropy": (binary_mean, ({}, smooth, positives)),
        "sigmoid cross-entropy": (binary_mean, ({}, smooth, positives)),
        "weighted binary cross-entropy": (binary_mean, ({}, positives)),
        "balanced cross-entropy": (
            lambda x, y, alpha=0.75: -(alpha_t(y, alpha) * np.log(truth(sigmoid(x), y))).mean(),
            ({}, {"alpha": 0.1}),
        ),
        "sigmoid focal loss": (sigmoid_focal, ({}, {"gamma": 0.5}, {"alpha": 0.25})),
        "FL*": (
            lambda x, y, gamma=2.0, beta=0.0, alpha=None: (
                alpha_t(y, alpha) * focal_star(truth(sigmoid(x), y), gamma, beta)
            ).mean(),
            ({}, {"gamma": 1.5, "beta": -0.5}, {"alpha": 0.25}),
        ),
        "sigmoid poly-1 loss": (
            lambda x, y, epsilon=1.0: poly1(truth(sigmoid(x), y), epsilon).mean(),
            ({}, {"epsilon": -0.5}),
        ),
        "sigmoid generalised cross-entropy": (
            lambda x, y, kappa=0.7: generalised(truth(sigmoid(x), y), kappa).mean(),
            ({}, {"kappa": 1.0}),
        ),
    }

    def likelihood(p, y):
        return -np.log(of_class(p, y)).mean()

    def logistic(x, y):
        return np.log(1 + np.exp(-y * x)).mean()

    labels = ({}, weights)
    return [
        *(Proof(name, by_complex_steps(f), LOGITS, INDICES, c) for name, (f, c) in rows.items()),
        *(Proof(name, by_complex_steps(f), LOGITS, ANSWERS, c) for name, (f, c) in answers.items()),
        Proof("logistic loss", by_complex_steps(logistic), LOGITS, SIGNS),
        Proof("log loss", by_complex_steps(log_loss), YES, MAYBE),
        Proof("multi-class log loss", by_complex_steps(likelihood), ROWS, INDICES),
        Proof("negative log-likelihood", by_complex_steps(likelihood), ROWS, INDICES),
        Proof(
            "multi-label softmax loss", by_complex_steps(multi_label), LOGITS, SOME_LABELS, labels
        ),
    ]


def addons():
    """Sums over the last axis, for probabilities or for logits."""
    reduced = {"sum": 1, "sum_over_batch_size": 8}

    def of_probabilities(p, y, reduction, alpha=0.25, gamma=2.0):
        return (alpha_t(y, alpha) * focal(truth(p, y), gamma)).sum() / reduced[reduction]

    cases = tuple({"reduction": kind, "gamma": gamma} for kind in reduced for gamma in (2.0, 0.5))
    name = "tfa.losses.SigmoidFocalCrossEntropy"
    return [
        Proof(name, by_complex_steps(of_probabilities), YES, ANSWERS, cases),
        Proof(
            f"{name}(from_logits=True)",
            by_complex_steps(lambda x, y, **given: of_probabilities(sigmoid(x), y, **given)),
            LOGITS,
            ANSWERS,
            cases,
        ),
    ]


def softmax_with_loss(x, y, ignore_label=None, normalization="VALID"):
    kept = np.ones(len(y), bool) if ignore_label is None else y != ignore_label
    losses = -np.log(of_class(softmax(x), np.where(kept, y, 0))) * kept
    return losses.sum() / {"VALID": kept.sum(), "BATCH_SIZE": len(y), "NONE": 1}[normalization]


def sigmoid_cross_entropy(x, y, ignore_label=None, normalization="BATCH_SIZE"):
    kept = np.ones(y.shape, bool) if ignore_label is None else y != ignore_label
    y = np.where(kept, y, 0)
    losses = -(x * (y - (x.real >= 0)) - np.log(1 + np.exp(x - 2 * x * (x.real >= 0)))) * kept
    return losses.sum() / {"VALID": kept.sum(), "BATCH_SIZE": len(y), "NONE": 1}[normalization]


def caffe():
    layers = {
        "MultinomialLogisticLoss": (
            lambda p, y: -np.log(of_class(p, y)).sum() / len(y),
            ROWS,
            INDICES,
            ONCE,
        ),
        "SoftmaxWithLoss": (
            softmax_with_loss,
            LOGITS,
            IGNORED,
            tuple(
                {"ignore_label": 255, "normalization": mode}
                for mode in ("VALID", "BATCH_SIZE", "NONE")
            ),
        ),
        "SigmoidCrossEntropyLoss": (
            sigmoid_cross_entropy,
            LOGITS,
            np.where(SOME_LABELS == 2, 255.0, SOME_LABELS),
            ({"ignore_label": 255}, {"ignore_label": 255, "normalization": "VALID"}),
        ),
        "InfogainLoss": (
            lambda x, y, infogain: -(infogain[y] * np.log(softmax(x))).sum() / len(y),
            LOGITS,
            INDICES,
            ({"infogain": INFOGAIN},),
        ),
        "InfogainLoss(before 1.0)": (
            lambda p, y, infogain: -(infogain[y] * np.log(p)).sum() / len(y),
            ROWS,
            INDICES,
            ({"infogain": INFOGAIN},),
        ),
    }

    def focal_layer(x, y, gamma=2.0, alpha=None, class_balances=(1, 1, 1)):
        losses = alpha_t(y, alpha) * focal(truth(sigmoid(x), y), gamma)
        return (np.asarray(class_balances) * losses).sum() / len(y)

    def label_layer(x, y, class_balances=(1, 1, 1)):
        return multi_label(x, y, class_balances)

    balances = ({}, {"class_balances": CLASS_WEIGHTS})
    focals = (*balances, {"gamma": 1.5, "alpha": 0.25})
    return [
        *(
            Proof(f"Caffe.{name}", by_complex_steps(f), *rest)
            for name, (f, *rest) in layers.items()
        ),
        Proof(
            "focalis.caffe.SigmoidFocalLossLayer",
            by_complex_steps(focal_layer),
            LOGITS,
            ANSWERS,
            focals,
        ),
        Proof(
            "focalis.caffe.MultiLabelSoftmaxLossLayer",
            by_complex_steps(label_layer),
            LOGITS,
            SOME_LABELS,
            balances,
        ),
    ]


def reduced(losses, reduction="mean", loss_weight=1.0, avg_factor=None):
    """MMDetection's weight_reduce_loss: a mean divides by their number, unless told otherwise."""
    if avg_factor is not None:
        return loss_weight * losses.sum() / avg_factor
    return loss_weight * {"mean": np.mean, "sum": np.sum, "none": lambda x: x}[reduction](losses)


def mmdetection():
    def py_focal_loss(x, y, gamma=2.0, alpha=0.25, **reduction):
        losses = alpha_t(y, alpha) * focal(truth(sigmoid(x), y), gamma)
        return reduced(losses, **reduction)

    def focal_loss(x, y, **parameters):
        return py_focal_loss(x, np.eye(4)[y][:, :3], **parameters)

    def cross_entropy(x, y, class_weight=(1, 1, 1), ignore_index=-100, weight=1.0, **reduction):
        kept = y != ignore_index
        y = np.where(kept, y, 0)
        losses = -np.asarray(class_weight)[y] * np.log(of_class(softmax(x), y)) * kept
        return reduced(weight * losses, **reduction)

    def sigmoid_loss(x, y, class_weight=(1, 1, 1), **reduction):
        one_hot, p = np.eye(4)[y][:, :3], sigmoid(x)
        yes = np.asarray(class_weight) * one_hot * np.log(p)
        return reduced(-(yes + (1 - one_hot) * np.log(1 - p)), **reduction)

    reductions = ({}, {"reduction": "sum", "loss_weight": 2.0}, {"reduction": "none"})
    reductions += ({"avg_factor": 2.5},)
    weights = (*reductions, {"class_weight": CLASS_WEIGHTS})
    focals = (*reductions, {"gamma": 0.5, "alpha": 0.75})
    ignore = tuple({**case, "ignore_index": 255} for case in (*weights, {"weight": ROW_WEIGHTS}))
    name = "mmdet.models.losses"
    return [
        Proof(f"{name}.FocalLoss", by_complex_steps(focal_loss), LOGITS, WITH_BACKGROUND, focals),
        Proof(
            f"{name}.py_sigmoid_focal_loss",
            by_complex_steps(py_focal_loss),
            LOGITS,
            ANSWERS,
            [case for case in focals if "loss_weight" not in case],
        ),
        Proof(f"{name}.CrossEntropyLoss", by_complex_steps(cross_entropy), LOGITS, IGNORED, ignore),
        Proof(
            f"{name}.CrossEntropyLoss(use_sigmoid=True)",
            by_complex_steps(sigmoid_loss),
            LOGITS,
            WITH_BACKGROUND,
            weights,
        ),
    ]


def _in_numpy(name):
    import focalis

    return functools.partial(getattr(focalis, name), engine="numpy")


def _in_torch(name):
    import torch

    import focalis.torch

    def call(scores, targets, **parameters):
        arrays = {k: torch.tensor(v) for k, v in parameters.items() if isinstance(v, np.ndarray)}
        function, y = getattr(focalis.torch, name), torch.tensor(targets)
        # Mapped, it runs in operations: a kernel for each loss would take seconds to compile.
        mapped = torch.func.vmap(lambda x: function(x, y, **parameters | arrays))
        return mapped(torch.tensor(scores)[None])[0]

    return call


def _in_jax(name):
    import jax

    import focalis.jax

    def call(scores, targets, **parameters):
        with jax.enable_x64(True):
            return getattr(focalis.jax, name)(scores, targets, **parameters)

    return call


def _in_keras(name):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    import torch

    import focalis.keras

    made, _, logits = name.partition("(")

    def call(scores, targets, **parameters):
        loss = getattr(focalis.keras, made)(from_logits=bool(logits), dtype="float64", **parameters)
        if keras.backend.backend() != "torch":
            return loss(targets, scores)
        # As above: in operations, without a kernel for each loss.
        mapped = torch.func.vmap(lambda x: loss(targets, x))
        return mapped(torch.tensor(scores)[None])[0]

    return call


CALLS = {"torch": _in_torch, "jax": _in_jax, "keras": _in_keras}


def focalis_functions():
    """This library's functions: the catalogue reads the table, or their signatures."""
    from focalis.catalogue import entries

    def by_call(name):
        module, _, function = name.removeprefix("focalis.").partition(".")
        call = CALLS[module](function) if function else _in_numpy(module)

        def run(scores, targets, **parameters):
            return np.asarray(call(scores, targets, **parameters)), None

        return run

    inputs = {
        "sigmoid": (LOGITS, ANSWERS),
        "softmax": (LOGITS, SOFT),
        "identity": (YES, ANSWERS),
        "simplex": (ROWS, INDICES),
    }
    values = {
        "alpha": 0.3,
        "pos_weight": 3.0,
        "class_weight": CLASS_WEIGHTS,
        "label_smoothing": 0.2,
        "reduction": "sum",
    }

    def proof(one):
        given = values | registry.unusual(one.margin_loss)
        scores, targets = inputs[one.link]
        if "SparseCategorical" in one.name:
            targets = INDICES
        elif "keras" in one.name and one.link == "simplex":
            targets = ONE_HOT
        cases = ({p.name: given[p.setting]} for p in one.parameters if p.setting in given)
        return Proof(one.name, by_call(one.name), scores, targets, ({}, *cases))

    return [proof(one) for one in entries(framework="focalis")]
