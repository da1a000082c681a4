"""Signatures, errors and public names of the named losses."""

import inspect
import subprocess
import sys

import pytest
import torch

import focalis.torch as F

OWN = {
    "focal_loss": ["alpha", "gamma"],
    "focal_star": ["gamma", "beta"],
    "poly1": ["epsilon"],
    "generalized_cross_entropy": ["kappa"],
}
"""The arguments after input and target, for a sigmoid and for a softmax."""


def parameters(function):
    return {p.name: p.default for p in inspect.signature(function).parameters.values()}


@pytest.mark.parametrize(
    "name", ["cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits"]
)
def test_signatures_begin_as_pytorchs(name):
    theirs = list(parameters(getattr(torch.nn.functional, name)).items())
    ours = list(parameters(getattr(F, name)).items())
    assert ours[: len(theirs)] == theirs
    added = {"sample_weight": None, "where": None, "normalizer": None}
    assert dict(ours[len(theirs) :]) == added


def test_signatures_of_the_others():
    torchvisions = {"alpha": 0.25, "gamma": 2, "reduction": "none"}
    ours = list(parameters(F.sigmoid_focal_loss).items())
    assert [name for name, _ in ours[:2]] == ["inputs", "targets"]
    assert dict(ours[2:5]) == torchvisions
    common = ["weight", "ignore_index", "reduction", "label_smoothing"]
    names = [f"{link}_{name}" for link in ("sigmoid", "softmax") for name in OWN]
    for name in set(names) - {"sigmoid_focal_loss"}:
        given = parameters(getattr(F, name))
        own = OWN[name.partition("_")[2]]
        assert list(given)[: len(own) + 6] == ["input", "target", *own, *common]
        assert {given["weight"], given["reduction"], given["label_smoothing"]} == {
            None,
            "mean",
            0.0,
        }
        assert given["ignore_index"] == (-100 if name.startswith("softmax") else None)
        assert {"sample_weight", "where", "normalizer", "alpha"} <= given.keys()


ERRORS = [
    (lambda x: F.cross_entropy(x, torch.zeros(3).long()), ValueError, r"target .*shape \(2,\)"),
    (lambda x: F.cross_entropy(x, torch.zeros(2)), TypeError, "target .*integers"),
    (lambda x: F.cross_entropy(x, torch.tensor([0, 3])), ValueError, r"target .*3 at position 1"),
    (lambda x: F.cross_entropy([1.0], torch.tensor(0)), TypeError, "input must be a .*Tensor"),
    (lambda x: F.cross_entropy(x, [0, 1]), TypeError, "target must be a .*Tensor"),
    (
        lambda x: F.cross_entropy(x, torch.tensor([0, 1]), weight=torch.ones(2)),
        ValueError,
        "^weight must have one number for each of the 3 classes",
    ),
    (
        lambda x: F.softmax_poly1(x, torch.eye(3)[:2], weight=[1.0, 2.0]),
        ValueError,
        "^weight must have one number for each of the 3 classes",
    ),
    (
        lambda x: F.cross_entropy(x, torch.tensor([0, 1]), weight=-torch.ones(3)),
        ValueError,
        "^weight must be non-negative",
    ),
    (
        lambda x: F.cross_entropy(x, torch.tensor([0, 1]), label_smoothing=1.5),
        ValueError,
        "^label_smoothing must be",
    ),
    (
        lambda x: F.cross_entropy(x, torch.tensor([0, 1]), reduction="max"),
        ValueError,
        "^reduction must be one of",
    ),
    (lambda x: F.sigmoid_focal_loss(x, x), ValueError, r"^targets must be numbers in \[0, 1\]"),
    (
        lambda x: F.sigmoid_focal_loss(x, torch.ones(2, 3), gamma=-1),
        ValueError,
        r"^gamma of focal must lie in \[0, inf\)",
    ),
    (
        lambda x: F.sigmoid_focal_loss(x, torch.ones(2, 3), gamma=[1]),
        TypeError,
        "^gamma of focal must be a real number",
    ),
    (
        lambda x: F.sigmoid_focal_loss(x, torch.ones(2, 3), gamma=torch.ones(3)),
        ValueError,
        r"^gamma must be a number or a tensor without dimensions, got shape \(3,\)",
    ),
    (
        lambda x: F.softmax_focal_loss(x, torch.tensor([0, 1]), gamma=torch.tensor(2j)),
        TypeError,
        "^gamma must be a real number, got a tensor of torch.complex64",
    ),
    (
        lambda x: F.softmax_poly1(x, torch.tensor([0, 1]), epsilon=torch.tensor(-3.0)),
        ValueError,
        r"^epsilon of poly1 must lie in \[-1, inf\), got -3",
    ),
    (
        lambda x: F.apply("focal", x, torch.tensor([0, 1])),
        TypeError,
        "^loss must be a focalis.Loss",
    ),
    (lambda x: F.sigmoid_focal_loss(x, torch.ones(3)), ValueError, r"shape of the inputs \(2, 3\)"),
    (
        lambda x: F.binary_cross_entropy_with_logits(x, torch.ones(2, 3), torch.ones(2)),
        ValueError,
        r"^weight must have a shape that broadcasts to \(2, 3\)",
    ),
    (
        lambda x: F.binary_cross_entropy_with_logits(
            x, torch.ones(2, 3), pos_weight=torch.ones(3, 3)
        ),
        ValueError,
        r"^pos_weight must have a shape that broadcasts to \(2, 3\)",
    ),
    (
        lambda x: F.binary_cross_entropy_with_logits(x, torch.ones(2, 3), -torch.ones(3)),
        ValueError,
        "^weight must be non-negative",
    ),
    (
        lambda x: F.binary_cross_entropy_with_logits(x, torch.ones(2, 3), pos_weight=[1.0]),
        TypeError,
        r"^pos_weight must be a torch\.Tensor, got list",
    ),
    (
        lambda x: F.binary_cross_entropy_with_logits(x, x, pos_weight=-torch.ones(2, 3)),
        ValueError,
        r"^pos_weight must be non-negative .* at position \(0, 0\)",
    ),
    (
        lambda x: F.binary_cross_entropy_with_logits(x, x, x, sample_weight=torch.tensor(2.0)),
        ValueError,
        r"^sample_weight must have shape \(2,\), .* got \(\)",
    ),
    (
        lambda x: F.binary_cross_entropy_with_logits(x, x, x, sample_weight=torch.ones(1, 3)),
        ValueError,
        r"^sample_weight must have shape \(2,\), .* got \(1, 3\)",
    ),
    (
        lambda x: F.binary_cross_entropy_with_logits(x, x, x, sample_weight=2.0),
        TypeError,
        r"^sample_weight must be a torch\.Tensor, got float",
    ),
    (
        lambda x: F.binary_cross_entropy(x, torch.ones(2, 3), 2.0),
        TypeError,
        r"^weight must be a torch\.Tensor, got float",
    ),
    (
        lambda x: F.binary_cross_entropy(x - 9, torch.ones(2, 3)),
        ValueError,
        "^probabilities|^input",
    ),
    (
        lambda x: F.sigmoid_poly1(x, torch.ones(2, 3), reduction="sum", normalizer=2.0),
        ValueError,
        "^normalizer replaces the denominator",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors_name_the_argument_as_the_caller_does(call, error, message):
    with pytest.raises(error, match=message):
        call(torch.tensor([[3.0, 0.0, -2.0], [0.5, 1.0, 1.5]]))


def test_the_public_names():
    assert len(set(F.__all__)) == len(F.__all__)
    for name in F.__all__:
        thing = getattr(F, name)
        text = inspect.getdoc(thing)
        assert text.splitlines()[0].endswith("."), name
        assert ">>> " in text, name
        for parameter in inspect.signature(thing).parameters:
            assert parameter in text, (name, parameter)


def test_without_pytorch_the_extra_is_named():
    script = "import sys; sys.modules['torch'] = None\nimport focalis.torch"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last == 'ImportError: focalis.torch needs PyTorch: pip install "focalis[torch]"'


@pytest.mark.slow
def test_a_number_that_equals_another_is_not_taken_for_it():
    """The losses of settings are kept, by settings that True equals."""
    x, y = torch.zeros(1, 2), torch.tensor([0])
    for name, good in (("gamma", 1), ("label_smoothing", 0.0), ("ignore_index", 1)):
        assert F.softmax_focal_loss(x, y, **{name: good}).isfinite()
        with pytest.raises(TypeError, match=name):
            F.softmax_focal_loss(x, y, **{name: bool(good)})
