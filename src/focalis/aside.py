"""What the program says beside its answer."""

import os
import sys

__all__ = ["say_aside"]


def say_aside(text: str) -> None:
    """Print to standard error, where it can be written to: that it cannot must not stop the work."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        # What is left in the buffer must have somewhere to go when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
