"""Finding entries by name."""

import difflib
import re

from focalis.catalogue.entry import Entry
from focalis.catalogue.names import ENTRIES

__all__ = ["entries", "lookup"]

# What modules are usually imported as.
_ABBREVIATIONS = {
    "f": "functional",
    "lgb": "lightgbm",
    "smp": "segmentationmodelspytorch",
    "tf": "tensorflow",
    "xgb": "xgboost",
}
TASKS = ("binary", "multi-label", "multi-class")


def entries(framework: str | None = None, task: str | None = None) -> tuple[Entry, ...]:
    """Return the entries of the catalogue.

    Parameters
    ----------
    framework : str, optional
        Only those of a framework, in any spelling, such as "PyTorch" or "scikit-learn".
    task : str, optional
        Only those that fit "binary", "multi-label" or "multi-class".

    Returns
    -------
    tuple of Entry
        In the order of the catalogue: the literature, this library, the frameworks.

    Raises
    ------
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
        chosen = _one_of("framework", framework, frameworks)
        found = tuple(entry for entry in found if entry.framework == chosen)
    if task is not None:
        chosen = _one_of("task", task, TASKS)
        found = tuple(entry for entry in found if chosen in entry.tasks)
    return found


def lookup(name: str) -> tuple[Entry, ...]:
    """Return the entries that a name means: one, or all where it has several meanings.

    Case, spaces, hyphens, underscores and colons do not matter, nor does a "loss" at the end. What
    stands before the name, a module or a framework, chooses among several meanings where it can.

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
        If `name` is no string.
    ValueError
        If nothing has that name; the nearest names are suggested.

    Examples
    --------
    >>> [entry.name for entry in lookup("nn.BCE-with-logits loss")]
    ['torch.nn.BCEWithLogitsLoss']
    >>> [entry.name for entry in lookup("sklearn log_loss")]
    ['sklearn.metrics.log_loss(two classes)', 'sklearn.metrics.log_loss']
    >>> lookup("croseentropy")
    Traceback (most recent call last):
        ...
    ValueError: no loss is called 'croseentropy': did you mean 'cross-entropy' or 'poly-1 cross-entropy'?
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, got {type(name).__name__}")
    base, _, inside = name.partition("(")
    *modules, last = base.split(".")
    found = _narrowed(_called(last), modules)
    words = last.split()
    for i in range(1, len(words)):
        if not found:
            wanted = [*modules, *words[:i]]
            called = _called(" ".join(words[i:]))
            found = [entry for entry in called if _matches(entry, wanted) == len(wanted)]
    if inside:
        found = [entry for entry in found if _plain(inside) in _variants(entry)]
    if not found:
        raise ValueError(f"no loss is called {name!r}: {_nearest(last)}")
    return tuple(found)


def _plain(text: str) -> str:
    """Return a name without what does not matter in it."""
    bare = re.sub(r"[\s_:-]+", "", text.lower())
    return re.sub(r"(?<=.)(loss)?(layer)?$", "", bare, count=1)


def _names(entry: Entry) -> list[list[str]]:
    """Return the plain components of each of its names."""
    names = (entry.name, *entry.also)
    return [[_plain(part) for part in name.partition("(")[0].split(".")] for name in names]


def _variants(entry: Entry) -> set[str]:
    """Return what stands in parentheses after its names."""
    return {_plain(name.partition("(")[2]) for name in (entry.name, *entry.also)}


def _called(last: str) -> list[Entry]:
    return [entry for entry in ENTRIES if any(_plain(last) == own[-1] for own in _names(entry))]


def _matches(entry: Entry, modules: list[str]) -> int:
    """Return how many of these modules an entry lies in."""

    def count(own: list[str]) -> int:
        known = {_plain(entry.framework), *own}
        plain = map(_plain, modules)
        return sum(one in known or _ABBREVIATIONS.get(one) in known for one in plain)

    return max(count(own) for own in _names(entry))


def _narrowed(found: list[Entry], modules: list[str]) -> list[Entry]:
    """Return the entries that lie in the most of these modules."""
    most = max((_matches(entry, modules) for entry in found), default=0)
    return [entry for entry in found if _matches(entry, modules) == most]


def _nearest(last: str) -> str:
    written: dict[str, str] = {}
    for entry in ENTRIES:
        for name in (entry.name, *entry.also):
            short = name.partition("(")[0].split(".")[-1]
            written.setdefault(_plain(short), short)
    near = difflib.get_close_matches(_plain(last), written, n=2, cutoff=0.7)
    if not near:
        return "focalis list shows all"
    return f"did you mean {' or '.join(repr(written[one]) for one in near)}?"


def _one_of(kind: str, given: str, choices: tuple[str, ...]) -> str:
    for choice in choices:
        if _plain(choice) == _plain(given):
            return choice
    raise ValueError(f"{kind} must be one of {', '.join(choices)}, got {given!r}")
