"""The two ends of a training: the bias to start from, and the probabilities that come out."""

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from focalis.errors import ArgumentError, ArgumentTypeError
from focalis.loss import Loss
from focalis.torch.modules import LossModule, NamedLoss
from focalis.weights import prior_logit

Layer = TypeVar("Layer", bound=nn.Module)


def posterior(loss: Loss | LossModule | NamedLoss, logits: Tensor) -> Tensor:
    """Return the class probabilities that logits imply after training with a loss.

    Parameters
    ----------
    loss : Loss or module of `focalis.torch`
        What the model was trained with.
    logits : Tensor
        Its scores, with the classes along dimension 1; on any device. The result is computed on the
        CPU and has no gradient.

    Returns
    -------
    Tensor
        In the shape and type of the logits, and on their device.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit, or the loss does not determine the probabilities.

    See Also
    --------
    focalis.Loss.posterior : The definition.

    References
    ----------
    arXiv 2011.09172.

    Examples
    --------
    The minimiser of the focal loss for classes of probabilities .6, .3 and .1:

    >>> import torch
    >>> import focalis.torch as F
    >>> logits = torch.tensor([[0.48892, 0.35279, 0.15829]]).log()
    >>> F.posterior(F.SoftmaxFocalLoss(gamma=2), logits).round(decimals=2)
    tensor([[0.6000, 0.3000, 0.1000]])
    """
    if isinstance(loss, LossModule | NamedLoss):
        loss = loss.loss
    if not isinstance(loss, Loss):
        expected = "a focalis.Loss or a module of focalis.torch"
        raise ArgumentTypeError("loss", expected, type(loss).__name__)
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        found = logits.dtype if isinstance(logits, Tensor) else type(logits).__name__
        raise ArgumentTypeError("logits", "a floating-point Tensor", found)
    axis = min(1, max(0, logits.ndim - 1))
    last = logits.detach().movedim(axis, -1) if logits.ndim else logits.detach()
    x = last.to("cpu", torch.float64).numpy()
    eta = torch.from_numpy(loss.posterior(x)).to(logits.device, logits.dtype)
    return eta.movedim(-1, axis).contiguous() if logits.ndim else eta


def init_prior_(layer: Layer, pi: float | Sequence[float] | Tensor = 0.01) -> Layer:
    """Set the bias of a layer so that a sigmoid of its output starts at a prior probability.

    Parameters
    ----------
    layer : Module
        A layer with a bias: the last linear or convolutional layer of a model.
    pi : float, sequence of float, ndarray or Tensor, default 0.01
        The probability in (0, 1); one for all outputs, or one for each.

    Returns
    -------
    Module
        The layer.

    Raises
    ------
    ValueError, TypeError
        If the layer has no bias, or an argument does not fit.

    See Also
    --------
    focalis.weights.prior_logit : The value of the bias, −log((1 − π) / π).

    References
    ----------
    RetinaNet: arXiv 1708.02002, section 4.1.

    Examples
    --------
    >>> import torch
    >>> import focalis.torch as F
    >>> layer = F.init_prior_(torch.nn.Linear(8, 2), 0.01)
    >>> layer.bias.sigmoid().detach()
    tensor([0.0100, 0.0100])
    """
    if not isinstance(layer, nn.Module):
        raise ArgumentTypeError("layer", "a torch.nn.Module", type(layer).__name__)
    bias = getattr(layer, "bias", None)
    if not isinstance(bias, Tensor):
        raise ArgumentError("layer", "a bias", layer, must="have")
    if hasattr(pi, "tolist"):
        pi = pi.tolist()
    each = list(pi) if isinstance(pi, Sequence) and not isinstance(pi, str) else [pi] * len(bias)
    if len(each) != len(bias):
        expected = f"a number or one for each of the {len(bias)} outputs"
        raise ArgumentError("pi", expected, len(each))
    with torch.no_grad():
        start = [prior_logit(p) for p in each]
        bias.copy_(torch.tensor(start, dtype=torch.float64, device="cpu"))
    return layer
