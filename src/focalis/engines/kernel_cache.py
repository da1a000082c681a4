"""From kernel source to machine code, kept on disk under a hash of everything it is made from.

Generated modules contain everything the kernels are made of, and the name of each is a hash of its text
and of the module that it continues: any edit gives another hash, and stale machine code cannot run.
Numba's cache has an index beside the code: two processes may overwrite
each other's entries, and once it is damaged, it breaks every later process. Here each piece of code is
a separate file, and one that is missing or damaged is compiled again. `kernel_files` says where.
"""

import ast
import contextlib
import functools
import hashlib
import importlib.util
import marshal
import pickle
import sys
from collections.abc import Callable, Iterator
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
_PRIMITIVES = {"float32": "primitives32", "float64": "primitives64"}
_LOOPS = {
    "elementwise": ("elementwise",),
    "softmax": ("strips", "softmax", "lanes", "dense", "dense_lanes", "fisher"),
    "storage": (),
}
_HEAD = """import numpy as np
from llvmlite import ir
from numba import njit, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

"""
_modules: dict[tuple[str, ...], ModuleType] = {}
_config: Any = numba.config

let_forks_wait(global_compiler_lock)


def compile_kernel(dtype: str, terms: str, loops: str, name: str) -> Any:
    """Return the kernel `name` from a module of loops, for a dtype and a loss's terms.

    `terms` is the source of what the loops call, traced functions and constants, "" if they call none;
    `loops` is the module of `focalis.engines.fused` that holds the kernel. The dispatcher that is
    returned compiles for the arguments it is called with.
    """
    with _compiling():
        kernel = getattr(_load(dtype, terms, loops), name)
        if not isinstance(kernel._cache, _MachineCode):
            kernel._cache = _MachineCode(f"{kernel.py_func.__module__}.{name}")
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
    """Return a module with everything that a kernel calls.

    What is the same for all losses, most of it, is in modules that their kernels share, and so is
    compiled once in a process.
    """
    names = _defined(terms)
    of_all, of_loss = _parted(loops, names)
    common = _module((dtype,), lambda: [_HEAD, *map(_template, _common(dtype))])
    shared = _module((dtype, loops, *sorted(names)), lambda: [of_all], common)
    return _module((dtype, loops, terms), lambda: [terms, of_loss], shared)


def _common(dtype: str) -> tuple[str, ...]:
    return "options", _PRIMITIVES[dtype], "primitives", "steps", "halves", "storage"


@functools.cache
def _parted(loops: str, names: frozenset[str]) -> tuple[str, str]:
    """Return the source of loops in two parts: without the functions `names`, and what needs them."""
    statements = [found for template in _LOOPS[loops] for found in _statements(template)]
    of_loss = set(names)
    while True:
        needs = [not of_loss.isdisjoint(needed) for _, needed, _ in statements]
        more = {n for one, (_, _, made) in zip(needs, statements, strict=True) if one for n in made}
        if more <= of_loss:
            break
        of_loss |= more
    parts: tuple[list[str], list[str]] = [], []
    for one, (source, _, _) in zip(needs, statements, strict=True):
        parts[one].append(source)
    return "\n\n\n".join(parts[False]), "\n\n\n".join(parts[True])


def _statements(template: str) -> Iterator[tuple[str, set[str], set[str]]]:
    """Give each statement of a template: its source, the names in it, and those that it defines."""
    source = _template(template)
    lines = source.splitlines()
    for statement in ast.parse(source).body:
        first = min(n.lineno for n in (statement, *getattr(statement, "decorator_list", ())))
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        yield "\n".join(lines[first - 1 : statement.end_lineno]), names, _names(statement)


def _defined(source: str) -> frozenset[str]:
    """Return the names that a source defines."""
    return frozenset().union(*map(_names, ast.parse(source).body))


def _names(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines."""
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _module(
    key: tuple[str, ...], sources: Callable[[], list[str]], before: ModuleType | None = None
) -> ModuleType:
    """Return a module of these sources, in which the names of the one before are known, too."""
    module = _modules.get(key)
    if module is None:
        source = "\n\n".join(sources())
        known = "" if before is None else before.__name__
        name = f"{OURS}{_hash(importlib.util.MAGIC_NUMBER, known, source)}"
        module = ModuleType(name)
        if before is not None:
            module.__dict__.update({**before.__dict__, **module.__dict__})
        # When Numba loads a kernel from disk, it looks its module up by name.
        sys.modules[name] = module
        exec(_bytecode(name, source), module.__dict__)
        _modules[key] = module
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
