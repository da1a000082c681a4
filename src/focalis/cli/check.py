"""``focalis check``: its arguments, and its messages when something is wrong."""

from __future__ import annotations

import argparse
import importlib.util
from typing import Any

from focalis.cli.console import fail, say
from focalis.margin import FAMILIES

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
# The parameters of the margin losses, and α.
_LOSS_OPTIONS = tuple(
    dict.fromkeys((*(p for family in FAMILIES.values() for p in family.ranges), "alpha"))
)


def add_check(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = commands.add_parser(
        "check",
        help="check whether an implementation of a loss is right",
        description=(
            "Compare any implementation of a loss with its definition in sixty digits: values, "
            "gradients and Hessians at scores up to the limits of the type, half types, masks, "
            "weights, reductions, threads. The exit code is 1 if something is wrong, and 2 if nothing "
            "could be checked."
        ),
        epilog=_CHECK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_check, parser=parser)
    parser.add_argument(
        "function",
        metavar="MODULE:FUNCTION",
        help="takes logits and targets as arrays of NumPy, PyTorch or JAX, and returns one number, or "
        "one per row",
    )
    parser.add_argument(
        "--as",
        dest="loss",
        required=True,
        metavar="LOSS",
        help='what it should compute, such as "softmax_focal(gamma=3)", or a name with a dot from '
        "`focalis list`, such as torchvision.ops.sigmoid_focal_loss",
    )
    for name in _LOSS_OPTIONS:
        parser.add_argument(f"--{name}", type=float, metavar="X", help=f"{name} of the loss")
    parser.add_argument(
        "--reduction",
        choices=("mean", "sum", "none", "batchmean"),
        help="how a function that returns one number reduces (default: mean)",
    )
    parser.add_argument(
        "--framework",
        choices=("auto", "numpy", "torch", "jax"),
        default="auto",
        help="the framework whose arrays the function takes",
    )
    parser.add_argument(
        "--with",
        dest="arguments",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a further argument of the function; may be repeated",
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--only",
        action="append",
        metavar="CHECK",
        help=f"one of {', '.join(_CHECKS)}; may be repeated",
    )
    chosen.add_argument(
        "--skip",
        action="append",
        default=[],
        metavar="CHECK",
        help="leave out this check, if the function differs on purpose; may be repeated",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1.0,
        metavar="X",
        help="accept this multiple of the permitted error (default: %(default)g)",
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
            parsed.arguments,
            framework=parsed.framework,
            checks=parsed.only,
            skip=parsed.skip,
            tolerance=parsed.tolerance,
        )
        say(str(report))
    except (ValueError, TypeError) as error:
        return fail("check", str(error))
    return 0 if report.ok else _WRONG
