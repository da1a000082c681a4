"""The same bad input on every path: an error where numbers can be read, else NaN, never a number.

All functions are covered, so that none is forgotten: a new function is added to the list automatically.
"""

import inspect
import math

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad

import focalis.torch as F
from focalis import Loss, margin

# PyTorch's own transforms still use it.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

FUNCTIONS = sorted(
    name
    for name in F.__all__
    if inspect.isfunction(getattr(F, name))
    and "normalizer" in inspect.signature(getattr(F, name)).parameters
    and name != "apply"
)
PARAMETERS = ("gamma", "epsilon", "kappa")
CLASSES = 3


class Plain(torch.Tensor):
    """A subclass like most."""


class Curious(torch.Tensor):
    """A subclass that looks at what functions return, as MONAI's MetaTensor does."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        result = super().__torch_function__(function, types, args, kwargs or {})
        for part in result if hasattr(result, "_fields") else (result,):
            if isinstance(part, torch.Tensor) or part is not result:
                part.meta = "noted"  # impossible for the None in a named tuple
        return result


def is_softmax(name):
    return "softmax" in name or name == "cross_entropy"


def batch(name, index):
    """Return probabilities or logits, and targets, that any function accepts."""
    x = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.25, 0.35, 0.4]])
    if name != "binary_cross_entropy":
        x = 4.0 * x
    return x, torch.tensor([0, 2, 1]) if index else torch.eye(3)


def forms(name):
    if name == "multilabel_softmax_cross_entropy":
        return (False,)
    return (True, False) if is_softmax(name) else (False,)


CALLS = [(name, index) for name in FUNCTIONS for index in forms(name)]
IDS = [f"{name} of {'indices' if index else 'numbers'}" for name, index in CALLS]


def changed(tensor, number):
    """Return a tensor with one bad entry."""
    result = tensor.clone()
    result.view(-1)[1] = number
    return result


def bad_inputs(name, index):
    """Yield what is wrong, targets and keywords."""
    _, y = batch(name, index)
    for number in (7, -1) if index else (-0.5, math.nan) if is_softmax(name) else (1.5, math.nan):
        yield "target", changed(y, number), {}
    rows = torch.ones(3)
    for number in (math.nan, -3.0, math.inf):
        yield "sample_weight", y, {"sample_weight": changed(rows, number)}
    for number in (math.nan, -1.0, 0.0):
        yield "normalizer", y, {"normalizer": torch.tensor(number)}
        yield "normalizer", y, {"normalizer": number}
    own = inspect.signature(getattr(F, name)).parameters
    for weight in {"weight", "pos_weight"} & own.keys():
        for number in (math.nan, -1.0):
            yield weight, y, {weight: changed(torch.ones(CLASSES), number)}


def learnt(function):
    """Return a keyword of the function that can be learned, if there is one."""
    for name in PARAMETERS:
        if name in inspect.signature(function).parameters:
            return {name: torch.tensor(0.5, requires_grad=True)}
    return None


def in_forward_mode(f, x, y, options):
    with forward_ad.dual_level():
        return f(forward_ad.make_dual(x, torch.ones_like(x)), y, **options)


def wanted(given):
    """Return tensors that require a gradient, if they can."""
    if isinstance(given, torch.Tensor) and given.is_floating_point():
        return given.clone().requires_grad_()
    return given


READABLE = {
    "value": lambda f, x, y, o: f(x, y, **o),
    "gradient": lambda f, x, y, o: f(wanted(x), y, **o),
    "learnt": lambda f, x, y, o: f(wanted(x), y, **(learnt(f) or {}), **o),
    "func.grad": lambda f, x, y, o: torch.func.grad(lambda z: f(z, y, **o))(x),
    "func.hessian": lambda f, x, y, o: torch.func.hessian(lambda z: f(z, y, **o))(x),
    "grad of all": lambda f, x, y, o: torch.func.grad(lambda z, o: f(z, y, **o))(
        x, {k: v for k, v in o.items() if isinstance(v, torch.Tensor)} | o
    ),
    "forward mode": in_forward_mode,
    "targets and weights with gradients": lambda f, x, y, o: f(
        wanted(x), wanted(y), **{k: wanted(v) for k, v in o.items()}
    ),
    "subclass": lambda f, x, y, o: f(
        *(v.as_subclass(Plain) for v in (x, y)),
        **{k: v.as_subclass(Plain) if isinstance(v, torch.Tensor) else v for k, v in o.items()},
    ),
    "targets of a subclass": lambda f, x, y, o: f(x, y.as_subclass(Curious), **o),
    "curious subclass, learnt": lambda f, x, y, o: f(
        x.as_subclass(Curious), y, **(learnt(f) or {}), **o
    ),
    "many logits, one target": lambda f, x, y, o: torch.func.vmap(lambda z: f(z, y, **o))(
        torch.stack([x, x])
    ),
    "no autograd": lambda f, x, y, o: torch.inference_mode()(f)(x, y, **o),
    "a default device": lambda f, x, y, o: on_default_device(f, x, y, o),
}
"""Paths on which the numbers are in plain memory, whatever wraps it."""


FEW = ("learnt", "func.grad")
REPRESENTATIVES = (
    "cross_entropy",
    "softmax_focal_loss",
    "sigmoid_focal_loss",
    "binary_cross_entropy",
)
WALKS = [
    (name, index, path)
    for name, index in CALLS
    for path in (READABLE if name in REPRESENTATIVES else FEW)
]
"""Every function on paths in operations; a few, for which there are kernels to compile, on all paths."""

COMPILED = [(name, index) for name, index in CALLS if name in REPRESENTATIVES]


def on_default_device(f, x, y, options):
    with torch.device("cpu"):
        return f(wanted(x), y, **options)


@pytest.mark.parametrize(("name", "index", "path"), WALKS)
def test_what_can_be_read_raises(name, index, path):
    function, (x, y) = getattr(F, name), batch(name, index)
    call = READABLE[path]
    options = {"reduction": "mean"}
    result = call(function, x, y, options)
    assert result.isfinite().all()
    for wrong, target, given in bad_inputs(name, index):
        with pytest.raises(ValueError, match=f"^{wrong}s? must|^sample_weight must") as caught:
            call(function, x, target, options | given)
        kind = IndexError if wrong == "target" and index else RuntimeError
        assert isinstance(caught.value, kind), (wrong, given)


@pytest.mark.parametrize(
    ("name", "index", "path"), [walk for walk in WALKS if walk[2] in ("value", *FEW)]
)
def test_what_does_not_count_may_be_bad(name, index, path):
    function, (x, _) = getattr(F, name), batch(name, index)
    call, where = READABLE[path], torch.tensor([False, False, True])
    for wrong, target, given in bad_inputs(name, index):
        if wrong in ("target", "sample_weight"):
            options = {"reduction": "mean", "where": where} | given
            assert call(function, x, target, options).isfinite().all(), (wrong, given)
    options = {"reduction": "mean", "sample_weight": torch.tensor([0.0, 0.0, 1.0])}
    for wrong, target, _ in bad_inputs(name, index):
        if wrong == "target":
            assert call(function, x, target, options).isfinite().all(), wrong


@pytest.mark.parametrize(("name", "index"), COMPILED)
def test_the_type_of_the_result_is_what_pytorch_would_give(name, index):
    function, (x, y) = getattr(F, name), batch(name, index)
    for kind in (Plain, Curious):
        x.grad = None
        x.requires_grad_()
        theirs = torch.nn.functional.binary_cross_entropy_with_logits
        expected = theirs(x.as_subclass(kind), torch.eye(3))
        for reduction in ("mean", "none"):
            for logits, targets in ((x.as_subclass(kind), y), (x, y.as_subclass(kind))):
                result = function(logits, targets, reduction=reduction)
                assert type(result) is type(expected) is kind
                assert torch.equal(
                    result.as_subclass(torch.Tensor), function(x, y, reduction=reduction)
                )
                result.sum().backward()
        slopes, x.grad = x.grad, None
        for reduction in ("mean", "mean", "none", "none"):
            function(x, y, reduction=reduction).sum().backward()
        torch.testing.assert_close(slopes.as_subclass(torch.Tensor), x.grad)


def test_a_negative_weight_of_a_class_that_does_not_occur_raises():
    x, y = torch.randn(3, 3), torch.tensor([1, 1, 1])
    for weight in ([-1.0, 1.0, 1.0], [1.0, 1.0, math.inf]):
        for given in (weight, torch.tensor(weight), torch.tensor(weight, requires_grad=True)):
            with pytest.raises(ValueError, match=r"^weight must"):
                F.cross_entropy(x, y, weight=given)


def test_a_weight_of_0_hides_no_class_out_of_range():
    weight = torch.tensor([1.0, 1.0, 0.0])
    with pytest.raises(IndexError, match="got 7 at position 1"):
        F.cross_entropy(torch.randn(2, 3), torch.tensor([0, 7]), weight=weight)


def test_positions_are_the_caller_s_on_the_other_paths_too():
    y = torch.zeros(2, 3, 4).double()
    y[1, 2, 3] = 1.5
    with pytest.raises(ValueError, match=r"got 1.5 at position \(1, 2, 3\)"):
        torch.func.grad(lambda z: F.sigmoid_focal_loss(z, y, reduction="sum"))(torch.zeros(2, 3, 4))
    with pytest.raises(ValueError, match=r"got 9 at position \(1, 2\)"):
        F.softmax_focal_loss(
            torch.zeros(2, 3, 4), torch.tensor([[0] * 4, [0, 0, 9, 0]]), gamma=torch.tensor(1.0)
        )


UNREADABLE = {
    "mapped targets": lambda f, x, y, w: torch.func.vmap(
        lambda x, y, w: f(x[None], y[None], sample_weight=w[None], reduction="sum")
    )(x, y, w),
}


@pytest.mark.parametrize("path", UNREADABLE)
@pytest.mark.parametrize(("name", "index"), CALLS, ids=IDS)
def test_what_cannot_be_read_is_nan(name, index, path):
    function, (x, y) = getattr(F, name), batch(name, index)
    call = UNREADABLE[path]
    ones = torch.ones(3)
    assert call(function, x, y, ones).isfinite().all()
    target = changed(y, 7 if index else -0.5)
    assert call(function, x, target, ones).isnan().any()


def test_weights_that_cannot_be_read_may_be_0():
    x, y = torch.zeros(3, 3), torch.tensor([0, 7, 1])
    mapped = torch.func.vmap(lambda w: F.softmax_focal_loss(x, y, sample_weight=w, reduction="sum"))
    found = mapped(torch.tensor([[1.0, 0.0, 1.0], [0.5, 1.0, 1.0]]))
    assert found.isfinite().tolist() == [True, False]


@pytest.mark.parametrize("device", ["meta", "fake"])
def test_where_there_are_no_numbers_none_are_read(device):
    """Without memory nothing can be said against a target."""
    mode = FakeTensorMode()
    for name, index in CALLS:
        given = batch(name, index)
        if device == "meta":
            x, y = (tensor.to("meta") for tensor in given)
        else:
            x, y = (mode.from_tensor(tensor) for tensor in given)
        assert getattr(F, name)(x, y, reduction="none").shape[0] == 3


def test_apply_is_as_the_named_functions():
    x, y = torch.randn(3, 3), torch.tensor([0, 7, 1])
    loss = Loss("softmax", margin.focal(gamma=2.0))
    for call in (
        lambda: F.apply(loss, x, y),
        lambda: F.apply(loss, x, y.as_subclass(Plain)),
        lambda: torch.func.grad(lambda z: F.apply(loss, z, y))(x),
        lambda: F.apply(loss, x, y, parameters={"gamma": torch.tensor(1.0, requires_grad=True)}),
        lambda: F.LossModule(loss)(x, y),
    ):
        with pytest.raises(IndexError, match=r"^targets must be class indices"):
            call()
    with pytest.raises(RuntimeError, match=r"^logits must be "):
        F.apply(loss, x.long(), y)
