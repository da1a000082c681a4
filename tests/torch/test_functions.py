"""The named losses against their definitions, in double precision."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracle import Margin, at_margin, mp, phi, slope

import focalis.torch as F
from focalis import margin
from focalis.torch.losses._weights import is_constant

pytestmark = pytest.mark.slow

FAMILIES = {
    ending: family
    for family in margin.FAMILIES
    for ending in (family, f"{family}_loss")
    if hasattr(F, f"softmax_{ending}")
}
"""The margin loss behind each ending of a function's name."""

NAMES = [f"{link}_{ending}" for link in ("sigmoid", "softmax") for ending in FAMILIES]
COMPILED = ["sigmoid_focal_loss", "softmax_focal_loss"]
"""Those whose kernels are worth compiling here: the others differ in φ alone."""


class Phi(torch.autograd.Function):
    """φ of a margin and its parameters by the oracle, with the oracle's slopes."""

    @staticmethod
    def forward(ctx, family, names, m, *parameters):
        ctx.save_for_backward(m, *parameters)
        ctx.family, ctx.names = family, names
        return Phi.each(phi, family, names, m, [p.item() for p in parameters])

    @staticmethod
    def backward(ctx, gradient):
        m, *parameters = ctx.saved_tensors
        numbers = [p.item() for p in parameters]
        by_m = Phi.each(slope, ctx.family, ctx.names, m, numbers)
        by_parameters = []
        for i in range(len(numbers)):

            def at(margin, point, i=i):
                def changed(number):
                    given = [*numbers[:i], number, *numbers[i + 1 :]]
                    return phi(
                        Margin(margin.name, tuple(zip(ctx.names, given, strict=True))), point
                    )

                return mp.diff(changed, mp.mpf(numbers[i]))

            by_parameters.append((gradient * Phi.each(at, ctx.family, ctx.names, m, numbers)).sum())
        return None, None, gradient * by_m, *by_parameters

    @staticmethod
    def each(function, family, names, m, numbers):
        margin = Margin(family, tuple(zip(names, numbers, strict=True)))
        found = [float(function(margin, at_margin(mp.mpf(x)))) for x in m.reshape(-1).tolist()]
        return torch.tensor(found, dtype=torch.float64).reshape(m.shape)


def phi_of(ending, parameters):
    """Return φ of a margin, with the function's own defaults for what is not given."""
    family = FAMILIES.get(ending, "cross_entropy")
    defaults = getattr(margin, family)().parameters
    given = [
        torch.as_tensor(parameters.get(k, v), dtype=torch.float64) for k, v in defaults.items()
    ]
    return lambda m: Phi.apply(family, tuple(defaults), m, *given)


def split(name):
    link, _, ending = name.partition("_")
    return link, ending


def logits(*shape, seed=0):
    x = 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()
    return x.requires_grad_()


def numbers(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double()


def by_definition(name, x, target, **options):
    """Return the loss as `focalis.torch` describes it, written out without regard to rounding."""
    link, ending = split(name)
    value = phi_of(ending, options)
    classes = x.shape[1]
    along = (1, classes, *(1,) * (x.ndim - 2))
    weight = options.get("weight")
    weight = torch.ones(classes) if weight is None else torch.as_tensor(weight)
    weight = weight.double().reshape(along)
    alpha, epsilon = options.get("alpha"), options.get("label_smoothing", 0.0)
    each = options.get("sample_weight", torch.ones(()))
    if link == "sigmoid":
        y = target * (1 - epsilon) + epsilon / 2
        yes, no = value(x), value(-x)
        if alpha is not None:
            alpha = torch.as_tensor(alpha, dtype=torch.float64)
            alpha = alpha.reshape(along) if alpha.ndim else alpha
            yes, no = alpha * yes, (1 - alpha) * no
        each = each if each.ndim in (0, x.ndim) else each.unsqueeze(1)
        loss = each * weight * (y * yes + (1 - y) * no)
        counted = torch.tensor(x.numel())
    else:
        others = torch.stack([x[:, [j for j in range(classes) if j != k]] for k in range(classes)])
        m = x - others.logsumexp(2).movedim(0, 1)
        dense = target.shape == x.shape
        row = each.expand(x[:, 0].shape)
        if dense:
            y = target
        else:
            row = row * (target != options.get("ignore_index", -100))
            y = torch.nn.functional.one_hot(target.clamp(0), classes).movedim(-1, 1).double()
        y = y * (1 - epsilon) + epsilon / classes
        factor = (
            1.0 if alpha is None else torch.as_tensor(alpha, dtype=torch.float64).reshape(along)
        )
        loss = row * (weight * factor * y * value(m)).sum(1)
        counted = row.sum() if dense else (row * weight.reshape(-1)[target.clamp(0)]).sum()
    reduction = options.get("reduction", "mean")
    if reduction in ("mean", "batchmean"):
        per_row = torch.tensor(x.numel() // classes)
        counted = counted if reduction == "mean" else per_row
        return loss.sum() / options.get("normalizer", counted)
    return loss.sum() if reduction == "sum" else loss


def gradients(value, *tensors):
    return torch.autograd.grad(value.sum(), tensors)


@st.composite
def calls(draw):
    """Return the name of a loss, arguments, and options in any mixture."""
    name = draw(st.sampled_from(COMPILED))
    shape = draw(st.sampled_from([(5, 3), (2, 3, 4), (2, 3, 2, 2)]))
    seed = draw(st.integers(0, 1000))
    x, rows = logits(*shape, seed=seed), (shape[0], *shape[2:])
    softmax = name.startswith("softmax")
    options = {"reduction": draw(st.sampled_from(["none", "sum", "mean", "batchmean"]))}
    if softmax and draw(st.booleans()):
        target = (numbers(*rows, seed=seed) * 3).long()
        target[numbers(*rows, seed=seed + 1) < 0.3] = -100
    else:
        target = numbers(*shape, seed=seed)
    drawn = {
        "weight": st.sampled_from([torch.tensor([0.5, 2.0, 1.0]), [1.0, 0.0, 3.0]]),
        "alpha": st.sampled_from([[0.25, 0.5, 1.0], (0.1, 0.2, 0.3)]),
        "label_smoothing": st.just(0.1),
        "sample_weight": st.sampled_from([rows] if softmax else [rows, shape]).map(
            lambda size: numbers(*size, seed=seed + 2)
        ),
    }
    if options["reduction"] in ("mean", "batchmean"):
        drawn["normalizer"] = st.sampled_from([3.5, torch.tensor(3.5)])
    for option in sorted(draw(st.sets(st.sampled_from(sorted(drawn))))):
        options[option] = draw(drawn[option])
    if name == "sigmoid_focal_loss":
        options.setdefault("alpha", 0.25)
    return name, x, target, options


@given(calls())
def test_values_and_gradients_are_those_of_the_definition(call):
    name, x, target, options = call
    value = getattr(F, name)(x, target, **options)
    expected = by_definition(name, x, target, **options)
    torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(gradients(value, x), gradients(expected, x), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_may_be_learnt(name):
    """A tensor parameter gives the same value, and gets the definition's gradient."""
    x = logits(5, 3)
    target = numbers(5, 3) if name.startswith("sigmoid") else torch.tensor([0, 2, -100, 1, 1])
    names = getattr(margin, FAMILIES[split(name)[1]])().parameters
    learnt = {
        k: torch.tensor(0.8 * default + 0.1, dtype=torch.float64, requires_grad=True)
        for k, default in names.items()
    }
    others = {"alpha": 0.25} if name == "sigmoid_focal_loss" else {}
    others["reduction"] = "mean"
    value = getattr(F, name)(x, target, **learnt, **others)
    expected = by_definition(name, x, target, **learnt, **others)
    torch.testing.assert_close(value, expected)
    found = gradients(value, x, *learnt.values())
    torch.testing.assert_close(found, gradients(expected, x, *learnt.values()))


def test_balanced_cross_entropy():
    x, y = logits(5, 3), numbers(5, 3)
    expected = by_definition("sigmoid_balanced", x, y, alpha=0.75)
    value = F.balanced_cross_entropy(x, y)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradients(value, x), gradients(expected, x))


def test_multilabel_softmax_cross_entropy():
    x = logits(2, 4, 3)
    y = (numbers(2, 4, 3) < 0.5).double()
    y[0, :, 0] = 0
    share = y / y.sum(1, keepdim=True).clamp(min=1)
    expected = -(share * torch.log_softmax(x, 1)).sum(1)
    value = F.multilabel_softmax_cross_entropy(x, y, reduction="none")
    assert value[0, 0] == 0
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradients(value, x), gradients(expected, x))


@pytest.mark.parametrize("name", ["sigmoid_focal_loss", "softmax_focal_loss", "cross_entropy"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weights_that_cannot_be_read_give_the_same(name, smoothing):
    """A weight on another device, or a learned one, is never turned into numbers."""
    x, weight = logits(2, 3, 4), torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64)
    index = torch.tensor([[0, 2, 1, -100], [1, -100, 0, 0]])
    learnt = weight.clone().requires_grad_()
    assert is_constant(weight)
    assert not is_constant(learnt)
    for target in [numbers(2, 3, 4)] + [index] * (not name.startswith("sigmoid")):
        options = {"label_smoothing": smoothing}
        expected = getattr(F, name)(x, target, weight=weight, **options)
        value = getattr(F, name)(x, target, weight=learnt, **options)
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(gradients(value, x), gradients(expected, x))


@pytest.mark.parametrize("shape", [(3,), (1,), (2, 1)])
def test_a_learnt_pos_weight_gets_its_gradient(shape):
    """PyTorch's own function refuses it."""
    x, y, weight = logits(2, 3), numbers(2, 3), numbers(*shape, seed=4).requires_grad_()
    value = F.binary_cross_entropy_with_logits(x, y, pos_weight=weight)
    yes, no = torch.nn.functional.logsigmoid(x), torch.nn.functional.logsigmoid(-x)
    expected = -(weight * y * yes + (1 - y) * no).mean()
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradients(value, x, weight), gradients(expected, x, weight))


def test_alpha_is_read_anew_at_each_call():
    x, target, alpha = logits(2, 3), torch.tensor([0, 2]), torch.tensor([0.5, 2.0, 1.0])
    for _ in range(2):
        expected = F.softmax_focal_loss(x, target, alpha.tolist())
        assert torch.equal(F.softmax_focal_loss(x, target, alpha), expected)
        alpha *= 2
    with pytest.raises(TypeError, match=r"^alpha must be a number or a sequence of numbers"):
        F.softmax_focal_loss(x, target, alpha.to("meta"))


def test_a_mask_leaves_out_rows_and_elements():
    x, y = logits(4, 3), numbers(4, 3)
    with torch.no_grad():
        x[1] = torch.nan
    rows = torch.tensor([True, False, True, True])
    value = F.cross_entropy(x, y, where=rows)
    torch.testing.assert_close(value, F.cross_entropy(x[rows], y[rows]))
    assert (gradients(value, x)[0][1] == 0).all()
    elements = rows.unsqueeze(1) & (y > 0.2)
    value = F.sigmoid_focal_loss(x, y, reduction="mean", where=elements)
    expected = F.sigmoid_focal_loss(x[elements], y[elements], reduction="mean")
    torch.testing.assert_close(value, expected)
    assert (gradients(value, x)[0][~elements] == 0).all()


@pytest.mark.parametrize("reduction", ["none", "batchmean"])
@pytest.mark.parametrize("shape", [None, (1,), (3,), (3, 1, 1), (3, 3, 3)])
def test_the_classes_of_a_row_of_binary_cross_entropy_lie_along_dimension_1(shape, reduction):
    # All lengths but one are equal: along another dimension the same rows would also fit.
    x, y = logits(2, 3, 3, 3), numbers(2, 3, 3, 3)
    pos_weight = None if shape is None else numbers(*shape) + 0.5
    rows, kept = numbers(2, 3, 3), numbers(2, 3, 3) > 0.3
    value = F.binary_cross_entropy_with_logits(
        x, y, pos_weight=pos_weight, sample_weight=rows, where=kept, reduction=reduction
    )
    of_elements = torch.nn.functional.binary_cross_entropy_with_logits(
        x, y, (rows * kept).unsqueeze(1), pos_weight=pos_weight, reduction="none"
    )
    expected = of_elements if reduction == "none" else of_elements.sum() / rows.numel()
    torch.testing.assert_close(value, expected)


def test_a_negative_ignore_index_of_any_integer_type_is_no_concern_of_probabilities():
    x, y = logits(4, 3), numbers(4, 3).softmax(dim=1)
    value = F.cross_entropy(x, y, ignore_index=np.int64(-100))
    torch.testing.assert_close(value, F.cross_entropy(x, y))


def test_an_ignored_target_of_a_sigmoid_does_not_count():
    x, y = logits(3, 2), torch.tensor([[1.0, -1.0], [0.0, 1.0], [-1.0, -1.0]]).double()
    kept = y >= 0
    value = F.sigmoid_poly1(x, y, ignore_index=-1)
    torch.testing.assert_close(value, F.sigmoid_poly1(x[kept], y[kept]))


WEIGHT = torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64)
DIFFERENTIATED = {
    "cross_entropy": lambda x: F.cross_entropy(
        x, torch.tensor([0, 2, -100, 1]), WEIGHT, label_smoothing=0.1
    ),
    "binary_cross_entropy": lambda x: F.binary_cross_entropy(x.sigmoid(), numbers(4, 3), WEIGHT),
    "binary_cross_entropy_with_logits": lambda x: F.binary_cross_entropy_with_logits(
        x, numbers(4, 3), pos_weight=WEIGHT, reduction="none"
    ),
    "sigmoid_focal_loss": lambda x: F.sigmoid_focal_loss(x, numbers(4, 3), gamma=1.7),
    "softmax_focal_loss": lambda x: F.softmax_focal_loss(
        x, torch.tensor([0, 2, 1, 1]), weight=WEIGHT
    ),
}


@pytest.mark.parametrize("name", DIFFERENTIATED)
def test_first_and_second_derivatives_are_the_slopes(name):
    function, x = DIFFERENTIATED[name], logits(4, 3)
    assert torch.autograd.gradcheck(function, x)
    assert torch.autograd.gradgradcheck(function, x)


def test_an_ignored_label_may_be_one_of_the_classes():
    x, labels = logits(4, 3), torch.tensor([0, 1, 2, 1])
    value = F.cross_entropy(x, labels, ignore_index=1)
    torch.testing.assert_close(value, torch.nn.functional.cross_entropy(x, labels, ignore_index=1))
