"""The points behind the figures, against scikit-learn and against what can be counted by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import report_fixtures as made
from sklearn.metrics import average_precision_score

from focalis.compare import report_curves as curves


def one(name: str = "cross-entropy", **kwargs: int) -> tuple[pl.DataFrame, curves.Scores]:
    _, predictions = made.binary(**kwargs)
    return predictions.filter(pl.col("loss") == name), curves.scores_of(predictions, name, 2)


def test_area_under_the_curve_is_the_mean_average_precision_of_the_folds():
    frame, scores = one(rows=20_000)
    per_fold = [
        average_precision_score(fold["target"], fold["logit"])
        for _, fold in frame.group_by("repeat", "fold")
    ]
    area = np.trapezoid(curves.precision_at_recall(scores, 1), curves.RECALL_GRID)
    assert area == pytest.approx(np.mean(per_fold), abs=2e-3)


def test_precision_counts_by_hand():
    frame = pl.DataFrame(
        {
            "loss": ["a"] * 4,
            "repeat": [0] * 4,
            "fold": [0] * 4,
            "row": [0, 1, 2, 3],
            "target": [1, 0, 1, 0],
            "weight": [1.0, 1.0, 1.0, 5.0],
            "logit": [3.0, 2.0, 1.0, 0.0],
            "link": [0.9, 0.8, 0.7, 0.5],
            "posterior": [None] * 4,
            "isotonic": [None] * 4,
        }
    )
    scores = curves.scores_of(frame, "a", 2)
    precision = curves.precision_at_recall(scores, 1)
    assert precision[0] == precision[100] == 1.0  # the first row finds half of the positives
    assert precision[101] == precision[200] == pytest.approx(2 / 3)


def test_weight_of_two_equals_the_row_twice():
    _, predictions = made.binary(rows=400, repeats=1)
    heavy = predictions.with_columns(weight=pl.when(pl.col("row") % 3 == 0).then(2.0).otherwise(1))
    twice = pl.concat([predictions, predictions.filter(pl.col("row") % 3 == 0)])
    a, b = (curves.scores_of(frame, "focal 2", 2) for frame in (heavy, twice))
    edges = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(
        curves.precision_at_recall(a, 1), curves.precision_at_recall(b, 1), rtol=1e-12
    )
    for part in ("weight", "predicted", "positive"):
        of_a, of_b = (getattr(curves.reliability(s, "link", 1), part) for s in (a, b))
        np.testing.assert_allclose(of_a, of_b, rtol=1e-12)
    np.testing.assert_allclose(
        curves.margin_histogram(curves.margins(a), a.weight, edges),
        curves.margin_histogram(curves.margins(b), b.weight, edges),
        rtol=1e-12,
    )


def test_fold_without_the_class_is_left_out():
    frame, _ = one(rows=500, repeats=1)
    without = frame.with_columns(
        target=pl.when(pl.col("fold") == 0).then(0).otherwise(pl.col("target"))
    )
    kept = frame.filter(pl.col("fold") != 0)
    a, b = (curves.scores_of(f, "cross-entropy", 2) for f in (without, kept))
    np.testing.assert_array_equal(
        curves.precision_at_recall(a, 1), curves.precision_at_recall(b, 1)
    )
    none = curves.scores_of(frame.with_columns(target=pl.lit(0)), "cross-entropy", 2)
    assert np.isnan(curves.precision_at_recall(none, 1)).all()


def test_reliability_bins_hold_every_row_once_and_their_means_lie_inside():
    frame, scores = one()
    bins = curves.reliability(scores, "link", 1)
    assert bins.rows.sum() == frame.height
    assert bins.positive.sum() == frame["target"].sum()
    mean = bins.predicted / bins.weight
    low = np.arange(curves.RELIABILITY_BINS) / curves.RELIABILITY_BINS
    assert (mean >= low).all()
    assert (mean <= low + 0.1).all()


def test_unknown_probabilities_are_no_forecasts():
    _, predictions = made.without_numbers()
    scores = curves.scores_of(predictions, "cross-entropy", 2)
    assert not curves.reliability(scores, "posterior", 1).rows.any()
    assert curves.reliability(scores, "link", 1).rows.sum() == 200


@pytest.mark.parametrize(("made_by", "n_classes"), [(made.binary, 2), (made.multiclass, 10)])
def test_margin_is_the_log_odds_of_the_truth(made_by, n_classes):
    _, predictions = made_by(rows=300)
    scores = curves.scores_of(predictions, "cross-entropy", n_classes)
    truth = np.take_along_axis(scores.probabilities["link"], scores.target[:, None], 1)[:, 0]
    np.testing.assert_allclose(curves.margins(scores), np.log(truth / (1 - truth)), rtol=1e-9)


def test_softmax_margins_do_not_depend_on_the_pieces(monkeypatch):
    _, predictions = made.multiclass(rows=300)
    scores = curves.scores_of(predictions, "cross-entropy", 10)
    whole = curves.margins(scores)
    monkeypatch.setattr(curves, "SOFTMAX_PIECE", 7)
    np.testing.assert_array_equal(curves.margins(scores), whole)


def test_histogram_loses_no_row_and_zero_is_an_edge():
    margin = np.array([-np.inf, -30.0, -0.1, 0.1, 2.0, np.inf, np.nan])
    edges = curves.margin_edges([np.array([-4.0, 5.0])])
    assert np.abs(edges).min() == 0
    share = curves.margin_histogram(margin, np.ones(7), edges)
    assert share.sum() == pytest.approx(1)
    assert share[edges[:-1] < 0].sum() == pytest.approx(0.5)
    assert share[0] == share[-1] + 1 / 6 == pytest.approx(2 / 6)


def test_histogram_edges_without_any_finite_margin():
    edges = curves.margin_edges([np.full(2, np.nan)])
    assert np.isfinite(edges).all()
    assert np.isnan(curves.margin_histogram(np.array([np.nan]), np.ones(1), edges)).all()


def test_shape_of_cross_entropy_is_the_log_loss():
    for n_classes in (2, 4):
        for shape in curves.loss_shapes("cross_entropy", n_classes):
            chance = made.sigmoid(curves.SHAPE_MARGINS)
            np.testing.assert_allclose(shape.value, -np.log(chance), rtol=1e-9)
            np.testing.assert_allclose(shape.slope, chance - 1, rtol=1e-9)


def test_slope_is_the_derivative_of_the_value():
    for text, n_classes in [("focal(gamma=2, alpha=.25)", 2), ("softmax_poly1", 5)]:
        for shape in curves.loss_shapes(text, n_classes):
            numeric = np.gradient(shape.value, curves.SHAPE_MARGINS)
            np.testing.assert_allclose(shape.slope[1:-1], numeric[1:-1], atol=2e-3)


def test_shapes_carry_the_class_weights():
    negative, positive = curves.loss_shapes("focal(gamma=2, alpha=.25)", 2)
    np.testing.assert_allclose(negative.value, 3 * positive.value)
    first, second, third = curves.loss_shapes("softmax_focal(class_weight=[2, 1, 1])", 3)
    np.testing.assert_allclose(first.value, 2 * second.value)
    np.testing.assert_array_equal(second.slope, third.slope)


def test_a_loss_without_rows_is_an_error():
    _, predictions = made.binary(rows=100)
    with pytest.raises(ValueError, match="found none for 'no such loss'"):
        curves.scores_of(predictions, "no such loss", 2)
