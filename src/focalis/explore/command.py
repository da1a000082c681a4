"""What `focalis explore` does with its arguments."""

import importlib
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from focalis import explore
from focalis.margin import FAMILIES


def show(modules: Sequence[str], out: Path | None, *, overwrite: bool) -> tuple[Path, bool]:
    """Write the page to a file, or to a temporary one; return its path and whether a browser opened it.

    `modules` have the user's own margin losses, and may be in the working directory. A ValueError says
    if the file exists, is not an HTML file or cannot be written, or a module cannot be imported or has
    no margin loss.
    """
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out must end in .html, got {str(out)!r}")
    names = [name for module in modules for name in _margin_losses(module)]
    if out is not None and out.exists() and not overwrite:
        raise ValueError(f"{out} is there already; --overwrite replaces it")
    path = out or Path(tempfile.mkdtemp(prefix="focalis-")) / "explore.html"
    try:
        explore.write(path, names)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error}") from error
    return path, out is None and webbrowser.open(path.resolve().as_uri())


def _margin_losses(module: str) -> list[str]:
    """Return the names of the margin losses that a module defines."""
    if "" not in sys.path:
        sys.path.append("")  # last, so that a numpy.py there does not replace NumPy
    try:
        importlib.import_module(module)
    except Exception as error:
        raise ValueError(f"cannot import {module!r}: {type(error).__name__}: {error}") from error
    names = [name for name, family in FAMILIES.items() if family.__module__ == module]
    if not names:
        raise ValueError(f"{module!r} defines no margin loss")
    return names
