"""What a command says: its answer, or in one line what is wrong."""

import os
import sys

__all__ = ["BAD_INPUT", "fail", "say"]

BAD_INPUT = 2


def say(text: str) -> None:
    """Print, to a reader who may have seen enough (`focalis list | head`).

    Raises
    ------
    ValueError
        If standard output cannot be written to.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer must have somewhere to go when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise ValueError(f"cannot write to standard output: {error.strerror}") from error


def fail(command: str, message: str) -> int:
    """Say in one line what is wrong, and return the exit code of bad input."""
    print(f"focalis {command}: error: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT
