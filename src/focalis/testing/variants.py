"""Weights and masks, which a loss is examined with besides scores and targets, each by name."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from focalis.loss import Loss
from focalis.testing import inputs as batches
from focalis.testing.batch_check import BatchCheck
from focalis.testing.inputs import Inputs
from focalis.testing.judging import raised
from focalis.testing.report import Finding
from focalis.testing.subject import Subject

_ROWS = 41


class Variant(NamedTuple):
    """A setting of the loss or an argument of the call, and the batch to check it on.

    ``name`` is the argument that the function must have, ``more`` the arguments of the call.
    """

    name: str
    over: str
    loss: Loss
    inputs: Inputs
    more: dict[str, Any]


def weighted(loss: Loss) -> Iterator[Variant]:
    """Yield the settings that are weights, and sample weights."""
    inputs = batches.ordinary(loss.link, "float32", _ROWS)
    settings: dict[str, Any] = {"alpha": 0.375, "label_smoothing": 0.125}
    if loss.link.elementwise:
        settings["pos_weight"] = 2.5
    else:
        settings["class_weight"] = (1.0, 2.0, 0.5, 4.0)
    for name, value in settings.items():
        other = {"pos_weight": "alpha", "alpha": "pos_weight"}.get(name)
        changed = replace(loss, **({name: value} | ({other: None} if other else {})))
        yield Variant(name, "", changed, inputs, {})
    weight = np.random.default_rng(3).choice([0, 0.5, 1, 2.25], _ROWS).astype(np.float32)
    yield Variant("sample_weight", "", loss, inputs, {"sample_weight": weight})


def masked(loss: Loss) -> Iterator[Variant]:
    """Yield masks over large scores and over NaN, which count for nothing and get no gradient."""
    inputs = batches.ordinary(loss.link, "float32", _ROWS)
    out = np.arange(_ROWS) % 3 == 1
    ignored = -1 if loss.ignore_index is None else loss.ignore_index
    changed = replace(loss, ignore_index=ignored)
    garbage = {"": 0.5 if loss.link.on_probabilities else 77.0, " over NaN": np.nan}
    for over, number in garbage.items():
        x, y = inputs.logits.copy(), inputs.targets.copy()
        x[out] = number
        yield Variant("where", over, loss, Inputs(x, y.copy(), "float32"), {"where": ~out})
        y[out] = ignored
        yield Variant("ignore_index", over, changed, Inputs(x, y, "float32"), {})


def weights(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check weights and sample weights, for which the function must have arguments."""
    for setting in weighted(loss):
        yield from _row_by_row(subject, setting, "weights")


def masks(subject: Subject, loss: Loss) -> Iterator[Finding]:
    """Check masks, for which the function must have arguments."""
    for setting in masked(loss):
        yield from _row_by_row(subject, setting, "masks")


def _row_by_row(subject: Subject, setting: Variant, check: str) -> Iterator[Finding]:
    """Compare a batch with the truth if the function has the argument and it applies."""
    name, over, loss, inputs, more = setting
    if not subject.has(name):
        yield Finding(check, name, not_checked="the function has no such argument")
        return
    try:
        subject.call(loss, inputs, 0, **more)
    except Exception as error:
        yield Finding(check, name, not_checked=raised(error))
        return
    yield from BatchCheck(subject, loss, inputs, **more).findings(name + over, order=1)
