"""The program ``focalis``, also as ``python -m focalis``."""

import io
import os
import sys
from contextlib import suppress

_INTERRUPTED = 130


def main() -> int:
    """Run the command line; Ctrl-C is one line, also while the program is still being loaded."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As standard error does: a terminal that lacks a letter shows its number.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        from focalis.cli.main import main as command

        return command()
    except KeyboardInterrupt:
        # Not `focalis.cleaning.tell`: what was being loaded may be half there.
        with suppress(OSError):
            os.write(2, b"focalis: interrupted\n")
        return _INTERRUPTED


if __name__ == "__main__":
    raise SystemExit(main())
