"""``python -m benchmarks.keras_losses``: focalis.keras against Keras' own losses, on each backend.

Speed: value and gradient of the binary focal loss from logits, compiled by each backend's compiler, and
on torch also uncompiled. Both take turns in one process. Accuracy: how many results of the focal losses
from logits are not finite or wrong, for logits up to ±1e30, against 50 digits of mpmath.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.machine import description

BACKENDS = ("tensorflow", "jax", "torch")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}
BOUND = 1.5
"""How many times as fast as Keras' own the compiled loss must be."""

SIGMOID_GAMMAS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
SOFTMAX_GAMMAS = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)
MAGNITUDES = (
    1e-3, 0.1, 0.5, 1.0, 2.0, 3.5, 5.0, 7.0, 10.0, 13.0, 16.0, 17.5, 20.0, 30.0, 40.0, 60.0, 80.0,
    88.0, 104.0, 1e4, 1e30,
)  # fmt: skip
SIGMOID_LOGITS = (0.0, *MAGNITUDES, *(-x for x in MAGNITUDES))
ROWS = (
    (0, 0, 0, 0), (1, 2, 3, 4), (1e-3, 0, -1e-3, 0), (5, -5, 0, 0), (10, 0, 1, -10), (16.5, 0, 1, 0),
    (17.5, -17.5, 0, 1), (20, 0, 0, 0), (30, -30, 0, 1), (40, 39, 0, 1), (60, 60, 59, -1),
    (80, 0, -80, 1), (88, -88, 3, 2), (100, 99, -100, 0), (104, 0, 0, 0), (-104, 0, 1, 2),
    (350, -350, 340, 0), (700, -10, 0, 690), (-750, 0, 1, 1), (1e4, 1e4, 9999, 0), (1e8, 0, 0, 1e8),
    (1e30, -1e30, 0, 1), (1e30, 1e30, 0, 0), (-1e30, 0, 1, 2),
)  # fmt: skip
SIGMOID_TOLERANCE, SOFTMAX_TOLERANCE = 1e-4, 1e-3
SMALLEST = 1e-33
"""A true number below this counts as 0: TensorFlow and XLA flush subnormal numbers to 0."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keras_losses", description=__doc__)
    parser.add_argument("--logits", type=int, default=2**24, help="how many logits are timed")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="only this one")
    parser.add_argument("--only", choices=("speed", "accuracy"))
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.in_process:
        print(json.dumps(measure(parsed)))
        return 0
    results = {name: run_for(name, parsed) for name in parsed.backend or BACKENDS}
    print("\n".join(description(os.cpu_count() or 1)))
    if parsed.only != "accuracy":
        return print_speed(results, parsed.logits) | print_accuracy(results, parsed.only)
    return print_accuracy(results, parsed.only)


def run_for(backend: str, parsed: argparse.Namespace) -> dict[str, Any]:
    """Measure in a separate process, since Keras has one backend per process."""
    command = [sys.executable, "-m", "benchmarks.keras_losses", "--in-process"]
    command += [f"--logits={parsed.logits}", f"--repetitions={parsed.repetitions}"]
    command += [f"--only={parsed.only}"] if parsed.only else []
    environment = {**os.environ, **QUIET, "KERAS_BACKEND": backend}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(parsed: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if parsed.only != "accuracy":
        found["speed"] = speed(parsed.logits, parsed.repetitions)
    if parsed.only != "speed":
        found["accuracy"] = accuracy()
    return found


def print_speed(results: dict[str, Any], n: int) -> int:
    print(f"\nBinary focal loss, γ = 2, from logits, value + gradient, {n} float32 logits.\n")
    print("| ns per logit | focalis | Keras | × |")
    print("| --- | ---: | ---: | ---: |")
    kept = True
    for backend, found in results.items():
        for mode, (ours, theirs) in found["speed"].items():
            ratio = theirs / ours
            kept &= ratio >= BOUND
            print(f"| {backend}, {mode} | {ours:.2f} | {theirs:.2f} | {ratio:.1f} |")
    print(f"\nAt least {BOUND} × Keras' own: {'kept' if kept else 'NOT kept'}.")
    return 0 if kept else 1


def print_accuracy(results: dict[str, Any], only: str | None) -> int:
    if only == "speed":
        return 0
    sigmoid = len(SIGMOID_LOGITS) * 2 * len(SIGMOID_GAMMAS)
    softmax = len(ROWS) * 4 * len(SOFTMAX_GAMMAS)
    print("\nFocal losses from logits, float32, value and gradient: not finite / wrong.\n")
    print(f"| | sigmoid, {sigmoid} cases | softmax, {softmax} cases |")
    print("| --- | ---: | ---: |")
    clean = True
    for backend, found in results.items():
        for name, counts in found["accuracy"].items():
            cells = " | ".join(f"{bad} / {wrong}" for bad, wrong in counts)
            print(f"| {name}, {backend} | {cells} |")
            clean &= name != "focalis" or not any(map(sum, counts))
    return 0 if clean else 1


def speed(n: int, repetitions: int) -> dict[str, tuple[float, float]]:
    """Return nanoseconds per logit, for focalis and Keras, in each mode."""
    import keras

    import focalis.keras

    rng = np.random.default_rng(0)
    shape = (n // 64, 64)
    x = (rng.normal(size=shape) * 3).astype("float32")
    y = (rng.uniform(size=shape) < 0.1).astype("float32")
    settings = {"gamma": 2.0, "from_logits": True}
    losses = [m.BinaryFocalCrossentropy(**settings) for m in (focalis.keras, keras.losses)]
    modes = {"jit_compile": True}
    if keras.config.backend() == "torch":
        modes = {"torch.compile": True, "eager": False}
    return {
        mode: timed([step(loss, x, y, compiled) for loss in losses], x.size, repetitions)
        for mode, compiled in modes.items()
    }


def timed(steps: list[Callable[[], float]], n: int, repetitions: int) -> Any:
    values = [step() for step in steps]
    if not np.isclose(*values, rtol=1e-3):
        raise ArithmeticError(f"focalis gives {values[0]}, Keras {values[1]}")
    times: list[list[float]] = [[] for _ in steps]
    for _ in range(repetitions):
        for step, seconds in zip(steps, times, strict=True):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
    return tuple(statistics.median(seconds) * 1e9 / n for seconds in times)


def step(loss: Any, x: np.ndarray, y: np.ndarray, compiled: bool) -> Callable[[], float]:
    """Return a function that computes value and gradient, waits for both and returns the value."""
    both, scores, targets = prepared(loss, x, y, compiled)
    return lambda: float(both(scores, targets)[0])


def prepared(loss: Any, x: np.ndarray, y: np.ndarray, compiled: bool) -> tuple[Any, Any, Any]:
    """Return a function of scores and targets that gives value and gradient, and both as tensors."""
    import keras

    match keras.config.backend():
        case "tensorflow":
            import tensorflow as tf

            @tf.function(jit_compile=compiled)
            def in_graph(x: Any, y: Any) -> Any:
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    value = loss(y, x)
                return value, tape.gradient(value, x)

            return in_graph, tf.constant(x), tf.constant(y)
        case "jax":
            import jax

            def of_scores(x: Any, y: Any) -> Any:
                return loss(y, x).sum()

            run = jax.jit(jax.value_and_grad(of_scores))
            return lambda *a: jax.block_until_ready(run(*a)), jax.numpy.array(x), jax.numpy.array(y)
    import torch

    call = torch.compile(loss) if compiled else loss

    def run_torch(x: Any, y: Any) -> Any:
        value = call(y, x)
        return value.detach(), torch.autograd.grad(value.sum(), x)[0]

    return run_torch, torch.tensor(x, requires_grad=True), torch.tensor(y)


def accuracy() -> dict[str, list[tuple[int, int]]]:
    """Return how many cases are not finite and how many wrong, for the sigmoid and the softmax."""
    import keras

    import focalis.keras

    return {
        name: [
            judged(sigmoid_cases(), "BinaryFocalCrossentropy", {}, module, SIGMOID_TOLERANCE),
            judged(
                softmax_cases(),
                "CategoricalFocalCrossentropy",
                {"alpha": 1.0},
                module,
                SOFTMAX_TOLERANCE,
            ),
        ]
        for name, module in (("focalis", focalis.keras), ("Keras", keras.losses))
    }


Case = tuple[float, np.ndarray, np.ndarray, list[Any]]
"""γ, scores, targets, and the true numbers of each row: value and gradient."""


def sigmoid_cases() -> Iterator[Case]:
    x = np.repeat(np.float32(SIGMOID_LOGITS), 2)[:, None]
    y = np.tile(np.float32([0, 1]), len(SIGMOID_LOGITS))[:, None]
    for gamma in SIGMOID_GAMMAS:
        true = []
        for logit, positive in zip(x[:, 0], y[:, 0], strict=True):
            sign = 1 if positive else -1
            value, slope = focal(sign * number(logit), gamma)
            true.append((value, sign * slope))
        yield gamma, x, y, true


def softmax_cases() -> Iterator[Case]:
    x = np.repeat(np.float32(ROWS), 4, axis=0)
    labels = np.tile(np.arange(4), len(ROWS))
    for gamma in SOFTMAX_GAMMAS:
        true = []
        for row, label in zip(x, labels, strict=True):
            others = [number(z) for j, z in enumerate(row) if j != label]
            top = max(others)
            rest = top + mpmath().log(mpmath().fsum(mpmath().exp(z - top) for z in others))
            value, slope = focal(number(row[label]) - rest, gamma)
            shares = [mpmath().exp(number(z) - rest) for z in row]
            grad = [slope if j == label else -slope * r for j, r in enumerate(shares)]
            true.append((value, *grad))
        yield gamma, x, np.eye(4, dtype=np.float32)[labels], true


def mpmath() -> Any:
    import mpmath

    mpmath.mp.dps = 50
    return mpmath


def number(x: Any) -> Any:
    return mpmath().mpf(float(x))


def focal(m: Any, gamma: float) -> tuple[Any, Any]:
    """Return the focal loss of a margin by definition, and its derivative."""
    exp, log1p = mpmath().exp, mpmath().log1p
    u = -log1p(exp(-m)) if m > 0 else m - log1p(exp(m))
    v = u - m
    q_to_gamma = exp(gamma * v)
    return -q_to_gamma * u, q_to_gamma * (gamma * exp(u) * u - exp(v))


def judged(
    cases: Iterator[Case], name: str, settings: dict[str, Any], module: Any, tolerance: float
) -> tuple[int, int]:
    not_finite = wrong = 0
    for gamma, x, y, true in cases:
        loss = getattr(module, name)(gamma=gamma, from_logits=True, reduction=None, **settings)
        both, scores, targets = prepared(summed(loss), x, y, compiled=False)
        grad = np.asarray(both(scores, targets)[1])
        value = loss(y, x)
        value = np.asarray(value.detach() if hasattr(value, "detach") else value)
        for got, expected in zip(np.column_stack([value, grad]), true, strict=True):
            if not np.isfinite(got).all():
                not_finite += 1
            elif any(is_wrong(a, b, tolerance) for a, b in zip(got, expected, strict=True)):
                wrong += 1
    return not_finite, wrong


def summed(loss: Any) -> Callable[[Any, Any], Any]:
    """Return the sum of the samples' losses, whose gradient holds that of each."""
    import keras

    return lambda y, x: keras.ops.sum(loss(y, x))


def is_wrong(got: Any, true: Any, tolerance: float) -> bool:
    return bool(abs(number(got) - true) > tolerance * max(abs(true), SMALLEST))


if __name__ == "__main__":
    sys.exit(main())
