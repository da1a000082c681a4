"""The PyTorch operations give the core's results, even at the ends, whatever is masked."""

import contract
import frontends
import numpy as np
import operations
import pytest
import registry
import torch
from oracle import Margin, truth

from focalis import Loss, margin

FOCAL_HALF = Margin("focal", (("gamma", 0.5),))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize("link", registry.LINKS)
@pytest.mark.parametrize("chosen", [*registry.FEW_MARGINS, FOCAL_HALF], ids=registry.name)
def test_they_meet_the_contract(chosen, link, dtype):
    """Values, gradients and double backward against 80 digits, from 0 to ±1e30 and ±inf."""
    loss = Loss(link, registry.build(chosen), reduction="none")
    for case in contract.cases(link, dtype):
        true = truth(chosen, case.link, case.inputs, case.weights)
        value, grad, hess = operations.derivatives(loss, case.inputs, case.targets)
        kind = {"inputs": case.inputs, "factor": case.factor}
        assert value.dtype == grad.dtype == hess.dtype == dtype
        contract.assert_accurate(value, true.value, what="value", **kind)
        contract.assert_accurate(grad, true.gradient, true.gradient_bulk, what="gradient", **kind)
        contract.assert_accurate(hess, true.hessian, true.hessian_bulk, what="Hessian", **kind)


@pytest.mark.parametrize("dtype", registry.DTYPES, ids=registry.name)
@pytest.mark.parametrize("chosen", [*registry.FEW_MARGINS, FOCAL_HALF], ids=registry.name)
def test_dense_targets_meet_the_contract(chosen, dtype):
    x = registry.rows(dtype)
    y = np.resize([(0.5, 0.25, 0.0, 0.25), (0.0, 1.0, 0.0, 0.0), (0.125, 0.0, 2.0, 0.5)], x.shape)
    loss = Loss("softmax", registry.build(chosen), reduction="none")
    case = contract.dense_case("softmax", x, y)
    true = truth(chosen, case.link, case.inputs, case.weights)
    value, grad, hess = operations.derivatives(loss, case.inputs, case.targets)
    contract.assert_accurate(value, true.value, what="value", inputs=x, factor=2)
    contract.assert_accurate(
        grad, true.gradient, true.gradient_bulk, what="gradient", inputs=x, factor=2
    )
    contract.assert_accurate(
        hess, true.hessian, true.hessian_bulk, what="Hessian", inputs=x, factor=2
    )


def test_naive_autograd_would_fail():
    """The same formula, differentiated as it stands, gives NaN where the operations do not."""
    x = torch.tensor([60.0, 800.0], dtype=torch.float64, requires_grad=True)
    p = torch.sigmoid(x)
    (naive,) = torch.autograd.grad((-((1.0 - p) ** 0.5) * torch.log(p)).sum(), x)
    assert naive.isnan().all()
    loss = Loss("sigmoid", margin.focal(gamma=0.5), reduction="sum")
    _, grad, hess = operations.derivatives(loss, x.detach().numpy(), np.ones(2))
    _, true_grad, true_hess = operations.reference(loss, x.detach().numpy(), np.ones(2))
    np.testing.assert_allclose(grad, true_grad, rtol=1e-13)
    np.testing.assert_allclose(hess, true_hess, rtol=1e-13)
    assert grad[0] < 0.0 < hess[0]


@pytest.mark.parametrize("reduction", registry.REDUCTIONS)
@pytest.mark.parametrize(("link", "form"), frontends.LINK_FORMS)
def test_every_option_is_the_core_s(link, form, reduction):
    """Weights of every kind, smoothing, masks, normalisers and reductions, value and gradient."""
    scores, targets = frontends.inputs(link, form)
    calls = list(frontends.calls(link))
    if reduction in ("mean", "batchmean"):
        calls.append({"normalizer": 2.5})
    for settings in ({}, *frontends.SETTINGS[link]):
        loss = Loss(link, margin.focal(1.7), reduction=reduction, **settings)
        for call in calls:
            x = torch.tensor(scores, requires_grad=True)
            value = operations.evaluate(loss, x, targets, **call)
            value.sum().backward()
            true, true_grad = loss.value_and_grad(scores, targets, engine="numpy", **call)
            frontends.assert_close(value.detach(), true)
            frontends.assert_close(x.grad, true_grad)


MASKS = [
    (by, link, form)
    for by in ("where", "weight", "ignore_index")
    for link, form in frontends.LINK_FORMS
    # Dense targets of a row take where=.
    if by != "ignore_index" or link not in registry.ROW_LINKS or form == "index"
]


@pytest.mark.parametrize(("by", "link", "form"), MASKS)
def test_what_is_masked_may_hold_anything(by, link, form):
    """NaN and infinities behind a mask reach no value and no derivative of any order."""
    scores, targets = (a.copy() for a in frontends.inputs(link, form))
    clean = scores.copy(), targets.copy()
    scores[1], scores[3] = np.nan, [np.inf, -np.inf, np.nan]
    masked = np.array([0, 1, 0, 1, 0], bool)
    call, options = {}, {}
    if by == "ignore_index":
        options["ignore_index"] = -100
        targets[masked] = -100
        clean[1][masked] = -100
    else:
        targets[masked] = -7 if form == "index" else np.nan
        call = {"where": ~masked} if by == "where" else {"sample_weight": 1.0 - masked}
    loss = Loss(link, margin.focal(0.5), reduction="mean", **options)
    x = torch.tensor(scores, requires_grad=True)
    value = operations.evaluate(loss, x, targets, **call)
    (grad,) = torch.autograd.grad(value, x, create_graph=True)
    (second,) = torch.autograd.grad((grad**2).sum(), x)
    assert torch.isfinite(value)
    assert not grad[masked].any()
    assert not second[masked].any()
    assert second.isfinite().all()
    true, true_grad = loss.value_and_grad(*clean, engine="numpy", **call)
    frontends.assert_close(value.detach(), true)
    frontends.assert_close(grad.detach(), true_grad)


@pytest.mark.parametrize(("link", "form"), frontends.LINK_FORMS)
@pytest.mark.parametrize("reduction", registry.REDUCTIONS)
def test_nothing_left_is_zero(link, form, reduction):
    loss = Loss(link, margin.focal(), reduction=reduction)
    scores, targets = frontends.inputs(link, form)
    for call in ({"where": np.zeros(5, bool)}, {"sample_weight": np.zeros(5)}):
        value, grad, hess = operations.derivatives(loss, scores, targets, **call)
        assert not np.any(value)
        assert not grad.any()
        assert not hess.any()
    x = torch.zeros((0, 3), requires_grad=True)
    value = operations.evaluate(loss, x, torch.tensor(targets[:0]))
    value.sum().backward()
    assert not value.sum()
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize("link", ["softmax", "simplex"])
def test_one_class_and_two(link):
    for classes in (1, 2):
        scores, index = frontends.inputs(link, "index", shape=(4, classes))
        for targets in (index, np.eye(classes)[index]):
            loss = Loss(link, margin.focal(1.7), reduction="sum")
            got = operations.derivatives(loss, scores, targets)
            for ours, true in zip(got, operations.reference(loss, scores, targets), strict=True):
                frontends.assert_close(ours, true)


def test_shapes_and_the_class_axis():
    """dim 1 of an image, a single row, a single number."""
    rng = np.random.default_rng(5)
    x, t = rng.normal(size=(2, 4, 3, 5)), rng.integers(0, 4, (2, 3, 5))
    last = np.moveaxis(x, 1, -1)
    for reduction in ("none", "mean"):
        loss = Loss("softmax", margin.focal(), alpha=(1, 2, 3, 4), reduction=reduction)
        frontends.assert_close(
            operations.evaluate(loss, x, t, axis=1), loss(last, t, engine="numpy")
        )
        dense = np.moveaxis(np.eye(4)[t], -1, 1)
        frontends.assert_close(
            operations.evaluate(loss, x, dense, axis=1), loss(last, t, engine="numpy")
        )
        sigmoid = Loss("sigmoid", margin.focal(), alpha=(0.1, 0.2, 0.3, 0.4), reduction=reduction)
        true = sigmoid(last, np.eye(4)[t], engine="numpy")
        true = np.moveaxis(true, -1, 1) if reduction == "none" else true
        frontends.assert_close(operations.evaluate(sigmoid, x, dense, axis=1), true)
        frontends.assert_close(
            operations.evaluate(loss, x[0, :, 0, 0], t[0, 0, 0], axis=0),
            loss(x[0, :, 0, 0], t[0, 0, 0], engine="numpy"),
        )
    sigmoid = Loss("sigmoid", margin.focal(), alpha=0.25, reduction="none")
    for shape in ((), (6,)):
        scores, y = rng.normal(size=shape), np.ones(shape)
        frontends.assert_close(
            operations.evaluate(sigmoid, scores, y), sigmoid(scores, y, engine="numpy")
        )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("link", "form"), frontends.LINK_FORMS)
def test_half_types_are_computed_in_float32(link, form, dtype):
    scores, targets = frontends.inputs(link, form)
    half = torch.tensor(scores).to(dtype).requires_grad_()
    full = half.detach().to(torch.float32).requires_grad_()
    for reduction in ("none", "sum"):
        loss = Loss(link, margin.focal(0.5), reduction=reduction)
        value, wide = (operations.evaluate(loss, x, targets) for x in (half, full))
        assert value.dtype == dtype
        assert torch.equal(value, wide.to(dtype))
        (grad,) = torch.autograd.grad(value.sum(), half)
        (wide_grad,) = torch.autograd.grad(wide.sum(), full)
        assert torch.equal(grad, wide_grad.to(dtype))


@pytest.mark.parametrize(("link", "form"), frontends.LINK_FORMS)
def test_a_bad_target_is_never_a_wrong_number(link, form):
    scores, targets = (a.copy() for a in frontends.inputs(link, form))
    targets[(1,) * targets.ndim] = 7 if form == "index" else -0.5
    loss = Loss(link, margin.focal())
    assert operations.evaluate(loss, scores, targets).isnan()
    with pytest.raises(ValueError, match="targets"):
        loss(scores, targets, engine="numpy")


@pytest.mark.parametrize(("link", "form"), frontends.LINK_FORMS)
def test_no_branch_depends_on_data(link, form):
    """On the meta device there is no data to depend on."""
    scores, targets = frontends.inputs(link, form)
    options = {"ignore_index": -100} if form == "index" else {"label_smoothing": 0.1}
    loss = Loss(link, frontends.bounded(), alpha=0.3, **options)
    x = torch.tensor(scores, device="meta", requires_grad=True)
    tau = torch.tensor(0.2, dtype=torch.float64, device="meta", requires_grad=True)
    value = operations.evaluate(
        loss,
        x,
        torch.tensor(targets, device="meta"),
        sample_weight=torch.ones(5, device="meta"),
        where=torch.ones(5, dtype=torch.bool, device="meta"),
        normalizer=torch.tensor(3.0, device="meta"),
        parameters={"tau": tau},
    )
    first = torch.autograd.grad(value, (x, tau), create_graph=True)
    second = torch.autograd.grad(first[0].sum() + first[1], (x, tau))
    assert [a.device.type for a in (value, *first, *second)] == ["meta"] * 5
    assert second[0].shape == x.shape


def test_the_caller_s_tensors_are_not_written_to():
    for link, form in frontends.LINK_FORMS:
        scores, targets = frontends.inputs(link, form)
        x, t, w = torch.tensor(scores), torch.tensor(targets), torch.ones(5)
        operations.evaluate(Loss(link, margin.focal()), x, t, sample_weight=w)
        assert (x._version, t._version, w._version) == (0, 0, 0)
