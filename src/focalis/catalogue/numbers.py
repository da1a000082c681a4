"""A loss on a few numbers, class by class, beside cross-entropy."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from focalis.catalogue.describe import columns
from focalis.links import ELEMENTWISE, softmax_margins
from focalis.loss import Loss
from focalis.margin import cross_entropy
from focalis.targets import read_scores, read_targets

__all__ = ["Trial", "try_out"]

Array = np.ndarray


@dataclass(frozen=True)
class Trial:
    """A loss of one row of scores.

    ``targets`` are the targets as they were given, ``weights`` what they make each class count;
    ``margin`` is that of the truth for a yes/no question, and of each class for a softmax.
    """

    loss: Loss
    scores: Array
    targets: Array
    weights: Array
    probability: Array
    margin: Array
    losses: Array
    gradient: Array
    hessian: Array
    value: float

    def as_data(self) -> dict[str, Any]:
        """Return the numbers as what JSON can hold."""
        arrays = {
            name: getattr(self, name).tolist()
            for name in (
                "scores",
                "targets",
                "probability",
                "margin",
                "losses",
                "gradient",
                "hessian",
            )
        }
        return {"loss": str(self.loss), "link": self.loss.link, **arrays, "value": self.value}

    def as_text(self) -> str:
        """Return the numbers as a table, beside those of cross-entropy."""
        unweighted = replace(self.loss, alpha=None, pos_weight=None, class_weight=None)
        plain = try_out(replace(unweighted, margin_loss=cross_entropy()), self.scores, self.targets)
        both = plain.loss != self.loss
        header = [
            "class",
            "score",
            "target",
            "probability",
            "margin",
            "loss",
            "gradient",
            "Hessian",
        ]
        shown = [self.losses, self.gradient, self.hessian]
        if both:
            header += ["CE loss", "CE gradient", "CE Hessian"]
            shown += [plain.losses, plain.gradient, plain.hessian]
        rows = [header]
        for k in range(self.scores.size):
            given = [f"{self.scores[k]:g}", f"{self.weights[k]:g}"]
            cells = [self.probability[k], self.margin[k], *(column[k] for column in shown)]
            rows.append([str(k), *given, *map(_written, cells)])
        total = ["sum", *[""] * 4, _written(self.value), *[""] * (len(header) - 6)]
        if both:
            total[8] = _written(plain.value)
        table = columns([*rows, total], right=frozenset(range(len(header))))
        return f"{replace(self.loss, reduction='mean')!s}, link {self.loss.link}\n{table}"


def try_out(loss: Loss, scores: Any, targets: Any) -> Trial:
    """Return a loss on one row of scores, without its reduction.

    Parameters
    ----------
    loss : Loss
        Any.
    scores : array_like
        The row (C,), in what the link takes.
    targets : array_like
        For a softmax or simplex a class index, or C numbers; else C answers, or for C > 1 the index of
        the one class that is a yes.

    Returns
    -------
    Trial

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit.

    Examples
    --------
    >>> from focalis import parse
    >>> trial = try_out(parse("softmax_focal(gamma=2)"), [2.0, -1.0, 0.3], 0)
    >>> trial.gradient.round(4)
    array([-0.0188,  0.004 ,  0.0148])
    """
    summed = replace(loss, reduction="sum", ignore_index=None)
    row = np.atleast_1d(np.asarray(scores, np.float64))
    if row.ndim != 1 or row.size == 0:
        raise ValueError(f"scores must be one row of numbers, got shape {row.shape}")
    given = np.asarray(targets)
    elementwise = loss.link in ELEMENTWISE
    if given.size == 1 and row.size > 1:
        given = _one_hot(given, row.size)
    truth = given.reshape(-1) if elementwise else given.reshape(1, -1)
    logits = row if elementwise else row[None]
    gradient, hessian = summed.grad_and_hess(logits, truth, engine="numpy")
    value = float(summed(logits, truth, engine="numpy"))
    weights = _answers(summed, logits, truth)
    return Trial(
        loss=loss,
        scores=row,
        targets=given,
        weights=weights,
        probability=summed.probabilities(logits).reshape(-1),
        margin=_margins(loss.link, row, weights),
        losses=_losses(summed, row, truth, weights),
        gradient=gradient.reshape(-1),
        hessian=hessian.reshape(-1),
        value=value,
    )


def _one_hot(given: Array, n_classes: int) -> Array:
    index = given.reshape(-1)[0]
    if index != int(index) or not 0 <= index < n_classes:
        raise ValueError(
            f"targets must be a class index in [0, {n_classes}) or {n_classes} numbers, got {index}"
        )
    return np.asarray(np.eye(n_classes)[int(index)])


def _answers(loss: Loss, logits: Array, truth: Array) -> Array:
    """Return what the targets make each class count, smoothed and divided as the loss does it."""
    read = read_targets(
        loss.link,
        read_scores(loss.link, logits),
        truth,
        smoothing=loss.label_smoothing,
        positives=loss.positives,
        ignore_index=None,
    )
    return read.chunk(0, len(read.rows), np.float64, lambda y: y.astype(np.float64)).reshape(-1)


def _margins(link: str, row: Array, answers: Array) -> Array:
    """Return the margin of the truth for yes/no questions, and that of each class else."""
    if link == "softmax":
        classes = np.arange(row.size)
        return softmax_margins(np.repeat(row[None], row.size, axis=0), classes).margin
    with np.errstate(divide="ignore"):
        margin = row if link == "sigmoid" else np.log(row) - np.log1p(-row)
    return margin if link == "simplex" else np.where(answers >= 0.5, margin, -margin)


def _losses(loss: Loss, row: Array, truth: Array, answers: Array) -> Array:
    """Return what each class contributes to the loss."""
    if loss.link in ELEMENTWISE:
        return np.asarray(replace(loss, reduction="none")(row, truth, engine="numpy"))
    single = replace(loss, reduction="none", label_smoothing=0.0, positives="sum")
    rows = np.repeat(row[None], row.size, axis=0)
    return np.asarray(single(rows, np.diag(answers), engine="numpy"))


def _written(number: float) -> str:
    return f"{number:.4g}"
