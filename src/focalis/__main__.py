"""The program ``focalis``, also as ``python -m focalis``."""

import sys

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> int:
    """Run the command line; Ctrl-C is one line, also while the program is still being loaded."""
    try:
        from focalis.cli import main as command

        return command()
    except KeyboardInterrupt:
        print("focalis: interrupted", file=sys.stderr)
        return _INTERRUPTED


if __name__ == "__main__":
    raise SystemExit(main())
