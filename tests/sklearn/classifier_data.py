"""What the tests of the classifiers share: boosters and real data."""

import pytest
from sklearn.datasets import load_breast_cancer, load_wine

BOOSTERS = ["lightgbm", "xgboost", "catboost"]
EVERY_BOOSTER = pytest.mark.parametrize("booster", BOOSTERS)
FEW = {"n_estimators": 8, "n_jobs": 1}


def cancer():
    features, labels = load_breast_cancer(return_X_y=True)
    return features[:, :8], labels


def wine():
    return load_wine(return_X_y=True)
