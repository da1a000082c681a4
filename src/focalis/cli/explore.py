"""``focalis explore``: its arguments, and its messages when something is wrong."""

from __future__ import annotations

import argparse
import importlib.util
from typing import Any

from focalis.cleaning import printable, tell
from focalis.cli.console import fail, file_path, say


def add_explore(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = commands.add_parser(
        "explore",
        help="explore losses in the browser",
        description="Open a page with sliders, curves, gradients of your numbers and code to copy. It "
        "needs no network.",
    )
    parser.set_defaults(run=_explore, parser=parser, several="modules")
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="modules that define margin losses of yours"
    )
    parser.add_argument(
        "--out",
        type=file_path,
        metavar="FILE",
        help="write the page to this .html file instead of opening it; its folder is created if needed",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def _explore(parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("plotly") is None:
        return fail("explore", 'plotly missing: pip install "focalis[explore]"')
    from focalis.explore.command import show

    try:
        path, opened = show(parsed.modules, parsed.out, overwrite=parsed.overwrite)
        if parsed.out is None and not opened:
            tell("no browser opened; open it yourself:")
        say(printable(str(path)))
    except (ValueError, TypeError) as error:
        return fail("explore", str(error))
    return 0
