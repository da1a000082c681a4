"""Finding entries by name."""

import difflib
import functools
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from focalis.catalogue.calls import read_call, variants_of_call
from focalis.catalogue.entry import Entry
from focalis.catalogue.names import ENTRIES
from focalis.catalogue.other_families import REASONS

# What modules are usually imported as.
_ABBREVIATIONS = {
    "f": "functional",
    "lgb": "lightgbm",
    "smp": "segmentationmodelspytorch",
    "tf": "tensorflow",
    "tfa": "tensorflowaddons",
    "xgb": "xgboost",
}
TASKS = ("binary", "multi-label", "multi-class")


def entries(framework: str | None = None, task: str | None = None) -> tuple[Entry, ...]:
    """Return the entries of the catalogue.

    Parameters
    ----------
    framework : str, optional
        Only those of a framework, spelt any way, such as "PyTorch" or "scikit-learn", or of its package,
        "torch" or "sklearn".
    task : str, optional
        Only those that fit "binary", "multi-label" or "multi-class".

    Returns
    -------
    tuple of Entry
        In the order of the catalogue: the literature, this library, the frameworks.

    Raises
    ------
    TypeError
        If an argument is not a string.
    ValueError
        If there is no such framework or task.

    Examples
    --------
    >>> [entry.name for entry in entries(framework="optax", task="binary")]
    ['optax.sigmoid_binary_cross_entropy', 'optax.sigmoid_focal_loss']
    """
    found = ENTRIES
    if framework is not None:
        frameworks = tuple(dict.fromkeys(entry.framework for entry in ENTRIES))
        chosen = _one_of("framework", framework, frameworks, _frameworks_by_package())
        found = tuple(entry for entry in found if entry.framework == chosen)
    if task is not None:
        chosen = _one_of("task", task, TASKS)
        found = tuple(entry for entry in found if chosen in entry.tasks)
    return found


def lookup(name: str) -> tuple[Entry, ...]:
    """Return the entries that a name means: one, or all of them if it has several meanings.

    Case, spaces, hyphens and dashes, underscores and colons do not matter, nor does a trailing "loss".
    A module or framework in front of the name chooses among several meanings; if it contains none of
    them, those of the same framework are returned, or else all.

    Parameters
    ----------
    name : str
        Such as "BCEWithLogitsLoss", "nn.NLLLoss", "binary:logistic" or "focal loss".

    Returns
    -------
    tuple of Entry
        At least one.

    Raises
    ------
    TypeError
        If `name` is not a string.
    ValueError
        If nothing is called that; the closest names are suggested.

    Examples
    --------
    >>> [entry.name for entry in lookup("nn.BCE-with-logits loss")]
    ['torch.nn.BCEWithLogitsLoss']
    >>> [entry.name for entry in lookup("sklearn.metrics.log_loss")]
    ['sklearn.metrics.log_loss(two classes)', 'sklearn.metrics.log_loss']
    >>> lookup("croseentropy")
    Traceback (most recent call last):
        ...
    ValueError: no loss is called 'croseentropy': did you mean 'cross-entropy' or 'poly-1 cross-entropy'?
    """
    found = meant(name)
    if any(parameters for _, parameters in found.meanings):
        raise ValueError(
            f"name must be without parameters: give them to the entry's loss, got {name!r}"
        )
    return tuple(entry for entry, _ in found.meanings)


class Found(NamedTuple):
    """What a name means: entries with parameters, and the module in front if none of them is in it."""

    meanings: tuple[tuple[Entry, dict[str, Any]], ...]
    unknown_module: str = ""


def meant(name: str) -> Found:
    """Return the entries that a name, or a call, means, and the parameters that it sets.

    Examples
    --------
    >>> found = meant("keras.losses.BinaryCrossentropy(label_smoothing=.1)")
    >>> [(entry.name, parameters) for entry, parameters in found.meanings]
    [('keras.losses.BinaryCrossentropy', {'label_smoothing': 0.1})]
    >>> meant("paddle.nn.BCEWithLogitsLoss").unknown_module
    'paddle.nn'
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, got {type(name).__name__}")
    base, inside = read_call(name)
    *modules, last = base.strip().split(".")
    called = _called(last)
    found, known = _located(called, modules)
    words = last.split()
    for i in range(1, len(words)):
        if not called and not found:
            found, known = _located(_called(" ".join(words[i:])), [*modules, *words[:i]])
    unknown = "" if known else ".".join(modules)
    found = found or called
    if isinstance(inside, dict):
        meanings = variants_of_call(found, inside)
        if found and not meanings:
            for entry in [one for one in found if one.name == base or len(found) == 1]:
                entry.given(**inside)
            takes = ", ".join(f"{key}={value!r}" for key, value in inside.items())
            raise ValueError(f"no loss is called {name!r}: no meaning of {base!r} takes {takes}")
    else:
        chosen = [entry for entry in found if not inside or _plain(inside) in _variants(entry)]
        meanings = [(entry, {}) for entry in chosen]
    if not meanings and called and not isinstance(inside, dict):
        raise ValueError(
            f"{base!r} has no variant {inside!r}: parameters are written as name=value"
        )
    if not meanings:
        raise ValueError(f"no loss is called {name!r}: {_nearest(base)}")
    return Found(tuple(meanings), unknown)


def exactly(name: str, found: Found) -> Found:
    """Return only the meaning with exactly this full name, if there is one; otherwise all.

    Examples
    --------
    >>> name = "monai.losses.FocalLoss"
    >>> len(meant(name).meanings), len(exactly(name, meant(name)).meanings)
    (2, 1)
    """
    for written in (name, read_call(name)[0].strip()):
        exact = tuple(one for one in found.meanings if one[0].name == written)
        if exact:
            return found._replace(meanings=exact[:1])
    return found


def _plain(text: str) -> str:
    """Return a name without anything that does not matter in it."""
    bare = re.sub(r"[\s_:\-\u2010-\u2015\u2212]+", "", text.lower())
    return re.sub(r"(?<=.)(loss)?(layer)?$", "", bare, count=1)


def _names(entry: Entry) -> list[list[str]]:
    """Return the components of each of its names, in plain form."""
    names = (entry.name, *entry.also)
    return [[_plain(part) for part in name.partition("(")[0].split(".")] for name in names]


def _variants(entry: Entry) -> set[str]:
    """Return what its names have in parentheses."""
    return {_plain(name.partition("(")[2].removesuffix(")")) for name in (entry.name, *entry.also)}


def _called(last: str) -> list[Entry]:
    return [entry for entry in ENTRIES if any(_plain(last) == own[-1] for own in _names(entry))]


def _located(found: list[Entry], modules: list[str]) -> tuple[list[Entry], bool]:
    """Return the entries in the greatest number of these modules, and whether that is all of them.

    They are at least in the first one; otherwise the result is empty.
    """
    wanted = [_ABBREVIATIONS.get(_plain(module), _plain(module)) for module in modules]
    ways = [wanted]
    if wanted[:1] == ["tensorflow"]:  # tf.losses is Keras's module, and so is tf.keras.losses
        ways.append(["keras", *(one for one in wanted[1:] if one != "keras")])
    best: tuple[list[Entry], bool] = ([], False)
    for way in ways:
        matches = {id(entry): _matches(entry, way) for entry in found}
        most = max(matches.values(), default=-1)
        those = [entry for entry in found if matches[id(entry)] == most >= 0]
        if those and most == len(way):
            return those, True
        best = best if best[0] else (those, False)
    return best


def _matches(entry: Entry, wanted: list[str]) -> int:
    """Return how many of these modules contain an entry, −1 if it is elsewhere."""
    if not wanted:
        return 0
    framework = _plain(entry.framework)
    most = -1
    for own in _names(entry):
        path = [_ABBREVIATIONS.get(part, part) for part in own[:-1]]
        if wanted[0] in _roots():
            if wanted[0] in (framework, *path[:1]):
                most = max(most, 1 + sum(one in path for one in wanted[1:]))
        elif path[-len(wanted) :] == wanted:
            most = max(most, len(wanted))
    return most


@functools.cache
def _roots() -> frozenset[str]:
    """Return the frameworks, and the packages that names begin with."""
    names = [own for entry in ENTRIES for own in _names(entry)]
    packages = {_ABBREVIATIONS.get(own[0], own[0]) for own in names if len(own) > 1}
    return frozenset(packages | {_plain(entry.framework) for entry in ENTRIES})


def _nearest(base: str) -> str:
    """Return a hint for an unknown name: why it is not here, or what may have been meant."""
    *modules, last = base.strip().split(".")
    words = [*modules, *last.split()] or [""]
    for plain in (_plain(last), _plain(words[-1]), _plain(" ".join(words[1:]))):
        if plain in REASONS:
            return f"it is of another family than cross-entropy, since {REASONS[plain]}"
    own = _of_framework(words) if len(words) > 1 else []
    if own:
        return f"did you mean {' or '.join(map(repr, own[:2]))}?"
    written: dict[str, str] = {}
    for entry in ENTRIES:
        for name in (entry.name, *entry.also):
            short = name.partition("(")[0].split(".")[-1]
            written.setdefault(_plain(short), short)
    near: list[str] = []
    for wanted in (last, " ".join(words[1:])):
        near = near or difflib.get_close_matches(_plain(wanted), written, n=2, cutoff=0.7)
    if not near:
        return "focalis list shows all"
    return f"did you mean {' or '.join(repr(written[one]) for one in near)}?"


def _of_framework(words: list[str]) -> list[str]:
    """Return the names of a framework, the first word, that contain the other words."""
    root = _ABBREVIATIONS.get(_plain(words[0]), _plain(words[0]))
    wanted = _plain(" ".join(words[1:]))
    names = {
        entry.name.partition("(")[0]: None
        for entry in ENTRIES
        for own in _names(entry)
        if root in (_plain(entry.framework), own[0]) and wanted in own[-1]
    }
    return list(names)


def _frameworks_by_package() -> dict[str, str]:
    """Return the frameworks, by the packages that their names begin with."""
    packages: dict[str, str] = {}
    for entry in ENTRIES:
        if "." in entry.name:
            packages.setdefault(_names(entry)[0][0], entry.framework)
    return packages


def _one_of(
    kind: str,
    given: str,
    choices: tuple[str, ...],
    others: Mapping[str, str] = MappingProxyType({}),
) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{kind} must be a str, got {type(given).__name__}")
    for choice in choices:
        if _plain(choice) == _plain(given):
            return choice
    if _plain(given) in others:
        return others[_plain(given)]
    raise ValueError(f"{kind} must be one of {', '.join(choices)}, got {given!r}")
