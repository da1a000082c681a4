"""``python -m benchmarks.real_losses``: what a loss does to ranking and probabilities, on real data.

LightGBM, five folds of real imbalanced sets, cross-entropy, balanced cross-entropy and focal losses:
average precision, and log loss and expected calibration error of what the link makes of the logits (raw)
and of the posterior (corrected), averaged over the folds.
"""

import argparse

import numpy as np
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import StratifiedKFold

from benchmarks import machine
from benchmarks.real_data import Table, binary_tables
from focalis.compare.metrics import expected_calibration_error
from focalis.sklearn import BoostedClassifier
from focalis.weights import inverse_frequency

LOSSES = ("cross_entropy", "balanced", "focal(gamma=1, alpha=.25)", "focal(gamma=2, alpha=.25)")
RAREST = 0.15


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_losses", description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parsed = parser.parse_args()
    for line in machine.description(parsed.threads):
        print(line)
    print(
        "\n| set | positives | loss | average precision | log loss raw → corrected "
        "| calibration error raw → corrected |"
    )
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    for table in binary_tables():
        if table.positives > RAREST:
            continue
        for loss in LOSSES:
            precision, *numbers = measured(table, loss, parsed)
            raw, corrected, raw_error, error = numbers
            print(
                f"| {table.name} | {table.positives:.1%} | {loss} | {precision:.3f} "
                f"| {raw:.4f} → {corrected:.4f} | {raw_error:.3f} → {error:.3f} |",
                flush=True,
            )
    return 0


def measured(table: Table, loss: str, parsed: argparse.Namespace) -> np.ndarray:
    """Return average precision, log losses and calibration errors, averaged over the folds."""
    found = []
    folds = StratifiedKFold(parsed.folds, shuffle=True, random_state=0)
    for fit_on, held in folds.split(table.features, table.labels):
        labels = table.labels[fit_on]
        text = loss
        if loss == "balanced":
            negative, positive = inverse_frequency(labels)
            text = f"cross_entropy(alpha={positive / (negative + positive)})"
        model = BoostedClassifier(
            text,
            n_estimators=200,
            learning_rate=0.05,
            early_stopping_rounds=20,
            validation_fraction=0.2,
            n_jobs=parsed.threads,
        )
        model.fit(table.features[fit_on], labels)
        features, truth = table.features[held], table.labels[held]
        corrected = model.predict_proba(features)[:, 1]
        precision = average_precision_score(truth, model.decision_function(features))
        raw = model.set_params(calibration="link").predict_proba(features)[:, 1]
        losses = [log_loss(truth, np.clip(p, 1e-15, 1 - 1e-15)) for p in (raw, corrected)]
        errors = [expected_calibration_error(truth, p, np.ones(len(p))) for p in (raw, corrected)]
        found.append((precision, *losses, *errors))
    return np.mean(found, axis=0)


if __name__ == "__main__":
    raise SystemExit(main())
