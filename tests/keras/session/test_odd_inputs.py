"""Bad and odd inputs, in the operations of each backend: the NumPy engine's answer, NaN for its error.

The one algorithm in `focalis.arrays`, in three frameworks, none of which looks at a number: where the
NumPy engine raises, value and gradient are NaN, and never a number.
"""

from functools import partial

import numpy as np
import pytest
from derivatives import BACKEND, array, value_and_grad

import focalis.keras
from focalis import Loss, margin
from focalis.inputs.arguments import Arguments

if BACKEND == "tensorflow":
    from tensorflow import convert_to_tensor as tensor

    from focalis.keras._tensorflow import apply as apply_to
elif BACKEND == "jax":
    import jax
    from jax.numpy import asarray as tensor

    from focalis.jax import apply as apply_and_look

    def apply_to(loss, given):
        """Return the loss of arrays that are traced, so that nothing can be looked at.

        What the trace wrote down is run step by step, which takes a tenth of the time of compiling it.
        """
        given = {name: z for name, z in given._asdict().items() if z is not None}

        def traced(given):
            return apply_and_look(loss, **given)

        written = jax.make_jaxpr(traced)(given)
        (value,) = jax.core.eval_jaxpr(written.jaxpr, written.consts, *jax.tree.leaves(given))
        return value

else:
    from torch import as_tensor as tensor

    from focalis.torch._operations import evaluate_in_operations as apply_to


def apply(loss, x, y, **given):
    return apply_to(loss, Arguments(x, y, **given))


RNG = np.random.default_rng(16)
LOGITS = (RNG.normal(size=(4, 3)) * 2).astype("f4")
PROBABILITIES = RNG.dirichlet([1.5] * 3, size=4).astype("f4")
LABELS = np.array([0, 2, 1, 1])
SOFT = RNG.dirichlet([1.0] * 3, size=4).astype("f4")
WEIGHT = np.array([1.0, 2.0, 0.5, 1.0], "f4")
FORMS = [
    (link, y)
    for link in ("sigmoid", "identity", "softmax", "simplex")
    for y in ([SOFT] if link in ("sigmoid", "identity") else [LABELS, SOFT])
]
ID = [f"{link}-{'index' if y is LABELS else 'numbers'}" for link, y in FORMS]
every_form = pytest.mark.parametrize(("link", "y"), FORMS, ids=ID)


def scores(link):
    return LOGITS if link in ("sigmoid", "softmax") else PROBABILITIES


def evaluate(loss, x, y, **given):
    """Return value and gradient, computed with the backend's operations."""
    given = {name: tensor(z) if isinstance(z, np.ndarray) else z for name, z in given.items()}
    if "parameters" in given:
        given["parameters"] = {
            k: tensor(np.asarray(z, "f4")) for k, z in given["parameters"].items()
        }
    return value_and_grad(lambda x: apply(loss, x, tensor(y), **given), x)


def check(loss, x, y, true=None, **given):
    """Fail unless value and gradient equal `true`, by default those of the NumPy engine."""
    found = evaluate(loss, x, y, **given)
    if true is None:
        true = loss.value_and_grad(x.astype(float), y, engine="numpy", **given)
    for ours, theirs in zip(found, true, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=3e-5, atol=2e-6)


def replaced(array, bad, position=1):
    array = array.copy()
    array[(position,) * array.ndim] = bad
    return array


def assert_never_a_number(loss, x, y, **given):
    value, grad = evaluate(loss, x, y, **given)
    assert np.isnan(value).any()
    assert np.isnan(grad).any()
    if loss.reduction != "none":
        assert np.isnan(value)


@every_form
def test_a_bad_target(link, y):
    for bad in (3, -1) if y is LABELS else (-0.5, np.nan, np.inf):
        for reduction in ("sum", "mean"):
            loss = Loss(link, margin.focal(1.7), reduction=reduction)
            with pytest.raises(ValueError, match="targets"):
                loss(scores(link), replaced(y, bad), engine="numpy")
            assert_never_a_number(loss, scores(link), replaced(y, bad))
        for dropped in ({"sample_weight": replaced(WEIGHT, 0.0)}, {"where": np.arange(4) != 1}):
            check(loss, scores(link), replaced(y, bad), **dropped)


@every_form
def test_a_bad_weight_of_a_row(link, y):
    for bad in (np.nan, -3.0, np.inf):
        weight = replaced(WEIGHT, bad)
        for reduction in ("none", "sum", "mean"):
            loss = Loss(link, margin.focal(1.7), reduction=reduction)
            with pytest.raises(ValueError, match="sample_weight"):
                loss(scores(link), y, sample_weight=weight, engine="numpy")
            assert_never_a_number(loss, scores(link), y, sample_weight=weight)
        check(loss, scores(link), y, sample_weight=weight, where=np.arange(4) != 1)


@every_form
def test_a_bad_normaliser(link, y):
    for reduction in ("mean", "batchmean"):
        loss = Loss(link, margin.focal(1.7), reduction=reduction)
        for bad in (np.nan, -1.0, 0.0, np.inf):
            with pytest.raises(ValueError, match="normalizer"):
                loss(scores(link), y, normalizer=bad, engine="numpy")
            assert_never_a_number(loss, scores(link), y, normalizer=np.array(bad, "f4"))
        check(loss, scores(link), y, normalizer=2.5)


@every_form
def test_a_bad_weight_of_a_class(link, y):
    """Even next to good ones, and where the total with the others is good."""
    names = ["alpha", "class_weight"] + (["pos_weight"] if link in ("sigmoid", "identity") else [])
    for name in names:
        for bad in (np.nan, -0.5, np.inf):
            with pytest.raises(ValueError, match=name):
                Loss(link, margin.focal(1.7), **{name: (0.5, bad, 1.0)})
            for reduction in ("sum", "mean"):
                loss = Loss(link, margin.focal(1.7), reduction=reduction)
                assert_never_a_number(loss, scores(link), y, parameters={name: (0.5, bad, 1.0)})


def test_a_bad_target_whose_class_has_no_weight():
    """A total of 0 must not be mistaken for a row in which nothing is left."""
    loss = Loss("softmax", margin.cross_entropy(), class_weight=(1.0, 1.0, 0.0))
    assert_never_a_number(loss, LOGITS[:1], np.array([7]))
    check(loss, LOGITS[:1], np.array([2]))


@every_form
def test_nothing_left_is_zero(link, y):
    x = replaced(scores(link), np.nan)
    for reduction in ("none", "sum", "mean"):
        loss = Loss(link, margin.focal(1.7), reduction=reduction)
        for dropped in ({"sample_weight": np.zeros(4, "f4")}, {"where": np.zeros(4, bool)}):
            value, grad = evaluate(loss, x, y, **dropped)
            assert not value.any()
            assert not grad.any()


@every_form
def test_weights_of_classes_as_arrays(link, y):
    """One number for all, one for each class, one for each row."""
    x, elementwise = scores(link), link in ("sigmoid", "identity")
    for name in ["alpha", "class_weight"] + (["pos_weight"] if elementwise else []):
        plain = Loss(link, margin.focal(1.7))
        for given in ((0.3, 0.3, 0.3), (0.2, 0.5, 1.0)):
            loss = Loss(link, margin.focal(1.7), **{name: given})
            true = loss.value_and_grad(x.astype(float), y, engine="numpy")
            check(plain, x, y, true, parameters={name: given})
        each = np.array([[0.1], [0.9], [0.5], [0.3]])
        plain = Loss(link, margin.focal(1.7), reduction="sum")
        rows = [
            Loss(
                link, margin.focal(1.7), reduction="sum", **{name: (float(w),) * 3}
            ).value_and_grad(x[i : i + 1].astype(float), y[i : i + 1], engine="numpy")
            for i, (w,) in enumerate(each)
        ]
        true = sum(v for v, _ in rows), np.concatenate([g for _, g in rows])
        check(plain, x, y, true, parameters={name: each})


@every_form
def test_parameters_as_arrays(link, y):
    """γ for each row; and for each class, where a softmax is seen from that class."""
    x, plain = scores(link), Loss(link, margin.focal(), reduction="sum")
    gammas = (0.5, 1.7, 3.0, 2.0)

    def one(gamma, **given):
        loss = Loss(link, margin.focal(gamma), reduction="sum")
        return loss.value_and_grad(x.astype(float), y, engine="numpy", **given)

    by_row = [one(g, where=np.arange(4) == i) for i, g in enumerate(gammas)]
    true = tuple(sum(z) for z in zip(*by_row, strict=True))
    check(plain, x, y, true, parameters={"gamma": np.array(gammas)[:, None]})
    if y is LABELS:
        check(plain, x, y, true, parameters={"gamma": np.array(gammas)})
        by_class = [one(g, where=y == j) for j, g in enumerate(gammas[:3])]
    elif link in ("sigmoid", "identity"):
        by_class = [
            one(g, where=np.broadcast_to(np.arange(3) == j, (4, 3)))
            for j, g in enumerate(gammas[:3])
        ]
    else:
        pick = np.eye(3)
        by_class = [
            Loss(link, margin.focal(g), alpha=tuple(pick[j]), reduction="sum").value_and_grad(
                x.astype(float), y, engine="numpy"
            )
            for j, g in enumerate(gammas[:3])
        ]
    true = tuple(sum(z) for z in zip(*by_class, strict=True))
    check(plain, x, y, true, parameters={"gamma": np.array(gammas[:3])[None]})


def test_a_parameter_has_a_derivative():
    """Of every order, compared with a difference of the NumPy engine's results."""
    step = 1e-3

    def by_gamma(reduced, gamma):
        ahead, behind = (reduced(margin.focal(gamma + s)) for s in (step, -step))
        return (ahead - behind) / (2 * step)

    # JAX, in which each takes seconds, has tests of all of them in tests/jax.
    for link, y in FORMS[-1:] if BACKEND == "jax" else FORMS:
        x = scores(link)
        loss = Loss(link, margin.focal(), reduction="sum")
        f = partial(apply, loss, tensor(x), tensor(y))
        gamma = np.float32(1.7)
        _, slope = value_and_grad(lambda g, f=f: f(parameters={"gamma": g}), gamma)
        true = by_gamma(
            lambda m, link=link, x=x, y=y: Loss(link, m, reduction="sum")(
                x.astype(float), y, engine="numpy"
            ),
            1.7,
        )
        np.testing.assert_allclose(slope, true, rtol=1e-4)
        mixed = value_and_grad(
            lambda x, link=link, y=y: _slope_by_gamma(
                Loss(link, margin.focal(), reduction="sum"), x, y
            ),
            x,
        )[1]
        true = by_gamma(
            lambda m, link=link, x=x, y=y: Loss(link, m, reduction="sum").value_and_grad(
                x.astype(float), y, engine="numpy"
            )[1],
            1.7,
        )
        np.testing.assert_allclose(mixed, true, rtol=1e-3, atol=1e-5)


def _slope_by_gamma(loss, x, y):
    """Return the derivative with respect to γ at 1.7, to be differentiated with respect to x."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        gamma = tf.constant(1.7)
        with tf.GradientTape() as tape:
            tape.watch(gamma)
            value = apply(loss, x, tensor(y), parameters={"gamma": gamma})
        return tape.gradient(value, gamma)
    if BACKEND == "jax":
        import jax

        return jax.grad(lambda g: apply(loss, x, tensor(y), parameters={"gamma": g}))(1.7)
    import torch

    gamma = torch.tensor(1.7, requires_grad=True)
    value = apply(loss, x, tensor(y), parameters={"gamma": gamma})
    return torch.autograd.grad(value, gamma, create_graph=True)[0]


MASK = np.array([True, False, True])


@pytest.mark.parametrize("link", ["softmax", "simplex", "sigmoid", "identity"])
@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.1}])
def test_masked_classes_are_as_if_they_were_not_there(link, settings):
    """Whatever their scores are, value and gradient are those of the other classes alone."""
    x = scores(link).copy()
    x[:, 1] = (np.nan, np.inf, -np.inf, 0.3)
    loss = Loss(link, margin.focal(1.7), **settings)
    dense = SOFT * MASK
    for y, few in ((np.array([0, 2, 2, 0]), np.array([0, 1, 1, 0])), (dense, dense[:, MASK])):
        if link in ("sigmoid", "identity") and y is not dense:
            continue
        value, grad = loss.value_and_grad(x[:, MASK].astype(float), few, engine="numpy")
        true = np.zeros(x.shape)
        true[:, MASK] = grad
        for mask in (MASK, np.broadcast_to(MASK, x.shape)):
            check(loss, x, y, (value, true), class_where=mask.copy())
        if link in ("softmax", "simplex"):
            bad = replaced(y, 1) if y is not dense else np.where(MASK, y, 0.5).astype("f4")
            assert_never_a_number(loss, x, bad, class_where=MASK)


def test_a_row_without_a_class_counts_nothing():
    mask = np.ones((4, 3), bool)
    mask[1] = False
    for y in (LABELS, SOFT):
        loss = Loss("softmax", margin.focal(1.7), label_smoothing=0.1)
        true = loss.value_and_grad(LOGITS.astype(float), y, where=mask[:, 0], engine="numpy")
        check(loss, LOGITS, y, true, class_where=mask)


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("CategoricalCrossentropy", "softmax"),
        ("SparseCategoricalFocalCrossentropy", "softmax"),
        ("CategoricalFocalCrossentropy", "simplex"),
        ("BinaryFocalCrossentropy", "sigmoid"),
    ],
)
def test_the_losses_of_keras_mask_classes(name, link):
    """What is masked may hold anything; value and gradient are those of the other classes alone."""
    kind = getattr(focalis.keras, name)
    settings = {"label_smoothing": 0.1, "from_logits": link != "simplex"}
    masked, few = kind(class_where=list(MASK), **settings), kind(**settings)
    assert kind.from_config(masked.get_config()).class_where == list(MASK)
    x, y = scores(link).copy(), SOFT * MASK / (SOFT * MASK).sum(1, keepdims=True)
    x[:, 1] = np.nan
    y, fewer = (y, y[:, MASK])
    if name.startswith("Sparse"):
        y, fewer = np.array([0, 2, 2, 0]), np.array([0, 1, 1, 0])
    value, grad = value_and_grad(lambda x: masked(y, x), x)
    true, slopes = value_and_grad(lambda x: few(fewer, x), x[:, MASK])
    np.testing.assert_allclose(value, true, rtol=1e-5)
    np.testing.assert_allclose(grad[:, MASK], slopes, rtol=1e-5, atol=1e-7)
    assert not grad[:, 1].any()
    if link != "sigmoid":
        bad = replaced(y, 1) if y.ndim == 1 else np.full_like(y, 1 / 3)
        with pytest.raises(ValueError, match="class_where does not mask"):
            masked(bad, tensor(x))
    with pytest.raises(ValueError, match="class_where must have one truth value"):
        kind(class_where=[True, False], **settings)(y, tensor(x))
    with pytest.raises(TypeError, match="class_where must be boolean"):
        kind(class_where=[1, 0, 1])


def test_masked_classes_and_ignored_answers_together():
    y = np.array([[1, 0, 0], [-1, 1, 0], [0, 0, 1], [0, -1, 1]], "f4")
    mask = [True, True, False]
    loss = focalis.keras.BinaryCrossentropy(from_logits=True, class_where=mask, ignore_class=-1)
    counted = np.array(mask) & (y != -1)
    core = Loss("sigmoid", margin.cross_entropy(), reduction="none")
    expected = core(LOGITS, np.where(counted, y, 0), where=counted, engine="numpy")
    found = array(loss.call(tensor(y), tensor(LOGITS)))
    np.testing.assert_allclose(found * 3, expected.sum(axis=1), rtol=1e-5)


def test_a_last_axis_of_one_of_the_scores():
    y = (LOGITS > 0).astype("f4")
    loss = focalis.keras.BinaryCrossentropy(from_logits=True)
    expected = float(loss(tensor(y), tensor(LOGITS)))
    assert float(loss(tensor(y), tensor(LOGITS[..., None]))) == pytest.approx(expected, rel=1e-6)


def test_a_row_without_positives_is_not_of_the_ignored_class():
    y = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [0.3, 0.3, 0.4]], "f4")
    settings = {"from_logits": True, "label_smoothing": 0.1, "reduction": None}
    whole, ignoring = (
        array(focalis.keras.CategoricalCrossentropy(ignore_class=one, **settings)(y, LOGITS))
        for one in (None, 2)
    )
    np.testing.assert_allclose(ignoring, np.where([True, False, True, False], whole, 0), rtol=1e-6)
    y[2, 2] = np.nan
    with pytest.raises(ValueError, match=r"y_true .* nan at position \(2, 2\)"):
        focalis.keras.CategoricalCrossentropy(ignore_class=2, **settings)(y, LOGITS)
