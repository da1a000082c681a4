"""What does not fit raises at once, saying which argument, what was expected and what came."""

import dataclasses
import re

import pytest
import torch

from focalis import Loss, margin
from focalis.errors import renamed
from focalis.torch import apply

CE = Loss("softmax", margin.cross_entropy())
FOCAL = Loss("sigmoid", margin.focal(gamma=2.0))
X = torch.zeros(2, 3, 4)
CLASSES = torch.zeros(2, 4, dtype=torch.int64)
ROWS = torch.ones(2, 4)
ONE = torch.ones(1)
X2 = torch.zeros(2, 3)


def at(position, number, like):
    changed = like.clone()
    changed[position] = number
    return changed


ERRORS = [
    # types
    (TypeError, "logits must be a torch.Tensor, got list", CE, [[1.0]], CLASSES, {}),
    (TypeError, "targets must be a torch.Tensor, got int", CE, X, 3, {}),
    (TypeError, "logits must be floating-point .*, got torch.int64", CE, X.long(), CLASSES, {}),
    (TypeError, "logits must be real numbers, got torch.complex64", CE, X + 0j, CLASSES, {}),
    (TypeError, r"targets .* integers of shape \(2, 4\), got torch.float32", CE, X, ROWS, {}),
    (TypeError, "dense \\(strided\\) tensor, got torch.sparse_coo", CE, X.to_sparse(), CLASSES, {}),
    (TypeError, "where must be boolean.*, got torch.float32", CE, X, CLASSES, {"where": ROWS}),
    (TypeError, "sample_weight must be a torch.Tensor", CE, X, CLASSES, {"sample_weight": 2.0}),
    (TypeError, "normalizer must be .*, got str", CE, X, CLASSES, {"normalizer": "2"}),
    # shapes, in the caller's terms: the class axis is dimension 1
    (
        ValueError,
        r"must have shape \(2, 4\) \(class indices\) or \(2, 3, 4\) .*, got \(2, 3\)",
        CE,
        X,
        torch.zeros(2, 3, dtype=torch.int64),
        {},
    ),
    (ValueError, r"shape of the logits \(2, 3, 4\), got \(2, 4\)", FOCAL, X, ROWS, {}),
    (ValueError, "at least one class, got shape \\(\\)", CE, X.sum(), CLASSES.sum(), {}),
    (ValueError, "at least one class, got shape \\(2, 0\\)", CE, X[:, :0, 0], CLASSES[:, 0], {}),
    (
        ValueError,
        r"sample_weight must have shape \(2, 4\), one for each row, got \(2, 3, 4\)",
        CE,
        X,
        CLASSES,
        {"sample_weight": X},
    ),
    (
        ValueError,
        r"where must have shape \(2, 4\), .* or \(2, 3, 4\), one for each element, got \(3,\)",
        FOCAL,
        X,
        X,
        {"where": torch.ones(3, dtype=torch.bool)},
    ),
    (ValueError, "normalizer must be .*, got shape \\(1,\\)", CE, X, CLASSES, {"normalizer": ONE}),
    (ValueError, "targets must be on cpu.* got a tensor on meta", CE, X, CLASSES.to("meta"), {}),
    # numbers
    (ValueError, r"\[0, 3\), got 3 at position \(1, 2\)", CE, X, at((1, 2), 3, CLASSES), {}),
    (ValueError, r"\[0, 3\), got -1 at position \(0, 3\)", CE, X, at((0, 3), -1, CLASSES), {}),
    (ValueError, r"\[0, 3\), got 7 at position 1", CE, X[..., 0], at(1, 7, CLASSES[:, 0]), {}),
    (ValueError, r"\[0, 1\], got 1.5 at position \(1, 2, 3\)", FOCAL, X, at((1, 2, 3), 1.5, X), {}),
    (ValueError, r"\[0, 1\], got -1.0 at position \(1, 2\)", FOCAL, X2, at((1, 2), -1, X2), {}),
    (ValueError, r"non-negative .*, got -2.0 at position \(1, 2, 3\)", CE, X, at((1, 2, 3), -2, X), {}),
    (ValueError, "sample_weight must be .*, got -1.0", CE, X, CLASSES, {"sample_weight": -ROWS}),
    (ValueError, "normalizer must be .* above 0, got 0", CE, X, CLASSES, {"normalizer": 0}),
    (ValueError, "normalizer must be .* above 0, got -1", CE, X, CLASSES, {"normalizer": -ONE[0]}),
]  # fmt: skip


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize(
    ("error", "message", "loss", "logits", "targets", "options"), ERRORS, ids=[e[1] for e in ERRORS]
)
def test_errors(error, message, loss, logits, targets, options, grad):
    if grad and isinstance(logits, torch.Tensor) and logits.is_floating_point():
        logits = logits.detach().clone().requires_grad_()
    with pytest.raises(error, match=message):
        apply(loss, logits, targets, **options)


def test_positions_do_not_depend_on_the_layout():
    """Class weights move the class axis to the front for the core, and so does channels-last memory."""
    bad = at((1, 2, 3), 1.5, X)
    weighted = dataclasses.replace(FOCAL, class_weight=[1.0, 2.0, 3.0])
    for loss in (FOCAL, weighted):
        for logits in (X, X.transpose(1, 2).contiguous().transpose(1, 2)):
            with pytest.raises(ValueError, match=r"got 1.5 at position \(1, 2, 3\)"):
                apply(loss, logits, bad)


def test_the_first_of_several_bad_targets_is_named():
    with pytest.raises(ValueError, match=re.escape("got 9 at position (0, 1)")):
        apply(CE, X, at((1, 0), 8, at((0, 1), 9, CLASSES)))


def test_a_normalizer_without_a_denominator():
    loss = dataclasses.replace(CE, reduction="sum")
    with pytest.raises(ValueError, match="got it with reduction='sum'"):
        apply(loss, X, CLASSES, normalizer=2.0)


def test_ignore_index_with_a_number_for_each_class():
    loss = dataclasses.replace(CE, ignore_index=1)
    with pytest.raises(ValueError, match=r"^ignore_index applies .* got 1"):
        apply(loss, X, X)


def test_a_caller_s_names_can_be_put_into_errors():
    with (
        pytest.raises(ValueError, match=r"^target must be class indices"),
        renamed(targets="target"),
    ):
        apply(CE, X, CLASSES + 3)


def test_after_an_error_everything_works():
    x = torch.randn(2, 3, requires_grad=True)
    with pytest.raises(ValueError, match="position 1"):
        apply(CE, x, torch.tensor([0, 3]))
    apply(CE, x, torch.tensor([0, 2])).backward()
    assert x.grad.isfinite().all()


def test_a_gradient_needs_places_of_its_own():
    loss = Loss("softmax", margin.cross_entropy())
    leaf = torch.zeros(3, 3, requires_grad=True)
    targets = torch.tensor([0, 1, 2])
    with pytest.raises(ValueError, match="expanded tensor"):
        apply(loss, (leaf[:1] * 1).expand(3, 3), targets, inplace=True)
    with pytest.raises(ValueError, match="or a view of one"):
        apply(loss, leaf[:], targets, inplace=True)


def test_cropped_logits():
    image = torch.randn(1, 3, 200, requires_grad=True)
    cropped, targets = image[:, :, :-50], torch.randint(0, 3, (1, 150))
    ours = torch.autograd.grad(
        apply(Loss("softmax", margin.cross_entropy()), cropped, targets), cropped
    )
    theirs = torch.autograd.grad(torch.nn.functional.cross_entropy(cropped, targets), cropped)
    torch.testing.assert_close(ours, theirs)


def test_the_position_of_a_bad_target_is_that_in_the_tensor():
    y = torch.zeros(2, 3, 4, 2)
    y[1, 2, 3, 0] = 1.5
    loss = Loss("sigmoid", margin.focal(), alpha=(0.2, 0.3, 0.4))
    with pytest.raises(ValueError, match=r"got 1.5 at position \(1, 2, 3, 0\)"):
        apply(loss, torch.zeros(2, 3, 4, 2), y)
