"""The values and gradients of torch.nn.functional, in double precision."""

import numpy as np
import pytest
import registry

from focalis import Loss, margin

torch = pytest.importorskip("torch")
functional = torch.nn.functional

N, C = 11, 4
RNG = np.random.default_rng(71)
X = RNG.normal(size=(N, C)) * 4
LABELS = RNG.integers(C, size=N)
IGNORING = np.where(np.arange(N) % 4 == 1, -100, LABELS)
DENSE = RNG.dirichlet([0.5] * C, size=N)
WEIGHT = np.array([0.5, 2.0, 1.0, 3.0])
TARGETS = RNG.random((N, C))
EACH = np.linspace(0, 2, N * C).reshape(N, C)

every_engine = pytest.mark.parametrize("engine", registry.ENGINES)
every_reduction = pytest.mark.parametrize("reduction", ["none", "sum", "mean"])


def differentiated(function, x, *args, **options):
    """Return torch's value and its gradient, or that of the sum if there are many values."""
    x = torch.tensor(x, requires_grad=True)
    value = function(x, *map(torch.tensor, args), **options)
    value.sum().backward()
    return value.detach().numpy(), x.grad.numpy()


def assert_same(got, expected):
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-12, atol=1e-15)


@every_engine
@every_reduction
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weight"])
@pytest.mark.parametrize("targets", [LABELS, IGNORING, DENSE], ids=["labels", "ignoring", "dense"])
def test_cross_entropy(targets, weight, smoothing, reduction, engine):
    expected = differentiated(
        functional.cross_entropy,
        X,
        targets,
        weight=None if weight is None else torch.tensor(weight),
        ignore_index=-100,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    loss = Loss(
        "softmax",
        margin.cross_entropy(),
        class_weight=None if weight is None else tuple(weight),
        ignore_index=None if targets is DENSE else -100,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    assert_same(loss.value_and_grad(X, targets, engine=engine), expected)


@every_engine
@every_reduction
@pytest.mark.parametrize("pos_weight", [None, WEIGHT], ids=["", "pos_weight"])
@pytest.mark.parametrize("weight", [None, EACH], ids=["", "weight"])
def test_binary_cross_entropy_with_logits(weight, pos_weight, reduction, engine):
    expected = differentiated(
        functional.binary_cross_entropy_with_logits,
        X,
        TARGETS,
        weight=None if weight is None else torch.tensor(weight),
        pos_weight=None if pos_weight is None else torch.tensor(pos_weight),
        reduction=reduction,
    )
    loss = Loss(
        "sigmoid",
        margin.cross_entropy(),
        pos_weight=None if pos_weight is None else tuple(pos_weight),
        reduction=reduction,
    )
    options = {"sample_weight": weight, "engine": engine}
    assert_same(loss.value_and_grad(X, TARGETS, **options), expected)


@every_engine
@every_reduction
def test_binary_cross_entropy_of_probabilities(reduction, engine):
    p = 1 / (1 + np.exp(-X))
    expected = differentiated(functional.binary_cross_entropy, p, TARGETS, reduction=reduction)
    loss = Loss("identity", margin.cross_entropy(), reduction=reduction)
    assert_same(loss.value_and_grad(p, TARGETS, engine=engine), expected)


def sigmoid_focal(x, y, alpha, gamma):
    """Focal loss with hard targets, as in torchvision."""
    p = torch.sigmoid(x)
    loss = functional.binary_cross_entropy_with_logits(x, y, reduction="none")
    p_t = p * y + (1 - p) * (1 - y)
    return (alpha * y + (1 - alpha) * (1 - y)) * loss * (1 - p_t) ** gamma


@every_engine
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 3.3])
def test_sigmoid_focal_loss(gamma, engine):
    y = np.round(TARGETS)
    expected = differentiated(sigmoid_focal, X, y, alpha=0.25, gamma=gamma)
    loss = Loss("sigmoid", margin.focal(gamma=gamma), alpha=0.25, reduction="none")
    got = loss.value_and_grad(X, y, engine=engine)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-9)
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-9, atol=1e-12)


@every_engine
def test_mean_over_nothing_is_the_one_difference(engine):
    """Torch returns NaN if every label is ignored, focalis 0."""
    nothing = np.full(N, -100)
    value, _ = differentiated(functional.cross_entropy, X, nothing)
    assert np.isnan(value)
    loss = Loss("softmax", margin.cross_entropy(), ignore_index=-100)
    value, gradient = loss.value_and_grad(X, nothing, engine=engine)
    assert value == 0
    assert (gradient == 0).all()
