"""Narrow types: 8-bit class indices, and 16-bit gradients that survive through a scaled loss."""

import pytest
import torch

import focalis.torch as F
from focalis import Loss, margin

pytestmark = pytest.mark.slow

torch.manual_seed(0)
ENDS_OF_BYTES = [(torch.uint8, 200), (torch.uint8, 300), (torch.int8, 150)]
CE = Loss("softmax", margin.cross_entropy())


def gamma():
    """Return a γ that is learned: no kernel can take it, so operations do."""
    return torch.tensor(0.0, requires_grad=True)


@pytest.mark.parametrize(("narrow", "n_classes"), ENDS_OF_BYTES)
def test_indices_of_8_bits_are_those_of_64(narrow, n_classes):
    # In 8 bits −100 is 156, and 150 or 300 classes are −106 or 44.
    x = torch.randn(3, n_classes, requires_grad=True)
    t = torch.tensor([100, 3, 7] if narrow is torch.int8 else [156, 3, 7], dtype=narrow)
    weight = torch.rand(n_classes)
    for options in ({}, {"weight": weight}, {"label_smoothing": 0.1}, {"ignore_index": 259}):
        expected = F.cross_entropy(x, t.long(), **options)
        true = torch.autograd.grad(expected, x)[0]
        for value in (
            F.cross_entropy(x, t, **options),
            F.softmax_focal_loss(x, t, gamma=gamma(), **options),
        ):
            torch.testing.assert_close(value, expected)
            torch.testing.assert_close(torch.autograd.grad(value, x)[0], true)


def test_answers_of_8_bits_are_those_of_64():
    x = torch.randn(9)
    y = (torch.arange(9) % 2).to(torch.uint8)
    ours = F.sigmoid_focal_loss(x, y, gamma=gamma(), ignore_index=256)  # 0 in 8 bits
    expected = F.sigmoid_focal_loss(x, y.float(), gamma=0.0)
    torch.testing.assert_close(ours, expected, check_dtype=False)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_scaled_loss_keeps_small_gradients_of_float16(compiled):
    x = torch.zeros(8, 4, dtype=torch.float16, requires_grad=True)
    t = torch.arange(8) % 4

    def loss(x):
        return F.cross_entropy(x, t, normalizer=1e8)

    value = torch.compile(loss, fullgraph=True, backend="aot_eager") if compiled else loss
    (value(x) * 2.0**15).backward()
    # Without the factor, the smallest float16 is six times the largest gradient.
    expected = (0.25 - torch.nn.functional.one_hot(t, 4)) * 2.0**15 / 1e8
    torch.testing.assert_close(x.grad, expected.half(), rtol=2e-3, atol=0)


def test_many_incoming_gradients_of_float16():
    x = torch.randn(4, 3).half().requires_grad_()
    value = F.cross_entropy(x, torch.tensor([0, 1, 2, 0]))
    incoming = torch.randn(5).half()
    together = torch.autograd.grad(value, x, incoming, is_grads_batched=True, retain_graph=True)[0]
    one_by_one = [torch.autograd.grad(value, x, i, retain_graph=True)[0] for i in incoming]
    torch.testing.assert_close(together, torch.stack(one_by_one))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_normalizer_that_changes_later_changes_nothing(dtype):
    x = torch.randn(4, 3).to(dtype).requires_grad_()
    t = torch.tensor([0, 1, 2, 0])
    expected = torch.autograd.grad(2 * F.cross_entropy(x, t, normalizer=2.0), x)[0]
    normalizer = torch.tensor(2.0)
    value = 2 * F.cross_entropy(x, t, normalizer=normalizer)
    normalizer.fill_(200.0)
    for _ in range(2):
        torch.testing.assert_close(torch.autograd.grad(value, x, retain_graph=True)[0], expected)


def test_weights_are_multiplied_as_the_logits_are_computed():
    x, t = torch.zeros(2, 4).double(), torch.tensor([0, 1])
    weight, sample_weight = torch.tensor([1 / 3, 0.7, 1, 1]), torch.tensor([0.3, 0.9])
    options = {"reduction": "sum", "sample_weight": sample_weight}
    ours = F.cross_entropy(x, t, weight=weight, **options)
    wide = (weight.double()[:2] * sample_weight.double()).sum() * torch.tensor(4.0).double().log()
    torch.testing.assert_close(ours, wide, rtol=1e-15, atol=0)
    many = torch.full((4,), 300.0, dtype=torch.float16)
    of_rows = torch.full((2,), 300.0, dtype=torch.float16)
    large = F.cross_entropy(x.float(), t, weight=many, reduction="sum", sample_weight=of_rows)
    torch.testing.assert_close(large, torch.tensor(4.0).log() * 180000)
