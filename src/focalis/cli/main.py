"""The command line: argument parsing, and the messages for users who get something wrong.

It starts without the optional dependencies; a command that needs some says how to install them.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import focalis
from focalis.cleaning import one_line, tell
from focalis.cli.check import add_check
from focalis.cli.compare import add_compare
from focalis.cli.console import BAD_INPUT, say
from focalis.cli.explain import add_explain, add_list
from focalis.cli.explore import add_explore
from focalis.cli.plot import add_plot


class _Parser(argparse.ArgumentParser):
    """Reports an error in one line, without the usage, which --help shows."""

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse ignores it when help and version cannot be written.
        if file is not sys.stdout:
            tell(message.removesuffix("\n"))
            return
        try:
            say(message.removesuffix("\n"))
        except ValueError as error:
            self.error(str(error))

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: error: {one_line(message)}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `focalis` and return its exit code.

    It is 0, or 1 if `check` finds something wrong or `compare` could not train a loss, 2 for bad input,
    130 after an interruption. --help, --version and invalid arguments raise SystemExit.
    """
    parser = _parser()
    words = sys.argv[1:] if arguments is None else arguments
    parsed, unknown = parser.parse_known_args(_numbers_joined(words))
    unknown = _taken_late(parsed, unknown)
    if unknown:
        # Raised by the sub-command's parser, so that the message names the sub-command.
        getattr(parsed, "parser", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    if parsed.command is None:
        parser.print_help()
        return 0
    return int(parsed.run(parsed))


def _taken_late(parsed: argparse.Namespace, unknown: list[str]) -> list[str]:
    """Add words that follow an option to the argument that takes several; return the other words.

    argparse ends such an argument at the first option.
    """
    several: str = getattr(parsed, "several", "")
    late = [one for one in unknown if several and not one.startswith("-")]
    if late:
        setattr(parsed, several, [*getattr(parsed, several), *late])
    return [one for one in unknown if one not in late]


def _numbers_joined(arguments: Sequence[str]) -> list[str]:
    """Attach numbers that begin with a minus to the option before them, which argparse does not.

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
    for add in (add_compare, add_explain, add_list, add_check, add_plot, add_explore):
        add(commands)
    return parser
