"""Other scores, numbers of classes and rows, for losses that are right only on one small batch."""

from collections.abc import Iterator

from focalis.loss import Loss
from focalis.settings_table import WEIGHTS
from focalis.testing import inputs as batches
from focalis.testing.batch_check import BatchCheck
from focalis.testing.inputs import Inputs
from focalis.testing.judging import raised
from focalis.testing.report import Finding
from focalis.testing.subject import Subject

_CLASSES = (2, 3, 11)


def random_scores(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check many random scores, close together, between those that break implementations."""
    yield from BatchCheck(subject, loss, batches.dense(loss.link)).findings("random scores")


def shapes(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Look at few and at many classes, and at some thousand numbers in one call."""
    per_class = [name for name in WEIGHTS if isinstance(getattr(loss, name), tuple)]
    for classes in _CLASSES:
        setting = f"{classes} classes"
        inputs = batches.of_classes(loss.link, classes)
        if per_class:
            problem = f"{per_class[0]} fixes the number of classes"
        else:
            problem = _objection(subject, loss, inputs)
        if problem:
            yield Finding("shapes", setting, not_checked=problem)
        else:
            yield from BatchCheck(subject, loss, inputs).findings(setting, order=1)
    inputs = batches.many(loss.link)
    setting = f"{len(inputs)} rows"
    if subject.one_by_one:
        yield from BatchCheck(subject, loss, inputs).reduced_findings(setting, "shapes")
    else:
        yield from BatchCheck(subject, loss, inputs).findings(setting, order=1)


def _objection(subject: Subject, loss: Loss, inputs: Inputs) -> str:
    """Return why a batch with another class axis cannot be compared with the truth, or ""."""
    try:
        value = subject.call(loss, inputs, 0).value
    except Exception as error:
        return raised(error)
    expected = inputs.logits.shape if loss.link.elementwise else inputs.logits.shape[:1]
    if value is None or subject.one_by_one or value.shape == expected:
        return ""
    return f"it returns the shape {value.shape} for scores of the shape {inputs.logits.shape}"
