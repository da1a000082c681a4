"""The checks of a loss, each on a batch that exposes what is often wrong."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Literal

import numpy as np

from focalis.loss import Loss
from focalis.testing import inputs as batches
from focalis.testing.batch_check import BatchCheck
from focalis.testing.frameworks import Answer
from focalis.testing.inputs import Inputs
from focalis.testing.judging import raised
from focalis.testing.report import Failure, Finding
from focalis.testing.shapes import random_scores, shapes
from focalis.testing.subject import Subject
from focalis.testing.variants import masked, masks, weighted, weights

Reduction = Literal["mean", "sum", "none", "batchmean"]

_FULL = ("float32", "float64")
_PARAMETERS = (0.0, 0.5, 1.0, 1.7, 2.0, 5.0)
_ROWS = 41
_THREADS, _BATCHES, _ROUNDS = 4, 8, 4


def extreme_scores(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check values, gradients and Hessians at scores up to the ends of the type."""
    for dtype in _FULL:
        yield from BatchCheck(subject, loss, batches.extreme(loss.link, dtype)).findings(dtype)


def infinite_scores(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Look at values and gradients at infinite logits, where they have their limits."""
    if loss.link.on_probabilities:
        return
    batch = BatchCheck(subject, loss, batches.infinite(loss.link))
    yield from batch.findings("infinite scores", order=1)


def parameters(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check other parameters, for which the function must have arguments."""
    family = loss.margin_loss.family
    inputs = batches.extreme(loss.link, "float32")
    for name, present in loss.margin_loss.parameters.items():
        if not subject.has(name):
            yield Finding("parameters", name, not_checked="the function has no such argument")
            continue
        tried = {value for value in (*_PARAMETERS, family.ranges[name].low) if value != present}
        for value in sorted(value for value in tried if value in family.ranges[name]):
            changed = family(**{**loss.margin_loss.parameters, name: value})
            other = replace(loss, margin_loss=changed)
            yield from BatchCheck(subject, other, inputs).findings(f"{name}={value:g}")
    if subject.unknown:
        reason = "left as the function has them, since no setting has such a name"
        yield Finding("arguments", ", ".join(subject.unknown), not_checked=reason)


def half_types(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check values and gradients in the half types."""
    for dtype in subject.framework.dtypes:
        if dtype in _FULL:
            continue
        inputs = batches.extreme(loss.link, dtype)
        try:
            subject.call(loss, inputs.row(0), 0)
        except Exception as error:
            yield Finding("values", dtype, not_checked=raised(error))
            continue
        yield from BatchCheck(subject, loss, inputs).findings(dtype, order=1)


def soft_targets(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Look at targets between the answers, which mean the expectation of the loss."""
    if not loss.link.elementwise:
        loss = replace(loss, ignore_index=None)  # which is for class indices
    inputs = batches.soft(loss.link, "float32", _ROWS)
    try:
        subject.call(loss, inputs.row(0), 0)
    except Exception as error:
        yield Finding("soft targets", not_checked=raised(error))
        return
    yield from BatchCheck(subject, loss, inputs).findings("soft targets", order=1)


def reductions(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check the reductions that the function offers, or the one that it always does."""
    inputs = batches.ordinary(loss.link, "float32", _ROWS)
    offered: tuple[Reduction, ...] = ()
    if subject.has("reduction"):
        offered = ("mean", "sum", "batchmean")
    if subject.one_by_one and not offered:
        offered = (loss.reduction,)
    if not offered:
        yield Finding("reductions", not_checked="the function returns a number for each row")
    for reduction in offered:
        changed = replace(loss, reduction=reduction)
        yield from BatchCheck(subject, changed, inputs).reduced_findings(reduction, "reductions")
    # The divisor of a mean depends on what counts, and on how much.
    for reduction in offered[:1]:
        for name, over, weighing, batch, more in (*weighted(loss), *masked(loss)):
            if subject.has(name):
                changed = replace(weighing, reduction=reduction)
                setting = f"{reduction} with {name}{over}"
                yield from BatchCheck(subject, changed, batch, **more).reduced_findings(
                    setting, "reductions"
                )


def empty_batches(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check a batch of no rows: no values, and 0 for their sum and their mean."""
    inputs = batches.ordinary(loss.link, "float32", 0)
    kinds: tuple[str, ...] = ("",)
    if subject.has("reduction"):
        kinds = ("none", "sum", "mean")
    for reduction in kinds:
        more = {"reduction": reduction} if reduction else {}
        finding = Finding("empty batch", reduction, cases=1)
        try:
            answer = subject.call_whole(loss, inputs, 0, **more)
        except Exception as error:
            finding.failures = [Failure("", "", "", raised(error))]
        else:
            _judge_nothing(finding, answer, reduction, subject.one_by_one)
        yield finding


def _judge_nothing(finding: Finding, answer: Answer, reduction: str, single: bool) -> None:
    reduced = reduction in ("sum", "mean") or (not reduction and single)
    value = np.zeros(0) if answer.value is None else answer.value
    if reduced and not np.array_equal(value.reshape(-1), [0.0]):
        got = f"{float(value.reshape(-1)[0]):g}" if value.size == 1 else f"{value.size} numbers"
        finding.failures = [Failure("no rows", got, "0", "an empty batch costs nothing")]
    elif not reduced and value.size:
        problem = "an empty batch has no values"
        finding.failures = [Failure("no rows", f"{value.size} numbers", "none", problem)]


def not_a_number(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check that a NaN among the scores makes its own row NaN and no other."""
    inputs = batches.ordinary(loss.link, "float32", 9)
    x = inputs.logits.copy()
    x[(4,) + (1,) * (x.ndim - 1)] = np.nan
    batch = BatchCheck(subject, loss, Inputs(x, inputs.targets, "float32"))
    yield from batch.findings("one NaN", order=1)


def threads(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check that simultaneous calls from several threads equal a single call, bit for bit."""
    several = [batches.ordinary(loss.link, "float32", 17, seed) for seed in range(_BATCHES)]
    order = 1 if subject.framework.differentiates else 0
    first, trouble = subject.call_as_far(loss, several[0], order)
    if first.value is None:
        yield Finding("threads", not_checked=raised(trouble[0]))
        return
    order = 0 if trouble else order
    alone = [subject.call_as_far(loss, inputs, order)[0] for inputs in several]
    finding = Finding("threads", f"{_THREADS} at once", cases=_BATCHES * _ROUNDS)
    with ThreadPoolExecutor(_THREADS) as pool:
        together = [pool.submit(subject.call, loss, x, order) for x in several * _ROUNDS]
        for i, future in enumerate(together):
            error = future.exception()
            if error is not None:
                finding.failures.append(Failure("", "", "", raised(error)))
            elif not _same(future.result(), alone[i % _BATCHES]):
                problem = "differs from the same call made alone"
                finding.failures.append(Failure("", "", "", problem))
    yield finding


def _same(a: Answer, b: Answer) -> bool:
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    return all(np.array_equal(x, y, equal_nan=True) for x, y in pairs)


def untouched(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check that no call has written to the caller's arrays."""
    subject.call_as_far(loss, batches.ordinary(loss.link, "float32", _ROWS), 0)
    for name, _, weighing, batch, more in (*weighted(loss), *masked(loss)):
        if subject.has(name):
            subject.call_as_far(weighing, batch, 0, **more)
    finding = Finding("inputs left alone", cases=1)
    if subject.written:
        names = " and ".join(sorted(subject.written))
        finding.failures = [Failure("", "", "", f"the function writes to its {names}")]
    yield finding


CHECKS = {
    "extremes": extreme_scores,
    "infinities": infinite_scores,
    "random scores": random_scores,
    "shapes": shapes,
    "parameters": parameters,
    "half types": half_types,
    "soft targets": soft_targets,
    "weights": weights,
    "masks": masks,
    "reductions": reductions,
    "empty batches": empty_batches,
    "NaN": not_a_number,
    "threads": threads,
    "inputs": untouched,
}
"""The checks by name, in order; the last one reports on all those before it."""
