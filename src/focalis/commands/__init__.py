"""The commands' arguments and messages; the work is done in the modules it belongs to.

They start without the optional dependencies; one that needs them says how to install them.
"""

from __future__ import annotations

import argparse
from typing import Any

from focalis.commands.answering import BAD_INPUT, fail, say, saying
from focalis.commands.check import add_check
from focalis.commands.explain import add_explain, add_list
from focalis.commands.explore import add_explore
from focalis.commands.plot import add_plot

__all__ = ["BAD_INPUT", "add_commands", "fail", "say", "saying"]


def add_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the program."""
    for add in (add_explain, add_list, add_check, add_plot, add_explore):
        add(commands)
