"""Comparing arrays of results with the truth, number by number."""

from typing import Any

import numpy as np

from focalis.maths.links import SIGMOID, Link
from focalis.testing.criterion import complaint, excess
from focalis.testing.frameworks import RefusalError
from focalis.testing.inputs import Inputs
from focalis.testing.numbers import mp
from focalis.testing.report import Failure, Finding

Array = np.ndarray


def judge(
    finding: Finding,
    got: Array,
    expected: tuple[Array, Array],
    inputs: Inputs,
    link: Link,
    tolerance: float,
) -> None:
    """Record in a finding how an array of results compares with the truth and the size of its terms."""
    # Arithmetic has turned arrays without axes into numbers.
    true, bulk = (np.asarray(numbers, object) for numbers in expected)
    finding.cases += true.size
    if got.shape != true.shape:
        problem = f"has shape {got.shape}, expected {true.shape}"
        finding.failures += [Failure("", "", "", problem)] * true.size
        finding.worst = np.inf
        return
    # The margin of a sigmoid is the logit; elsewhere it is computed, and rounded, itself.
    factor = tolerance * (1 if link == SIGMOID else 2)
    known: dict[tuple[float, int], tuple[str | None, float]] = {}
    for i in np.ndindex(true.shape):
        x = float(got[i])
        if mp.isnan(true[i]):
            if not np.isnan(x):
                failure = Failure(_place(inputs, i, link), _shown(x, inputs), "nan", "hides a NaN")
                finding.failures.append(failure)
            continue
        # Repeated rows share the truth and usually the result.
        if (x, id(true[i])) not in known:
            known[x, id(true[i])] = _compare(x, true[i], bulk[i], inputs.dtype, factor)
        wrong, error = known[x, id(true[i])]
        finding.worst = max(finding.worst, error)
        if wrong:
            place, size, text = _place(inputs, i, link), _size(inputs, i, link), _true(true[i])
            finding.failures.append(Failure(place, _shown(x, inputs), text, wrong, size))
    finding.failures.sort(key=lambda failure: failure.size)


def _compare(x: float, true: Any, bulk: Any, dtype: str, factor: float) -> tuple[str | None, float]:
    """Return what is wrong with a number, or None, and its error in units of the permitted error."""
    wrong = complaint(x, true, bulk, dtype, factor)
    if np.isfinite(x) and abs(true) < mp.mpf("1e300"):
        error = excess(mp.mpf(x), true, bulk, dtype, factor)
        return wrong, float(min(error, mp.mpf("1e300")))
    return wrong, np.inf if wrong else 0.0


def raised(error: BaseException) -> str:
    """Return, on one line, what was raised instead of a result."""
    return told(error) if isinstance(error, RefusalError) else f"raises {told(error)}"


def told(error: BaseException) -> str:
    """Return an exception as one line of limited length."""
    text = " ".join(str(error).split())
    if isinstance(error, RefusalError):
        return text
    text = text if len(text) <= 160 else text[:157] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _true(x: Any) -> str:
    """Return the true number as text, with those that stand for infinity or 0 written so."""
    if abs(x) > mp.mpf("1e350"):
        return "inf" if x > 0 else "-inf"
    return "0" if abs(x) < mp.mpf("1e-9999") else mp.nstr(x, 12)


def _shown(x: float, inputs: Inputs) -> str:
    return f"{x:.17g}" if inputs.dtype == "float64" else f"{x:.8g}"


def _answered(i: tuple[int, ...], link: Link) -> tuple[int, ...]:
    """Return the index of the scores that a number depends on: an element, or a row of classes."""
    return i if link.elementwise else i[:1]


def _size(inputs: Inputs, i: tuple[int, ...], link: Link) -> float:
    """Return the largest score of a row, by which failing inputs are sorted."""
    return float(np.max(np.abs(inputs.logits[_answered(i, link)]))) if i else 0.0


def _place(inputs: Inputs, i: tuple[int, ...], link: Link) -> str:
    if not i:
        return f"the batch of {len(inputs)}"
    at = _answered(i, link)
    x, y = inputs.logits[at], inputs.targets[at]
    target: Any = y.tolist() if np.ndim(y) else f"{float(y):g}"
    if np.ndim(x) == 0:
        return f"score {float(x):.9g}, target {target}"
    scores = ", ".join(f"{float(one):.9g}" for one in x)
    of_class = f", class {i[1]}" if len(i) > 1 else ""
    return f"scores ({scores}), target {target}{of_class}"
