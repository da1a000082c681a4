"""Is that implementation right? Anyone's loss against the definition, in sixty digits.

`check_loss` is for a test, `examine_loss` for the report; `focalis check` is the same as a command. It
needs mpmath: ``pip install "focalis[check]"``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from focalis.loss import Loss
from focalis.testing.checks import CHECKS
from focalis.testing.report import Failure, Finding, Report
from focalis.testing.subject import Subject

__all__ = ["CHECKS", "Failure", "Finding", "Report", "check_loss", "examine_loss"]


def examine_loss(
    function: Callable[..., Any],
    loss: Loss,
    *,
    framework: str = "auto",
    checks: Sequence[str] | None = None,
    arguments: Mapping[str, Any] | None = None,
    tolerance: float = 1.0,
    name: str | None = None,
) -> Report:
    """Hold an implementation of a loss against its definition.

    Parameters
    ----------
    function : callable
        Takes logits and targets, in this order unless its first argument is called ``y_true``,
        ``targets`` or ``labels``, and returns one number or one for each row. On NumPy arrays it may
        return value and gradient, or value, gradient and Hessian, or be an object with the methods
        of `Loss`. What of the loss's parameters and settings it has as arguments of the same names
        (``gamma``, ``alpha``, ``reduction``, ``sample_weight``, ``where``, ``ignore_index`` …) is
        handed to it and varied.
    loss : Loss
        What it should compute. Its reduction counts where the function returns one number.
    framework : {"auto", "numpy", "torch", "jax"}, default "auto"
        Whose arrays the function takes; "auto" tries those that are loaded, NumPy's first, and looks
        at what comes back.
    checks : sequence of str, optional
        Some of `CHECKS`; all if not given.
    arguments : mapping, optional
        More arguments by name, such as ``{"from_logits": True}``.
    tolerance : float, default 1.0
        How many times the permitted error passes; see `focalis.testing.criterion`.
    name : str, optional
        What the report calls the function.

    Returns
    -------
    Report
        Its text lists what was looked at and, for what is wrong, the smallest failing input with the
        true number.

    Raises
    ------
    ValueError, TypeError
        If the function cannot be called on logits and targets in any of the frameworks, or an
        argument is not one of those.

    Examples
    --------
    >>> import numpy as np
    >>> from focalis import Loss, margin
    >>> def usual(logits, targets):
    ...     p = 1 / (1 + np.exp(-logits))
    ...     return -(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    >>> report = examine_loss(usual, Loss("sigmoid", margin.cross_entropy()))
    >>> report.ok
    False
    >>> print(report.findings[0].failures[0])
    score 5, target 1: got 0.0067153242, true 0.00671534848912; is 3.611 times the permitted error off
    """
    unknown = [check for check in checks or () if check not in CHECKS]
    if unknown:
        raise ValueError(f"checks must be among {', '.join(CHECKS)}, got {unknown[0]!r}")
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a focalis.Loss, got {type(loss).__name__}")
    if not tolerance > 0:
        raise ValueError(f"tolerance must be above 0, got {tolerance!r}")
    with np.errstate(all="ignore"):  # what comes out is judged, not how
        return _examine(function, loss, framework, checks, dict(arguments or {}), tolerance, name)


def _examine(
    function: Callable[..., Any],
    loss: Loss,
    framework: str,
    checks: Sequence[str] | None,
    arguments: dict[str, Any],
    tolerance: float,
    name: str | None,
) -> Report:
    subject = Subject(function, loss, framework, arguments, tolerance)
    findings: list[Finding] = []
    if not subject.one_by_one:
        loss = replace(loss, reduction="none")
    elif loss.reduction == "none":
        problem = "the function returns one number for a batch, the loss one for each row"
        findings.append(Finding("reduction", cases=1, failures=[Failure("", "", "", problem)]))
        loss = replace(loss, reduction="mean")
    for check, look in CHECKS.items():
        if checks is None or check in checks:
            findings += look(subject, loss)
    called = name or str(getattr(function, "__qualname__", type(function).__name__))
    return Report(called, str(loss), subject.framework.name, findings)


def check_loss(
    function: Callable[..., Any],
    loss: Loss,
    *,
    framework: str = "auto",
    checks: Sequence[str] | None = None,
    arguments: Mapping[str, Any] | None = None,
    tolerance: float = 1.0,
) -> Report:
    """Fail, with the report, unless an implementation of a loss is right.

    Parameters
    ----------
    function, loss, framework, checks, arguments, tolerance
        As in `examine_loss`.

    Returns
    -------
    Report
        In which nothing is wrong.

    Raises
    ------
    AssertionError
        If something is wrong; the message is the report.
    ValueError, TypeError
        As in `examine_loss`.

    Examples
    --------
    >>> from focalis import Loss, margin
    >>> focal = Loss("sigmoid", margin.focal(gamma=2.0), reduction="none")
    >>> check_loss(focal, focal, checks=["extremes"]).ok
    True
    """
    report = examine_loss(
        function,
        loss,
        framework=framework,
        checks=checks,
        arguments=arguments,
        tolerance=tolerance,
    )
    if not report.ok:
        raise AssertionError(str(report))
    return report
