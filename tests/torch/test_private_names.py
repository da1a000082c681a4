"""PyTorch's private names are touched in one place only."""

import re
from pathlib import Path

import focalis.torch

FOLDER = Path(focalis.torch.__file__).parent
PRIVATE = re.compile(
    r"(?<!focalis\.)\btorch(\.\w+)*\._[a-zA-Z]|\bforward_ad\._\w|^from torch\S* import .*\b_\w",
    re.MULTILINE,
)


def test_private_names_of_pytorch_are_used_in_one_file():
    found = {
        path.name: PRIVATE.search(path.read_text("utf-8"))[0]
        for path in FOLDER.rglob("*.py")
        if PRIVATE.search(path.read_text("utf-8"))
    }
    assert found.keys() == {"_compat.py"}, found


def test_the_pattern_finds_them():
    for line in (
        "torch._C._len_torch_dispatch_stack()",
        "from torch._dynamo.trace_rules import lookup",
        "from torch.nn import _reduction",
        "forward_ad._current_level",
        "torch.utils._python_dispatch",
    ):
        assert PRIVATE.search(line), line
    for line in ("from torch.library import custom_op", "torch.nn.functional", "torch.func.grad"):
        assert not PRIVATE.search(line), line


def test_no_loss_of_the_core_is_written_to():
    for path in FOLDER.rglob("*.py"):
        assert not re.search(
            r"vars\(loss\)|object\.__setattr__|loss\.__dict__", path.read_text("utf-8")
        )


def test_arguments_are_replaced_as_old_compilers_can_trace():
    """PyTorch 2.4, the oldest supported, cannot trace ``_replace`` of a named tuple."""
    for path in FOLDER.rglob("*.py"):
        assert "._replace(" not in path.read_text("utf-8"), path.name
