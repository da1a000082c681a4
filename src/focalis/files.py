"""Writing files so that they are complete or absent, even in a folder that others can write to."""

import glob
import os
from contextlib import suppress
from pathlib import Path

_TEMPORARY = ".tmp"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside `path`, and move it there once it is complete and on the disk.

    A reader never sees half a file. Whatever is at `path` is replaced; a link is not followed. Temporary
    files that killed writers of this file have left behind are removed.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{_TEMPORARY}"):
        process = left.name.removesuffix(_TEMPORARY).rpartition(".")[2]
        if process.isdecimal() and not _lives(int(process)):
            with suppress(OSError):  # a leftover does no harm
                left.unlink()
    # In the same folder, since only a rename within one file system is atomic.
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
    temporary.unlink(missing_ok=True)
    try:
        # "x" does not follow a link that somebody may have put there.
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files of killed writers from a folder that nobody else is writing to."""
    for path in folder.iterdir():
        name, _, process = path.name.removesuffix(_TEMPORARY).rpartition(".")
        if path.name.endswith(_TEMPORARY) and name.startswith(".") and process.isdecimal():
            path.unlink()


def _lives(process: int) -> bool:
    """Return whether a process is running; off POSIX False, since open files cannot be removed there."""
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it runs, as another user
        pass
    return True
