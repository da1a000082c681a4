"""What the documents show is what happens."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from focalis import Loss

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md")
PAGES = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
PRINTED = re.compile(r"^\s*print\(.*\)  # (.+)$", re.MULTILINE)


def blocks(document, language):
    """Return the fenced blocks in a language."""
    text = (ROOT / document).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(*command, cwd=ROOT):
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


IN_NUMPY = """\
import focalis.loss
assert focalis.loss._AUTO == "numba"
focalis.loss._AUTO = "numpy"
"""
"""What most documents run after: they show numbers that all engines share, each with kernels of its
own to compile. The README, CONTRIBUTING and the pages of the front ends run as a user runs them."""


def in_numpy(page):
    return page not in DOCUMENTS and "frameworks" not in Path(page).parts


PROGRAMS = [*DOCUMENTS, *(page for page in PAGES if blocks(page, "python"))]


@pytest.mark.slow
@pytest.mark.parametrize("document", PROGRAMS)
def test_python_prints_what_its_comments_say(document, tmp_path):
    """A document's blocks are one program; the comment after a print is what it prints."""
    program = "\n".join(blocks(document, "python"))
    expected = PRINTED.findall(program)
    assert expected
    assert len(expected) == program.count("print(")
    if in_numpy(document):
        program = IN_NUMPY + program
    # A margin loss defined there must not end up in the tests' registry.
    printed = run(sys.executable, "-W", "error", "-c", program, cwd=tmp_path).splitlines()
    assert printed == expected


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell is what the blocks are for")
def test_there_are_programs_to_run():
    assert len(PROGRAMS) >= 10


@pytest.mark.parametrize("document", [*DOCUMENTS, *(p for p in PAGES if blocks(p, "sh"))])
def test_shell_blocks_parse(document):
    scripts = blocks(document, "sh")
    assert scripts
    for script in scripts:
        run("bash", "-n", "-c", script)


HELP = {
    "focalis compare": ("focalis", "compare", "--help"),
    "focalis explain": ("focalis", "explain", "--help"),
    "focalis list": ("focalis", "list", "--help"),
    "python -m benchmarks": ("benchmarks", "--help"),
}


@pytest.mark.parametrize("program", HELP)
def test_the_options_that_shell_blocks_use_exist(program):
    text = run(sys.executable, "-m", *HELP[program])
    documents = (*DOCUMENTS, *PAGES)
    lines = [line for d in documents for b in blocks(d, "sh") for line in b.splitlines()]
    commands = [part.strip() for line in lines for part in line.split("&&")]
    commands = [shlex.split(command) for command in commands if command.startswith(program)]
    assert commands
    known = set(re.findall(r"--[a-z-]+", text))
    used = {word for command in commands for word in command if word.startswith("--")}
    assert used <= known


def test_the_options_that_the_readme_explains_exist():
    known = set(re.findall(r"--[a-z]+", run(sys.executable, "-m", "focalis", "compare", "--help")))
    section = (ROOT / "README.md").read_text("utf-8").split("## Compare")[1].split("\n## ")[0]
    used = set(re.findall(r"--[a-z]+", section))
    assert used <= known
    assert known - used <= {"--help", "--jobs"}


def test_the_readme_names_every_setting_of_loss_and_every_margin_loss():
    from focalis.margin import FAMILIES

    text = (ROOT / "README.md").read_text("utf-8")
    settings = {"alpha", "pos_weight", "class_weight", "label_smoothing", "positives"}
    settings |= {"ignore_index", "reduction"}
    assert settings <= set(Loss.__dataclass_fields__)
    own = [name for name, one in FAMILIES.items() if one.__module__ == "focalis.margin"]
    for name in [*settings, *own]:
        assert f"`{name}" in text, name


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(document):
    text = (ROOT / document).read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        assert (ROOT / path).is_file(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text("utf-8"), re.MULTILINE)
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_the_walk_through_is_the_example():
    """CONTRIBUTING shows the function in examples/own_margin_loss.py."""
    example = (ROOT / "examples" / "own_margin_loss.py").read_text("utf-8")
    function = blocks("CONTRIBUTING.md", "python")[0].split("\n\n\n")[1].strip()
    assert function.startswith("@margin_loss")
    assert function in example


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run(example):
    output = run(sys.executable, "-W", "error", str(ROOT / "examples" / example))
    assert output
    if example == "own_margin_loss.py":
        assert "its posterior: 0.25" in output.splitlines()
        assert "it starts from: -1.386" in output.splitlines()  # p = 0.2 balances .25 and .75


@pytest.mark.slow
def test_the_benchmark_prints_a_table():
    """One small workload; peers that are not installed are left out by name."""
    arguments = ("--quick", "--repetitions", "1", "--only", "one call")
    lines = run(sys.executable, "-m", "benchmarks", *arguments).splitlines()
    assert any(line.startswith("| work | against |") for line in lines)
    rows = [line for line in lines if line.startswith("| softmax cross-entropy 32×10")]
    left_out = [line for line in lines if line.startswith("- left out: F.cross_entropy, eager")]
    assert len(rows) + len(left_out) == 1
    assert re.fullmatch(r"\d of \d bounds kept\.", lines[-1])
