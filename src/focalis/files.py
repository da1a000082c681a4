"""Files that are there in full or not at all, whoever has prepared the folder."""

import glob
import os
from contextlib import suppress
from pathlib import Path

__all__ = ["remove_unfinished", "write_whole"]

_TEMPORARY = ".tmp"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside `path`, and move it there when it is whole and on the disk.

    A reader never meets half of it, and what is at `path`, a link too, is replaced and not followed.
    What writers of this file that were killed have left beside it is removed.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{_TEMPORARY}"):
        process = left.name.removesuffix(_TEMPORARY).rpartition(".")[2]
        if process.isdecimal() and not _lives(int(process)):
            with suppress(OSError):  # it harms nobody
                left.unlink()
    # In the same folder, since only a rename within one file system is atomic.
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
    temporary.unlink(missing_ok=True)
    try:
        # "x" follows no link that somebody has put there.
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove what writers that were killed have left in a folder which nobody else writes to now."""
    for path in folder.iterdir():
        name, _, process = path.name.removesuffix(_TEMPORARY).rpartition(".")
        if path.name.endswith(_TEMPORARY) and name.startswith(".") and process.isdecimal():
            path.unlink()


def _lives(process: int) -> bool:
    """Whether a process is running; where that cannot be asked, no file that is open can be removed."""
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is somebody else's
        pass
    return True
