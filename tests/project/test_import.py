"""What importing focalis loads."""

import os
import subprocess
import sys

import pytest

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
    """And 'auto' does not hide it: there is no silent fallback."""
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
