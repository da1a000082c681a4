"""Names with parentheses: a variant of a name, or the parameters of a call."""

import ast
import re
from collections.abc import Sequence
from typing import Any

from focalis.catalogue.entry import Entry


def read_call(text: str) -> tuple[str, str | dict[str, Any] | None]:
    """Return a name, and what follows it in parentheses: a call's parameters, or words.

    Values are Python literals; a bare word stands for itself.

    Examples
    --------
    >>> read_call("focal(gamma=2, alpha=.25)")
    ('focal', {'gamma': 2, 'alpha': 0.25})
    >>> read_call("sklearn.metrics.log_loss(two classes)")
    ('sklearn.metrics.log_loss', 'two classes')
    """
    base, opened, rest = text.partition("(")
    if not opened:
        return text, None
    inside = rest.strip()
    if not inside.endswith(")"):
        raise ValueError(f"expected a ) at the end of {text!r}")
    inside = inside[:-1].strip()
    if inside and "=" not in inside:
        return base, inside
    # Names may have hyphens where Python has underscores.
    written = re.sub(r"(?<![A-Za-z_-])[A-Za-z_-]++(?=\s*+=)", _underscored, inside)
    try:
        call = ast.parse(f"f({written})", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not all(k.arg for k in call.keywords):
            raise ValueError
        return base, {str(one.arg): _value(one.value) for one in call.keywords}
    except (
        SyntaxError,
        ValueError,
        RecursionError,
        MemoryError,
    ):  # the last two: nested too deeply
        raise ValueError(f"expected parameter=value, … in parentheses, got {text!r}") from None


def _underscored(name: re.Match[str]) -> str:
    return re.sub("(?<=[A-Za-z])-", "_", name[0])


def _value(node: ast.expr) -> Any:
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def variants_of_call(
    found: Sequence[Entry], given: dict[str, Any]
) -> list[tuple[Entry, dict[str, Any]]]:
    """Return the entries that a call can mean, each with the parameters that are left over for it.

    Switches that tell the variants of a name apart, such as ``from_logits=True``, are off unless the
    call sets them. An entry that does not accept every parameter is not meant.
    """
    fitting = []
    for entry in found:
        same = [other for other in found if _base(other) == _base(entry)]
        known = {key for other in same for key in _switches(other.name)}
        for own in (_switches(entry.name), *filter(None, map(_switches, entry.also))):
            others = {key: value for key, value in given.items() if key in known - own.keys()}
            chosen = all(given.get(key, value) == value for key, value in own.items())
            if chosen and not any(others.values()):
                rest = {key: value for key, value in given.items() if key not in known}
                if _takes(entry, rest):
                    fitting.append((entry, rest, given.keys() >= own.keys()))
                break
    stated = [(entry, rest) for entry, rest, is_stated in fitting if is_stated]
    unstated = [
        (entry, rest)
        for entry, rest, is_stated in fitting
        if not is_stated and _base(entry) not in [_base(other) for other, _ in stated]
    ]
    return stated + unstated


def _takes(entry: Entry, parameters: dict[str, Any]) -> bool:
    try:
        entry.given(**parameters)
    except ValueError:
        return False
    return True


def _base(entry: Entry) -> str:
    return entry.name.partition("(")[0]


def _switches(name: str) -> dict[str, Any]:
    """Return the parameters that a name has in its parentheses, if they are those of a call."""
    inside = read_call(name)[1]
    return inside if isinstance(inside, dict) else {}
