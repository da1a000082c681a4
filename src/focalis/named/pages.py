"""The tables in the documents that ``python -m focalis.named`` writes from the table of losses."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from focalis.margin import FAMILIES, Interval
from focalis.maths.links import LINKS
from focalis.named.signatures import Function, functions, keras_classes
from focalis.named.table import FRONT_ENDS, LOSSES, letter
from focalis.notation import write_call

_MARK = "<!-- {name}: from `python -m focalis.named` -->"
_END = "<!-- end of {name} -->"


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _range(parameter: str, interval: Interval) -> str:
    """Return a range in mathematical notation.

    Examples
    --------
    >>> _range("kappa", Interval("(0, 1]")), _range("gamma", Interval("[0, inf)"))
    ('0 < κ ≤ 1', 'γ ≥ 0')
    """
    name, (left, right) = letter(parameter), (interval.text[0], interval.text[-1])
    if math.isinf(interval.low) and math.isinf(interval.high):
        return ""
    if math.isinf(interval.high):
        return f"{name} {'≥' if left == '[' else '>'} {_number(interval.low)}"
    below = f"{name} {'≤' if right == ']' else '<'} {_number(interval.high)}"
    if math.isinf(interval.low):
        return below
    return f"{_number(interval.low)} {'≤' if left == '[' else '<'} {below}"


def _source(text: str) -> str:
    return re.sub(r"arXiv (\d+\.\d+)", r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    rule = "|" + " --- |" * lines[0].count(" |")
    return "\n".join([lines[0], rule, *lines[1:]])


def margin_losses() -> str:
    """Return the table of the margin losses."""
    rows: list[tuple[str, ...]] = []
    for row in LOSSES:
        family = FAMILIES[row.margin_loss]
        if any(row.margin_loss in done[0] for done in rows):
            continue
        ranges = (_range(name, interval) for name, interval in family.ranges.items())
        call = write_call(family.name, family().parameters)
        call = call if "(" in call else f"{call}()"
        where = ", ".join(filter(None, ranges))
        rows.append(
            (f"`{call}`" + (f", {where}" if where else ""), row.formula, _source(row.source))
        )
    invitation = ("[your own](CONTRIBUTING.md#add-a-margin-loss), one function", "", "")
    return _table(("`focalis.margin`", "φ", "source"), [*rows, invitation])


def _made() -> list[Function]:
    return [one for front_end in ("numpy", "torch", "jax") for one in functions(front_end)]


def named_losses() -> str:
    """Return the table of the functions that each front end has."""
    rows = []
    for row in LOSSES:
        for link in LINKS.values():
            if not row.name(link):
                continue
            made = [one for one in _made() if one.row is row and one.link == link]
            there = {one.front_end: f"`{one.name}`" for one in made}
            for one in made:
                if one.front_end == "torch":
                    there["torch"] += f", `{one.module}`"
            classes = [one.name for one in keras_classes() if one.row is row and one.link == link]
            if classes:
                there["keras"] = ", ".join(f"`{name}`" for name in classes)
            rows.append((row.title, link, *(there.get(place, "") for place in FRONT_ENDS)))
    head = ("loss", "link", *(f"`{module}`" for module in FRONT_ENDS.values()))
    return _table(head, rows)


def differences() -> str:
    """Return the table of the defaults that differ between front ends."""
    found: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for one in _made():
        for argument in one.arguments:
            found[one.name, argument.setting][one.front_end] = argument.default
    rows = []
    for (name, setting), defaults in found.items():
        if len({repr(default) for default in defaults.values()}) > 1:
            cells = (
                f"`{defaults[p]}`" if p in defaults else "" for p in FRONT_ENDS if p != "keras"
            )
            rows.append((f"`{name}`", f"`{setting}`", *cells))
    head = ("function", "setting", *(f"`{m}`" for p, m in FRONT_ENDS.items() if p != "keras"))
    return _table(head, rows)


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"margin losses": margin_losses},
    "docs/losses.md": {"named losses": named_losses, "differences": differences},
}
"""The documents of the checkout, and the function that produces each of their tables."""


def filled(page: str, text: str) -> str:
    """Return the text of a document, one of `PAGES`, with its tables regenerated between their marks.

    A missing mark is a ValueError.
    """
    for name, make in PAGES[page].items():
        mark, end = _MARK.format(name=name), _END.format(name=name)
        before, found, rest = text.partition(mark)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise ValueError(
                f"{page} must have {mark!r} and {end!r} around a table, got neither or one"
            )
        text = f"{before}{mark}\n\n{make()}\n\n{end}{after}"
    return text
