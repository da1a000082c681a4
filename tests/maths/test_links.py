"""A link is its name to all who use it, and says of itself what the library asks."""

import ast
import copy
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import registry

import focalis
from focalis import Loss, margin
from focalis.catalogue.numbers import try_out
from focalis.maths.links import LINKS, SIGMOID, SOFTMAX, link_for
from focalis.settings_table import SETTINGS, weight_of_no, weights_of

SOURCE = Path(focalis.__file__).parent


@pytest.mark.parametrize("name", registry.LINKS)
def test_a_link_is_its_name(name):
    loss = Loss(name, margin.cross_entropy())
    link = loss.link
    assert link is LINKS[name]
    assert link == name
    assert hash(link) == hash(name)
    assert (str(link), repr(link), f"{link}", f"{link:>9}") == (
        name, repr(name), name, f"{name:>9}",
    )  # fmt: skip
    assert type(str(link)) is str
    assert {name: 1}[link] == 1
    assert {link: 1}[name] == 1
    assert link in (name,)
    assert json.loads(json.dumps({link: link})) == {name: name}
    assert repr(loss) == f"Loss({name!r}, cross_entropy())"


@pytest.mark.parametrize("link", LINKS.values())
def test_there_is_one_of_each(link):
    for made in (copy.copy(link), copy.deepcopy(link), pickle.loads(pickle.dumps(link))):
        assert made is link
    loss = Loss(link, margin.focal(2.0))
    assert loss == Loss(link.name, margin.focal(2.0))
    assert hash(loss) == hash(Loss(link.name, margin.focal(2.0)))
    assert pickle.loads(pickle.dumps(loss)).link is link
    assert replace(loss, reduction="sum").link is link
    assert b"focalis.maths.links" not in pickle.dumps(loss)


@pytest.mark.parametrize("link", LINKS.values())
def test_a_link_is_fixed(link):
    with pytest.raises(AttributeError, match="elementwise"):
        link.elementwise = False
    with pytest.raises(AttributeError):
        del link.elementwise


@pytest.mark.parametrize("link", LINKS.values())
def test_what_a_link_says_of_itself(link):
    assert link.elementwise is (link not in registry.ROW_LINKS)
    assert link.on_probabilities is (link in registry.PROBABILITY_LINKS)
    for other, on_probabilities in ((link.of_logits, False), (link.of_probabilities, True)):
        assert other.elementwise is link.elementwise
        assert other.on_probabilities is on_probabilities
    x = [link.harmless] if link.elementwise else [[link.harmless] * 2]
    y = [1.0] if link.elementwise else [0]
    value, grad = Loss(link, margin.cross_entropy()).value_and_grad(x, y, engine="numpy")
    assert abs(value) < 1
    assert abs(grad).max() <= 2


@pytest.mark.parametrize("link", LINKS.values())
def test_the_margins_that_explain_shows(link):
    """By definition: m = log p − log(1 − p), of the answer to a question and of each class of a row."""
    loss = Loss(link, margin.cross_entropy())
    scores, truth = np.array([0.2, 0.7, 0.1]), np.array([0.0, 1.0, 0.0])
    p = loss.probabilities(scores)
    p = np.where(truth == 0.0, 1.0 - p, p) if link.elementwise else p
    assert try_out(loss, scores, truth).margin == pytest.approx(np.log(p / (1.0 - p)))


def test_the_second_derivative_by_a_probability_keeps_its_digits_near_the_truth():
    """Where its two terms cancel; cross-entropy's is 1 / p_t²."""
    loss = Loss("identity", margin.cross_entropy())
    p, ones = 1.0 - 2.0 ** -np.arange(20, 53.0), np.ones(33)
    for x, y in ((p, ones), (1.0 - p, 0 * ones), (10.0 ** -np.arange(8, 41), 0 * ones)):
        hess = loss.grad_and_hess(x, y, engine="numpy")[1]
        np.testing.assert_allclose(hess, np.where(y == 1.0, x, 1.0 - x) ** -2.0, rtol=1e-7)


def test_two_classes_have_one_logit():
    assert [link_for(n) for n in (2, 3)] == [SIGMOID, SOFTMAX]


def test_a_setting_has_a_row():
    fields = Loss.__dataclass_fields__.values()
    assert [row.name for row in SETTINGS] == [field.name for field in fields if field.kw_only]


@pytest.mark.parametrize("link", LINKS.values())
def test_what_a_weight_is_to_a_no(link):
    """By the definition of the loss: the weights that `Loss` gives the answers."""
    for name in weights_of(link):
        factor = (0.25,) if name == "class_weight" else 0.25
        loss = Loss(link, margin.cross_entropy(), **{name: factor})
        of_no = weight_of_no(name, link, 0.25)
        assert [w.item() for w in loss.answer_weights(1, float)] == [
            0.25,
            1.0 if of_no is None else of_no,
        ]
    if "pos_weight" not in weights_of(link):
        with pytest.raises(ValueError, match="pos_weight"):
            Loss(link, margin.cross_entropy(), pos_weight=2.0)


def _compares_with_a_name(node: ast.AST) -> bool:
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    asked = [ast.unparse(side) for side in sides]
    named = any(
        isinstance(s, ast.Constant) and s.value in LINKS for side in sides for s in ast.walk(side)
    )
    return named and any(side.rpartition(".")[2] == "link" for side in asked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss.link == 'softmax'", True),
        ("link in ('sigmoid', 'identity')", True),
        ("x == 'sum'", False),
    ],
)
def test_comparisons_are_found(text, expected):
    assert any(_compares_with_a_name(node) for node in ast.walk(ast.parse(text))) is expected


def test_nobody_compares_a_link_with_its_name():
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if _compares_with_a_name(node)
    ]
    assert found == []
