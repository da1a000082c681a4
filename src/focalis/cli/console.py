"""What the commands share: reading file names, printing answers, and reporting errors."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from focalis.cleaning import one_line, silence, tell

BAD_INPUT = 2


def say(text: str) -> None:
    """Print text, accepting that the reader may stop early (`focalis list | head`).

    Raises
    ------
    ValueError
        If standard output cannot be written to.
    """
    with saying():
        print(text)


@contextmanager
def saying() -> Iterator[None]:
    """Handle errors of printing inside the block as `say` does."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise ValueError(f"cannot write to standard output: {error.strerror}") from error


def file_path(text: str) -> Path:
    """Return a file name from the command line as a path."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected the name of a file, got none")
    return Path(text)


def fail(command: str, message: str) -> int:
    """Print what is wrong in one line, and return the exit code for bad input."""
    tell(f"focalis {command}: error: {one_line(message)}")
    return BAD_INPUT
