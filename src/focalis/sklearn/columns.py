"""From frames and arrays to the numbers that every booster takes, categories as whole numbers."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

__all__ = ["Columns", "plain_names"]

Array = np.ndarray

# How the types of text and category columns begin, in pandas and polars.
_CATEGORICAL_TYPES = ("categor", "enum", "str", "object", "utf8", "large_string")


# What LightGBM or XGBoost does not take in a feature's name.
_NOT_IN_NAMES = re.compile(r'[][<>{}",:\s]')


def plain_names(names: Sequence[Any]) -> list[str]:
    """Return feature names as every booster takes them, special characters as underscores.

    Examples
    --------
    >>> plain_names(["age [years]", "size", "age <years>"])
    ['age__years_', 'size', 'age__years__2']
    """
    plain: list[str] = []
    for place, name in enumerate(names):
        text = _NOT_IN_NAMES.sub("_", str(name))
        plain.append(f"{text}_{place}" if text in plain else text)
    return plain


class Columns:
    """Which columns are categorical, and the categories of each; the code of a category is its place.

    Parameters
    ----------
    categorical : {"from_dtype"}, None or sequence of int or str
        ``"from_dtype"``: those columns of a frame that hold text or categories. Else the columns by
        place or name.
    """

    def __init__(self, categorical: Any) -> None:
        self.categorical = categorical
        self.categories: dict[int, list[Any]] = {}

    def fit_transform(self, estimator: Any, X: Any) -> Array:
        """Learn the categories and return the numbers; feature names go to the estimator."""
        if not self._is_frame(X) and self._chosen() is None:
            return _numbers(estimator, X, reset=True)
        if not self._is_frame(X):
            X = check_array(X, dtype=None, ensure_all_finite=False)
        validate_data(estimator, X=X, reset=True, skip_check_array=True)
        for place in self._places(X):
            self.categories[place] = _distinct(_column(X, place))
        return self._encode(estimator, X)

    def transform(self, estimator: Any, X: Any) -> Array:
        """Return the numbers of other rows; a category that was not there before is missing."""
        if not self.categories:
            return _numbers(estimator, X, reset=False)
        if not self._is_frame(X):
            X = check_array(X, dtype=None, ensure_all_finite=False)
        validate_data(estimator, X=X, reset=False, skip_check_array=True)
        return self._encode(estimator, X)

    def _encode(self, estimator: Any, X: Any) -> Array:
        if not self.categories:
            return _numbers(estimator, X, reset=True)
        encoded = np.empty(X.shape, np.float64)
        for place in range(X.shape[1]):
            column = _column(X, place)
            if place in self.categories:
                codes = {one: code for code, one in enumerate(self.categories[place])}
                encoded[:, place] = [codes.get(one, np.nan) for one in _values(column)]
            else:
                encoded[:, place] = _real(column, place)
        return encoded

    def _chosen(self) -> Sequence[Any] | None:
        if self.categorical is None or isinstance(self.categorical, str):
            if self.categorical not in (None, "from_dtype"):
                raise ValueError(
                    "categorical_features must be 'from_dtype', None or a list of columns, "
                    f"got {self.categorical!r}"
                )
            return None
        return list(self.categorical) or None

    def _places(self, X: Any) -> list[int]:
        chosen = self._chosen()
        names = list(X.columns) if self._is_frame(X) else []
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
        types = [str(X[name].dtype).lower() for name in names]
        return [i for i, one in enumerate(types) if one.startswith(_CATEGORICAL_TYPES)]

    @staticmethod
    def _is_frame(X: Any) -> bool:
        return hasattr(X, "columns") and hasattr(X, "shape")


def _numbers(estimator: Any, X: Any, *, reset: bool) -> Array:
    return np.asarray(
        validate_data(
            estimator,
            X=X,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
        )
    )


def _column(X: Any, place: int) -> Any:
    return X[X.columns[place]] if hasattr(X, "columns") else X[:, place]


def _real(column: Any, place: int) -> Array:
    if hasattr(column, "cast"):  # polars
        column = column.to_numpy()
    elif hasattr(column, "isna"):  # pandas, whose NA is no float
        column = column.to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = np.asarray(column, np.float64)
    if np.isinf(numbers).any():
        raise ValueError(f"X must not hold infinity, got one in column {place}")
    return numbers


def _values(column: Any) -> list[Any]:
    """Return a column as plain values, None where one is missing."""
    if hasattr(column, "cast"):  # polars
        return list(column.to_list())
    if hasattr(column, "isna"):  # pandas, whose NA equals nothing and is no truth value
        gaps = column.isna().to_numpy()
        return [None if gap else one for one, gap in zip(column.tolist(), gaps, strict=True)]
    return [None if one is None or one != one else one for one in np.asarray(column).tolist()]


def _distinct(column: Any) -> list[Any]:
    values = {one for one in _values(column) if one is not None}
    return sorted(values, key=lambda one: (type(one).__name__, one))
