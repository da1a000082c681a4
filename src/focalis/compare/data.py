"""The data of a comparison: features, class indices, weights, and warnings about them."""

import contextlib
import difflib
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from focalis.cleaning import printable
from focalis.compare.checks import suspicious_columns
from focalis.compare.errors import InputError
from focalis.compare.settings import Settings
from focalis.compare.tables import as_features, has_decimal_commas, read_table

MAX_CLASSES = 100


@dataclass(frozen=True, eq=False)
class Data:
    """A table ready for cross-validation.

    Attributes
    ----------
    name : str
        What a report calls it.
    features : polars.DataFrame
        The feature columns, in the rows that have a target.
    targets : NDArray[np.int64]
        Class indices; with two classes, 1 is the positive one.
    classes : tuple of str
        The label of each class index.
    rows : NDArray[np.int64]
        Each row's number in the file, from 0.
    weights : NDArray[np.float64]
        Row weights, 1 without a weight column.
    groups, times : NDArray[np.int64] or None
        Rows of equal group stay together; times give the order of the rows.
    rows_without_target, rows_without_weight : int
        How many rows of the file are left out because they have no target, or a weight of 0.
    positive_by_default : bool
        Whether the positive class was chosen only because it is the rarer one.
    fingerprint : str
        SHA-256 of the content that was read.
    warnings : list of str
        Things the user should look at.
    """

    name: str
    features: pl.DataFrame
    targets: NDArray[np.int64]
    classes: tuple[str, ...]
    rows: NDArray[np.int64]
    weights: NDArray[np.float64]
    groups: NDArray[np.int64] | None = None
    times: NDArray[np.int64] | None = None
    rows_without_target: int = 0
    rows_without_weight: int = 0
    positive_by_default: bool = False
    fingerprint: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def binary(self) -> bool:
        """Whether there are two classes, and hence one logit."""
        return len(self.classes) == 2

    def describe(self) -> dict[str, object]:
        """Return the "data" part of results.json."""
        return {
            "name": self.name,
            "rows": len(self.targets),
            "rows_without_target": self.rows_without_target,
            "rows_without_weight": self.rows_without_weight,
            "features": self.features.width,
            "classes": list(self.classes),
            "positive": self.classes[1] if self.binary else None,
            "positive_by_default": self.positive_by_default,
            "counts": np.bincount(self.targets, minlength=len(self.classes)).tolist(),
            "warnings": self.warnings,
            "sha256": self.fingerprint,
        }


def load(settings: Settings) -> Data:
    """Load and check the data named in the settings.

    Parameters
    ----------
    settings : Settings
        If `settings.data` is None, scikit-learn's scanned digits are loaded: "is it an 8?".

    Returns
    -------
    Data
        With at least one feature, 2 to 100 classes, and in every class at least twice as many rows as
        there are folds.

    Raises
    ------
    InputError
        If the file cannot be read, a column does not exist, or the content cannot be used.
    """
    data = _digits() if settings.data is None else _from_file(settings.data, settings)
    _check_class_sizes(data, settings.folds)
    data.warnings.extend(suspicious_columns(data.features, data.targets))
    return data


def _digits() -> Data:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.ascontiguousarray(bunch.data)
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    kept = np.ptp(pixels, axis=0) > 0  # two corners are always white
    features = pl.DataFrame(
        pixels[:, kept], schema=[n for n, k in zip(names, kept, strict=True) if k]
    )
    targets = (bunch.target == 8).astype(np.int64)
    content = hashlib.sha256(pixels.tobytes() + targets.tobytes())
    return Data(
        name="scanned digits: is it an 8?",
        features=features,
        targets=targets,
        classes=("not 8", "8"),
        rows=np.arange(len(targets)),
        weights=np.ones(len(targets)),
        fingerprint=content.hexdigest(),
    )


def _from_file(path: Path, settings: Settings) -> Data:
    table, fingerprint = read_table(path)
    row = "row" + max(table.columns, key=len)  # a name that no column has
    frame = table.with_row_index(row)
    columns = {role: getattr(settings, role) for role in ("target", "group", "time", "weight")}
    asked = [*columns.items(), *(("drop", column) for column in settings.drop)]
    for role, column in asked:
        if column is not None and column not in table.columns:
            raise InputError(f"{role}: {_no_such(column, table.columns, 'column', str(path))}")
    all_rows = frame.height
    frame = frame.filter(_present(frame[settings.target or ""]))
    rows_without_target = all_rows - frame.height
    if frame.height == 0:
        raise InputError(f"target: column {settings.target!r} has no value in any row")
    weights = np.ones(frame.height)
    if settings.weight is not None:
        weights = _weights(frame[settings.weight], frame[row])
        frame, weights = frame.filter(weights > 0), weights[weights > 0]
        if frame.height == 0:
            raise InputError(f"weight: column {settings.weight!r} is 0 in every row with a target")

    target = frame[settings.target or ""]
    targets, classes = _choose_positive(*_encode(target), settings.positive, target.name)
    named = {column for _, column in asked if column is not None}
    features, warnings = _features(frame.drop(row, *named))
    return Data(
        name=printable(path.name),
        features=features,
        targets=targets,
        classes=classes,
        rows=frame[row].to_numpy().astype(np.int64),
        weights=weights,
        groups=None if settings.group is None else _groups(frame[settings.group], frame[row]),
        times=None if settings.time is None else _times(frame[settings.time], frame[row]),
        rows_without_target=rows_without_target,
        rows_without_weight=all_rows - rows_without_target - frame.height,
        positive_by_default=len(classes) == 2 and settings.positive is None,
        fingerprint=fingerprint,
        warnings=warnings,
    )


def _no_such(name: str, known: list[str], kind: str, where: str) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    hint = f"; the nearest is {near[0]!r}" if near else ""
    return f"no {kind} {name!r} in {where}{hint}"


def _label(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encode(column: pl.Series) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return class indices and labels of a target without missing values, in sorted order."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise InputError(
            f"target: expected a column of labels, got {column.name!r} of type {column.dtype}"
        )
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype.is_float():
        numbers = column.to_numpy()
        if (numbers == np.round(numbers)).all() and np.abs(numbers).max() < 2**53:
            column = column.cast(pl.Int64)
    values = column.unique().sort()
    if len(values) == 1:
        raise InputError(
            f"target: expected two classes or more in column {column.name!r}, "
            f"got one: {_label(values[0])!r}"
        )
    if len(values) > MAX_CLASSES:
        raise InputError(
            f"target: expected at most {MAX_CLASSES} classes in column {column.name!r}, "
            f"got {len(values)}; is it a number to predict, or an identifier?"
        )
    indices = pl.Series(range(len(values)), dtype=pl.Int64)
    codes = column.replace_strict(values, indices, return_dtype=pl.Int64)
    return codes.to_numpy().astype(np.int64), tuple(_label(value) for value in values)


def _choose_positive(
    targets: NDArray[np.int64], classes: tuple[str, ...], positive: str | None, column: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Put the positive class last; if one is named out of several classes, merge the others."""
    if positive is None:
        if len(classes) > 2:
            return targets, classes
        counts = np.bincount(targets, minlength=2)
        chosen = 0 if counts[0] < counts[1] else 1
    else:
        chosen = _find_label(positive, classes, column)
    other = f"not {classes[chosen]}" if len(classes) > 2 else classes[1 - chosen]
    return (targets == chosen).astype(np.int64), (other, classes[chosen])


def _find_label(text: str, classes: tuple[str, ...], column: str) -> int:
    if text in classes:
        return classes.index(text)
    # "1.0" for a 1 and "True" for a true mean the same label.
    folded = [label.casefold() for label in classes]
    candidates = [text.casefold()]
    with contextlib.suppress(ValueError, OverflowError):  # the text may not be a finite number
        candidates.append(str(int(float(text))))
    for candidate in candidates:
        if folded.count(candidate) == 1:
            return folded.index(candidate)
    raise InputError(f"positive: {_no_such(text, list(classes), 'value', f'column {column!r}')}")


def _features(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return the columns that can be informative, and warnings about the others."""
    warnings = []
    features = as_features(frame)
    for name in frame.columns:
        if name not in features.columns:
            warnings.append(f"column {name!r} is left out: it holds {frame[name].dtype}")
            continue
        nulls = features[name].null_count()
        added = nulls - frame[name].null_count()
        if added:
            beyond = "infinite or beyond 3.4e38"
            warnings.append(f"column {name!r}: {added} numbers {beyond} count as missing")
        if nulls == frame.height or features[name].n_unique() == 1:
            what = "empty" if nulls == frame.height else "the same in every row"
            warnings.append(f"column {name!r} is left out: it is {what}")
            features = features.drop(name)
        elif has_decimal_commas(features[name]):
            warnings.append(f"column {name!r} is taken as text: its numbers have commas")
    if features.width == 0:
        raise InputError("no feature is left: every other column is empty, constant or not a value")
    return features, warnings


def _check_class_sizes(data: Data, folds: int) -> None:
    counts = np.bincount(data.targets, minlength=len(data.classes))
    rarest = int(counts.argmin())
    count = int(counts[rarest])
    if count >= 2 * folds:
        return
    label = data.classes[rarest]
    remedy = (
        f"--folds {count // 2} would do" if count >= 4 else "no number of folds would do: 4 needed"
    )
    raise InputError(
        f"target: class {label!r} has {count} row{'s' * (count != 1)}, "
        f"fewer than twice the {folds} folds; {remedy}"
    )


def _present(column: pl.Series) -> pl.Series:
    """Return a mask of the values that are not missing; NaN counts as missing."""
    there = column.is_not_null()
    return there & ~column.is_nan().fill_null(False) if column.dtype.is_float() else there


def _reject_missing(column: pl.Series, role: str, rows: pl.Series) -> None:
    missing = (~_present(column)).arg_true()
    if len(missing):
        raise InputError(
            f"{role}: expected a value in every row of column {column.name!r}, "
            f"got none in row {rows[missing[0]]} (counted from 0)"
        )


def _weights(column: pl.Series, rows: pl.Series) -> NDArray[np.float64]:
    if not column.dtype.is_numeric():
        raise InputError(
            f"weight: expected numbers in column {column.name!r}, got type {column.dtype}"
        )
    _reject_missing(column, "weight", rows)
    weights = column.cast(pl.Float64).to_numpy().astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if wrong.size:
        first = int(wrong[0])
        raise InputError(
            f"weight: expected finite numbers of at least 0 in column {column.name!r}, "
            f"got {weights[first]} in row {rows[first]} (counted from 0)"
        )
    return weights


def _groups(column: pl.Series, rows: pl.Series) -> NDArray[np.int64]:
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise InputError(
            f"group: expected plain values in column {column.name!r}, got type {column.dtype}"
        )
    _reject_missing(column, "group", rows)
    text = column.cast(pl.String)
    codes = text.replace_strict(
        (values := text.unique().sort()),
        pl.Series(range(len(values)), dtype=pl.Int64),
        return_dtype=pl.Int64,
    )
    return codes.to_numpy().astype(np.int64)


def _times(column: pl.Series, rows: pl.Series) -> NDArray[np.int64]:
    if not (column.dtype.is_temporal() or column.dtype.is_numeric()):
        raise InputError(
            f"time: expected dates or numbers in column {column.name!r}, got type {column.dtype}"
        )
    _reject_missing(column, "time", rows)
    return column.rank("dense").cast(pl.Int64).to_numpy().astype(np.int64) - 1
