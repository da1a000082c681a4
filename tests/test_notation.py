"""Loss as a value, and its one text form."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import registry
import strategies
from hypothesis import given

import focalis
from focalis import Loss, margin, notation, parse
from focalis.catalogue.calls import read_call


@given(loss=strategies.losses())
def test_text_and_back(loss):
    again = parse(str(loss))
    assert again == loss
    assert str(again) == str(loss)


@given(loss=strategies.losses())
def test_a_value(loss):
    for twin in (pickle.loads(pickle.dumps(loss)), copy.copy(loss), copy.deepcopy(loss)):
        assert twin == loss
        assert hash(twin) == hash(loss)
        assert repr(twin) == repr(loss)


@given(a=strategies.losses(), b=strategies.losses())
def test_equal_losses_have_equal_texts(a, b):
    assert (a == b) == (str(a) == str(b))


def test_frozen():
    loss = Loss("sigmoid", margin.focal(gamma=2.0))
    with pytest.raises((FrozenInstanceError, AttributeError)):
        loss.link = "softmax"
    with pytest.raises((FrozenInstanceError, AttributeError)):
        loss.margin_loss.gamma = 3
    with pytest.raises((FrozenInstanceError, AttributeError)):
        del loss.alpha


def test_what_makes_losses_differ():
    base = Loss("sigmoid", margin.focal(gamma=2.0))
    assert base == Loss("sigmoid", margin.focal(2))
    assert base != "focal(gamma=2)"
    others = [
        Loss("softmax", margin.focal(gamma=2.0)),
        Loss("sigmoid", margin.focal(gamma=2.5)),
        Loss("sigmoid", margin.focal(gamma=2.0), alpha=0.25),
        Loss("sigmoid", margin.focal(gamma=2.0), reduction="sum"),
        Loss("sigmoid", margin.focal(gamma=2.0), ignore_index=255),
        Loss("sigmoid", margin.focal(gamma=2.0), class_weight=(1, 2)),
    ]
    assert len({base, *others}) == 1 + len(others)


def test_arrays_are_taken_and_kept_from_harm():
    weight = np.array([1.0, 2.0])
    loss = Loss("softmax", margin.cross_entropy(), class_weight=weight, alpha=[0.5, 1])
    assert loss == Loss("softmax", margin.cross_entropy(), class_weight=(1, 2), alpha=(0.5, 1))
    weight[0] = 99
    assert loss == Loss("softmax", margin.cross_entropy(), class_weight=(1, 2), alpha=(0.5, 1))
    assert parse(str(loss)) == loss


def test_a_missing_value_that_is_nan():
    loss = Loss("sigmoid", margin.cross_entropy(), ignore_index=float("nan"))
    assert loss == Loss("sigmoid", margin.cross_entropy(), ignore_index=float("nan"))
    assert parse(str(loss)) == loss
    assert pickle.loads(pickle.dumps(loss)) == loss


@pytest.mark.parametrize(
    "given",
    [
        "focal(gamma=2, alpha=.25)",
        "focal(gamma=2,alpha=.25)",
        "  focal( gamma = 2.0 , alpha = 0.25 ) ",
        "focal(alpha=.25, gamma=2)",
        "focal(gamma=2e0, alpha=2.5e-1)",
    ],
)
def test_the_designs_example(given):
    loss = parse(given)
    assert loss == Loss("sigmoid", margin.focal(gamma=2.0), alpha=0.25)
    assert str(loss) == "focal(gamma=2, alpha=.25)"


@pytest.mark.parametrize("name", ["cross-entropy", "cross_entropy", "cross entropy"])
def test_hyphens_spaces_and_underscores_are_one(name):
    assert parse(name) == parse("cross_entropy()") == parse(f"{name}()")
    assert parse(name).margin_loss == margin.cross_entropy()
    for star in ("focal-star", "focal star", "focal_star"):
        assert parse(f"{star}(gamma=2)").margin_loss == margin.focal_star(gamma=2)


@pytest.mark.parametrize("margin_", registry.MARGINS, ids=registry.name)
def test_every_margin_loss_is_parsed(margin_):
    for link in registry.LINKS:
        loss = Loss(link, registry.build(margin_))
        assert parse(str(loss)) == loss


def test_a_margin_loss_is_its_repr():
    assert eval(repr(margin.focal(gamma=1.5)), vars(margin)) == margin.focal(gamma=1.5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", None),
        ("fcal(gamma=2)", "fcal"),
        ("focal(gamma=2", None),
        ("focal gamma=2)", None),
        ("focal(gamma=two)", "two"),
        ("focal(gamma=-1)", "gamma"),
        ("focal(gamma=)", None),
        ("focal(delta=2)", "delta"),
        ("focal(gamma=2, gamma=3)", "gamma"),
        ("focal(gamma=2) and more", None),
        ("focal(gamma=nan)", "gamma"),
        ("focal(gamma=inf)", "gamma"),
        ("focal(alpha=2)", "alpha"),
        ("focal(gamma=__import__('os'))", None),
        ("focal(gamma=2 alpha=.25)", None),
        ("focal(gamma=2,, alpha=.25)", None),
        ("__class__", None),
        ("focal(gamma=2\x00)", None),
    ],
)
def test_what_is_no_loss(given, words):
    with pytest.raises(ValueError, match=words):
        parse(given)


HOSTILE = {
    "spaces": "a" + " " * 10**6 + "!",
    "spaces before a value": "focal(gamma=" + " " * 10**6 + "[)",
    "digits": "focal(gamma=" + "1" * 10**6 + "x)",
    "hyphens": "focal(" + "a-" * 10**6 + ")",
    "a long name": "a" * 10**6,
    "a long parameter": "focal(" + "g" * 10**6 + "=1)",
    "brackets": "focal(alpha=" + "[" * 10**6 + ")",
    "a long number": "focal(gamma=" + "1" * 10**6 + ")",
    "no end": "focal(" + "gamma=1," * 10**5,
    "too much": "focal" + " " * notation.LONGEST,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_long_text_takes_no_longer_than_its_length(case):
    """If time grew with a power of it, none of these would end; and messages do not repeat it."""
    with pytest.raises(ValueError, match=r"expected|must|unknown|may have") as caught:
        parse(HOSTILE[case])
    assert len(str(caught.value)) < 1000


def test_many_weights_are_read():
    weights = tuple(i / 7 for i in range(20_000))
    loss = Loss("softmax", margin.cross_entropy(), class_weight=weights)
    assert parse(str(loss)) == loss


@pytest.mark.parametrize("inside", ["-" * 10**5 + "1", "(" * 10**5, "a-" * 10**5 + "=!"])
def test_a_call_that_is_nested_too_deeply(inside):
    with pytest.raises(ValueError, match="parameter=value"):
        read_call(f"f(gamma={inside})")


@pytest.mark.parametrize("bad", [None, 3, b"focal", Loss])
def test_only_text_is_parsed(bad):
    with pytest.raises((TypeError, ValueError)):
        focalis.parse(bad)
