"""The numbers behind the report's figures: out-of-fold predictions in, a few hundred points out.

Every function takes whole columns and returns a fixed number of points, so the report of a million rows
is as small as that of a thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

import focalis
from focalis.maths.links import link_for, softmax_margins

Floats = NDArray[np.float64]

RECALL_GRID: Floats = np.linspace(0.0, 1.0, 201)
SHAPE_MARGINS: Floats = np.linspace(-6.0, 6.0, 121)
RELIABILITY_BINS = 10
MARGIN_BINS = 50
SOFTMAX_PIECE = 65_536
SOURCES = ("link", "posterior", "isotonic")


@dataclass(frozen=True)
class Scores:
    """The out-of-fold predictions of one loss, as arrays; binary predictions also have two columns.

    ``target`` holds class indices, ``part`` the repeat and fold of a row as one consecutive number;
    ``logits`` are (N,) for two classes, (N, K) for more. ``probabilities`` by source (see `SOURCES`)
    are (N, K), and NaN where the loss does not determine them.
    """

    target: NDArray[np.int64]
    weight: Floats
    part: NDArray[np.int64]
    logits: Floats
    probabilities: dict[str, Floats]

    @cached_property
    def folds(self) -> list[NDArray[np.int64]]:
        """The positions of the rows in each repeat and fold."""
        order = np.argsort(self.part, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.part))[:-1])

    def ranking(self, k: int) -> Floats:
        """Return the scores that order the rows by class `k` against the rest, (N,)."""
        if self.logits.ndim == 1:
            return self.logits if k == 1 else -self.logits
        # One-vs-rest compares rows with each other, which a softmax logit alone does not allow: adding a
        # constant to a row's logits means nothing, yet would move the row.
        return self.probabilities["link"][:, k]


def required_columns(n_classes: int) -> list[str]:
    """Return the columns that the predictions of a comparison must have."""
    outputs = ("logit", *SOURCES)
    if n_classes > 2:
        scores = [f"{output}_{k}" for output in outputs for k in range(n_classes)]
    else:
        scores = list(outputs)
    return ["loss", "repeat", "fold", "row", "target", "weight", *scores]


def scores_of(predictions: pl.DataFrame, name: str, n_classes: int) -> Scores:
    """Select the predictions of one loss from the table of all."""
    # Copy only this loss: with a million rows the table may take gigabytes.
    rows = predictions.lazy().filter(pl.col("loss") == name).collect()
    if rows.is_empty():
        raise ValueError(f"predictions: expected rows for every loss, found none for {name!r}")

    def columns(stem: str) -> Floats:
        names = [f"{stem}_{k}" for k in range(n_classes)] if n_classes > 2 else [stem]
        filled = rows.select(pl.col(names).cast(pl.Float64).fill_null(float("nan")))
        return filled.to_numpy()

    def of_all_classes(values: Floats) -> Floats:
        return values if n_classes > 2 else np.column_stack([1.0 - values, values])

    logits = columns("logit")
    folds = rows.select(pl.struct("repeat", "fold").rank("dense")).to_series()
    return Scores(
        target=rows["target"].cast(pl.Int64).to_numpy(),
        weight=rows["weight"].cast(pl.Float64).to_numpy(),
        part=folds.cast(pl.Int64).to_numpy() - 1,
        logits=logits if n_classes > 2 else logits[:, 0],
        probabilities={source: of_all_classes(columns(source)) for source in SOURCES},
    )


def precision_at_recall(scores: Scores, k: int) -> Floats:
    """Precision of class `k` against the rest, on `RECALL_GRID`, averaged over the folds.

    The folds are averaged, not pooled: the models of different folds may score on different scales, and
    the area under the average is the average precision in the table. Folds without the class, for which
    precision is undefined, are left out; the result is NaN if that leaves none.
    """
    score, target = scores.ranking(k), scores.target == k
    seen = np.isfinite(score) & (scores.weight > 0)
    curves = []
    for fold in scores.folds:
        rows = fold[seen[fold]]
        if not target[rows].any():
            continue
        precision, recall, _ = precision_recall_curve(
            target[rows], score[rows], sample_weight=scores.weight[rows]
        )
        # The last point (recall 0, precision 1) is a convention, not a measurement; and rounding in the
        # sum of the weights can leave full recall slightly below 1.
        precision, recall = precision[-2::-1], recall[-2::-1]
        step = np.searchsorted(recall, RECALL_GRID - 1e-12).clip(max=recall.size - 1)
        curves.append(precision[step])
    return np.mean(curves, axis=0) if curves else np.full(RECALL_GRID.shape, np.nan)


@dataclass(frozen=True)
class Bins:
    """Sums over the equal-width bins of a predicted probability."""

    rows: Floats
    weight: Floats
    predicted: Floats
    positive: Floats

    def __add__(self, other: Bins) -> Bins:
        """Pool two sets of forecasts."""
        return Bins(
            self.rows + other.rows,
            self.weight + other.weight,
            self.predicted + other.predicted,
            self.positive + other.positive,
        )


def reliability(scores: Scores, source: str, k: int) -> Bins:
    """Sort the forecasts for class `k` into bins of the predicted probability."""
    forecast = scores.probabilities[source][:, k]
    known = np.isfinite(forecast)
    forecast, weight = forecast[known], scores.weight[known]
    bin_of = (forecast * RELIABILITY_BINS).astype(np.int64).clip(0, RELIABILITY_BINS - 1)

    def total(values: Floats) -> Floats:
        return np.bincount(bin_of, values, minlength=RELIABILITY_BINS).astype(np.float64)

    return Bins(
        rows=total(np.ones_like(forecast)),
        weight=total(weight),
        predicted=total(weight * forecast),
        positive=total(weight * (scores.target[known] == k)),
    )


def margins(scores: Scores) -> Floats:
    """Return the margin of each row: the log-odds that the model assigns to the truth."""
    if scores.logits.ndim == 1:
        return np.where(scores.target == 1, scores.logits, -scores.logits)
    # In pieces, because the ratios returned with the margins take several times the logits' memory.
    pieces = range(0, scores.target.size, SOFTMAX_PIECE)
    return np.concatenate(
        [
            softmax_margins(
                scores.logits[i : i + SOFTMAX_PIECE], scores.target[i : i + SOFTMAX_PIECE]
            ).margin
            for i in pieces
        ]
    )


def margin_edges(quantiles: Sequence[Floats]) -> Floats:
    """Return common bin edges, including 0, that cover all rows except the outermost.

    `quantiles` has the 0.1 % and 99.9 % quantiles of the margins, one pair per loss.
    """
    ends = np.asarray(quantiles, dtype=np.float64).reshape(-1, 2)
    ends = ends[np.isfinite(ends).all(axis=1)]
    low, high = (ends[:, 0].min(), ends[:, 1].max()) if ends.size else (-1.0, 1.0)
    low, high = min(low, -0.5), max(high, 0.5)
    width = (high - low) / MARGIN_BINS
    return np.arange(np.floor(low / width), np.ceil(high / width) + 1) * width


def margin_quantiles(margin: Floats) -> Floats:
    """Return the 0.1 % and 99.9 % quantiles of the finite margins, NaN if there are none."""
    finite = margin[np.isfinite(margin)]
    return np.quantile(finite, [0.001, 0.999]) if finite.size else np.full(2, np.nan)


def margin_histogram(margin: Floats, weight: Floats, edges: Floats) -> Floats:
    """Return the share of the weight in each bin; margins beyond the ends go into the last bins."""
    known = ~np.isnan(margin)
    inside = margin[known].clip(edges[0], edges[-1])
    counts, _ = np.histogram(inside, edges, weights=weight[known])
    total = counts.sum()
    return counts / total if total > 0 else np.full(counts.shape, np.nan)


@dataclass(frozen=True)
class Shape:
    """Value and slope of a loss on `SHAPE_MARGINS` when one particular class is the truth."""

    value: Floats
    slope: Floats


def loss_shapes(text: str, n_classes: int) -> list[Shape]:
    """Return a loss as a function of the margin, with each class in turn as the truth.

    For a softmax the other classes share the remaining probability; value and slope along the true logit
    do not depend on how, by the definition of the margin.
    """
    parsed = replace(focalis.parse(text, link=link_for(n_classes)), reduction="none")
    return [_shape(parsed, k, n_classes) for k in range(n_classes)]


def _shape(loss: focalis.Loss, k: int, n_classes: int) -> Shape:
    # The reference engine: a hundred points do not justify compiling a kernel.
    if n_classes == 2:
        sign = 1.0 if k == 1 else -1.0
        value, gradient = loss.value_and_grad(
            sign * SHAPE_MARGINS, np.full(SHAPE_MARGINS.shape, float(k)), engine="numpy"
        )
        return Shape(np.asarray(value), sign * gradient)
    logits = np.zeros((SHAPE_MARGINS.size, n_classes))
    logits[:, k] = SHAPE_MARGINS + np.log(n_classes - 1)
    value, gradient = loss.value_and_grad(logits, np.full(SHAPE_MARGINS.size, k), engine="numpy")
    return Shape(np.asarray(value), gradient[:, k])
