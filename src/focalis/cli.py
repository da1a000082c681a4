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
from typing import NoReturn

import focalis
from focalis.catalogue.commands import add_catalogue_commands

__all__ = ["main"]

_WRONG = 1
_BAD_INPUT = 2
_INTERRUPTED = 130

_COMPARE_NEEDS = ("lightgbm", "plotly", "polars", "rich", "scipy", "sklearn", "skrub")

_COMPARE_EXAMPLES = """\
examples:
  focalis compare                              an embedded example, in under a minute
  focalis compare bank.csv --target churned    your own data
  focalis compare bank.csv --target churned --loss "focal(gamma=3, alpha=.4)"
  focalis compare trips.parquet --target late --time departure --model linear
"""

_CHECK_EXAMPLES = """\
examples:
  focalis check torchvision.ops:sigmoid_focal_loss --as sigmoid_focal --gamma 2 --alpha .25
  focalis check torch.nn.functional:cross_entropy --as softmax_cross_entropy --tolerance 10
  focalis check my_losses:bounded --as "softmax_bounded_cross_entropy(tau=.1)" --framework jax
"""
_LOSS_OPTIONS = ("gamma", "alpha", "beta", "epsilon", "kappa")

_PLOT_EXAMPLES = """\
examples:
  focalis plot figure-1
  focalis plot margin cross-entropy "focal(gamma=2)" poly1 --out margin.svg
  focalis plot share --logits predictions.csv --out share.pdf
"""


class _Parser(argparse.ArgumentParser):
    """Reports an error as one line; the usage is what --help is for."""

    def error(self, message: str) -> NoReturn:
        self.exit(_BAD_INPUT, f"{self.prog}: error: {' '.join(message.split())}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `focalis` and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line without the program's name; `sys.argv[1:]` by default.

    Returns
    -------
    int
        0, or 1 if `check` finds something wrong, 2 for bad input, 130 after an interruption.

    Raises
    ------
    SystemExit
        After --help and --version, with 0; if the arguments make no sense, with 2.
    """
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    parsed, unknown = parser.parse_known_args(_numbers_joined(given))
    if unknown:
        # The sub-command's own parser speaks, so that the line names the sub-command.
        getattr(parsed, "parser", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    if parsed.command is None:
        parser.print_help()
        return 0
    return int(parsed.run(parsed))


def _numbers_joined(arguments: Sequence[str]) -> list[str]:
    """Give numbers that begin with a minus to the option before them, which argparse does not.

    Examples
    --------
    >>> _numbers_joined(["explain", "focal", "--logits", "-1,2"])
    ['explain', 'focal', '--logits=-1,2']
    """
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1].startswith("--") and re.match(r"-[\d.]", argument):
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
    _add_check(commands)
    _add_plot(commands)
    add_catalogue_commands(commands)
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


def _add_check(commands: argparse._SubParsersAction[_Parser]) -> None:
    parser = commands.add_parser(
        "check",
        help="is that implementation of a loss right?",
        description=(
            "Hold anyone's loss against its definition in sixty digits: values, gradients and "
            "Hessians at scores up to the ends of the type, half types, masks, weights, reductions, "
            "threads. The exit code is 1 if something is wrong."
        ),
        epilog=_CHECK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_check, parser=parser)
    parser.add_argument(
        "function",
        metavar="MODULE:FUNCTION",
        help="takes logits and targets of NumPy, PyTorch or JAX and returns one number, or one for "
        "each row",
    )
    parser.add_argument(
        "--as",
        dest="loss",
        required=True,
        metavar="LOSS",
        help='what it should compute, such as sigmoid_focal or "softmax_focal(gamma=3)"',
    )
    for name in _LOSS_OPTIONS:
        parser.add_argument(f"--{name}", type=float, metavar="X", help=f"{name} of the loss")
    parser.add_argument(
        "--reduction",
        choices=("mean", "sum", "none", "batchmean"),
        help="of a function that returns one number (default: mean)",
    )
    parser.add_argument(
        "--framework",
        choices=("auto", "numpy", "torch", "jax"),
        default="auto",
        help="whose arrays",
    )
    parser.add_argument(
        "--with",
        dest="arguments",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one more argument of the function; may be repeated",
    )
    parser.add_argument(
        "--only", action="append", metavar="CHECK", help="one of the checks; may be repeated"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1.0,
        metavar="X",
        help="how many times the permitted error passes (default: %(default)g)",
    )


def _check(parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("mpmath") is None:
        return _fail("check", 'mpmath missing: pip install "focalis[check]"')
    from focalis.testing.command import examine

    options = {name: getattr(parsed, name) for name in (*_LOSS_OPTIONS, "reduction")}
    try:
        report = examine(
            parsed.function,
            parsed.loss,
            {name: value for name, value in options.items() if value is not None},
            framework=parsed.framework,
            arguments=parsed.arguments,
            checks=parsed.only,
            tolerance=parsed.tolerance,
        )
    except (ValueError, TypeError) as error:
        return _fail("check", str(error))
    print(report)
    return 0 if report.ok else _WRONG


def _add_plot(commands: argparse._SubParsersAction[_Parser]) -> None:
    from focalis.plots.command import KINDS

    kinds = "\n".join(f"  {name:<11}{kind.title}" for name, kind in KINDS.items())
    parser = commands.add_parser(
        "plot",
        help="what does a loss look like?",
        description="Draw losses into a PNG, SVG or PDF file.",
        epilog=f"kinds:\n{kinds}\n\n{_PLOT_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_plot, parser=parser)
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=f"one of {', '.join(KINDS)}")
    parser.add_argument(
        "losses", nargs="*", metavar="LOSS", help='such as "focal(gamma=2)" (default: the paper\'s)'
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="ends in .png, .svg or .pdf (default: KIND.png)"
    )
    parser.add_argument(
        "--logits", type=Path, metavar="FILE", help="lines of a logit and its target, 0 or 1"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def _plot(parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("matplotlib") is None:
        return _fail("plot", 'matplotlib missing: pip install "focalis[plots]"')
    from focalis.plots.command import plot

    out = parsed.out or Path(f"{parsed.kind}.png")
    try:
        plot(parsed.kind, parsed.losses, out, logits=parsed.logits, overwrite=parsed.overwrite)
    except (ValueError, TypeError) as error:
        return _fail("plot", str(error))
    print(out)
    return 0


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
        return _fail("compare", f'{", ".join(missing)} missing: pip install "focalis[compare]"')
    try:
        return _compare_losses(parsed)
    except KeyboardInterrupt:
        done = f"; what is done is in {parsed.out}, --resume goes on with it"
        print(f"focalis compare: interrupted{done if parsed.out.exists() else ''}", file=sys.stderr)
        return _INTERRUPTED


def _compare_losses(parsed: argparse.Namespace) -> int:
    from rich.console import Console

    from focalis.compare import InputError, Settings, run
    from focalis.compare.progress import TerminalListener
    from focalis.compare.terminal import print_table

    values = {field.name: getattr(parsed, field.name) for field in fields(Settings)}
    try:
        settings = Settings(**{**values, "loss": tuple(parsed.loss)})
        with TerminalListener() as listener:
            results = run(settings, listener)
    except InputError as error:
        return _fail("compare", str(error))
    print_table(results, Console())
    print(f"report: {settings.out / 'index.html'}")
    return 0


def _fail(command: str, message: str) -> int:
    print(f"focalis {command}: error: {' '.join(message.split())}", file=sys.stderr)
    return _BAD_INPUT
