"""focalis check: what it prints, and its exit codes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import focalis
from focalis.cli.main import main
from focalis.testing import CHECKS
from focalis.testing.command import read_loss

SOURCE = str(Path(focalis.__file__).parents[1])
MODULE = """
import numpy as np
from focalis.margin import margin_loss

@margin_loss(tau="(0, inf)")
def twice(m, u, v, p, q, tau=2.0):
    return -tau * u, -tau * q, tau * p * q

def doubled(x, y, from_logits=False):
    if not from_logits:
        raise ValueError("expected logits")
    z = np.where(y == 1, x, -x)
    return 2 * (np.maximum(-z, 0) + np.log1p(np.exp(-np.abs(z))))

def usual(x, y):
    p = 1 / (1 + np.exp(-x))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))
"""


def check(folder, *arguments, prelude=""):
    (folder / "losses_of_mine.py").write_text(MODULE)
    code = f"{prelude}\nfrom focalis.cli.main import main\nraise SystemExit(main())"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, "check", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": SOURCE, "PYTHONUTF8": "1", "COLUMNS": "200"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


def test_a_right_one(tmp_path):
    arguments = ("--as", "twice", "--with", "from_logits=true", "--only", "extremes")
    done = check(tmp_path, "losses_of_mine:doubled", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("losses_of_mine:doubled: nothing wrong found on these inputs.\n")
    assert "\nextremes  values, float32" in done.stdout


@pytest.mark.slow
def test_a_wrong_one(tmp_path):
    done = check(tmp_path, "losses_of_mine:usual", "--as", "sigmoid cross-entropy")
    assert (done.returncode, done.stderr) == (1, "")
    assert "WRONG values, float32: " in done.stdout
    assert re.search(r"\n  score -?[\d.]+, target [01]: got \S+, true [\d.e-]+; is ", done.stdout)


def test_names_of_the_catalogue():
    named = read_loss("torchvision.ops.sigmoid_focal_loss", {"gamma": 3.0, "alpha": 0.5})
    assert str(named) == "focal(gamma=3, alpha=.5, reduction=none)"
    named = read_loss("keras.losses.BinaryFocalCrossentropy(from_logits=True)", {})
    assert named.link == "sigmoid"
    with pytest.raises(ValueError, match="takes scores or targets of another kind"):
        read_loss("torch.nn.SoftMarginLoss", {})
    with pytest.raises(ValueError, match=r"BCEWithLogitsLoss: it has no parameter for gamma"):
        read_loss("torch.nn.BCEWithLogitsLoss", {"gamma": 2.0})
    with pytest.raises(ValueError, match="several meanings"):
        read_loss("MONAI.FocalLoss", {})


def test_a_full_name_is_one_loss():
    assert read_loss("monai.losses.FocalLoss", {}).link == "sigmoid"
    assert read_loss("monai.losses.FocalLoss(use_softmax=True)", {}).link == "softmax"
    assert read_loss("torchvision.ops.sigmoid_focal_loss", {"reduction": "sum"}).reduction == "sum"
    with pytest.raises(ValueError, match="takes scores or targets of another kind"):
        read_loss("keras.losses.CategoricalCrossentropy", {})
    with pytest.raises(ValueError, match=r"paddle\.nn has no such name in the catalogue: try "):
        read_loss("paddle.nn.BCEWithLogitsLoss", {})


@pytest.mark.parametrize("text", ["focal(gamma=3)", "torchvision.ops.sigmoid_focal_loss(gamma=3)"])
def test_a_parameter_is_given_once(text):
    assert read_loss(text, {"gamma": 3.0, "alpha": 0.5}).alpha == 0.5
    with pytest.raises(ValueError, match="gamma is given twice, as 3 and as 2"):
        read_loss(text, {"gamma": 2.0})


@pytest.mark.slow
def test_what_the_function_prints_is_no_part_of_the_report(tmp_path):
    loud = MODULE + "\ndef loud(x, y):\n    print('LOUD')\n    return doubled(x, y, True)\n"
    (tmp_path / "loud_losses.py").write_text(loud)
    done = check(tmp_path, "loud_losses:loud", "--as", "twice", "--only", "extremes")
    assert "LOUD" not in done.stdout
    assert "LOUD" in done.stderr
    assert done.returncode == 0


def test_the_help_names_the_checks(capsys):
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert f"one of {', '.join(CHECKS)};" in told


BAD = {
    "ends the program": (("leaving:usual", "--as", "focal"), "SystemExit: 0"),
    "nothing checked": (
        ("losses_of_mine:usual", "--as", "cross_entropy", "--only", "masks"),
        "nothing could be checked: the function has no such argument",
    ),
    "no function": (("losses_of_mine", "--as", "focal"), "expected MODULE:FUNCTION"),
    "no module": (("losses_of_yours:usual", "--as", "focal"), "cannot import 'losses_of_yours'"),
    "not in the module": (("losses_of_mine:unusual", "--as", "focal"), "there is no 'unusual'"),
    "unknown loss": (("losses_of_mine:usual", "--as", "foca"), "did you mean 'focal'?"),
    "out of range": (("losses_of_mine:usual", "--as", "focal", "--gamma", "-1"), "gamma of focal"),
    "unknown check": (("losses_of_mine:usual", "--as", "focal", "--only", "all"), "checks must"),
    "no loss": (("losses_of_mine:usual",), "--as"),
    "argument": (("losses_of_mine:usual", "--as", "focal", "--with", "x"), "NAME=VALUE"),
    "cannot be called": (("losses_of_mine:doubled", "--as", "focal"), "expected logits"),
    "not a parameter": (
        ("losses_of_mine:usual", "--as", "cross_entropy", "--gamma", "2"),
        "unknown parameter 'gamma'",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys, kind):
    arguments, message = BAD[kind]
    (tmp_path / "losses_of_mine.py").write_text(MODULE)
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        code = main(["check", *arguments])
    except SystemExit as ended:
        code = ended.code
    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert message in told.err
    assert re.fullmatch(r"focalis check: error: [^\n]+\n", told.err)


WITHOUT_MPMATH = """
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: (
    None if name == "mpmath" else real(name, package)
)
"""


def test_without_mpmath_it_says_how_to_get_it(tmp_path):
    arguments = ("losses_of_mine:usual", "--as", "focal")
    done = check(tmp_path, *arguments, prelude=WITHOUT_MPMATH)
    assert done.returncode == 2
    assert done.stderr == 'focalis check: error: mpmath missing: pip install "focalis[check]"\n'


@pytest.mark.slow
def test_the_table_of_the_document_is_printed(tmp_path):
    """Only for this package's losses: those of other packages are not installed here."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.checked", "--only", "focalis.torch.sigmoid"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": SOURCE, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| `")]
    assert len(rows) == 1
    cells = [cell.strip() for cell in rows[0].strip("|").split("|")]
    assert cells[2] == "0 of 172"
    assert not any("*" in cell for cell in cells)
    document = (root / "docs" / "checked.md").read_text("utf-8")
    assert rows[0] in document


@pytest.mark.parametrize(
    "find", ["find_function('losses_of_mine:usual')", "_margin_losses('losses_of_mine')"]
)
def test_a_module_in_the_working_directory_shadows_no_installed_one(tmp_path, find):
    """focalis imports NumPy, torch and others only after putting the directory on the path."""
    (tmp_path / "losses_of_mine.py").write_text(MODULE + "\nimport colorsys\n")
    (tmp_path / "colorsys.py").write_text("raise SystemExit('this one runs')")
    code = f"""
import sys
sys.path[:] = [one for one in sys.path if one]  # as the program starts, and `python -c` does not
from focalis.explore.command import _margin_losses
from focalis.testing.command import find_function
{find}
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
