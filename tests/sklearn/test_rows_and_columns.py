"""Sparse rows, and columns of every kind."""

import numpy as np
import pandas
import polars
import pytest
from classifier_data import EVERY_BOOSTER, FEW, cancer
from scipy import sparse
from sklearn.model_selection import train_test_split

from focalis.sklearn import BoostedClassifier, LinearClassifier
from focalis.sklearn.columns import plain_names


def mostly_zeros(n=200):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n, 5)) * (rng.random((n, 5)) < 0.3)
    return features, (features[:, 0] + features[:, 1] + 0.3 * rng.standard_normal(n) > 0).astype(
        int
    )


def wide(features):
    """Return sparse rows with 64-bit indices, as in products of sparse arrays."""
    rows = sparse.csr_array(features)
    rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    return rows


def in_parts(features):
    """Return sparse rows in which every number is stored in two parts, out of order."""
    n, width = features.shape
    part = np.random.default_rng(1).standard_normal(features.shape)
    places = np.tile([*range(width)[::-1], *range(width)], n)
    parts = np.hstack([part[:, ::-1], features - part]).ravel()
    return sparse.csr_array((parts, places, 2 * width * np.arange(n + 1)), shape=features.shape)


@EVERY_BOOSTER
def test_parts_of_a_sparse_number_add_up(booster):
    features, labels = mostly_zeros()
    features += 1
    far = in_parts(features)
    model = BoostedClassifier("focal(gamma=1)", booster, **FEW).fit(features, labels)
    # The sums differ from the numbers by rounding, which affects no split of these trees.
    np.testing.assert_array_equal(model.raw_logits(far), model.raw_logits(features))
    assert far.nnz == 2 * features.size


@EVERY_BOOSTER
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.coo_array, wide])
def test_sparse_rows_are_the_same_rows(booster, make):
    features, labels = mostly_zeros()
    features[3, 3] = np.nan
    far = make(features)
    model = BoostedClassifier("focal(gamma=1)", booster, **FEW).fit(features, labels)
    expected = model.raw_logits(features)
    assert np.ptp(expected) > 0.1
    np.testing.assert_array_equal(model.raw_logits(far), expected)
    model.fit(far, labels, X_val=features, y_val=labels)
    # XGBoost treats a zero that is not stored as missing, whatever the form of later rows.
    if booster != "xgboost":
        np.testing.assert_allclose(model.raw_logits(far), expected, atol=1e-9)
    np.testing.assert_array_equal(model.raw_logits(features), model.raw_logits(far))


@EVERY_BOOSTER
def test_sparse_rows_stop_early_and_go_on(booster):
    features, labels = mostly_zeros()
    far = sparse.csr_array(features)
    model = BoostedClassifier(
        "focal(gamma=1)", booster, early_stopping_rounds=2, learning_rate=0.5, n_jobs=1
    ).fit(far, labels)
    assert model.n_estimators_ < 100
    model = BoostedClassifier("focal(gamma=1)", booster, warm_start=True, **FEW).fit(far, labels)
    assert model.set_params(n_estimators=9).fit(far, labels).n_estimators_ == 9


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_a_linear_model_takes_sparse_rows(solver):
    features, labels = mostly_zeros()
    classes = labels + (features[:, 2] > 0)
    for truth in (labels, classes):
        dense, far = (
            LinearClassifier("focal(gamma=1)", solver=solver).fit(rows, truth)
            for rows in (features, sparse.csc_array(features))
        )
        np.testing.assert_allclose(far.coef_, dense.coef_, atol=1e-9)
        logits = far.raw_logits(sparse.coo_matrix(features))
        np.testing.assert_allclose(logits, dense.raw_logits(features), atol=1e-8)


@pytest.mark.parametrize("gap", [None, np.nan, pandas.NA], ids=["None", "NaN", "NA"])
def test_numbers_kept_as_objects_are_numbers(gap):
    sizes = pandas.Series([1.5, gap, 2.5, 3.0] * 30, dtype=object)
    features = pandas.DataFrame({"size": sizes, "flag": [True, None] * 60})
    labels = np.array([0, 1, 1, 1] * 30)
    model = BoostedClassifier(**FEW).fit(features, labels)
    assert model.categories_ == {}
    again = BoostedClassifier(**FEW).fit(features.assign(name=["a", "b"] * 60), labels)
    assert again.categories_ == {2: ["a", "b"]}
    np.testing.assert_array_equal(model.predict(features), labels)


NO_NUMBERS = {
    "times": (pandas.DataFrame, pandas.date_range("2020-01-01", periods=4)),
    "durations": (pandas.DataFrame, pandas.to_timedelta(np.arange(4), unit="h")),
    "complex numbers": (pandas.DataFrame, np.arange(4) * 1j),
    "times of polars": (polars.DataFrame, pandas.date_range("2020-01-01", periods=4)),
}


@pytest.mark.parametrize("case", NO_NUMBERS)
def test_what_is_no_number_beside_a_category_raises(case):
    make, column = NO_NUMBERS[case]
    features = make({"when": column, "name": ["a", "b", "a", "b"]})
    with pytest.raises(ValueError, match=r"X must hold real numbers or categories, got .* 0"):
        BoostedClassifier(**FEW).fit(features, [0, 1, 0, 1])


TIMES_AND_LISTS = {
    **{name: NO_NUMBERS[name] for name in NO_NUMBERS if name != "complex numbers"},
    "lists of polars": (polars.DataFrame, [[1], [2], [3], [4]]),
}


@pytest.mark.parametrize("others", [{}, {"size": [1.0, 2.0, 3.0, 4.0]}], ids=["alone", "beside"])
@pytest.mark.parametrize("case", TIMES_AND_LISTS)
def test_times_and_lists_are_no_numbers(case, others):
    make, column = TIMES_AND_LISTS[case]
    features = make({"when": column, **others})
    for model in (BoostedClassifier(**FEW), LinearClassifier()):
        with pytest.raises(ValueError, match=r"X must hold real numbers or categories, got .* 0"):
            model.fit(features, [0, 1, 0, 1])


@pytest.mark.parametrize("cell", [[1], {1}, {}], ids=["list", "set", "dict"])
def test_cells_that_are_collections_are_no_categories(cell):
    features = pandas.DataFrame({"size": [1.0, 2.0] * 30, "name": ["a", "b"] * 30})
    model = BoostedClassifier(**FEW).fit(features, [0, 1] * 30)
    others = features.assign(name=[cell] * 60)
    for ask in (model.predict, lambda rows: BoostedClassifier(**FEW).fit(rows, [0, 1] * 30)):
        with pytest.raises(ValueError, match=r"X must hold real numbers or categories, got .* 1"):
            ask(others)


def test_sparse_rows_have_no_chosen_categories():
    rows = sparse.csr_matrix(np.eye(4))
    with pytest.raises(ValueError, match=r"categorical_features must be .* sparse X, got \[0\]"):
        BoostedClassifier(categorical_features=[0], **FEW).fit(rows, [0, 1, 0, 1])


@pytest.mark.parametrize("gap", [None, np.nan, pandas.NA], ids=["None", "NaN", "NA"])
def test_a_gap_of_any_kind_is_a_missing_category(gap):
    rows = np.array([["x", 1], [gap, 2], ["y", 3]] * 20, dtype=object)
    model = BoostedClassifier(categorical_features=[0], **FEW).fit(rows, [0, 1, 1] * 20)
    assert model.categories_ == {0: ["x", "y"]}
    assert np.isfinite(model.raw_logits(rows)).all()


def test_plain_names_differ():
    assert plain_names(["a b", "a_b_2", "a:b", ""]) == ["a_b", "a_b_2", "a_b_2_2", "_"]


@EVERY_BOOSTER
def test_the_rows_held_out_have_weight(booster):
    features, labels = cancer()
    weight = np.zeros(len(labels))
    weighty = np.arange(0, len(labels), 3)
    weight[weighty] = 2.0
    settings = {"booster": booster, "early_stopping_rounds": 2, **FEW}
    model = BoostedClassifier(**settings).fit(features, labels, weight)

    share = {"test_size": 0.1, "stratify": labels[weighty], "random_state": 0}
    held = np.sort(train_test_split(weighty, **share)[1])
    kept = np.setdiff1d(np.arange(len(labels)), held)
    given = BoostedClassifier(**settings).fit(
        features[kept], labels[kept], weight[kept], X_val=features[held], y_val=labels[held]
    )
    np.testing.assert_array_equal(model.raw_logits(features), given.raw_logits(features))
    assert model.n_estimators_ > 1
