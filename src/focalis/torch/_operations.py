"""Any loss as PyTorch operations: on any device, in any floating type, differentiable at every order.

This is `focalis.arrays.losses` with PyTorch's verbs, and derivatives tied together for autograd. It can
be traced, compiled, mapped by `torch.func.vmap` and run on the "meta" device. A weight or target that
requires a gradient itself does not mask where it is 0: its derivative there is the loss.
"""

import torch

from focalis import Loss
from focalis.inputs.arguments import Arguments
from focalis.torch._hooks import evaluate_directly
from focalis.torch._vocabulary import widest

Tensor = torch.Tensor


def evaluate_in_operations(loss: Loss, given: Arguments, axis: int = -1) -> Tensor:
    """Return the loss, in the type of the logits: a number, or for "none" one for each score or row.

    16 bits are computed in 32, probabilities in 64 if the device supports it. Dense targets take time
    and memory linear in the number of classes. One-dimensional scores of a sigmoid or identity have no
    class axis.
    """
    logits, *others, class_where, normalizer, parameters = given
    named = dict(parameters or {})
    if class_where is not None:
        named["class_where"] = class_where
    settings = (loss, axis, tuple(named))
    tensors = (logits, *others, normalizer, *named.values())
    if not torch.compiler.is_compiling():
        return evaluate_directly(*settings, *tensors)
    if normalizer is not None and not isinstance(normalizer, Tensor):
        normalizer = torch.full((), normalizer, dtype=widest(logits.device), device=logits.device)
    from focalis.torch._constants import evaluate_in_graph  # brings the compiler: slow to import

    return evaluate_in_graph(*settings, *tensors[:4], normalizer, *tensors[5:])
