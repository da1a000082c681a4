"""Every bad argument: the message names it, and says what was expected and what came."""

import re
from functools import partial

import numpy as np
import pytest
import registry

from focalis import Loss, margin

FOCAL = margin.focal(gamma=2.0)
X = np.zeros((4, 3))
Y = np.zeros((4, 3))
T = np.array([0, 1, 2, 0])


def sigmoid(**options):
    return Loss("sigmoid", FOCAL, **options)


def softmax(**options):
    return Loss("softmax", FOCAL, **options)


OF_THE_LOSS = {
    "link": (lambda: Loss("tanh", FOCAL), ["link", "sigmoid", "softmax", "tanh"]),
    "link type": (lambda: Loss(3, FOCAL), ["link", "3|int"]),
    "margin loss is a name": (lambda: Loss("sigmoid", "focal"), ["margin_loss", "focal|str"]),
    "margin loss is a family": (lambda: Loss("sigmoid", margin.focal), ["margin_loss", "focal"]),
    "alpha above 1": (lambda: sigmoid(alpha=1.5), ["alpha", "1", r"1\.5"]),
    "alpha is NaN": (lambda: sigmoid(alpha=float("nan")), ["alpha", "nan"]),
    "alpha is inf": (lambda: softmax(alpha=float("inf")), ["alpha", "inf"]),
    "one alpha is negative": (lambda: softmax(alpha=(0.5, -0.5)), ["alpha", r"-0\.5"]),
    "alpha type": (lambda: sigmoid(alpha="much"), ["alpha", "real|number", "much|str|<U4"]),
    "alpha shape": (lambda: sigmoid(alpha=[[0.5]]), ["alpha", r"\(1, 1\)|shape|\[\[0\.5\]\]"]),
    "alpha with pos_weight": (lambda: sigmoid(alpha=0.25, pos_weight=2), ["alpha", "pos_weight"]),
    "pos_weight is negative": (lambda: sigmoid(pos_weight=-1), ["pos_weight", "-1"]),
    "pos_weight is NaN": (lambda: sigmoid(pos_weight=float("nan")), ["pos_weight", "nan"]),
    "pos_weight on a softmax": (lambda: softmax(pos_weight=2.0), ["pos_weight", "softmax"]),
    "class_weight is negative": (lambda: softmax(class_weight=(1, -2)), ["class_weight", "-2"]),
    "class_weight is NaN": (
        lambda: softmax(class_weight=(1, float("nan"))),
        ["class_weight", "nan"],
    ),
    "class_weight is a number": (
        lambda: softmax(class_weight=2.0),
        ["class_weight", r"2\.0|\(\)|float"],
    ),
    "class_weight is two-dimensional": (
        lambda: softmax(class_weight=((1,), (2,))),
        ["class_weight"],
    ),
    "smoothing below 0": (lambda: softmax(label_smoothing=-0.1), ["label_smoothing", r"-0\.1"]),
    "smoothing above 1": (lambda: softmax(label_smoothing=1.1), ["label_smoothing", r"1\.1"]),
    "smoothing is NaN": (lambda: softmax(label_smoothing=float("nan")), ["label_smoothing", "nan"]),
    "smoothing type": (lambda: softmax(label_smoothing="a"), ["label_smoothing", "a|str"]),
    "positives": (lambda: softmax(positives="some"), ["positives", "sum", "mean", "some"]),
    "positives on a sigmoid": (lambda: sigmoid(positives="mean"), ["positives", "sigmoid"]),
    "reduction": (lambda: sigmoid(reduction="max"), ["reduction", "none", "batchmean", "max"]),
    "reduction type": (lambda: sigmoid(reduction=1), ["reduction", "1|int"]),
    "ignore_index type": (lambda: softmax(ignore_index="a"), ["ignore_index", "a|str"]),
    "ignore_index of labels is NaN": (lambda: softmax(ignore_index=float("nan")), ["ignore_index"]),
    "ignore_index of labels is broken": (
        lambda: softmax(ignore_index=0.5),
        ["ignore_index", r"0\.5"],
    ),
    "ignore_index is too large": (lambda: softmax(ignore_index=2**70), ["ignore_index", "64 bits"]),
    "gamma is beyond a float": (lambda: margin.focal(gamma=2**2000), ["gamma", "focal"]),
    "gamma is negative": (lambda: margin.focal(gamma=-1), ["gamma", "focal", "-1"]),
    "gamma is NaN": (lambda: margin.focal(gamma=float("nan")), ["gamma", "nan"]),
    "gamma is inf": (lambda: margin.focal(gamma=float("inf")), ["gamma", "inf"]),
    "gamma type": (lambda: margin.focal(gamma="2"), ["gamma", "real|number|float", "str"]),
    "gamma is complex": (lambda: margin.focal(gamma=2j), ["gamma", "complex"]),
    "gamma is None": (lambda: margin.focal(gamma=None), ["gamma", "NoneType"]),
    "gamma of focal* is 0": (lambda: margin.focal_star(gamma=0), ["gamma", "focal_star", "0"]),
    "beta is inf": (lambda: margin.focal_star(beta=float("inf")), ["beta", "inf"]),
    "epsilon below -1": (lambda: margin.poly1(epsilon=-1.5), ["epsilon", "poly1", r"-1\.5"]),
    "kappa is 0": (lambda: margin.generalized_cross_entropy(kappa=0), ["kappa", "0"]),
    "kappa above 1": (lambda: margin.generalized_cross_entropy(kappa=1.1), ["kappa", r"1\.1"]),
    "an unknown parameter": (lambda: margin.focal(delta=1), ["delta"]),
}


def out(loss, targets, **options):
    return partial(loss.value_and_grad, X, targets, **options)


def read_only():
    a = np.empty_like(X)
    a.flags.writeable = False
    return a


OF_A_CALL = {
    "alpha of the wrong length": (out(sigmoid(alpha=(0.5, 0.5)), Y), ["alpha", "3", "2"]),
    "pos_weight of the wrong length": (
        out(sigmoid(pos_weight=(1, 1)), Y),
        ["pos_weight", "3", "2"],
    ),
    "class_weight of the wrong length": (
        out(softmax(class_weight=(1, 2)), T),
        ["class_weight", "3", "2"],
    ),
    "label too large": (
        out(softmax(), [0, 1, 3, 7]),
        ["targets", "2", "3", r"\(2,\)|\[2\]|position 2"],
    ),
    "label negative": (
        out(softmax(), [0, -1, 1, 0]),
        ["targets", "3", "-1", r"\(1,\)|\[1\]|position 1"],
    ),
    "a label that is not the ignored one": (
        out(softmax(ignore_index=-1), [0, -1, -2, 0]),
        ["targets", "-2", r"\(2,\)|\[2\]|position 2"],
    ),
    "labels that are floats": (out(softmax(), [0.0, 1.0, 2.0, 0.0]), ["targets", "int", "float"]),
    "labels of the wrong shape": (out(softmax(), [0, 1]), ["targets", r"\(4,\)", r"\(2,\)"]),
    "dense targets of the wrong shape": (
        out(softmax(), np.zeros((4, 2))),
        ["targets", r"\(4, 3\)", r"\(4, 2\)"],
    ),
    "dense targets below 0": (
        out(softmax(), Y - np.eye(4, 3)[::-1]),
        ["targets", r"-1(\.0)?", r"\(1, 2\)|\[1, 2\]"],
    ),
    "dense targets with NaN": (
        out(softmax(), np.where(np.eye(4, 3) > 0, np.nan, 0)),
        ["targets", "nan", r"\(0, 0\)|\[0, 0\]"],
    ),
    "dense targets with inf": (
        out(softmax(), np.where(np.eye(4, 3) > 0, np.inf, 0)),
        ["targets", "inf", r"\(0, 0\)|\[0, 0\]"],
    ),
    "sigmoid targets above 1": (
        out(sigmoid(), Y + 2 * np.eye(4, 3)[::-1]),
        ["targets", "0", "1", r"2(\.0)?", r"\(1, 2\)|\[1, 2\]"],
    ),
    "sigmoid targets below 0": (out(sigmoid(), Y - 0.5), ["targets", "1", r"-0\.5"]),
    "sigmoid targets with NaN": (
        out(sigmoid(), Y * np.nan),
        ["targets", "nan", r"\(0, 0\)|\[0, 0\]"],
    ),
    "sigmoid targets of the wrong shape": (
        out(sigmoid(), np.zeros(4)),
        ["targets", r"\(4, 3\)", r"\(4,\)"],
    ),
    "ignore_index with dense targets": (
        out(softmax(ignore_index=1), Y),
        ["ignore_index", "class"],
    ),
    "unknown engine": (out(sigmoid(), Y, engine="fortran"), ["engine", "numba", "fortran"]),
    "sample_weight of the wrong shape": (
        out(softmax(), T, sample_weight=np.ones(3)),
        ["sample_weight", r"\(4,\)", r"\(3,\)"],
    ),
    "sample_weight per element of a softmax": (
        out(softmax(), T, sample_weight=np.ones((4, 3))),
        ["sample_weight", r"\(4,\)", r"\(4, 3\)"],
    ),
    "sample_weight negative": (
        out(softmax(), T, sample_weight=[1, -1, 1, 1]),
        ["sample_weight", "-1"],
    ),
    "sample_weight with NaN": (
        out(softmax(), T, sample_weight=[1, np.nan, 1, 1]),
        ["sample_weight", "nan"],
    ),
    "where of the wrong shape": (
        out(softmax(), T, where=np.ones(3, bool)),
        ["where", r"\(4,\)", r"\(3,\)"],
    ),
    "normalizer with sum": (
        out(sigmoid(reduction="sum"), Y, normalizer=3),
        ["normalizer", "mean", "sum"],
    ),
    "normalizer with none": (
        out(sigmoid(reduction="none"), Y, normalizer=3),
        ["normalizer", "mean", "none"],
    ),
    "normalizer has no inverse": (
        out(sigmoid(), Y, normalizer=1e-310),
        ["normalizer", "1e-310", "at least"],
    ),
    "sample_weight has no inverse": (
        out(softmax(), T, sample_weight=np.full(4, 1e-310)),
        ["sample_weight", r"4e-310|3\.9\d*e-310", "at least"],
    ),
    "normalizer negative": (out(sigmoid(), Y, normalizer=-1), ["normalizer", "-1"]),
    "normalizer beyond a float": (out(sigmoid(), Y, normalizer=10**400), ["normalizer"]),
    "normalizer NaN": (out(sigmoid(), Y, normalizer=np.nan), ["normalizer", "nan"]),
    "out of the wrong shape": (
        out(sigmoid(), Y, out=np.empty((3, 4))),
        ["out", r"\(4, 3\)", r"\(3, 4\)"],
    ),
    "out of the wrong type": (
        out(sigmoid(), Y, out=np.empty((4, 3), np.float32)),
        ["out", "float64", "float32"],
    ),
    "out is read-only": (out(sigmoid(), Y, out=read_only()), ["out", "read-only|writ"]),
    "softmax without a class axis": (
        partial(softmax(), np.float64(1.0), np.int64(0)),
        ["logits", r"axis|\(\)|dimension"],
    ),
    "softmax without classes": (
        partial(softmax(), np.empty((4, 0)), np.empty((4, 0))),
        ["logits", r"class|\(4, 0\)"],
    ),
    "curvature": (
        partial(sigmoid().grad_and_hess, X, Y, curvature="hessian"),
        ["curvature", "exact", "fisher", "hessian"],
    ),
    "native curvature": (
        partial(sigmoid().grad_and_hess, X, Y, curvature="native"),
        ["curvature", "native"],
    ),
    "probability above 1": (
        partial(Loss("identity", FOCAL), [0.5, 1.5], [1, 0]),
        ["probabilit|logits|scores", "1", r"1\.5"],
    ),
    "probability below 0": (
        partial(Loss("simplex", FOCAL), [[0.5, -0.5, 1]], [1]),
        ["probabilit|logits|scores", "0", r"-0\.5"],
    ),
    "classes and n_classes": (
        partial(softmax(class_weight=(1, 2)).initial_logits, [0, 1, 2], n_classes=3),
        ["class_weight", "3", "2"],
    ),
    "a label beyond n_classes": (
        partial(softmax().initial_logits, [0, 1, 2], n_classes=2),
        ["targets", "2", "2"],
    ),
}


@pytest.mark.parametrize("case", OF_THE_LOSS)
def test_loss(case):
    call, words = OF_THE_LOSS[case]
    check(call, words)


@pytest.mark.parametrize("engine", registry.ENGINES)
@pytest.mark.parametrize("case", OF_A_CALL)
def test_call(case, engine):
    call, words = OF_A_CALL[case]
    takes_engine = "n_classes" not in case and "engine" not in case
    check(partial(call, engine=engine) if takes_engine else call, words)


def check(call, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    missing = [word for word in words if not re.search(word, message)]
    assert not missing, f"{message!r} does not say {missing}"


@pytest.mark.parametrize(
    "bad", [X + 0j, X.astype(object), X.astype(str), np.zeros((4, 3), "M8[s]"), None]
)
@pytest.mark.parametrize("argument", ["logits", "targets", "sample_weight"])
def test_types(argument, bad):
    if argument == "sample_weight" and bad is None:
        return  # no weights
    given = {"logits": X, "targets": Y, "sample_weight": None, argument: bad}
    with pytest.raises(TypeError, match=argument):
        sigmoid()(given["logits"], given["targets"], sample_weight=given["sample_weight"])


@pytest.mark.parametrize("bad", [X, X.astype(int), X.astype(str)])
def test_where_must_be_boolean(bad):
    with pytest.raises(TypeError, match=r"where.*bool"):
        sigmoid()(X, Y, where=bad)


@pytest.mark.parametrize("engine", registry.ENGINES)
@pytest.mark.parametrize("reduction", registry.REDUCTIONS)
@pytest.mark.parametrize("link", registry.LINKS)
@pytest.mark.parametrize("bad", [-3.0, -1e-30, float("nan")])
def test_no_weight_is_below_zero(bad, link, reduction, engine):
    """Even next to positive weights that outweigh it, and where nothing is divided by their sum."""
    weights = np.array([2.0, bad, 2.0, 2.0])
    x, targets = np.full((4, 3), 0.25), T if link in registry.ROW_LINKS else Y
    loss = Loss(link, FOCAL, reduction=reduction)
    for call in (loss, loss.value_and_grad, loss.grad_and_hess):
        for given in (weights, weights.tolist(), weights.astype(np.float32)):
            with pytest.raises(ValueError, match=f"sample_weight.*{bad}"):
                call(x, targets, sample_weight=given, engine=engine)
    if link in registry.LOGIT_LINKS:
        with pytest.raises(ValueError, match=r"sample_weight|targets"):
            loss.initial_logits(targets, sample_weight=weights)
    for name in ("class_weight", "alpha", "pos_weight"):
        with pytest.raises(ValueError, match=name):
            Loss(link, FOCAL, reduction=reduction, **{name: (1.0, bad, 1.0)})


def calls_with(argument, given):
    """Return the calls that take an argument, with this value for it."""
    x = np.full((4, 3), 0.25)
    if argument in ("alpha", "pos_weight", "class_weight"):
        return [lambda: sigmoid(**{argument: given})]
    if argument == "out":
        calls = [lambda: sigmoid().value_and_grad(x, Y, out=given)]
        return [*calls, lambda: sigmoid().grad_and_hess(x, Y, out=(given, x.copy()))]
    if argument == "logits":
        return [lambda: sigmoid()(given, Y), lambda: sigmoid().probabilities(given)]
    if argument == "targets":
        return [lambda: sigmoid()(x, given), lambda: sigmoid().initial_logits(given)]
    calls = [lambda: sigmoid()(x, Y, **{argument: given})]
    if argument == "sample_weight":
        calls.append(lambda: sigmoid().initial_logits(Y, sample_weight=given))
    return calls


ARRAYS = {
    **dict.fromkeys(("logits", "targets", "sample_weight", "out"), X),
    "where": X == 0,
    "normalizer": np.array(3.0),
    **dict.fromkeys(("alpha", "pos_weight", "class_weight"), np.ones(3)),
}


@pytest.mark.parametrize("argument", ARRAYS)
def test_a_masked_array_never_loses_its_mask(argument):
    numbers = ARRAYS[argument]
    for mask in (False, np.ones_like(numbers, bool)):
        for call in calls_with(argument, np.ma.masked_array(numbers, mask)):
            with pytest.raises(TypeError, match=f"{argument}.*(masked|Masked)"):
                call()


@pytest.mark.parametrize("argument", ARRAYS)
def test_a_tensor_that_requires_a_gradient_is_named(argument):
    torch = pytest.importorskip("torch")
    given = torch.tensor(ARRAYS[argument].astype(np.float64), requires_grad=True)
    for call in calls_with(argument, given):
        with pytest.raises(TypeError, match=argument):
            call()


@pytest.mark.parametrize("bad", [np.zeros((4, 3), np.float64).tolist(), "out", 3])
def test_out_must_be_an_array(bad):
    with pytest.raises(TypeError, match="out"):
        sigmoid().value_and_grad(X, Y, out=bad)


def test_out_of_the_hessian():
    good = np.empty_like(X)
    for bad in (np.empty((3, 4)), np.empty((4, 3), np.float32), read_only()):
        with pytest.raises((ValueError, TypeError), match="out"):
            sigmoid().grad_and_hess(X, Y, out=(good, bad))
    with pytest.raises((ValueError, TypeError), match="out"):
        sigmoid().grad_and_hess(X, Y, out=good)


@pytest.mark.parametrize("engine", registry.ENGINES)
def test_the_first_bad_label_of_a_long_array_is_named(engine):
    labels = np.zeros(300_000, np.int64)
    labels[[123_456, 200_000, 299_999]] = 17, 99, -5
    with pytest.raises(ValueError, match=r"17") as caught:
        softmax()(np.zeros((300_000, 3), np.float32), labels, engine=engine)
    assert "123456" in str(caught.value).replace(",", "").replace("_", "")


@pytest.mark.parametrize("engine", registry.ENGINES)
def test_the_position_is_that_of_the_array_given(engine):
    labels = np.zeros((2, 5), np.int64)
    labels[1, 3] = 9
    with pytest.raises(ValueError, match=r"9.*\b1, 3\b|\b1, 3\b.*9"):
        softmax()(np.zeros((2, 5, 3)), labels, engine=engine)


def test_nothing_is_checked_by_assert():
    """An assertion disappears under -O, and the check with it."""
    import ast
    from pathlib import Path

    import focalis

    for path in Path(focalis.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree)), path


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_numbers_that_are_finite_in_a_wider_type_alone(engine):
    loss = Loss("softmax", margin.cross_entropy())
    logits, targets = np.zeros((3, 4), np.float32), np.zeros((3, 4))
    targets[1, 2] = 1e39
    with pytest.raises(ValueError, match=r"targets .* got 1e\+39 at position \(1, 2\)"):
        loss(logits, targets, engine=engine)
    assert np.isfinite(loss(logits.astype(np.float64), targets, engine=engine))
    with pytest.raises(ValueError, match=r"sample_weight .*got 1e\+39"):
        loss(logits, [0, 1, 2], sample_weight=[1, 1e39, 1], engine=engine)
    with pytest.raises(ValueError, match="weights of the classes must be finite as float32"):
        Loss("softmax", margin.cross_entropy(), class_weight=[1, 1e39, 1, 1])(logits, [0, 1, 2])


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_class_without_weight_may_hold_no_probability(engine):
    loss = Loss("identity", margin.cross_entropy(), class_weight=[1, 0])
    p, y = np.array([[0.5, 5.0], [0.5, -3.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    value, grad = loss.value_and_grad(p, y, engine=engine)
    np.testing.assert_allclose(value, np.log(2) / 2)
    np.testing.assert_array_equal(grad, [[-0.5, 0], [0.5, 0]])


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_probability_that_is_rounded_to_above_1_is_1(engine):
    loss = Loss("identity", margin.cross_entropy(), reduction="none")
    for y in (1.0, 0.0):
        above, one = (
            loss.value_and_grad(np.array([p]), np.array([y]), engine=engine)
            for p in (1 + np.finfo(float).eps, 1.0)
        )
        np.testing.assert_array_equal(above, one)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_classes", "dtype"), [(5, np.float32), (5, np.float64), (40, np.float32), (200, np.float64)]
)
def test_a_wrong_soft_target_is_found_in_every_place(n_classes, dtype):
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, n_classes)).astype(dtype), rng.random((2, n_classes)).astype(dtype)
    y[0, 3] = -0.0
    loss = Loss("softmax", margin.focal(gamma=1.7))
    assert loss(x, y) == pytest.approx(loss(x, np.abs(y), engine="numpy"), rel=1e-5)
    for place in (0, 2, x[1].argmax(), n_classes - 1):
        for wrong in (-np.finfo(dtype).smallest_subnormal, np.inf, -np.inf, np.nan):
            targets = y.copy()
            targets[1, place] = wrong
            with pytest.raises(ValueError, match=rf"targets .* at position \(1, {place}\)"):
                loss(x, targets)


@pytest.mark.parametrize(("link", "y"), [("sigmoid", 1.4), ("softmax", -0.1)])
def test_smoothing_makes_no_bad_target_good(link, y):
    loss = Loss(link, margin.focal(), label_smoothing=0.5)
    targets = np.array([[0.5, y], [1.0, 0.0]])
    with pytest.raises(ValueError, match=rf"^targets must be .*{y} at position \(0, 1\)"):
        loss(np.zeros((2, 2)), targets, engine="numpy")


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_bad_target_far_from_the_start_is_named_with_its_position(engine, monkeypatch):
    monkeypatch.setattr("focalis.engines.driver.CHUNK", 128)
    x, y = np.zeros((900, 2)), np.zeros((900, 2))
    y[777, 1] = 7
    with pytest.raises(ValueError, match=r"7.0 at position \(777, 1\)"):
        Loss("sigmoid", margin.focal())(x, y, engine=engine)
    with pytest.raises(ValueError, match="-3 at position 801"):
        Loss("softmax", margin.focal())(x, np.where(np.arange(900) == 801, -3, 0), engine=engine)


@pytest.mark.parametrize("link", registry.PROBABILITY_LINKS)
def test_a_bad_probability_far_from_the_start_is_named_with_its_position(link, monkeypatch):
    """Not one that comes before it but does not count."""
    monkeypatch.setattr("focalis.engines.driver.CHUNK", 128)
    p, weight = np.full((900, 2), 0.5), np.ones(900)
    p[770], p[777, 1], weight[770] = 7.0, 1.5, 0.0
    loss = Loss(link, margin.focal())
    for given in ({"sample_weight": weight}, {"where": weight > 0}):
        with pytest.raises(ValueError, match=r"got 1.5 at position \(777, 1\)"):
            loss(p, np.full((900, 2), 0.5), engine="numpy", **given)


def test_a_list_without_targets_is_one_of_labels():
    loss = Loss("softmax", margin.focal(), reduction="none")
    assert loss(np.zeros((0, 3)), [], engine="numpy").shape == (0,)
