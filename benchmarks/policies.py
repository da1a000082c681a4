"""``python -m benchmarks.policies``: which curvature to boost with, on real data.

For each booster, γ and policy: average precision, log loss of the class probabilities and the rounds
that early stopping keeps, averaged over real data sets and folds. "best" counts the sets on which a
policy has the smallest log loss for its booster and γ, or one within a thousandth of it. "clipped,
unscaled" leaves out the scaling by which the estimators match the curvature to the booster's floors and
penalties.
"""

import argparse
import time
import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import StratifiedKFold

from benchmarks import machine
from benchmarks.real_data import Table, binary_tables, multiclass_tables
from focalis.sklearn import BoostedClassifier

BOOSTERS = ("lightgbm", "xgboost", "catboost")
GAMMAS = (0.0, 1.0, 2.0, 5.0)
POLICIES = ("exact", "clipped", "absolute", "fisher", "clipped, unscaled")
MULTICLASS_POLICIES = ("clipped", "absolute", "fisher", "native")
ROUNDS, PATIENCE = 200, 15


class Unscaled(BoostedClassifier):
    """A classifier that does not scale the loss."""

    def _start(self, labels: np.ndarray, weight: np.ndarray | None) -> None:
        super()._start(labels, weight)
        self.scale_ = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policies", description=__doc__)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--booster", action="append", choices=BOOSTERS)
    parser.add_argument("--gamma", action="append", type=float)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="two small sets, to try it out")
    parser.add_argument("--multiclass", action="store_true", help="the sets of several classes")
    parsed = parser.parse_args()
    for line in machine.description(parsed.threads):
        print(line)
    tables = multiclass_tables() if parsed.multiclass else binary_tables()
    tables = tables[:1] if parsed.quick else tables
    print(f"- {parsed.folds} folds of {', '.join(table.name for table in tables)}\n")
    print("| booster | γ | curvature | average precision | log loss | best | rounds | seconds |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for booster in parsed.booster or BOOSTERS:
        for gamma in parsed.gamma or GAMMAS:
            for line in lines(booster, gamma, tables, parsed):
                print(line, flush=True)
    return 0


def lines(
    booster: str, gamma: float, tables: list[Table], parsed: argparse.Namespace
) -> Iterator[str]:
    """Yield the rows of one booster and γ."""
    policies = MULTICLASS_POLICIES if parsed.multiclass else POLICIES
    found = {
        policy: np.array([measured(table, booster, gamma, policy, parsed) for table in tables])
        for policy in policies
    }
    losses = np.column_stack([rows[:, 1] for rows in found.values()])
    best = (losses <= 1.001 * losses.min(axis=1, keepdims=True)).sum(axis=0)
    for policy, rows, won in zip(policies, found.values(), best, strict=True):
        precision, loss, rounds, seconds = rows.mean(axis=0)
        yield (
            f"| {booster} | {gamma:g} | {policy} | {precision:.4f} | {loss:.4f} | {won} "
            f"| {rounds:.0f} | {seconds:.2f} |"
        )


def measured(
    table: Table, booster: str, gamma: float, policy: str, parsed: argparse.Namespace
) -> tuple[float, float, float, float]:
    """Return average precision, log loss, rounds and seconds, averaged over the folds."""
    name, _, unscaled = policy.partition(", ")
    make = Unscaled if unscaled else BoostedClassifier
    results = []
    folds = StratifiedKFold(parsed.folds, shuffle=True, random_state=0)
    for fit_on, held in folds.split(table.features, table.labels):
        start = time.perf_counter()
        model = make(
            f"focal(gamma={gamma})",
            booster,
            curvature=name,
            n_estimators=ROUNDS,
            early_stopping_rounds=PATIENCE,
            validation_fraction=0.2,
            n_jobs=parsed.threads,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(table.features[fit_on], table.labels[fit_on])
        seconds = time.perf_counter() - start
        truth, p = table.labels[held], model.predict_proba(table.features[held])
        if p.shape[1] == 2:
            precision = average_precision_score(
                truth, model.decision_function(table.features[held])
            )
        else:
            precision = average_precision_score(np.eye(p.shape[1])[truth], p, average="macro")
        loss = log_loss(truth, np.clip(p, 1e-15, 1), labels=model.classes_)
        results.append((precision, loss, model.n_estimators_, seconds))
    return tuple(np.mean(results, axis=0))  # type: ignore[return-value]


if __name__ == "__main__":
    raise SystemExit(main())
