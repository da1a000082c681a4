"""The commands check, plot and explore: their arguments, and what is said when something is wrong."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

__all__ = ["BAD_INPUT", "add_commands", "fail"]

BAD_INPUT = 2
_WRONG = 1

_CHECK_EXAMPLES = """\
examples:
  focalis check torchvision.ops:sigmoid_focal_loss --as sigmoid_focal --gamma 2 --alpha .25
  focalis check torch.nn.functional:cross_entropy --as softmax_cross_entropy --tolerance 10
  focalis check my_losses:bounded --as "softmax_bounded_cross_entropy(tau=.1)" --framework jax
"""
_CHECKS = (
    "extremes", "infinities", "random scores", "shapes", "parameters", "half types", "soft targets",
    "weights", "masks", "reductions", "empty batches", "NaN", "threads", "inputs",
)  # fmt: skip
_LOSS_OPTIONS = ("gamma", "alpha", "beta", "epsilon", "kappa")

_PLOT_EXAMPLES = """\
examples:
  focalis plot figure-1
  focalis plot margin cross-entropy "focal(gamma=2)" poly1 --out margin.svg
  focalis plot share --logits predictions.csv --out share.pdf
"""


def add_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the program."""
    _add_check(commands)
    _add_plot(commands)
    _add_explore(commands)


def fail(command: str, message: str) -> int:
    """Say in one line what is wrong, and return the exit code of bad input."""
    print(f"focalis {command}: error: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT


def _add_check(commands: argparse._SubParsersAction[Any]) -> None:
    parser = commands.add_parser(
        "check",
        help="is that implementation of a loss right?",
        description=(
            "Hold anyone's loss against its definition in sixty digits: values, gradients and "
            "Hessians at scores up to the ends of the type, half types, masks, weights, reductions, "
            "threads. The exit code is 1 if something is wrong, and 2 if nothing could be checked."
        ),
        epilog=_CHECK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_check, parser=parser)
    parser.add_argument(
        "function",
        metavar="MODULE:FUNCTION",
        help="takes logits and targets of NumPy, PyTorch or JAX and returns one number, or one for "
        "each row",
    )
    parser.add_argument(
        "--as",
        dest="loss",
        required=True,
        metavar="LOSS",
        help='what it should compute, such as "softmax_focal(gamma=3)", or a name with a dot of '
        "`focalis list`, such as torchvision.ops.sigmoid_focal_loss",
    )
    for name in _LOSS_OPTIONS:
        parser.add_argument(f"--{name}", type=float, metavar="X", help=f"{name} of the loss")
    parser.add_argument(
        "--reduction",
        choices=("mean", "sum", "none", "batchmean"),
        help="of a function that returns one number (default: mean)",
    )
    parser.add_argument(
        "--framework",
        choices=("auto", "numpy", "torch", "jax"),
        default="auto",
        help="whose arrays",
    )
    parser.add_argument(
        "--with",
        dest="arguments",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one more argument of the function; may be repeated",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="CHECK",
        help=f"one of {', '.join(_CHECKS)}; may be repeated",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1.0,
        metavar="X",
        help="how many times the permitted error passes (default: %(default)g)",
    )


def _check(parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("mpmath") is None:
        return fail("check", 'mpmath missing: pip install "focalis[check]"')
    from focalis.testing.command import examine

    options = {name: getattr(parsed, name) for name in (*_LOSS_OPTIONS, "reduction")}
    try:
        report = examine(
            parsed.function,
            parsed.loss,
            {name: value for name, value in options.items() if value is not None},
            framework=parsed.framework,
            arguments=parsed.arguments,
            checks=parsed.only,
            tolerance=parsed.tolerance,
        )
    except (ValueError, TypeError) as error:
        return fail("check", str(error))
    print(report)
    return 0 if report.ok else _WRONG


def _add_plot(commands: argparse._SubParsersAction[Any]) -> None:
    from focalis.plots.command import KINDS

    kinds = "\n".join(f"  {name:<11}{kind.title}" for name, kind in KINDS.items())
    parser = commands.add_parser(
        "plot",
        help="what does a loss look like?",
        description="Draw losses into a PNG, SVG or PDF file.",
        epilog=f"kinds:\n{kinds}\n\n{_PLOT_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_plot, parser=parser)
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=f"one of {', '.join(KINDS)}")
    parser.add_argument(
        "losses", nargs="*", metavar="LOSS", help='such as "focal(gamma=2)" (default: the paper\'s)'
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="ends in .png, .svg or .pdf (default: KIND.png)"
    )
    parser.add_argument(
        "--logits", type=Path, metavar="FILE", help="lines of a logit and its target, 0 or 1"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def _plot(parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("matplotlib") is None:
        return fail("plot", 'matplotlib missing: pip install "focalis[plots]"')
    from focalis.plots.command import plot

    out = parsed.out or Path(f"{parsed.kind}.png")
    try:
        plot(parsed.kind, parsed.losses, out, logits=parsed.logits, overwrite=parsed.overwrite)
    except (ValueError, TypeError) as error:
        return fail("plot", str(error))
    print(out)
    return 0


def _add_explore(commands: argparse._SubParsersAction[Any]) -> None:
    parser = commands.add_parser(
        "explore",
        help="losses, seen from every side, in the browser",
        description="Open a page with sliders, curves, gradients of your numbers and code to copy. It "
        "needs no network.",
    )
    parser.set_defaults(run=_explore, parser=parser)
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="modules with margin losses of your own"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the page there and open nothing"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def _explore(parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("plotly") is None:
        return fail("explore", 'plotly missing: pip install "focalis[explore]"')
    from focalis.explore.command import show

    try:
        path, opened = show(parsed.modules, parsed.out, overwrite=parsed.overwrite)
    except (ValueError, TypeError) as error:
        return fail("explore", str(error))
    if parsed.out is None and not opened:
        print("no browser opened; open it yourself:", file=sys.stderr)
    print(path)
    return 0
