"""A page that shows losses from every side: sliders, curves, gradients of your own numbers.

The page needs no network. Its numbers come from the Python definitions, which `focalis.explore.script`
traces and writes as JavaScript. It needs Plotly: ``pip install "focalis[explore]"``.
"""

import inspect
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from focalis.explore.script import CLASSES, family_script, vocabulary_script
from focalis.explore.snippets import snippets
from focalis.html import (
    asset,
    content_security_policy,
    embedded_json,
    plotly_script,
    write_page,
)
from focalis.margin import FAMILIES, MarginLossFamily
from focalis.named.table import letter, title
from focalis.palette import BASELINE_COLOUR, COLOURS, DASHES

__all__ = ["render", "write"]

_PACKAGE = "focalis.explore"
# Where the slider of a parameter without an upper bound ends.
_FAR = 5.0
_STEPS = 100


def write(path: Path, names: Sequence[str] = ()) -> None:
    """Write the page, completely or not at all.

    Parameters
    ----------
    path : Path
        The file; an existing one is replaced.
    names : sequence of str
        The names of user-defined margin losses, in addition to those of `focalis.margin`.

    Raises
    ------
    TypeError
        If one of them does something that the vocabulary cannot express.
    OSError
        If the file cannot be written.
    """
    page = render(names)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_page(path, page)


def render(names: Sequence[str] = ()) -> str:
    """Return the page as HTML; see `write`."""
    families = [one for one in FAMILIES.values() if one.__module__ == "focalis.margin"]
    families += [FAMILIES[name] for name in names]
    plotly, common = plotly_script(), asset("focalis.html", "page.js")
    traced, shown = _traced(families), snippets()
    own = asset(_PACKAGE, "explore.js")
    described = {
        "families": {family.name: _describe(family) for family in families},
        "snippets": [one._asdict() for one in shown],
        "classes": [CLASSES.start, CLASSES.stop - 1],
        "baseline": BASELINE_COLOUR,
        "colours": COLOURS,
        "dashes": DASHES,
    }
    return Template(asset(_PACKAGE, "explore.html")).substitute(
        policy=content_security_policy(plotly, common, traced, own),
        style=asset("focalis.html", "page.css") + asset(_PACKAGE, "explore.css"),
        tabs="".join(_tab(i, one.name) for i, one in enumerate(shown)),
        classes=str(CLASSES.stop - 1),
        described=embedded_json(described),
        plotly=plotly,
        common=common,
        traced=traced,
        script=own,
    )


def _traced(families: Sequence[MarginLossFamily]) -> str:
    members = ",\n".join(f"{one.name}: {family_script(one)}" for one in families)
    return f'"use strict";\n{vocabulary_script()}\nconst traced = {{\n{members}\n}};\n'


def _describe(family: MarginLossFamily) -> dict[str, Any]:
    """Return what the page needs to know about a family besides its formulas."""
    summary = (family.__doc__ or "").strip().splitlines()
    builtin = family.__module__ == "focalis.margin"
    called = title(family.name)
    return {
        "title": called,
        "summary": summary[0] if summary else called,
        "module": None if builtin else family.__module__,
        "parameters": [_describe_parameter(family, name) for name in family.ranges],
    }


def _describe_parameter(family: MarginLossFamily, name: str) -> dict[str, Any]:
    interval = family.ranges[name]
    default = family.__signature__.parameters[name].default
    default = 1.0 if default is inspect.Parameter.empty else float(default)
    low = interval.low if abs(interval.low) < 1e300 else min(-_FAR, 2 * default)
    high = interval.high if abs(interval.high) < 1e300 else max(_FAR, 2 * default)
    step = _round_step((high - low) / _STEPS)
    low = low if low in interval else low + step
    high = high if high in interval else high - step
    return {
        "name": name,
        "letter": letter(name),
        "range": interval.text,
        "low": round(low, 12),
        "high": round(high, 12),
        "step": step,
        "value": default,
    }


def _round_step(step: float) -> float:
    """Return the largest number that is 1, 2 or 5 times a power of ten and not above `step`.

    Examples
    --------
    >>> _round_step(0.06)
    0.05
    """
    power = 1.0
    while power > step:
        power /= 10
    while power * 10 <= step:
        power *= 10
    return round(max(f * power for f in (1, 2, 5) if f * power <= step * (1 + 1e-9)), 12)


def _tab(i: int, name: str) -> str:
    selected = "true" if i == 0 else "false"
    return (
        f'<button type="button" role="tab" id="tab-{i}" aria-controls="code" '
        f'aria-selected="{selected}" tabindex="{0 if i == 0 else -1}">{escape(name)}</button>'
    )
