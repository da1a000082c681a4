"""Check anyone's implementation of a loss against its definition, in sixty digits.

`check_loss` is for tests, `examine_loss` for the report; `focalis check` does the same from the command
line. It needs mpmath: ``pip install "focalis[check]"``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
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
    skip: Sequence[str] = (),
    arguments: Mapping[str, Any] | None = None,
    tolerance: float = 1.0,
    name: str | None = None,
) -> Report:
    """Check an implementation of a loss against its definition.

    Parameters
    ----------
    function : callable
        Takes logits and targets, in this order unless its first argument is called ``y_true``,
        ``targets`` or ``labels``, and returns one number, or one for each row. On NumPy arrays it may
        return value and gradient, or value, gradient and Hessian, or be an object with the methods of
        `Loss`. Parameters and settings of the loss for which it has arguments of the same names
        (``gamma``, ``alpha``, ``reduction``, ``sample_weight``, ``where``, ``ignore_index`` …) are
        passed and varied; on tensors also under PyTorch's names for them (``weight``).
    loss : Loss
        What it should compute. Its reduction matters if the function returns one number.
    framework : {"auto", "numpy", "torch", "jax"}, default "auto"
        Whose arrays the function takes; "auto" tries those that are loaded, NumPy first, and looks at
        what comes back.
    checks : sequence of str, optional
        Some of `CHECKS`; by default all.
    skip : sequence of str, optional
        Members of `CHECKS` to leave out, such as ``"soft targets"`` for a loss that treats them
        differently.
    arguments : mapping, optional
        Further arguments by name, such as ``{"from_logits": True}``.
    tolerance : float, default 1.0
        A factor on the permitted error; see `focalis.testing.criterion`.
    name : str, optional
        The function's name in the report.

    Returns
    -------
    Report
        Its text lists what was checked and, for each fault, the smallest failing input among those
        tried, with the true number.

    Raises
    ------
    ValueError, TypeError
        If the function cannot be called on logits and targets in any of the frameworks, an argument is
        invalid, the function has an alpha by default and the loss has none, or nothing that was asked
        for could be checked.

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
    chosen = _chosen(checks, skip)
    if not isinstance(loss, Loss):
        raise TypeError(f"loss must be a focalis.Loss, got {type(loss).__name__}")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float | np.number):
        raise TypeError(f"tolerance must be a number, got {tolerance!r}")
    if not 0 < tolerance < np.inf:
        raise ValueError(f"tolerance must be a finite number above 0, got {tolerance!r}")
    if arguments is not None and not isinstance(arguments, Mapping):
        raise TypeError(f"arguments must be a mapping of names, got {arguments!r}")
    with np.errstate(all="ignore"):  # only the results are judged
        subject = Subject(function, loss, framework, dict(arguments or {}), tolerance)
        called = name or str(getattr(function, "__qualname__", type(function).__name__))
        return _examine(subject, loss, chosen, called)


def _chosen(checks: Sequence[str] | None, skip: Sequence[str]) -> list[str]:
    """Return the names of the checks to make, in order."""
    for argument, names in (("checks", list(CHECKS) if checks is None else checks), ("skip", skip)):
        if isinstance(names, str) or not isinstance(names, Collection):
            raise TypeError(f"{argument} must be a sequence of names, got {names!r}")
        unknown = [name for name in names if name not in CHECKS]
        if unknown:
            raise ValueError(f"{argument} must be among {', '.join(CHECKS)}, got {unknown[0]!r}")
    chosen = [name for name in CHECKS if (checks is None or name in checks) and name not in skip]
    if not chosen:
        raise ValueError(f"checks must name at least one of {', '.join(CHECKS)}, got none")
    return chosen


def _examine(subject: Subject, loss: Loss, checks: Sequence[str], name: str) -> Report:
    findings: list[Finding] = []
    if not subject.one_by_one:
        loss = replace(loss, reduction="none")
    elif loss.reduction == "none":
        problem = "the function returns one number for a batch, the loss one for each row"
        failures = [Failure("", "", "", problem)]
        findings.append(Finding("reduction", cases=1, failures=failures, part_of="reductions"))
        loss = replace(loss, reduction="mean")
    for check in checks:
        findings += (replace(found, part_of=check) for found in CHECKS[check](subject, loss))
    if not any(found.cases for found in findings):
        reasons = dict.fromkeys(found.not_checked for found in findings)
        because = "; ".join(reasons) or f"that is not for a loss with link={loss.link!r}"
        raise ValueError(f"nothing could be checked: {because}")
    return Report(name, str(loss), subject.framework.name, findings)


def check_loss(
    function: Callable[..., Any],
    loss: Loss,
    *,
    framework: str = "auto",
    checks: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    arguments: Mapping[str, Any] | None = None,
    tolerance: float = 1.0,
) -> Report:
    """Fail, with the report, if an implementation of a loss is found to be wrong.

    Parameters
    ----------
    function, loss, framework, checks, skip, arguments, tolerance
        As in `examine_loss`.

    Returns
    -------
    Report
        One without faults, as far as those inputs show.

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
        skip=skip,
        arguments=arguments,
        tolerance=tolerance,
    )
    if not report.ok:
        raise AssertionError(str(report))
    return report
