"""``python -m benchmarks.boosting``: what an objective costs, per call and per training.

Calls take turns with their peers, and trainings take turns round by round with the library's own
objective, so that other load on the machine affects all alike. The ratio is the median over repetitions
for a call, and the ratio of the totals over the rounds for a training. All trainings of a case start
from logits of 0 and grow the same trees. XGBoost has a third, with an objective whose gradient is
computed before the clock starts: the cost of XGBoost's interface to any objective not built in.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import focalis
from benchmarks import machine
from benchmarks.processes import Finding, child
from benchmarks.timing import calls_in_a_row, seconds_of
from focalis import parse
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost

ALPHA, GAMMA = 0.25, 2.0
FOCAL = f"focal(gamma={GAMMA}, alpha={ALPHA})"
AT_LEAST_OVER_DIFFERENCES, AT_MOST_OVER_COPY = 40.0, 3.0
AT_MOST_BINARY, AT_MOST_MULTICLASS = 1.05, 1.15
FEATURES, CLASSES = 20, 10
SWEEP = 256_000_000
"""Bytes, more than any cache holds."""

MEMORY = """
import json, resource, sys, tracemalloc
import numpy as np
import focalis
from focalis.boosting import {library}

def resident(field):
    with open("/proc/self/status") as status:
        return next(int(s.split()[1]) for s in status if s.startswith(field)) * 1024

rows = int(sys.argv[1])
objective = {library}.objective(focalis.parse(sys.argv[2]))
scores = np.random.default_rng(0).standard_normal(rows, dtype=np.{dtype})
labels = (scores > 1).astype(np.float32)
objective(labels[:100_000], scores[:100_000])
focalis.set_buffer_cache_limit(0)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = resident("VmRSS")
grad, hess = objective(labels, scores)
print(json.dumps({{"extra": resident("VmHWM") - before, "arrays": grad.nbytes + hess.nbytes}}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boosting", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller and fewer, to try it out")
    parser.add_argument("--threads", type=int, default=focalis.get_num_threads())
    parser.add_argument("--rounds", type=int, help="of a training (default: 100; quick: 3)")
    parser.add_argument("--only", choices=("calls", "trainings", "memory"))
    parsed = parser.parse_args()
    parsed.rounds = parsed.rounds or (3 if parsed.quick else 100)
    focalis.set_num_threads(parsed.threads)
    rows = 50_000 if parsed.quick else 1_000_000
    for line in machine.description(parsed.threads):
        print(line)
    print(f"- {rows} rows, {FEATURES} features, {parsed.rounds} rounds\n")
    print("| work | found | asked | |\n| --- | --- | --- | --- |")
    works = {
        "calls": lambda: calls(rows, 5 if parsed.quick else 21),
        "trainings": lambda: trainings(rows, parsed),
        "memory": lambda: memory(10 * rows),
    }
    for name, work in works.items():
        if parsed.only in (None, name):
            for one in work():
                verdict = ("ok" if one.kept else "**short**") if one.asked else ""
                print(f"| {one.what} | {one.found} | {one.asked} | {verdict} |", flush=True)
    return 0


def calls(rows: int, repetitions: int) -> Iterator[Finding]:
    """Compare one call with finite differences and with a copy of its bytes.

    The copy reads and writes as many bytes as the call must: scores and labels, gradient and Hessian.
    In training a booster touches much else between two rounds, so both are also timed after a sweep over
    memory, which leaves none of their arrays in the caches.
    """
    modules: dict[str, tuple[Any, Any]] = {
        "XGBoost's float32": (for_xgboost, np.float32),
        "LightGBM's float64": (for_lightgbm, np.float64),
    }
    other = np.ones(SWEEP // 4, np.float32)
    for name, (module, dtype) in modules.items():
        rng = np.random.default_rng(0)
        scores = rng.standard_normal(rows).astype(dtype)
        labels = (rng.random(rows) < 0.1).astype(np.float32)
        objective = module.objective(parse(FOCAL))
        results = objective(labels, scores)
        moved = sum(array.nbytes for array in (scores, labels, *results))
        source = np.ones(moved // 8, np.float32)
        target = np.zeros_like(source)
        target[:] = source
        steps: dict[str, Callable[[], Any]] = {
            "ours": lambda o=objective, y=labels, x=scores: o(y, x),
            "differences": lambda y=labels, x=scores: by_differences(y, x),
            "copy": lambda a=source, b=target: np.copyto(b, a),
        }
        check(results, by_differences(labels, scores.astype(np.float64)))
        del results  # as a round does
        counts = {name: calls_in_a_row(step) for name, step in steps.items()}
        warm: dict[str, list[float]] = {name: [] for name in steps}
        cold: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(repetitions):
            for key, step in steps.items():
                warm[key].append(seconds_of(step, counts[key]) / counts[key])
                other += 1.0
                begin = time.perf_counter()
                step()
                cold[key].append(time.perf_counter() - begin)
        ours, over = against(warm["ours"], warm["differences"])
        yield Finding(
            f"one call, {name}, against finite differences",
            f"{ours:.2f} ms, {1 / over:.0f} × as fast",
            f"at least {AT_LEAST_OVER_DIFFERENCES:.0f} ×",
            1 / over >= AT_LEAST_OVER_DIFFERENCES,
        )
        for where, times in (("in the cache", warm), ("in memory", cold)):
            ours, ratio = against(times["ours"], times["copy"])
            yield Finding(
                f"one call, {name}, {where}, against a copy that moves the same {moved / 1e6:.0f} MB",
                f"{ours:.2f} ms, {statistics.median(times['copy']) * 1e3:.2f} ms: {ratio:.1f} ×",
                f"at most {AT_MOST_OVER_COPY:.0f} ×",
                ratio <= AT_MOST_OVER_COPY,
            )


def against(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """Return our time in milliseconds, and its ratio to theirs."""
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return statistics.median(ours) * 1e3, ratio


def by_differences(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and Hessian by the usual recipe: six evaluations of the loss."""

    def loss(x: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-x))
        weight = ALPHA * labels + (1 - ALPHA) * (1 - labels)
        truth = labels * p + (1 - labels) * (1 - p)
        return -weight * (1 - truth) ** GAMMA * (labels * np.log(p) + (1 - labels) * np.log(1 - p))

    def derivative(order: int, step: float) -> np.ndarray:
        behind, here, ahead = (loss(scores + k * step) for k in (-1, 0, 1))
        return (
            (ahead - behind) / (2 * step) if order == 1 else (ahead - 2 * here + behind) / step**2
        )

    return derivative(1, 1e-4), derivative(2, 1e-4)


def check(ours: Any, theirs: Any) -> None:
    for a, b in zip(ours, theirs, strict=True):
        if not np.allclose(a, np.maximum(b, 0.0) if b is theirs[1] else b, atol=1e-4):
            raise ArithmeticError("the objectives differ")


def trainings(rows: int, parsed: argparse.Namespace) -> Iterator[Finding]:
    """Compare whole trainings, round by round in turn."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((rows, FEATURES)).astype(np.float32)
    signal = features[:, 0] + features[:, 1] * features[:, 2]
    binary = (signal + rng.standard_normal(rows) > 2).astype(np.float32)
    edges = np.quantile(signal, np.linspace(0, 1, CLASSES + 1)[1:-1])
    classes = np.digitize(signal, edges).astype(np.float32)
    cases = (
        ("binary", binary, AT_MOST_BINARY),
        (f"{CLASSES} classes", classes, AT_MOST_MULTICLASS),
    )
    for case, labels, most in cases:
        for library, start in (("LightGBM", lightgbm_rounds), ("XGBoost", xgboost_rounds)):
            steps = start(features, labels, case == "binary", parsed.threads)
            # The first round of each builds its histograms, and loads or compiles the kernels.
            for ready in steps.values():
                ready(0)()
            seconds = dict.fromkeys(steps, 0.0)
            # Rounds affect the next one, so all orders take turns.
            turns = itertools.cycle(itertools.permutations(steps.items()))
            for i, turn in zip(range(1, parsed.rounds + 1), turns, strict=False):
                for name, ready in turn:
                    step = ready(i)
                    begin = time.perf_counter()
                    step()
                    seconds[name] += time.perf_counter() - begin
            native = seconds["native"]
            ratio = seconds["ours"] / native
            yield Finding(
                f"{library}, {case}, {parsed.rounds} rounds, against its own objective",
                f"{seconds['ours']:.1f} s, {native:.1f} s: {ratio:.3f} ×",
                f"at most {most} ×",
                ratio <= most,
            )
            if "free" in seconds:
                free = seconds["free"]
                yield Finding(
                    f"of which {library}'s own hand-over: an objective that costs nothing",
                    f"{free:.1f} s, {native:.1f} s: {free / native:.3f} ×",
                    "",
                    True,
                )


# Prepares a round, and returns the part to time.
Ready = Callable[[int], Callable[[], Any]]


def lightgbm_rounds(features: Any, labels: Any, binary: bool, threads: int) -> dict[str, Ready]:
    import lightgbm

    loss = parse("cross_entropy", link="sigmoid" if binary else "softmax")
    name = "binary" if binary else "multiclass"
    shared = {
        "num_threads": threads,
        "verbosity": -1,
        "num_class": 1 if binary else CLASSES,
        "boost_from_average": False,
    }
    data = lightgbm.Dataset(features, labels, params={**shared, "objective": name}).construct()
    native = lightgbm.Booster({**shared, "objective": name}, data)
    custom = lightgbm.Booster({**shared, "objective": "none"}, data)
    objective = for_lightgbm.objective(loss)
    return {
        "native": lambda i: native.update,
        "ours": lambda i: partial(custom.update, fobj=objective),
    }


def xgboost_rounds(features: Any, labels: Any, binary: bool, threads: int) -> dict[str, Ready]:
    import xgboost

    loss = parse("cross_entropy", link="sigmoid" if binary else "softmax")
    shared: dict[str, Any] = {"nthread": threads, "tree_method": "hist"}
    if not binary:
        shared["num_class"] = CLASSES
    data = xgboost.DMatrix(features, labels, nthread=threads)
    own = {"objective": "binary:logistic" if binary else "multi:softprob", "base_score": 0.5}
    native = xgboost.Booster({**shared, **own}, [data])
    # The logit of a probability of .5 is 0; a custom objective's base_score is a logit.
    custom, free = (xgboost.Booster({**shared, "base_score": 0.0}, [data]) for _ in range(2))
    objective = for_xgboost.objective(loss)

    def ready_free(i: int) -> Callable[[], Any]:
        found = objective(free.predict(data, output_margin=True, training=True), data)
        return partial(free.update, data, i, fobj=lambda scores, data: found)

    return {
        "native": lambda i: partial(native.update, data, i),
        "ours": lambda i: partial(custom.update, data, i, fobj=objective),
        "free": ready_free,
    }


def memory(rows: int) -> Iterator[Finding]:
    """Measure the peak of one call beyond the two arrays it returns."""
    for library, dtype in (("xgboost", "float32"), ("lightgbm", "float64")):
        script = MEMORY.format(library=library, dtype=dtype)
        child(script, str(rows), FOCAL)  # compiling needs extra memory, once
        found = json.loads(child(script, str(rows), FOCAL))
        beyond = found["extra"] - found["arrays"]
        yield Finding(
            f"peak memory of one call on {rows} rows beyond the arrays it returns, {library}",
            f"{max(beyond, 0) / 1e6:.1f} MB (the arrays: {found['arrays'] / 1e6:.0f} MB)",
            "at most 5% of them",
            beyond <= 0.05 * found["arrays"],
        )


if __name__ == "__main__":
    raise SystemExit(main())
