"""The text form of a loss, ``name(parameter=value, …)``: reading and writing, without `eval`."""

import math
import re
from collections.abc import Mapping
from typing import Any

# Kept as text and compiled at first use, since importing focalis needs none of them. Each takes time
# linear in the text, whatever it holds: the possessive `*+` and `++` never backtrack.
_NAME = r"[A-Za-z][\w\s-]*+"
_ARGUMENT = rf"\s*+({_NAME})=\s*+(\[[^\[\]]*+\]|[^,\[\]()=]++)\s*+(?:,|\Z)"
_NUMBER = r"(?i)[+-]?(\d++(\.\d*+)?|\.\d++)(e[+-]?\d++)?|[+-]?(inf|nan)"
_INTEGER = r"[+-]?\d{1,30}+"

LONGEST = 1 << 24
"""The most characters a text may have: enough for the weights of over half a million classes."""

_MOST_SHOWN = 200

Value = float | int | str | tuple[float, ...]


def canonical_name(name: str) -> str:
    """Return a name in lower case, each run of hyphens, spaces and underscores one underscore."""
    return re.sub(r"[-_\s]+", "_", name.strip()).lower()


def write_call(name: str, arguments: Mapping[str, Any]) -> str:
    """Return ``name(key=value, …)``, or just the name if there are no arguments."""
    if not arguments:
        return name
    return f"{name}({', '.join(f'{key}={_write(value)}' for key, value in arguments.items())})"


def _write(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return f"[{', '.join(map(_write, value))}]"
    if isinstance(value, int):
        return str(value)
    number = float(value)
    if math.isfinite(number) and number == int(number) and abs(number) < 1e15:
        return str(int(number))
    return re.sub(r"^(-?)0\.", r"\1.", repr(number))


def read_call(text: str) -> tuple[str, dict[str, Value]]:
    """Return the canonical name and the arguments of ``name(key=value, …)``.

    Values are numbers, bracketed lists of numbers, or single words. A ValueError says where reading
    stopped, or that the text has more than `LONGEST` characters.
    """
    if not isinstance(text, str):
        raise TypeError(f"a loss must be described by a str, got {type(text).__name__}")
    if len(text) > LONGEST:
        raise ValueError(f"a loss's text may have {LONGEST:,} characters, got {len(text):,}")
    written, opened, rest = text.strip().partition("(")
    if not re.fullmatch(_NAME, written) or (opened and not rest.endswith(")")):
        raise ValueError(f"expected a loss such as 'focal(gamma=2, alpha=.25)', got {shown(text)}")
    inside = rest[:-1].strip()
    arguments: dict[str, Value] = {}
    position = 0
    while position < len(inside):
        argument = re.compile(_ARGUMENT).match(inside, position)
        if argument is None:
            raise ValueError(
                f"expected parameter=value, … in {shown(text)}, "
                f"cannot read {shown(inside[position:].strip())}"
            )
        key = canonical_name(argument[1])
        if key in arguments:
            raise ValueError(f"{key} is given twice in {shown(text)}")
        arguments[key] = _read(argument[2].strip(), text)
        position = argument.end()
    return canonical_name(written), arguments


def shown(value: object) -> str:
    """Return a value as messages show it, cut short if it is long."""
    written = repr(value)
    return written if len(written) <= _MOST_SHOWN else f"{written[:_MOST_SHOWN]}…"


def _read(value: str, text: str) -> Value:
    if value.startswith("["):
        items = [item.strip() for item in value[1:-1].split(",") if item.strip()]
        for item in items:
            if not re.fullmatch(_NUMBER, item):
                raise ValueError(
                    f"expected numbers between brackets in {shown(text)}, got {shown(item)}"
                )
        return tuple(float(item) for item in items)
    if re.fullmatch(_INTEGER, value):
        return int(value)
    if re.fullmatch(_NUMBER, value):
        return float(value)
    return canonical_name(value)
