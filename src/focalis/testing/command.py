"""The work of `focalis check`."""

import ast
import importlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

from focalis.catalogue.meanings import contradiction, with_settings
from focalis.catalogue.search import exactly, meant
from focalis.loss import Loss
from focalis.notation import read_call, write_call
from focalis.parsing import parse
from focalis.testing import Report, examine_loss


def examine(
    path: str,
    loss: str,
    options: Mapping[str, Any],
    arguments: Sequence[str],
    **how: Any,
) -> Report:
    """Examine the function at ``module:name`` as the loss named by a text and further options.

    `how` are further arguments of `focalis.testing.examine_loss`.
    """
    with redirect_stdout(sys.stderr):  # what the function prints is not part of the report
        function = find_function(path)
        return examine_loss(
            function,
            read_loss(loss, options),  # only now: the module may have defined a margin loss
            arguments=dict(map(_read_argument, arguments)),
            name=path,
            **how,
        )


def read_loss(text: str, options: Mapping[str, Any]) -> Loss:
    """Return the loss of a text form or, if its name has a dot, of a name in the catalogue.

    Raises
    ------
    ValueError
        If it is neither, the name has several meanings, its scores or targets differ in kind from those
        of a `Loss`, or an option contradicts the text.

    Examples
    --------
    >>> print(read_loss("torchvision.ops.sigmoid_focal_loss", {"gamma": 1.5}))
    focal(gamma=1.5, alpha=.25, reduction=none)
    """
    if "." not in text.partition("(")[0]:
        name, arguments = read_call(text)
        if problem := contradiction(arguments, options):
            raise ValueError(problem)
        return parse(write_call(name, {**arguments, **options}))
    found = exactly(text, meant(text))
    names = " or ".join(repr(entry.name) for entry, _ in found.meanings)
    if found.unknown_module:
        raise ValueError(f"{found.unknown_module} has no such name in the catalogue: try {names}")
    if len(found.meanings) > 1:
        raise ValueError(f"{text!r} has several meanings: expected {names}")
    ((entry, parameters),) = found.meanings
    if entry.scores or (entry.targets and entry.targets.meaning):
        raise ValueError(
            f"{entry.name} takes scores or targets of another kind: wrap it, and name the loss that it "
            f"amounts to, {entry.text!r}"
        )
    options = dict(options)
    reduction = options.pop("reduction", None)
    try:
        loss = entry.loss(**with_settings(entry, parameters, options, parameters))
    except ValueError as error:
        raise ValueError(f"{entry.name}: {error}") from error
    return loss if reduction is None else replace(loss, reduction=reduction)


def find_function(path: str) -> Any:
    """Return what ``module:name`` refers to; the module may be in the working directory."""
    module, separator, name = path.partition(":")
    if not module or not separator or not name:
        raise ValueError(f"expected MODULE:FUNCTION, got {path!r}")
    if "" not in sys.path:
        sys.path.append("")  # last, so that a torch.py there does not replace PyTorch
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(f"cannot import {module!r}: {type(error).__name__}: {error}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"there is no {part!r} in {found!r}")
        found = getattr(found, part)
    return found


def _read_argument(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not name.isidentifier() or not separator:
        raise ValueError(f"expected NAME=VALUE after --with, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        words = {"true": True, "false": False, "none": None}
        return name, words.get(value.lower(), value)
