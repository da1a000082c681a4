"""``focalis plot``: its arguments, and its messages when something is wrong."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import Any

from focalis.cleaning import printable
from focalis.cli.console import fail, file_path, say

_PLOT_EXAMPLES = """\
examples:
  focalis plot figure-1
  focalis plot margin cross-entropy "focal(gamma=2)" poly1 --out margin.svg
  focalis plot share --logits predictions.csv --out share.pdf
"""


def add_plot(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    from focalis.plots.command import KINDS

    kinds = "\n".join(f"  {name:<11}{kind.title}" for name, kind in KINDS.items())
    parser = commands.add_parser(
        "plot",
        help="draw losses",
        description="Draw losses into a PNG, SVG or PDF file.",
        epilog=f"kinds:\n{kinds}\n\n{_PLOT_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_plot, parser=parser, several="losses")
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=f"one of {', '.join(KINDS)}")
    parser.add_argument(
        "losses", nargs="*", metavar="LOSS", help='such as "focal(gamma=2)" (default: the paper\'s)'
    )
    parser.add_argument(
        "--out",
        type=file_path,
        metavar="FILE",
        help="a .png, .svg or .pdf file; its folder is created if needed (default: KIND.png)",
    )
    parser.add_argument(
        "--logits",
        type=file_path,
        metavar="FILE",
        help="lines of a logit and its target, 0 or 1; for a softmax, of C logits and a class from 0",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def _plot(parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("matplotlib") is None:
        return fail("plot", 'matplotlib missing: pip install "focalis[plots]"')
    from focalis.plots.command import plot

    out = parsed.out or Path(f"{parsed.kind}.png")
    try:
        plot(parsed.kind, parsed.losses, out, logits=parsed.logits, overwrite=parsed.overwrite)
        say(printable(str(out)))
    except (ValueError, TypeError) as error:
        return fail("plot", str(error))
    return 0
