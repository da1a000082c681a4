"""The command line, tested as a process."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import focalis
from focalis.cli.main import main

SOURCE = str(Path(focalis.__file__).parents[1])
FINAL = {"index.html", "predictions.parquet", "recipe.py", "results.json", "results.parquet"}


def focalis_process(*arguments, cwd, prelude=""):
    """Start `focalis ARGUMENTS` in a new process; `prelude` is Python to run first."""
    code = f"{prelude}\nfrom focalis.cli.main import main\nraise SystemExit(main())"
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": SOURCE, "COLUMNS": "200", "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def focalis_command(*arguments, cwd, prelude=""):
    """Run `focalis ARGUMENTS` until it exits."""
    process = focalis_process(*arguments, cwd=cwd, prelude=prelude)
    stdout, stderr = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.standard_normal(90)
    answer = np.where(x + 0.5 * generator.standard_normal(90) > 0.4, "yes", "no")
    answers = pl.Series(answer).to_list()
    answers[7] = None
    frame = pl.DataFrame(
        {"x": x, "name": [f"n{i}" for i in range(90)], "z": x**2, "answer": answers}
    )
    frame.write_csv(tmp_path / "table.csv")
    return tmp_path


QUICK = ("--folds", "2", "--repeats", "1", "--losses", "cross-entropy,poly1", "--model", "linear")


@pytest.mark.slow
def test_a_comparison_from_end_to_end(folder):
    done = focalis_command("compare", "table.csv", "--target", "answer", *QUICK, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "cross-entropy" in done.stdout
    assert "poly1(epsilon=1)" in done.stdout
    assert str(Path("focalis-report") / "index.html") in done.stdout
    assert "\x1b" not in done.stdout  # plain when piped
    assert {path.name for path in (folder / "focalis-report").iterdir()} == FINAL | {"run.json"}
    results = json.loads((folder / "focalis-report" / "results.json").read_text())
    assert results["verdict"] in " ".join(done.stdout.split())
    lines = done.stderr.splitlines()
    assert all(line.startswith("focalis compare: ") for line in lines)
    assert "focalis compare: table.csv: 89 rows, 3 features, 2 classes" in lines
    assert "focalis compare: rows left out because they have no target: 1" in lines
    assert re.search("the positive class is 'yes' .the rarer one; --positive chooses", done.stderr)
    assert "warning: column 'name' is unique in every row" in done.stderr


@pytest.mark.slow
def test_columns_may_be_dropped(folder):
    command = (
        "compare",
        "table.csv",
        "--target",
        "answer",
        *QUICK,
        "--drop",
        "name",
        "--drop",
        "z",
    )
    done = focalis_command(*command, cwd=folder)
    assert "table.csv: 89 rows, 1 features, 2 classes" in done.stderr
    assert "warning" not in done.stderr


@pytest.mark.slow
def test_a_report_that_is_there(folder):
    command = ("compare", "table.csv", "--target", "answer", *QUICK, "--out", "there")
    assert focalis_command(*command, cwd=folder).returncode == 0
    again = focalis_command(*command, cwd=folder)
    assert (again.returncode, again.stdout) == (2, "")
    assert "there already has a report" in again.stderr
    resumed = focalis_command(*command, "--resume", cwd=folder)
    assert resumed.returncode == 0
    assert "cross-entropy" in resumed.stdout
    assert focalis_command(*command, "--overwrite", cwd=folder).returncode == 0


SLOW = """
import time
from focalis.compare.progress import TerminalListener
TerminalListener.advanced = lambda self: time.sleep(0.5)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is of another kind")
def test_ctrl_c_ends_a_comparison_and_resume_goes_on(folder):
    command = ("compare", "table.csv", "--target", "answer", *QUICK, "--losses", "focal,poly1")
    process = focalis_process(*command, cwd=folder, prelude=SLOW)
    deadline = time.monotonic() + 120
    while not list(folder.glob("focalis-report/parts/*.json")):
        assert process.poll() is None, "it ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (130, "")
    assert re.search(r"\nfocalis compare: interrupted; [^\n]*--resume continues it\n$", stderr)
    assert all(line.startswith("focalis compare: ") for line in stderr.splitlines())
    resumed = focalis_command(*command, "--resume", cwd=folder)
    assert resumed.returncode == 0, resumed.stderr
    assert re.search(r"continuing a run with [1-3] of 12 fits", resumed.stderr)
    assert {path.name for path in (folder / "focalis-report").iterdir()} == FINAL | {"run.json"}


UNTRAINABLE = """
from focalis.sklearn import LinearClassifier
class LibraryError(Exception): pass
def fit(self, *ignored, **options):
    if str(self.loss) == "LOSS": raise LibraryError("Check failed:\\n x > 0")
    return fitted(self, *ignored, **options)
fitted, LinearClassifier.fit = LinearClassifier.fit, fit
import focalis.compare.protocol
focalis.compare.protocol.errors_of = lambda model: (LibraryError,)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "line"),
    [
        (
            "poly1(epsilon=1)",
            "warning: poly1(epsilon=1) failed in REPEAT: linear: Check failed: x > 0; the loss",
        ),
        (
            "cross_entropy",
            "error: cross-entropy failed in REPEAT: linear: Check failed: x > 0; finished",
        ),
    ],
)
def test_an_error_of_a_library_is_one_line_and_exit_code_1(folder, loss, line):
    command = ("compare", "table.csv", "--target", "answer", *QUICK, "--jobs", "1")
    done = focalis_command(*command, cwd=folder, prelude=UNTRAINABLE.replace("LOSS", loss))
    assert done.returncode == 1
    assert f"focalis compare: {line.replace('REPEAT', 'repeat 0, fold 0 (from 0)')}" in done.stderr
    assert all(line.startswith("focalis compare: ") for line in done.stderr.splitlines())
    assert ("cross-entropy" in done.stdout) == (loss != "cross_entropy")


INTERRUPTED_IN_AN_IMPORT = """
import sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "focalis.cli.main":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from focalis.__main__ import main
raise SystemExit(main())
"""


def test_ctrl_c_while_the_program_is_loaded_is_one_line(tmp_path):
    done = focalis_command("compare", cwd=tmp_path, prelude=INTERRUPTED_IN_AN_IMPORT)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "focalis: interrupted\n")


INTERRUPTED_AT_ONCE = """
import focalis.compare
def interrupt(*ignored):
    raise KeyboardInterrupt
focalis.compare.run = interrupt
"""


@pytest.mark.slow
def test_ctrl_c_before_anything_is_done_is_one_line(folder):
    done = focalis_command("compare", cwd=folder, prelude=INTERRUPTED_AT_ONCE)
    assert done.returncode == 130
    assert (done.stdout, done.stderr) == ("", "focalis compare: interrupted\n")


def program(*arguments, cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **environment):
    """Run `python -m focalis ARGUMENTS`, and return the exit code and what it wrote, as bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "focalis", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": SOURCE, "COLUMNS": "80", **environment},
        stdout=stdout,
        stderr=stderr,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


COMPARE = ("compare", "table.csv", "--target", "answer", *QUICK)


SLOW_COMPARE = pytest.param(COMPARE, marks=pytest.mark.slow)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("arguments", [(), ("--help",), ("--version",), ("list",), SLOW_COMPARE])
def test_a_full_disk_behind_standard_output_is_one_line(folder, arguments):
    with open("/dev/full", "wb") as full:
        code, _, stderr = program(*arguments, cwd=folder, stdout=full)
    assert code == 2
    lines = [line for line in stderr.decode().splitlines() if "error" in line]
    assert len(lines) == 1
    assert lines[0].endswith("error: cannot write to standard output: No space left on device")
    assert "Traceback" not in stderr.decode()
    assert "Exception" not in stderr.decode()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(COMPARE, 0, marks=pytest.mark.slow),
        (("compare", "none.csv"), 2),
        (("explain", "no such loss"), 2),
        (("--no",), 2),
    ],
    ids=str,
)
def test_a_full_disk_behind_standard_error_ends_nothing(folder, arguments, expected):
    with open("/dev/full", "wb") as full:
        code, stdout, _ = program(*arguments, cwd=folder, stderr=full)
    assert code == expected
    assert (b"report: " in stdout) == (expected == 0)


@pytest.mark.parametrize("arguments", [("explain", "sigmoid_focal"), ("list",), SLOW_COMPARE])
@pytest.mark.parametrize(
    "terminal", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=str
)
def test_a_terminal_that_knows_ascii_alone(folder, arguments, terminal):
    code, stdout, stderr = program(*arguments, cwd=folder, **terminal)
    assert code == 0, stderr
    assert stdout.isascii() or "PYTHONIOENCODING" not in terminal


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_file_name_of_any_bytes_moves_no_cursor(folder):
    """One that is not UTF-8 and contains an escape sequence, for the data and for the report."""
    name = os.fsdecode(b"bad\xff\x1b[31m\x07")
    (folder / "table.csv").rename(folder / f"{name}.csv")
    command = ("compare", f"{name}.csv", "--target", "answer", *QUICK, "--out", name)
    code, stdout, stderr = program(*command, cwd=folder)
    assert code == 0, stderr
    shown = rb"bad\udcff\x1b[31m\x07"
    assert shown + b".csv: 89 rows" in stderr
    assert shown + b"/index.html" in stdout
    texts = [
        (folder / name / one).read_bytes() for one in ("recipe.py", "results.json", "run.json")
    ]
    for text in (stdout, stderr, *texts):
        assert not re.search(rb"[\x1b\x07\xff]", text)
    code, _, stderr = program(*command, cwd=folder)
    assert code == 2
    assert re.fullmatch(rb"focalis compare: error: [ -~]+\n", stderr)
    (folder / "\x1b[2J.parquet").write_bytes(b"\x1b[2J")
    code, _, stderr = program("compare", "\x1b[2J.parquet", "--target", "answer", cwd=folder)
    assert code == 2
    assert re.fullmatch(rb"focalis compare: error: [ -~]+\n", stderr)


BAD = {
    "no file": (("nothing.csv", "--target", "y"), "no such file: nothing.csv"),
    "no table": (("page.html", "--target", "y"), "page.html is not a table"),
    "no target": (("table.csv",), "target: expected the name of the column"),
    "wrong target": (("table.csv", "--target", "anser"), "nearest is 'answer'"),
    "wrong drop": (("table.csv", "--target", "answer", "--drop", "nam"), "nearest is 'name'"),
    "wrong positive": (
        ("table.csv", "--target", "answer", "--positive", "jes"),
        "nearest is 'yes'",
    ),
    "many classes": (("many.csv", "--target", "y"), "at most 100 classes in column 'y', got 150"),
    "many folds": (("table.csv", "--target", "answer", "--folds", "40"), "would do"),
    "one fold": (("table.csv", "--target", "answer", "--folds", "1"), "folds: expected"),
    "half a fold": (("table.csv", "--target", "answer", "--folds", "x"), "--folds"),
    "unknown loss": (("--losses", "foca"), "did you mean 'focal'? (or a family: cross-entropy"),
    "empty name": (("--losses", "focal,,poly1"), "names separated by commas"),
    "out of range": (("--loss", "focal(gamma=-1)"), "gamma of focal must lie in [0, inf)"),
    "unknown model": (("--model", "forest"), "invalid choice: 'forest'"),
    "unknown option": (("--speed", "9"), "unrecognized arguments: --speed"),
    "contradiction": (("--resume", "--overwrite"), "not allowed with"),
    "group and time": (("table.csv", "--group", "a", "--time", "b"), "not allowed with"),
    "target without data": (("--target", "y"), "built-in digits"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line_and_exit_code_2(folder, kind, monkeypatch, capsys):
    arguments, message = BAD[kind]
    (folder / "page.html").write_text("<html>")
    pl.DataFrame({"x": [1, 2, 3] * 100, "y": list(range(150)) * 2}).write_csv(folder / "many.csv")
    before = sorted(folder.iterdir())
    monkeypatch.chdir(folder)
    try:
        code = main(["compare", *arguments])
    except SystemExit as end:  # from the parser of the arguments
        code = end.code
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert message in printed.err
    assert re.fullmatch(r"focalis compare: error: [^\n]+\n", printed.err)
    assert sorted(folder.iterdir()) == before


def test_an_unknown_command(tmp_path):
    done = focalis_command("compair", cwd=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"focalis: error: [^\n]*'compair'[^\n]*\n", done.stderr)


WITHOUT_EXTRAS = """
import importlib.util, sys
real = importlib.util.find_spec
class Blocked:
    names = {"lightgbm", "plotly", "polars", "rich", "scipy", "sklearn", "skrub"}
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
importlib.util.find_spec = lambda name, package=None: (
    None if name.split(".")[0] in Blocked.names else real(name, package)
)
"""


def test_it_explains_itself_without_the_optional_dependencies(tmp_path):
    def run(*arguments):
        return focalis_command(*arguments, cwd=tmp_path, prelude=WITHOUT_EXTRAS)

    version = run("--version")
    assert (version.returncode, version.stdout) == (0, f"focalis {focalis.__version__}\n")
    assert "compare" in run().stdout
    explained = run("compare", "--help")
    assert explained.returncode == 0
    assert "--target" in explained.stdout
    done = run("compare")
    assert done.returncode == 2
    assert re.fullmatch(
        r'focalis compare: error: [^\n]*pip install "focalis\[compare\]"\n', done.stderr
    )
    assert list(tmp_path.iterdir()) == []


def test_importing_focalis_loads_none_of_this(tmp_path):
    code = (
        "import sys, focalis; "
        "heavy = {'polars', 'sklearn', 'lightgbm', 'skrub', 'rich', 'plotly', 'scipy'}; "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in heavy "
        "or m.startswith('focalis.compare')))"
    )
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_python_dash_m(tmp_path):
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run(
        [sys.executable, "-m", "focalis", "--version"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"focalis {focalis.__version__}\n"
