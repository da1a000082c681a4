"""PyTorch's own published test inputs through our functions, which keep its signatures.

The numbers must equal PyTorch's. Deliberate differences (docs/frameworks/pytorch.md) are recognised from
the input alone, and must then raise, or give 0 where there is nothing to average.
"""

import pytest
import torch

import focalis.torch as F

pytestmark = pytest.mark.slow

inputs = pytest.importorskip("torch.testing._internal.common_methods_invocations")
modules = pytest.importorskip("torch.testing._internal.common_modules")

NAMES = ("cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits")
OPERATIONS = {
    info.name.removeprefix("nn.functional."): info
    for info in inputs.op_db
    if info.name.removeprefix("nn.functional.") in NAMES
}
MODULES = {
    info.module_cls.__name__: info
    for info in modules.module_db
    if info.module_cls.__name__ in ("CrossEntropyLoss", "BCELoss", "BCEWithLogitsLoss")
}


def is_refused(input, args, keywords):
    """Return whether we refuse on purpose: invalid weights, targets or classes."""
    others = (*args, *keywords.values())
    numbers = [t for t in others if isinstance(t, torch.Tensor) and t.is_floating_point()]
    return any((t.detach() < 0).any() or (t.detach() > 1).any() for t in numbers[:1]) or any(
        (t.detach() < 0).any() for t in numbers
    )


def gradient(function, input, args, keywords):
    x = input.detach().clone().requires_grad_()
    value = function(x, *args, **keywords)
    (slopes,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), slopes


def compare(ours, theirs, input, args, keywords, settings=None):
    """Return whether numbers were compared; a module has weights among its settings."""
    try:
        expected = gradient(theirs, input, args, keywords)
    except (RuntimeError, IndexError, ValueError) as error:
        with pytest.raises(type(error)):
            gradient(ours, input, args, keywords)
        return False
    try:
        found = gradient(ours, input, args, keywords)
    except ValueError:
        assert is_refused(input, args, {**keywords, **(settings or {})})
        return False
    if expected[0].isnan().any() and not input.isnan().any():
        assert not found[0].any()  # nothing left to average
        return False
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    return True


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_samples_of_functions(name):
    info, compared = OPERATIONS[name], 0
    for sample in info.sample_inputs("cpu", torch.float64, requires_grad=False):
        compared += compare(
            getattr(F, name), info.op, sample.input, tuple(sample.args), sample.kwargs
        )
    assert compared >= 5


@pytest.mark.parametrize("name", sorted(MODULES))
def test_samples_of_modules(name):
    info, compared = MODULES[name], 0
    samples = info.module_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=False, training=True
    )
    for sample in samples:
        make, call = sample.constructor_input, sample.forward_input
        theirs = info.module_cls(*make.args, **make.kwargs)
        ours = getattr(F, name)(*make.args, **make.kwargs)
        input, *others = call.args
        compared += compare(ours, theirs, input, tuple(others), call.kwargs, make.kwargs)
    assert compared >= 4
