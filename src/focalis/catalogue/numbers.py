"""A loss on a few numbers, class by class, next to cross-entropy."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from focalis.catalogue.describe import columns
from focalis.catalogue.entry import Entry
from focalis.catalogue.transforms import (
    CLASS_INDICES_WITH_BACKGROUND,
    LOG_PROBABILITIES,
    ONLY_INDICES,
    ONLY_ROWS,
    SIGNS,
)
from focalis.inputs.targets import read_scores, read_targets
from focalis.loss import Loss
from focalis.margin import cross_entropy
from focalis.maths.links import SOFTMAX, Link, softmax_margins

Array = np.ndarray


@dataclass(frozen=True)
class Trial:
    """A loss of one row of scores.

    ``names`` all mean this loss; ``scores`` are as the user gave them, ``targets`` those of the `Loss`,
    ``weights`` how much they make each class count; ``margin`` is that of the truth for a yes/no
    question, and of each class for a softmax. ``hessian`` is None if scores are transformed first.
    """

    names: tuple[str, ...]
    loss: Loss
    scores: Array
    targets: Array
    weights: Array
    probability: Array
    margin: Array
    losses: Array
    gradient: Array
    hessian: Array | None
    value: float

    def as_data(self) -> dict[str, Any]:
        """Return the numbers as data for JSON."""
        rows = ("scores", "targets", "probability", "margin", "losses", "gradient", "hessian")
        given = {name: getattr(self, name) for name in rows}
        arrays = {name: None if row is None else row.tolist() for name, row in given.items()}
        said = {"names": list(self.names), "loss": str(self.loss), "link": self.loss.link}
        cross, beside = self.cross_entropy(), None
        if cross is not None:
            beside = {name: getattr(cross, name).tolist() for name in rows[-3:]}
            beside["value"] = cross.value
        return {**said, **arrays, "value": self.value, "cross_entropy": beside}

    def cross_entropy(self) -> "Trial | None":
        """Return cross-entropy on the same numbers; None if it is this loss or takes other scores."""
        unweighted = replace(self.loss, alpha=None, pos_weight=None, class_weight=None)
        plain = replace(unweighted, margin_loss=cross_entropy())
        if self.hessian is None or plain == self.loss:
            return None
        return try_out(plain, self.scores, self.targets)

    def as_text(self) -> str:
        """Return the numbers as a table, next to those of cross-entropy."""
        header = ["class", "score", "target", "probability", "margin", "loss", "gradient"]
        shown = [self.losses, self.gradient]
        if self.hessian is not None:
            header.append("Hessian")
            shown.append(self.hessian)
        total = ["sum", *[""] * 4, _written(self.value), *[""] * (len(header) - 6)]
        cross = self.cross_entropy()
        if cross is not None:
            header += ["CE loss", "CE gradient", "CE Hessian"]
            shown += [cross.losses, cross.gradient, np.asarray(cross.hessian)]
            total += [_written(cross.value), "", ""]
        rows = [header]
        for k in range(self.scores.size):
            given = [f"{self.scores[k]:g}", f"{self.weights[k]:g}"]
            cells = [self.probability[k], self.margin[k], *(column[k] for column in shown)]
            rows.append([str(k), *given, *map(_written, cells)])
        table = columns([*rows, total], right=frozenset(range(len(header))))
        head = f"{self.loss!s}, link {self.loss.link}, before the reduction"
        return "\n".join([*([", ".join(self.names)] if self.names else []), head, table])


def try_entry(entry: Entry, loss: Loss, scores: Any, target: Any) -> Trial:
    """Return the loss that a name means for one row (C,) of its inputs, as the name takes them.

    For C > 1 the index of a class stands for its one-hot row as target.

    Examples
    --------
    >>> from focalis.catalogue import lookup
    >>> (entry,) = lookup("torch.nn.NLLLoss")
    >>> trial = try_entry(entry, entry.loss(), [-0.2, -1.7], 0)
    >>> round(trial.value, 3), (trial.gradient + 0).tolist()
    (0.2, [-1.0, 0.0])
    """
    row, given = _row(scores), np.asarray(target, np.float64).reshape(-1)
    if row.size == 1 and not entry.link.elementwise:
        raise ValueError("scores must be a row of classes, got one number")
    if entry.scores is LOG_PROBABILITIES and (row > 0).any():
        raise ValueError(f"scores must be log-probabilities, at most 0, got {row.max():g}")
    ours, back = (row, None) if entry.scores is None else entry.scores.forward(row)
    trial = try_out(loss, ours, _truth(entry, given, row.size))
    trial = replace(trial, names=(entry.name,), scores=row)
    if back is None:
        return trial
    return replace(trial, gradient=back(trial.gradient), hessian=None)


def _truth(entry: Entry, given: Array, n_classes: int) -> Array:
    """Return the targets of the `Loss` for targets as a name takes them."""
    transform = entry.targets
    if transform is None or transform is ONLY_ROWS:
        return given
    if transform is SIGNS:
        if given.size == 1 and n_classes > 1:
            return given  # the index of the only yes
        if not np.isin(given, (-1.0, 1.0)).all():
            raise ValueError(f"targets must be +1 or −1, got {_listed(given)}")
        return transform.forward(given, n_classes)
    if given.size > 1:
        raise ValueError(f"targets must be a class index, got {given.size} numbers")
    if transform is ONLY_INDICES:
        return given
    background = transform is CLASS_INDICES_WITH_BACKGROUND
    index = _class_index(given, n_classes + background)
    needed = {name: entry.default(name) for name in transform.parameters}
    return np.asarray(transform.forward(index, n_classes, **needed), np.float64)


def _listed(given: Array) -> str:
    return ", ".join(f"{number:g}" for number in given)


def try_out(loss: Loss, scores: Any, targets: Any) -> Trial:
    """Return a loss for one row (C,) of scores, without its reduction.

    Targets are, for a softmax or simplex, a class index or C numbers; otherwise C answers, or for C > 1
    the index of the only class that is a yes.

    Examples
    --------
    >>> from focalis import parse
    >>> trial = try_out(parse("softmax_focal(gamma=2)"), [2.0, -1.0, 0.3], 0)
    >>> trial.gradient.round(4)
    array([-0.0188,  0.004 ,  0.0148])
    """
    loss = replace(loss, reduction="mean", ignore_index=None)
    summed = replace(loss, reduction="sum")
    row = _row(scores)
    given = np.asarray(targets)
    elementwise = loss.link.elementwise
    if given.size == 1 and row.size > 1:
        given = np.eye(row.size)[_class_index(given.reshape(-1), row.size)]
    truth = given.reshape(-1) if elementwise else given.reshape(1, -1)
    logits = row if elementwise else row[None]
    gradient, hessian = summed.grad_and_hess(logits, truth, engine="numpy")
    value = float(summed(logits, truth, engine="numpy"))
    weights = _answers(summed, logits, truth)
    return Trial(
        names=(),
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


def _row(scores: Any) -> Array:
    row = np.atleast_1d(np.asarray(scores, np.float64))
    if row.ndim != 1 or row.size == 0:
        raise ValueError(f"scores must be one row of numbers, got shape {row.shape}")
    return row


def _class_index(given: Array, n_classes: int) -> int:
    index = float(given[0])
    if not index.is_integer() or not 0 <= index < n_classes:
        raise ValueError(
            f"targets must be a class index in [0, {n_classes}) or a number for each score, "
            f"got {index:g}"
        )
    return int(index)


def _answers(loss: Loss, logits: Array, truth: Array) -> Array:
    """Return how much the targets make each class count, smoothed and divided as in the loss."""
    all_count = replace(loss, ignore_index=None)
    read = read_targets(read_scores(loss.link, logits), truth, all_count)
    return read.chunk(0, len(read.rows), np.float64, lambda y: y.astype(np.float64)).reshape(-1)


def _margins(link: Link, row: Array, answers: Array) -> Array:
    """Return the margin of the truth for yes/no questions, and that of each class else."""
    if link == SOFTMAX:
        classes = np.arange(row.size)
        margin = softmax_margins(np.repeat(row[None], row.size, axis=0), classes).margin
        # Where the margin is infinite, kernels compute with the largest float.
        return np.where(
            np.abs(margin) == np.finfo(margin.dtype).max, np.sign(margin) * np.inf, margin
        )
    with np.errstate(divide="ignore"):
        margin = np.log(row) - np.log1p(-row) if link.on_probabilities else row
    return np.where(answers >= 0.5, margin, -margin) if link.elementwise else margin


def _losses(loss: Loss, row: Array, truth: Array, answers: Array) -> Array:
    """Return what each class contributes to the loss."""
    if loss.link.elementwise:
        return np.asarray(replace(loss, reduction="none")(row, truth, engine="numpy"))
    single = replace(loss, reduction="none", label_smoothing=0.0, positives="sum")
    rows = np.repeat(row[None], row.size, axis=0)
    return np.asarray(single(rows, np.diag(answers), engine="numpy"))


def _written(number: float) -> str:
    return f"{number:.4g}"
