"""PyTorch and what builds on it, run for real; Detectron2 through the calls that it makes."""

import importlib
import warnings

import numpy as np
import torch
from proofs import (
    ANSWERS,
    CLASS_WEIGHTS,
    INDICES,
    LOG_ROWS,
    LOGITS,
    MAYBE,
    ONE_HOT,
    REDUCTIONS,
    ROW_WEIGHTS,
    SIGNS,
    SOFT,
    WITH_BACKGROUND,
    YES,
    Proof,
)

F = torch.nn.functional
PER_ELEMENT = ROW_WEIGHTS[:, None] * CLASS_WEIGHTS
IGNORED = INDICES.copy()
IGNORED[[1, 4]] = -100
WEIGHED = (*REDUCTIONS, {"weight": CLASS_WEIGHTS})
GAMMAS = ({"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 3.0})


def by_autograd(function):
    """Return the run of a function of tensors: scores, targets, parameters."""

    def run(scores, targets, **parameters):
        x = torch.tensor(scores, requires_grad=True)
        given = {k: torch.tensor(v) if hasattr(v, "shape") else v for k, v in parameters.items()}
        value = function(x, torch.tensor(targets), **given)
        value.sum().backward()
        return value.detach().numpy(), x.grad.numpy()

    return run


def by_module(module, **fixed):
    return by_autograd(lambda x, y, **parameters: module(**fixed, **parameters)(x, y))


def fvcore_nn():
    """Return the module, which on import compiles in a way that PyTorch is deprecating."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("fvcore.nn")


def pytorch():
    nn = torch.nn
    weights = {"weight": PER_ELEMENT}
    bce, bce_logits = by_module(nn.BCELoss), by_module(nn.BCEWithLogitsLoss)
    ce, nll = by_module(nn.CrossEntropyLoss), by_module(nn.NLLLoss)
    margin, labels = by_module(nn.SoftMarginLoss), by_module(nn.MultiLabelSoftMarginLoss)
    positives = {"pos_weight": CLASS_WEIGHTS}
    smooth = {"label_smoothing": 0.2}
    return [
        Proof("torch.nn.BCELoss", bce, YES, MAYBE, (*REDUCTIONS, weights)),
        Proof(
            "torch.nn.BCEWithLogitsLoss",
            bce_logits,
            LOGITS,
            MAYBE,
            (*REDUCTIONS, weights, positives),
        ),
        Proof("torch.nn.NLLLoss", nll, LOG_ROWS, IGNORED, WEIGHED),
        Proof("torch.nn.CrossEntropyLoss", ce, LOGITS, IGNORED, (*WEIGHED, smooth)),
        Proof(
            "torch.nn.CrossEntropyLoss", ce, LOGITS, SOFT, ({}, {"weight": CLASS_WEIGHTS}, smooth)
        ),
        Proof("torch.nn.CrossEntropyLoss", ce, LOGITS, INDICES, ({"ignore_index": 1},)),
        Proof("torch.nn.MultiLabelSoftMarginLoss", labels, LOGITS, ANSWERS, ({}, WEIGHED[-1])),
        Proof("torch.nn.SoftMarginLoss", margin, LOGITS, SIGNS, REDUCTIONS),
    ]


def torchvision():
    from torchvision.ops import sigmoid_focal_loss

    cases = (*REDUCTIONS, *GAMMAS, {"alpha": -1.0}, {"alpha": 0.9})
    return [
        Proof(
            "torchvision.ops.sigmoid_focal_loss",
            by_autograd(sigmoid_focal_loss),
            LOGITS,
            ANSWERS,
            cases,
        )
    ]


def fvcore():
    nn = fvcore_nn()
    cases = (*REDUCTIONS, {"gamma": 0.5}, {"gamma": 3.0}, {"alpha": 0.3})
    proofs = []
    for kind in ("", "_jit"):
        plain = by_autograd(getattr(nn, f"sigmoid_focal_loss{kind}"))
        star = by_autograd(getattr(nn, f"sigmoid_focal_loss_star{kind}"))
        proofs += [
            Proof("fvcore.nn.sigmoid_focal_loss", plain, LOGITS, ANSWERS, cases, 1e-5),
            Proof("fvcore.nn.sigmoid_focal_loss_star", star, LOGITS, ANSWERS, cases, 1e-5),
        ]
    return proofs


def detectron2():
    """Its RetinaNet calls fvcore's function on one-hot targets without their background column."""
    sigmoid_focal_loss_jit = fvcore_nn().sigmoid_focal_loss_jit

    def loss(x, y, focal_loss_alpha=0.25, focal_loss_gamma=2.0):
        one_hot = F.one_hot(y, x.shape[1] + 1)[:, :-1].to(x.dtype)
        given = {"alpha": focal_loss_alpha, "gamma": focal_loss_gamma, "reduction": "sum"}
        return sigmoid_focal_loss_jit(x, one_hot, **given)

    cases = ({}, {"focal_loss_alpha": 0.5, "focal_loss_gamma": 1.0})
    ce = by_autograd(F.cross_entropy)
    return [
        Proof(
            "detectron2.modeling.RetinaNet", by_autograd(loss), LOGITS, WITH_BACKGROUND, cases, 1e-5
        ),
        Proof("detectron2.layers.cross_entropy", ce, LOGITS, IGNORED, WEIGHED),
    ]


def monai():
    from monai.losses import FocalLoss

    cases = ({}, {"reduction": "none"}, *GAMMAS, {"alpha": 0.3})
    cases += ({"weight": CLASS_WEIGHTS}, {"alpha": tuple(CLASS_WEIGHTS / 3)})
    softmax = by_module(FocalLoss, use_softmax=True)
    rows = tuple(case for case in cases if case.get("reduction") != "none")
    return [
        Proof("monai.losses.FocalLoss", by_module(FocalLoss), LOGITS, ANSWERS, cases, 1e-5),
        Proof("monai.losses.FocalLoss(use_softmax=True)", softmax, LOGITS, ONE_HOT, rows, 1e-5),
    ]


def kornia():
    from kornia.losses import binary_focal_loss_with_logits, focal_loss

    mean, total = {"alpha": 0.3, "reduction": "mean"}, {"alpha": None, "reduction": "sum"}
    rows = (mean, total, {**mean, "gamma": 0.5}, {**mean, "weight": CLASS_WEIGHTS})
    cases = (*REDUCTIONS, *GAMMAS, {"alpha": None}, {"weight": CLASS_WEIGHTS})
    binary = by_autograd(binary_focal_loss_with_logits)
    return [
        Proof("kornia.losses.focal_loss", by_autograd(focal_loss), LOGITS, INDICES, rows),
        Proof("kornia.losses.binary_focal_loss_with_logits", binary, LOGITS, ANSWERS, cases),
    ]


def segmentation_models():
    from segmentation_models_pytorch.losses import FocalLoss

    name = "segmentation_models_pytorch.losses.FocalLoss"
    cases = ({}, {"gamma": 0.5}, {"alpha": 0.3})
    proofs = [
        Proof(
            f'{name}(mode="multiclass")',
            by_module(FocalLoss, mode="multiclass"),
            LOGITS,
            INDICES,
            cases,
        )
    ]
    for mode in ("binary", "multilabel"):
        run = by_module(FocalLoss, mode=mode)
        proofs.append(Proof(f'{name}(mode="binary")', run, LOGITS, ANSWERS, cases))
    ignored = np.where(ANSWERS == 1, 255.0, MAYBE)
    run = by_module(FocalLoss, mode="binary")
    proofs.append(
        Proof(
            f'{name}(mode="binary")',
            run,
            LOGITS,
            np.where(ignored == 255, 255.0, ONE_HOT),
            ({"ignore_index": 255},),
        )
    )
    return proofs
