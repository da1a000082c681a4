"""From columns of any type to the numbers a model takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from focalis.compare.tables import as_features

__all__ = ["Vectoriser"]


class Vectoriser:
    """skrub's TableVectorizer, with the columns it was fitted on, from polars to a float32 matrix.

    Numbers stay, strings of few values are one-hot encoded, others become the leading components of
    their n-gram counts, dates become year, month, day and seconds. It never sees the target.

    Parameters
    ----------
    seed : int
        Seed of the string encoder.

    Examples
    --------
    >>> frame = pl.DataFrame({"size": [1.5, None], "colour": ["red", "blue"]})
    >>> Vectoriser().fit_transform(frame)
    array([[1.5, 0. , 1. ],
           [nan, 1. , 0. ]], dtype=float32)
    """

    def __init__(self, seed: int = 0) -> None:
        from sklearn.preprocessing import OneHotEncoder
        from skrub import StringEncoder, TableVectorizer

        self.columns: list[str] = []
        # Unlike skrub's default this one has no opinion on categories it has not met: all zeros.
        one_hot = OneHotEncoder(dtype=np.float32, handle_unknown="ignore", sparse_output=False)
        self._vectoriser: Any = TableVectorizer(
            low_cardinality=one_hot, high_cardinality=StringEncoder(random_state=seed)
        )

    def fit_transform(self, frame: pl.DataFrame) -> NDArray[np.float32]:
        """Learn the columns and return their numbers, one row for each row."""
        self.columns = frame.columns
        return _matrix(self._vectoriser.fit_transform(as_features(frame)))

    def transform(self, frame: pl.DataFrame) -> NDArray[np.float32]:
        """Return the numbers of other rows with these columns; more columns do no harm."""
        return _matrix(self._vectoriser.transform(as_features(frame.select(self.columns))))


def _matrix(frame: pl.DataFrame) -> NDArray[np.float32]:
    return np.ascontiguousarray(frame.to_numpy(), dtype=np.float32)
