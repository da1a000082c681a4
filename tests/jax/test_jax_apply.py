"""`focalis.jax.apply` means the same as the core: weights, masks, reductions, shapes, errors."""

import frontends
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import registry

from focalis import Loss, margin
from focalis.jax import apply


@pytest.fixture(autouse=True)
def _in_float64():
    with jax.enable_x64(True):
        yield


def check_call(loss, scores, targets, call, compiler=lambda f: f):
    """Fail unless value and gradient are the core's; for a shape used only here, jit makes it faster."""

    def f(x):
        value = apply(loss, x, targets, **call)
        return value.sum(), value

    got, grad = compiler(jax.value_and_grad(f, has_aux=True))(jnp.asarray(scores))
    true, true_grad = loss.value_and_grad(scores, targets, engine="numpy", **call)
    frontends.assert_close(got[1], true)
    frontends.assert_close(grad, true_grad)


@pytest.mark.slow
@pytest.mark.parametrize(("link", "form"), frontends.LINK_FORMS)
def test_every_setting_is_the_core_s(link, form):
    """Weights of every kind, smoothing, masks and normalisers, value and gradient."""
    scores, targets = frontends.inputs(link, form)
    calls = frontends.calls(link)
    for settings in frontends.SETTINGS[link]:
        check_call(Loss(link, margin.focal(1.7), **settings), scores, targets, calls[-1])
    for reduction in registry.REDUCTIONS:
        loss = Loss(link, margin.focal(), reduction=reduction)
        for call in calls if reduction == "mean" else (calls[0], calls[-1]):
            check_call(loss, scores, targets, call)
        if reduction in ("mean", "batchmean"):
            check_call(loss, scores, targets, {"normalizer": 2.5})


# Dense targets of a row take where=, not ignore_index.
MASKS = [("where", link, form) for link, form in frontends.LINK_FORMS if form != "hard"]
MASKS += [
    ("weight", "sigmoid", "soft"),
    ("weight", "softmax", "index"),
    ("weight", "softmax", "soft"),
]
MASKS += [("ignore_index", "sigmoid", "soft"), ("ignore_index", "softmax", "index")]


@pytest.mark.slow
@pytest.mark.parametrize(("by", "link", "form"), MASKS)
def test_what_is_masked_may_hold_anything(by, link, form):
    """NaN and infinities behind a mask reach no value and no derivative, in either mode."""
    scores, targets = (a.copy() for a in frontends.inputs(link, form))
    clean = scores.copy(), targets.copy()
    scores[1], scores[3] = np.nan, [np.inf, -np.inf, np.nan]
    masked = np.array([0, 1, 0, 1, 0], bool)
    call, options = {}, {}
    if by == "ignore_index":
        options["ignore_index"] = -100
        targets[masked] = -100
        clean[1][masked] = -100
    else:
        targets[masked] = -7 if form == "index" else np.nan
        call = {"where": ~masked} if by == "where" else {"sample_weight": 1.0 - masked}
    loss = Loss(link, margin.focal(0.5), **options)

    def f(x):
        return apply(loss, x, targets, **call)

    def forward(x):
        return jax.jvp(jax.grad(f), (x,), (jnp.ones_like(x),))[1]

    x = jnp.asarray(scores)
    value, grad = jax.value_and_grad(f)(x)
    for second in (jax.grad(lambda x: (jax.grad(f)(x) ** 2).sum())(x), forward(x)):
        assert not second[masked].any()
        assert jnp.isfinite(second).all()
    assert not grad[masked].any()
    true, true_grad = loss.value_and_grad(*clean, engine="numpy", **call)
    frontends.assert_close(value, true)
    frontends.assert_close(grad, true_grad)


@pytest.mark.slow
@pytest.mark.parametrize(("link", "form"), frontends.LINK_FORMS)
def test_nothing_left_is_zero(link, form):
    scores, targets = frontends.inputs(link, form)
    for reduction in ("none", "mean"):
        loss = Loss(link, margin.focal(), reduction=reduction)
        for call in ({"where": np.zeros(5, bool)}, {"sample_weight": np.zeros(5)}):
            check_call(loss, scores, targets, call)
    check_call(loss, scores[:0], targets[:0], {}, jax.jit)


@pytest.mark.slow
def test_shapes_and_the_class_axis():
    rng = np.random.default_rng(5)
    x, t = rng.normal(size=(2, 4, 3)), rng.integers(0, 4, (2, 3))
    last, dense = np.moveaxis(x, 1, -1), np.moveaxis(np.eye(4)[t], -1, 1)
    call = jax.jit(apply, static_argnums=0, static_argnames="axis")
    for reduction in ("none", "mean"):
        loss = Loss("softmax", margin.focal(), alpha=(1, 2, 3, 4), reduction=reduction)
        true = loss(last, t, engine="numpy")
        for targets, axis in ((t, 1), (dense, -2)):
            frontends.assert_close(call(loss, x, targets, axis=axis), true)
        row = loss(last[0, 0], t[0, 0], engine="numpy")
        frontends.assert_close(call(loss, last[0, 0], t[0, 0]), row)
        sigmoid = Loss("sigmoid", margin.focal(), alpha=(0.1, 0.2, 0.3, 0.4), reduction=reduction)
        true = sigmoid(last, np.eye(4)[t], engine="numpy")
        true = np.moveaxis(true, -1, 1) if reduction == "none" else true
        frontends.assert_close(call(sigmoid, x, dense, axis=1), true)
    sigmoid = Loss("sigmoid", margin.focal(), alpha=0.25, reduction="none")
    for shape in ((), (6,)):
        scores, y = rng.normal(size=shape), np.ones(shape)
        frontends.assert_close(call(sigmoid, scores, y), sigmoid(scores, y, engine="numpy"))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["index", "soft"])
def test_a_nan_stays_in_its_row(form):
    """Even in rows so long that XLA reduces them differently, with a maximum that drops NaN."""
    x, y = (a.astype("f4") for a in frontends.inputs("softmax", form, shape=(64, 1000)))
    y = y.astype(int) if form == "index" else y
    x[np.arange(0, 64, 2), np.arange(0, 64, 2) * 11] = np.nan
    loss = Loss("softmax", margin.focal(), reduction="none")

    @jax.jit
    def every(x):
        return apply(loss, x, y), jax.grad(lambda x: apply(loss, x, y).sum())(x)

    with jax.enable_x64(False):
        value, grad = every(x)
    for got in (np.isnan(value), np.isnan(grad).any(axis=1)):
        np.testing.assert_array_equal(got, np.arange(64) % 2 == 0)


@pytest.mark.slow
def test_more_classes_than_float32_can_count():
    classes = 2**22 + 3
    x = np.zeros((1, classes), np.float32)
    x[0, -1] = 20.0
    loss = Loss("softmax", margin.cross_entropy())
    true = np.log(classes - 1.0 + np.exp(20.0)) - np.array([0.0, 20.0])
    with jax.enable_x64(False):
        call = jax.jit(lambda x, y: apply(loss, x, y))
        found = [call(x, np.array([t])) for t in (classes - 2, classes - 1)]
        dense = call(x, (x > 0).astype(np.float32))
    np.testing.assert_allclose([*found, dense], [*true, true[1]], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("link", ["softmax", "simplex"])
def test_one_class_and_two(link):
    for classes in (1, 2):
        scores, index = frontends.inputs(link, "index", shape=(4, classes))
        for targets in (index, np.eye(classes)[index]):
            loss = Loss(link, margin.focal(1.7), reduction="sum")
            check_call(loss, scores, targets, {}, jax.jit)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("link", "form", "dtype"),
    [("sigmoid", "hard", jnp.float16), ("softmax", "index", jnp.bfloat16)],
)
def test_half_types_are_computed_in_float32(link, form, dtype):
    scores, targets = frontends.inputs(link, form)
    half = jnp.asarray(scores, dtype)
    for reduction in ("none", "sum"):
        loss = Loss(link, margin.focal(0.5), reduction=reduction)
        call = jax.jit(lambda x, loss=loss: apply(loss, x, targets))
        slope = jax.jit(jax.grad(lambda x, loss=loss: apply(loss, x, targets).sum()))
        for f in (call, slope):
            assert f(half).dtype == dtype
            np.testing.assert_array_equal(f(half), f(half.astype(jnp.float32)).astype(dtype))


@pytest.mark.slow
@pytest.mark.parametrize(("link", "form"), frontends.LINK_FORMS)
def test_a_bad_target_is_never_a_wrong_number(link, form):
    """It raises where it can be read, even while logits are differentiated, and is NaN elsewhere."""
    scores, targets = (a.copy() for a in frontends.inputs(link, form))
    position, bad = (1,) * targets.ndim, 7 if form == "index" else -0.5
    targets[position] = bad
    loss = Loss(link, margin.focal(), reduction="none")
    found = rf"targets must be .*, got {bad} at position {1 if form == 'index' else r'.1, 1.'}"
    for call in (apply, jax.grad(lambda *given: apply(*given).sum(), argnums=1)):
        with pytest.raises(ValueError, match=found):
            call(loss, scores, jnp.asarray(targets))
    each = jax.jit(apply, static_argnums=0)(loss, scores, targets)
    assert jnp.isnan(each).sum() == 1
    kept = np.ones(len(scores), bool)
    kept[1] = False
    assert jnp.isfinite(apply(loss, scores, targets, where=kept)).all()
    # Anything may stand behind a mask that is not known yet.
    hidden = jax.jit(lambda kept: apply(loss, scores, targets, where=kept))
    assert jnp.isfinite(hidden(kept)).all()


@pytest.mark.slow
@pytest.mark.parametrize(("link", "form"), [("sigmoid", "soft"), ("softmax", "index")])
def test_a_bad_weight_is_never_a_wrong_number(link, form):
    """Nor a normaliser; masked, a weight may be anything."""
    scores, targets = frontends.inputs(link, form)
    call = jax.jit(apply, static_argnums=0)
    for bad in (-1.0, np.inf, np.nan):
        weight = np.where(frontends.KEPT, 1.0, bad)
        for loss in (Loss(link, margin.focal()), Loss(link, margin.focal(), reduction="sum")):
            assert jnp.isnan(call(loss, scores, targets, sample_weight=weight))
            masked = call(loss, scores, targets, sample_weight=weight, where=frontends.KEPT)
            assert masked == call(loss, scores, targets, where=frontends.KEPT)
        assert jnp.isnan(
            call(Loss(link, margin.focal()), scores, targets, normalizer=jnp.array(bad))
        )
    assert jnp.isnan(call(Loss(link, margin.focal()), scores, targets, normalizer=jnp.zeros(())))


@pytest.mark.slow
@pytest.mark.parametrize(("link", "form"), [("sigmoid", "soft"), ("softmax", "index")])
def test_bad_numbers_that_can_be_read_raise(link, form):
    """Weights, normalisers and parameters, even while something else is differentiated."""
    scores, targets = frontends.inputs(link, form)
    loss = Loss(link, margin.focal())
    per_class = jnp.array([1.0, -2.0, 1.0])
    given = [({"parameters": {"gamma": jnp.array(-1.0)}}, r"gamma must be in \[0, inf\), got -1")]
    given += [
        (
            {"parameters": {"class_weight": per_class}},
            r"class_weight must .* got -2.0 at position 1",
        )
    ]
    for bad in (-1.0, np.inf, np.nan):
        weight = jnp.where(frontends.KEPT, 1.0, bad)
        first = int(np.argmin(frontends.KEPT))
        given.append(
            ({"sample_weight": weight}, f"sample_weight must be .* got {bad} at position {first}")
        )
        given.append(({"normalizer": jnp.array(bad)}, "normalizer must be a finite number above 0"))
    given.append(({"normalizer": jnp.zeros(())}, "normalizer must be a finite number above 0"))
    for call, message in given:
        for f in (apply, jax.grad(apply, argnums=1)):
            with pytest.raises(ValueError, match=message):
                f(loss, scores, targets, **call)


@pytest.mark.slow
@pytest.mark.parametrize("link", registry.PROBABILITY_LINKS)
def test_what_is_no_probability_is_nan(link):
    loss = Loss(link, margin.cross_entropy(), reduction="none")
    assert jnp.isnan(apply(loss, jnp.array([1.5, -0.5]), jnp.array([1.0, 1.0]))).any()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint32])
def test_indices_of_every_integer_type(dtype):
    """And an ignored index may be a number that the type cannot represent."""
    x, t = frontends.inputs("softmax", "index")
    loss = Loss("softmax", margin.focal(), ignore_index=-100)
    check_call(loss, x, t.astype(dtype), {}, jax.jit)


FITTING = {"logits": np.zeros((2, 3)), "targets": np.zeros(2, int)}
ERRORS = [
    ("softmax", {}, {"logits": np.zeros((2, 3), int)}, TypeError, "logits must be floating"),
    ("softmax", {}, {"logits": np.zeros((2, 3), complex)}, TypeError, "logits must be real"),
    ("softmax", {}, {"logits": [[0.0, 1.0]]}, TypeError, "logits must be an array"),
    ("softmax", {}, {"logits": np.zeros((2, 0))}, ValueError, "at least one class"),
    ("softmax", {}, {"targets": np.zeros(2)}, TypeError, "class indices, integers .* got float64"),
    ("softmax", {}, {"targets": np.zeros(3, int)}, ValueError, r"targets .* \(2,\) .* got \(3,\)"),
    ("sigmoid", {}, {}, ValueError, r"shape of the logits \(2, 3\), got \(2,\)"),
    (
        "softmax",
        {"ignore_index": 1},
        {"targets": np.zeros((2, 3))},
        ValueError,
        "^ignore_index applies",
    ),
    (
        "softmax",
        {},
        {"sample_weight": np.ones((2, 3))},
        ValueError,
        "sample_weight must have shape",
    ),
    ("softmax", {}, {"where": np.ones(2)}, TypeError, "where must be boolean"),
    ("softmax", {}, {"axis": 2}, ValueError, "axis must be one of the 2 axes"),
    ("softmax", {}, {"axis": 1.0}, TypeError, "axis must be an int"),
    ("softmax", {}, {"normalizer": 0.0}, ValueError, "normalizer must be a finite number above 0"),
    ("softmax", {}, {"normalizer": np.ones(2)}, ValueError, "without dimensions"),
    ("softmax", {}, {"normalizer": np.array(1j)}, TypeError, "normalizer must be real"),
    ("softmax", {"reduction": "sum"}, {"normalizer": 2.0}, ValueError, "normalizer replaces"),
    ("softmax", {}, {"parameters": [1]}, TypeError, "parameters must be a mapping .* got list"),
    ("softmax", {}, {"parameters": {"kappa": 1.0}}, ValueError, "parameters must be among gamma"),
    ("softmax", {}, {"parameters": {"pos_weight": 1.0}}, ValueError, "parameters must be among"),
    ("softmax", {}, {"parameters": {"alpha": np.ones(2)}}, ValueError, "alpha must be a number or"),
    ("softmax", {}, {"parameters": {"gamma": np.ones(3)}}, ValueError, "gamma must have a shape"),
]


@pytest.mark.parametrize(("link", "settings", "given", "error", "message"), ERRORS)
def test_what_does_not_fit_raises_while_tracing(link, settings, given, error, message):
    given = {**FITTING, **given}
    loss = Loss(link, margin.focal(), **settings)
    with pytest.raises(error, match=message):
        apply(loss, **given)
    static = {k: v for k, v in given.items() if not isinstance(v, np.ndarray)}
    arrays = {k: v for k, v in given.items() if k not in static}
    with pytest.raises(error, match=message):
        jax.eval_shape(lambda arrays: apply(loss, **arrays, **static), arrays)


def test_it_takes_a_loss():
    with pytest.raises(TypeError, match=r"loss must be a focalis\.Loss, got str"):
        apply("focal", **FITTING)


@pytest.mark.slow
def test_a_condition_on_parameters_alone():
    """A margin loss may depend on conditions on its parameters, whichever front end was loaded last."""
    import focalis.torch  # noqa: F401
    from focalis.margin import margin_loss
    from focalis.vocabulary import where

    @margin_loss(tau="[0, 1]")
    def chosen_in_jax(m, u, v, p, q, tau=1.0):
        return where(tau > 0.5, -u, 0.0), where(tau > 0.5, -q, 0.0), where(tau > 0.5, p * q, 0.0)

    x, y = np.linspace(-3, 3, 7), np.ones(7)
    for tau in (0.0, 1.0):
        check_call(Loss("sigmoid", chosen_in_jax(tau)), x, y, {}, jax.jit)


def test_an_ignored_label_beyond_the_type_of_the_labels_is_none_of_them():
    x, labels = np.random.default_rng(6).normal(size=(4, 3)), np.array([0, 1, 2, 0], np.int8)
    loss = Loss("softmax", margin.focal())
    ignoring = Loss("softmax", margin.focal(), ignore_index=2**32)
    assert apply(ignoring, x, labels) == apply(loss, x, labels)


def test_a_bad_class_weight_of_a_masked_row_does_no_harm():
    x, labels, kept = np.zeros((3, 3)), np.array([0, 1, 2]), np.array([True, False, True])

    def value(weight):
        loss = Loss("softmax", margin.focal())
        return apply(loss, x, labels, where=kept, parameters={"class_weight": weight})

    assert jnp.isfinite(jax.jit(value)(jnp.array([1.0, -1.0, 1.0])))
