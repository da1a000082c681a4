"""From a row of the table to the signatures of its functions and modules, by one rule per front end."""

import inspect
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, NamedTuple

from focalis.loss import Loss
from focalis.margin import FAMILIES
from focalis.maths.links import LINKS, SIGMOID, SOFTMAX, Link
from focalis.named.table import LOSSES, FrontEnd, NamedLoss

# Arguments of a call beyond scores and targets; they are not part of a `Loss`.
CALL = ("sample_weight", "where", "normalizer", "engine", "axis")

_LINKS: dict[str, tuple[Link, ...]] = {
    "numpy": tuple(LINKS.values()),
    "torch": (SIGMOID, SOFTMAX),
    "jax": (SIGMOID, SOFTMAX),
}
_SCORES = {
    "numpy": ("logits", "targets"),
    "torch": ("input", "target"),
    "jax": ("logits", "labels"),
}
# Names of settings of `Loss` that differ in a front end.
_NAMES = {"torch": {"class_weight": "weight"}}
# The settings after the leading arguments, first by position, then by keyword only.
_POSITIONAL = {"torch": ("class_weight", "ignore_index", "reduction", "label_smoothing")}
_KEYWORDS = {
    "numpy": (
        "reduction",
        "alpha",
        "pos_weight",
        "class_weight",
        "label_smoothing",
        "ignore_index",
    ),
    "torch": ("class_weight", "ignore_index", "reduction", "label_smoothing", "alpha"),
    "jax": ("alpha", "class_weight", "label_smoothing"),
}
_CALLS = {
    "numpy": ("sample_weight", "where", "normalizer", "engine"),
    "torch": ("sample_weight", "where", "normalizer"),
    "jax": ("where",),
}
_DEFAULTS = {one.name: one.default for one in fields(Loss) if one.kw_only} | {
    "engine": "auto",
    "axis": -1,
}
_IGNORED = -100


class Argument(NamedTuple):
    """An argument of a named function.

    ``name`` is its name in the front end, ``setting`` the one in focalis; ``keyword`` means that it
    cannot be passed by position.
    """

    name: str
    setting: str
    default: Any
    keyword: bool

    @property
    def is_of_the_call(self) -> bool:
        """Whether it belongs to the call, not to the `Loss`."""
        return self.setting in CALL


class Function(NamedTuple):
    """A named function of a front end, or a class of Keras."""

    name: str
    front_end: FrontEnd
    link: Link
    row: NamedLoss
    scores: tuple[str, str]
    arguments: tuple[Argument, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of the margin loss."""
        return tuple(self.row.parameters)

    @property
    def settings(self) -> tuple[Argument, ...]:
        """The arguments that are settings of the `Loss`."""
        return tuple(
            one
            for one in self.arguments
            if not one.is_of_the_call and one.setting not in self.row.parameters
        )

    @property
    def module(self) -> str:
        """The name of the class that corresponds to the function."""
        words = self.name.removesuffix("_loss").split("_")
        return "".join(word[:1].upper() + word[1:] for word in words) + "Loss"

    @property
    def note(self) -> str:
        """A remark about this function in particular."""
        return self.row.special(self.row.notes, self.front_end, self.link) or ""


def functions(front_end: FrontEnd) -> list[Function]:
    """Return the functions that a front end has for the table, in its order.

    Examples
    --------
    >>> [one.name for one in functions("jax")][:3]
    ['balanced_cross_entropy', 'multilabel_softmax_cross_entropy', 'sigmoid_focal_loss']
    """
    return [
        _function(row, front_end, link)
        for row in LOSSES
        if front_end in row.front_ends
        for link in _LINKS[front_end]
        if row.name(link)
    ]


def _function(row: NamedLoss, front_end: FrontEnd, link: Link) -> Function:
    positional = row.special(row.positional, front_end, link)
    if positional is None:
        leading = tuple(row.parameters) if row.leading is None else row.leading
        positional = () if front_end == "jax" else (*leading, *_POSITIONAL.get(front_end, ()))
    by_position = [one for one in positional if one not in row.without]
    keywords = [
        one
        for one in (*_ordered(row, front_end), *_KEYWORDS[front_end])
        if one not in by_position and _takes(row, link, one)
    ]
    calls = [*_CALLS[front_end]]
    if front_end == "jax" and not link.elementwise:
        calls.append("axis")
    renamed = _NAMES.get(front_end, {})
    return Function(
        row.name(link),
        front_end,
        link,
        row,
        _scores(row, front_end, link),
        tuple(
            Argument(renamed.get(one, one), one, _default(row, front_end, link, one), keyword)
            for names, keyword in (
                (by_position, False),
                (dict.fromkeys(keywords), True),
                (calls, True),
            )
            for one in names
        ),
    )


def _scores(row: NamedLoss, front_end: FrontEnd, link: Link) -> tuple[str, str]:
    """Return the names of the scores and the targets."""
    scores, targets = row.special(row.scores, front_end, link) or _SCORES[front_end]
    return ("probabilities" if link.on_probabilities else scores), targets


def _ordered(row: NamedLoss, front_end: FrontEnd) -> Iterable[str]:
    """Return the order of parameters passed by keyword; JAX has them after α, as optax does."""
    return ("alpha", *row.parameters) if front_end == "jax" else row.parameters


def _takes(row: NamedLoss, link: Link, setting: str) -> bool:
    if setting == "pos_weight":  # for a sigmoid with neither a leading α nor a parameter
        return row.margin_loss == "cross_entropy" and row.leading is None and link.elementwise
    return setting not in row.without


def _default(row: NamedLoss, front_end: str, link: Link, setting: str) -> Any:
    known, default = row.default(setting, front_end, link)
    if known:
        return default
    if setting in row.parameters:
        signature = inspect.signature(FAMILIES[row.margin_loss])
        return signature.parameters[setting].default
    if setting == "ignore_index" and front_end == "torch" and not link.elementwise:
        return _IGNORED
    return _DEFAULTS.get(setting)


def keras_classes() -> list[Function]:
    """Return the Keras classes made from the table; their ``link`` is that of logits.

    Examples
    --------
    >>> [one.name for one in keras_classes()][:2]
    ['BinaryFocalStar', 'CategoricalFocalStar']
    """
    return [_keras_class(row, kind) for row in LOSSES for kind in row.keras]


def _keras_class(row: NamedLoss, kind: str) -> Function:
    link = SIGMOID if kind == "Binary" else SOFTMAX
    words = "".join(word.capitalize() for word in (row.function or row.margin_loss).split("_"))
    positional = (*row.parameters, "alpha", "from_logits", "label_smoothing", "axis")
    defaults = {"from_logits": False, **_DEFAULTS}
    known = set(row.parameters)
    return Function(
        kind + words,
        "keras",
        link,
        row,
        ("y_pred", "y_true"),
        tuple(
            Argument(
                one,
                one,
                _default(row, "keras", link, one) if one in known else defaults.get(one),
                False,
            )
            for one in positional
        ),
    )
