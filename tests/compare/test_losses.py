import numpy as np
import pytest

import focalis
from focalis.compare.errors import InputError
from focalis.compare.losses import choose_losses


def names(*args, **kwargs):
    return [candidate.name for candidate in choose_losses(*args, **kwargs)]


def test_the_default_losses_of_two_classes():
    assert [str(candidate.loss) for candidate in choose_losses(2)] == [
        "cross_entropy",
        "cross_entropy",
        "focal(gamma=.5, alpha=.5)",
        "focal(gamma=1, alpha=.25)",
        "focal(gamma=2, alpha=.25)",
        "focal(gamma=5, alpha=.25)",
        "focal_star(gamma=2, beta=1)",
        "poly1(epsilon=1)",
    ]
    assert [candidate.balanced for candidate in choose_losses(2)] == [False, True, *[False] * 6]


def test_the_default_losses_of_more_classes_are_weighted_by_class():
    candidates = choose_losses(4)
    assert all(candidate.loss.link == "softmax" for candidate in candidates)
    assert all(candidate.loss.alpha is None for candidate in candidates)
    assert [c.name for c in candidates if c.balanced] == [
        "balanced cross-entropy",
        *(f"balanced focal(gamma={gamma})" for gamma in (".5", "1", "2", "5")),
    ]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_names_are_unique(n_classes):
    extra = ("focal(gamma=2)", "softmax focal(gamma=2)" if n_classes == 3 else "focal", "poly1")
    found = names(n_classes, extra)
    assert len(set(found)) == len(found)
    assert "focal(gamma=2)" in found


def test_a_loss_that_is_there_already_is_not_added_again():
    assert names(2, ("Cross-Entropy", "poly1(epsilon=1)")) == names(2)


@pytest.mark.parametrize(
    ("picks", "expected"),
    [
        (("cross-entropy",), []),
        (("focal",), [f"focal({a})" for a in ("gamma=.5, alpha=.5",)]),
        (("poly_1",), ["poly1(epsilon=1)"]),
        (("Focal*",), ["focal-star(gamma=2, beta=1)"]),
        (("focal star", "poly-1"), ["focal-star(gamma=2, beta=1)", "poly1(epsilon=1)"]),
        (("balanced cross_entropy",), ["balanced cross-entropy"]),
        (("focal(gamma=3)",), ["focal(gamma=3)"]),
        (("generalized cross entropy",), ["generalized-cross-entropy(kappa=.7)"]),
    ],
)
def test_picking(picks, expected):
    found = names(2, (), picks)
    assert found[0] == "cross-entropy"
    if picks == ("focal",):
        assert [name for name in found if name.startswith("focal(")] == found[1:]
        assert len(found) == 5
    else:
        assert found[1:] == expected


def test_extra_losses_come_after_the_picked_ones():
    assert names(2, ("focal(gamma=3)",), ("poly1",))[1:] == ["poly1(epsilon=1)", "focal(gamma=3)"]


BAD = {
    "foca": "unknown loss 'foca' .*did you mean 'focal'",
    "focal(gama=2)": "did you mean 'gamma'",
    "focal(gamma=-1)": r"gamma of focal must lie in \[0, inf\)",
    "focal(gamma=": "focal",
    "softmax_focal": "a target with 2 classes needs a sigmoid loss",
    "identity_focal": "needs a sigmoid loss",
    "focal(alpha=[.1, .2])": "alpha",
    "focal(reduction=sum)": "reduction",
    "focal(ignore_index=0)": "ignore_index",
}


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("argument", ["loss", "losses"])
def test_a_bad_loss_is_refused(text, argument):
    with pytest.raises(InputError, match=f"^{argument}: .*{BAD[text]}"):
        choose_losses(2, *(((text,), ()) if argument == "loss" else ((), (text,))))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("log loss", "'cross_entropy' or 'simplex_cross_entropy'?"),
        ("balanced_cross_entropy", "'cross_entropy(alpha=.25)'?"),
        ("ce", "'cross_entropy'?"),
    ],
)
def test_a_loss_by_another_name(text, meant):
    with pytest.raises(InputError) as caught:
        choose_losses(2, (text,))
    name = text.replace(" ", "_")
    assert str(caught.value) == f"loss: unknown loss {name!r} in {text!r}: did you mean {meant}"


def test_an_unknown_pick_gets_the_names_of_the_families():
    with pytest.raises(
        InputError, match=r"\(or a family: cross-entropy, balanced cross-entropy, focal"
    ):
        choose_losses(2, picks=("bogus",))


def test_class_weights_must_fit_the_classes():
    assert len(names(3, ("focal(class_weight=[1, 2, 3])",), ("poly1",))) == 3
    with pytest.raises(InputError, match="class_weight"):
        choose_losses(4, ("focal(class_weight=[1, 2, 3])",))


def test_balance_is_that_of_the_training_fold():
    candidate = choose_losses(2)[1]
    targets, weights = np.array([0, 0, 0, 1]), np.array([1.0, 1.0, 1.0, 9.0])
    assert candidate.fitted(targets, np.ones(4), 2) == focalis.parse("cross_entropy(alpha=.75)")
    assert candidate.fitted(targets, weights, 2) == focalis.parse("cross_entropy(alpha=.25)")


def test_class_weights_are_inverse_frequencies():
    loss = choose_losses(3)[3].fitted(np.array([0, 0, 0, 1, 1, 2]), np.ones(6), 3)
    np.testing.assert_allclose(loss.class_weight, [6 / 9, 1, 2])
    assert loss.margin_loss.name == "focal"
