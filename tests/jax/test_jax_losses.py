"""The named losses: optax's numbers where optax has the name, the core's everywhere."""

import functools
import inspect

import frontends
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from docstrings import check_docstring

import focalis.jax
from focalis import Loss, margin
from focalis.named.signatures import functions

LOGITS = jnp.array([[1.2, -0.8, -0.5], [0.9, -1.2, 1.1]])
ONE_HOT = jnp.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
INDEX = jnp.array([0, 1])
FLAT = jnp.arange(24.0).reshape(1, 2, 3, 4)
MASK = jnp.array([[True, True, False], [False, True, True]])

SAME = [
    ("sigmoid_binary_cross_entropy", (LOGITS, ONE_HOT), {}),
    ("sigmoid_binary_cross_entropy", (LOGITS, ONE_HOT * 0.7), {}),
    ("sigmoid_binary_cross_entropy", (LOGITS, jnp.array([1, 0, 1])), {}),
    ("sigmoid_focal_loss", (LOGITS, ONE_HOT), {}),
    ("sigmoid_focal_loss", (LOGITS, ONE_HOT), {"alpha": 0.25, "gamma": 1.5}),
    ("softmax_cross_entropy", (LOGITS, ONE_HOT), {}),
    ("softmax_cross_entropy", (LOGITS, ONE_HOT * 0.5 + 0.1), {"axis": 0}),
    ("softmax_cross_entropy", (LOGITS, ONE_HOT), {"axis": None}),
    ("softmax_cross_entropy", (LOGITS, ONE_HOT), {"where": MASK}),
    ("softmax_cross_entropy", (LOGITS, ONE_HOT), {"where": jnp.array([True, False])}),
    ("softmax_cross_entropy", (FLAT, FLAT / 10), {"axis": (1, -1)}),
    ("softmax_cross_entropy_with_integer_labels", (LOGITS, INDEX), {}),
    ("softmax_cross_entropy_with_integer_labels", (LOGITS, INDEX), {"where": MASK}),
    (
        "softmax_cross_entropy_with_integer_labels",
        (FLAT, jnp.array([[5, 11]])),
        {"axis": (2, 3)},
    ),
    ("poly_loss_cross_entropy", (LOGITS, ONE_HOT), {}),
    ("poly_loss_cross_entropy", (LOGITS, ONE_HOT), {"epsilon": -1.0, "axis": 0}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arrays", "options"), SAME)
def test_they_are_optax_s(name, arrays, options):
    """Values, shapes, types and gradients, for every argument that optax takes."""
    found = []
    for module in (focalis.jax, optax.losses):

        def f(x, module=module):
            each = getattr(module, name)(x, *arrays[1:], **options)
            return each.sum(), each

        found.append(jax.jit(jax.grad(f, has_aux=True))(arrays[0]))
    (slope, ours), (their_slope, theirs) = found
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(slope, their_slope, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_examples_that_optax_documents():
    """For the softmax losses: the numbers as printed there."""
    labels = jnp.ravel_multi_index((jnp.array([[1, 2]]), jnp.array([[1, 3]])), (3, 4))
    documented = [
        ("softmax_cross_entropy", (LOGITS, ONE_HOT), {}, [0.2761, 2.9518]),
        ("softmax_cross_entropy_with_integer_labels", (LOGITS, INDEX), {}, [0.2761, 2.9518]),
        (
            "softmax_cross_entropy_with_integer_labels",
            (FLAT, labels),
            {"axis": (2, 3)},
            [[6.4587, 0.4587]],
        ),
    ]
    for name, arrays, options, printed in documented:
        found = jax.jit(functools.partial(getattr(focalis.jax, name), **options))(*arrays)
        np.testing.assert_array_equal(np.round(np.float64(found), 4), printed)


@pytest.mark.slow
def test_soft_labels_of_the_focal_loss_mean_the_expectation():
    """optax mixes p_t first, which makes it a different loss."""
    x, y = jnp.array(1.0), jnp.array(0.7)
    assert float(focalis.jax.sigmoid_focal_loss(x, y)) == pytest.approx(0.2264, abs=1e-4)
    assert float(optax.sigmoid_focal_loss(x, y)) == pytest.approx(0.1023, abs=1e-3)


@pytest.mark.parametrize(
    "name",
    [
        "sigmoid_binary_cross_entropy",
        "sigmoid_focal_loss",
        "softmax_cross_entropy",
        "softmax_cross_entropy_with_integer_labels",
        "poly_loss_cross_entropy",
    ],
)
def test_the_signatures_begin_as_optax_s(name):
    """Names, kinds, order and defaults; additions are keywords with defaults."""
    ours, theirs = (
        [(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()]
        for f in (getattr(focalis.jax, name), getattr(optax.losses, name))
    )
    assert ours[: len(theirs)] == theirs
    keywords = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    assert {kind for _, kind, _ in ours[len(theirs) :]} <= keywords


def of_the_table(link):
    """Return the margin loss and the default settings of each function with a link."""
    return {
        made.name: (
            margin.FAMILIES[made.row.margin_loss](),
            made.row.fixed | {one.setting: one.default for one in made.settings if one.default},
        )
        for made in functions("jax")
        if made.link == link
    }


SIGMOID = {
    "sigmoid_binary_cross_entropy": (margin.cross_entropy(), {}),
    **of_the_table("sigmoid"),
}
SOFTMAX = of_the_table("softmax")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SIGMOID, *SOFTMAX])
def test_they_are_the_core_s(name):
    chosen, settings = {**SIGMOID, **SOFTMAX}[name]
    link = "sigmoid" if name in SIGMOID else "softmax"
    f = getattr(focalis.jax, name)
    with jax.enable_x64(True):
        form = "soft" if name in SIGMOID or "positives" in settings else "index"
        scores, y = frontends.inputs(link, form)
        own = Loss(link, chosen, reduction="none", **settings)
        frontends.assert_close(f(scores, y), own(scores, y, engine="numpy"))
        more = {"class_weight": (1.0, 2.0, 3.0), "label_smoothing": 0.1}
        kept = np.array([True, False, True, True, True])
        own = Loss(link, chosen, reduction="none", **settings, **more)
        true = own(scores, y, where=kept, engine="numpy")
        mask = kept[:, None] if name in SIGMOID else kept
        frontends.assert_close(f(scores, y, where=mask, **more), true)


@pytest.mark.slow
def test_parameters_and_weights_may_be_traced():
    """Numbers are checked and become part of the program; arrays can be learned."""
    x, y = jnp.array([0.5, -1.0]), jnp.array([1.0, 0.0])

    def f(gamma, alpha):
        return focalis.jax.sigmoid_focal_loss(x, y, gamma=gamma, alpha=alpha).sum()

    slopes = jax.jit(jax.grad(f, (0, 1)))(1.5, 0.25)
    near = [(f(1.5 + 1e-2, 0.25) - f(1.5 - 1e-2, 0.25)) / 2e-2]
    near += [(f(1.5, 0.25 + 1e-2) - f(1.5, 0.25 - 1e-2)) / 2e-2]
    np.testing.assert_allclose(slopes, near, rtol=1e-3)
    with pytest.raises(ValueError, match="gamma of focal must lie in"):
        f(-1.0, 0.25)
    with pytest.raises(ValueError, match="alpha must lie in"):
        f(1.0, 2.0)


@pytest.mark.slow
def test_an_array_of_numpy_is_a_parameter():
    gamma = np.array([0.0, 1.0, 2.0], np.float32)

    @jax.jit
    def every(x):
        f = focalis.jax.sigmoid_focal_loss
        return f(x, ONE_HOT, gamma=gamma), f(x, ONE_HOT, gamma=jnp.asarray(gamma))

    found, traced = every(LOGITS)
    np.testing.assert_array_equal(found, traced)
    np.testing.assert_allclose(
        found[:, 0], optax.sigmoid_binary_cross_entropy(LOGITS, ONE_HOT)[:, 0], rtol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["softmax_focal_loss", "log_loss", "sigmoid_focal_loss"])
def test_a_batch_may_be_empty(name):
    f, x = getattr(focalis.jax, name), jnp.zeros((0, 3))
    for labels in (x,) if name in SIGMOID else (x, jnp.zeros(0, int)):
        value, slope = jax.value_and_grad(lambda x, labels=labels: f(x, labels).sum())(x)
        assert (float(value), slope.shape) == (0.0, (0, 3))
    if name not in SIGMOID:
        assert f(x, x, where=x > 0).shape == (0,)
        assert f(x, jnp.zeros(0, int), axis=np.int64(1)).shape == (0,)


@pytest.mark.slow
def test_probabilities():
    p = jnp.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]])
    f = jax.jit(focalis.jax.log_loss, static_argnames="eps")
    found = f(p, jnp.array([0, 0]))
    np.testing.assert_allclose(found, [-np.log(0.7), np.inf], rtol=1e-6)
    found = f(p, jnp.array([0, 0]), eps=1e-3)
    np.testing.assert_allclose(found, [-np.log(0.7), -np.log(1e-3)], rtol=1e-6)
    found = focalis.jax.binary_log_loss(p[0], jnp.array([1.0, 0.0, 0.0]), eps=0.25)
    np.testing.assert_allclose(found, -np.log([0.7, 0.75, 0.75]), rtol=1e-6)


@pytest.mark.slow
def test_excluded_classes_may_be_nan():
    """If no class is left the loss is 0; an excluded class has probability 0."""
    x = jnp.array([[1.0, jnp.nan, 0.5], [jnp.nan, jnp.inf, jnp.nan], [1.0, 2.0, 3.0]])
    where = jnp.array([[True, False, True], [False] * 3, [True, True, False]])
    value, slope = jax.jit(
        jax.value_and_grad(
            lambda x: focalis.jax.softmax_focal_loss(x, jnp.array([0, 1, 1]), where=where).sum()
        )
    )(x)
    two = Loss("softmax", margin.focal(), reduction="sum")
    np.testing.assert_allclose(value, two([[1.0, 0.5], [1.0, 2.0]], [0, 1]), rtol=1e-6)
    assert not slope[~where].any()
    labels = jnp.array([1, 1, 2])
    f = jax.jit(focalis.jax.softmax_cross_entropy_with_integer_labels)
    found = f(x, labels, where=where)
    assert found.tolist() == [np.inf, 0.0, np.inf]
    with pytest.raises(ValueError, match="label_smoothing spreads over all classes"):
        focalis.jax.softmax_focal_loss(x, labels, where=where, label_smoothing=0.1)


ERRORS = [
    ("sigmoid_focal_loss", (LOGITS, INDEX), {}, ValueError, "labels must have a shape that broad"),
    ("softmax_focal_loss", (LOGITS, ONE_HOT[:1]), {}, ValueError, "labels must have the shape"),
    (
        "softmax_focal_loss",
        (LOGITS, ONE_HOT[0, :2]),
        {},
        TypeError,
        "labels must be class indices, int",
    ),
    ("softmax_cross_entropy_with_integer_labels", (LOGITS, ONE_HOT), {}, TypeError, "labels must"),
    ("softmax_cross_entropy", (LOGITS, ONE_HOT), {"where": ONE_HOT}, TypeError, "where must be b"),
    ("log_loss", (INDEX, INDEX), {}, TypeError, "probabilities must be floating-point"),
    ("binary_log_loss", (LOGITS, ONE_HOT), {"eps": 1.0}, ValueError, "eps must be a number"),
    ("softmax_focal_loss", (LOGITS, INDEX), {"axis": 1.5}, TypeError, "axis must be an int, got f"),
    ("softmax_focal_loss", (LOGITS, ONE_HOT), {"axis": (0, -2)}, ValueError, "and each once"),
    ("softmax_focal_loss", (LOGITS, ONE_HOT), {"axis": ()}, ValueError, "at least one axis"),
    ("softmax_focal_loss", (LOGITS[0, 0], INDEX[0]), {}, ValueError, "an axis of at least one cl"),
    (
        "softmax_focal_loss",
        (LOGITS, INDEX),
        {"gama": 2},
        TypeError,
        "unexpected keyword argument 'gama'",
    ),
    ("softmax_focal_loss", (LOGITS, INDEX), {"reduction": "sum"}, TypeError, "unexpected keyword"),
    ("softmax_cross_entropy", (LOGITS, ONE_HOT), {"alpha": 1}, TypeError, "unexpected keyword"),
    ("sigmoid_focal_loss", (LOGITS, ONE_HOT), {"axis": 1}, TypeError, "unexpected keyword"),
    ("sigmoid_focal_loss", (LOGITS, ONE_HOT), {"alpha": -1}, ValueError, r"alpha .* \[0, 1\]"),
    ("softmax_focal_loss", (LOGITS, INDEX), {"alpha": -1.0}, ValueError, "alpha must lie in"),
    (
        "softmax_focal_loss",
        (LOGITS, INDEX),
        {"label_smoothing": jnp.array(0.1)},
        TypeError,
        r"label_smoothing must be a number in \[0, 1\]",
    ),
]


@pytest.mark.parametrize(("name", "arrays", "options", "error", "message"), ERRORS)
def test_errors_in_the_caller_s_words(name, arrays, options, error, message):
    with pytest.raises(error, match=message):
        getattr(focalis.jax, name)(*arrays, **options)


def test_all_is_there_once():
    assert len(set(focalis.jax.__all__)) == len(focalis.jax.__all__)
    for name in ("apply", "posterior", "initial_logits"):
        check_docstring(name, getattr(focalis.jax, name))
    for name in focalis.jax.__all__:
        text = inspect.getdoc(getattr(focalis.jax, name))
        assert text.splitlines()[0].endswith(".")
        assert f">>> from focalis.jax import {name}" in text


def test_the_module_describes_every_argument():
    described = inspect.getdoc(focalis.jax)
    named = [n for n in focalis.jax.__all__ if n not in ("apply", "posterior", "initial_logits")]
    from focalis.jax._named import RowOptions

    arguments = {p for n in named for p in inspect.signature(getattr(focalis.jax, n)).parameters}
    arguments |= set(RowOptions.__annotations__)
    for argument in arguments - {"logits", "probabilities", "options", "eps"}:
        assert argument in described, argument


@pytest.mark.slow
def test_what_differs_from_optax_on_purpose():
    """As listed in docs/frameworks/jax.md; soft labels and masks have separate tests."""
    ours = focalis.jax.softmax_cross_entropy_with_integer_labels
    theirs = optax.softmax_cross_entropy_with_integer_labels
    for label in (-1, 3):
        labels = jnp.array([0, label])
        with pytest.raises(ValueError, match=rf"labels must be .*, got {label} at position 1"):
            ours(LOGITS, labels)
        assert jnp.isnan(jax.jit(ours)(LOGITS, labels)).tolist() == [False, True]
    last = theirs(LOGITS, jnp.array([0, 2]))
    np.testing.assert_array_equal(theirs(LOGITS, jnp.array([0, -1])), last)
    negative = jnp.array([[1.0, -0.5, 0.5], [1.0, 0.0, 0.0]])
    assert jnp.isfinite(optax.softmax_cross_entropy(LOGITS, negative)).all()
    with pytest.raises(
        ValueError, match=r"labels must be non-negative .* got -0.5 at position \(0, 1\)"
    ):
        focalis.jax.softmax_cross_entropy(LOGITS, negative)
    with pytest.raises(ValueError, match=r"alpha must be in \[0, 1\], got 2.0"):
        focalis.jax.sigmoid_focal_loss(LOGITS, negative > 0, alpha=jnp.array(2.0))


def test_classes_on_several_axes_are_counted_in_their_order():
    x, labels = np.random.default_rng(6).normal(size=(2, 3, 4)), np.array([7, 2])
    loss = focalis.jax.softmax_cross_entropy_with_integer_labels
    expected = loss(x.transpose(0, 2, 1).reshape(2, 12), labels)
    np.testing.assert_allclose(loss(x, labels, axis=(2, 1)), expected, rtol=1e-6)


def test_eps_clips_at_both_ends():
    p, y = np.array([0, 1, 0, 1], "f4"), np.array([1, 0, 0, 1], "f4")
    found = focalis.jax.binary_log_loss(p, y, eps=0.01)
    np.testing.assert_allclose(found, -np.log([0.01, 0.01, 0.99, 0.99]), rtol=1e-5)
