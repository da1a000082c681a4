"""``focalis explain`` and ``focalis list``: their arguments, and what they print."""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from focalis.catalogue.describe import as_data, as_listing, as_text
from focalis.catalogue.entry import REQUIRED, Entry
from focalis.catalogue.meanings import setting
from focalis.catalogue.numbers import Trial, try_out
from focalis.catalogue.search import TASKS, entries, lookup
from focalis.loss import Loss
from focalis.margin import FAMILIES
from focalis.text import read_call

__all__ = ["add_catalogue_commands"]

_EXAMPLES = """\
examples:
  focalis explain BCEWithLogitsLoss
  focalis explain focal --logits 2,-1,.3 --target 0 --gamma 2
  focalis explain "sigmoid_focal_loss(alpha=.5)" --logits 2,-1,.3 --target 1,0,1
"""
_WEIGHTS = ("alpha", "pos_weight", "label_smoothing")
_WIDEST = 100


def add_catalogue_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the parsers of `focalis`."""
    _add_explain(commands)
    _add_list(commands)


def _add_explain(commands: argparse._SubParsersAction[Any]) -> None:
    parser = commands.add_parser(
        "explain",
        help="what does this name of a loss mean?",
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
    parser.add_argument("--json", action="store_true", help="for programs")
    numbers = parser.add_argument_group(
        "try it on numbers", "a row of scores and its target; parameters by their names in focalis"
    )
    numbers.add_argument(
        "--logits",
        "--scores",
        type=_numbers,
        metavar="X,X,…",
        help="one row of logits, or of probabilities where the loss takes those",
    )
    numbers.add_argument(
        "--target",
        type=_numbers,
        metavar="T",
        help="a class index, or a number for each of the scores",
    )
    for name in dict.fromkeys((*(p for f in FAMILIES.values() for p in f.ranges), *_WEIGHTS)):
        numbers.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="NUMBER", dest=name)


def _add_list(commands: argparse._SubParsersAction[Any]) -> None:
    parser = commands.add_parser(
        "list",
        help="the names of losses that explain knows",
        description="List the names of losses, what they fit and which focalis.Loss they are.",
    )
    parser.set_defaults(run=_list, parser=parser)
    parser.add_argument("--framework", metavar="NAME", help='only those of one, such as "PyTorch"')
    parser.add_argument("--task", metavar="TASK", help=f"only those for one of {', '.join(TASKS)}")
    parser.add_argument("--json", action="store_true", help="for programs")


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


def _explain(parsed: argparse.Namespace) -> int:
    try:
        _say(_explanation(parsed))
    except (TypeError, ValueError) as error:
        parsed.parser.error(str(error))
    return 0


def _list(parsed: argparse.Namespace) -> int:
    try:
        found = entries(parsed.framework, parsed.task)
    except ValueError as error:
        parsed.parser.error(str(error))
    _say(_json([as_data(entry) for entry in found]) if parsed.json else as_listing(found))
    return 0


def _say(text: str) -> None:
    """Print, to a reader who may have seen enough (`focalis list | head`)."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # What is left in the buffer must have somewhere to go when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explanation(parsed: argparse.Namespace) -> str:
    """Return what `explain` prints."""
    found, parameters = _meant(parsed.name)
    settings = {
        name: value
        for name, value in vars(parsed).items()
        if value is not None
        and (name in _WEIGHTS or any(name in f.ranges for f in FAMILIES.values()))
    }
    if parsed.logits is not None or parsed.target is not None:
        return _tried_out(parsed, found, parameters, settings)
    if parameters or settings:
        given = next(iter({**parameters, **settings}))
        raise ValueError(f"{given} is for numbers: give --logits and --target as well")
    # A full name is one entry, whatever else its class can be told to be.
    found = tuple(entry for entry in found if entry.name == parsed.name) or found
    if parsed.json:
        return _json([as_data(entry) for entry in found])
    if len(found) == 1:
        return as_text(found[0], min(shutil.get_terminal_size().columns, _WIDEST))
    return (
        f"{parsed.name} has {len(found)} meanings; focalis explain and the full name tells more of one:"
        f"\n\n{as_listing(found)}"
    )


def _meant(name: str) -> tuple[tuple[Entry, ...], dict[str, Any]]:
    """Return the entries that a name means, and the parameters in parentheses after it."""
    try:
        return lookup(name), {}
    except ValueError:
        if "=" not in name:
            raise
        base, _, inside = name.partition("(")
        return lookup(base), dict(read_call(f"loss({inside}")[1])


def _tried_out(
    parsed: argparse.Namespace,
    found: Sequence[Entry],
    parameters: dict[str, Any],
    settings: dict[str, Any],
) -> str:
    if parsed.logits is None or parsed.target is None:
        raise ValueError("expected both --logits and --target")
    if any(entry.framework == "general" for entry in found):
        # A name with many meanings has those of the literature; their frameworks' add none.
        found = [entry for entry in found if entry.framework == "general"]
    single = len(parsed.logits) == 1
    fitting = [e for e in found if not (single and e.link in ("softmax", "simplex"))]
    if not fitting:
        raise ValueError(f"--logits must be a row of classes for {found[0].name}, got one number")
    trials: dict[Loss, Trial] = {}
    for entry in fitting:
        loss = _with(entry, parameters, settings, len(parsed.logits))
        trials.setdefault(loss, try_out(loss, parsed.logits, parsed.target))
    if parsed.json:
        return _json([trial.as_data() for trial in trials.values()])
    return "\n\n".join(trial.as_text() for trial in trials.values())


def _with(
    entry: Entry, parameters: dict[str, Any], settings: dict[str, Any], n_classes: int
) -> Loss:
    """Return the loss of an entry: parameters by its own names, settings by those of focalis."""
    by_setting = {setting(parameter): parameter.name for parameter in entry.parameters}
    given = dict(parameters)
    for name, value in settings.items():
        if name not in by_setting:
            raise ValueError(f"{entry.name} has no parameter for {name.replace('_', '-')}")
        given[by_setting[name]] = value
    missing = [p.name for p in entry.parameters if p.default is REQUIRED and p.name not in given]
    if missing:
        raise ValueError(f"{entry.name} needs {', '.join(missing)}")
    return entry.loss(n_classes=n_classes, **given)


def _json(data: Any) -> str:
    return json.dumps(_finite(data), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(data: Any) -> Any:
    """Return data with what JSON has no number for as words: "inf", "-inf", "nan"."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return str(data) if isinstance(data, float) and not math.isfinite(data) else data
