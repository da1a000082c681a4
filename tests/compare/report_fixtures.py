"""Made-up comparisons that look like real ones, for the tests of the report and the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from focalis.compare.report_metrics import METRICS

BINARY_LOSSES = (
    ("cross-entropy", "cross_entropy"),
    ("balanced cross-entropy", "cross_entropy(alpha=.9)"),
    ("focal 0.5", "focal(gamma=.5, alpha=.5)"),
    ("focal 1", "focal(gamma=1, alpha=.25)"),
    ("focal 2", "focal(gamma=2, alpha=.25)"),
    ("focal 5", "focal(gamma=5, alpha=.25)"),
    ("focal*", "focal_star(gamma=2, beta=0)"),
    ("poly-1", "poly1(epsilon=1)"),
)
SOFTMAX_LOSSES = (
    ("cross-entropy", "cross_entropy"),
    ("balanced focal", "softmax_focal(gamma=2, class_weight=[2, 1, 1, 1, 1, 1, 1, 1, 1, .5])"),
    ("poly1(epsilon=1)", "softmax_poly1(epsilon=1)"),
)
HOSTILE = "<script>alert(1)</script>"
HOSTILE_NAMES = (
    HOSTILE,
    "</script><img src=x onerror=alert(2)>",
    "\"' onmouseover=alert(3) %{x} &lt;b&gt;",
    "naïve <b>größe</b> <a href='https://example.org'>β</a>",
)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-x))


def softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def binary(
    rows: int = 1797, repeats: int = 2, losses: tuple[tuple[str, str], ...] = BINARY_LOSSES
) -> tuple[dict[str, Any], pl.DataFrame]:
    """One row in ten is positive; each loss squeezes and shifts the logits in its own way."""
    rng = np.random.default_rng(8)
    target = (rng.random(rows) < 0.097).astype(np.int64)
    evidence = rng.normal(np.where(target == 1, 2.2, -2.2), 2.0) - 1.1
    frames = []
    for i, (name, _) in enumerate(losses):
        squeeze = (1.0, 1.0, 0.85, 0.7, 0.5, 0.3, 0.6, 1.15)[i % 8]
        shift = (0.0, 2.2, 0.0, -0.8, -0.7, -0.5, 0.0, 0.0)[i % 8]
        for repeat in range(repeats):
            logit = squeeze * (evidence + rng.normal(0, 0.5 + 0.06 * i, rows)) + shift
            posterior = sigmoid((logit - shift) / squeeze)
            frames.append(
                _frame(name, repeat, target, rng).with_columns(
                    pl.Series("logit", logit),
                    pl.Series("link", sigmoid(logit)),
                    pl.Series("posterior", posterior),
                    pl.Series("isotonic", np.round(posterior, 1)),
                )
            )
    counts = np.bincount(target, minlength=2).tolist()
    data = _data("digits", rows, ["not 8", "8"], "8", counts)
    return _results(data, losses, rng), pl.concat(frames)


def multiclass(
    classes: int = 10, rows: int = 1797, losses: tuple[tuple[str, str], ...] = SOFTMAX_LOSSES
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Several classes of different sizes."""
    rng = np.random.default_rng(10)
    share = np.linspace(2.0, 1.0, classes)
    target = rng.choice(classes, rows, p=share / share.sum())
    evidence = rng.normal(0, 1.6, (rows, classes)) + 3.6 * np.eye(classes)[target]
    frames = []
    for i, (name, _) in enumerate(losses):
        squeeze = (1.0, 0.5, 1.15)[i % 3]
        logits = squeeze * (evidence + rng.normal(0, 0.5 + 0.1 * i, evidence.shape))
        posterior = softmax(logits / squeeze)
        scores = {
            "logit": logits,
            "link": softmax(logits),
            "posterior": posterior,
            "isotonic": np.round(posterior, 1),
        }
        frames.append(
            _frame(name, 0, target, rng).with_columns(
                pl.Series(f"{stem}_{k}", values[:, k])
                for stem, values in scores.items()
                for k in range(classes)
            )
        )
    counts = np.bincount(target, minlength=classes).tolist()
    data = _data("digits", rows, [str(k) for k in range(classes)], None, counts)
    return _results(data, losses, rng), pl.concat(frames)


def without_numbers() -> tuple[dict[str, Any], pl.DataFrame]:
    """Everything that may be null is null, and no loss determines a posterior."""
    results, predictions = binary(rows=200, repeats=1, losses=BINARY_LOSSES[:3])
    for loss in results["losses"]:
        for parts in loss["metrics"].values():
            parts.update(dict.fromkeys(parts))
    scores = [pl.lit(None, pl.Float64).alias(name) for name in ("posterior", "isotonic")]
    return results, predictions.with_columns(scores)


def hostile() -> tuple[dict[str, Any], pl.DataFrame]:
    """Every name that a user can choose tries to break the page."""
    losses = tuple(
        (name, text) for name, (_, text) in zip(HOSTILE_NAMES, BINARY_LOSSES, strict=False)
    )
    results, predictions = binary(rows=300, repeats=1, losses=losses)
    results["data"] |= {
        "name": HOSTILE,
        "classes": [HOSTILE_NAMES[1], HOSTILE],
        "positive": HOSTILE,
        "warnings": [f"column {name} is unique in every row" for name in HOSTILE_NAMES],
    }
    results["settings"] |= {"target": HOSTILE, HOSTILE_NAMES[1]: [HOSTILE, None, True]}
    results["verdict"] = f"{HOSTILE_NAMES[0]} beats {HOSTILE_NAMES[2]}. No $$price or $name here."
    return results, predictions


def _frame(
    name: str, repeat: int, target: NDArray[np.int64], rng: np.random.Generator
) -> pl.DataFrame:
    rows = target.size
    return pl.DataFrame(
        {
            "loss": np.full(rows, name),
            "repeat": np.full(rows, repeat),
            "fold": rng.permutation(rows) % 5,
            "row": np.arange(rows),
            "target": target,
            "weight": np.ones(rows),
        }
    )


def _data(
    name: str, rows: int, classes: list[str], positive: str | None, counts: list[int]
) -> dict[str, Any]:
    return {
        "name": name,
        "rows": rows,
        "rows_without_target": 3,
        "features": 64,
        "classes": classes,
        "positive": positive,
        "counts": counts,
        "warnings": ["column 'id' is unique in every row: it looks like an identifier"],
    }


def _results(
    data: dict[str, Any], losses: tuple[tuple[str, str], ...], rng: np.random.Generator
) -> dict[str, Any]:
    found = []
    for i, (name, text) in enumerate(losses):
        metrics = {}
        for metric in METRICS:
            if metric.key == "fit_seconds":
                level, spread = 0.41, 0.05
            elif metric.higher_is_better:
                level, spread = 0.93, 0.02
            else:
                level, spread = 0.062, 0.01
            mean = float(level + spread * rng.normal())
            difference = float(0.4 * spread * rng.normal()) if i else 0.0
            metrics[metric.key] = {
                "mean": mean,
                "low": mean - spread,
                "high": mean + spread,
                "difference": difference,
                "difference_low": difference - 0.5 * spread if i else 0.0,
                "difference_high": difference + 0.5 * spread if i else 0.0,
                "p": float(rng.random()) if i and metric.key == "average_precision" else None,
            }
        found.append({"name": name, "loss": text, "metrics": metrics})
    settings = {
        "model": "lightgbm",
        "folds": 5,
        "repeats": 2,
        "seed": 0,
        "group": None,
        "losses": [],
    }
    verdict = (
        "No loss differs from plain cross-entropy in average precision by more than these data "
        "can show. Use cross-entropy, whose probabilities can be taken as they are."
    )
    return {
        "data": data,
        "settings": settings,
        "protocol": ["2 × 5 folds at random, stratified."],
        "losses": found,
        "verdict": verdict,
    }
