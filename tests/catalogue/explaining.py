"""Running the commands of the catalogue in a test."""

import json

from focalis.cli.main import main


def run(capsys, *arguments):
    """Run `focalis ARGUMENTS` and return its exit code and what it printed."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    return status, *capsys.readouterr()


def succeed(capsys, *arguments):
    status, printed, errors = run(capsys, *arguments)
    assert (status, errors) == (0, "")
    return printed


def trials(capsys, *command):
    return json.loads(succeed(capsys, *command, "--json"))["trials"]
