"""Small data sets for the tests of `focalis compare`."""

import csv
from pathlib import Path

import numpy as np
import polars as pl

from focalis.compare import Settings


def two_classes(rows=120, seed=0):
    """A learnable binary target, one third positives, and columns of several kinds."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((rows, 3))
    positive = x[:, 0] + 0.7 * generator.standard_normal(rows) > 0.5
    missing = generator.random(rows) < 0.1
    return pl.DataFrame(
        {
            "x": np.round(x[:, 0], 3),
            "size": pl.Series(np.where(missing, np.nan, np.round(x[:, 1], 3)), nan_to_null=True),
            "colour": [["red", "green", "blue"][i % 3] for i in range(rows)],
            "day": pl.Series(np.datetime64("2024-01-01") + generator.integers(0, 300, rows)),
            "flag": x[:, 2] > 0,
            "group": [f"g{i % 30}" for i in range(rows)],
            "weight": np.round(generator.uniform(0.5, 2, rows), 2),
            "answer": np.where(positive, "yes", "no"),
        }
    )


def three_classes(rows=150, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((rows, 2))
    angle = np.arctan2(x[:, 1], x[:, 0]) + 0.4 * generator.standard_normal(rows)
    return pl.DataFrame({"x": x[:, 0], "z": x[:, 1], "kind": np.digitize(angle, [-1, 1])})


def write_csv(path: Path, frame: pl.DataFrame) -> Path:
    frame.write_csv(path)
    return path


def write_rows(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


TWO_LOSSES = ("cross-entropy", "focal(gamma=2, alpha=.25)")


def settings_for(folder: Path, **changes) -> Settings:
    chosen = {
        "data": folder / "table.csv",
        "target": "answer",
        "folds": 2,
        "repeats": 2,
        "jobs": 1,
        "losses": TWO_LOSSES,
        "out": folder / "report",
    }
    return Settings(**{**chosen, **changes})


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
