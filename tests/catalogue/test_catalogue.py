"""The catalogue itself: what it contains, how names are found, and what is derived from its entries."""

import importlib
import inspect
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import registry
from docstrings import check_docstring
from proofs import (
    ANSWERS,
    INDICES,
    INFOGAIN,
    LOG_ROWS,
    LOGITS,
    MAYBE,
    ROWS,
    SIGNS,
    WITH_BACKGROUND,
    YES,
)

from focalis import catalogue
from focalis.catalogue import REQUIRED, Entry, counterparts, entries, equivalents, lookup
from focalis.catalogue.describe import as_data, as_text, code
from focalis.catalogue.formulas import derivatives
from focalis.catalogue.search import meant
from focalis.margin import FAMILIES, margin_loss
from focalis.maths.links import at_margin
from focalis.named.table import letter
from focalis.vocabulary import log, minimum, sigmoid, softplus, where

ENTRIES = entries()
OWN = [name for name, family in FAMILIES.items() if family.__module__ == "focalis.margin"]
EACH = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)

WANTED = """
logistic loss; multinomial logistic loss; log loss; categorical cross-entropy; sparse categorical
cross-entropy; softmax loss; binary cross-entropy; sigmoid cross-entropy; NLL; multi-label softmax
loss; balanced cross-entropy; weighted cross-entropy; focal loss; sigmoid focal loss; softmax focal
loss; FL*; MultinomialLogisticLoss; SoftmaxWithLoss; SigmoidCrossEntropyLoss; InfogainLoss; BCELoss;
BCEWithLogitsLoss; NLLLoss; CrossEntropyLoss; MultiLabelSoftMarginLoss; SoftMarginLoss;
torchvision.ops.sigmoid_focal_loss; fvcore.nn.sigmoid_focal_loss; fvcore.nn.sigmoid_focal_loss_jit;
sigmoid_focal_loss_star; sigmoid_focal_loss_star_jit; tf.losses.log_loss;
tf.losses.softmax_cross_entropy; tf.losses.sigmoid_cross_entropy;
tf.nn.sigmoid_cross_entropy_with_logits; tf.nn.softmax_cross_entropy_with_logits;
tf.nn.sparse_softmax_cross_entropy_with_logits; tf.nn.weighted_cross_entropy_with_logits;
BinaryCrossentropy; CategoricalCrossentropy; SparseCategoricalCrossentropy; BinaryFocalCrossentropy;
CategoricalFocalCrossentropy; optax.sigmoid_binary_cross_entropy; optax.softmax_cross_entropy;
optax.sigmoid_focal_loss; optax.softmax_cross_entropy_with_integer_labels; sklearn.metrics.log_loss;
binary:logistic; multi:softprob; multi:softmax; lightgbm.binary; multiclass; multiclassova;
xentropy; catboost.Logloss; MultiClass; MultiClassOneVsAll; monai.losses.FocalLoss;
kornia.losses.FocalLoss; mmdet.models.losses.FocalLoss; Detectron2 focal loss;
focalis.softmax_focal_loss; tfa SigmoidFocalCrossEntropy; xent; label smoothing cross entropy
"""


@pytest.mark.parametrize("name", [name.strip() for name in WANTED.replace("\n", " ").split(";")])
def test_the_names_that_people_meet_are_there(name):
    assert lookup(name)


@EACH
def test_entries_are_well_formed(entry):
    assert entry.name.strip() == entry.name
    for strings in (entry.also, entry.pitfalls, entry.tasks):
        assert isinstance(strings, tuple)  # not just a string in parentheses
        assert all(isinstance(one, str) and one for one in strings)
    assert set(entry.tasks) <= {"binary", "multi-label", "multi-class"}
    assert entry.denominator in ("", "elements", "rows", "weights")
    names = [parameter.name for parameter in entry.parameters]
    assert len(set(names)) == len(names)
    assert all(pitfall.endswith(".") for pitfall in entry.pitfalls)


def test_names_are_unique():
    names = [entry.name for entry in ENTRIES]
    assert len(set(names)) == len(names)


@pytest.mark.slow
@EACH
def test_every_spelling_finds_the_entry(entry):
    for name in (entry.name, *entry.also):
        base = name.partition("(")[0]
        last = base.split(".")[-1]
        for spelling in (
            name,
            base,
            base.upper(),
            last,
            re.sub("[ _-]", "", last).lower(),
            f" {last} ",
        ):
            assert entry in lookup(spelling), spelling
        assert entry in lookup(f"{entry.framework}.{last}")


def names_of(text):
    return [entry.name for entry in lookup(text)]


def test_modules_choose_and_else_do_not_matter():
    assert (
        names_of("CrossEntropyLoss") == names_of("cross entropy") != ["torch.nn.CrossEntropyLoss"]
    )
    for name in ("torch.nn.CrossEntropyLoss", "nn.CrossEntropyLoss", "F.cross_entropy"):
        assert names_of(name) == ["torch.nn.CrossEntropyLoss"]
    assert names_of("tf.keras.losses.BinaryCrossentropy") == names_of("keras.BinaryCrossentropy")
    assert names_of("somewhere.else.FocalLoss") == names_of("FocalLoss")
    assert names_of("xgb.binary:logistic") == ["XGBoost.binary:logistic"]


UNKNOWN = {
    "paddle.nn.functional.sigmoid_focal_loss": "sigmoid_focal_loss",
    "tf.nn.sigmoid_focal_loss": "sigmoid_focal_loss",
    "jax.nn.sigmoid_focal_loss": "sigmoid_focal_loss",
    "torch.sigmoid_focal_loss": "sigmoid_focal_loss",
    "torchvision.ops.focal_loss": "focal_loss",
    "paddle.nn.functional.cross_entropy": "cross_entropy",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_module_that_has_no_such_name_chooses_nothing(name):
    assert names_of(name) == names_of(UNKNOWN[name])
    found = meant(name)
    assert found.unknown_module == name.rpartition(".")[0]
    assert len(found.meanings) > 3


def test_names_with_several_meanings_give_all():
    focal = lookup("FocalLoss")
    assert {entry.link for entry in focal} == {"sigmoid", "softmax"}
    assert {"general", "MONAI", "kornia", "MMDetection"} <= {entry.framework for entry in focal}
    assert {"identity", "simplex"} <= {entry.link for entry in lookup("log_loss")}
    assert names_of("BinaryCrossentropy(from_logits=True)") == [
        "keras.losses.BinaryCrossentropy(from_logits=True)"
    ]


@pytest.mark.parametrize(
    ("miss", "nearest"),
    [
        ("corss_entropy", "cross-entropy"),
        ("torch.nn.BCEWithLogitLoss", "BCEWithLogitsLoss"),
        ("focl loss", "focal loss"),
        ("BinaryCrossentropy(from_logits=Maybe)", "BinaryCrossentropy"),
        ("zzz", "focalis list shows all"),
        ("keras focal", "keras.losses.BinaryFocalCrossentropy"),
        ("torch focl loss", "focal loss"),
        ("varifocal", "another family than cross-entropy, since its factor"),
        ("quality focal loss", "another family than cross-entropy, since its factor"),
        ("nn.KLDivLoss", "cross-entropy minus a constant"),
        ("smp.losses.DiceLoss", "how far regions overlap"),
        ("rank:pairwise", "it ranks"),
        ("MAE", "twice generalised cross-entropy at kappa = 1"),
    ],
)
def test_a_miss_suggests_the_nearest(miss, nearest):
    with pytest.raises(ValueError, match=re.escape(repr(miss))) as caught:
        lookup(miss)
    assert nearest in str(caught.value)


def test_bad_questions():
    with pytest.raises(TypeError, match="name must be a str, got int"):
        lookup(3)
    with pytest.raises(ValueError, match=r"framework must be one of general, focalis, .*'Theano'"):
        entries(framework="Theano")
    with pytest.raises(ValueError, match="task must be one of binary, multi-label, multi-class"):
        entries(task="regression")
    for bad in ({"framework": 3}, {"task": ["binary"]}):
        with pytest.raises(TypeError, match=f"{next(iter(bad))} must be a str, got (int|list)"):
            entries(**bad)
    for related in (equivalents, counterparts):
        with pytest.raises(TypeError, match=r"entry must be an Entry, .* got str"):
            related("BCE")
    with pytest.raises(ValueError, match="name must be without parameters"):
        lookup("torch.nn.CrossEntropyLoss(label_smoothing=.1)")
    (entry,) = lookup("torch.nn.CrossEntropyLoss")
    with pytest.raises(ValueError, match=r"has no parameter 'gamma': it has weight, ignore_index"):
        entry.loss(gamma=2)
    with pytest.raises(ValueError, match=r"focal_alpha of CatBoost.Focal must be given"):
        lookup("catboost.focal")[0].loss()
    with pytest.raises(ValueError, match="n_classes must be given"):
        lookup("kornia.losses.focal_loss")[0].loss(alpha=0.25)
    with pytest.raises(
        ValueError, match=r"reduction must be one of 'sum_over_batch_size'.* got 'avg'"
    ):
        lookup("keras.BinaryCrossentropy(from_logits=True)")[0].loss(reduction="avg")


def test_lists_narrow():
    assert {entry.framework for entry in entries(framework="SCIKIT learn")} == {"scikit-learn"}
    assert all("multi-label" in entry.tasks for entry in entries(task="multi label"))
    assert 0 < len(entries(framework="PyTorch", task="multi-class")) < len(ENTRIES)


INPUTS = {
    "signs": SIGNS,
    "class indices, C for background": WITH_BACKGROUND,
    "class indices": INDICES,
    "infogain matrix": INDICES,
}


def inputs_of(entry):
    """Return scores and targets that an entry accepts."""
    scores = {"sigmoid": LOGITS, "softmax": LOGITS, "identity": YES, "simplex": ROWS}[entry.link]
    targets = ANSWERS if entry.link in ("sigmoid", "identity") else INDICES
    if entry.scores is not None and entry.scores.name == "log-probabilities":
        scores = LOG_ROWS
    if entry.targets is not None:
        targets = INPUTS.get(entry.targets.name, targets)
    return scores, targets


def required(entry):
    values = {"infogain": INFOGAIN, "focal_alpha": 0.25, "focal_gamma": 2.0, "alpha": None}
    return {p.name: values[p.name] for p in entry.parameters if p.default is REQUIRED}


@EACH
def test_the_lines_of_code_do_what_the_entry_does(entry):
    scores, targets = inputs_of(entry)
    given = required(entry)
    lines = code(entry).replace("value_and_grad(", "value_and_grad(engine='numpy', logits=")
    lines = lines.replace("logits=scores, targets", "logits=scores, targets=targets")
    if entry.name == "CatBoost.Focal":  # it has no defaults, so the lines use those of focalis
        lines = lines.replace("gamma=2.0)", "gamma=2.0), alpha=0.25")
    variables = {"scores": scores, "targets": targets, **given}
    exec(lines, variables)
    value, gradient = entry.evaluate(scores, targets, engine="numpy", **given)
    np.testing.assert_allclose(variables["value"], value, rtol=1e-12)
    np.testing.assert_allclose(variables["gradient"], gradient, rtol=1e-12, atol=1e-15)


@EACH
def test_everything_about_an_entry_can_be_told(entry):
    data = as_data(entry)
    assert json.loads(json.dumps(data)) == data
    text = as_text(entry, 90)
    lines = text.splitlines()
    assert all(len(line) <= 90 for line in lines if "=" not in line)
    assert entry.name in lines[0]
    words = " ".join(text.split())
    for pitfall in entry.pitfalls:
        assert " ".join(pitfall.split()) in words
    for parameter in data["parameters"]:
        assert parameter["name"] in words
        assert parameter["meaning"]


def meaning(loss):
    """Return a loss without its reduction, and without weights that have no effect."""
    pos_weight = None if loss.pos_weight == 1.0 else loss.pos_weight
    alpha = None if loss.link in ("softmax", "simplex") and loss.alpha == 1.0 else loss.alpha
    return replace(loss, reduction="mean", ignore_index=None, pos_weight=pos_weight, alpha=alpha)


@EACH
def test_equivalents_are_the_same_loss(entry):
    found = equivalents(entry)
    assert entry not in [other for other, _ in found]
    for other, needed in found:
        given = {**required(other), **needed}
        assert meaning(other.loss(n_classes=3, **given)) == meaning(entry.default_loss), other.name
    for other, needed in counterparts(entry):
        given = {**required(other), **needed}
        flipped = {"sigmoid": "identity", "softmax": "simplex"}
        link = flipped.get(entry.link) or {v: k for k, v in flipped.items()}[entry.link]
        same = meaning(replace(entry.default_loss, link=link))
        assert meaning(other.loss(n_classes=3, **given)) == same, other.name


def test_equivalents_that_are_known():
    (entry,) = lookup("torchvision.ops.sigmoid_focal_loss")
    found = {other.name: needed for other, needed in equivalents(entry)}
    assert found["fvcore.nn.sigmoid_focal_loss"] == {"alpha": 0.25}
    assert found["detectron2.modeling.RetinaNet"] == {}
    assert "softmax focal loss" not in found
    (entry,) = lookup("fvcore.nn.sigmoid_focal_loss")
    found = {other.name: needed for other, needed in equivalents(entry)}
    assert found["torchvision.ops.sigmoid_focal_loss"] == {"alpha": -1.0}  # its value for "off"
    assert "keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True)" not in found
    entry = lookup("Caffe.InfogainLoss")[0]
    assert [one.name for one, _ in equivalents(entry)] == []


def test_probabilities_and_logits_agree():
    """The counterparts give the same value for the probabilities that the logits have."""
    pairs = [("BCEWithLogitsLoss", "torch.nn.BCELoss"), ("nn.CrossEntropyLoss", "torch.nn.NLLLoss")]
    for one, other in pairs:
        (logits,), (after,) = lookup(one), lookup(other)
        assert after in [found for found, _ in counterparts(logits)]
        p = logits.default_loss.probabilities(LOGITS)
        scores, targets = (np.log(p), INDICES) if after.scores else (p, MAYBE)
        found = after.evaluate(scores, targets, engine="numpy")[0]
        np.testing.assert_allclose(
            found, logits.evaluate(LOGITS, targets, engine="numpy")[0], rtol=1e-12
        )


@margin_loss(tau="(0, inf)")
def every_word(m, u, v, p, q, tau=0.5):
    """Useless in itself: it contains every primitive that a formula may have."""
    slope = -(softplus(-m) / (tau + p)) * minimum(p, q) - 2.0 * q
    near = where(p == 0.5, 0.0, log(tau + q) + abs(m) - 1.0)
    return u, slope, where(p < 0.5, near, -sigmoid(m) / (p * p)) ** 2


def as_python(formula):
    """Turn a readable formula into Python."""
    text = formula.replace("−", "-").replace("^", "**").replace("σ", "sigmoid")
    text = text.replace(" = ", " == ")
    return re.sub(r"(?<=[\w)]) (?=[\w(])", " * ", text)


@pytest.mark.parametrize("name", [*OWN, "every_word"])
def test_formulas_say_what_the_function_computes(name):
    family = FAMILIES[name]
    given = {"tau": 0.5} if name == "every_word" else registry.unusual(name)
    for m in (-2.5, 0.3, 3.0):
        u, v, p, q = at_margin(m)
        variables = {"m": m, "u": u, "v": v, "p": p, "q": q, "e": np.e, "sigmoid": sigmoid}
        variables |= {"log": np.log, "where": np.where, "min": min, "expm1": np.expm1}
        variables |= {letter(key): value for key, value in given.items()}
        for formula, true in zip(
            derivatives(family), family(**given)(m, u, v, p, q)[1:], strict=True
        ):
            assert eval(as_python(formula), variables) == pytest.approx(true, rel=1e-12), formula


def resolve(name):
    """Return the object of a dotted name."""
    module, _, rest = name.rpartition(".")
    while module:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, part = module.rpartition(".")
            rest = f"{part}.{rest}"
            continue
        for part in rest.split("."):
            found = getattr(found, part)
        return found
    raise AssertionError(f"nothing is called {name}")


@pytest.mark.parametrize("framework", ["PyTorch", "focalis", "Caffe", "scikit-learn"])
def test_names_and_parameters_exist_where_they_are_said_to(framework):
    pytest.importorskip({"PyTorch": "torch", "scikit-learn": "sklearn"}.get(framework, "focalis"))
    roots = ("torch.", "sklearn.", "focalis.")
    for entry in entries(framework=framework):
        names = [
            one.partition("(")[0] for one in (entry.name, *entry.also) if one.startswith(roots)
        ]
        if any(one.startswith("focalis.torch") for one in names):
            pytest.importorskip("torch")
        found = [resolve(one) for one in names]
        if framework == "Caffe" or not found:
            continue  # a layer's parameters are in its param_str
        signature = inspect.signature(found[0])
        for parameter in entry.parameters:
            own = signature.parameters[parameter.name]
            assert parameter.default in (own.default, REQUIRED), (entry.name, parameter.name)


def test_an_entry_is_all_it_takes_to_add_a_name():
    entry = Entry("my.loss", "mine", "softmax", "focal", fixed={"gamma": 3.0})
    assert entry.tasks == ("multi-class",)
    assert str(entry.loss()) == "softmax_focal(gamma=3)"
    assert "softmax focal loss (gamma=3.0)" in as_text(entry)
    assert "margin.focal(gamma=3.0)" in code(entry)


@pytest.mark.parametrize("name", catalogue.__all__)
def test_the_public_names_are_documented(name):
    thing = getattr(catalogue, name)
    if inspect.isfunction(thing):
        check_docstring(name, thing)
    elif inspect.isclass(thing):
        assert "Parameters\n----------" in inspect.getdoc(thing)


@pytest.mark.parametrize("method", [Entry.loss, Entry.evaluate], ids=["loss", "evaluate"])
def test_the_methods_of_entries_are_documented(method):
    check_docstring(method.__name__, method)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("link", ["sigmoid", "softmax"])
def test_the_text_forms_of_losses_are_names(link, name):
    found = lookup(f"{link}_{name}")
    assert any(entry.link == link and entry.margin_loss == name for entry in found)
    assert lookup(name)
