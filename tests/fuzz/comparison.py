"""A comparison that is killed at random moments and resumed, against one that nobody disturbs.

``python -m tests.fuzz.comparison --rounds 20`` prints its seed.
"""

import argparse
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ARGUMENTS = [
    *("--target", "kind", "--model", "linear", "--losses", "focal(gamma=2)"),
    *("--folds", "2", "--repeats", "2", "--jobs", "1"),
]


def table(seed):
    numbers = random.Random(seed)
    rows = [(numbers.gauss(0, 1), numbers.gauss(0, 1)) for _ in range(80)]
    lines = [f"{x:.4f},{z:.4f},{'yes' if x + numbers.gauss(0, 1) > 0 else 'no'}" for x, z in rows]
    return "\n".join(["x,z,kind", *lines]) + "\n"


def start(folder, out, *more):
    command = [sys.executable, "-m", "focalis", "compare", "table.csv", *ARGUMENTS]
    return subprocess.Popen(
        [*command, "--out", out, *more],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process, seconds=600):
    said, _ = process.communicate(timeout=seconds)
    if process.returncode:
        raise AssertionError(f"exit code {process.returncode}: {said}")


def found(report):
    """Return the results, without the clock, and the names of the files."""

    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if k != "fit_seconds"}
        return [plain(v) for v in value] if isinstance(value, list) else value

    results = plain(json.loads((report / "results.json").read_text("utf-8")))
    return results, sorted(path.name for path in report.iterdir())


def kill_and_resume(folder, seed, most=20):
    """Return how often a comparison was killed, `most` times at most.

    Raise AssertionError unless its results are right.
    """
    numbers = random.Random(seed)
    folder = Path(folder)
    (folder / "table.csv").write_text(table(seed), "utf-8")
    began = time.monotonic()
    finish(start(folder, "whole"))
    length = time.monotonic() - began
    kills = 0
    while kills < most:
        process = start(folder, "killed", "--resume")
        try:
            finish(process, numbers.uniform(0.2, 1.1) * length)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
            process.communicate()
            kills += 1
    finish(start(folder, "killed", "--resume"))
    if found(folder / "whole") != found(folder / "killed"):
        raise AssertionError(f"seed {seed}: after {kills} kills the results are others")
    return kills


def main():
    parser = argparse.ArgumentParser("python -m tests.fuzz.comparison", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None, help="a random one, if not given")
    options = parser.parse_args()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    kills = 0
    for i in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            kills += kill_and_resume(folder, seed + i)
    print(f"{options.rounds} comparisons, {kills} kills")


if __name__ == "__main__":
    main()
