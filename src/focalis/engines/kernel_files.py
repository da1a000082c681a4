"""Files that only this user can have written, for code that is run from them.

The folder is the first of

1. ``FOCALIS_CACHE_DIR``,
2. ``focalis`` in Numba's own ``NUMBA_CACHE_DIR``,
3. ``focalis`` in the user's cache directory: ``XDG_CACHE_HOME``, where that is absolute, or
   ``~/.cache``; ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows.

What is missing of it is made for the user alone: mode 0700, whatever the umask. It is used if it
belongs to the user, if nobody else may write to it, and if no folder or link on the way to it belongs
to anyone but the user and root or can be replaced by others. A folder that is not so is left alone, as
is one that cannot be written to: kernels are then compiled in memory, and the logger ``focalis`` says
why, once in a process, at the level WARNING.
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

__all__ = ["OURS", "cache_directory", "keep", "kept", "say_once"]

OURS = "focalis_kernel_"  # how the name of every file begins

_config: Any = numba.config
_DIGEST = hashlib.sha256
_BY_OTHERS = 0o022  # group and others may write
_REACHED = 0o011  # group and others may go through
_MOST_LINKS = 40
_DAY = 24 * 60 * 60
_MONTH = 30 * _DAY


def cache_directory() -> Path | None:
    """Return the folder for compiled kernels, made where it is missing.

    Returns
    -------
    Path or None
        Where the path leads once all links are followed; None if that is not private.
    """
    try:
        named = _named()
        if sys.platform == "win32":
            # Without user numbers; the folders of a profile are private as they are made.
            named.mkdir(parents=True, exist_ok=True)
            return named.resolve()
        return _private(named)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        say_once(str(error))
        return None


def _named() -> Path:
    told, numbas = os.environ.get("FOCALIS_CACHE_DIR"), _config.CACHE_DIR
    return Path(told) if told else (Path(numbas) if numbas else _user_cache()) / "focalis"


def _user_cache() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    told = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return told if told.is_absolute() else Path.home() / ".cache"


def _private(path: Path) -> Path:
    """Return where a path leads, after every folder and link on the way has been made or looked at.

    Nothing that has been looked at can be replaced by others, so it is still so when it is used.
    """
    path = path.absolute()
    user = os.geteuid()
    to_go = [*reversed(path.parts[1:])]
    # The folders down to where we are, and whether others get there.
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
        # In a sticky folder, such as /tmp, each may only move what is theirs.
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
    """Return the status of a folder or link, after making a folder where nothing is."""
    try:
        return place.lstat()
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):  # another process was faster
            place.mkdir(mode=0o700)
            place.chmod(0o700)  # of a mode, mkdir leaves what the umask lets through
        return place.lstat()


def kept(name: str) -> bytes | None:
    """Return what was kept under a name; None if nothing was, or not whole."""
    directory = cache_directory()
    if directory is None:
        return None
    path = directory / name
    try:
        content = path.read_bytes()
        if path.stat().st_mtime < time.time() - _DAY:
            with contextlib.suppress(OSError):  # it may be for reading only
                path.touch()  # so that what is in use is not swept away
    except OSError:
        return None
    size = _DIGEST().digest_size
    digest, payload = content[:size], content[size:]
    return payload if _DIGEST(payload).digest() == digest else None


def keep(name: str, payload: bytes) -> None:
    """Keep bytes under a name, whole or not at all; where that fails, say so and go on."""
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
    """Remove, once in a process, our files that nobody has read or written for a month.

    Those of versions that are gone, and what a killed write has left.
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
    """Say why kernels are compiled in memory, once in a process."""
    global _said
    if not _said:
        _said = True
        logging.getLogger("focalis").warning(
            "compiled kernels are not kept for other processes: %s "
            "(FOCALIS_CACHE_DIR may name another folder, which must be yours alone)",
            reason,
        )
