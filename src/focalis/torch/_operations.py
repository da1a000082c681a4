"""Any loss as PyTorch operations: on any device, in any floating type, differentiable at every order.

This is `focalis.arrays.losses` with PyTorch's verbs, and derivatives tied together for autograd. It can
be traced, compiled, mapped by `torch.func.vmap` and run on the "meta" device. A weight or target that
requires a gradient itself does not mask where it is 0: its derivative there is the loss.
"""

from collections.abc import Mapping

import torch

from focalis import Loss
from focalis.torch._hooks import evaluate_directly
from focalis.torch._vocabulary import widest

__all__ = ["evaluate_in_operations"]

Tensor = torch.Tensor


def evaluate_in_operations(
    loss: Loss,
    logits: Tensor,
    targets: Tensor,
    *,
    sample_weight: Tensor | None = None,
    where: Tensor | None = None,
    normalizer: float | Tensor | None = None,
    axis: int = -1,
    parameters: Mapping[str, Tensor] | None = None,
    class_where: Tensor | None = None,
) -> Tensor:
    """Return the loss.

    Parameters
    ----------
    loss : Loss
        The loss.
    logits : Tensor
        Scores of any floating type; 16 bits are computed in 32, and probabilities in 64 if the device
        supports it.
    targets : Tensor
        Sigmoid, identity: shaped like the logits. Softmax, simplex: class indices, shaped like the
        logits without the class axis, or a number for each class, shaped like the logits. For dense
        targets, time and memory are linear in the number of classes.
    sample_weight, where : Tensor, optional
        Per row, or per element of a sigmoid or identity.
    normalizer : float or Tensor, optional
        Replaces the denominator of "mean" and "batchmean".
    axis : int
        The class axis; one-dimensional scores of a sigmoid or identity have none.
    parameters : mapping of str to Tensor, optional
        Numbers that replace settings of the loss, and may be differentiated, as in
        `focalis.arrays.losses`.
    class_where : Tensor of bool, optional
        True where a class counts: (C,), or a shape that broadcasts to that of the logits.

    Returns
    -------
    Tensor
        In the type of the logits: 0-d, or for "none" shaped like the logits (sigmoid, identity) or with
        one number per row.
    """
    parameters = dict(parameters or {})
    if class_where is not None:
        parameters["class_where"] = class_where
    settings = (loss, axis, tuple(parameters))
    tensors = (logits, targets, sample_weight, where, normalizer, *parameters.values())
    if not torch.compiler.is_compiling():
        return evaluate_directly(*settings, *tensors)  # type: ignore[arg-type]
    if normalizer is not None and not isinstance(normalizer, Tensor):
        normalizer = torch.full((), normalizer, dtype=widest(logits.device), device=logits.device)
    from focalis.torch._constants import evaluate_in_graph  # brings the compiler: slow to import

    return evaluate_in_graph(*settings, *tensors[:4], normalizer, *tensors[5:])
