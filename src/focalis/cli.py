"""The command line: argument parsing, and what a user reads when something is wrong.

It starts without the optional dependencies; a command that needs them says how to get them.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import focalis
from focalis.aside import say_aside
from focalis.cleaning import one_line, printable
from focalis.commands import BAD_INPUT, add_commands, fail, say, saying

__all__ = ["main"]

_UNTRAINED = 1
_INTERRUPTED = 130

_COMPARE_NEEDS = ("lightgbm", "plotly", "polars", "rich", "scipy", "sklearn", "skrub")

_COMPARE_EXAMPLES = """\
examples:
  focalis compare                              an embedded example, in under a minute
  focalis compare bank.csv --target churned    your own data
  focalis compare bank.csv --target churned --loss "focal(gamma=3, alpha=.4)"
  focalis compare bank.csv --target churned --drop customer_id --drop closed_on
  focalis compare trips.parquet --target late --time departure --model linear
"""


class _Parser(argparse.ArgumentParser):
    """Reports an error as one line; the usage is what --help is for."""

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse says nothing where help and version cannot be written.
        if file is not sys.stdout:
            super()._print_message(message, file)
            return
        try:
            say(message.removesuffix("\n"))
        except ValueError as error:
            self.error(str(error))

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: error: {one_line(message)}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `focalis` and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line without the program's name; `sys.argv[1:]` by default.

    Returns
    -------
    int
        0, or 1 if `check` finds something wrong or `compare` could not train a loss, 2 for bad input,
        130 after an interruption.

    Raises
    ------
    SystemExit
        After --help and --version, with 0; if the arguments make no sense, with 2.
    """
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    parsed, unknown = parser.parse_known_args(_numbers_joined(given))
    unknown = _taken_late(parsed, unknown)
    if unknown:
        # The sub-command's own parser speaks, so that the line names the sub-command.
        getattr(parsed, "parser", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    if parsed.command is None:
        parser.print_help()
        return 0
    return int(parsed.run(parsed))


def _taken_late(parsed: argparse.Namespace, unknown: list[str]) -> list[str]:
    """Give what follows an option to the argument that takes several, and return the rest.

    argparse closes such an argument at the first option.
    """
    several: str = getattr(parsed, "several", "")
    late = [one for one in unknown if several and not one.startswith("-")]
    if late:
        setattr(parsed, several, [*getattr(parsed, several), *late])
    return [one for one in unknown if one not in late]


def _numbers_joined(arguments: Sequence[str]) -> list[str]:
    """Give numbers that begin with a minus to the option before them, which argparse does not.

    Examples
    --------
    >>> _numbers_joined(["explain", "focal", "--logits", "-1,2"])
    ['explain', 'focal', '--logits=-1,2']
    """
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1].startswith("--") and re.match(r"-([\d.]|inf|nan)", argument, re.I):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="focalis",
        description="The cross-entropy family of classification losses.",
    )
    parser.add_argument("--version", action="version", version=f"focalis {focalis.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_compare(commands)
    add_commands(commands)
    return parser


def _add_compare(commands: argparse._SubParsersAction[_Parser]) -> None:
    parser = commands.add_parser(
        "compare",
        help="what does each loss buy on my data?",
        description=(
            "Cross-validate a model under each loss of the family on a table, and report what they buy "
            "against cross-entropy: ranking, decisions, calibration and time."
        ),
        epilog=_COMPARE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_compare, parser=parser)
    parser.add_argument(
        "data",
        nargs="?",
        type=Path,
        metavar="DATA",
        help="CSV, TSV, Parquet, Arrow, Feather or JSON lines (default: scikit-learn's scanned digits, "
        '"is it an 8?")',
    )
    columns = parser.add_argument_group("columns of DATA")
    columns.add_argument("--target", metavar="COLUMN", help="the column to predict")
    columns.add_argument(
        "--positive",
        metavar="VALUE",
        help="the target's value that counts as positive (default: the rarer of two); of several "
        'classes it asks "is it this one?"',
    )
    columns.add_argument("--weight", metavar="COLUMN", help="weighs the rows")
    columns.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COLUMN",
        help="no feature: an identifier, or what is known too late; may be repeated",
    )
    together = columns.add_mutually_exclusive_group()
    together.add_argument("--group", metavar="COLUMN", help="rows of one group stay in one fold")
    together.add_argument("--time", metavar="COLUMN", help="split forward in time by this column")

    compared = parser.add_argument_group("what is compared")
    compared.add_argument(
        "--model",
        choices=("lightgbm", "xgboost", "catboost", "linear"),
        default="lightgbm",
        help="(default: %(default)s)",
    )
    compared.add_argument(
        "--loss",
        action="append",
        default=[],
        metavar="TEXT",
        help='a loss to add, such as "focal(gamma=3, alpha=.4)"; may be repeated',
    )
    compared.add_argument(
        "--losses",
        type=_split_outside_parentheses,
        default=(),
        metavar="NAMES",
        help="only these, separated by commas: families (cross-entropy, balanced-cross-entropy, focal, "
        "focal-star, poly1) or loss texts; cross-entropy is always in",
    )
    compared.add_argument(
        "--folds", type=int, default=5, metavar="N", help="(default: %(default)s)"
    )
    compared.add_argument(
        "--repeats", type=int, default=2, metavar="N", help="(default: %(default)s)"
    )
    compared.add_argument("--seed", type=int, default=0, metavar="N", help="(default: %(default)s)")

    report = parser.add_argument_group("report and run")
    report.add_argument(
        "--out",
        type=Path,
        default=Path("focalis-report"),
        metavar="DIR",
        help="the report folder (default: %(default)s)",
    )
    present = report.add_mutually_exclusive_group()
    present.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    present.add_argument("--overwrite", action="store_true", help="replace a report that is there")
    report.add_argument(
        "--jobs", type=int, metavar="N", help="folds at once (default: one for each core)"
    )


def _split_outside_parentheses(text: str) -> tuple[str, ...]:
    """Split at commas, but not at those of a loss's parameters.

    Examples
    --------
    >>> _split_outside_parentheses("cross-entropy, focal(gamma=2, alpha=.25)")
    ('cross-entropy', 'focal(gamma=2, alpha=.25)')
    """
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    names = tuple(part.strip() for part in parts)
    if not all(names):
        raise argparse.ArgumentTypeError(f"expected names separated by commas, got {text!r}")
    return names


def _compare(parsed: argparse.Namespace) -> int:
    missing = [name for name in _COMPARE_NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        return fail("compare", f'{", ".join(missing)} missing: pip install "focalis[compare]"')
    try:
        return _compare_losses(parsed)
    except KeyboardInterrupt:
        done = f"; what is done is in {printable(str(parsed.out))}, --resume goes on with it"
        say_aside(f"focalis compare: interrupted{done if parsed.out.exists() else ''}")
        return _INTERRUPTED


def _compare_losses(parsed: argparse.Namespace) -> int:
    from rich.console import Console

    from focalis.compare import InputError, Settings, TrainingError, run
    from focalis.compare.progress import TerminalListener
    from focalis.compare.terminal import print_table

    values = {field.name: getattr(parsed, field.name) for field in fields(Settings)}
    try:
        lists = {"loss": tuple(parsed.loss), "drop": tuple(parsed.drop)}
        settings = Settings(**{**values, **lists})
        with TerminalListener() as listener:
            results = run(settings, listener)
    except InputError as error:
        return fail("compare", str(error))
    except TrainingError as error:
        fail("compare", str(error))
        return _UNTRAINED
    try:
        with saying():
            print_table(results, Console())
            print(f"report: {printable(str(settings.out / 'index.html'))}")
    except ValueError as error:
        return fail("compare", str(error))
    return _UNTRAINED if results["failures"] else 0
