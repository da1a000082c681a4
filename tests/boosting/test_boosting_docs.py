"""What docs/boosting.md shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "boosting.md"
PRINTED = re.compile(r"^print\(.*\)  # (.+)$", re.MULTILINE)


def test_python_prints_what_its_comments_say(tmp_path):
    program = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = PRINTED.findall(program)
    assert expected
    assert done.stdout.splitlines() == expected


def test_the_scripts_and_examples_it_names_exist():
    text = PAGE.read_text("utf-8")
    root = PAGE.parents[1]
    scripts = re.findall(r"python -m benchmarks\.(\w+)", text)
    assert len(scripts) >= 3
    assert all((root / "benchmarks" / f"{name}.py").is_file() for name in scripts)
    assert all((root / path).is_file() for path in re.findall(r"`(examples/\w+\.py)`", text))
