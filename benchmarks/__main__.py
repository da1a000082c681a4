"""``python -m benchmarks``: measure, and print a Markdown table of ratios and bounds."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

import focalis
from benchmarks import machine, processes
from benchmarks.competitors import COMPETITORS
from benchmarks.works import MODES, QUICK_DIVISOR, WORKS, Against, Work

Times = dict[str, list[float]]

HEAD = (
    "work", "against",
    "as run: focalis", "as run: peer", "as run: ratio",
    "reused: focalis", "reused: peer", "reused: ratio",
    "asked", "",
)  # fmt: skip

EXPLANATION = """\
Loss + gradient, float32, nanoseconds per logit, medians of repetitions in which all take turns. "As
run": results are dropped between calls, as a training loop does. "Reused": everyone keeps their memory.
The ratio is the peer's time over focalis' where focalis must be that many times as fast, and the other
way round where focalis may take that many times the peer's time (≤)."""


def main() -> int:
    parsed = _arguments()
    for line in machine.description(parsed.threads):
        print(line)
    missing = {name: them for name, one in COMPETITORS.items() if (them := one.missing())}
    for name, needs in missing.items():
        print(f"- left out: {name} ({', '.join(needs)} not installed)")
    if parsed.quick:
        print(f"- a quick run, with {QUICK_DIVISOR} times fewer rows: it proves nothing")
    verdicts: list[bool] = []
    works = [w for w in WORKS if _wanted(w.name, parsed.only) and w.ours not in missing]
    if works:
        print(f"\n{EXPLANATION}\n")
        print(_row(HEAD))
        print(_row(["---", "---", *["---:"] * 6, "---", "---"]))
    for work in works:
        times = {mode: _measure(work, mode, list(missing), parsed) for mode in MODES}
        for against in work.against:
            if against.competitor not in missing:
                cells, kept = _judged(work, against, times)
                verdicts += kept
                print(_row(cells), flush=True)
    if _wanted("processes", parsed.only):
        print(f"\n{_row(('in a separate process', 'found', 'asked', ''))}")
        print(_row(["---"] * 4))
        for finding in processes.findings(quick=parsed.quick):
            verdict = "" if finding.kept is None else _word(finding.kept)
            verdicts += [] if finding.kept is None else [finding.kept]
            print(_row((finding.what, finding.found, finding.asked, verdict)), flush=True)
    print(f"\n{sum(verdicts)} of {len(verdicts)} bounds kept.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller and fewer, to try it out")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help='works whose name contains this, or "processes"; may be repeated',
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=focalis.get_num_threads(),
        metavar="N",
        help="for focalis and its peers (default: all cores, %(default)s here)",
    )
    parser.add_argument(
        "--repetitions", type=int, metavar="N", help="of each call (default: 21; quick: 3)"
    )
    parsed = parser.parse_args()
    if parsed.repetitions is None:
        parsed.repetitions = 3 if parsed.quick else 21
    names = [*(work.name for work in WORKS), "processes"]
    for text in parsed.only or ():
        if not any(text in name for name in names):
            parser.error(f"--only {text}: expected part of one of: {'; '.join(names)}")
    return parsed


def _wanted(name: str, only: list[str] | None) -> bool:
    return only is None or any(text in name for text in only)


def _measure(work: Work, mode: str, missing: list[str], parsed: argparse.Namespace) -> Times:
    """Measure a work in a separate process."""
    command = [sys.executable, "-m", "benchmarks.timing", work.name, mode]
    command += ["--threads", str(parsed.threads), "--repetitions", str(parsed.repetitions)]
    command += [f"--without={name}" for name in missing]
    command += ["--quick"] if parsed.quick else []
    done = subprocess.run(
        command,
        env={**os.environ, **MODES[mode]},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    times: Times = json.loads(done.stdout)
    return times


def _judged(work: Work, against: Against, times: dict[str, Times]) -> tuple[list[str], list[bool]]:
    cells = [work.name, against.competitor]
    asked, kept = [], []
    for mode in MODES:
        ours, peer = times[mode][work.ours], times[mode][against.competitor]
        most = against.at_most
        over, under = (peer, ours) if most is None else (ours, peer)
        ratio = statistics.median(a / b for a, b in zip(over, under, strict=True))
        cells += [_number(statistics.median(ours)), _number(statistics.median(peer))]
        cells += [f"{ratio:.2f} ×" if ratio < 10 else f"{ratio:.0f} ×"]
        for text, bound in _bounds(against, mode):
            asked.append(text)
            kept.append(ratio <= bound if most is not None else ratio >= bound)
    verdict = _word(all(kept)) if kept else ""
    return [*cells, ", ".join(asked), verdict], kept


def _bounds(against: Against, mode: str) -> Iterator[tuple[str, float]]:
    if mode == "as run":
        if against.at_most is not None:
            yield f"≤ {against.at_most:g} ×", against.at_most
        if against.at_least is not None:
            yield f"≥ {against.at_least:g} ×", against.at_least
    elif against.reused_at_least is not None:
        yield f"reused: ≥ {against.reused_at_least:g} ×", against.reused_at_least


def _number(nanoseconds: float) -> str:
    return f"{nanoseconds:.2f}" if nanoseconds < 100 else f"{nanoseconds:.0f}"


def _word(kept: bool) -> str:
    return "ok" if kept else "**short**"


def _row(cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"  # type: ignore[call-overload]


if __name__ == "__main__":
    raise SystemExit(main())
