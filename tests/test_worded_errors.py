"""An error says in fields what is wrong, and names no argument that its caller does not have."""

import copy
import inspect
import pickle
import re
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
import torch

import focalis
import focalis.jax
import focalis.torch
from focalis import Loss, margin
from focalis.errors import ArgumentError, ArgumentTypeError, ClassIndexError, WordedError, renamed

ROWS = Loss("softmax", margin.cross_entropy())
ELEMENTS = Loss("sigmoid", margin.cross_entropy())

FRONT_ENDS = {"numpy": (focalis, np.asarray), "torch": (focalis.torch, torch.as_tensor)}
FRONT_ENDS["jax"] = focalis.jax, jnp.asarray

OF_ROWS = {
    "numpy": ["softmax_focal_loss", "cross_entropy", "log_loss"],
    "torch": ["softmax_focal_loss", "cross_entropy", "apply"],
    "jax": ["softmax_focal_loss", "log_loss", "apply"],
}
OF_ELEMENTS = {
    "numpy": ["sigmoid_focal_loss", "binary_cross_entropy_with_logits", "binary_log_loss"],
    "torch": ["sigmoid_focal_loss", "binary_cross_entropy_with_logits", "binary_cross_entropy"],
    "jax": ["sigmoid_focal_loss", "binary_log_loss", "apply"],
}

X, T, Y = np.full((4, 3), 0.5), np.array([0, 1, 2, 0]), np.eye(4, 3)


def changed(array, position, number):
    array = array.copy()
    array[position] = number
    return array


def bad(expected, got, position=None, kind=ArgumentError, of="targets", **given):
    """Return what a call is given, and the fields of its error."""
    return given, kind, of, expected, got, position


SHARED = [
    bad("real numbers", "complex", kind=ArgumentTypeError, of="scores", scores=X + 0j),
    bad("boolean", "", kind=ArgumentTypeError, of="where", where=np.ones(4)),
    bad("(4,)", "(3,)|(4, 3)", of="where", where=np.ones(3, bool)),
    bad("(4,)", "(3,)", of="sample_weight", sample_weight=np.ones(3)),
    bad("non-negative", "-2.0", of="sample_weight", sample_weight=np.full(4, -2.0)),
    bad("above 0", "0", of="normalizer", normalizer=0.0, reduction="mean"),
    bad("'mean'", "'max'", of="reduction", reduction="max"),
    bad("[0, 1]", "2.0", of="label_smoothing", label_smoothing=2.0),
    bad("[0, inf)", "-1.0", of="gamma", gamma=-1.0),
]
BAD_ROWS = [
    *SHARED,
    bad("[0, 3)", "7", (1,), ClassIndexError, targets=changed(T, 1, 7)),
    bad("[0, 3)", "-1", (2,), ClassIndexError, targets=changed(T, 2, -1)),
    bad("class indices, integers", "float", kind=ArgumentTypeError, targets=np.ones(4)),
    bad("(4,)", "(3,)", targets=T[:3]),
    bad("non-negative", "-2.0", (1, 2), targets=changed(Y, (1, 2), -2.0)),
    bad("none", "1", of="ignore_index", targets=Y, ignore_index=1),
]
BAD_ELEMENTS = [
    *SHARED,
    bad("[0, 1]", "1.5", (1, 2), targets=changed(Y, (1, 2), 1.5)),
    bad("(4, 3)", "(2, 3)", targets=Y[:2]),
]
PROBABILITIES = {"binary_log_loss", "binary_cross_entropy"}
BAD_PROBABILITIES = [bad("[0, 1]", "1.5", (1, 2), of="scores", scores=changed(X, (1, 2), 1.5))]

ARGUMENTS = {
    *(
        "logits",
        "input",
        "inputs",
        "probabilities",
        "y_pred",
        "targets",
        "target",
        "labels",
        "label",
    ),
    *("y_true", "link", "where", "weight", "class_weight", "sample_weight", "ignore_index"),
}


def cases():
    for form, names, faults in (
        ("rows", OF_ROWS, BAD_ROWS),
        ("elements", OF_ELEMENTS, BAD_ELEMENTS),
    ):
        for front_end, functions in names.items():
            for name in functions:
                extra = BAD_PROBABILITIES if name in PROBABILITIES and front_end != "jax" else []
                for i, fault in enumerate([*faults, *extra]):
                    parameters = inspect.signature(
                        getattr(FRONT_ENDS[front_end][0], name)
                    ).parameters
                    if (
                        front_end == "jax"
                        and form == "elements"
                        and name != "apply"
                        and "where" in fault[0]
                    ):
                        continue  # there it broadcasts
                    if set(fault[0]) - {"scores", "targets"} <= set(parameters):
                        yield pytest.param(
                            front_end, form, name, fault, id=f"{front_end}-{form}-{name}-{i}"
                        )


def raised(front_end, form, name, given):
    module, array = FRONT_ENDS[front_end]
    function = getattr(module, name)
    parameters = list(inspect.signature(function).parameters)
    given = {"scores": X, "targets": T if form == "rows" else Y, **given}
    if form == "elements" and name == "cross_entropy":
        given["targets"] = Y
    scores, targets = (array(given.pop(key)) for key in ("scores", "targets"))
    options = {k: array(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
    if "engine" in parameters:
        options["engine"] = "numpy"
    if parameters[0] == "loss":
        function = partial(function, ROWS if form == "rows" else ELEMENTS)
        parameters = parameters[1:]
    with pytest.raises(WordedError) as caught:
        function(scores, targets, **options)
    return caught.value, parameters


@pytest.mark.parametrize(("front_end", "form", "name", "fault"), list(cases()))
def test_the_fields(front_end, form, name, fault):
    given, kind, of, expected, got, position = fault
    error, parameters = raised(front_end, form, name, given)
    names = {"scores": parameters[0], "targets": parameters[1]}
    assert type(error) is kind
    assert error.argument == names.get(of, of)
    assert expected in error.expected
    assert any(text in error.got for text in got.split("|"))
    if of != "sample_weight":  # whose place only some front ends know
        assert error.position == position
    words = set(re.findall(r"\w+", str(error)))
    assert words & ARGUMENTS <= set(parameters)
    assert all(field in str(error) for field in (error.argument, error.expected, error.got))


def test_it_is_pickled_and_copied():
    with renamed(logits="input", targets="target"), pytest.raises(WordedError) as caught:
        focalis.cross_entropy(X, T[:3], engine="numpy")
    error = ArgumentError("gamma", "the {logits}", 3, (1, 2), must="lie in", of="focal")
    error.rename({"logits": "input"})
    assert str(error) == "gamma of focal must lie in the input, got 3 at position (1, 2)"
    for one in (error, caught.value):
        for other in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
            assert type(other) is type(one)
            assert str(other) == str(one)
            assert (other.argument, other.position) == (one.argument, one.position)


def test_names_go_through_several_front_ends():
    error = ArgumentError("targets", "shaped like the {logits}", "(2,)")
    error.rename({"logits": "input"})
    error.rename({"input": "y_pred", "targets": "y_true"})
    assert str(error) == "y_true must be shaped like the y_pred, got (2,)"
    error.rename({"logits": "nothing"})  # which has been renamed already
    assert error.expected == "shaped like the y_pred"


def test_a_text_makes_one_again():
    """Keras and PyTorch's data loaders make an error anew, with words of their own around its text."""
    assert str(ArgumentError("in layer 3: gamma {…} is bad")) == "in layer 3: gamma {…} is bad"


def test_frameworks_find_their_own_kind():
    for kind in (ArgumentError, ArgumentTypeError, ClassIndexError):
        assert issubclass(kind, RuntimeError)
    assert issubclass(ArgumentTypeError, TypeError)
    assert issubclass(ClassIndexError, IndexError | ValueError)
    assert not issubclass(ArgumentError, TypeError | IndexError)
