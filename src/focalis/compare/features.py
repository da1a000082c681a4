"""From columns of any type to the numbers a model takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from focalis.compare.tables import as_features

__all__ = ["Vectoriser", "preparation"]


class Vectoriser(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """skrub's TableVectorizer, with the columns it was fitted on, from polars to a float32 matrix.

    Numbers stay, strings of few values are one-hot encoded, others become the leading components of
    their n-gram counts, dates become year, month, day and seconds. It never sees the target.

    Parameters
    ----------
    seed : int, default 0
        Seed of the string encoder.

    Attributes
    ----------
    types_ : dict of str to polars.DataType
        The columns it was fitted on, in their order.
    vectoriser_ : skrub.TableVectorizer
        What was fitted.

    Examples
    --------
    >>> frame = pl.DataFrame({"size": [1.5, None], "colour": ["red", "blue"]})
    >>> Vectoriser().fit_transform(frame)
    array([[1.5, 0. , 1. ],
           [nan, 1. , 0. ]], dtype=float32)
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, frame: pl.DataFrame, y: object = None) -> Vectoriser:
        """Learn the columns.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows.
        y : object
            Is not looked at.

        Returns
        -------
        Vectoriser
            Itself.

        Raises
        ------
        TypeError
            If `frame` is no polars.DataFrame.
        """
        self.fit_transform(frame)
        return self

    def fit_transform(self, frame: pl.DataFrame, y: object = None) -> NDArray[np.float32]:
        """Learn the columns and return their numbers, as `fit` and `transform` do.

        Parameters
        ----------
        frame, y
            As of `fit`.

        Returns
        -------
        ndarray of float32
            One row for each row.
        """
        from sklearn.preprocessing import OneHotEncoder
        from skrub import StringEncoder, TableVectorizer

        _check_frame(frame)
        # Unlike skrub's default this one has no opinion on categories it has not met: all zeros.
        one_hot = OneHotEncoder(dtype=np.float32, handle_unknown="ignore", sparse_output=False)
        self.types_: dict[str, pl.DataType] = dict(frame.schema)
        self.vectoriser_: Any = TableVectorizer(
            low_cardinality=one_hot, high_cardinality=StringEncoder(random_state=self.seed)
        )
        return _matrix(self.vectoriser_.fit_transform(_numbered(frame)))

    def transform(self, frame: pl.DataFrame) -> NDArray[np.float32]:
        """Return the numbers of other rows with these columns; more columns do no harm.

        What arrives as another type, such as dates read as text, is converted; values that cannot be are
        missing.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows.

        Returns
        -------
        ndarray of float32
            One row for each row.

        Raises
        ------
        TypeError
            If `frame` is no polars.DataFrame.
        ValueError
            If a column is missing, or one of dates holds none.
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        _check_frame(frame)
        missing = [name for name in self.types_ if name not in frame.columns]
        if missing:
            raise ValueError(
                f"frame must have the columns it was fitted on, got none named {missing}"
            )
        columns = [_converted(frame[name], dtype) for name, dtype in self.types_.items()]
        return _matrix(self.vectoriser_.transform(_numbered(pl.DataFrame(columns))))


def preparation(model: str, seed: int = 0) -> list[Any]:
    """Return the steps from a frame to what the model called `model` takes.

    A linear model gets standardised features; missing values become the column's mean, with an
    indicator column beside it.
    """
    if model != "linear":
        return [Vectoriser(seed)]
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    imputer = SimpleImputer(add_indicator=True, keep_empty_features=True)
    return [Vectoriser(seed), FunctionTransformer(np.float64), imputer, StandardScaler()]


def _check_frame(frame: object) -> None:
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"frame must be a polars.DataFrame, got {type(frame).__name__}")


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the features under names that skrub keeps: it renames an empty one, but only in fitting."""
    features = as_features(frame)
    features.columns = [str(number) for number in range(features.width)]
    return features


def _converted(column: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return a column in the type it was fitted in."""
    if column.dtype == dtype:
        return column
    if column.dtype == pl.String and dtype.is_temporal() and column.drop_nulls().len():
        # Without a format, as a table is read: the first value that is a date tells it.
        try:
            return column.str.to_datetime(strict=False).cast(dtype, strict=False)
        except PolarsError as error:
            raise ValueError(f"column {column.name!r} must hold dates: {error}") from error
    return column.cast(dtype, strict=False)


def _matrix(frame: pl.DataFrame) -> NDArray[np.float32]:
    return np.ascontiguousarray(frame.to_numpy(), dtype=np.float32)
