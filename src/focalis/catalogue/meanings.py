"""What settings mean, in words: said once, for all entries."""

from collections.abc import Mapping
from typing import Any

from focalis.catalogue.entry import Entry, Parameter
from focalis.named.table import PARAMETERS
from focalis.settings_table import SETTINGS

# What only a name of another library has, or a call.
_BESIDE = {
    "factor": "multiplies the loss",
    "infogain": "the weight of each class for each target",
    "normalizer": "what the mean divides by",
    "sample_weight": "a factor for each row or element",
}
_MEANINGS = _BESIDE | {row.name: row.meaning for row in (*PARAMETERS, *SETTINGS)}
_ALSO_ALPHA = ("alpha_or_pos_weight", "foreground_alpha")
_ALPHA = {True: "weights a yes by α and a no by 1 − α", False: "a factor, or one for each class"}


def setting(parameter: Parameter) -> str:
    """Return a parameter's name in focalis."""
    return "alpha" if parameter.setting in _ALSO_ALPHA else parameter.setting


def contradiction(stated: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return how two readings of the same names contradict each other, or "".

    Examples
    --------
    >>> contradiction({"gamma": 3}, {"gamma": 2, "alpha": 0.5})
    'gamma is given twice, as 3 and as 2'
    """
    for name in stated.keys() & settings.keys():
        if stated[name] != settings[name]:
            return f"{name} is given twice, as {stated[name]!r} and as {settings[name]!r}"
    return ""


def with_settings(
    entry: Entry,
    parameters: Mapping[str, Any],
    settings: Mapping[str, Any],
    stated: Mapping[str, Any],
) -> dict[str, Any]:
    """Return parameters by an entry's own names, including settings by their names in focalis.

    ``stated`` is what the user wrote as parameters of the name, under either name.

    Raises
    ------
    ValueError
        If the entry has no parameter for a setting, or another value of it was stated.
    """
    own = {setting(parameter): parameter.name for parameter in entry.parameters}
    given = dict(parameters)
    for name, value in settings.items():
        if name not in own:
            raise ValueError(f"it has no parameter for {name.replace('_', '-')}")
        for called in (name, own[name]):
            if problem := contradiction(stated, {called: value}):
                raise ValueError(problem)
        given[own[name]] = value
    return given


def describe(entry: Entry, parameter: Parameter) -> str:
    """Return what an entry's parameter does, and its name in focalis where that differs."""
    name = setting(parameter)
    meaning = {**_MEANINGS, "alpha": _ALPHA[entry.link.elementwise]}.get(
        name, f"a parameter of {entry.margin_loss}"
    )
    if parameter.note:
        meaning = f"{meaning}; {parameter.note}"
    if parameter.words:
        meaning = f"{meaning}: {', '.join(repr(word) for word in parameter.words)}"
    if isinstance(parameter.off, float):
        meaning = f"{meaning}; {parameter.off:g} is off"
    return meaning if name == parameter.name else f"{meaning} ({name} in focalis)"
