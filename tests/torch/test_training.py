"""A training run is the same program with ``import focalis.torch as F``: same curves, same model."""

import functools
import importlib.util
from pathlib import Path

import pytest
import torch

import focalis.torch

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name):
    specification = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("long_tailed_digits", {"epochs": 5}),
        ("multilabel_digits", {"epochs": 4, "pos_weight": torch.tensor([1.0, 1.5, 1.5, 9.0])}),
    ],
)
def test_curves_are_the_same(name, settings):
    train = example(name).train
    theirs, *outcome = train(torch.nn.functional, **settings)
    ours, *our_outcome = train(focalis.torch, **settings)
    assert len(ours) > 30
    assert ours[-1] < 0.5 * ours[0]
    torch.testing.assert_close(torch.tensor(ours), torch.tensor(theirs), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(our_outcome, outcome, rtol=1e-3, atol=1e-3)


def test_the_posterior_of_the_example_is_the_share_of_positives():
    _, logits, answers = example("multilabel_digits").train(
        focalis.torch, "sigmoid_focal_loss", reduction="mean"
    )
    share = answers[:, 3].mean().item()
    eta = focalis.torch.posterior(focalis.torch.SigmoidFocalLoss(), logits)
    assert eta[:, 3].mean().item() == pytest.approx(share, abs=0.01)
    assert logits[:, 3].sigmoid().mean().item() > share + 0.01


CROSS_ENTROPY_EXAMPLES = {
    "class indices": lambda: (
        torch.randn(3, 5, requires_grad=True),
        torch.empty(3, dtype=torch.long).random_(5),
    ),
    "class probabilities": lambda: (
        torch.randn(3, 5, requires_grad=True),
        torch.randn(3, 5).softmax(dim=1),
    ),
}
BINARY_EXAMPLES = {
    "logits": lambda: (torch.randn(3, requires_grad=True), torch.empty(3).random_(2)),
    "64 classes": lambda: (
        torch.full([10, 64], 1.5, requires_grad=True),
        torch.ones([10, 64], dtype=torch.float32),
    ),
}
DOCUMENTED = [
    *(("CrossEntropyLoss", "cross_entropy", {}, make) for make in CROSS_ENTROPY_EXAMPLES.values()),
    (
        "BCEWithLogitsLoss",
        "binary_cross_entropy_with_logits",
        {},
        BINARY_EXAMPLES["logits"],
    ),
    (
        "BCEWithLogitsLoss",
        "binary_cross_entropy_with_logits",
        {"pos_weight": torch.ones([64])},
        BINARY_EXAMPLES["64 classes"],
    ),
    (
        "BCELoss",
        "binary_cross_entropy",
        {},
        lambda: (torch.randn(3, 2, requires_grad=True), torch.rand(3, 2)),
    ),
]


@pytest.mark.parametrize(("module", "function", "settings", "make"), DOCUMENTED)
def test_the_examples_that_pytorch_documents(module, function, settings, make):
    torch.manual_seed(283)
    input, target = make()
    found = []
    for modules, functions in ((torch.nn, torch.nn.functional), (focalis.torch, focalis.torch)):
        called = functools.partial(getattr(functions, function), **settings)
        for loss in (getattr(modules, module)(**settings), called):
            input.grad = None
            value = loss(torch.nn.Sigmoid()(input) if module == "BCELoss" else input, target)
            value.backward()
            found.append((value.detach(), input.grad))
    for values in found[1:]:
        torch.testing.assert_close(values, found[0])


def test_the_documented_example_of_wrong_probabilities():
    """PyTorch warns about them in its docs and computes a number; here they raise."""
    torch.manual_seed(283)
    input, target = torch.randn(3, 5, requires_grad=True), torch.randn(3, 5)
    with pytest.raises(ValueError, match=r"^target must be non-negative finite numbers, got -"):
        focalis.torch.CrossEntropyLoss()(input, target)
    right = target.softmax(dim=1)
    torch.testing.assert_close(
        focalis.torch.CrossEntropyLoss()(input, right), torch.nn.CrossEntropyLoss()(input, right)
    )
