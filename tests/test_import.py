"""What importing focalis loads, and where compiled kernels are kept."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from focalis.engines.kernel_cache import cache_directory

HEAVY = ("numba", "llvmlite", "torch", "scipy", "pandas", "polars", "plotly", "lightgbm", "sklearn")
HEAVY += ("xgboost", "catboost", "dask", "jax", "flax", "optax", "keras", "tensorflow")
FIRST_CALL = """
import numpy as np
from focalis import Loss, margin
x = np.linspace(-3, 3, 1001)
print(float(Loss("sigmoid", margin.focal(gamma=2.0))(x, np.ones_like(x), engine="numba")))
"""


def run(script, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def expected():
    import numpy as np

    from focalis import Loss, margin

    x = np.linspace(-3, 3, 1001)
    return float(Loss("sigmoid", margin.focal(gamma=2.0))(x, np.ones_like(x), engine="numpy"))


def check_works(folder):
    assert float(run(FIRST_CALL, FOCALIS_CACHE_DIR=str(folder))) == pytest.approx(expected(), 1e-13)


def files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_import_loads_numpy_only():
    script = f"import sys, focalis; print([m for m in {HEAVY} if m in sys.modules])"
    assert run(script) == "[]"


def test_objectives_load_no_booster():
    script = f"""
import sys
import focalis
from focalis.boosting import catboost, dask, lightgbm, xgboost
for module in (catboost, lightgbm, xgboost):
    module.objective(focalis.parse("focal")), module.metric(focalis.parse("focal"))
print([m for m in {HEAVY} if m in sys.modules])
"""
    assert run(script) == "[]"


def test_the_numpy_engine_loads_numpy_only():
    script = FIRST_CALL.replace('engine="numba"', 'engine="numpy"')
    script += f"\nimport sys; print([m for m in {HEAVY} if m in sys.modules])"
    assert run(script).splitlines()[1] == "[]"


def test_importing_starts_no_thread():
    assert run("import threading, focalis; print(threading.active_count())") == "1"


@pytest.mark.slow
def test_kernels_are_kept(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    check_works(folder)
    first = {path: path.stat().st_mtime_ns for path in files(folder)}
    assert first
    check_works(folder)
    assert {path: path.stat().st_mtime_ns for path in files(folder)} == first


@pytest.mark.slow
def test_a_missing_cache_directory_is_made_private(tmp_path):
    folder = tmp_path / "deep" / "cache"
    check_works(folder)
    if files(tmp_path) and os.name == "posix":
        assert not stat.S_IMODE(folder.stat().st_mode) & 0o022


@pytest.mark.slow
def test_a_cache_directory_that_is_a_file(tmp_path):
    """Nothing can be kept, as in a read-only home: compiled in memory, no error."""
    folder = tmp_path / "cache"
    folder.write_text("not a folder")
    check_works(folder)
    check_works(folder / "below")
    assert folder.read_text() == "not a folder"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="permissions of another kind")
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_cache_directory(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o500)
    check_works(folder)
    assert not files(folder)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="permissions of another kind")
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_directory_that_others_may_write_to_is_not_used(tmp_path, mode):
    """Code that is loaded from there would be theirs."""
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    check_works(folder)
    assert not files(folder)


@pytest.mark.skipif(os.name != "posix", reason="permissions of another kind")
@pytest.mark.parametrize("below", ["cache", "between/cache", "link"])
@pytest.mark.parametrize(
    ("above", "mode", "safe"),
    [(0o755, 0o777, False), (0o755, 0o770, False), (0o755, 0o1777, True), (0o700, 0o777, True)],
)
def test_others_may_not_write_above_the_directory(monkeypatch, below, above, mode, safe):
    """They could put a folder of theirs in its place, unless they may not move it or get there."""
    with tempfile.TemporaryDirectory() as top:
        shared = Path(top) / "shared"
        shared.mkdir()
        if below == "link":
            (Path(top) / "private").mkdir(mode=0o700)
            (shared / "link").symlink_to(Path(top) / "private")
        shared.chmod(mode)
        Path(top).chmod(above)
        monkeypatch.setenv("FOCALIS_CACHE_DIR", str(shared / below))
        assert cache_directory() == (shared / below if safe else None)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="permissions of another kind")
def test_a_link_into_such_a_directory_is_not_used(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o777)
    (tmp_path / "cache").symlink_to(theirs)
    check_works(tmp_path / "cache")
    assert not files(theirs)


@pytest.mark.slow
def test_source_cut_short_in_the_cache_does_no_harm(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    check_works(folder)
    sources = [path for path in files(folder) if path.suffix == ".py"]
    assert sources
    for path in sources:
        path.write_bytes(path.read_bytes()[:20])
    check_works(folder)


@pytest.mark.slow
def test_two_processes_may_fill_one_cache(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    command = [sys.executable, "-W", "error", "-c", FIRST_CALL]
    environment = {**os.environ, "FOCALIS_CACHE_DIR": str(folder)}
    children = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [child.communicate(timeout=300)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert len(set(answers)) == 1
    check_works(folder)


@pytest.mark.parametrize("flag", ["-O", "-OO"])
def test_without_docstrings_and_assertions(flag):
    done = subprocess.run(
        [sys.executable, flag, "-W", "error", "-c", FIRST_CALL],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(expected(), 1e-13)


def test_a_missing_engine_that_is_asked_for_raises(tmp_path):
    """And 'auto' does not hide it: nothing falls back in silence."""
    script = """
import sys
sys.modules["numba"] = None
import numpy as np
from focalis import Loss, margin
try:
    Loss("sigmoid", margin.focal(gamma=2.0))(np.zeros(3), np.ones(3), engine="numba")
except (ImportError, ValueError, RuntimeError) as error:
    print(type(error).__name__, error)
else:
    print("fell back")
"""
    assert "numba" in run(script)
