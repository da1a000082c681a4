"""What autograd sees: one gradient, handed out once, and who else can get at it."""

import dataclasses
import subprocess
import sys

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from focalis import Loss, margin
from focalis.inputs.arguments import Arguments
from focalis.torch import _apply, apply
from focalis.torch._operations import evaluate_in_operations

# torch.func itself still uses it.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

CE = Loss("softmax", margin.cross_entropy())
FOCAL = Loss("sigmoid", margin.focal(gamma=2.0))
LOSSES = [dataclasses.replace(loss, reduction=r) for loss in (CE, FOCAL) for r in ("mean", "none")]


def arguments(loss, *shape, dtype=torch.float32):
    """Return non-leaf logits, the leaf behind them, and targets."""
    shape = shape or (6, 3)
    leaf = torch.randn(shape, dtype=dtype, requires_grad=True)
    if loss.link == "softmax":
        return leaf * 1, leaf, torch.randint(0, shape[1], (shape[0], *shape[2:]))
    return leaf * 1, leaf, torch.randint(0, 2, shape).to(dtype)


def in_operations(loss, logits, targets, **options):
    return evaluate_in_operations(loss, Arguments(logits, targets, **options), axis=1)


class Operations(TorchDispatchMode):
    """Records the operations that PyTorch is asked for."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_an_incoming_gradient_of_1_multiplies_nothing(loss):
    x, _, y = arguments(loss)
    value = apply(loss, x, y).sum()
    with Operations() as seen:
        torch.autograd.grad(value, x)
    assert not {"mul", "mul_"} & set(seen.names)
    value = apply(loss, x, y).sum()
    with Operations() as seen:
        torch.autograd.grad(value, x, torch.tensor(2.0))
    assert seen.names.count("mul_") == 1


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_gradient_is_handed_out_once(loss):
    """Changes to the first gradient must not show in the second."""
    x, _, y = arguments(loss)
    value = apply(loss, x, y).sum()
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    kept = first.clone()
    first.zero_()
    (second,) = torch.autograd.grad(value, x, retain_graph=True)
    assert torch.equal(second, kept)
    second.zero_()
    (third,) = torch.autograd.grad(value, x, torch.tensor(3.0), retain_graph=True)
    assert torch.allclose(third, 3 * kept)
    (fourth,) = torch.autograd.grad(value, x)
    assert torch.equal(fourth, kept)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(value, x)


def test_a_second_backward_of_float16_knows_its_factor():
    x, _, y = arguments(CE, dtype=torch.float16)
    value = apply(CE, x, y)
    (first,) = torch.autograd.grad(value, x, torch.tensor(8.0).half(), retain_graph=True)
    (second,) = torch.autograd.grad(value, x, retain_graph=True)
    assert torch.allclose(first, 8 * second, rtol=2e-3)
    assert torch.equal(torch.autograd.grad(value, x, torch.tensor(8.0).half())[0], first)


def test_gradients_add_up_in_a_leaf():
    x, leaf, y = arguments(CE)
    value = apply(CE, x, y)
    value.backward(retain_graph=True)
    once = leaf.grad.clone()
    value.backward()
    assert torch.allclose(leaf.grad, 2 * once)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_gradients_of_any_order(loss):
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    y = arguments(loss, 4, 3, dtype=torch.float64)[2]
    assert torch.autograd.gradcheck(lambda x: apply(loss, x, y), x)
    assert torch.autograd.gradgradcheck(lambda x: apply(loss, x, y), x)


def test_a_gradient_penalty():
    """The derivative of a norm of the gradient, as a training step takes it."""
    x, leaf, y = arguments(FOCAL, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(apply(FOCAL, x, y), x, create_graph=True)
    (ours,) = torch.autograd.grad(gradient.square().sum(), leaf)
    z = leaf.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(in_operations(FOCAL, z, y), z, create_graph=True)
    (expected,) = torch.autograd.grad(gradient.square().sum(), z)
    assert torch.allclose(ours, expected, rtol=1e-10)


def test_many_incoming_gradients_at_once():
    loss = dataclasses.replace(CE, reduction="none")
    x, _, y = arguments(loss)
    value = apply(loss, x, y)
    eye = torch.eye(6)
    (together,) = torch.autograd.grad(value, x, eye, is_grads_batched=True, retain_graph=True)
    for i in range(6):
        (one,) = torch.autograd.grad(value, x, eye[i], retain_graph=True)
        assert torch.equal(together[i], one)
    mapped = torch.func.vmap(lambda g: torch.autograd.grad(value, x, g, retain_graph=True)[0])
    assert torch.equal(mapped(eye), together)


def test_logits_changed_in_place_are_noticed():
    x, _, y = arguments(CE)
    value = apply(CE, x, y)
    x.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


class Mine(torch.Tensor):
    """A subclass without its own operations."""


class Other(torch.Tensor):
    """A subclass with its own operations."""

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


def forward_mode(loss, x, y):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, torch.ones_like(x))
        value = apply(loss, dual, y)
        return forward_ad.unpack_dual(value).tangent


def under_a_mode(loss, x, y):
    with Operations() as seen:
        value = apply(loss, x, y)
    assert "value" in seen.names
    return value


PATHS = {
    "fused": [
        lambda loss, x, y: apply(loss, x, y),
        lambda loss, x, y: apply(loss, x.requires_grad_(), y),
        lambda loss, x, y: apply(loss, torch.nn.Parameter(x), y),
        lambda loss, x, y: apply(loss, x, y, normalizer=torch.tensor(2.0)),
        lambda loss, x, y: apply(loss, x.as_subclass(Mine), y),
        lambda loss, x, y: apply(loss, x.requires_grad_(), y.as_subclass(Mine)),
    ],
    "operator": [
        under_a_mode,
        lambda loss, x, y: make_fx(lambda x: apply(loss, x, y))(x),
        lambda loss, x, y: apply(loss, *map(FakeTensorMode().from_tensor, (x, y))),
    ],
    "operations": [
        lambda loss, x, y: torch.func.grad(lambda x: apply(loss, x, y))(x),
        lambda loss, x, y: torch.func.jvp(lambda x: apply(loss, x, y), (x,), (x,)),
        lambda loss, x, y: torch.func.hessian(lambda x: apply(loss, x, y))(x),
        lambda loss, x, y: torch.func.vmap(lambda x, y: apply(loss, x[None], y[None]))(x, y),
        forward_mode,
        lambda loss, x, y: apply(loss, x, y.requires_grad_()),
        lambda loss, x, y: apply(loss, x, y, sample_weight=torch.ones(6, requires_grad=True)),
        lambda loss, x, y: apply(loss, x, y, normalizer=torch.tensor(2.0, requires_grad=True)),
        lambda loss, x, y: apply(loss, x.to("meta"), y.to("meta")),
        lambda loss, x, y: _apply.apply_along(
            loss, Arguments(x, y, parameters={"gamma": torch.tensor(2.0)})
        ),
    ],
}


def noting(taken, name, function):
    def noted(*args, **options):
        taken.add(name)
        return function(*args, **options)

    return noted


@pytest.mark.parametrize(
    ("path", "call"), [(path, call) for path, calls in PATHS.items() for call in calls]
)
def test_the_path_is_chosen_beforehand(monkeypatch, path, call):
    taken = set()
    for name, attribute in (
        ("fused", "fused"),
        ("operator", "traced"),
        ("operations", "evaluate_in_operations"),
    ):
        monkeypatch.setattr(_apply, attribute, noting(taken, name, getattr(_apply, attribute)))
    x, y = torch.randn(6, 3), torch.randint(0, 2, (6, 3)).float()
    call(FOCAL, x, y)
    assert taken == {path}


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_without_a_gradient_only_the_value_is_computed(monkeypatch, loss):
    def forbidden(*args):
        raise AssertionError("a gradient was asked for")

    x, leaf, y = arguments(loss)
    expected = apply(loss, x, y).detach()
    monkeypatch.setattr("focalis.torch._eager._Fused.apply", forbidden)
    assert torch.equal(apply(loss, x.detach(), y), expected)
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            value = apply(loss, leaf, y)
        assert torch.equal(value, expected)
        assert not value.requires_grad


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_activation_checkpointing(loss, reentrant):
    x, _, y = arguments(loss)

    def head(x):
        return apply(loss, torch.tanh(x * 2), y)

    (expected,) = torch.autograd.grad(head(x).sum(), x)
    leaf = x.detach().requires_grad_()
    checkpoint(head, leaf, use_reentrant=reentrant).sum().backward()
    assert torch.equal(leaf.grad, expected)


def test_checkpointing_keeps_no_gradient_until_it_is_wanted():
    """The gradient is a saved tensor like any other, which hooks may take away and bring back."""
    x, _, y = arguments(CE, 100, 50)
    packed = []

    def pack(tensor):
        packed.append(tensor.shape)
        return tensor.clone()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        value = apply(CE, x, y)
    assert packed == [x.shape, x.shape, y.shape]
    (gradient,) = torch.autograd.grad(value, x)
    assert torch.equal(gradient, torch.autograd.grad(apply(CE, x, y), x)[0])


def test_inplace_writes_the_gradient_over_the_logits():
    for loss in LOSSES:
        x, leaf, y = arguments(loss)
        expected = torch.autograd.grad(apply(loss, x, y).sum(), x)[0]
        value = apply(loss, x, y, inplace=True).sum()
        assert torch.equal(x.detach(), expected)
        value.backward(torch.tensor(2.0))
        assert torch.allclose(leaf.grad, 2 * expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_inplace_with_the_class_axis_in_the_middle(dtype):
    for loss in LOSSES:
        x, _, y = arguments(loss, 2, 3, 4, dtype=dtype)
        expected = torch.autograd.grad(apply(loss, x, y).sum(), x)[0]
        pointer = x.data_ptr()
        (gradient,) = torch.autograd.grad(apply(loss, x, y, inplace=True).sum(), x)
        assert gradient.data_ptr() == pointer
        assert torch.equal(gradient, expected)


def test_inplace_without_a_gradient_writes_nothing():
    x, _, y = arguments(CE)
    x = x.detach()
    before = x.clone()
    assert torch.equal(apply(CE, x, y, inplace=True), apply(CE, x, y))
    assert torch.equal(x, before)
    assert x._version == 0


def test_inplace_is_noticed_by_whoever_has_kept_the_logits():
    _, leaf, y = arguments(CE)
    logits = torch.tanh(leaf)  # saves its result for the backward pass
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        apply(CE, logits, y, inplace=True).backward()


def test_inplace_allows_one_backward_and_no_second_derivative():
    x, _, y = arguments(CE)
    value = apply(CE, x, y, inplace=True)
    value.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=r"one backward.* got a second one"):
        value.backward()
    x, leaf, y = arguments(CE)
    value = apply(CE, x, y, inplace=True)
    with pytest.raises(RuntimeError, match=r"one backward.* got create_graph=True"):
        torch.autograd.grad(value, leaf, create_graph=True)


def test_inplace_where_it_cannot_be():
    x, leaf, y = arguments(CE)
    with pytest.raises(ValueError, match="got a leaf"):
        apply(CE, leaf, y, inplace=True)
    with pytest.raises(ValueError, match="needs another path"):
        torch.func.grad(lambda x: apply(CE, x, y, inplace=True))(x)
    with pytest.raises(ValueError, match="needs another path"), Operations():
        apply(CE, x, y, inplace=True)


PEAK = """
import torch
from focalis import Loss, margin, set_buffer_cache_limit
from focalis.torch import apply

set_buffer_cache_limit(0)
LOSSES = [Loss("softmax", margin.cross_entropy()), Loss("sigmoid", margin.focal(gamma=2.0))]


def targets(loss, n, c):
    return torch.zeros(n, dtype=torch.int64) if loss.link == "softmax" else torch.zeros(n, c)


def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024


def measure(loss, rows, grad, inplace):
    leaf = torch.zeros(1, 1, requires_grad=grad)
    x = leaf + torch.full((rows, 1024), 0.5)
    y = targets(loss, *x.shape)
    y[...] = 0
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = peak()
    value = apply(loss, x, y, inplace=inplace)
    if grad:
        torch.autograd.grad(value, x)
    return (peak() - before) / (4 * x.numel())


for loss in LOSSES:
    for grad, inplace in ((False, False), (True, True), (True, False)):
        measure(loss, 1 << 13, grad, inplace)  # compiles what takes 32 MiB, and starts the threads
        print(measure(loss, 1 << 15, grad, inplace))  # 128 MiB: pages of the threads do not count
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_peak_memory_in_logits_sized_buffers():
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    value_only, in_place, both = (list(map(float, done.stdout.split()))[i::3] for i in range(3))
    assert max(value_only) <= 0.05
    assert max(in_place) <= 0.05
    assert max(both) <= 1.05
    assert min(both) > 0.95  # otherwise this measures nothing


def test_a_second_gradient_has_the_normalizer_of_the_first():
    x, number = torch.zeros(4, 3, requires_grad=True), torch.tensor(2.0)
    value = apply(LOSSES[0], x, torch.zeros(4, dtype=torch.int64), normalizer=number)
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    number.fill_(8.0)
    torch.testing.assert_close(torch.autograd.grad(value, x)[0], first)
