"""Files that only this user can have written, for code that will be executed.

The folder is the first of these:

1. ``FOCALIS_CACHE_DIR``,
2. ``focalis`` in Numba's ``NUMBA_CACHE_DIR``,
3. ``focalis`` in the user's cache directory: ``XDG_CACHE_HOME``, where that is absolute, or
   ``~/.cache``; ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows.

Missing parts of the path are created for the user alone: mode 0700, whatever the umask. The folder is
used if it belongs to the user, nobody else may write to it, and every folder and link on the way to it
belongs to the user or root and cannot be replaced by others. Any other folder, and one that cannot be
written to, is left alone: kernels are then compiled in memory, and the logger ``focalis`` gives the
reason, once per process, at level WARNING.
"""

import contextlib
import errno
import hashlib
import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISVTX
from typing import Any

import numba

OURS = "focalis_kernel_"  # how the name of every file begins

_config: Any = numba.config
_DIGEST = hashlib.sha256
_BY_OTHERS = 0o022  # group and others may write
_REACHED = 0o011  # group and others may pass through
_MOST_LINKS = 40
_DAY = 24 * 60 * 60
_MONTH = 30 * _DAY


def cache_directory() -> Path | None:
    """Return the folder for compiled kernels, created if missing, without links; None if not private."""
    try:
        named = _named()
        if sys.platform == "win32":
            # No user numbers here; the folders of a profile are created private.
            named.mkdir(parents=True, exist_ok=True)
            return named.resolve()
        return _private(named)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home directory
        say_once(str(error))
        return None


def _named() -> Path:
    chosen, numbas = os.environ.get("FOCALIS_CACHE_DIR"), _config.CACHE_DIR
    return Path(chosen) if chosen else (Path(numbas) if numbas else _user_cache()) / "focalis"


def _user_cache() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return chosen if chosen.is_absolute() else Path.home() / ".cache"


def _private(path: Path) -> Path:
    """Return where a path leads, creating or checking every folder and link on the way.

    Others cannot replace anything that has been checked, so the checks still hold when it is used.
    """
    path = path.absolute()
    user = os.geteuid()
    to_go = [*reversed(path.parts[1:])]
    # The folders from the root to the current one, and whether others can reach each.
    trail = [(Path(path.anchor), True)]
    links, status = 0, trail[0][0].stat()
    while to_go:
        folder, reached = trail[-1]
        name = to_go.pop()
        if name == "..":
            del trail[max(1, len(trail) - 1) :]
            continue
        place = folder / name
        status = _made(place)
        if status.st_uid not in (0, user):
            raise PermissionError(f"{place} belongs to another user")
        if S_ISLNK(status.st_mode):
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            target = Path(os.readlink(place))
            if target.is_absolute():
                del trail[1:]
            to_go += reversed(target.parts[target.is_absolute() :])
            continue
        if not S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
        # In a sticky folder, such as /tmp, users may move only what is theirs.
        if reached and status.st_mode & _BY_OTHERS and not status.st_mode & S_ISVTX:
            raise PermissionError(f"others may write to {place}")
        trail.append((place, reached and bool(status.st_mode & _REACHED)))
    place = trail[-1][0]
    status = place.stat()
    if status.st_uid != user:
        raise PermissionError(f"{place} belongs to another user")
    if status.st_mode & _BY_OTHERS:
        raise PermissionError(f"others may write to {place}")
    return place


def _made(place: Path) -> os.stat_result:
    """Return the status of a folder or link, after creating a folder if nothing is there."""
    try:
        return place.lstat()
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):  # another process was faster
            place.mkdir(mode=0o700)
            place.chmod(0o700)  # mkdir drops the bits in the umask
        return place.lstat()


def kept(name: str) -> bytes | None:
    """Return what was kept under a name; None if there was nothing, or it is damaged."""
    directory = cache_directory()
    if directory is None:
        return None
    path = directory / name
    try:
        content = path.read_bytes()
        if path.stat().st_mtime < time.time() - _DAY:
            with contextlib.suppress(OSError):  # it may be read-only
                path.touch()  # so that a file in use is not removed as old
    except OSError:
        return None
    size = _DIGEST().digest_size
    digest, payload = content[:size], content[size:]
    return payload if _DIGEST(payload).digest() == digest else None


def keep(name: str, payload: bytes) -> None:
    """Keep bytes under a name, completely or not at all; if that fails, say so and carry on."""
    directory = cache_directory()
    if directory is None:
        return
    try:
        _write(directory / name, _DIGEST(payload).digest() + payload)
    except OSError as error:
        say_once(f"{directory}: {error.strerror or error}")
    _sweep(directory)


_swept = False


def _sweep(directory: Path) -> None:
    """Remove, once per process, our files that nobody has read or written for a month.

    They belong to versions that are gone, or were left by a write that was killed.
    """
    global _swept
    if _swept:
        return
    _swept = True
    oldest = time.time() - _MONTH
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if not entry.name.startswith(OURS) or not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(OSError):  # another process was faster
                if entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)


def _write(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(".tmp", OURS, path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


_said = False


def say_once(reason: str) -> None:
    """Log, once per process, why kernels are compiled in memory."""
    global _said
    if not _said:
        _said = True
        logging.getLogger("focalis").warning(
            "compiled kernels are not kept for other processes: %s "
            "(FOCALIS_CACHE_DIR may name another folder, which must be yours alone)",
            reason,
        )
