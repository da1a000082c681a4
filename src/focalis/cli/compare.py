"""``focalis compare``: its arguments, and its messages when something is wrong."""

from __future__ import annotations

import argparse
import importlib.util
from dataclasses import fields
from pathlib import Path
from typing import Any

from focalis.cleaning import printable, tell
from focalis.cli.console import fail, saying

_UNTRAINED = 1
_INTERRUPTED = 130

_COMPARE_NEEDS = ("lightgbm", "plotly", "polars", "rich", "scipy", "sklearn", "skrub")

_COMPARE_EXAMPLES = """\
examples:
  focalis compare                              a built-in example, in under a minute
  focalis compare bank.csv --target churned    your own data
  focalis compare bank.csv --target churned --loss "focal(gamma=3, alpha=.4)"
  focalis compare bank.csv --target churned --drop customer_id --drop closed_on
  focalis compare trips.parquet --target late --time departure --model linear
"""


def add_compare(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = commands.add_parser(
        "compare",
        help="compare what each loss achieves on your data",
        description=(
            "Cross-validate a model with each loss of the family on a table, and report what they gain "
            "over cross-entropy: ranking, decisions, calibration and time."
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
        help="the target's value that counts as positive (default: the rarer of two); with several "
        'classes it asks "is it this one?"',
    )
    columns.add_argument("--weight", metavar="COLUMN", help="the weights of the rows")
    columns.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COLUMN",
        help="not a feature: an identifier, or something known only later; may be repeated",
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
        "focal-star, poly1) or losses as text; cross-entropy is always included",
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
    present.add_argument("--resume", action="store_true", help="continue an interrupted run")
    present.add_argument("--overwrite", action="store_true", help="replace an existing report")
    report.add_argument(
        "--jobs", type=int, metavar="N", help="folds to run at once (default: one per core)"
    )


def _split_outside_parentheses(text: str) -> tuple[str, ...]:
    """Split at commas, except those inside a loss's parameters.

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
        done = f"; finished fits are in {printable(str(parsed.out))}, --resume continues it"
        tell(f"focalis compare: interrupted{done if parsed.out.exists() else ''}")
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
