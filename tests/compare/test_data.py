import datetime

import numpy as np
import polars as pl
import pytest
from compare_data import two_classes, write_csv

from focalis.compare import InputError, Settings, load


def settings_for(path, **changes):
    return Settings(data=path, **{"target": "answer", "folds": 2, **changes})


def load_target(tmp_path, values, **changes):
    """Load a table with this target and one feature."""
    path = tmp_path / "table.parquet"
    rows = len(values)
    feature = np.random.default_rng(0).standard_normal(rows)
    pl.DataFrame({"x": feature, "answer": values}, strict=False).write_parquet(path)
    return load(settings_for(path, **changes))


DAY = datetime.date(2024, 1, 1)
TARGETS = {
    "strings": (["no"] * 6 + ["yes"] * 4, ("no", "yes")),
    "booleans": ([False] * 6 + [True] * 4, ("false", "true")),
    "integers": ([0] * 6 + [1] * 4, ("0", "1")),
    "floats that are integers": ([0.0] * 6 + [1.0] * 4, ("0", "1")),
    "other floats": ([0.5] * 6 + [1.5] * 4, ("0.5", "1.5")),
    "dates": ([DAY] * 6 + [DAY.replace(day=2)] * 4, ("2024-01-01", "2024-01-02")),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_binary_target_may_have_any_type(tmp_path, kind):
    values, classes = TARGETS[kind]
    data = load_target(tmp_path, values)
    assert data.classes == classes
    assert data.targets.tolist() == [0] * 6 + [1] * 4
    assert data.binary


def test_categories_are_labels_too(tmp_path):
    values = pl.Series(["b"] * 4 + ["a"] * 6, dtype=pl.Categorical)
    assert load_target(tmp_path, values).classes == ("a", "b")


def test_the_rarer_class_is_positive(tmp_path):
    data = load_target(tmp_path, ["a"] * 4 + ["b"] * 6)
    assert data.classes == ("b", "a")
    assert data.targets.tolist() == [1] * 4 + [0] * 6
    assert data.positive_by_default
    assert data.describe()["positive"] == "a"


def test_of_equally_many_the_last_is_positive(tmp_path):
    assert load_target(tmp_path, ["a"] * 5 + ["b"] * 5).classes == ("a", "b")


@pytest.mark.parametrize(
    ("values", "positive", "classes"),
    [
        (["a"] * 4 + ["b"] * 6, "b", ("a", "b")),
        ([False] * 4 + [True] * 6, "True", ("false", "true")),
        ([0] * 4 + [1] * 6, "1.0", ("0", "1")),
        ([1.0] * 4 + [2.0] * 6, "2", ("1", "2")),
        ([1] * 4 + [2] * 4 + [3] * 5, "2", ("not 2", "2")),
    ],
)
def test_positive_chooses(tmp_path, values, positive, classes):
    data = load_target(tmp_path, values, positive=positive)
    assert data.classes == classes
    assert data.targets.tolist() == [int(value == values[4]) for value in values]
    assert not data.positive_by_default


def test_several_classes_are_ordered_as_numbers(tmp_path):
    data = load_target(tmp_path, [10] * 4 + [9] * 4 + [-1] * 4)
    assert data.classes == ("-1", "9", "10")
    assert data.targets.tolist() == [2] * 4 + [1] * 4 + [0] * 4
    assert data.describe()["positive"] is None
    assert data.describe()["counts"] == [4, 4, 4]


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_rows_without_a_target_are_left_out(tmp_path, missing):
    data = load_target(tmp_path, [missing, *[0.0] * 5, missing, *[1.0] * 4])
    assert data.rows_without_target == 2
    assert data.rows.tolist() == [1, 2, 3, 4, 5, 7, 8, 9, 10]
    assert data.features.height == len(data.targets) == 9


BAD_TARGETS = {
    "one class": (["a"] * 9, "two classes or more .* got one: 'a'"),
    "no value": ([None] * 9, "no value in any row"),
    "too many": (list(range(101)) * 4, "at most 100 classes .* got 101"),
    "real numbers": (list(np.linspace(0, 1, 500)), "at most 100 classes"),
    "few rows": (
        ["a"] * 9 + ["b"] * 7,
        r"'b' has 7 rows, fewer than twice the 4 .*--folds 3 would",
    ),
    "too few rows": (["a"] * 9 + ["b"], "'b' has 1 row, .* no number of folds would do"),
    "lists": ([[1], [2]] * 9, "expected a column of labels"),
}


@pytest.mark.parametrize("kind", BAD_TARGETS)
def test_a_bad_target_is_refused(tmp_path, kind):
    values, message = BAD_TARGETS[kind]
    with pytest.raises(InputError, match=message):
        load_target(tmp_path, values, folds=4)


def test_the_folds_that_would_do_do(tmp_path):
    assert load_target(tmp_path, ["a"] * 9 + ["b"] * 7, folds=3).classes == ("a", "b")


def test_a_wrong_positive_names_the_nearest(tmp_path):
    with pytest.raises(InputError, match=r"positive: no value 'yess' .* nearest is 'yes'"):
        load_target(tmp_path, ["no"] * 4 + ["yes"] * 4, positive="yess")


@pytest.mark.parametrize("role", ["target", "group", "time", "weight"])
def test_a_wrong_column_names_the_nearest(tmp_path, role):
    path = write_csv(tmp_path / "table.csv", two_classes())
    with pytest.raises(InputError, match=f"{role}: no column 'weigth' .* nearest is 'weight'"):
        load(settings_for(path, **{role: "weigth"}))


def test_only_features_are_features(tmp_path):
    path = write_csv(tmp_path / "table.csv", two_classes())
    data = load(settings_for(path, weight="weight", group="group"))
    assert data.features.columns == ["x", "size", "colour", "day", "flag"]
    data = load(settings_for(path, time="day"))
    assert "day" not in data.features.columns


def test_useless_columns_are_left_out_by_name(tmp_path):
    path = tmp_path / "table.parquet"
    two_classes().with_columns(
        pl.lit(None).alias("void"), pl.lit(7).alias("same"), pl.lit([1, 2]).alias("list")
    ).write_parquet(path)
    data = load(settings_for(path))
    assert {"void", "same", "list"}.isdisjoint(data.features.columns)
    text = "\n".join(data.warnings)
    assert "'void' is left out: it is empty" in text
    assert "'same' is left out: it is the same in every row" in text
    assert "'list' is left out: it holds List" in text


def test_no_feature_is_an_error(tmp_path):
    path = tmp_path / "table.parquet"
    two_classes().select("answer", pl.lit(1).alias("same")).write_parquet(path)
    with pytest.raises(InputError, match="no feature is left"):
        load(settings_for(path))


def test_rows_of_weight_zero_are_left_out(tmp_path):
    path = tmp_path / "table.parquet"
    frame = two_classes().with_row_index("i")
    weight = pl.when(pl.col("i") < 3).then(0.0).otherwise(pl.col("weight"))
    frame.with_columns(weight.alias("weight")).write_parquet(path)
    data = load(settings_for(path, weight="weight"))
    assert data.rows_without_weight == 3
    assert data.rows[0] == 3
    np.testing.assert_array_equal(data.weights, frame["weight"].to_numpy()[3:])


BAD_COLUMNS = {
    "negative weight": ("weight", [1.0, -2.0], r"at least 0 .* got -2.0 in row 1"),
    "infinite weight": ("weight", [1.0, float("inf")], "finite numbers"),
    "missing weight": ("weight", [1.0, None], "got none in row 1"),
    "text weight": ("weight", ["heavy", "light"], "expected numbers in column 'weight'"),
    "no weight": ("weight", [0.0, 0.0], "is 0 in every row"),
    "missing group": ("group", ["a", None], "got none in row 1"),
    "missing time": ("time", [1.0, float("nan")], "got none in row 1"),
    "text time": ("time", ["early", "late"], "expected dates or numbers"),
    "nested group": ("group", [[1], [2]], "expected plain values"),
}


@pytest.mark.parametrize("kind", BAD_COLUMNS)
def test_bad_values_of_a_role_are_refused(tmp_path, kind):
    role, values, message = BAD_COLUMNS[kind]
    path = tmp_path / "table.parquet"
    frame = two_classes().with_columns(pl.Series(role, values * 60))
    frame.write_parquet(path)
    with pytest.raises(InputError, match=f"{role}: .*{message}"):
        load(settings_for(path, **{role: role}))


def test_times_are_ranks_and_groups_are_codes(tmp_path):
    path = tmp_path / "table.parquet"
    frame = two_classes()
    frame.write_parquet(path)
    times = load(settings_for(path, time="day")).times
    days = frame["day"].to_numpy()
    np.testing.assert_array_equal(times[:, None] < times, days[:, None] < days)
    groups = load(settings_for(path, group="group")).groups
    names = frame["group"].to_numpy()
    np.testing.assert_array_equal(groups[:, None] == groups, names[:, None] == names)


def test_the_fingerprint_is_the_content(tmp_path):
    first = write_csv(tmp_path / "first.csv", two_classes())
    same = write_csv(tmp_path / "same.csv", two_classes())
    other = write_csv(tmp_path / "other.csv", two_classes(seed=1))
    prints = [load(settings_for(path)).fingerprint for path in (first, same, other)]
    assert prints[0] == prints[1] != prints[2]


def test_the_embedded_digits():
    data = load(Settings())
    assert data.describe()["counts"] == [1623, 174]
    assert data.classes == ("not 8", "8")
    assert data.features.width == 61
    assert data.warnings == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds": 1}, "folds: expected an integer of at least 2, got 1"),
        ({"folds": 2.0}, "folds"),
        ({"repeats": 0}, "repeats"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"jobs": 0}, "jobs"),
        (
            {"model": "forest"},
            "model: expected one of lightgbm, xgboost, catboost, linear, got 'forest'",
        ),
        ({"group": "a", "time": "b"}, "group and time"),
        ({"resume": True, "overwrite": True}, "resume and overwrite"),
        ({"weight": "answer"}, "column 'answer' is already the target"),
        ({"target": None}, "target: expected the name"),
    ],
)
def test_settings_that_make_no_sense(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        settings_for(tmp_path, **changes)


def test_columns_without_data_make_no_sense():
    with pytest.raises(InputError, match="positive: the built-in digits"):
        Settings(positive="3")


def test_a_booster_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("focalis.compare.settings.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"xgboost is not installed: pip install 'focalis\[boosting\]'"
    ):
        Settings(model="xgboost")
    assert Settings(model="linear").model == "linear"
