"""Where compiled kernels are kept, who may have written them, and what happens if they cannot be."""

import logging
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from focalis.engines import kernel_files
from focalis.engines.kernel_files import cache_directory, keep, kept
from focalis.interruptions import undisturbed

posix = pytest.mark.skipif(os.name != "posix", reason="permissions of another kind")
IS_ROOT = os.name == "posix" and os.geteuid() == 0
SOMEBODY = 12345
# The smallest kernel: it takes the least time to compile.
FIRST_CALL = """
import numpy as np
from focalis.engines import halves
x = np.linspace(-3, 4, 1001, dtype=np.float16)
def call():
    return float(halves.read(x, np.dtype(np.float32)).sum())
"""
# When the compiler is at its deepest in LLVM, call `then`, once.
IN_THE_MIDDLE = """
from numba.core import codegen
compiled = codegen.CPUCodeLibrary._object_compiled_hook
def hook(*arguments):
    global then
    then, do = lambda: None, then
    do()
    return compiled(*arguments)
codegen.CPUCodeLibrary._object_compiled_hook = hook
"""


def run(script, folder=None, **environment):
    """Return what a process prints and what it logs."""
    if folder is not None:
        environment["FOCALIS_CACHE_DIR"] = str(folder)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FIRST_CALL + script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


@pytest.fixture(scope="module")
def expected():
    return float(np.linspace(-3, 4, 1001, dtype=np.float16).astype(np.float32).sum())


@pytest.fixture
def said(caplog, monkeypatch):
    """Return what is logged about the cache from now on, as at the start of a process."""
    monkeypatch.setattr(kernel_files, "_said", False)
    caplog.set_level(logging.WARNING, "focalis")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "focalis"]


@pytest.fixture
def no_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def name(monkeypatch, folder):
    monkeypatch.setenv("FOCALIS_CACHE_DIR", str(folder))


# What is kept -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_kernels_are_kept_and_mended(tmp_path, expected):
    """A second process writes nothing; one that finds damage compiles again and replaces it."""
    folder = tmp_path / "cache"

    def check():
        printed, error = run("print(call())", folder)
        assert float(printed) == expected
        assert error == ""
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files(folder)}

    first = check()
    assert first
    assert check() == first
    for path, (_, content) in first.items():
        # Flip one bit in the middle of the machine code.
        damaged = bytearray(content)
        damaged[len(content) // 2] ^= 1
        path.write_bytes(damaged)
    second = check()
    assert second.keys() == first.keys()
    assert check() == second


@pytest.mark.parametrize("damage", [b"", b"?", b"0123456789" * 10, None])
def test_only_what_is_whole_is_returned(tmp_path, monkeypatch, damage):
    name(monkeypatch, tmp_path / "cache")
    assert kept("kernel") is None
    keep("kernel", b"code")
    assert kept("kernel") == b"code"
    path = tmp_path / "cache" / "kernel"
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    assert kept("kernel") is None
    keep("kernel", b"code")
    assert kept("kernel") == b"code"
    assert files(tmp_path) == [path]


@posix
def test_what_is_old_is_swept_away_and_what_is_read_is_not(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    name(monkeypatch, folder)
    monkeypatch.setattr(kernel_files, "_swept", False)
    keep("focalis_kernel_first", b"1")
    for file in ("focalis_kernel_old", "focalis_kernel_x.tmp", "theirs", "focalis_kernel_read"):
        (folder / file).write_bytes((folder / "focalis_kernel_first").read_bytes())
    os.symlink(folder / "theirs", folder / "focalis_kernel_link")
    long_ago = 1_000_000_000
    for path in files(folder):
        os.utime(path, (long_ago, long_ago))
    assert kept("focalis_kernel_read") == b"1"
    keep("focalis_kernel_second", b"2")  # once in a process is enough
    assert (folder / "focalis_kernel_old").exists()
    monkeypatch.setattr(kernel_files, "_swept", False)
    keep("focalis_kernel_third", b"3")
    left = {path.name.removeprefix("focalis_kernel_") for path in folder.iterdir()}
    assert left == {"read", "second", "third", "theirs", "link"}


@pytest.mark.slow
def test_a_full_disk(tmp_path, expected):
    """Nothing is kept, no half-written file is left, and the calls continue."""
    script = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); print(call())"
    printed, error = run(script, tmp_path / "cache")
    assert float(printed) == expected
    assert files(tmp_path) == []
    assert len(error.splitlines()) == 1
    assert "File too large" in error


@pytest.mark.slow
def test_two_processes_may_fill_one_cache(tmp_path):
    command = [sys.executable, "-W", "error", "-c", FIRST_CALL + "print(call())"]
    environment = {**os.environ, "FOCALIS_CACHE_DIR": str(tmp_path / "cache")}
    children = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [child.communicate(timeout=300)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert len(set(answers)) == 1
    assert not [path for path in files(tmp_path) if path.suffix == ".tmp"]


# Where ------------------------------------------------------------------------------------------


@posix
def test_the_places_in_order(tmp_path, monkeypatch):
    for variable in ("FOCALIS_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("numba.config.CACHE_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_directory() == tmp_path / ".cache" / "focalis"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "focalis"
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "numba"))
    assert cache_directory() == tmp_path / "numba" / "focalis"
    name(monkeypatch, tmp_path / "named")
    assert cache_directory() == tmp_path / "named"


@posix
def test_a_relative_cache_home_is_ignored(tmp_path, monkeypatch):
    """As its specification says."""
    monkeypatch.delenv("FOCALIS_CACHE_DIR", raising=False)
    monkeypatch.setattr("numba.config.CACHE_DIR", "")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.chdir(tmp_path)
    assert cache_directory() == tmp_path / "home" / ".cache" / "focalis"
    assert not (tmp_path / "here").exists()


@posix
def test_a_user_without_a_home(tmp_path, monkeypatch, said):
    def nobody(uid):
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for variable in ("FOCALIS_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("numba.config.CACHE_DIR", "")
    monkeypatch.setattr(sys, "platform", "linux")
    keep("kernel", b"code")
    assert kept("kernel") is None
    assert cache_directory() is None
    assert len(said()) == 1
    assert "home" in said()[0]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "focalis"


@posix
@pytest.mark.parametrize("umask", [0, 0o22, 0o777])
def test_what_is_made_is_the_users_alone(tmp_path, monkeypatch, no_umask, umask):
    os.umask(umask)
    name(monkeypatch, tmp_path / "deep" / "cache")
    keep("kernel", b"code")
    assert kept("kernel") == b"code"
    for folder in (tmp_path / "deep", tmp_path / "deep" / "cache"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_the_way(tmp_path, monkeypatch, said, below):
    """Nothing can be kept, as in a read-only home directory."""
    folder = tmp_path / "cache"
    folder.write_text("not a folder")
    name(monkeypatch, folder / below)
    keep("kernel", b"code")
    assert kept("kernel") is None
    assert folder.read_text() == "not a folder"
    assert len(said()) == 1
    assert str(folder) in said()[0]


@posix
@pytest.mark.skipif(IS_ROOT, reason="root may write anywhere")
def test_a_folder_that_is_read_only(tmp_path, monkeypatch, said):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o500)
    name(monkeypatch, folder)
    keep("kernel", b"code")
    assert not files(folder)
    assert len(said()) == 1


# Whose ------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path, monkeypatch, said, mode):
    """Code loaded from there would be theirs. A logger says so, once."""
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    name(monkeypatch, folder)
    for _ in range(3):
        keep("kernel", b"code")
        assert kept("kernel") is None
    assert not files(folder)
    assert len(said()) == 1
    assert f"others may write to {folder}" in said()[0]


@posix
@pytest.mark.parametrize("below", ["cache", "between/cache", "link"])
@pytest.mark.parametrize(
    ("above", "mode", "safe"),
    [(0o755, 0o777, False), (0o755, 0o770, False), (0o755, 0o1777, True), (0o700, 0o777, True)],
)
def test_others_may_not_write_above_the_folder(monkeypatch, below, above, mode, safe):
    """They could replace the folder, unless they may not move it or cannot reach it."""
    with tempfile.TemporaryDirectory() as top:
        shared, private = Path(top) / "shared", Path(top) / "private"
        shared.mkdir()
        if below == "link":
            private.mkdir(mode=0o700)
            (shared / "link").symlink_to(private)
        shared.chmod(mode)
        Path(top).chmod(above)
        name(monkeypatch, shared / below)
        place = private if below == "link" else shared / below
        assert cache_directory() == (place.resolve() if safe else None)
        assert safe or [*shared.iterdir()] == ([shared / "link"] if below == "link" else [])


@posix
@pytest.mark.parametrize("target", ["../theirs", "{top}/theirs", "theirs/../../theirs", "link"])
def test_links_are_followed_to_their_end(tmp_path, monkeypatch, said, target):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o777)
    (tmp_path / "ours").mkdir(mode=0o700)
    (tmp_path / "ours" / "link").symlink_to(target.format(top=tmp_path))
    (tmp_path / "ours" / "theirs").mkdir()
    name(monkeypatch, tmp_path / "ours" / "link")
    assert cache_directory() is None
    assert len(said()) == 1


@posix
@pytest.mark.skipif(not IS_ROOT, reason="only root makes what belongs to others")
def test_somebody_elses_link_is_not_followed(tmp_path, monkeypatch, said):
    """It may lead to one of the user's own folders that contains something of theirs."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    (tmp_path / "private").mkdir(mode=0o700)
    link = tmp_path / "shared" / "link"
    link.symlink_to(tmp_path / "private")
    name(monkeypatch, link / "cache")
    assert cache_directory() == tmp_path / "private" / "cache"
    os.lchown(link, SOMEBODY, SOMEBODY)
    assert cache_directory() is None
    assert said() == [m for m in said() if f"{link} belongs to another user" in m] != []


@posix
@pytest.mark.skipif(not IS_ROOT, reason="only root may")
def test_root_makes_nothing_in_a_users_home(tmp_path, monkeypatch, said):
    """The user could no longer write to it."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, SOMEBODY, SOMEBODY)
    monkeypatch.delenv("FOCALIS_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setattr("numba.config.CACHE_DIR", "")
    monkeypatch.setattr(sys, "platform", "linux")
    keep("kernel", b"code")
    assert [*home.iterdir()] == []
    assert "belongs to another user" in said()[0]


# In the middle of a compilation -----------------------------------------------------------------


@pytest.mark.slow
@posix
def test_a_fork_waits_for_a_compilation(tmp_path, expected):
    """The child would find the compiler's lock held by a thread that it does not have."""
    script = """
import os, threading, time
deep = threading.Event()
def then():
    deep.set()
    time.sleep(0.5)
thread = threading.Thread(target=call)
thread.start()
assert deep.wait(250)
child = os.fork()
if child == 0:
    os._exit(not call() > 0)
timer = threading.Timer(60, os.kill, (child, 9))
timer.start()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
timer.cancel()
thread.join()
"""
    ignore = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
    assert run(ignore + IN_THE_MIDDLE + script, tmp_path / "cache")[0] == "0"


@pytest.mark.slow
def test_an_interrupt_waits_for_a_compilation(tmp_path, expected):
    """In LLVM's callback it would be lost, and the compiled code with it."""
    script = """
import signal
def then():
    signal.raise_signal(signal.SIGINT)
try:
    call()
except KeyboardInterrupt:
    print("interrupted", call())
"""
    printed, error = run(IN_THE_MIDDLE + script, tmp_path / "cache")
    assert printed.startswith("interrupted")
    assert float(printed.split()[1]) == expected
    assert error == ""


def test_signals_are_kept_until_the_end():
    arrived = []
    before = signal.signal(signal.SIGINT, lambda *_: arrived.append("signal"))
    try:
        with undisturbed(threading.Lock()):
            signal.raise_signal(signal.SIGINT)
            arrived.append("end")
        assert arrived == ["end", "signal"]
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_a_compiler_that_is_switched_off_for_the_users_functions(tmp_path, expected):
    """NUMBA_DISABLE_JIT is for inspecting those, as coverage does."""
    script = """
import numba
@numba.njit
def users(x):
    return x
print(call(), type(users).__name__, numba.config.DISABLE_JIT)
"""
    value, kind, switch = run(script, tmp_path / "cache", NUMBA_DISABLE_JIT="1")[0].split()
    assert float(value) == expected
    assert (kind, switch) == ("function", "1")
