"""Make text from elsewhere (file names, a library's messages) safe to print on a terminal."""

import os
import sys
from typing import TextIO


def printable(text: str) -> str:
    r"""Return text with every unprintable character escaped as `repr` does.

    Examples
    --------
    >>> printable("a\x1b[31m.csv")
    'a\\x1b[31m.csv'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def one_line(text: str) -> str:
    r"""Return printable text on one line.

    Examples
    --------
    >>> one_line("Check failed:\n  x > 0\x07")
    'Check failed: x > 0\\x07'
    """
    return printable(" ".join(text.split()))


def tell(text: str) -> None:
    """Print on standard error, apart from the results; a closed stream is no reason to stop."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Point a stream that cannot be written to at the null device, with whatever it has buffered."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
