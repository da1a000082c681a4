"""Every public name has a signature and a sufficient docstring."""

import inspect

import pytest
from docstrings import check_docstring

import focalis
from focalis import Loss

FUNCTIONS = [
    name for name in focalis.__all__ if callable(getattr(focalis, name)) and name != "margin"
]
METHODS = [
    "__call__", "value_and_grad", "grad_and_hess", "probabilities", "posterior", "initial_logits",
]  # fmt: skip
NAMED = [
    "sigmoid_cross_entropy", "softmax_cross_entropy", "multilabel_softmax_cross_entropy",
    "balanced_cross_entropy", "binary_log_loss", "log_loss", "sigmoid_focal_loss",
    "softmax_focal_loss", "sigmoid_focal_star", "softmax_focal_star", "sigmoid_poly1",
    "softmax_poly1",
]  # fmt: skip


def test_all_is_there_once():
    assert len(set(focalis.__all__)) == len(focalis.__all__)
    assert all(hasattr(focalis, name) for name in focalis.__all__)
    leaked = {
        name
        for name, thing in vars(focalis).items()
        if not name.startswith("_") and not inspect.ismodule(thing) and name not in focalis.__all__
    }
    assert not leaked


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    check_docstring(name, getattr(focalis, name))


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    check_docstring(name, getattr(Loss, name))


@pytest.mark.parametrize("name", focalis.margin.FAMILIES)
def test_margin_losses(name):
    family = focalis.margin.FAMILIES[name]
    if not family.__module__.startswith("focalis."):
        return  # covered by another test
    assert inspect.getdoc(family)
    assert ">>> " in inspect.getdoc(family)
    assert list(inspect.signature(family).parameters) == list(family.ranges)


@pytest.mark.parametrize("name", NAMED)
def test_named_losses_are_there(name):
    function = getattr(focalis, name)
    assert name in focalis.__all__
    assert function.__name__ == name
    parameters = inspect.signature(function).parameters
    assert not any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values())


def test_the_signature_of_loss():
    parameters = inspect.signature(Loss).parameters
    assert list(parameters)[:2] == ["link", "margin_loss"]
    defaults = {
        "alpha": None,
        "pos_weight": None,
        "class_weight": None,
        "label_smoothing": 0.0,
        "positives": "sum",
        "ignore_index": None,
        "reduction": "mean",
    }
    keywords = {p.name: p.default for p in parameters.values() if p.kind == p.KEYWORD_ONLY}
    assert keywords == defaults


@pytest.mark.parametrize("name", ["__call__", "value_and_grad", "grad_and_hess"])
def test_the_signatures_of_its_methods(name):
    parameters = inspect.signature(getattr(Loss, name)).parameters
    assert list(parameters)[:3] == ["self", "logits", "targets"]
    keywords = {p.name: p.default for p in parameters.values() if p.kind == p.KEYWORD_ONLY}
    expected = {"sample_weight": None, "where": None, "engine": "auto"}
    if name != "grad_and_hess":
        expected["normalizer"] = None
    else:
        expected["curvature"] = "exact"
    if name != "__call__":
        expected["out"] = None
    assert expected.items() <= keywords.items()
