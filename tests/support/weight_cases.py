"""The weights of the reference: from targets and options to the weight of every component.

Written plainly and slowly, element by element where that is clearest, from the rules alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import registry


@dataclass
class Weighed:
    """The weight of every component, the denominator of the mean, and the number of rows."""

    components: np.ndarray
    mean_denominator: float
    rows: int

    def denominator(self, reduction: str, normalizer: float | None = None) -> float:
        """Return the divisor of the sum."""
        if reduction in ("none", "sum"):
            return 1.0
        if normalizer is not None:
            return float(normalizer)
        return self.mean_denominator if reduction == "mean" else float(self.rows)


def weigh(
    link: str,
    targets: Any,
    classes: int,
    *,
    alpha: Any = None,
    pos_weight: Any = None,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    positives: str = "sum",
    ignore_index: float | None = None,
    sample_weight: Any = None,
    where: Any = None,
) -> Weighed:
    """Return the weights for two-dimensional inputs, (N, classes)."""
    targets = np.asarray(targets)
    targets = targets.astype(float) if targets.dtype.kind == "f" else targets
    keep = np.ones(targets.shape if link not in registry.ROW_LINKS else len(targets), bool)
    if where is not None:
        keep &= np.asarray(where)
    if ignore_index is not None:
        same = np.isnan(targets) if np.isnan(ignore_index) else targets == ignore_index
        keep &= ~same
    factor = np.broadcast_to(1.0 if class_weight is None else np.asarray(class_weight), classes)
    if link in registry.ROW_LINKS:
        return _rows(
            targets, classes, keep, factor, alpha, label_smoothing, positives, sample_weight
        )
    yes, no = 1.0, 1.0
    if alpha is not None and np.all(np.asarray(alpha) >= 0):
        yes, no = np.asarray(alpha), 1 - np.asarray(alpha)
    if pos_weight is not None:
        yes = np.asarray(pos_weight)
    y = np.where(keep, targets, 0.0) * (1 - label_smoothing) + label_smoothing / 2
    per_element = factor * np.ones(targets.shape)
    if sample_weight is not None:
        s = np.asarray(sample_weight)
        per_element = per_element * (s if s.ndim == targets.ndim else s[:, None])
    per_element = np.where(keep, per_element, 0.0)
    components = np.stack([y * yes * per_element, (1 - y) * no * per_element], axis=-1)
    return Weighed(components, float(keep.sum()), len(targets))


def _rows(
    targets: np.ndarray,
    classes: int,
    keep: np.ndarray,
    factor: np.ndarray,
    alpha: Any,
    smoothing: float,
    positives: str,
    sample_weight: Any,
) -> Weighed:
    sample = np.ones(len(targets)) if sample_weight is None else np.asarray(sample_weight)
    off = alpha is None or np.all(np.asarray(alpha) < 0)
    scale = np.broadcast_to(1.0 if off else alpha, classes)
    components = np.zeros((len(targets), classes))
    denominator = 0.0
    for n, target in enumerate(targets):
        if not keep[n]:
            continue
        dense = targets.ndim == 2
        y = target.astype(float) if dense else np.eye(classes)[int(target)]
        if positives == "mean":
            y = y / max(1, (y > 0).sum())
        y = y * (1 - smoothing) + smoothing / classes
        components[n] = y * scale * factor * sample[n]
        denominator += sample[n] * (1.0 if dense else factor[int(target)])
    return Weighed(components, denominator, len(targets))
