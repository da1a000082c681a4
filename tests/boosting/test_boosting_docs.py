"""What docs/boosting.md names exists; its programs are run in test_docs.py."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "boosting.md"


def test_the_scripts_and_examples_it_names_exist():
    text = PAGE.read_text("utf-8")
    scripts = re.findall(r"python -m benchmarks\.(\w+)", text)
    assert len(scripts) >= 3
    assert all((ROOT / "benchmarks" / f"{name}.py").is_file() for name in scripts)
    assert all((ROOT / path).is_file() for path in re.findall(r"`(examples/\w+\.py)`", text))


def test_the_trainings_on_a_cluster_are_those_of_the_example():
    """The page defines them; the example, which the tests run, calls them."""
    example = (ROOT / "examples" / "dask_cluster.py").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    (block,) = (block for block in blocks if "focalis.boosting.dask" in block)
    functions = [n for n in ast.parse(block).body if isinstance(n, ast.FunctionDef)]
    assert [f.name for f in functions] == ["train_xgboost", "train_lightgbm"]
    assert all(ast.get_source_segment(block, f) in example for f in functions)
