"""From frames and arrays to the numbers that every booster accepts, with categories as integers."""

import re
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, validate_data

Array = np.ndarray

# Prefixes of the type names of text and category columns in pandas and polars.
_CATEGORICAL_TYPES = ("categor", "enum", "str", "utf8", "large_string")


# Prefixes of the names of types that are neither numbers nor categories.
_NEITHER_TYPES = ("date", "time", "duration", "period", "interval", "list", "array", "struct")

# Characters that LightGBM or XGBoost does not accept in a feature's name.
_NOT_IN_NAMES = re.compile(r'[][<>{}",:\s]')


def plain_names(names: Sequence[Any]) -> list[str]:
    """Return feature names that every booster accepts, with special characters as underscores.

    Examples
    --------
    >>> plain_names(["age [years]", "size", "age <years>"])
    ['age__years_', 'size', 'age__years__2']
    """
    plain: list[str] = []
    for place, name in enumerate(names):
        text = _NOT_IN_NAMES.sub("_", str(name)) or "_"
        while text in plain:
            text = f"{text}_{place}"
        plain.append(text)
    return plain


def is_missing(value: Any) -> bool:
    """Return whether a value is missing: None, NaN, NaT, or pandas' NA.

    Examples
    --------
    >>> [is_missing(one) for one in (None, float("nan"), "nan", 0)]
    [True, True, False, False]
    """
    if value is None:
        return True
    # NaN is not equal to itself, and comparing NA gives NA, which is not a bool.
    equal = value == value
    return not (isinstance(equal, bool | np.bool_) and equal)


class Columns:
    """Which columns are categorical, with their categories; the code of a category is its position.

    Parameters
    ----------
    categorical : {"from_dtype"}, None or sequence of int or str
        ``"from_dtype"`` for the columns of a frame that hold text or categories; otherwise the columns,
        by position or name.
    """

    def __init__(self, categorical: Any) -> None:
        self.categorical = categorical
        self.categories: dict[int, list[Any]] = {}
        self.sparse = False

    def fit_transform(self, estimator: Any, X: Any) -> Any:
        """Learn the categories and return the numbers; feature names are set on the estimator."""
        self.sparse = sparse.issparse(X)
        if self.sparse and self._chosen() is not None:
            raise ValueError(
                "categorical_features must be 'from_dtype' or None for a sparse X, "
                f"got {self.categorical!r}"
            )
        if _is_frame(X) or self._chosen() is not None:
            X = self._table(X)
            validate_data(estimator, X=X, reset=True, skip_check_array=True)
            for place in self._places(X):
                self.categories[place] = _distinct(_cells(X, place))
        return self._numbers(estimator, X, reset=True)

    def transform(self, estimator: Any, X: Any) -> Any:
        """Return the numbers of other rows; an unknown category becomes a missing value."""
        return self._numbers(estimator, X, reset=False)

    def _numbers(self, estimator: Any, X: Any, *, reset: bool) -> Any:
        check_types(X, self.categories)
        if self.categories or self._has_objects(X):
            X = self._table(X)
            validate_data(estimator, X=X, reset=reset, skip_check_array=True)
            numbers: Any = self._encode(X)
        else:
            numbers = _numbers(estimator, X, reset=reset)
        # XGBoost takes a zero that is not stored for a missing value, so all rows need the same form.
        if sparse.issparse(numbers) == self.sparse:
            return numbers
        return sparse.csr_matrix(numbers) if self.sparse else numbers.toarray()

    def _table(self, X: Any) -> Any:
        """Return a frame unchanged, other rows as an array of any type."""
        return X if _is_frame(X) else check_array(X, dtype=None, ensure_all_finite=False)

    def _has_objects(self, X: Any) -> bool:
        """Return whether a frame has object columns, whose missing values scikit-learn may not read."""
        return _is_frame(X) and any(_is_object(X[name]) for name in X.columns)

    def _encode(self, X: Any) -> Array:
        encoded = np.empty(X.shape, np.float64)
        for place in range(X.shape[1]):
            if place in self.categories:
                codes = {one: code for code, one in enumerate(self.categories[place])}
                encoded[:, place] = [codes.get(one, np.nan) for one in _cells(X, place)]
            else:
                encoded[:, place] = _real(_column(X, place), place)
        return encoded

    def _chosen(self) -> Sequence[Any] | None:
        chosen = self.categorical
        if chosen is None or (isinstance(chosen, str) and chosen == "from_dtype"):
            return None
        if isinstance(chosen, str) or not isinstance(chosen, Iterable):
            raise ValueError(
                "categorical_features must be 'from_dtype', None or a list of columns, "
                f"got {chosen!r}"
            )
        return list(chosen) or None

    def _places(self, X: Any) -> list[int]:
        chosen = self._chosen()
        names = list(X.columns) if _is_frame(X) else []
        if chosen is not None:
            places = [names.index(one) if one in names else one for one in chosen]
            for one, place in zip(chosen, places, strict=True):
                if isinstance(place, bool) or not isinstance(place, int | np.integer):
                    raise ValueError(f"categorical_features must name columns of X, got {one!r}")
                if not 0 <= place < X.shape[1]:
                    raise ValueError(
                        f"categorical_features must lie in [0, {X.shape[1]}), got {one!r}"
                    )
            return sorted(int(place) for place in places)
        if self.categorical is None:
            return []
        return [place for place in range(len(names)) if _is_categorical(_column(X, place))]


def check_types(X: Any, categories: Iterable[int] = ()) -> None:
    """Raise if a column of a frame holds neither numbers nor, in `categories`, categories."""
    for place in range(len(X.columns) if _is_frame(X) else 0):
        found = _column(X, place)
        if place not in categories and _type(found).startswith(_NEITHER_TYPES):
            raise _neither(found.dtype, place)


def _neither(found: Any, place: int) -> ValueError:
    return ValueError(f"X must hold real numbers or categories, got {found} in column {place}")


def _is_frame(X: Any) -> bool:
    return hasattr(X, "columns") and hasattr(X, "shape")


def _numbers(estimator: Any, X: Any, *, reset: bool) -> Any:
    numbers = validate_data(
        estimator,
        X=X,
        reset=reset,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        ensure_all_finite="allow-nan",
    )
    if not sparse.issparse(numbers):
        return np.asarray(numbers)
    # LightGBM does not accept sparse arrays, nor CatBoost wide indices: this makes a csr_matrix.
    rows = sparse.csr_matrix((numbers.data, numbers.indices, numbers.indptr), numbers.shape)
    if not rows.has_canonical_format:
        # The boosters do not sum duplicate entries; the copy leaves the caller's matrix alone.
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


def _column(X: Any, place: int) -> Any:
    return X[X.columns[place]] if hasattr(X, "columns") else X[:, place]


def _type(column: Any) -> str:
    return str(getattr(column, "dtype", "")).lower()


def _is_object(column: Any) -> bool:
    return _type(column) == "object"


def _is_categorical(column: Any) -> bool:
    if _is_object(column):
        return not all(one is None or isinstance(one, Real) for one in _values(column))
    return _type(column).startswith(_CATEGORICAL_TYPES)


def _real(column: Any, place: int) -> Array:
    if hasattr(column, "cast"):  # polars
        column = column.to_numpy()
    if column.dtype.kind in "cmM":
        raise _neither(column.dtype, place)
    if hasattr(column, "isna"):  # pandas, whose NA cannot become a float by itself
        column = column.to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = np.asarray(column, np.float64)
    if np.isinf(numbers).any():
        raise ValueError(f"X must not hold infinity, got one in column {place}")
    return numbers


def _values(column: Any) -> list[Any]:
    """Return a column as plain values, with None where one is missing."""
    if hasattr(column, "cast"):  # polars
        return list(column.to_list())
    if hasattr(column, "isna"):  # pandas, whose NA equals nothing, not even itself
        gaps = column.isna().to_numpy()
        return [None if gap else one for one, gap in zip(column.tolist(), gaps, strict=True)]
    return [None if is_missing(one) else one for one in np.asarray(column).tolist()]


def _cells(X: Any, place: int) -> list[Any]:
    """Return the values of a column as categories."""
    values = _values(_column(X, place))
    for one in values:
        try:
            hash(one)
        except TypeError:
            raise _neither(repr(one), place) from None
    return values


def _distinct(values: list[Any]) -> list[Any]:
    return sorted(
        {one for one in values if one is not None}, key=lambda one: (type(one).__name__, one)
    )
