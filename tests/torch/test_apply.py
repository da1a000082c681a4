"""Any loss on tensors gives the core's numbers, whatever the layout, type and options."""

import dataclasses

import ml_dtypes
import numpy as np
import pytest
import strategies
import torch
from hypothesis import given
from hypothesis import strategies as st

from focalis import Loss, margin
from focalis.torch import apply

pytestmark = pytest.mark.slow

CE = Loss("softmax", margin.cross_entropy())
FOCAL = Loss("sigmoid", margin.focal(gamma=2.0))
DTYPES = {torch.float64: 1e-12, torch.float32: 4e-6, torch.bfloat16: 2e-2, torch.float16: 3e-3}
"""The types, and how far their results may be from float64's, relative to the largest."""

SHAPES = [(4, 3), (1, 3), (2, 3, 5), (2, 3, 2, 4), (0, 3), (2, 3, 0)]


def contiguous(x):
    return x.clone()


def classes_last(x):
    return x.movedim(1, -1).contiguous().movedim(-1, 1) if x.ndim > 1 else x.clone()


def every_second(x):
    return x.repeat_interleave(2, dim=-1)[..., ::2] if x.ndim else x.clone()


def backwards(x):
    order = range(x.ndim - 1, -1, -1)
    return x.permute(*order).contiguous().permute(*order) if x.ndim else x.clone()


LAYOUTS = [contiguous, classes_last, every_second, backwards]


def reference(loss, x, y, **options):
    """Return value and gradient from the core's readable engine, in double precision."""
    arrays = {}
    for name, tensor in {"x": x, "y": y, **options}.items():
        if isinstance(tensor, torch.Tensor) and tensor.ndim:
            a = tensor.detach()
            a = a.movedim(1, -1) if tensor.ndim == x.ndim and x.ndim > 1 else a
            arrays[name] = (a.double() if a.is_floating_point() else a).numpy()
        else:
            arrays[name] = float(tensor) if isinstance(tensor, torch.Tensor) else tensor
    x64, y64 = arrays.pop("x"), arrays.pop("y")
    value, gradient = loss.value_and_grad(x64, y64, engine="numpy", **arrays)
    value, gradient = torch.as_tensor(value), torch.from_numpy(gradient)
    if x.ndim > 1:
        gradient = gradient.movedim(-1, 1)
        value = value.movedim(-1, 1) if value.shape == x64.shape else value
    return value, gradient


def near(ours, true, tolerance):
    assert ours.shape == true.shape
    scale = max(1.0, float(true.abs().max())) if true.numel() else 1.0
    assert torch.allclose(
        ours.double(), true, rtol=tolerance, atol=tolerance * scale, equal_nan=True
    )


@st.composite
def problems(draw):
    """Return a loss and its arguments, in one floating type and any layout."""
    loss = draw(strategies.losses(draw(st.sampled_from(["sigmoid", "softmax"]))))
    chosen = margin.cross_entropy() if loss.link == "softmax" else margin.focal(gamma=2.0)
    loss = dataclasses.replace(loss, margin_loss=chosen)
    shape = draw(st.sampled_from(SHAPES))
    dtype = draw(st.sampled_from(list(DTYPES)))
    seed = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))

    def laid(tensor):
        return draw(st.sampled_from(LAYOUTS))(tensor)

    rows = (shape[0], *shape[2:])
    x = laid((3 * torch.randn(shape, generator=seed)).to(dtype))
    if loss.link == "softmax" and (loss.positives == "sum" and draw(st.booleans())):
        y = laid(torch.randint(0, 3, rows, generator=seed))
        if loss.ignore_index is not None and y.numel():
            y[(0,) * y.ndim] = loss.ignore_index
    else:
        y = laid((torch.randint(0, 5, shape, generator=seed) / 4).to(dtype))
        loss = dataclasses.replace(loss, ignore_index=None)
    options = {}
    weights = [rows, shape] if loss.link == "sigmoid" else [rows]
    if draw(st.booleans()):
        drawn = torch.randint(0, 9, draw(st.sampled_from(weights)), generator=seed) / 4
        options["sample_weight"] = laid(drawn.to(dtype))
    if draw(st.booleans()):
        drawn = torch.randint(0, 4, draw(st.sampled_from(weights)), generator=seed) > 0
        options["where"] = laid(drawn)
    if loss.reduction in ("mean", "batchmean") and draw(st.booleans()):
        options["normalizer"] = draw(st.sampled_from([7.5, torch.tensor(7.5)]))
    return loss, x, y, options


@given(problem=problems())
def test_value_and_gradient_are_the_core_s(problem):
    loss, x, y, options = problem
    x.requires_grad_()
    given_tensors = [x, y, *(o for o in options.values() if isinstance(o, torch.Tensor))]
    before = [(t.detach().clone(), t._version) for t in given_tensors]
    true, slopes = reference(loss, x, y, **options)
    value = apply(loss, x, y, **options)
    assert value.dtype == x.dtype
    near(value.detach(), true, DTYPES[x.dtype])
    (gradient,) = torch.autograd.grad(value.sum(), x)
    assert gradient.dtype == x.dtype
    near(gradient, slopes, DTYPES[x.dtype])
    for tensor, (copy, version) in zip(given_tensors, before, strict=True):
        assert torch.equal(tensor.detach(), copy)
        assert tensor._version == version


@given(problem=problems(), seed=st.integers(0, 2**32 - 1))
def test_an_incoming_gradient_is_multiplied_in(problem, seed):
    loss, x, y, options = problem
    x.requires_grad_()
    value = apply(loss, x, y, **options)
    _, slopes = reference(loss, x, y, **options)
    factor = torch.randn(value.shape, generator=torch.Generator().manual_seed(seed)).to(x.dtype)
    per_row = 0 < factor.ndim < x.ndim
    (gradient,) = torch.autograd.grad(value, x, factor)
    factor = factor.unsqueeze(1) if per_row else factor
    near(gradient, slopes * factor.double(), 4 * DTYPES[x.dtype])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("loss", [CE, FOCAL], ids=str)
def test_the_gradient_lies_in_memory_as_pytorch_would_put_it(loss, layout):
    x = layout(torch.randn(2, 3, 4, 5)).requires_grad_()
    y = torch.zeros(2, 4, 5, dtype=torch.int64) if loss is CE else torch.rand(2, 3, 4, 5).round()
    (gradient,) = torch.autograd.grad(apply(loss, x, y), x)
    assert gradient.stride() == torch.empty_like(x).stride()


def test_an_expanded_tensor():
    x = torch.randn(1, 3, requires_grad=True)
    targets = torch.tensor([0, 1, 2, 1])
    loss = apply(CE, x.expand(4, 3), targets)
    loss.backward()
    _, slopes = reference(CE, x.detach().expand(4, 3), targets)
    near(x.grad, slopes.sum(0, keepdim=True), 1e-6)
    ones = torch.ones(()).expand(4, 3)
    near(
        apply(FOCAL, x.detach().expand(4, 3), ones), reference(FOCAL, x.expand(4, 3), ones)[0], 1e-6
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_number_and_one_row(dtype):
    x = torch.tensor(0.5, dtype=dtype, requires_grad=True)
    for reduction in ("none", "mean", "sum", "batchmean"):
        value = apply(dataclasses.replace(FOCAL, reduction=reduction), x, torch.tensor(1.0))
        (gradient,) = torch.autograd.grad(value, x)
        assert value.shape == gradient.shape == ()
        near(value.detach(), torch.tensor(0.067559).double(), 4e-3)
        near(gradient, torch.tensor(-0.137907).double(), 4e-3)
    row = torch.tensor([1.0, 2.0, 3.0], dtype=dtype, requires_grad=True)
    value = apply(CE, row, torch.tensor(2))
    assert value.shape == ()
    near(value.detach(), torch.tensor(0.407606).double(), 4e-3)
    near(torch.autograd.grad(value, row)[0], torch.tensor([0.09, 0.2447, -0.3348]).double(), 4e-3)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_class_indices_of_any_integer_type(dtype):
    x = torch.randn(5, 3)
    targets = torch.tensor([0, 1, 2, 1, 0])
    assert torch.equal(apply(CE, x, targets.to(dtype)), apply(CE, x, targets))


def test_targets_of_a_type_of_their_own():
    x, y = torch.randn(5, 3), torch.randint(0, 2, (5, 3))
    value = apply(FOCAL, x, y.float())
    for dtype in (torch.bool, torch.int64, torch.float64, torch.bfloat16):
        assert torch.equal(apply(FOCAL, x, y.to(dtype)), value)


def test_tensors_that_are_negated_views():
    x = torch.randn(5, 3, dtype=torch.complex64).conj().imag
    assert x.is_neg()
    targets = torch.tensor([0, 1, 2, 1, 0])
    assert torch.equal(apply(CE, x, targets), apply(CE, x.clone(), targets))
    row = torch.randn(1, 1, dtype=torch.complex64).conj().imag
    assert torch.equal(apply(FOCAL, row, row * 0), apply(FOCAL, row.clone(), row * 0))


def test_the_tensor_of_a_gradient_is_the_array_of_the_core():
    """Nothing is copied on the way: bfloat16 bits go in and come out."""
    x = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.bfloat16, requires_grad=True)
    (gradient,) = torch.autograd.grad(apply(CE, x, torch.tensor([2])), x)
    array = np.array([[1.0, 2.0, 3.0]], ml_dtypes.bfloat16)
    _, slopes = CE.value_and_grad(array, [2])
    assert gradient.view(torch.int16).numpy().tolist() == slopes.view(np.int16).tolist()


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", [CE, FOCAL], ids=str)
def test_autocast_returns_what_pytorch_s_own_loss_returns(loss, dtype, reduction):
    own = {
        CE: torch.nn.functional.cross_entropy,
        FOCAL: torch.nn.functional.binary_cross_entropy_with_logits,
    }[loss]
    x = torch.randn(4, 3, dtype=dtype, requires_grad=True)
    y = torch.tensor([0, 1, 2, 0]) if loss is CE else torch.rand(4, 3).round().to(dtype)
    loss = dataclasses.replace(loss, reduction=reduction)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = own(x, y, reduction=reduction)
        value = apply(loss, x, y)
    assert value.dtype == expected.dtype
    near(value.detach(), reference(loss, x, y)[0], 4e-6)  # not rounded to 16 bits
    (gradient,) = torch.autograd.grad(value.sum(), x)
    assert gradient.dtype == dtype
    near(gradient, reference(loss, x, y)[1], DTYPES[dtype])


def test_a_scaled_float16_loss_keeps_small_gradients():
    """Without the loss scale, each of these is too small for float16."""
    x = torch.zeros(4096, 8, dtype=torch.float16, requires_grad=True)
    targets = torch.zeros(4096, dtype=torch.int64)
    loss = dataclasses.replace(CE, reduction="batchmean")
    value = apply(loss, x, targets, normalizer=2.0**25)
    value.backward(torch.tensor(2.0**14, dtype=torch.float16))
    assert torch.equal(x.grad[:, 1:], torch.full((4096, 7), 2.0**-14, dtype=torch.float16))
