import numpy as np
import polars as pl

from focalis.compare.checks import suspicious_columns

ROWS = 400
GENERATOR = np.random.default_rng(0)
TARGETS = (GENERATOR.random(ROWS) < 0.15).astype(np.int64)
NOISE = GENERATOR.standard_normal(ROWS)


def warnings_about(values, targets=TARGETS):
    return suspicious_columns(pl.DataFrame({"c": values}), targets)


def test_identifiers_are_named():
    for values in ([f"id{i}" for i in range(ROWS)], GENERATOR.permutation(ROWS)):
        assert warnings_about(values) == ["column 'c' is unique in every row: is it an identifier?"]


def test_continuous_numbers_and_dates_are_no_identifiers():
    assert warnings_about(NOISE) == []
    assert warnings_about(np.datetime64("2020-01-01") + GENERATOR.permutation(ROWS)) == []


def test_leaks_are_named():
    leak = ["column 'c' predicts the target alone: is the answer leaking?"]
    assert warnings_about(TARGETS * 10 + 0.1 * NOISE) == leak
    assert warnings_about(np.where(TARGETS == 1, "bad", "good")) == leak
    assert warnings_about(TARGETS == 1) == leak
    assert warnings_about([1.0 if target else None for target in TARGETS]) == leak
    assert warnings_about([None if target else "x" for target in TARGETS]) == leak


def test_a_leak_among_three_classes():
    targets = np.arange(ROWS) % 3
    assert "predicts" in warnings_about(targets * 1.5, targets)[0]
    assert warnings_about((targets == 0) * 1.0, targets) == []


def test_good_features_are_no_leaks():
    assert warnings_about(TARGETS + 0.5 * NOISE) == []
    assert warnings_about(np.where(GENERATOR.random(ROWS) < 0.05, 1 - TARGETS, TARGETS)) == []


def test_too_few_rows_to_tell():
    targets = np.array([0] * 30 + [1] * 19)
    assert warnings_about(targets * 1.0, targets) == []
