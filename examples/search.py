"""Search γ, α, the curvature and the size of the trees with Optuna, by the log loss of the posterior.

pip install "focalis[sklearn,boosting]" optuna
python examples/search.py
"""

import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score

from focalis.sklearn import BoostedClassifier

TRIALS = 8


def objective(trial: optuna.Trial) -> float:
    """Return the mean log loss over the folds, which is comparable between losses."""
    gamma = trial.suggest_float("gamma", 0.0, 5.0)
    alpha = trial.suggest_float("alpha", 0.1, 0.9)
    model = BoostedClassifier(
        f"focal(gamma={gamma}, alpha={alpha})",
        curvature=trial.suggest_categorical("curvature", ["native", "absolute", "fisher"]),
        n_estimators=30,
        learning_rate=0.2,
        n_jobs=1,
        num_leaves=trial.suggest_int("num_leaves", 4, 16, log=True),
    )
    images, digit = load_digits(return_X_y=True)
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    scores = cross_val_score(model, images, digit == 8, cv=folds, scoring="neg_log_loss")
    return -float(scores.mean())


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    # Start with cross-entropy, so that the search has something to beat.
    study.enqueue_trial({"gamma": 0.0, "alpha": 0.5, "curvature": "native"})
    study.optimize(objective, n_trials=TRIALS)
    print(f"cross-entropy: {study.trials[0].value:.4f}")
    print(f"the best: {study.best_value:.4f} with {study.best_params}")
