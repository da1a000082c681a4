"""The PyTorch operations under every kind of differentiation, of every order, and under a compiler."""

import frontends
import numpy as np
import operations
import oracle
import pytest
import torch
from oracle import Margin, at_margin, mp
from torch.autograd import gradcheck, gradgradcheck

from focalis import Loss, margin

# PyTorch's own forward mode warns about its own scripts.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

PARAMETERS = {
    "focal": ("gamma",),
    "focal_star": ("gamma", "beta"),
    "poly1": ("epsilon",),
    "generalized_cross_entropy": ("kappa",),
    "bounded": ("tau",),
}
LEARNING = [m for m in frontends.MARGIN_LOSSES if m.name in PARAMETERS]


def sum_loss(link, margin_loss, **options):
    return Loss(link, margin_loss, reduction="sum", **options)


def function(loss, targets, **options):
    """Return the loss as a function of the scores and of the learned parameters, in order."""
    names = PARAMETERS.get(loss.margin_loss.name, ())

    def f(scores, *learned):
        given = dict(zip(names, learned, strict=False))
        return operations.evaluate(loss, scores, targets, parameters=given, **options)

    return f


@pytest.mark.slow
@pytest.mark.parametrize(("chosen", "link", "form"), frontends.EACH_LOSS_AND_FORM, ids=str)
def test_numerical_derivatives(chosen, link, form):
    """gradcheck and gradgradcheck, backward and forward, for the scores and each parameter."""
    scores, targets = frontends.inputs(link, form, shape=(2, 3))
    loss = Loss(link, chosen, alpha=0.4, reduction="none")
    x = torch.tensor(scores, requires_grad=True)
    learned = [
        torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for value in chosen.parameters.values()
    ]
    f = function(loss, targets, sample_weight=torch.tensor([1.0, 2.5], dtype=torch.float64))
    assert gradcheck(f, (x, *learned), check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(f, (x, *learned), check_fwd_over_rev=True, atol=1e-4, fast_mode=True)


@pytest.mark.parametrize(("link", "form"), frontends.LINK_FORMS)
def test_torch_func(link, form):
    """grad, jvp, jacrev, jacfwd, hessian and vmap of any of them give the core's derivatives."""
    scores, targets = frontends.inputs(link, form)
    loss = sum_loss(link, margin.focal(0.5))
    x = torch.tensor(scores)
    f = function(loss, targets)
    value, grad, hess = operations.reference(loss, scores, targets)
    func = torch.func
    frontends.assert_close(func.grad(f)(x), grad)
    frontends.assert_close(func.jacfwd(f)(x), grad)
    direction = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).reshape(x.shape)
    primal, tangent = func.jvp(f, (x,), (direction,))
    frontends.assert_close(primal, value)
    frontends.assert_close(tangent, (grad * direction.numpy()).sum())
    for transform in (
        func.hessian,
        lambda f: func.jacrev(func.jacrev(f)),
        lambda f: func.jacfwd(func.jacfwd(f)),
        lambda f: func.jacrev(func.jacfwd(f)),
    ):
        matrix = transform(f)(x).reshape(x.numel(), -1)
        frontends.assert_close(matrix.diag().reshape(x.shape), hess)
        frontends.assert_close(matrix, matrix.T)

    def one_row(row, target):
        return operations.evaluate(loss, row, target, axis=-1)

    rows = func.vmap(func.grad(one_row))(x, torch.tensor(targets))
    frontends.assert_close(rows, grad)
    blocks = func.vmap(func.hessian(one_row))(x, torch.tensor(targets))
    frontends.assert_close(blocks.diagonal(dim1=1, dim2=2), hess)


@pytest.mark.slow
@pytest.mark.parametrize(("chosen", "link", "form"), frontends.EACH_LOSS_AND_FORM, ids=str)
def test_third_and_fourth_order(chosen, link, form):
    """They equal differences of the core's Hessians, and of each other."""
    scores, targets = frontends.inputs(link, form, shape=(2, 3))
    if link == "identity":
        scores = scores * 0.8 + 0.1
    loss = sum_loss(link, chosen)
    f = function(loss, targets)
    direction = np.resize([1.0, -0.5, 0.25, 2.0], scores.shape)
    v = torch.tensor(direction)

    def along(g):
        return lambda x: (torch.func.grad(g)(x) * v).sum()

    step, second = 1e-5, along(along(f))
    near = scores if link in ("sigmoid", "softmax") else scores * 0.9 + 0.03

    def hessians(x):
        return loss.grad_and_hess(x, targets, engine="numpy")[1]

    third = (hessians(near + step * direction) - hessians(near - step * direction)) / (2 * step)
    diagonal = torch.func.jvp(
        lambda x: torch.func.hessian(f)(x).reshape(6, 6).diag().reshape(x.shape),
        (torch.tensor(near),),
        (v,),
    )[1]
    frontends.assert_close(diagonal, third, tolerance=1e-6)
    third_along, fourth_along = along(second), along(along(second))
    x = torch.tensor(near, requires_grad=True)
    ahead, behind = (third_along(torch.tensor(near + s * direction)) for s in (step, -step))
    frontends.assert_close(fourth_along(x).detach(), (ahead - behind) / (2 * step), tolerance=1e-5)


def phi(name, m, values):
    """Return the margin loss of m by its definition."""
    if name == "bounded":
        (tau,) = values
        return mp.log((1 + tau) / (at_margin(m).p + tau))
    return oracle.phi(Margin(name, tuple(zip(PARAMETERS[name], values, strict=True))), at_margin(m))


@pytest.mark.parametrize("chosen", LEARNING, ids=str)
def test_parameters_learn(chosen):
    """Derivatives with respect to a parameter, and to its logit, against 80 digits."""
    points = np.array([-700.0, -40.0, -3.0, -0.5, 0.0, 0.7, 5.0, 30.0, 60.0])
    loss = Loss("sigmoid", chosen, reduction="none")
    given = tuple(chosen.parameters.values())
    f = function(loss, np.ones(len(points)))
    for i in range(len(given)):
        learned = [torch.tensor(value, dtype=torch.float64) for value in given]
        learned[i].requires_grad_()
        x = torch.tensor(points, requires_grad=True)
        for k, m in enumerate(points):
            (first,) = torch.autograd.grad(f(x, *learned)[k], learned[i], create_graph=True)
            (mixed,) = torch.autograd.grad(first, x)

            def of_parameter(value, m=m, i=i):
                return phi(chosen.name, mp.mpf(m), (*given[:i], value, *given[i + 1 :]))

            at = mp.mpf(given[i])
            true = mp.diff(of_parameter, at)
            true_mixed = mp.diff(
                lambda m, at=at, of=of_parameter: mp.diff(lambda t: of(t, m), at), mp.mpf(m)
            )
            size = max(1.0, abs(m)) * 1e-13
            assert abs(first.item() - true) <= max(1e-12 * abs(true), size), (m, i)
            assert abs(mixed[k].item() - true_mixed) <= max(1e-12 * abs(true_mixed), size), (m, i)


@pytest.mark.parametrize("link", ["sigmoid", "softmax"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("chosen", LEARNING, ids=str)
def test_parameters_learn_nothing_wrong_at_the_ends(chosen, dtype, link):
    """Logits of 1e30 and infinity give no NaN to a parameter, nor to its Hessian row."""
    ends = torch.tensor([1e30, -1e30, torch.inf, -torch.inf, 200.0, -200.0], dtype=dtype)
    x = torch.stack([ends, torch.zeros_like(ends)], -1) if link == "softmax" else ends
    targets = torch.zeros(6, dtype=torch.long) if link == "softmax" else torch.ones(6, dtype=dtype)
    x.requires_grad_()
    loss = Loss(link, chosen, reduction="none")
    learned = [torch.tensor(v, requires_grad=True) for v in chosen.parameters.values()]
    value = function(loss, targets)(x, *learned)
    fixed = loss(x.detach().numpy(), targets.numpy(), engine="numpy")
    np.testing.assert_allclose(value.detach().numpy(), fixed, rtol=1e-5)
    first = torch.autograd.grad(value.sum(), (x, *learned), create_graph=True)
    assert not any(g.isnan().any() for g in first)
    for g in first:
        second = torch.autograd.grad(g.sum(), (x, *learned), retain_graph=True, allow_unused=True)
        assert not any(h.isnan().any() for h in second if h is not None)


@pytest.mark.parametrize("chosen", LEARNING, ids=str)
def test_learned_limits_are_the_parameter_s_own(chosen):
    """The tensor parameter counts, not the one that the loss was made with."""
    other = type(chosen)(chosen.family, dict.fromkeys(chosen.parameters, 0.6))
    learned = [torch.tensor(0.6, dtype=torch.float64) for _ in chosen.parameters]
    scores = np.array([0.0, 1e-9, 0.3, 1.0 - 1e-9, 1.0])
    for link, x in (("identity", scores), ("sigmoid", np.array([-np.inf, -5.0, 0.0, 9.0, np.inf]))):
        loss, expected = Loss(link, chosen, reduction="none"), Loss(link, other, reduction="none")
        targets = np.ones(5)
        given = dict(zip(PARAMETERS[chosen.name], learned, strict=True))
        got = operations.derivatives(loss, x, targets, parameters=given)
        for ours, true in zip(got, operations.reference(expected, x, targets), strict=True):
            np.testing.assert_allclose(ours, true, rtol=1e-12)


def test_a_parameter_for_each_class():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(4, 3)), rng.integers(0, 2, (4, 3)).astype(float)
    gamma = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64, requires_grad=True)
    loss = Loss("sigmoid", margin.focal(), reduction="none")
    value = operations.evaluate(loss, x, y, parameters={"gamma": gamma})
    for j, g in enumerate(gamma.tolist()):
        true = Loss("sigmoid", margin.focal(g), reduction="none")(x[:, j], y[:, j], engine="numpy")
        frontends.assert_close(value[:, j].detach(), true)
    value.sum().backward()
    assert gamma.grad.shape == (3,)
    assert gradcheck(lambda g: operations.evaluate(loss, x, y, parameters={"gamma": g}), gamma)


def test_weights_and_soft_targets_have_derivatives():
    """A learned weight masks nothing at 0: its derivative is the loss."""
    rng = np.random.default_rng(9)
    scores = rng.normal(size=(4, 3))
    for link in ("sigmoid", "softmax"):
        loss = sum_loss(link, margin.focal(1.7))
        each = Loss(link, margin.focal(1.7), reduction="none")
        y = torch.tensor(rng.uniform(size=(4, 3)))
        weight = torch.tensor([0.0, 1.0, 2.0, 0.0], dtype=torch.float64, requires_grad=True)
        value = operations.evaluate(loss, scores, y, sample_weight=weight)
        (grad,) = torch.autograd.grad(value, weight)
        true = each(scores, y.numpy(), engine="numpy").reshape(4, -1).sum(axis=1)
        frontends.assert_close(grad, true)
        one = torch.zeros(4, dtype=torch.float64)
        tangent = torch.func.jvp(
            lambda w, y=y, loss=loss: operations.evaluate(loss, scores, y, sample_weight=w),
            (one,),
            (one + 1,),
        )[1]
        frontends.assert_close(tangent, true.sum())
        y[:, 1] = 0.0
        y.requires_grad_()
        assert gradcheck(
            lambda y, loss=loss: operations.evaluate(loss, scores, y.clamp(0.0, 1.0)),
            y.detach().clamp(0.1, 0.9).requires_grad_(),
        )
        hidden = scores.copy()
        hidden[2] = np.nan
        kept = np.array([True, True, False, True])
        value = operations.evaluate(loss, hidden, y, where=kept)
        (grad,) = torch.autograd.grad(value, y)
        assert grad.isfinite().all()
        assert not grad[2].any()
        assert grad[0, 1] != 0.0


COMPILED = {
    "value": lambda f: f,
    "grad": torch.func.grad,
    "hessian": torch.func.hessian,
    "per sample": lambda f: torch.func.vmap(torch.func.grad(lambda x: f(x[None])), in_dims=0),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("link", "transform"), [*(("softmax", one) for one in COMPILED), ("sigmoid", "hessian")]
)
def test_compiled(link, transform):
    """One graph, for any shape, containing the closed forms, under torch.func as well."""
    torch._dynamo.reset()
    loss = sum_loss(link, margin.focal(0.5), alpha=0.25)

    def f(x):
        targets = torch.zeros(x.shape[:1], dtype=torch.long) if link == "softmax" else x * 0.0 + 1.0
        return operations.evaluate(loss, x, targets)

    plain = COMPILED[transform](f)
    compiled = torch.compile(plain, fullgraph=True, backend="aot_eager", dynamic=True)
    for rows in (3, 4):
        x = torch.linspace(-60, 60, rows * 3, dtype=torch.float64).reshape(rows, 3)
        torch.testing.assert_close(compiled(x), plain(x), rtol=1e-14, atol=0)


@pytest.mark.slow
def test_compiled_backward_of_a_learned_parameter():
    torch._dynamo.reset()
    gradients = []
    for compiler in (lambda f: f, lambda f: torch.compile(f, fullgraph=True, backend="aot_eager")):
        x = torch.linspace(-60, 60, 9, requires_grad=True)
        gamma = torch.tensor(0.5, requires_grad=True)
        f = compiler(function(Loss("sigmoid", margin.focal()), torch.ones(9)))
        f(x, gamma).backward()
        gradients.append((x.grad, gamma.grad))
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.slow
def test_a_compiled_program_knows_its_loss():
    """A loss that differs only in a number gets another program."""
    torch._dynamo.reset()

    def f(loss, x):
        return operations.evaluate(loss, x, torch.ones_like(x))

    compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
    x = torch.linspace(-3, 3, 5)
    for gamma in (2.0, 3.0):
        for alpha in (None, 0.25, 0.75):
            loss = Loss("sigmoid", margin.focal(gamma), alpha=alpha)
            torch.testing.assert_close(compiled(loss, x), f(loss, x))
