"""PyTorch's two functions: its signatures, and its numbers."""

import inspect

import numpy as np
import pytest

import focalis

torch = pytest.importorskip("torch")
F = torch.nn.functional

N, C = 7, 4
RNG = np.random.default_rng(21)
X = RNG.normal(size=(N, C)) * 3
T = np.array([0, 1, -100, 3, 2, -100, 0])
SOFT = RNG.dirichlet([1.0] * C, size=N)
W = np.array([0.5, 2.0, 1.0, 0.0])
REDUCTIONS = ("none", "sum", "mean")


def as_torch(given):
    return torch.from_numpy(given) if isinstance(given, np.ndarray) else given


def close(actual, expected):
    np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy_with_logits"])
def test_signatures(name):
    ours = inspect.signature(getattr(focalis, name)).parameters
    theirs = inspect.signature(getattr(F, name)).parameters
    dropped = ("size_average", "reduce")  # deprecated since PyTorch 0.4
    expected = [(p.name, p.default) for p in theirs.values() if p.name not in dropped]
    assert [(p.name, p.default) for p in ours.values()] == [*expected, ("engine", "auto")]
    assert ours["engine"].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, W])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("target", [T, SOFT], ids=["index", "soft"])
def test_cross_entropy(target, smoothing, weight, reduction):
    options = {"reduction": reduction, "label_smoothing": smoothing}
    actual = focalis.cross_entropy(X, target, weight, **options, engine="numpy")
    close(actual, F.cross_entropy(as_torch(X), as_torch(target), as_torch(weight), **options))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_ignores_another_index(reduction):
    t = np.where(T < 0, 1, T)
    actual = focalis.cross_entropy(X, t, W, 2, reduction, engine="numpy")
    close(actual, F.cross_entropy(*map(as_torch, (X, t, W)), ignore_index=2, reduction=reduction))


def test_cross_entropy_has_its_class_axis_last():
    x, t = RNG.normal(size=(2, 3, 5, C)), RNG.integers(C, size=(2, 3, 5))
    expected = F.cross_entropy(as_torch(x).movedim(-1, 1), as_torch(t), reduction="none")
    close(focalis.cross_entropy(x, t, reduction="none", engine="numpy"), expected)


def test_cross_entropy_of_one_row():
    close(
        focalis.cross_entropy(X[0], 2, engine="numpy"),
        F.cross_entropy(as_torch(X[0]), torch.tensor(2)),
    )
    close(
        focalis.cross_entropy(X[0], SOFT[0], engine="numpy"),
        F.cross_entropy(as_torch(X[0]), as_torch(SOFT[0])),
    )


def test_where_all_is_ignored_the_mean_is_0():
    assert focalis.cross_entropy(X[:2], [-100, -100], engine="numpy") == 0.0


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "weight",
    [None, W, W[None], RNG.random((N, 1)), RNG.random((N, C)), np.array(2.0)],
    ids=lambda w: str(np.shape(w)),
)
@pytest.mark.parametrize("pos_weight", [None, np.array([3.0]), 2 * W, np.array(0.5)])
def test_binary_cross_entropy_with_logits(pos_weight, weight, reduction):
    actual = focalis.binary_cross_entropy_with_logits(
        X, SOFT, weight, reduction, pos_weight, engine="numpy"
    )
    theirs = F.binary_cross_entropy_with_logits(
        as_torch(X),
        as_torch(SOFT),
        as_torch(weight),
        reduction=reduction,
        pos_weight=as_torch(pos_weight),
    )
    close(actual, theirs)


def test_binary_cross_entropy_with_logits_of_one_dimension():
    x, y, w = X[:, 0].copy(), (T > 1).astype(float), RNG.random(N)
    actual = focalis.binary_cross_entropy_with_logits(x, y, w, pos_weight=[3.0], engine="numpy")
    theirs = F.binary_cross_entropy_with_logits(
        *map(as_torch, (x, y, w)), pos_weight=torch.tensor([3.0], dtype=torch.float64)
    )
    close(actual, theirs)


def test_errors_use_pytorchs_names():
    cases = [
        (focalis.cross_entropy, (X.astype(str), T), {}, TypeError, "^input must be real"),
        (focalis.cross_entropy, (X, T + 7), {}, ValueError, r"^target must be class indices.* 7 "),
        (
            focalis.cross_entropy,
            (X, T[1:]),
            {},
            ValueError,
            r"^target must have shape \(7,\) .*\(6,\)",
        ),
        (focalis.cross_entropy, (X, T, -W), {}, ValueError, r"^weight must lie in \[0, inf\)"),
        (
            focalis.cross_entropy,
            (X, T, W[:2]),
            {},
            ValueError,
            "^weight must have one number.*got 2",
        ),
        (focalis.cross_entropy, (X, SOFT, None, 1), {}, ValueError, "^ignore_index"),
        (focalis.cross_entropy, (X, SOFT, None, "a"), {}, TypeError, "^ignore_index"),
    ]
    binary = focalis.binary_cross_entropy_with_logits
    cases += [
        (binary, (X, SOFT + 2), {}, ValueError, r"^target must be numbers in \[0, 1\]"),
        (binary, (X, SOFT, np.ones(3)), {}, ValueError, r"^weight must .*\(7, 4\).*got \(3,\)"),
        (binary, (X, SOFT, -W), {}, ValueError, "^weight must be non-negative"),
        (binary, (X, SOFT), {"pos_weight": W[:2]}, ValueError, "^pos_weight .*got 2"),
        (binary, (X, SOFT), {"pos_weight": "a"}, TypeError, "^pos_weight"),
        (binary, (X, SOFT), {"reduction": "max"}, ValueError, "^reduction"),
    ]
    for function, args, options, kind, message in cases:
        with pytest.raises(kind, match=message):
            function(*args, **options, engine="numpy")


@pytest.mark.slow
def test_the_default_engine_is_the_fused_one():
    fused = focalis.cross_entropy(X, T)
    assert fused == focalis.cross_entropy(X, T, engine="numba")
    close(fused, F.cross_entropy(as_torch(X), as_torch(T)))
