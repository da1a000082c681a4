"""What the commands share: how they read a file's name, and say an answer or what is wrong."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from focalis.aside import say_aside
from focalis.cleaning import one_line

__all__ = ["BAD_INPUT", "fail", "file_path", "say", "saying"]

BAD_INPUT = 2


def say(text: str) -> None:
    """Print, to a reader who may have seen enough (`focalis list | head`).

    Raises
    ------
    ValueError
        If standard output cannot be written to.
    """
    with saying():
        print(text)


@contextmanager
def saying() -> Iterator[None]:
    """Let others print, as `say` does."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer must have somewhere to go when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise ValueError(f"cannot write to standard output: {error.strerror}") from error


def file_path(text: str) -> Path:
    """Return the path of a file from the command line."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected the name of a file, got none")
    return Path(text)


def fail(command: str, message: str) -> int:
    """Say in one line what is wrong, and return the exit code of bad input."""
    say_aside(f"focalis {command}: error: {one_line(message)}")
    return BAD_INPUT
