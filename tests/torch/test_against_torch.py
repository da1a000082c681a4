"""torch.nn.functional in double precision is the oracle, for any options, shape, type and layout."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import focalis.torch as F

pytestmark = pytest.mark.slow

DTYPES = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 8e-3}
"""The types, and how far results may be from the double ones, relative to the largest number."""

SHAPES = [(3,), (1, 3), (4, 3), (2, 3, 5), (2, 4, 3, 2), (0, 3), (2, 3, 0)]
LAYOUTS = {
    "contiguous": lambda x: x.contiguous(),
    "class axis last in memory": lambda x: (
        x.movedim(min(1, x.ndim - 1), -1).contiguous().movedim(-1, min(1, x.ndim - 1))
    ),
    "every second": lambda x: x.repeat_interleave(2, dim=-1)[..., ::2],
}
reductions = st.sampled_from(["none", "sum", "mean"])
seeds = st.integers(0, 2**32 - 1)


def normal(shape, seed, scale=3.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def uniform(shape, seed):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double()


@st.composite
def inputs(draw):
    """Return logits of some type and layout, and how close to the oracle they must come."""
    dtype, tolerance = draw(st.sampled_from(list(DTYPES.items())))
    layout = LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))]
    x = layout(normal(draw(st.sampled_from(SHAPES)), draw(seeds)).to(dtype))
    return x, tolerance


def differentiated(function, x, seed):
    """Return a function's values, and the gradient of their sum with random factors."""
    x = x.detach().requires_grad_()
    value = function(x)
    value.backward(normal(value.shape, seed, 1.0).to(value.dtype))
    return value.detach(), x.grad


def check(ours, oracle, x, tolerance, seed=0):
    """Compare values and gradients; the only difference is where nothing is left to average."""
    value, gradient = differentiated(ours, x, seed)
    expected, slopes = differentiated(oracle, x.double(), seed)
    assert value.dtype == gradient.dtype == x.dtype
    assert value.shape == expected.shape
    if expected.ndim == 0 and torch.isnan(expected):
        expected, slopes = torch.zeros_like(expected), torch.zeros_like(slopes)
    for got, wanted in ((value, expected), (gradient, slopes)):
        largest = wanted.abs().max().item() if wanted.numel() else 0.0
        torch.testing.assert_close(
            got.double(), wanted, rtol=tolerance, atol=tolerance * max(largest, 1e-3)
        )


@st.composite
def cross_entropies(draw):
    x, tolerance = draw(inputs())
    axis = min(1, x.ndim - 1)
    classes = x.shape[axis]
    rows = [n for i, n in enumerate(x.shape) if i != axis]
    options = {
        "reduction": draw(reductions),
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0])),
    }
    if draw(st.booleans()):
        target = normal(x.shape, draw(seeds)).softmax(axis)
    else:
        target = (uniform(rows, draw(seeds)) * classes).long()
        ignored = draw(st.sampled_from([-100, 1, None]))
        if ignored is not None:
            options["ignore_index"] = ignored
            target[uniform(rows, draw(seeds)) < draw(st.sampled_from([0.3, 1.0]))] = ignored
    weight = draw(st.sampled_from([None, [0.5, 2.0, 0.0, 3.0], [1.5, 0.25, 1.0, 1.0]]))
    return x, tolerance, target, None if weight is None else weight[:classes], options


@given(cross_entropies(), seeds)
def test_cross_entropy(drawn, seed):
    x, tolerance, target, weight, options = drawn

    def loss(function, x):
        given_weight = None if weight is None else torch.tensor(weight, dtype=x.dtype)
        y = target.to(x.dtype) if target.is_floating_point() else target
        return function(x, y, weight=given_weight, **options)

    if target.is_floating_point():
        target = target.to(x.dtype)  # the oracle must see the same numbers
    check(
        lambda x: loss(F.cross_entropy, x),
        lambda x: loss(torch.nn.functional.cross_entropy, x),
        x,
        tolerance,
        seed,
    )


WEIGHT_SHAPES = {
    (3,): [(3,), (1,), ()],
    (1, 3): [(3,), (1, 1)],
    (4, 3): [(3,), (4, 1), (4, 3), (1, 3)],
    (2, 3, 5): [(5,), (3, 1), (3, 5), (2, 1, 1)],
    (2, 4, 3, 2): [(2,), (4, 1, 1), (2, 1, 3, 1), (2, 4, 3, 2)],
    (0, 3): [(3,)],
    (2, 3, 0): [(3, 1)],
}


def each_shape_of(x):
    return st.sampled_from([None, *WEIGHT_SHAPES[tuple(x.shape)]])


@given(inputs(), st.data())
def test_binary_cross_entropy_with_logits(drawn, data):
    x, tolerance = drawn
    target = uniform(x.shape, data.draw(seeds))
    target = target.round() if data.draw(st.booleans()) else target.to(x.dtype).double()
    weights = {
        name: None if shape is None else 2 * uniform(shape, data.draw(seeds)).to(x.dtype)
        for name in ("weight", "pos_weight")
        for shape in [data.draw(each_shape_of(x), label=name)]
    }
    reduction = data.draw(reductions)

    def loss(function, x):
        given_weights = {k: None if w is None else w.to(x.dtype) for k, w in weights.items()}
        return function(x, target.to(x.dtype), reduction=reduction, **given_weights)

    check(
        lambda x: loss(F.binary_cross_entropy_with_logits, x),
        lambda x: loss(torch.nn.functional.binary_cross_entropy_with_logits, x),
        x,
        tolerance,
    )


NEAR_THE_ENDS = [0.0, 1.0, 1e-45, 1e-44, 1e-30, 1e-13, 1e-11, 1 - 1e-7, 1 - 1e-13, 1 - 1e-11]


@given(inputs(), st.data())
def test_binary_cross_entropy(drawn, data):
    x, tolerance = drawn
    p = torch.sigmoid(x)
    ends = torch.tensor(NEAR_THE_ENDS, dtype=torch.float64).to(p.dtype)
    at_an_end = uniform(p.shape, data.draw(seeds)) < 0.3
    p[at_an_end] = ends[(uniform(p.shape, data.draw(seeds)) * len(ends)).long()][at_an_end]
    target = uniform(p.shape, data.draw(seeds))
    target = target.round() if data.draw(st.booleans()) else target.to(p.dtype).double()
    shape = data.draw(each_shape_of(x))
    weight = None if shape is None else uniform(shape, data.draw(seeds)).to(p.dtype)
    reduction = data.draw(reductions)

    def loss(function, p):
        given_weight = None if weight is None else weight.to(p.dtype)
        return function(p, target.to(p.dtype), weight=given_weight, reduction=reduction)

    check(
        lambda p: loss(F.binary_cross_entropy, p),
        lambda p: loss(torch.nn.functional.binary_cross_entropy, p),
        p,
        tolerance,
    )


def torchvision_focal_loss(inputs, targets, alpha=0.25, gamma=2, reduction="none"):
    """The formula of torchvision.ops.sigmoid_focal_loss."""
    p = torch.sigmoid(inputs)
    ce = torch.nn.functional.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    p_t = p * targets + (1 - p) * (1 - targets)
    loss = ce * (1 - p_t) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return {"none": lambda x: x, "mean": torch.mean, "sum": torch.sum}[reduction](loss)


@given(
    inputs(),
    st.sampled_from([0.25, 0.75, 0.0, -1]),
    st.sampled_from([0, 0.5, 1, 2, 3.7]),
    reductions,
    seeds,
)
def test_sigmoid_focal_loss(drawn, alpha, gamma, reduction, seed):
    x, tolerance = drawn
    target = uniform(x.shape, seed).round()
    check(
        lambda x: F.sigmoid_focal_loss(x, target.to(x.dtype), alpha, gamma, reduction),
        lambda x: torchvision_focal_loss(x, target.to(x.dtype), alpha, gamma, reduction),
        x,
        max(tolerance, 1e-9),  # what the oracle loses by q = 1 − p_t
    )


def test_torchvision_itself_where_it_is_installed():
    ops = pytest.importorskip("torchvision.ops")
    x, y = normal((4, 3), 1), uniform((4, 3), 2).round()
    for options in ({}, {"alpha": -1, "gamma": 1.5}, {"reduction": "mean"}):
        torch.testing.assert_close(
            F.sigmoid_focal_loss(x, y, **options), ops.sigmoid_focal_loss(x, y, **options)
        )


def test_soft_targets_mean_the_expectation_and_not_torchvisions_mixture():
    x, y = torch.tensor([1.0]), torch.tensor([0.7])
    ours = F.sigmoid_focal_loss(x, y, alpha=-1).item()
    assert math.isclose(ours, 0.226, abs_tol=5e-4)
    assert math.isclose(torchvision_focal_loss(x, y, alpha=-1).item(), 0.102, abs_tol=5e-4)


NOTHING_LEFT = {
    "cross_entropy": lambda f, x: f.cross_entropy(x, torch.full((4,), -100)),
    "weights of 0": lambda f, x: f.cross_entropy(
        x, torch.zeros(4, dtype=torch.long), weight=x.new_tensor([0.0, 1.0, 1.0])
    ),
    "no elements": lambda f, x: f.binary_cross_entropy_with_logits(x[:0], x.detach()[:0]),
}


@pytest.mark.parametrize("name", NOTHING_LEFT)
def test_the_mean_of_nothing_is_0_and_not_nan(name):
    case = NOTHING_LEFT[name]
    assert case(torch.nn.functional, normal((4, 3), 1)).isnan()
    value, gradient = differentiated(lambda x: case(F, x), normal((4, 3), 1), 0)
    assert value == 0
    assert (gradient == 0).all()


LEGACY = [(None, True), (None, False), (True, None), (False, None), (False, True), (True, False)]


@pytest.mark.parametrize(("size_average", "reduce"), LEGACY)
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("cross_entropy", torch.tensor([0, 2])),
        ("binary_cross_entropy", torch.ones(2, 3)),
        ("binary_cross_entropy_with_logits", torch.ones(2, 3)),
    ],
)
def test_deprecated_arguments_do_what_pytorch_does(name, target, size_average, reduce):
    x = uniform((2, 3), 3).float()
    options = {"size_average": size_average, "reduce": reduce, "reduction": "none"}
    with pytest.warns(UserWarning, match="please use reduction="):
        ours = getattr(F, name)(x, target, **options)
    with pytest.warns(UserWarning, match="please use reduction="):
        theirs = getattr(torch.nn.functional, name)(x, target, **options)
    torch.testing.assert_close(ours, theirs)
