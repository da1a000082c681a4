"""The table of the named losses: one row per loss and one per parameter.

Everything about a loss except its formula is stated here once: its names, the letters and titles that
papers use, its source, the order and the defaults of its arguments, and where a front end deliberately
differs. Functions, modules, catalogue, command-line options, labels, the tables of the documentation and
the grid of the tests are made from these rows.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from focalis.maths.links import Link
from focalis.settings_table import SETTINGS, Setting

__all__ = [
    "FRONT_ENDS",
    "LOSSES",
    "PARAMETERS",
    "SETTINGS",
    "FrontEnd",
    "NamedLoss",
    "Parameter",
    "Setting",
    "letter",
    "margin_parameters",
    "title",
]

FrontEnd = Literal["numpy", "torch", "jax", "keras"]
FRONT_ENDS: Mapping[FrontEnd, str] = {
    "numpy": "focalis",
    "torch": "focalis.torch",
    "jax": "focalis.jax",
    "keras": "focalis.keras",
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of margin losses.

    Parameters
    ----------
    name : str
        Its name in every signature.
    letter : str
        The symbol in papers and plots.
    meaning : str
        What it does, as the command line and the catalogue describe it.
    """

    name: str
    letter: str
    meaning: str


@dataclass(frozen=True)
class NamedLoss:
    """A loss that has functions and modules named after it.

    Parameters
    ----------
    margin_loss : str
        The margin loss, by the name of its function in `focalis.margin`.
    title : str
        Its name in a label or a heading.
    phrase : str
        Its name in a sentence: "Return {phrase} of a sigmoid, {formula}."
    formula : str
        φ in terms of p_t.
    parameters : mapping of str to str
        What each parameter of the margin loss means here, for the docstrings.
    source : str, optional
        Where it was published.
    function : str, optional
        What follows the link in the name of a function; by default the name of the margin loss.
    names : mapping of link to str, optional
        The complete names instead; the loss then has no others.
    leading : tuple of str, optional
        The arguments that come first, by position; by default the parameters.
    positional : mapping of str to tuple of str, optional
        Where a signature follows another library's: all arguments that can be passed by position, for a
        front end ("numpy") or for one of its links ("torch.sigmoid").
    scores : mapping of str to tuple of str, optional
        The names of the scores and the targets in these places.
    defaults : mapping of str to mapping, optional
        Defaults that differ from those of the margin loss and `Loss`, for a link, a front end, or one
        link of a front end; the last kind differs from other front ends on purpose.
    fixed : mapping, optional
        Settings of `Loss` that the name implies.
    without : tuple of str, optional
        Settings of `Loss` that it does not accept.
    front_ends : tuple of str, optional
        Where its functions are generated; elsewhere it has a framework's name and signature.
    keras : tuple of str, optional
        The kinds of targets for which there is a Keras class.
    notes : mapping of str to str, optional
        A remark for all ("") or for a front end, a link, or one link of a front end.
    """

    margin_loss: str
    title: str
    phrase: str
    formula: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    function: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    leading: tuple[str, ...] | None = None
    positional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scores: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    front_ends: tuple[FrontEnd, ...] = ("numpy", "torch", "jax", "keras")
    keras: tuple[str, ...] = ("Binary", "Categorical", "SparseCategorical")
    notes: Mapping[str, str] = field(default_factory=dict)

    def name(self, link: Link) -> str:
        """Return the name of the function for a link, or "" if there is none."""
        if self.names:
            return self.names.get(link, "")
        return f"{link.prefix}_{self.function or self.margin_loss}"

    def special(self, rows: Mapping[str, Any], front_end: str, link: str) -> Any:
        """Return what a mapping of the row has for a place, the most specific entry first."""
        for place in (f"{front_end}.{link}", front_end, link, ""):
            if place in rows:
                return rows[place]
        return None

    def default(self, setting: str, front_end: str, link: str) -> tuple[bool, Any]:
        """Return whether the row overrides the default of a setting, and that default."""
        for place in (f"{front_end}.{link}", front_end, link):
            if setting in self.defaults.get(place, {}):
                return True, self.defaults[place][setting]
        return False, None


PARAMETERS = (
    Parameter("gamma", "γ", "how little confident, correct answers count"),
    Parameter("beta", "β", "shifts the margin"),
    Parameter("epsilon", "ε", "how much (1 − p_t) is added"),
    Parameter("kappa", "κ", "from cross-entropy (towards 0) to 1 − p_t (at 1)"),
    Parameter("order", "order", "from cross-entropy (at 1) towards 1 − p_t"),
)

_TORCHVISION = ("alpha", "gamma", "reduction")
_ALPHA = {"alpha": 0.25, "reduction": "none"}

LOSSES = (
    NamedLoss(
        "cross_entropy",
        title="cross-entropy",
        phrase="the cross-entropy",
        formula="−log p_t",
        names={"sigmoid": "sigmoid_cross_entropy", "softmax": "softmax_cross_entropy"},
        front_ends=("numpy",),
        keras=(),
        notes={
            "sigmoid": "The same under other names: logistic loss, binary cross-entropy with logits; "
            "Caffe's SigmoidCrossEntropyLoss, PyTorch's BCEWithLogitsLoss, TensorFlow's "
            "sigmoid_cross_entropy_with_logits, Keras's BinaryCrossentropy(from_logits=True), optax's "
            "sigmoid_binary_cross_entropy.",
            "softmax": "The same under other names: softmax loss, multinomial logistic loss, "
            "categorical cross-entropy; Caffe's SoftmaxWithLoss, PyTorch's CrossEntropyLoss, "
            "TensorFlow's (sparse_)softmax_cross_entropy_with_logits, Keras's "
            "(Sparse)CategoricalCrossentropy with from_logits=True, optax's "
            "softmax_cross_entropy(_with_integer_labels).",
        },
    ),
    NamedLoss(
        "cross_entropy",
        title="α-balanced cross-entropy",
        phrase="the α-balanced cross-entropy",
        formula="−α_t log p_t",
        names={"sigmoid": "balanced_cross_entropy"},
        source="arXiv 1708.02002, section 3.1",
        leading=("alpha",),
        defaults={"sigmoid": {"alpha": 0.75}},
        keras=(),
        notes={
            "": "α_t is α for a positive and 1 − α for a negative. The default is the value that the "
            "paper found best for detection (its table 1a). To balance a data set, use the share of its "
            "negatives."
        },
    ),
    NamedLoss(
        "cross_entropy",
        title="1/M multi-label softmax cross-entropy",
        phrase="the 1/M multi-label cross-entropy",
        formula="−Σ_k (y_k / M) log p_k",
        names={"softmax": "multilabel_softmax_cross_entropy"},
        source="arXiv 1805.00932",
        fixed={"positives": "mean"},
        without=("alpha", "ignore_index"),
        keras=(),
        notes={
            "": "M is the number of positives of the row, those above 0, so that 0/1 targets make each "
            "of them worth 1/M. The loss of a row without positives is 0."
        },
    ),
    NamedLoss(
        "focal",
        title="focal",
        phrase="the focal loss",
        formula="−(1 − p_t)^γ log p_t",
        parameters={"gamma": "The focusing γ ≥ 0; at 0 the loss is cross-entropy."},
        source="arXiv 1708.02002",
        function="focal_loss",
        leading=("alpha", "gamma"),
        positional={"numpy": _TORCHVISION, "torch.sigmoid": _TORCHVISION},
        scores={"numpy": ("inputs", "targets"), "torch.sigmoid": ("inputs", "targets")},
        defaults={
            "numpy.sigmoid": _ALPHA,
            "numpy.identity": _ALPHA,
            "torch.sigmoid": _ALPHA,
        },
        keras=(),
        notes={
            "sigmoid": "Soft targets mean the expectation y φ(x) + (1 − y) φ(−x). torchvision and optax "
            "mix p_t first, which is another loss: γ = 2, y = .7, x = 1 without α give .226 here "
            "against .102 there.",
            "numpy.sigmoid": "Signature and defaults are those of torchvision.ops.sigmoid_focal_loss. "
            "Soft targets mean the expectation y φ(x) + (1 − y) φ(−x). torchvision mixes p_t first, "
            "which is another loss: γ = 2, y = .7, x = 1 without α give .226 here against .102 there.",
            "torch.sigmoid": "Signature and defaults are those of torchvision.ops.sigmoid_focal_loss. "
            "Soft targets mean the expectation y φ(x) + (1 − y) φ(−x). torchvision mixes p_t first, "
            "which is another loss: γ = 2, y = .7, x = 1 without α give .226 here against .102 there.",
        },
    ),
    NamedLoss(
        "focal_star",
        title="FL*",
        phrase="FL*",
        formula="−log σ(γ m + β) / γ",
        parameters={
            "gamma": "The steepness γ > 0.",
            "beta": "The shift β of the margin m = log p_t − log(1 − p_t).",
        },
        source="arXiv 1708.02002, appendix A",
        scores={"numpy": ("inputs", "targets")},
        notes={
            "": "γ = 1, β = 0 is cross-entropy; the paper uses (2, 1) and (4, 0). "
            "fvcore.nn.sigmoid_focal_loss_star has no β, and γ = 1 by default."
        },
    ),
    NamedLoss(
        "poly1",
        title="poly-1",
        phrase="the poly-1 loss",
        formula="−log p_t + ε (1 − p_t)",
        parameters={"epsilon": "ε ≥ −1, how much of 1 − p_t is added; at 0 it is cross-entropy."},
        source="arXiv 2204.12511",
        notes={"": "PolyLoss, truncated after its first term."},
    ),
    NamedLoss(
        "generalized_cross_entropy",
        title="generalised cross-entropy",
        phrase="the generalised cross-entropy",
        formula="(1 − p_t^κ) / κ",
        parameters={"kappa": "κ in (0, 1]: towards 0 cross-entropy, at 1 the error 1 − p_t."},
        source="arXiv 1805.07836, there with q for κ",
        keras=(),
        notes={"": "GCE, or the L_q loss. At κ = 1 it does not determine the class probabilities."},
    ),
    NamedLoss(
        "tempered",
        title="tempered cross-entropy",
        phrase="the tempered cross-entropy",
        formula="(1 − p_t^κ) / κ with κ = 1 − 1/order",
        parameters={"order": "The order ≥ 1: at 1 cross-entropy, towards ∞ the error 1 − p_t."},
        source="arXiv 1906.02314, there as α-loss with α for the order",
        notes={"": "The α-loss, or the cross-entropy with a Tsallis logarithm."},
    ),
)


def margin_parameters() -> tuple[str, ...]:
    """Return the names of the parameters of all margin losses in the table."""
    return tuple(dict.fromkeys(name for row in LOSSES for name in row.parameters))


def letter(name: str) -> str:
    """Return the letter of a parameter or setting, or its name if it has none.

    Examples
    --------
    >>> letter("gamma"), letter("class_weight")
    ('γ', 'class weight')
    """
    for row in (*PARAMETERS, *SETTINGS):
        if row.name == name and row.letter:
            return row.letter
    try:
        return unicodedata.lookup(f"GREEK SMALL LETTER {name}")  # a margin loss without a row
    except KeyError:
        return name.replace("_", " ")


def title(margin_loss: str) -> str:
    """Return the name of a margin loss in labels.

    Examples
    --------
    >>> title("focal_star"), title("my_own_loss")
    ('FL*', 'my own loss')
    """
    for row in LOSSES:
        if row.margin_loss == margin_loss:
            return row.title
    return margin_loss.replace("_", " ")
