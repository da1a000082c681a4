import datetime
import hashlib
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from focalis.compare import tables
from focalis.compare.errors import InputError
from focalis.compare.tables import as_features, has_decimal_commas

FRAME = pl.DataFrame(
    {"n": [1, 2, None], "s": ["a", None, "c, d"], "b": [True, False, True], "f": [0.5, None, 2.0]}
)


def read_table(path):
    return tables.read_table(path)[0]


WRITERS = {
    "csv": lambda frame, path: frame.write_csv(path),
    "tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "parquet": lambda frame, path: frame.write_parquet(path),
    "arrow": lambda frame, path: frame.write_ipc(path),
    "feather": lambda frame, path: frame.write_ipc(path),
    "ipc": lambda frame, path: frame.write_ipc_stream(path),
    "jsonl": lambda frame, path: frame.write_ndjson(path),
    "ndjson": lambda frame, path: frame.write_ndjson(path),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_reads_back(tmp_path, suffix):
    path = tmp_path / f"table.{suffix}"
    WRITERS[suffix](FRAME, path)
    assert_frame_equal(read_table(path), FRAME)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("name", ["data[1]", "st*r", "q?", "~", "{a,b}"])
def test_no_name_is_a_pattern(tmp_path, monkeypatch, suffix, name):
    monkeypatch.chdir(tmp_path)
    for other in ("data1", "star", "qq", "a"):
        WRITERS[suffix](FRAME.head(1), tmp_path / f"{other}.{suffix}")
    path = Path(f"{name}.{suffix}")
    WRITERS[suffix](FRAME, tmp_path / "made")
    (tmp_path / "made").rename(path)
    frame, sha256 = tables.read_table(path)
    assert_frame_equal(frame, FRAME)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        read_table(path)


def test_the_suffix_may_be_in_capitals(tmp_path):
    path = tmp_path / "TABLE.CSV"
    FRAME.write_csv(path)
    assert_frame_equal(read_table(path), FRAME)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_comes_from_the_header(tmp_path, separator):
    path = tmp_path / "table.csv"
    path.write_text(separator.join(['"a,;b"', "c", "d"]) + "\n" + separator.join("123") + "\n")
    assert read_table(path).to_dicts() == [{"a,;b": 1, "c": 2, "d": 3}]


def test_a_name_of_several_lines_hides_no_separator(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('"size\nin mm";y\n1;2\n')
    assert read_table(path).to_dicts() == [{"size\nin mm": 1, "y": 2}]


def test_decimal_commas_between_semicolons(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x;n;text\n1,5;1;1,5\n;2;a\n-2;3;b\n")
    frame = read_table(path)
    assert frame.to_dict(as_series=False) == {
        "x": [1.5, None, -2.0],
        "n": [1, 2, 3],
        "text": ["1,5", "a", "b"],
    }


def test_commas_between_other_separators_may_be_thousands(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('x,y\n"1,500",0\n"2",1\n')
    frame = read_table(path)
    assert frame["x"].to_list() == ["1,500", "2"]
    assert has_decimal_commas(frame["x"])
    assert not has_decimal_commas(frame["y"])


def test_missing_values_and_dates_of_text_files(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x,day\nNA,2024-01-31\nNaN,\n1.5,2024-02-01\n")
    frame = read_table(path)
    assert frame["x"].to_list() == [None, None, 1.5]
    assert frame["day"].to_list() == [datetime.date(2024, 1, 31), None, datetime.date(2024, 2, 1)]


def test_columns_without_a_name_may_be_several(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("größe,y,,\n1,2,,\n", encoding="utf-8")
    assert read_table(path).columns[:2] == ["größe", "y"]


def test_a_type_that_only_the_last_row_shows(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("x\n" + "1\n" * 5000 + "one\n")
    assert read_table(path)["x"].dtype == pl.String


BAD_FILES = {
    "missing.csv": (None, "no such file"),
    "empty.csv": (b"", "not a readable csv table"),
    "header.csv": (b"a,b\n", "it has no rows"),
    "ragged.csv": (b"a,b\n1,2\n3,4,5\n", "not a readable csv table"),
    "binary.csv": (bytes(range(256)) * 20, "not a readable csv table"),
    "latin.csv": ("größe,y\n1,2\n".encode("latin-1"), "byte 2 is 0xf6, which is not UTF-8"),
    "utf16.tsv": ("a\ty\n1\t2\n".encode("utf-16"), "byte 0 is 0xff, which is not UTF-8"),
    "cut.csv": (b"a,y\n1,\xc3", "byte 6 is 0xc3, which is not UTF-8"),
    "long.csv": (
        b"a,y\n" + b"1,2\n" * 300_000 + b"1,\xff\n",
        "byte 1200006 is 0xff, which is not UTF-8",
    ),
    "twice.csv": (b'y,"a;b",y\n1,2,3\n', "2 columns called 'y': rename all but one"),
    "twice.tsv": (b"\xef\xbb\xbfy\ta\ty\n1\t2\t3\n", "2 columns called 'y'"),
    "text.parquet": (b"a,b\n1,2\n", "not a readable parquet table"),
    "text.arrow": (b"a,b\n1,2\n", "not a readable arrow table"),
    "list.jsonl": (b'[{"a": 1}]\n', "not a readable jsonl table"),
    "picture.png": (b"\x89PNG", "expected a name ending in one of .csv"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_not_a_table_is_refused_in_one_line(tmp_path, name):
    content, message = BAD_FILES[name]
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_folder_is_not_a_table(tmp_path):
    with pytest.raises(InputError, match="is not a file"):
        read_table(tmp_path)


def test_a_name_too_long_for_a_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*: File name too long|no such file"):
        read_table(tmp_path / ("a" * 300 + ".csv"))


def test_what_float32_cannot_hold_is_missing():
    sentinel = pl.DataFrame({"x": [1.5, -1.8e308, None, 3e38, float("nan")]})
    assert as_features(sentinel)["x"].to_list()[:4] == [1.5, None, None, 3e38]
    assert as_features(sentinel)["x"].is_nan().to_list()[4]


def test_every_type_becomes_a_feature():
    frame = pl.DataFrame(
        {
            "decimal": [Decimal("1.25"), None],
            "seconds": [datetime.timedelta(milliseconds=1500), None],
            "clock": [datetime.time(0, 1, 0), None],
            "category": pl.Series(["a", "b"], dtype=pl.Categorical),
            "enum": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
            "wide": pl.Series([1, 2], dtype=pl.Int128),
            "infinite": [float("-inf"), 1.0],
            "nested": [{"a": 1}, {"a": 2}],
            "bytes": [b"a", b"b"],
        }
    )
    features = as_features(frame)
    assert features.row(0, named=True) == {
        "decimal": 1.25,
        "seconds": 1.5,
        "clock": pytest.approx(60.0),
        "category": "a",
        "enum": "a",
        "wide": 1.0,
        "infinite": None,
    }
    assert features.schema["category"] == pl.String
    assert features.schema["wide"] == pl.Float64
