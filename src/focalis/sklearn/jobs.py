"""What to train a booster on, in terms that belong to no library."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from focalis.boosting.starts import spread
from focalis.loss import Loss

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to train on or to validate with; features are an array or a sparse matrix."""

    features: Any
    labels: Array
    weight: Array | None

    def take(self, index: Array) -> "Rows":
        """Return the rows at these positions."""
        weight = None if self.weight is None else self.weight[index]
        return Rows(self.features[index], self.labels[index], weight)


@dataclass(frozen=True, eq=False)
class Job:
    """Everything that training needs; None leaves a choice to the library."""

    loss: Loss
    curvature: str
    scale: float
    initial_logits: Any
    train: Rows
    validation: Rows | None
    rounds: int
    patience: int | None
    learning_rate: float
    seed: int | None
    threads: int | None
    categorical: list[int]
    names: list[str] | None
    previous: Any = None
    # Called after every round; an exception from it ends the training.
    callback: Callable[[], None] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def n_outputs(self) -> int:
        """The number of logits per row."""
        return int(np.size(self.initial_logits))

    def completed_round(self) -> None:
        """Call the callback, if there is one."""
        if self.callback is not None:
            self.callback()

    def start(self, rows: Rows) -> Array:
        """Return the initial logits of rows."""
        return spread(self.initial_logits, len(rows.labels))
