"""``focalis explain`` and ``focalis list``: their arguments, and what they print."""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from focalis.catalogue.calls import read_call
from focalis.catalogue.describe import as_data, as_listing, as_text
from focalis.catalogue.entry import REQUIRED, Entry
from focalis.catalogue.meanings import with_settings
from focalis.catalogue.numbers import Trial, try_entry
from focalis.catalogue.relations import names_of, variants
from focalis.catalogue.search import TASKS, Found, entries, exactly, meant
from focalis.cleaning import tell
from focalis.cli.console import say
from focalis.margin import FAMILIES
from focalis.parsing import parse
from focalis.settings_table import SETTINGS

_EXAMPLES = """\
examples:
  focalis explain BCEWithLogitsLoss
  focalis explain focal --logits 2,-1,.3 --target 0 --gamma 2
  focalis explain "sigmoid_focal_loss(alpha=.5)" --logits 2,-1,.3 --target 1,0,1
"""
_PER_CLASS = tuple(row.name for row in SETTINGS if row.kind == "weight")
_WEIGHTS = (*_PER_CLASS, *(row.name for row in SETTINGS if row.kind == "number"))
_NOT_OF_A_ROW = ("factor", "normalizer", "sample_weight")
_WIDEST = 100


def add_explain(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = commands.add_parser(
        "explain",
        help="explain what a name of a loss means",
        description="Say what a name that a framework gives to a loss means, and try it on numbers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_explain, parser=parser)
    parser.add_argument(
        "name",
        metavar="NAME",
        help='a name, with or without its module: "nn.NLLLoss", "focal loss"',
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    numbers = parser.add_argument_group(
        "try it on numbers",
        "a row of scores and its target; parameters have their names in focalis",
    )
    numbers.add_argument(
        "--logits",
        "--scores",
        type=_numbers,
        metavar="X,X,…",
        help="one row of scores as the loss takes them: logits, probabilities or their logarithms",
    )
    numbers.add_argument(
        "--target",
        type=_numbers,
        metavar="T",
        help="a class index, or one number per score, as the loss takes them",
    )
    for name in dict.fromkeys((*(p for f in FAMILIES.values() for p in f.ranges), *_WEIGHTS)):
        per_class = name in _PER_CLASS
        numbers.add_argument(
            f"--{name.replace('_', '-')}",
            type=_weights if per_class else float,
            metavar="W[,W,…]" if per_class else "NUMBER",
            dest=name,
        )


def add_list(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = commands.add_parser(
        "list",
        help="list the names of losses that explain knows",
        description="List the names of losses, what they are for and which focalis.Loss they are.",
    )
    parser.set_defaults(run=_list, parser=parser)
    parser.add_argument(
        "--framework", metavar="NAME", help='only those of one framework, such as "PyTorch"'
    )
    parser.add_argument(
        "--task", metavar="TASK", help=f"only those for one task: {', '.join(TASKS)}"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _numbers(text: str) -> list[float]:
    """Read numbers separated by commas.

    Examples
    --------
    >>> _numbers("2,-1,.3")
    [2.0, -1.0, 0.3]
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected numbers separated by commas, got {text!r}"
        ) from None


def _weights(text: str) -> float | tuple[float, ...]:
    """Read one number for all classes, or one per class.

    Examples
    --------
    >>> _weights(".25"), _weights("1,2")
    (0.25, (1.0, 2.0))
    """
    numbers = _numbers(text)
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _explain(parsed: argparse.Namespace) -> int:
    try:
        say(_explanation(parsed))
    except (TypeError, ValueError) as error:
        parsed.parser.error(str(error))
    return 0


def _list(parsed: argparse.Namespace) -> int:
    try:
        found = entries(parsed.framework, parsed.task)
        say(_json([as_data(entry) for entry in found]) if parsed.json else as_listing(found))
    except ValueError as error:
        parsed.parser.error(str(error))
    return 0


def _explanation(parsed: argparse.Namespace) -> str:
    """Return what `explain` prints."""
    found, others = _meant(parsed.name)
    note = ""
    if found.unknown_module:
        last = parsed.name.partition("(")[0].split(".")[-1]
        note = f"focalis knows no {last} in {found.unknown_module}; elsewhere there is:\n\n"
    if parsed.json and note:
        tell(note.strip())
    settings = {
        name: value
        for name, value in vars(parsed).items()
        if value is not None
        and (name in _WEIGHTS or any(name in f.ranges for f in FAMILIES.values()))
    }
    if parsed.logits is not None or parsed.target is not None:
        trials, refused = _tried_out(parsed, found.meanings, settings)
        if parsed.json:
            not_tried = [{"names": names, "reason": why} for why, names in refused.items()]
            return _json({"trials": [trial.as_data() for trial in trials], "not_tried": not_tried})
        left_out = "\n".join(f"not tried: {line}" for line in _reasons(refused))
        tables = [trial.as_text() for trial in trials]
        return note + "\n\n".join(tables + [left_out] * bool(refused))
    if settings:
        raise ValueError(
            f"{next(iter(settings))} is for numbers: pass --logits and --target as well"
        )
    chosen = _parametrised(found.meanings)
    if parsed.json:
        return _json([as_data(entry) for entry in chosen])
    if len(found.meanings) > 1:
        means = (
            f"{parsed.name} has {len(chosen)} meanings; "
            "focalis explain with a full name says more about one:\n\n"
        )
        return f"{note or means}{as_listing(chosen)}"
    ((_, parameters),) = found.meanings
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    return note + as_text(chosen[0], width, tuple(parameters), others)


def _parametrised(meanings: Sequence[tuple[Entry, dict[str, Any]]]) -> list[Entry]:
    """Return entries with their parameters; those that fit no loss are dropped if others do."""
    chosen: list[Entry] = []
    error: ValueError | None = None
    for entry, parameters in meanings:
        one = entry.given(**parameters)
        try:
            _ = one.default_loss
        except ValueError as refusal:
            error = refusal
            continue
        chosen.append(one)
    if not chosen and error is not None:
        raise error
    return chosen


def _meant(name: str) -> tuple[Found, tuple[str, ...]]:
    """Return what a name means, and the names of other entries that it could mean.

    A full name means one entry, even if others share the name; the text of a `Loss` is also a name.
    """
    in_text = _called_in_text(name)
    try:
        found = meant(name)
    except ValueError:
        if not in_text:
            raise
        found = Found(in_text)
    if "(" in name:
        called = [entry.name for entry, _ in found.meanings]
        more = tuple(one for one in in_text if one[0].name not in called)
        found = Found((*found.meanings, *more), found.unknown_module)
    chosen = exactly(name, found)
    first = chosen.meanings[0][0]
    others = [entry for entry, _ in found.meanings if entry not in (first, *variants(first))]
    return chosen, tuple(entry.name for entry in others)


def _called_in_text(text: str) -> tuple[tuple[Entry, dict[str, Any]], ...]:
    """Return the entries that can be the `Loss` with this text, or none if it is not such a text."""
    try:
        return names_of(parse(text))
    except ValueError:
        return ()


def _tried_out(
    parsed: argparse.Namespace,
    meanings: Sequence[tuple[Entry, dict[str, Any]]],
    settings: dict[str, Any],
) -> tuple[list[Trial], dict[str, list[str]]]:
    """Return a name's trials, one per meaning, and the names without one, by reason."""
    if parsed.logits is None or parsed.target is None:
        raise ValueError("expected both --logits and --target")
    called = read_call(parsed.name)[1]
    stated = called if isinstance(called, dict) else {}
    trials: dict[tuple[Any, ...], Trial] = {}
    reasons: dict[str, list[str]] = {}
    for entry, parameters in meanings:
        try:
            chosen = _with(entry, parameters, settings, stated)
            loss = chosen.loss(n_classes=len(parsed.logits))
            trial = try_entry(chosen, loss, parsed.logits, parsed.target)
        except (TypeError, ValueError) as error:
            reasons.setdefault(str(error), []).append(entry.name)
            continue
        key = (trial.loss, trial.weights.tobytes(), trial.gradient.tobytes(), trial.hessian is None)
        same = trials.get(key)
        names = (*(same.names if same else ()), entry.name)
        trials[key] = replace(trial, names=names)
    if not trials:
        raise ValueError("; ".join(_reasons(reasons)))
    return list(trials.values()), reasons


def _reasons(refused: dict[str, list[str]]) -> list[str]:
    return [f"{_few(names)}: {reason}" for reason, names in refused.items()]


def _few(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")


def _with(
    entry: Entry, parameters: dict[str, Any], settings: dict[str, Any], stated: dict[str, Any]
) -> Entry:
    """Return an entry with its parameters under the framework's names and settings under ours."""
    values = with_settings(entry, parameters, settings, stated)
    missing = [p.name for p in entry.parameters if p.default is REQUIRED and p.name not in values]
    if missing:
        raise ValueError(f"it needs {', '.join(missing)}")
    for parameter in entry.parameters:
        if parameter.name in values and parameter.setting in _NOT_OF_A_ROW:
            raise ValueError(f"{parameter.name} does not apply to the loss of one row")
    return entry.given(**values)


def _json(data: Any) -> str:
    return json.dumps(_finite(data), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(data: Any) -> Any:
    """Return data with the numbers that JSON lacks as text: "inf", "-inf", "nan"."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return str(data) if isinstance(data, float) and not math.isfinite(data) else data
