"""What the repository promises besides its code: versions, contracts, commands."""

import re
import subprocess
import tomllib
from pathlib import Path

import focalis

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
GENERATED = re.compile(
    r"(^|/)(__pycache__|\.venv|build|dist|focalis-report|\.(hypothesis|\w+_cache))/"
    r"|\.(pyc|pyo|so|nbi|nbc)$|\.egg-info/|\.DS_Store$"
)


def text(*names):
    return ROOT.joinpath(*names).read_text("utf-8")


def tracked():
    """Return the files tracked by git; none outside a checkout."""
    if not (ROOT / ".git").exists():
        return []
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.rstrip("\0").split("\0")


def test_the_version_is_the_same_everywhere():
    assert PROJECT["version"] == focalis.__version__
    assert f"## [{focalis.__version__}]" in text("CHANGELOG.md")


def test_the_extras_that_are_spoken_of_exist():
    spoken = set()
    for name in ("README.md", "CONTRIBUTING.md", ".ci/run", "src/focalis/cli/main.py"):
        for names in re.findall(r"(?:\.|focalis)\[([\w,]+)\]", text(name)):
            spoken |= set(names.split(","))
    assert spoken == set(PROJECT["optional-dependencies"])


def test_nothing_generated_is_tracked():
    assert [name for name in tracked() if GENERATED.search(name)] == []
    assert GENERATED.search("src/focalis/__pycache__/loss.cpython-311.pyc")
    assert GENERATED.search("focalis-report/index.html")


def readme_commands():
    """Return the parts of the README's first two shell blocks: the main job, the tests."""
    first, second = re.findall(r"^```sh\n(.*?)^```$", text("README.md"), re.M | re.S)[:2]
    return [
        [part.strip().removeprefix("sudo ") for part in block.split("&&")]
        for block in (first, second)
    ]


def test_ci_runs_the_commands_of_the_readme():
    lines = [line.strip() for line in text(".ci", "run").splitlines()]
    done = [part.strip() for line in lines for part in line.split("&&")]
    for command in readme_commands():
        assert len(command) >= 4
        position = 0
        for part in command:
            # CI keeps its environments elsewhere.
            shape = re.escape(part).replace(r"\.venv", r'"?\$work/\w+') + '"?'
            found = [i for i, one in enumerate(done) if i >= position and re.fullmatch(shape, one)]
            assert found, f"{part!r} of the README is not in .ci/run, or too early"
            position = found[0]


def test_ci_runs_every_linter_of_pre_commit():
    entries = re.findall(r"entry: (.+)", text(".pre-commit-config.yaml"))
    lines = text(".ci", "run").splitlines()
    assert len(entries) == 4
    for entry in entries:
        tool = entry.replace(" --fix", "")
        assert any(line.startswith(tool) for line in lines), entry


def test_the_tested_torch_is_pinned():
    assert re.findall(r"^torch==(\S+)$", text("constraints.txt"), re.M) == ["2.13.0"]


def test_the_import_contract_knows_every_module_of_the_core():
    """The layers are exhaustive by construction; the list of what needs only NumPy is not."""
    contracts = text(".importlinter")
    part = contracts.split("[importlinter:contract:numpy-only]")[1].split("forbidden_modules")[0]
    listed = set(re.findall(r"^    focalis\.(\w+)", part, re.M))
    present = {path.stem for path in (ROOT / "src" / "focalis").glob("*.py")}
    present |= {path.parent.name for path in (ROOT / "src" / "focalis").glob("*/__init__.py")}
    assert listed == present - {
        "__init__",
        "__main__",
        "compare",
        "explore",
        "jax",
        "keras",
        "html",
        "plots",
        "sklearn",
        "testing",
        "torch",
    }
