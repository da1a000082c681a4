"""Entries as text for people and as data for programs."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from focalis.catalogue import formulas, meanings
from focalis.catalogue.entry import REQUIRED, Entry
from focalis.catalogue.relations import counterparts, equivalents, variants

_LABEL = 11


def code(entry: Entry) -> str:
    """Return the lines of Python that do the same with focalis.

    They read ``scores`` and ``targets`` as the framework takes them, and set ``value`` and ``gradient``.

    Examples
    --------
    >>> from focalis.catalogue import lookup
    >>> print(code(lookup("torch.nn.SoftMarginLoss")[0]))
    from focalis import Loss, margin
    <BLANKLINE>
    targets = (targets + 1) / 2
    loss = Loss('sigmoid', margin.cross_entropy())
    value, gradient = loss.value_and_grad(scores, targets)
    """
    loss = entry.default_loss
    lines = [] if entry.scores is None else [entry.scores.code[0]]
    lines += [] if entry.targets is None or not entry.targets.code else [entry.targets.code]
    normalizer = ""
    if entry.denominator == "elements" and loss.reduction == "mean":
        normalizer = ", normalizer=scores.size"
    lines += [
        f"loss = {repr(loss).replace(f', {loss.margin_loss!r}', f', margin.{loss.margin_loss!r}')}",
        f"value, gradient = loss.value_and_grad(scores, targets{normalizer})",
    ]
    lines += [] if entry.scores is None or not entry.scores.code[1] else [entry.scores.code[1]]
    head = ["import numpy as np"] if any("np." in line for line in lines) else []
    return "\n".join([*head, "from focalis import Loss, margin", "", *lines])


def as_data(entry: Entry) -> dict[str, Any]:
    """Return an entry, and all that is derived from it, as what JSON can hold."""
    link = entry.link.words
    slope, curvature = formulas.derivatives(entry.family)
    gradient = link.gradient
    if entry.scores is not None:
        gradient = f"g = {gradient}; by the scores {entry.scores.gradient}"
    return {
        "name": entry.name,
        "also": list(entry.also),
        "framework": entry.framework,
        "tasks": list(entry.tasks),
        "link": entry.link,
        "margin_loss": entry.margin_loss,
        "loss": entry.text,
        "scores": link.scores if entry.scores is None else entry.scores.name,
        "scores_transform": None if entry.scores is None else entry.scores.meaning,
        "targets": link.targets if entry.targets is None else entry.targets.name,
        "targets_transform": None if entry.targets is None else entry.targets.meaning or None,
        "activation": link.activation,
        "formula": formulas.summary(entry.family),
        "slope": slope,
        "curvature": curvature,
        "symbols": formulas.SYMBOLS,
        "gradient": gradient,
        "parameters": [
            {
                "name": parameter.name,
                "required": parameter.default is REQUIRED,
                "default": None if parameter.default is REQUIRED else parameter.default,
                "in_focalis": meanings.setting(parameter),
                "meaning": meanings.describe(entry, parameter),
            }
            for parameter in entry.parameters
        ],
        "pitfalls": list(entry.pitfalls),
        "variants": [one.name for one in variants(entry)],
        "equivalents": _related(equivalents(entry)),
        "other_side_of_the_activation": _related(counterparts(entry)),
        "code": code(entry),
    }


def _related(found: Iterable[tuple[Entry, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {
            "name": other.name,
            "framework": other.framework,
            "parameters": needed,
            "takes": [
                one.name
                for one in (other.scores, other.targets)
                if one is not None and one.meaning and one.name != "probabilities"
            ],
        }
        for other, needed in found
    ]


def as_text(
    entry: Entry, width: int = 100, given: Sequence[str] = (), others: Sequence[str] = ()
) -> str:
    """Return an entry, and everything derived from it, as lines of at most `width` characters.

    `given` names the parameters that do not have their defaults, `others` the name's other meanings.
    """
    data = as_data(entry)
    lines = [f"{data['name']}  ·  {data['framework']}"]
    scores, targets = (
        data[kind] + (f": {data[f'{kind}_transform']}" if data[f"{kind}_transform"] else "")
        for kind in ("scores", "targets")
    )
    for label, text in (
        ("also", ", ".join(data["also"])),
        ("task", ", ".join(data["tasks"])),
        ("scores", scores),
        ("activation", data["activation"]),
        ("targets", targets),
        ("loss φ", data["formula"]),
        ("slope", f"φ′ = {data['slope']}"),
        ("curvature", f"φ″ = {data['curvature']}"),
        ("", f"where {data['symbols']}, and φ′ and φ″ are derivatives with respect to m"),
        ("gradient", data["gradient"]),
        ("focalis", data["loss"]),
    ):
        lines += _hanging(label, text, width)
    if data["parameters"]:
        rest = f"{', '.join(given)} as given, the rest" if given else "parameters,"
        lines += ["", f"{rest} with the framework's defaults"]
        for one in data["parameters"]:
            value = "required" if one["required"] else repr(one["default"])
            lines += _hanging("", f"{one['name']} = {value}: {one['meaning']}", width, indent=2)
    lines += _list("pitfalls", data["pitfalls"], width)
    lines += _list("the name with other settings", data["variants"], width)
    lines += _list("other meanings of the name", others, width)
    lines += _list("the same loss elsewhere", _calls(data["equivalents"]), width)
    other = "logits" if entry.link.on_probabilities else "probabilities"
    lines += _list(f"the same loss of {other}", _calls(data["other_side_of_the_activation"]), width)
    lines += ["", "in focalis", *(f"  {line}".rstrip() for line in data["code"].splitlines())]
    return "\n".join(lines)


def as_listing(found: Sequence[Entry]) -> str:
    """Return a table of entries: name, framework, task, link, `Loss`."""
    rows = [("name", "framework", "task", "link", "focalis")]
    rows += [(e.name, e.framework, ", ".join(e.tasks), e.link, e.text) for e in found]
    return columns(rows)


def columns(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> str:
    """Return rows as aligned columns; those whose indices are in `right` are right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return "\n".join(line(row) for row in rows)


def _calls(found: Sequence[dict[str, Any]]) -> list[str]:
    """Return related entries as calls, with the kind of their inputs where it differs."""
    calls = []
    for one in found:
        base, _, variant = one["name"].partition("(")
        given = [f"{key}={value!r}" for key, value in one["parameters"].items()]
        inside = ", ".join([variant.removesuffix(")")] * bool(variant) + given)
        space = " " if one["framework"] == "general" else ""
        call = f"{base}{space}({inside})" if inside else base
        calls.append(", ".join([call, *(f"of {name}" for name in one["takes"])]))
    return calls


def _list(title: str, items: Sequence[str], width: int) -> list[str]:
    if not items:
        return []
    lines = ["", title]
    for item in items:
        lines += _wrap(item, width, "  - ", "    ")
    return lines


def _hanging(label: str, text: str, width: int, indent: int = _LABEL + 2) -> list[str]:
    if not text:
        return []
    first = f"  {label}".ljust(indent)
    return _wrap(text, width, first, " " * (indent + (0 if label else 2)))


def _wrap(text: str, width: int, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )
