"""Reading a table from a file, and turning its columns into features."""

import codecs
import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import polars.selectors as cs
from polars.exceptions import PolarsError

from focalis.compare.errors import InputError

_MISSING = ["", "NA", "NaN", "nan", "NULL", "null"]
_CHUNK = 1 << 20
_NESTED = cs.nested() | cs.binary() | cs.object()


def _read_delimited(content: bytes) -> pl.DataFrame:
    _require_utf8(content)
    # Many CSV files use semicolons as separators, so let the header decide.
    with io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="") as file:
        header = file.readline()
        while header.count('"') % 2 and (
            line := file.readline()
        ):  # a name that spans several lines
            header += line
        header = re.sub(r'"[^"]*"', "", header)
        separator = max(",;\t|", key=header.count)
        file.seek(0)
        names = next(csv.reader(file, delimiter=separator), [])
    counts = Counter(filter(None, names))  # the empty columns of spreadsheets have no names
    if twice := [name for name, count in counts.items() if count > 1]:
        raise _NoTableError(
            f"it has {counts[twice[0]]} columns called {twice[0]!r}: rename all but one"
        )
    frame = pl.read_csv(
        content,
        separator=separator,
        null_values=_MISSING,
        try_parse_dates=True,
        infer_schema_length=None,
    )
    # In files that write decimal commas, semicolons separate the values.
    return frame.with_columns(
        column.str.replace(",", ".", literal=True).cast(pl.Float64)
        for column in frame
        if separator == ";" and has_decimal_commas(column)
    )


def has_decimal_commas(column: pl.Series) -> bool:
    """Whether a column is text that consists of numbers, some of them with a decimal comma.

    Examples
    --------
    >>> has_decimal_commas(pl.Series(["1,5", None, "-2"])), has_decimal_commas(pl.Series(["1", "2"]))
    (True, False)
    """
    if column.dtype != pl.String:
        return False
    numbers = column.str.contains(r"^[+-]?\d+(,\d+)?([eE][+-]?\d+)?$").all()
    return numbers and bool(column.str.contains(",", literal=True).any())


def _require_utf8(content: bytes) -> None:
    """Raise if a text has another encoding; Polars would only notice that inside a value."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for position in range(0, len(content) + 1, _CHUNK):
        kept = len(decoder.getstate()[0])
        chunk = content[position : position + _CHUNK]
        try:
            decoder.decode(chunk, final=position + _CHUNK > len(content))
        except UnicodeDecodeError as error:
            raise _NoTableError(
                f"byte {position - kept + error.start} is {error.object[error.start]:#04x}, "
                "which is not UTF-8; save it as UTF-8"
            ) from error


def _read_json_lines(content: bytes) -> pl.DataFrame:
    return pl.read_ndjson(content, infer_schema_length=None)


def _read_parquet(content: bytes) -> pl.DataFrame:
    return pl.read_parquet(content)


def _read_arrow(content: bytes) -> pl.DataFrame:
    try:
        return pl.read_ipc(content)
    except PolarsError:
        return pl.read_ipc_stream(content)  # the streaming format shares the suffix


_READERS: dict[str, Callable[[bytes], pl.DataFrame]] = {
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".tab": _read_delimited,
    ".txt": _read_delimited,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
    ".ipc": _read_arrow,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
}


class _NoTableError(Exception):
    """Says what is wrong with a file; the caller adds its name."""


def read_table(path: Path) -> tuple[pl.DataFrame, str]:
    """Read a table in the format that its suffix names; return it and the SHA-256 of the file.

    The file is opened here, once, and Polars receives its content: no character of a file name is taken
    for a pattern, and the digest is of exactly what was read. In text formats the header determines the
    separator, and an empty cell, NA, NaN or NULL is a missing value. What is not a table of at least
    one row and one column is an InputError.
    """
    try:
        if not path.exists():
            raise InputError(f"no such file: {path}")
        if not path.is_file():
            raise InputError(f"{path} is not a file")
        reader = _READERS.get(path.suffix.lower())
        if reader is None:
            known = ", ".join(_READERS)
            raise InputError(f"{path} is not a table: expected a name ending in one of {known}")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        frame = reader(content)
    except (PolarsError, OSError, csv.Error, _NoTableError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} is not a readable {path.suffix[1:]} table: {reason}") from error
    if frame.height == 0 or frame.width == 0:
        raise InputError(f"{path} is not a table: it has no rows")
    return frame, hashlib.sha256(content).hexdigest()


def as_features(frame: pl.DataFrame) -> pl.DataFrame:
    """Give every column a type that the vectoriser can handle.

    Decimals and 128-bit integers become floats, durations and times of day become seconds, categories
    become strings, and numbers that are infinite in float32 become missing values. Nested and binary
    columns are dropped.

    Examples
    --------
    >>> as_features(pl.DataFrame({"x": [1.0, float("inf")], "list": [[1], [2]]})).to_dicts()
    [{'x': 1.0}, {'x': None}]
    """
    wide_integers = cs.by_dtype(pl.Int128)
    frame = frame.select(~_NESTED).with_columns(
        (cs.decimal() | wide_integers).cast(pl.Float64),
        cs.duration().dt.total_microseconds() / 1e6,
        cs.time().cast(pl.Int64) / 1e9,
        (cs.categorical() | cs.enum()).cast(pl.String),
    )
    infinite = cs.float().cast(pl.Float32).is_infinite()  # the feature matrix is float32
    finite = pl.when(infinite).then(None).otherwise(cs.float())
    return frame.with_columns(finite.name.keep())
