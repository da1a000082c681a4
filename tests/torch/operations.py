"""What the tests of the PyTorch operations share: losses, inputs and the derivatives autograd gives."""

import functools

import numpy as np
import registry
import torch
from oracle import Margin

from focalis.margin import margin_loss
from focalis.torch._operations import evaluate_in_operations
from focalis.vocabulary import log, log1p, where


@margin_loss(tau="(0, inf)")
def bounded(m, u, v, p, q, tau=0.1):
    """log((1 + τ) / (p_t + τ)), as a user would write it."""
    above = p + tau
    near = -log1p(-q / (1.0 + tau))
    value = where(q < 0.5, near, log((1.0 + tau) / above))
    return value, -(p * q) / above, p * q * (p * p + tau * (p - q)) / (above * above)


MARGIN_LOSSES = [
    *map(registry.build, registry.FEW_MARGINS),
    registry.build(Margin("focal", (("gamma", 0.5),))),
    bounded(),
]

FORMS = {
    "sigmoid": ("hard", "soft"),
    "identity": ("hard", "soft"),
    "softmax": ("index", "hard", "soft"),
    "simplex": ("index", "hard", "soft"),
}
LINK_FORMS = [(link, form) for link, forms in FORMS.items() for form in forms]


def evaluate(loss, scores, targets, **options):
    """Return the loss in operations, with the class axis last and everything a tensor."""
    given = {
        "sample_weight": None,
        "where": None,
        "normalizer": None,
        "axis": -1,
        "parameters": None,
    }
    for name, value in options.items():
        given[name] = torch.as_tensor(value) if isinstance(value, np.ndarray) else value
    scores, targets = (
        x if isinstance(x, torch.Tensor) else torch.tensor(x) for x in (scores, targets)
    )
    return evaluate_in_operations(loss, scores, targets, **given)


@functools.cache
def inputs(link, form, shape=(5, 3), seed=0):
    """Return ordinary scores and targets of a form, in float64."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=shape) * 2
    if link in registry.PROBABILITY_LINKS:
        scores = rng.dirichlet([1.5] * shape[-1], size=shape[:-1])
    if form == "index":
        return scores, rng.integers(0, shape[-1], shape[:-1])
    targets = rng.uniform(size=shape)
    return scores, targets if form == "soft" else (targets > 0.5).astype(float)


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
    """Return what the core gives for value, gradient and Hessian of the sum."""
    value = loss(scores, targets, engine="numpy", **options)
    options.pop("normalizer", None)
    grad, hess = loss.grad_and_hess(scores, targets, engine="numpy", **options)
    return value, grad, hess


def assert_close(got, true, tolerance=1e-13):
    """Fail unless each number is near the core's, or as near as the largest of its array allows."""
    got, true = (np.asarray(x, np.float64) for x in (got, true))
    assert got.shape == true.shape
    finite = np.isfinite(true)
    np.testing.assert_array_equal(got[~finite], true[~finite])
    size = np.abs(true[finite]).max(initial=0)
    np.testing.assert_allclose(got[finite], true[finite], rtol=tolerance, atol=tolerance * size)
