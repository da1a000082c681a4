"""One work, one memory mode, one process: ``python -m benchmarks.timing WORK MODE``.

All competitors take turns, repetition after repetition, so that other load on the machine affects all of
them alike. Prints JSON: nanoseconds per logit of each competitor, one number per repetition.
"""

import argparse
import json
import math
import time

from benchmarks.competitors import COMPETITORS, Step, use_threads
from benchmarks.works import MODES, WORKS, Work

WARM_UP_CALLS = 3
SHORTEST_SECONDS = 2e-3
"""Calls shorter than this are timed several in a row."""

ESTIMATE_SECONDS = 0.05
"""How long a call is tried out, to find how many to time in a row."""

SETTLING_SECONDS = 0.03
"""How long a competitor runs before it is timed, unless a single call takes longer."""

AGREEMENT = 1e-3
"""The largest relative difference allowed between a competitor's loss and that of focalis."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=[work.name for work in WORKS])
    parser.add_argument("mode", choices=list(MODES))
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--repetitions", type=int, required=True)
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--quick", action="store_true")
    parsed = parser.parse_args()
    use_threads(parsed.threads)
    work = next(work for work in WORKS if work.name == parsed.work)
    names = [work.ours, *(against.competitor for against in work.against)]
    names = [name for name in names if name not in parsed.without]
    reuse = parsed.mode == "reused"
    print(json.dumps(measure(work, names, parsed.repetitions, reuse=reuse, quick=parsed.quick)))


def measure(
    work: Work, names: list[str], repetitions: int, *, reuse: bool, quick: bool
) -> dict[str, list[float]]:
    """Return nanoseconds per logit for each repetition of each competitor."""
    inputs = work.inputs(reuse=reuse, quick=quick)
    steps = {name: COMPETITORS[name].prepare(inputs) for name in names}
    check_agreement(work, steps)
    calls = {name: calls_in_a_row(step) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(repetitions):
        for name, step in steps.items():
            seconds = seconds_of(step, calls[name]) / calls[name]
            times[name].append(seconds * 1e9 / inputs.logits.size)
    return times


def check_agreement(work: Work, steps: dict[str, Step]) -> None:
    """Warm up, and raise if a competitor computes another loss."""
    values = {}
    for name, step in steps.items():
        for _ in range(WARM_UP_CALLS):
            values[name] = step()
    ours = values.pop(work.ours)
    if ours is None:
        return
    for name, value in values.items():
        if value is not None and not math.isclose(float(value), float(ours), rel_tol=AGREEMENT):
            raise ArithmeticError(f"{work.name}: {name} gives {value}, focalis {ours}")


def calls_in_a_row(step: Step) -> int:
    """Return how many calls in a row are long enough to time."""
    fastest, begin = math.inf, time.perf_counter()
    while time.perf_counter() - begin < ESTIMATE_SECONDS:
        start = time.perf_counter()
        step()
        fastest = min(fastest, time.perf_counter() - start)
    return math.ceil(SHORTEST_SECONDS / fastest)


def seconds_of(step: Step, calls: int) -> float:
    """Return the time of some calls, after others that settle caches and threads."""
    # OpenMP threads spin for milliseconds after a peer's call, on a core that the next one needs.
    begin = time.perf_counter()
    step()
    while time.perf_counter() - begin < SETTLING_SECONDS:
        step()
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
