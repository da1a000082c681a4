"""The command: it draws cases until time is up, in a process whose death is noticed."""

import argparse
import faulthandler
import mmap
import os
import secrets
import struct
import sys
import time
import traceback
import warnings

MOST_FAILURES = 20


def read(arguments):
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="a random one, if not given")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--cases", type=int, default=None, help="how many at most")
    parser.add_argument("--engine", choices=("numpy", "numba"), help="one of the two")
    parser.add_argument("--bounds", action="store_true", help="let Numba check every index")
    return parser.parse_args(arguments)


class Tally:
    """How far a run has got, in memory that outlives the process that writes it."""

    _FORM = struct.Struct("qqq")

    def __init__(self, first):
        self._memory = mmap.mmap(-1, self._FORM.size)
        self.set(first, 0, 0)

    def set(self, case, numbers, failures):
        self._FORM.pack_into(self._memory, 0, case, numbers, failures)

    def get(self):
        return self._FORM.unpack_from(self._memory)


def run(options, tally, end):
    """Run cases from where the tally is."""
    from .cases import ENGINES, Case
    from .refusals import refusals

    engines = ENGINES if options.engine is None else (options.engine,)
    warnings.simplefilter("error")
    number, numbers, failures = tally.get()
    last = None if options.cases is None else options.first + options.cases
    while time.monotonic() < end and number != last and failures < MOST_FAILURES:
        tally.set(number, numbers, failures)
        case = None
        try:
            case = Case(options.seed, number)
            case.check(engines)
            if number % 5 == 0:
                refusals(case, engines)
        except Exception as error:
            failures += 1
            print(
                f"case {number}, seed {options.seed}: {case}\n    {type(error).__name__}: {error}"
            )
            if type(error).__name__ != "WrongResultError":
                traceback.print_exc()
        numbers += 0 if case is None else case.x.array.size
        number += 1
        tally.set(number, numbers, failures)


def run_guarded(options, tally, end):
    """Do the same in children, and continue after one that dies."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        faulthandler.enable()
        code = 1
        try:
            run(options, tally, end)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    number, numbers, failures = tally.get()
    if code < 0:
        print(f"case {number}, seed {options.seed}: the process died of signal {-code}")
        tally.set(number + 1, numbers, failures + 1)
        if failures + 1 < MOST_FAILURES:
            run_guarded(options, tally, end)
    elif code:
        tally.set(number, numbers, failures + 1)


def main(arguments=None):
    options = read(arguments)
    if options.seed is None:
        options.seed = secrets.randbits(32)
    if options.bounds:
        os.environ["NUMBA_BOUNDSCHECK"] = "1"
    from . import refusals  # noqa: F401  # import what is slow before the clock starts

    print(f"seed {options.seed}", flush=True)
    tally, end = Tally(options.first), time.monotonic() + options.seconds
    (run_guarded if hasattr(os, "fork") else run)(options, tally, end)
    number, numbers, failures = tally.get()
    print(f"{number - options.first:,} cases, {numbers:,} numbers, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
