"""A small batch takes the shortest way to a kernel, and gives what the driver gives."""

import numpy as np
import pytest

from focalis import Loss, margin
from focalis.inputs.arguments import Arguments
from focalis.loss import Wanted, evaluate, evaluate_small

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LABELS = np.array([0, 1, 2, 3, 2, 1])
ANSWERS = np.random.default_rng(1).uniform(size=(6, 4)).astype(np.float32)

SETTINGS = [
    {},
    {"alpha": 0.25},
    {"reduction": "sum"},
    {"reduction": "batchmean"},
    {"ignore_index": -100},
]


@pytest.mark.parametrize("link", ["sigmoid", "softmax"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_it_is_what_the_driver_gives(link, settings):
    loss = Loss(link, margin.focal(2.0), **settings)
    targets = LABELS if link == "softmax" else ANSWERS
    small = evaluate_small(loss, X, targets, -1, grad=True)
    assert small is not None
    # A gradient written to `out` is the driver's.
    value, grad, _ = evaluate(loss, Arguments(X, targets), Wanted(1, (np.empty_like(X), None)))
    assert small[0] == value
    np.testing.assert_array_equal(small[1], grad)
    assert type(loss(X, targets)) is np.float64


@pytest.mark.parametrize(
    ("loss", "x", "targets"),
    [
        (Loss("softmax", margin.focal(2.0), reduction="none"), X, LABELS),
        (Loss("softmax", margin.focal(2.0), label_smoothing=0.1), X, LABELS),
        (Loss("softmax", margin.focal(2.0), class_weight=(1, 2, 3, 4)), X, LABELS),
        (Loss("softmax", margin.focal(2.0), alpha=(1, 2, 3, 4)), X, LABELS),
        (Loss("softmax", margin.focal(2.0), ignore_index=2), X, LABELS),
        (Loss("sigmoid", margin.focal(2.0), ignore_index=1), X, ANSWERS),
        (Loss("softmax", margin.focal(2.0)), X, LABELS.astype(np.int32)),
        (Loss("softmax", margin.focal(2.0)), X, ANSWERS),
        (Loss("softmax", margin.focal(2.0)), X, LABELS[:5]),
        (Loss("softmax", margin.focal(2.0)), X.T[:, ::-1], LABELS[:4]),
        (Loss("softmax", margin.focal(2.0)), X.astype(">f4"), LABELS),
        (Loss("softmax", margin.focal(2.0)), X.astype(np.float16), LABELS),
        (Loss("softmax", margin.focal(2.0)), X[:0], LABELS[:0]),
        (Loss("softmax", margin.focal(2.0)), X, LABELS + 1),
        (Loss("sigmoid", margin.focal(2.0)), X, ANSWERS + 1),
        (Loss("sigmoid", margin.focal(2.0)), X, ANSWERS.astype(np.float64)),
        (Loss("sigmoid", margin.focal(2.0), pos_weight=1e38), X, ANSWERS),
        (Loss("sigmoid", margin.focal(2.0), pos_weight=1e-30), X, ANSWERS),
        (Loss("simplex", margin.focal(2.0)), np.full((6, 4), 0.25, np.float32), LABELS),
    ],
)
def test_it_leaves_the_rest_to_the_driver(loss, x, targets):
    assert evaluate_small(loss, x, targets, -1, grad=True) is None


def test_more_is_asked_for_than_it_knows():
    loss = Loss("softmax", margin.focal(2.0))
    kept = np.array([True, True, True, False, True, True])
    for options in ({"where": kept}, {"sample_weight": np.arange(6.0)}, {"normalizer": 2.0}):
        assert loss(X, LABELS, **options) != loss(X, LABELS)
    with pytest.raises(ValueError, match="engine must be one of"):
        loss(X, LABELS, engine="cuda")
    out = np.empty_like(X)
    assert loss.value_and_grad(X, LABELS, out=out)[1] is out


def test_many_numbers_of_classes():
    """A loss keeps kernels by type and number of classes; many numbers of classes push out the first."""
    loss = Loss("softmax", margin.focal(2.0))
    first = loss(X, LABELS)
    for n in range(2, 40):
        x = np.zeros((3, n), np.float32)
        # n equal logits: p = 1/n, −(1 − p)² log p.
        expected = (1 - 1 / n) ** 2 * np.log(n)
        np.testing.assert_allclose(loss(x, np.zeros(3, np.int64)), expected, rtol=1e-6)
    assert loss(X, LABELS) == first
