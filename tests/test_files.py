"""Files that are there in full or not at all."""

import signal
import subprocess
import sys

import pytest

from focalis.files import write_whole

KILLED = """\
import os, pathlib, signal, sys
import focalis.files
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
focalis.files.write_whole(pathlib.Path(sys.argv[1]), b"half")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no process can be killed so")
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "a[1].html"
    killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    others = [".a[1].html.1.tmp", ".a1.html.999999999.tmp", ".a[1].html.old.tmp", "a[1].html.3.tmp"]
    for name in others:  # of a process that lives, of another file, of other programs
        (tmp_path / name).write_bytes(b"")
    write_whole(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert not left.exists()
    assert {one.name for one in tmp_path.iterdir()} == {path.name, *others}
