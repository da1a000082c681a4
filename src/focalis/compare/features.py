"""From columns of any type to the numbers that a model takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from focalis.compare.tables import as_features


class Vectoriser(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """skrub's TableVectorizer, restricted to the fitted columns, from polars to a float32 matrix.

    Numbers stay as they are, strings with few distinct values are one-hot encoded, other strings become
    the leading components of their n-gram counts, and dates become year, month, day and seconds. The
    target is never looked at.

    Parameters
    ----------
    seed : int, default 0
        The seed of the string encoder.

    Attributes
    ----------
    types_ : dict of str to polars.DataType
        The columns that it was fitted on, in order, with their types.
    vectoriser_ : skrub.TableVectorizer
        The fitted skrub vectoriser.

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
            Ignored.

        Returns
        -------
        Vectoriser
            The vectoriser itself.

        Raises
        ------
        TypeError
            If `frame` is not a polars.DataFrame.
        """
        self.fit_transform(frame)
        return self

    def fit_transform(self, frame: pl.DataFrame, y: object = None) -> NDArray[np.float32]:
        """Learn the columns and return their numbers, as `fit` and `transform` do.

        Parameters
        ----------
        frame, y
            As for `fit`.

        Returns
        -------
        ndarray of float32
            One row per row of the frame.
        """
        from sklearn.preprocessing import OneHotEncoder
        from skrub import StringEncoder, TableVectorizer

        _check_frame(frame)
        # Unlike skrub's default, this encodes unknown categories as all zeros.
        one_hot = OneHotEncoder(dtype=np.float32, handle_unknown="ignore", sparse_output=False)
        self.types_: dict[str, pl.DataType] = dict(frame.schema)
        self.vectoriser_: Any = TableVectorizer(
            low_cardinality=one_hot, high_cardinality=StringEncoder(random_state=self.seed)
        )
        return _matrix(self.vectoriser_.fit_transform(_numbered(frame)))

    def transform(self, frame: pl.DataFrame) -> NDArray[np.float32]:
        """Return the numbers of other rows with these columns; further columns are ignored.

        Columns that arrive with another type, such as dates read as text, are converted; values that
        cannot be converted become missing.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows.

        Returns
        -------
        ndarray of float32
            One row per row of the frame.

        Raises
        ------
        TypeError
            If `frame` is not a polars.DataFrame.
        ValueError
            If a column is missing, or a column of dates contains no date.
        sklearn.exceptions.NotFittedError
            If called before `fit`.
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
    """Return the steps that turn a frame into the input of the model called `model`.

    For a linear model, features are standardised and missing values replaced by the column's mean, with
    an indicator column added.
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
    """Return the features with names that skrub keeps: when fitting, it renames an empty name."""
    features = as_features(frame)
    features.columns = [str(number) for number in range(features.width)]
    return features


def _converted(column: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return a column converted to the type that it had in fitting."""
    if column.dtype == dtype:
        return column
    if column.dtype == pl.String and dtype.is_temporal() and column.drop_nulls().len():
        # No format, as when reading a table: polars infers it from the first value that is a date.
        try:
            return column.str.to_datetime(strict=False).cast(dtype, strict=False)
        except PolarsError as error:
            raise ValueError(f"column {column.name!r} must hold dates: {error}") from error
    return column.cast(dtype, strict=False)


def _matrix(frame: pl.DataFrame) -> NDArray[np.float32]:
    return np.ascontiguousarray(frame.to_numpy(), dtype=np.float32)
