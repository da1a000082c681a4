"""Posterior and prior: the core's results, on tensors."""

import numpy as np
import pytest
import torch

import focalis
import focalis.torch as F

X = 2 * torch.randn((4, 3, 2, 5), generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("link", ["sigmoid", "softmax"])
def test_posterior_is_the_cores_with_the_classes_along_dimension_1(link, dtype):
    loss = focalis.Loss(link, focalis.margin.focal(2.0), class_weight=(1.0, 2.0, 3.0))
    for shape in [(4, 3), (4, 3, 2), (4, 3, 2, 5)]:
        x = X[(slice(None),) * len(shape) + (0,) * (X.ndim - len(shape))].to(dtype)
        x.requires_grad_()
        eta = F.posterior(loss, x)
        assert eta.shape == x.shape
        assert eta.dtype == dtype
        assert not eta.requires_grad
        expected = loss.posterior(np.moveaxis(x.detach().double().numpy(), 1, -1))
        wanted = torch.from_numpy(np.moveaxis(expected, -1, 1).copy()).to(dtype)
        torch.testing.assert_close(eta, wanted, rtol=0, atol=0)


def test_posterior_of_few_dimensions():
    focal = focalis.parse("focal(gamma=2)")
    for x in (torch.tensor(0.3), torch.tensor([0.3, -2.0])):
        torch.testing.assert_close(
            F.posterior(focal, x), torch.from_numpy(np.asarray(focal.posterior(x.numpy())))
        )
    softmax = focalis.parse("softmax_focal(gamma=2)")
    row = torch.tensor([0.3, -2.0, 1.0])
    torch.testing.assert_close(F.posterior(softmax, row), F.posterior(softmax, row[None])[0])


MODULES = [
    F.SoftmaxFocalLoss(gamma=2, weight=torch.tensor([1.0, 2.0, 3.0])),
    F.LossModule(focalis.parse("softmax_focal(gamma=2, class_weight=[1, 2, 3])")),
    F.SoftmaxFocalLoss(
        gamma=torch.nn.Parameter(torch.tensor(2.0)), weight=torch.tensor([1.0, 2.0, 3.0])
    ),
]


@pytest.mark.parametrize("module", MODULES)
def test_posterior_takes_modules(module):
    loss = focalis.Loss("softmax", focalis.margin.focal(2.0), class_weight=(1.0, 2.0, 3.0))
    assert torch.equal(F.posterior(module, X), F.posterior(loss, X))


@pytest.mark.parametrize("module", [F.BCELoss(), F.CrossEntropyLoss(), F.BCEWithLogitsLoss()])
def test_cross_entropy_needs_no_correction(module):
    x = X[:, :, 0, 0]
    given = {F.BCELoss: x.sigmoid(), F.CrossEntropyLoss: x, F.BCEWithLogitsLoss: x}[type(module)]
    probabilities = x.softmax(1) if type(module) is F.CrossEntropyLoss else x.sigmoid()
    torch.testing.assert_close(F.posterior(module, given), probabilities, rtol=1e-9, atol=1e-12)


def test_pos_weight_is_undone_whatever_its_shape():
    plain = F.posterior(F.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0, 3.0, 4.0])), X[..., 0, 0])
    shaped = F.posterior(
        F.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0, 3.0, 4.0]).reshape(3, 1, 1)), X
    )
    assert torch.equal(plain, shaped[..., 0, 0])


def test_errors_of_posterior():
    with pytest.raises(TypeError, match=r"^loss must be a focalis\.Loss or a module"):
        F.posterior(torch.nn.CrossEntropyLoss(), X)
    with pytest.raises(TypeError, match=r"^logits must be a floating-point Tensor, got ndarray"):
        F.posterior(F.CrossEntropyLoss(), X.numpy())
    with pytest.raises(ValueError, match="does not determine the class probabilities"):
        F.posterior(F.SoftmaxGeneralizedCrossEntropyLoss(kappa=1.0), X)


@pytest.mark.parametrize("layer", [torch.nn.Linear(4, 3), torch.nn.Conv2d(4, 3, 1)])
@pytest.mark.parametrize(
    "pi",
    [0.01, [0.1, 0.01, 0.7], torch.tensor(0.01), torch.full((3,), 0.5), np.array([0.1, 0.01, 0.7])],
)
def test_a_layer_starts_at_its_prior(layer, pi):
    weight = layer.weight.clone()
    assert F.init_prior_(layer, pi) is layer
    expected = torch.as_tensor(pi, dtype=torch.float32).expand(3)
    torch.testing.assert_close(layer.bias.sigmoid().detach(), expected, rtol=1e-6, atol=0)
    assert layer.bias.requires_grad
    assert torch.equal(layer.weight, weight)


def test_a_prior_is_set_whatever_the_default_device():
    layer = torch.nn.Linear(4, 3)
    with torch.device("meta"):
        F.init_prior_(layer, 0.1)
    torch.testing.assert_close(layer.bias.sigmoid().detach(), torch.full((3,), 0.1))


ERRORS = [
    (lambda: F.init_prior_(torch.nn.Linear(4, 3, bias=False)), ValueError, "^layer must have a"),
    (lambda: F.init_prior_(torch.ones(3)), TypeError, r"^layer must be a torch\.nn\.Module"),
    (lambda: F.init_prior_(torch.nn.Linear(4, 3), 1.0), ValueError, r"^pi must be .*\(0, 1\)"),
    (lambda: F.init_prior_(torch.nn.Linear(4, 3), [0.1]), ValueError, "^pi must be a number or"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors_of_init_prior(call, error, message):
    with pytest.raises(error, match=message):
        call()
