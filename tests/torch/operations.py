"""What the tests of the PyTorch operations share: the call, and the derivatives from autograd."""

import numpy as np
import registry
import torch

from focalis.inputs.arguments import Arguments
from focalis.torch._operations import evaluate_in_operations


def evaluate(loss, scores, targets, **options):
    """Return the loss computed by operations, with the class axis last and every argument a tensor."""
    axis = options.pop("axis", -1)
    given = {
        name: torch.as_tensor(value) if isinstance(value, np.ndarray) else value
        for name, value in options.items()
    }
    scores, targets = (
        x if isinstance(x, torch.Tensor) else torch.tensor(x) for x in (scores, targets)
    )
    return evaluate_in_operations(loss, Arguments(scores, targets, **given), axis)


def derivatives(loss, scores, targets, **options):
    """Return value, gradient and diagonal of the Hessian of the sum, from double backward."""
    x = torch.tensor(scores, requires_grad=True)
    value = evaluate(loss, x, targets, **options)
    (grad,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    diagonal = torch.zeros_like(x)
    for j in range(x.shape[-1]) if loss.link in registry.ROW_LINKS else [...]:
        (column,) = torch.autograd.grad(grad[..., j].sum(), x, retain_graph=True)
        diagonal[..., j] = column[..., j]
    return value.detach().numpy(), grad.detach().numpy(), diagonal.numpy()


def reference(loss, scores, targets, **options):
    """Return the core's value, gradient and Hessian of the sum."""
    value = loss(scores, targets, engine="numpy", **options)
    options.pop("normalizer", None)
    grad, hess = loss.grad_and_hess(scores, targets, engine="numpy", **options)
    return value, grad, hess
