"""A batch, called as every check calls it, and compared with the truth."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from focalis.loss import Loss
from focalis.testing.frameworks import Answer
from focalis.testing.inputs import Inputs
from focalis.testing.judging import judge, raised
from focalis.testing.reference import Truth, truth
from focalis.testing.report import Failure, Finding
from focalis.testing.subject import Subject

_ORDERS = ("values", "gradients", "Hessians")


class BatchCheck:
    """A batch as every check calls it: the loss, the inputs, and further arguments."""

    def __init__(self, subject: Subject, loss: Loss, inputs: Inputs, **more: Any) -> None:
        self.subject, self.loss, self.inputs, self.more = subject, loss, inputs, more

    def truth(self) -> Truth:
        """Return the truth, one number for each row or element."""
        x, y = self.inputs.logits, self.inputs.targets
        if not self.subject.one_by_one or self.loss.reduction in ("none", "sum"):
            return self.truth_of_all()
        # Each row was called, and reduced, as a batch of one.
        rows = [
            truth(
                self.loss,
                x[i : i + 1],
                y[i : i + 1],
                **{name: value[i : i + 1] for name, value in self.more.items()},
            ).reduced()
            for i in range(len(x))
        ]
        value, gradient, gradient_bulk, hessian, hessian_bulk = (
            np.concatenate([np.atleast_1d(row[part]) for row in rows]) for part in range(5)
        )
        return Truth(value, gradient, gradient_bulk, hessian, hessian_bulk, 1.0)

    def truth_of_all(self) -> Truth:
        """Return the truth about the rows as one batch."""
        return truth(self.loss, self.inputs.logits, self.inputs.targets, **self.more)

    def findings(self, setting: str, order: int = 2) -> Iterator[Finding]:
        """Compare values and derivatives up to an order with the truth, one number for each row."""
        answer, trouble = self.subject.call_as_far(self.loss, self.inputs, order, **self.more)
        yield from self._judged(setting, order, answer, trouble, self.truth())

    def reduced_findings(self, setting: str, check: str) -> Iterator[Finding]:
        """Compare one number for the whole batch, and its gradient, with the truth."""
        order = 1 if self.subject.framework.differentiates else 0
        named = {"reduction": self.loss.reduction} if self.subject.has("reduction") else {}
        answer, trouble = self.subject.call_as_far(
            self.loss, self.inputs, order, whole=True, **named, **self.more
        )
        if answer.value is None:
            yield Finding(check, setting, not_checked=raised(trouble[0]))
            return
        if answer.value.size != 1:
            yield Finding(check, setting, not_checked="it does not return one number")
            return
        answer = answer._replace(value=np.reshape(answer.value, ()))
        true = self.truth_of_all().reduced()
        order = order if answer.gradient is None else 1
        yield from self._judged(setting, order, answer, trouble, true)

    def _judged(
        self, setting: str, order: int, answer: Answer, trouble: dict[int, Exception], true: Truth
    ) -> Iterator[Finding]:
        wanted = (
            (answer.value, true.value, np.abs(true.value)),
            (answer.gradient, true.gradient, true.gradient_bulk),
            (answer.hessian, true.hessian, true.hessian_bulk),
        )
        link, tolerance = self.loss.link, self.subject.tolerance
        for asked in range(order + 1):
            finding = Finding(_ORDERS[asked], setting)
            got, expected, bulk = wanted[asked]
            if got is not None:
                judge(finding, got, (expected, bulk), self.inputs, link, tolerance)
            elif asked not in trouble:
                finding = Finding(_ORDERS[asked], not_checked="the function returns none")
            elif asked == 2:
                finding.not_checked = raised(trouble[asked])
            else:
                finding.cases = np.size(expected)
                failure = Failure("", "", "", raised(trouble[asked]))
                finding.failures, finding.worst = [failure] * finding.cases, np.inf
            yield finding
