"""Losses from text: the one form for the command line, the estimators and the result files."""

from collections.abc import Mapping, Sequence
from typing import Any

from focalis.errors import ArgumentError
from focalis.loss import Loss
from focalis.margin import FAMILIES, MarginLossFamily
from focalis.maths.links import LINKS
from focalis.notation import read_call, shown
from focalis.settings_table import SETTINGS

__all__ = ["UnknownLossError", "parse", "parse_among"]

# Only so much of a name is compared with the known ones.
_LONGEST_NAME = 100

_KINDS = {row.name: row.kind for row in SETTINGS}

# What focalis calls names that are common elsewhere; only messages use it.
_ELSEWHERE = {
    **dict.fromkeys(("bce", "ce", "binary_cross_entropy", "logistic"), ("cross_entropy",)),
    "log": ("cross_entropy", "simplex_cross_entropy"),
    "binary_log": ("cross_entropy", "identity_cross_entropy"),
    **dict.fromkeys(
        ("balanced_cross_entropy", "weighted_cross_entropy"), ("cross_entropy(alpha=.25)",)
    ),
    "gce": ("generalized_cross_entropy",),
}


class UnknownLossError(ArgumentError):
    """A text that names no known loss."""


def parse(text: str, *, link: str = "sigmoid") -> Loss:
    """Return the loss named by a text such as ``"focal(gamma=2, alpha=.25)"``.

    Parameters
    ----------
    text : str
        The name of a margin loss, preceded by its link unless that is the default
        (``"softmax_focal(gamma=2)"``), then in parentheses its parameters and the settings of `Loss`, by
        name. Numbers per class go in brackets: ``"softmax_focal(class_weight=[1, 2, 4])"``. Hyphens,
        spaces and underscores are equivalent, and case is ignored. ``str(loss)`` returns such a text.
    link : {"sigmoid", "softmax", "identity", "simplex"}, default "sigmoid"
        The link to use when the text names none.

    Returns
    -------
    Loss
        With the default for everything that the text leaves out.

    Raises
    ------
    TypeError
        If `text` is not a string.
    ValueError
        If the text does not have that form, has more than 16,777,216 characters, or contains an unknown
        name or value; the error suggests the nearest name.

    Examples
    --------
    >>> import focalis
    >>> focalis.parse("focal(gamma=2, alpha=.25)")
    Loss('sigmoid', focal(gamma=2.0), alpha=0.25)
    >>> str(focalis.parse("Softmax cross-entropy (label-smoothing = 0.1)"))
    'softmax_cross_entropy(label_smoothing=.1)'
    """
    return parse_among(FAMILIES, text, link)


def parse_among(families: Mapping[str, MarginLossFamily], text: str, link: str) -> Loss:
    """Return the loss that a text names, looking for its margin loss among these families."""
    name, arguments = read_call(text)
    for prefix in LINKS:
        if name.startswith(prefix + "_"):
            link, name = prefix, name.removeprefix(prefix + "_")
    short = name if name in families else name.removesuffix("_loss")
    if short not in families:
        hint = _did_you_mean(_ELSEWHERE.get(short, ())) or _hint(short, list(families))
        got = f"{shown(name)} in {shown(text)}"
        raise UnknownLossError("text", hint, got, problem="unknown loss {got}: {expected}")
    family = families[short]
    parameters: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for key, value in arguments.items():
        if key in family.ranges:
            parameters[key] = value
        elif key in _KINDS:
            options[key] = value
        else:
            hint = _hint(key, [*family.ranges, *_KINDS])
            got = f"{shown(key)} in {shown(text)}"
            raise ArgumentError("text", hint, got, problem="unknown parameter {got}: {expected}")
    for key, value in {**parameters, **options}.items():
        is_word = key not in parameters and _KINDS[key] == "word"
        if isinstance(value, str) and not is_word:
            raise ValueError(f"{key} must be a number in {shown(text)}, got {shown(value)}")
        if isinstance(value, tuple) and key in parameters:
            raise ValueError(f"{key} must be one number in {shown(text)}, got {shown(value)}")
        if is_word and not isinstance(value, str):
            raise ValueError(f"{key} must be a word in {shown(text)}, got {shown(value)}")
    return Loss(link, family(**parameters), **options)  # type: ignore[arg-type]


def _hint(name: str, known: list[str]) -> str:
    import difflib  # slow to import, and needed for messages only

    near = difflib.get_close_matches(name[:_LONGEST_NAME], known, n=1)
    return _did_you_mean(near) or f"expected one of {', '.join(sorted(known))}"


def _did_you_mean(names: Sequence[str]) -> str:
    return f"did you mean {' or '.join(map(repr, names))}?" if names else ""
