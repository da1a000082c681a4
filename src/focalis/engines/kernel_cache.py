"""From kernel source to machine code, kept on disk under a hash of the whole source.

A generated module holds everything its kernels are made of, so an edit anywhere gives another file and
stale machine code cannot run. The files live in a directory of the user's alone; where there is none,
kernels are compiled in memory.
"""

import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from importlib import resources
from pathlib import Path
from stat import S_ISVTX
from types import ModuleType
from typing import Any

import numba

__all__ = ["cache_directory", "compile_kernel"]

_MARKER = "# --- below this line"
_LOOPS = {
    "elementwise": ("halves", "storage", "elementwise"),
    "softmax": (
        "halves",
        "storage",
        "strips",
        "softmax",
        "lanes",
        "dense",
        "dense_lanes",
        "fisher",
    ),
    "storage": ("halves", "storage"),
}
_IMPORTS = """import numpy as np
from llvmlite import ir
from numba import njit, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic, overload
"""
_modules: dict[tuple[str, str, str], ModuleType] = {}
_lock = threading.Lock()


def _unlock() -> None:
    # In a forked child the lock may be held by a thread that is gone.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def cache_directory() -> Path | None:
    """Return where kernels are kept: ``FOCALIS_CACHE_DIR`` or the user's cache directory.

    Returns
    -------
    Path or None
        None where the directory cannot be written to, or others may write to it or to one above it.
    """
    named = os.environ.get("FOCALIS_CACHE_DIR")
    directory = Path(named) if named else _user_cache() / "focalis"
    # Numba keeps machine code in __pycache__, or where the user has told it to.
    told = str(vars(numba.config)["CACHE_DIR"])
    code = Path(told) if told else directory / "__pycache__"
    try:
        for place in (directory, code):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return directory if all(map(_is_private, (directory, code))) else None


def _user_cache() -> Path:
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


def _is_private(directory: Path) -> bool:
    """Whether this user may put a file there, and nobody else may, or may put another in its place."""
    if not os.access(directory, os.W_OK):
        return False
    # Where there are no user numbers (Windows) a profile's folders are private as they are made.
    if sys.platform == "win32":
        return True
    own = directory.stat()
    if own.st_uid != os.getuid() or own.st_mode & 0o022:
        return False
    return not any(map(_may_be_swapped, (directory.absolute(), directory.resolve())))


def _may_be_swapped(directory: Path) -> bool:
    """Whether others may put a folder of theirs in the place of this one, or of one above it."""
    for parent in reversed(directory.parents):
        status = parent.stat()
        # In a sticky folder, such as /tmp, each may only move what is theirs.
        writable = status.st_mode & 0o022 and not status.st_mode & S_ISVTX
        if writable or status.st_uid not in (0, os.getuid()):
            return True
        if not status.st_mode & 0o011:
            return False  # nobody else gets further down
    return False


def compile_kernel(dtype: str, terms: str, loops: str, name: str) -> Any:
    """Return the kernel `name` of a module of loops, made for a dtype and a loss's terms.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        Which primitives the module is made of.
    terms : str
        Source of what the loops call: traced functions and constants; "" where they call none.
    loops : {"elementwise", "softmax", "storage"}
        The module of `focalis.engines.fused` that holds the kernel.
    name : str
        The kernel.

    Returns
    -------
    callable
        A Numba dispatcher; it compiles for the arguments it is called with.
    """
    key = (dtype, terms, loops)
    module = _modules.get(key)
    if module is None:
        with _lock:
            module = _modules.get(key)
            if module is None:
                module = _modules[key] = _load(*key)
    return getattr(module, name)


def _load(dtype: str, terms: str, loops: str) -> ModuleType:
    directory = cache_directory()
    source = _source(dtype, terms, loops, cache=directory is not None)
    versions = f"{numba.__version__} {sys.implementation.cache_tag}"
    name = "focalis_kernel_" + hashlib.sha256(f"{versions}\n{source}".encode()).hexdigest()[:32]
    if directory is None:
        module = ModuleType(name)
        exec(compile(source, f"<{name}>", "exec"), module.__dict__)
        return module
    path = directory / f"{name}.py"
    _place(path, source)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import the generated kernel {path}")
    module = importlib.util.module_from_spec(spec)
    # Numba finds the module of a kernel that it loads from disk by its name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _place(path: Path, source: str) -> None:
    """Write a file whole or not at all; leave a right one alone, since Numba looks at its date."""
    wanted = source.encode()
    if path.exists() and path.read_bytes() == wanted:
        return
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(wanted)
    os.replace(file.name, path)


def _source(dtype: str, terms: str, loops: str, *, cache: bool) -> str:
    primitives = {"float32": "primitives32", "float64": "primitives64"}[dtype]
    head = f"{_IMPORTS}\nCACHE = {cache}\n"
    before, after = (primitives, "steps"), _LOOPS[loops]
    return "\n\n".join([head, *map(_template, before), terms, *map(_template, after)])


def _template(name: str) -> str:
    text = resources.files("focalis.engines.fused").joinpath(f"{name}.py").read_text("utf-8")
    return text.split(_MARKER, 1)[1].split("\n", 1)[1]
