"""What needs a separate process: memory, imports, first calls, and bit-identity over threads."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.competitors import COMPETITORS

MOST_EXTRA_MEMORY = 0.05
"""As a share of the gradient's size."""

MOST_BUFFERS = 1.05
"""As a multiple of the logits' size: the gradient and little more."""

MOST_IMPORT_RATIO = 1.3
MOST_FIRST_CALL_SECONDS = {"cold": 5.0, "warm": 1.0}
THREADS = (1, 2, 8)

TORCH_MEMORY = {
    "torch: sigmoid focal γ=2, 2^24": ("focalis.torch.sigmoid_focal_loss", "torchvision, eager"),
    "torch: cross-entropy 16384×1000": ("focalis.torch.cross_entropy", "F.cross_entropy, eager"),
    "torch: cross-entropy of segmentation (8, 21, 512, 512)": (
        "focalis.torch.cross_entropy",
        "F.cross_entropy, eager",
    ),
    "torch: BCE with logits, 2^24": (
        "focalis.torch.binary_cross_entropy_with_logits",
        "F.bce_with_logits, eager",
    ),
}
"""Works, and the competitors whose peak memory is measured on them."""

LOSSES = {"sigmoid": "focal(gamma=2, alpha=.25)", "softmax": "softmax_cross_entropy"}

DATA = """
import json, sys, time
import numpy as np
import focalis

def data(link, rows):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, 10), dtype=np.float32)
    y = (x > 1).astype(np.float32) if link == "sigmoid" else rng.integers(0, 10, rows)
    return x, y

link, loss, rows = sys.argv[1], focalis.parse(sys.argv[2]), int(sys.argv[3])
"""

RESIDENT = """
def resident(field):
    try:
        with open("/proc/self/status") as status:
            return next(int(s.split()[1]) for s in status if s.startswith(field)) * 1024
    except FileNotFoundError:
        return None

def forget_peak():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass

"""

MEMORY = (
    DATA
    + RESIDENT
    + """
import tracemalloc

loss.value_and_grad(*data(link, 100_000))
focalis.set_buffer_cache_limit(0)
x, y = data(link, rows)
tracemalloc.start()
value, grad = loss.value_and_grad(x, y)
traced = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
size = grad.nbytes
del grad
forget_peak()
before = resident("VmRSS")
value, grad = loss.value_and_grad(x, y)
after = resident("VmHWM")
seen = None if before is None else after - before
print(json.dumps({"gradient": size, "traced": traced, "resident": seen}))
"""
)

TORCH_PEAK = (
    RESIDENT
    + """
import dataclasses, sys
import focalis
from benchmarks.competitors import COMPETITORS
from benchmarks.works import WORKS

focalis.set_buffer_cache_limit(0)
name, competitor, size = sys.argv[1:]
work = next(work for work in WORKS if work.name == name)
prepare = COMPETITORS[competitor].prepare
small = dataclasses.replace(work, shape=(1 if len(work.shape) > 1 else 100_000, *work.shape[1:]))
prepare(small.inputs(reuse=False, quick=False))()
inputs = work.inputs(reuse=False, quick=size == "quick")
step = prepare(inputs)
forget_peak()
before = resident("VmRSS")
step()
print((resident("VmHWM") - before) / inputs.logits.nbytes)
"""
)

FIRST_CALL = """
x, y = data(link, rows)
start = time.perf_counter()
loss.value_and_grad(x, y)
print(time.perf_counter() - start)
"""

SAME_BITS = """
import hashlib
x, y = data(link, rows)
digests = []
for threads in json.loads(sys.argv[4]):
    focalis.set_num_threads(threads)
    value, grad = loss.value_and_grad(x, y)
    hess = loss.grad_and_hess(x, y)[1]
    bits = np.float64(value).tobytes() + grad.tobytes() + hess.tobytes()
    digests.append(hashlib.sha256(bits).hexdigest())
print(json.dumps(len(set(digests))))
"""

IMPORT = """
import time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Finding:
    """One line of the table: what was found, the bound, and whether it holds, or None without one."""

    what: str
    found: str
    asked: str
    kept: bool | None


def findings(*, quick: bool) -> Iterator[Finding]:
    """Measure everything that needs a separate process."""
    rows = 200_000 if quick else 2_000_000
    for link in LOSSES:
        yield memory(link, rows)
    yield from torch_memory(quick=quick)
    yield imports(5 if quick else 21)
    for link in LOSSES:
        yield from first_calls(link, 1 if quick else 3)
    for link in LOSSES:
        yield same_bits(link, rows // 2 + 7)


def memory(link: str, rows: int) -> Finding:
    found = json.loads(child(MEMORY, link, LOSSES[link], str(rows)))
    gradient = found["gradient"]
    extra = max(found["traced"], found["resident"] or 0) - gradient
    return Finding(
        f"peak memory of value_and_grad beyond the gradient, {LOSSES[link]}",
        f"{max(extra, 0) / 1e6:.2f} MB (the gradient: {gradient / 1e6:.0f} MB)",
        f"at most {MOST_EXTRA_MEMORY:.0%} of it",
        extra <= MOST_EXTRA_MEMORY * gradient,
    )


def torch_memory(*, quick: bool) -> Iterator[Finding]:
    """Measure forward and backward through autograd, for focalis and its peers."""
    for work, competitors in TORCH_MEMORY.items():
        for competitor in competitors:
            if COMPETITORS[competitor].missing():
                continue
            ours = competitor.startswith("focalis")
            buffers = float(child(TORCH_PEAK, work, competitor, "quick" if quick else "whole"))
            yield Finding(
                f"peak memory of forward + backward, {work}, {competitor}",
                f"{buffers:.2f} times the logits",
                f"at most {MOST_BUFFERS:g} times" if ours else "",
                buffers <= MOST_BUFFERS if ours else None,
            )


def imports(repetitions: int) -> Finding:
    seconds: dict[str, list[float]] = {"numpy": [], "focalis": []}
    # Installed packages come with bytecode; a source tree may be forbidden to write any.
    with tempfile.TemporaryDirectory() as directory:
        bytecode = {"PYTHONPYCACHEPREFIX": directory, "PYTHONDONTWRITEBYTECODE": ""}
        for _ in range(repetitions + 1):
            for module, times in seconds.items():
                times.append(float(child(IMPORT.format(module=module), environment=bytecode)))
    # The first import of each writes it.
    numpy, ours = seconds["numpy"][1:], seconds["focalis"][1:]
    ratio = statistics.median(b / a for a, b in zip(numpy, ours, strict=True))
    medians = statistics.median(ours) * 1e3, statistics.median(numpy) * 1e3
    return Finding(
        "import focalis, against import numpy",
        f"{medians[0]:.0f} ms, {medians[1]:.0f} ms: {ratio:.2f} ×",
        f"at most {MOST_IMPORT_RATIO} ×",
        ratio <= MOST_IMPORT_RATIO,
    )


def first_calls(link: str, repetitions: int) -> Iterator[Finding]:
    seconds: dict[str, list[float]] = {"cold": [], "warm": []}
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as directory:
            for times in seconds.values():
                environment = {"FOCALIS_CACHE_DIR": directory}
                script = DATA + FIRST_CALL
                text = child(script, link, LOSSES[link], "100", environment=environment)
                times.append(float(text))
    for cache, times in seconds.items():
        most = MOST_FIRST_CALL_SECONDS[cache]
        median = statistics.median(times)
        yield Finding(
            f"first call in a new process, {cache} cache, {LOSSES[link]}",
            f"{median:.2f} s",
            f"under {most:g} s",
            median < most,
        )


def same_bits(link: str, rows: int) -> Finding:
    threads = json.dumps(THREADS)
    different = json.loads(child(DATA + SAME_BITS, link, LOSSES[link], str(rows), threads))
    return Finding(
        f"results over {', '.join(map(str, THREADS))} threads, {LOSSES[link]}",
        "the same bits" if different == 1 else f"{different} different results",
        "the same bits",
        different == 1,
    )


def child(script: str, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a script in a new interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()
