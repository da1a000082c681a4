"""The named losses: every pair of link and margin loss has one, and each equals its `Loss`."""

import inspect
import pkgutil

import numpy as np
import pytest
import registry
from hypothesis import given, settings
from hypothesis import strategies as st

import focalis
from focalis import Loss, functional, margin

PREFIXES = {
    "sigmoid": "sigmoid",
    "softmax": "softmax",
    "identity": "binary",
    "simplex": "categorical",
}
SUFFIXES = {"focal": "focal_loss"}
IRREGULAR = {
    ("identity", "cross_entropy"): "binary_log_loss",
    ("simplex", "cross_entropy"): "log_loss",
}
FAMILIES = [f.name for f in margin.FAMILIES.values() if f.__module__ == "focalis.margin"]
GRID = {
    (link, family): IRREGULAR.get((link, family), f"{prefix}_{SUFFIXES.get(family, family)}")
    for link, prefix in PREFIXES.items()
    for family in FAMILIES
}
# The meaning of a call without further arguments, where it differs from the defaults of margin loss and
# `Loss`.
ELEMENT_FOCAL = {"alpha": 0.25, "reduction": "none"}
DEFAULTS = {"sigmoid_focal_loss": ELEMENT_FOCAL, "binary_focal_loss": ELEMENT_FOCAL}
PARAMETERS = {family: registry.unusual(family) for family in FAMILIES}
YES_NO = ("sigmoid", "identity")
C = 3
CALL = ("sample_weight", "where", "normalizer", "engine")


def drawn(link, rng, n=5, dense=False):
    scores = rng.normal(size=(n, C)) * 3
    if link == "identity":
        scores = rng.random((n, C))
    elif link == "simplex":
        scores = rng.dirichlet([1.0] * C, size=n)
    if link in YES_NO:
        return scores, rng.choice([0.0, 0.3, 1.0], size=(n, C))
    return scores, rng.dirichlet([1.0] * C, size=n) if dense else rng.integers(C, size=n)


def settings_of(link, name, rng, targets):
    """Return a non-default value for each keyword of a function."""
    shape = targets.shape if link in YES_NO else targets.shape[:1]
    given = {
        "alpha": 0.3 if link in YES_NO else (0.5, 2.0, 1.0),
        "class_weight": (1.0, 2.0, 0.5),
        "label_smoothing": 0.1,
        "sample_weight": rng.choice([0.0, 0.5, 2.0], size=shape),
        "where": rng.random(shape) < 0.7,
        "normalizer": 2.5,
        "reduction": "sum",
        "pos_weight": (3.0, 1.0, 2.0),
    }
    if targets.shape == shape:
        given["ignore_index"] = 1
    return {key: value for key, value in given.items() if key in parameters(name)}


def parameters(name):
    return inspect.signature(getattr(focalis, name)).parameters


def loss_value(link, family, scores, targets, **options):
    """Return what `Loss` computes for a function's keywords."""
    call = {key: options.pop(key) for key in CALL if key in options}
    own = {key: options.pop(key) for key in margin.FAMILIES[family].ranges if key in options}
    loss = Loss(link, margin.FAMILIES[family](**own), **options)
    return loss(scores, targets, **{"engine": "numpy", **call})


def equal(actual, expected):
    assert type(actual) is type(expected)
    assert getattr(actual, "dtype", None) == expected.dtype
    np.testing.assert_array_equal(actual, expected, strict=True)


def test_the_grid_has_no_hole():
    missing = [name for name in GRID.values() if name not in focalis.__all__]
    assert not missing
    assert set(PARAMETERS) == set(FAMILIES)


def test_every_function_is_public():
    assert set(functional.__all__) <= set(focalis.__all__)
    assert set(GRID.values()) <= set(functional.__all__)
    for name in functional.__all__:
        assert getattr(focalis, name) is getattr(functional, name)
        assert inspect.isfunction(getattr(focalis, name))


def test_no_function_shadows_a_module():
    for package in (focalis, functional):
        root = package.__path__[0]
        modules = {module.name for module in pkgutil.iter_modules([root])}
        assert not modules & set(functional.__all__)


@pytest.mark.parametrize("name", functional.__all__)
def test_signatures_are_explicit(name):
    signature = inspect.signature(getattr(focalis, name))
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)


@pytest.mark.parametrize("name", functional.__all__)
def test_docstrings_have_every_section(name):
    text = inspect.getdoc(getattr(focalis, name))
    for section in ("Parameters", "Returns", "Raises", "See Also", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in text, section
    assert "Loss.value_and_grad" in text
    documented = text[text.index("Parameters\n") : text.index("Returns\n")]
    for parameter, declared in parameters(name).items():
        assert parameter in documented
        if isinstance(declared.default, float):
            assert str(declared.default) in documented or parameter == "label_smoothing"


@pytest.mark.parametrize(("link", "family"), GRID)
def test_defaults(link, family):
    name = GRID[link, family]
    scores, targets = drawn(link, np.random.default_rng(1))
    actual = getattr(focalis, name)(scores, targets, engine="numpy")
    equal(actual, loss_value(link, family, scores, targets, **DEFAULTS.get(name, {})))


@pytest.mark.parametrize(("link", "family"), GRID)
@settings(max_examples=12)
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), dense=st.booleans())
def test_a_function_is_its_loss(link, family, data, seed, dense):
    name, rng = GRID[link, family], np.random.default_rng(seed)
    scores, targets = drawn(link, rng, n=data.draw(st.integers(0, 6)), dense=dense)
    every = settings_of(link, name, rng, targets)
    chosen = data.draw(st.sets(st.sampled_from(sorted(every))))
    given_ = {key: every[key] for key in chosen}
    given_["reduction"] = data.draw(st.sampled_from(["none", "sum", "mean", "batchmean"]))
    if given_["reduction"] in ("none", "sum"):
        given_.pop("normalizer", None)
    if "pos_weight" in given_:
        given_.pop("alpha", None)
    given_ |= PARAMETERS[family]
    actual = getattr(focalis, name)(scores, targets, **given_, engine="numpy")
    with_defaults = {**DEFAULTS.get(name, {}), **given_}
    equal(actual, loss_value(link, family, scores, targets, **with_defaults))


@pytest.mark.parametrize(("link", "family"), GRID)
def test_every_keyword_matters(link, family):
    """None is accepted and then ignored: each one changes the value."""
    name = GRID[link, family]
    rng = np.random.default_rng(5)
    scores, targets = drawn(link, rng, n=9)
    function = getattr(focalis, name)
    for key, value in {**settings_of(link, name, rng, targets), **PARAMETERS[family]}.items():
        base = {"reduction": "mean", "gamma": 2.5, **({"beta": 0.1} if "star" in name else {})}
        base = {k: v for k, v in base.items() if k in parameters(name)}
        if key == "pos_weight":
            base["alpha"] = None
        plain = function(scores, targets, **base, engine="numpy")
        assert function(scores, targets, **{**base, key: value}, engine="numpy") != plain, key


@pytest.mark.parametrize("name", functional.__all__)
def test_unknown_arguments_raise(name):
    function = getattr(focalis, name)
    with pytest.raises(TypeError, match="smoothing_of_labels"):
        function(np.zeros((2, C)), np.zeros((2, C)), smoothing_of_labels=0.1)
    with pytest.raises(TypeError, match="argument"):
        function(np.zeros((2, C)))


@pytest.mark.parametrize(("link", "family"), GRID)
def test_errors_use_the_names_of_the_signature(link, family):
    name = GRID[link, family]
    function, (scores_name, *_) = getattr(focalis, name), parameters(name)
    scores, targets = drawn(link, np.random.default_rng(2))
    with pytest.raises(TypeError, match=rf"^{scores_name} must be real numbers"):
        function(scores.astype(str), targets, engine="numpy")
    with pytest.raises(ValueError, match=r"^targets .*got \(4,") as caught:
        function(scores, targets[:-1], engine="numpy")
    assert "logits" not in str(caught.value) or scores_name == "logits"
    with pytest.raises(ValueError, match=r"engine must be one of .* 'fortran'"):
        function(scores, targets, engine="fortran")
    with pytest.raises(ValueError, match="reduction must be one of"):
        function(scores, targets, reduction="max")
    with pytest.raises(ValueError, match="sample_weight must have shape"):
        function(scores, targets, sample_weight=np.ones(2), engine="numpy")


@pytest.mark.parametrize("name", ["binary_poly1", "categorical_poly1"])
def test_what_is_no_probability_raises(name):
    bad = np.array([[0.5, 0.2, 1.5]])
    with pytest.raises(ValueError, match=r"^probabilities .*1\.5 at position \(0, 2\)"):
        getattr(focalis, name)(bad, np.ones((1, C)), engine="numpy")


def test_ranges_of_the_margin_loss():
    with pytest.raises(ValueError, match="gamma of focal must lie in"):
        focalis.sigmoid_focal_loss([0.0], [1], gamma=-1)
    with pytest.raises(ValueError, match=r"kappa .* must lie in"):
        focalis.categorical_generalized_cross_entropy([[1.0]], [0], kappa=2)


def test_the_balanced_form_is_alpha():
    scores, targets = drawn("sigmoid", np.random.default_rng(3))
    for alpha in (0.25, (0.1, 0.5, 0.9)):
        actual = focalis.balanced_cross_entropy(scores, targets, alpha, engine="numpy")
        equal(actual, loss_value("sigmoid", "cross_entropy", scores, targets, alpha=alpha))
    default = focalis.balanced_cross_entropy(scores, targets, engine="numpy")
    equal(default, loss_value("sigmoid", "cross_entropy", scores, targets, alpha=0.75))


def test_the_multilabel_form_is_one_over_m():
    scores = np.random.default_rng(4).normal(size=(4, C))
    targets = np.array([[0.5, 0, 2], [1, 1, 1], [0, 0, 0], [0, 1, 0]])
    options = {
        "class_weight": (1.0, 2.0, 0.5),
        "label_smoothing": 0.1,
        "sample_weight": [1, 2, 3, 0.5],
        "where": np.array([True, True, True, False]),
        "reduction": "none",
    }
    for chosen in ({}, options, {"normalizer": 3.0}):
        actual = focalis.multilabel_softmax_cross_entropy(scores, targets, **chosen, engine="numpy")
        expected = {**chosen, "positives": "mean"}
        equal(actual, loss_value("softmax", "cross_entropy", scores, targets, **expected))
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    by_hand = -(targets * log_p).sum(axis=1) / np.array([2, 3, 1, 1])
    rows = focalis.multilabel_softmax_cross_entropy(
        scores, targets, reduction="none", engine="numpy"
    )
    np.testing.assert_allclose(rows, by_hand, rtol=1e-13)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_activation_is_all_that_differs(family):
    """The forms for probabilities share the defaults of those for logits."""
    rng = np.random.default_rng(6)
    x, y = drawn("sigmoid", rng)
    p = 1 / (1 + np.exp(-x))
    sigmoid, binary = (getattr(focalis, GRID[link, family]) for link in YES_NO)
    np.testing.assert_allclose(binary(p, y, engine="numpy"), sigmoid(x, y, engine="numpy"), 1e-12)
    x, t = drawn("softmax", rng)
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    softmax, rows = (getattr(focalis, GRID[link, family]) for link in ("softmax", "simplex"))
    np.testing.assert_allclose(rows(p, t, engine="numpy"), softmax(x, t, engine="numpy"), 1e-12)


@pytest.mark.slow
def test_the_default_engine_is_the_fused_one():
    x, y = drawn("sigmoid", np.random.default_rng(7))
    equal(focalis.sigmoid_focal_loss(x, y), focalis.sigmoid_focal_loss(x, y, engine="numba"))


def test_torchvisions_signature():
    given_ = [(p.name, p.default) for p in parameters("sigmoid_focal_loss").values()][:5]
    empty = inspect.Parameter.empty
    assert given_ == [
        ("inputs", empty), ("targets", empty), ("alpha", 0.25), ("gamma", 2), ("reduction", "none"),
    ]  # fmt: skip
    x, y = np.array([2.0, -1.0]), np.array([1.0, 0.0])
    p = 1 / (1 + np.exp(-x))
    by_hand = np.array([-0.3 * (1 - p[0]) ** 3 * np.log(p[0]), -0.7 * p[1] ** 3 * np.log(1 - p[1])])
    np.testing.assert_allclose(
        focalis.sigmoid_focal_loss(x, y, 0.3, 3, "sum", engine="numpy"), by_hand.sum()
    )
    off = focalis.sigmoid_focal_loss(x, y, -1, 3, engine="numpy")
    np.testing.assert_allclose(off, by_hand / [0.3, 0.7], 1e-12)
