"""The modules: they give their functions' results, and keep settings as PyTorch does."""

import copy
import functools
import inspect
import io
import pickle

import pytest
import registry
import torch

import focalis
import focalis.torch as F
from focalis.named.signatures import functions

X = 2 * torch.randn((4, 3), generator=torch.Generator().manual_seed(0))
SOFT = torch.rand((4, 3), generator=torch.Generator().manual_seed(1))
INDEX = torch.tensor([0, 2, 1, -100])
WEIGHT = torch.tensor([0.5, 2.0, 1.0])

MODULES = {
    "CrossEntropyLoss": (F.cross_entropy, INDEX, {"weight": WEIGHT, "label_smoothing": 0.1}),
    "BCEWithLogitsLoss": (
        F.binary_cross_entropy_with_logits,
        SOFT,
        {"weight": WEIGHT, "pos_weight": WEIGHT + 1},
    ),
    "BCELoss": (F.binary_cross_entropy, SOFT, {"weight": WEIGHT}),
    "BalancedCrossEntropyLoss": (F.balanced_cross_entropy, SOFT, {"alpha": 0.6}),
    "MultilabelSoftmaxCrossEntropyLoss": (
        F.multilabel_softmax_cross_entropy,
        SOFT.round(),
        {"weight": WEIGHT, "reduction": "none"},
    ),
    "SigmoidFocalLoss": (F.sigmoid_focal_loss, SOFT, {"alpha": [0.1, 0.2, 0.3], "gamma": 1.5}),
    "SigmoidFocalStarLoss": (F.sigmoid_focal_star, SOFT, {"gamma": 1.5, "beta": 0.5}),
    "SigmoidGeneralizedCrossEntropyLoss": (
        F.sigmoid_generalized_cross_entropy,
        SOFT,
        {"kappa": 0.5, "weight": WEIGHT},
    ),
    "SigmoidPoly1Loss": (F.sigmoid_poly1, SOFT, {"epsilon": 2.0, "alpha": 0.3}),
    "SoftmaxFocalLoss": (F.softmax_focal_loss, INDEX, {"gamma": 1.5, "weight": WEIGHT}),
    "SoftmaxFocalStarLoss": (F.softmax_focal_star, INDEX, {"gamma": 1.5, "beta": 0.5}),
    "SoftmaxGeneralizedCrossEntropyLoss": (
        F.softmax_generalized_cross_entropy,
        INDEX,
        {"kappa": 0.5, "ignore_index": -100},
    ),
    "SoftmaxPoly1Loss": (F.softmax_poly1, INDEX, {"epsilon": 2.0, "reduction": "sum"}),
}
for _made in functions("torch"):
    MODULES.setdefault(
        _made.module,
        (
            getattr(F, _made.name),
            SOFT if _made.link == "sigmoid" else INDEX,
            registry.unusual(_made.row.margin_loss),
        ),
    )
"""Each module with its function, a target and some settings; by default, its parameters."""

COMPILED = ("CrossEntropyLoss", "BCEWithLogitsLoss", "BCELoss", "SoftmaxFocalLoss")
"""One of each way to kernels: PyTorch's own settings, weights among them, probabilities, the table."""

every_module = pytest.mark.parametrize("name", MODULES)


def made(name):
    _, target, settings = MODULES[name]
    x = X.sigmoid() if name == "BCELoss" else X.clone()
    return getattr(F, name)(**settings), x.requires_grad_(), target


def gradient(value, x):
    return torch.autograd.grad(value.sum(), x)[0]


def values(name, *calls):
    """Return a module's values: with kernels for a few, in operations for the others."""
    _, x, target = made(name)
    if name not in COMPILED:
        return [torch.func.vmap(lambda x, f=f: f(x, target))(x[None])[0] for f in calls]
    return [call(x, target) for call in calls]


def test_every_module_is_tested():
    modules = {name for name in F.__all__ if inspect.isclass(getattr(F, name))}
    assert modules == {*MODULES, "LossModule"}


@pytest.mark.slow
@every_module
def test_a_module_gives_what_its_function_gives(name):
    module, x, target = made(name)
    function, _, settings = MODULES[name]
    both = [module, functools.partial(function, **settings)]
    # In operations, since each has a kernel that would take seconds to compile.
    (gradient, value), expected = (
        torch.func.grad_and_value(lambda x, f=f: f(x, target).sum())(x.detach()) for f in both
    )
    assert torch.equal(value, expected[1])
    assert torch.equal(gradient, expected[0])


@every_module
def test_a_module_has_the_settings_and_defaults_of_its_function(name):
    function = inspect.signature(MODULES[name][0]).parameters
    module = inspect.signature(getattr(F, name)).parameters
    arguments = {"input", "target", "inputs", "targets", "sample_weight", "where", "normalizer"}
    expected = {k: p.default for k, p in function.items() if k not in arguments}
    assert {k: p.default for k, p in module.items()} == expected
    theirs = getattr(torch.nn, name, None)
    if theirs is not None:
        theirs = inspect.signature(theirs).parameters
        assert [*module] == [*theirs]
        assert [p.default for p in module.values()] == [p.default for p in theirs.values()]


@every_module
def test_weights_are_buffers_in_the_state(name):
    module, _, _ = made(name)
    tensors = {k for k, v in MODULES[name][2].items() if isinstance(v, torch.Tensor)}
    assert set(module.state_dict()) == tensors
    assert not list(module.parameters())
    module.double()
    assert all(getattr(module, k).dtype == torch.float64 for k in tensors)
    assert all(getattr(module.to("meta"), k).is_meta for k in tensors)


@pytest.mark.slow
@every_module
def test_a_state_is_saved_and_loaded(name):
    module, _, _ = made(name)
    tensors = {k: v for k, v in MODULES[name][2].items() if isinstance(v, torch.Tensor)}
    others = {k: v for k, v in MODULES[name][2].items() if k not in tensors}
    fresh = getattr(F, name)(**others, **{k: torch.ones_like(v) for k, v in tensors.items()})
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(*values(name, fresh, module))


@pytest.mark.slow
@every_module
@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_modules_are_copied_and_pickled(name, again):
    module, _, _ = made(name)
    other = again(module)
    assert repr(other) == repr(module)
    assert torch.equal(*values(name, other, module))
    assert not {t.data_ptr() for t in other.buffers()} & {t.data_ptr() for t in module.buffers()}


@every_module
def test_the_settings_that_are_no_tensors_are_plain(name):
    module, _, _ = made(name)
    for key, value in module.settings.items():
        plain = (type(None), int, float, str, tuple, torch.Tensor)
        assert isinstance(value, plain), key


def test_what_a_module_prints():
    assert repr(F.SigmoidFocalLoss(gamma=1.5)) == (
        "SigmoidFocalLoss(alpha=0.25, gamma=1.5, reduction='none', label_smoothing=0.0)"
    )
    assert repr(F.BCEWithLogitsLoss(pos_weight=torch.ones(3, 1, 1))) == (
        "BCEWithLogitsLoss(reduction='mean', pos_weight=<3 × 1 × 1>)"
    )
    learnt = F.SoftmaxFocalStarLoss(gamma=torch.nn.Parameter(torch.tensor(2.5)))
    assert repr(learnt).startswith("SoftmaxFocalStarLoss(gamma=2.5, beta=0.0, ignore_index=-100")


@pytest.mark.slow
@every_module
def test_the_loss_of_a_module_computes_the_same(name):
    """Except for PyTorch's denominators, which depend on the tensors of a call."""
    module, _, _ = made(name)
    if name == "BCEWithLogitsLoss":
        module.weight = None
    torch.testing.assert_close(*values(name, module, functools.partial(F.apply, module.loss)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [torch.nn.Parameter, lambda t: t], ids=["parameter", "buffer"])
def test_a_parameter_of_the_margin_loss_may_be_a_tensor(kind):
    module = F.SoftmaxFocalLoss(gamma=kind(torch.tensor(1.5)))
    x = X.clone().requires_grad_()
    value = module(x, INDEX)
    torch.testing.assert_close(value, F.softmax_focal_loss(x, INDEX, gamma=1.5))
    assert "gamma" in module.state_dict()
    assert module.loss.margin_loss == focalis.margin.focal(1.5)
    if list(module.parameters()):
        before = value.item()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        value.backward()
        optimizer.step()
        assert module(x, INDEX).item() < before


def test_weights_may_be_given_as_numbers():
    assert F.SoftmaxFocalLoss(alpha=WEIGHT).alpha == (0.5, 2.0, 1.0)
    module = F.CrossEntropyLoss(weight=[0.5, 2.0, 1.0])
    assert torch.equal(module.weight, WEIGHT)
    assert F.CrossEntropyLoss().weight is None
    assert not F.CrossEntropyLoss().state_dict()


ERRORS = [
    (lambda: F.SoftmaxFocalLoss(gamma=-1), "^gamma of focal must lie in"),
    (lambda: F.CrossEntropyLoss(reduction="max"), "^reduction must be one of"),
    (lambda: F.CrossEntropyLoss(label_smoothing=2), "^label_smoothing must be"),
    (lambda: F.BalancedCrossEntropyLoss(alpha=2), "^alpha must lie in"),
]


@pytest.mark.parametrize(("make", "message"), ERRORS)
def test_wrong_settings_raise_when_the_module_is_made(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.slow
def test_the_arguments_of_a_call_are_passed_on():
    weight, rows = torch.rand(4), torch.tensor([True, True, False, True])
    for module, function in (
        (F.SoftmaxPoly1Loss(), F.softmax_poly1),
        (F.LossModule(focalis.parse("softmax_poly1(epsilon=1, ignore_index=-100)")), None),
    ):
        options = {"sample_weight": weight, "where": rows, "normalizer": torch.tensor(3.0)}
        expected = (function or F.softmax_poly1)(X, INDEX, **options)
        assert torch.equal(module(X, INDEX, **options), expected)


@pytest.mark.slow
def test_loss_module():
    loss = focalis.parse("softmax_focal(gamma=2, label_smoothing=.1)")
    module = F.LossModule(loss)
    assert repr(module) == "LossModule(softmax_focal(gamma=2, label_smoothing=.1))"
    assert pickle.loads(pickle.dumps(module)).loss == copy.deepcopy(module).loss == loss
    expected = F.softmax_focal_loss(X, INDEX.clamp(0), label_smoothing=0.1)
    assert torch.equal(module(X, INDEX.clamp(0)), expected)
    with pytest.raises(TypeError, match=r"^loss must be a focalis\.Loss, got str"):
        F.LossModule("focal")


@pytest.mark.slow
def test_modules_with_weights_compile_without_a_break():
    """All modules run the same code: what changes between them must not become a variable."""
    for name in ("CrossEntropyLoss", "BCEWithLogitsLoss", "SoftmaxFocalLoss"):
        module, x, target = made(name)
        compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
        value, expected = compiled(x, target), module(x, target)
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(gradient(value, x), gradient(expected, x))


@pytest.mark.slow
def test_settings_may_change_between_calls_of_a_compiled_function():
    def step(target, gamma, ignored):
        return F.softmax_focal_loss(X, target, gamma=gamma, ignore_index=ignored)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    for settings in ((0.5, -100), (1.5, -100), (2.5, 1), (0.5, 2)):
        expected = step(INDEX.clamp(0), *settings)
        torch.testing.assert_close(compiled(INDEX.clamp(0), *settings), expected)
