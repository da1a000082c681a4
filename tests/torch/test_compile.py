"""Traced programs: one graph, any shape, the numbers of eager mode."""

import dataclasses
import subprocess
import sys

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch.library import opcheck

import focalis
from focalis import Loss, margin
from focalis.inputs.arguments import Arguments
from focalis.margin import margin_loss
from focalis.torch import _operators, apply
from focalis.torch._losses import parsed
from focalis.torch.losses._call import loss_of

# PyTorch's own compiler still uses it.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")]

CE = Loss("softmax", margin.cross_entropy(), ignore_index=-100)
FOCAL = Loss("sigmoid", margin.focal(gamma=2.0), alpha=0.25, reduction="none")


@margin_loss(tau="(0, inf)")
def squared_miss(m, u, v, p, q, tau=1.0):
    """A user's own margin loss."""
    return tau * q * q, -2 * tau * p * q * q, 2 * tau * p * q * q * (2 * p - q)


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def batch(n, dtype=torch.float32, classes=5):
    x = torch.randn(n, classes).to(dtype).requires_grad_()
    y = torch.randint(0, 2, (n, classes)).to(dtype)
    return x, torch.randint(0, classes, (n,)), y


def both(x, targets, y):
    """Two losses behind an operation, one of them not reduced."""
    return apply(CE, x * 2, targets) + apply(FOCAL, x * 2, y).mean()


def gradient(function, x, *others):
    value = function(x, *others)
    (slopes,) = torch.autograd.grad(value, x)
    return value.detach(), slopes


def same(one, other):
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)


def test_importing_does_not_load_the_compiler():
    """It takes longer than the rest of PyTorch."""
    script = """
import sys, torch
known = set(sys.modules)
import focalis.torch
more = set(sys.modules) - known
print("focalis.torch" in more, [m for m in more if m.startswith(("torch._dynamo", "torch._inductor"))])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "[]"]


@pytest.mark.skipif(torch.__version__ < "2.7", reason="compilers cannot be kept out before 2.7")
def test_where_the_compiler_has_given_up_it_does_not_begin_anew():
    """In a separate process, because the compiler gives up on functions for good."""
    script = """
import torch
import focalis.torch as F
x, targets = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
compiled = torch.compile(lambda x: F.cross_entropy(2 * x, targets), backend="aot_eager")
torch.func.grad(compiled)(x)
print(torch.equal(compiled(x), F.cross_entropy(2 * x, targets)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["True"], "")


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_one_graph_for_all_shapes(backend):
    counter = CompileCounterWithBackend(backend)
    compiled = torch.compile(both, fullgraph=True, backend=counter)
    for n in (8, 8, 16, 33, 7, 64):
        arguments = batch(n)
        same(gradient(compiled, *arguments), gradient(both, *arguments))
    assert counter.frame_count == 2  # one for the first shape, one for all others


def test_dynamic_shapes_from_the_start():
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(both, fullgraph=True, backend=counter, dynamic=True)
    for n in (8, 16, 33):
        arguments = batch(n)
        same(gradient(compiled, *arguments), gradient(both, *arguments))
    assert counter.frame_count == 1


def test_the_graph_holds_the_operator_and_not_its_parts():
    counter = CompileCounterWithBackend("eager")
    compiled = torch.compile(both, fullgraph=True, backend=counter)
    compiled(*batch(4))
    with torch.no_grad():
        compiled(*batch(4))
    with_gradient, without = (
        {str(node.target) for node in graph.graph.nodes if "focalis" in str(node.target)}
        for graph in counter.graphs
    )
    assert with_gradient == {"focalis.value_and_grad.default"}
    assert without == {"focalis.value.default"}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("reduction", ["none", "batchmean"])
def test_types_weights_and_layouts(dtype, reduction):
    losses = [
        Loss("softmax", margin.cross_entropy(), class_weight=[1.0, 0.1, 3.0], reduction=reduction),
        Loss("sigmoid", margin.focal(gamma=2.0), pos_weight=[1.0, 0.1, 3.0], reduction=reduction),
    ]
    x = torch.randn(2, 3, 4).to(dtype).transpose(0, 2).requires_grad_()
    rows = torch.rand(4, 2)
    for loss, targets in zip(
        losses, (torch.randint(0, 3, (4, 2)), torch.rand(4, 3, 2).round()), strict=True
    ):

        def total(x, targets, rows, loss=loss):
            options = {} if loss.reduction == "none" else {"normalizer": 7.5}
            value = apply(loss, x, targets, sample_weight=rows, where=rows > 0.2, **options)
            return (value * value).sum()

        compiled = torch.compile(total, fullgraph=True, backend="aot_eager")
        ours, slopes = gradient(compiled, x, targets, rows)
        expected, true = gradient(total, x, targets, rows)
        assert torch.allclose(ours, expected, rtol=2e-2 if dtype == torch.bfloat16 else 1e-12)
        assert torch.allclose(slopes, true, rtol=2e-2 if dtype == torch.bfloat16 else 1e-12)
        assert slopes.stride() == true.stride()


def test_autocast_inside():
    def step(x, targets):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return apply(CE, x, targets)

    x, targets, _ = batch(6, torch.bfloat16)
    value = torch.compile(step, fullgraph=True, backend="aot_eager")(x, targets)
    assert value.dtype == torch.float32
    assert torch.equal(value, step(x, targets))


def test_a_count_of_positives():
    loss = dataclasses.replace(FOCAL, reduction="mean")

    def step(x, y):
        return apply(loss, x, y, normalizer=y.sum().clamp(min=1.0))

    x, _, y = batch(6)
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    same(gradient(compiled, x, y), gradient(step, x, y))


def test_a_margin_loss_of_ones_own():
    loss = Loss("sigmoid", squared_miss(tau=0.3))
    x, _, y = batch(6)
    compiled = torch.compile(lambda x, y: apply(loss, x, y), fullgraph=True, backend="aot_eager")
    same(gradient(compiled, x, y), gradient(lambda x, y: apply(loss, x, y), x, y))


def test_the_text_of_a_loss_keeps_every_bit():
    loss = Loss("softmax", margin.focal(gamma=0.1 + 0.2), class_weight=[1 / 3, 1e-300, 2.0**60])
    assert parsed(str(loss)) == loss


def test_a_compiler_to_which_a_loss_is_no_constant(monkeypatch):
    from focalis.torch import _constants

    monkeypatch.setattr(_constants, "_TAKES_LOSSES", False)
    losses = [FOCAL, Loss("sigmoid", margin.focal(gamma=0.1 + 0.2), pos_weight=[1, 2, 3, 4, 5])]
    used = losses[:1]
    x, _, y = batch(6)

    def step(x, y):
        return apply(used[0], x, y).sum()

    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(step, fullgraph=True, backend=counter)
    for loss in (*losses, *losses, Loss("sigmoid", FOCAL.margin_loss)):
        used[0] = loss
        same(gradient(compiled, x, y), gradient(step, x, y))
    assert 2 <= counter.frame_count <= 4


def test_losses_that_are_made_while_tracing():
    def step(x, targets, gamma):
        loss = loss_of("softmax", "focal", {"gamma": gamma}, {"label_smoothing": 0.1})
        return apply(loss, x, targets) + apply(
            loss_of("softmax", "cross_entropy", {}, {}), x, targets
        )

    x, targets, _ = batch(6)
    counter = CompileCounterWithBackend("eager")
    compiled = torch.compile(step, fullgraph=True, backend=counter)
    for gamma in (2.0, 2.0, 1.5, 0.1 + 0.2):
        same(gradient(compiled, x, targets, gamma), gradient(step, x, targets, gamma))
    assert counter.frame_count == 3


def test_learnable_parameters_and_second_derivatives_are_no_operator():
    from focalis.torch._apply import apply_along

    def step(x, y, gamma):
        return apply_along(FOCAL, Arguments(x, y, parameters={"gamma": gamma})).sum()

    x, _, y = batch(6)
    gamma = torch.tensor(2.0, requires_grad=True)
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    ours = torch.autograd.grad(compiled(x, y, gamma), (x, gamma))
    same(ours, torch.autograd.grad(step(x, y, gamma), (x, gamma)))


def test_torch_func_inside():
    def step(x, targets):
        return torch.func.grad(lambda x: apply(CE, x, targets))(x)

    x, targets, _ = batch(6)
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    same([compiled(x, targets)], [gradient(lambda x: apply(CE, x, targets), x)[1]])


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 5)

    def forward(self, features, targets):
        return apply(CE, self.layer(features), targets)


@pytest.mark.parametrize("strict", [True, False])
def test_export(strict):
    model, features, targets = Model(), torch.randn(6, 4), torch.randint(0, 5, (6,))
    n = torch.export.Dim("n", min=2)
    program = torch.export.export(
        model, (features, targets), dynamic_shapes=({0: n}, {0: n}), strict=strict
    )
    assert any("focalis" in str(node.target) for node in program.graph.nodes)
    features, targets = torch.randn(9, 4), torch.randint(0, 5, (9,))
    assert torch.allclose(program.module()(features, targets), model(features, targets))


def test_an_exported_program_can_be_trained():
    model, features, targets = Model(), torch.randn(6, 4), torch.randint(0, 5, (6,))
    program = torch.export.export(model, (features, targets)).module()
    program(features, targets).backward()
    model(features, targets).backward()
    assert torch.allclose(program.layer.weight.grad, model.layer.weight.grad, atol=1e-7)


def test_a_bad_target_is_found_when_the_program_runs():
    compiled = torch.compile(lambda x, t: apply(CE, x, t), fullgraph=True, backend="aot_eager")
    x, targets, _ = batch(4)
    targets[2] = 5
    with pytest.raises(ValueError, match=r"class indices in \[0, 5\), got 5 at position 2"):
        compiled(x, targets)


SAMPLES = {
    "class indices": lambda: (*batch(4)[:2], None, None, None, str(CE), 1, torch.float32),
    "elements": lambda: (
        *batch(4)[::2], torch.rand(4, 5), None, None, str(FOCAL), 1, torch.float32,
    ),
    "rows": lambda: (
        torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True),
        torch.randint(0, 3, (2, 4)),
        torch.rand(2, 4),
        torch.rand(2, 4) > 0.3,
        torch.tensor(3.0),
        str(dataclasses.replace(CE, reduction="batchmean")),
        1,
        torch.float64,
    ),
}  # fmt: skip


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("operator", [_operators._value, _operators._value_and_grad], ids=str)
def test_opcheck(operator, sample):
    arguments = SAMPLES[sample]()
    if operator is _operators._value:
        arguments = (arguments[0].detach(), *arguments[1:])
    opcheck(operator, arguments)


def test_the_gradient_of_the_operator_has_a_gradient_of_its_own():
    """Nothing calls it like this, but an exported program could: it must not count as a constant."""
    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    _, targets, y = batch(4, torch.float64)
    for loss, t in ((CE, targets), (FOCAL, y)):

        def value(x, loss=loss, t=t):
            return _operators._value_and_grad(x, t, None, None, None, str(loss), 1, torch.float64)[
                0
            ]

        assert torch.autograd.gradcheck(value, x)
        assert torch.autograd.gradgradcheck(value, x)


def test_parsed_losses_are_kept():
    assert parsed(str(CE)) is parsed(str(CE))
    assert isinstance(focalis.parse(str(CE)), Loss)
