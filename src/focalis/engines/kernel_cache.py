"""From kernel source to machine code, kept on disk under a hash of everything it is made from.

A generated module contains everything its kernels are made of, so any edit gives another hash and stale
machine code cannot run. Numba's cache has an index beside the code: two processes may overwrite
each other's entries, and once it is damaged, it breaks every later process. Here each piece of code is
a separate file, and one that is missing or damaged is compiled again. `kernel_files` says where.
"""

import contextlib
import functools
import hashlib
import importlib.util
import marshal
import pickle
import sys
from collections.abc import Iterator
from importlib import resources
from types import CodeType, ModuleType
from typing import Any

import numba
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.serialize import dumps

from focalis.engines.kernel_files import OURS, keep, kept, say_once
from focalis.interruptions import let_forks_wait, undisturbed

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
_HEAD = """import numpy as np
from llvmlite import ir
from numba import njit, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

"""
_modules: dict[tuple[str, str, str], ModuleType] = {}
_config: Any = numba.config

let_forks_wait(global_compiler_lock)


def compile_kernel(dtype: str, terms: str, loops: str, name: str) -> Any:
    """Return the kernel `name` from a module of loops, for a dtype and a loss's terms.

    `terms` is the source of what the loops call, traced functions and constants, "" if they call none;
    `loops` is the module of `focalis.engines.fused` that holds the kernel. The dispatcher that is
    returned compiles for the arguments it is called with.
    """
    key = (dtype, terms, loops)
    with _compiling():
        if key not in _modules:
            _modules[key] = _load(*key)
        kernel = getattr(_modules[key], name)
        if not isinstance(kernel._cache, _MachineCode):
            kernel._cache = _MachineCode(f"{_modules[key].__name__}.{name}")
            kernel.compile = functools.partial(_compile, kernel.compile)
    return kernel


@contextlib.contextmanager
def _compiling() -> Iterator[None]:
    """Compile without interruption, even if the user has switched compilation off.

    ``NUMBA_DISABLE_JIT`` is for debugging the user's functions; the kernels cannot run as Python.
    """
    with undisturbed(global_compiler_lock):
        _config.reload_config()  # otherwise Numba would do so in the middle
        before = _config.DISABLE_JIT
        _config.DISABLE_JIT = 0
        try:
            yield
        finally:
            _config.DISABLE_JIT = before


def _compile(compile: Any, signature: Any) -> Any:
    with _compiling():
        return compile(signature)


def _load(dtype: str, terms: str, loops: str) -> ModuleType:
    primitives = {"float32": "primitives32", "float64": "primitives64"}[dtype]
    before, after = ("options", primitives, "primitives", "steps"), _LOOPS[loops]
    source = "\n\n".join([_HEAD, *map(_template, before), terms, *map(_template, after)])
    name = f"{OURS}{_hash(importlib.util.MAGIC_NUMBER, source)}"
    module = ModuleType(name)
    # When Numba loads a kernel from disk, it looks its module up by name.
    sys.modules[name] = module
    exec(_bytecode(name, source), module.__dict__)
    return module


def _template(name: str) -> str:
    text = resources.files("focalis.engines.fused").joinpath(f"{name}.py").read_text("utf-8")
    return text.split(_MARKER, 1)[1].split("\n", 1)[1]


def _bytecode(name: str, source: str) -> CodeType:
    file = f"{name}.bytecode"
    found = kept(file)
    if found is not None:
        code: CodeType = marshal.loads(found)
        return code
    code = compile(source, f"<{name}>", "exec")
    keep(file, marshal.dumps(code))
    return code


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


class _MachineCode(NullCache):
    """One kernel's compiled forms on disk, behind the interface that its Numba dispatcher expects."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _file(self, signature: Any, codegen: Any) -> str:
        switches = (_config.BOUNDSCHECK, _config.OPT)
        parts = (numba.__version__, signature, codegen.magic_tuple(), switches)
        return f"{self._name}.{_hash(*parts)}"

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the compiled form for a signature, or None if it must be compiled."""
        target_context.refresh()
        found = kept(self._file(signature, target_context.codegen()))
        if found is None:
            return None
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(found))
        except Exception as error:  # whatever went wrong, compiling again fixes it
            say_once(f"{self._name} cannot be loaded: {error!r}")
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled form."""
        if compiled.library.has_dynamic_globals:
            say_once(f"{self._name} holds addresses of this process")
            return
        try:
            code = dumps(compiled._reduce())
        except Exception as error:  # the compiled form itself exists, and is correct
            say_once(f"{self._name} cannot be serialised: {error!r}")
        else:
            keep(self._file(signature, compiled.codegen), code)
