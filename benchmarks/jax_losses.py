"""``python -m benchmarks.jax_losses``: focalis.jax against optax, value and gradient under ``jax.jit``.

Nanoseconds per logit, float32, on the CPU: medians of repetitions in which both take turns, and the
median of the ratios. Results are dropped between calls, as a training loop does; the time that takes is
not counted.
"""

import argparse
import importlib.metadata
import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import focalis.jax
from benchmarks import machine

QUICK_DIVISOR = 64
AGREEMENT = 1e-4
SETTLING_SECONDS = 0.02
"""How long to wait, untimed, for a result's memory to be freed."""


class Work(NamedTuple):
    """What is measured, and how many times as fast focalis must be, if there is a bound."""

    name: str
    shape: tuple[int, int]
    labels: Callable[[Any, tuple[int, int]], Any]
    ours: Callable[[Any, Any], Any]
    theirs: Callable[[Any, Any], Any]
    at_least: float | None = None


def answers(key: Any, shape: tuple[int, int]) -> Any:
    return jax.random.bernoulli(key, 0.1, shape).astype(jnp.float32)


def classes(key: Any, shape: tuple[int, int]) -> Any:
    return jax.random.randint(key, shape[:1], 0, shape[1])


def one_hot(key: Any, shape: tuple[int, int]) -> Any:
    return jax.nn.one_hot(classes(key, shape), shape[1])


def works() -> Iterator[Work]:
    for gamma, bound in ((2.0, 2.5), (1.5, None)):
        settings = {"alpha": 0.25, "gamma": gamma}
        yield Work(
            f"sigmoid focal loss, γ = {gamma:g}, 2^24",
            (1 << 24, 1),
            answers,
            lambda x, y, settings=settings: focalis.jax.sigmoid_focal_loss(x, y, **settings),
            lambda x, y, settings=settings: optax.sigmoid_focal_loss(x, y, **settings),
            bound,
        )
    yield Work(
        "sigmoid cross-entropy, 2^24",
        (1 << 24, 1),
        answers,
        focalis.jax.sigmoid_binary_cross_entropy,
        optax.sigmoid_binary_cross_entropy,
    )
    for rows, columns, bound in ((16384, 1000, 1.0), (1 << 20, 10, None)):
        yield Work(
            f"softmax cross-entropy, class indices, {rows}×{columns}",
            (rows, columns),
            classes,
            focalis.jax.softmax_cross_entropy_with_integer_labels,
            optax.softmax_cross_entropy_with_integer_labels,
            bound,
        )
    yield Work(
        "softmax cross-entropy, a number per class, 16384×1000",
        (16384, 1000),
        one_hot,
        focalis.jax.softmax_cross_entropy,
        optax.softmax_cross_entropy,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jax_losses", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows, to try it out")
    parser.add_argument("--only", metavar="NAME", default="", help="works whose name contains this")
    parser.add_argument("--repetitions", type=int, metavar="N", default=15)
    parsed = parser.parse_args()
    for line in machine.description(os.cpu_count() or 1):
        print(line)
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("jax", "jaxlib", "optax")]
    print(f"- {', '.join(versions)}")
    if parsed.quick:
        print(f"- a quick run, with {QUICK_DIVISOR} times fewer rows: it proves nothing")
    print("\n| value and gradient under jit | focalis.jax | optax | ratio | asked | |")
    print("| --- | ---: | ---: | ---: | --- | --- |")
    for work in works():
        if parsed.only in work.name:
            divisor = QUICK_DIVISOR if parsed.quick else 1
            print(measured(work, divisor, parsed.repetitions), flush=True)
    return 0


def measured(work: Work, divisor: int, repetitions: int) -> str:
    """Return a row of the table."""
    rows, columns = work.shape
    shape = (rows // divisor, columns)
    keys = jax.random.split(jax.random.key(0))
    x = 3.0 * jax.random.normal(keys[0], shape)
    y = work.labels(keys[1], shape)
    steps = [jax.jit(jax.value_and_grad(mean_of(f))) for f in (work.ours, work.theirs)]
    values = [float(jax.block_until_ready(step(x, y))[0]) for step in steps]
    if abs(values[0] - values[1]) > AGREEMENT * abs(values[1]):
        raise ArithmeticError(f"{work.name}: optax gives {values[1]}, focalis {values[0]}")
    times: list[list[float]] = [[], []]
    for _ in range(repetitions):
        for step, found in zip(steps, times, strict=True):
            start = time.perf_counter()
            result = jax.block_until_ready(step(x, y))
            found.append((time.perf_counter() - start) * 1e9 / x.size)
            # JAX frees memory at once or in a separate thread, alongside whatever runs next.
            del result
            time.sleep(SETTLING_SECONDS)
    ours, theirs = map(statistics.median, times)
    ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
    cells = [work.name, f"{ours:.2f}", f"{theirs:.2f}", f"{ratio:.2f} ×"]
    if work.at_least is None:
        return f"| {' | '.join(cells)} | | |"
    verdict = "ok" if ratio >= work.at_least else "**short**"
    return f"| {' | '.join(cells)} | ≥ {work.at_least:g} × | {verdict} |"


def mean_of(f: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: f(x, y).mean()


if __name__ == "__main__":
    raise SystemExit(main())
