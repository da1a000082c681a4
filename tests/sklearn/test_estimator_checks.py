"""scikit-learn's own checks, all of them."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from focalis.sklearn import BoostedClassifier, LinearClassifier

pytestmark = pytest.mark.slow

WEIGHTS_SHAPE_THE_BINS = dict.fromkeys(
    (
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ),
    "a row of weight 2 and two rows are not the same to its bins; its own wrapper fails this too",
)
EXPECTED_TO_FAIL = {"xgboost": WEIGHTS_SHAPE_THE_BINS, "catboost": WEIGHTS_SHAPE_THE_BINS}

ESTIMATORS = [
    LinearClassifier(),
    LinearClassifier("cross_entropy", solver="newton-cg"),
    BoostedClassifier(n_estimators=5, n_jobs=1),
    BoostedClassifier(booster="xgboost", n_estimators=5, n_jobs=1),
    BoostedClassifier(booster="catboost", n_estimators=5, n_jobs=1),
]


def expected(estimator):
    return EXPECTED_TO_FAIL.get(getattr(estimator, "booster", None), {})


# The checks themselves warn about column labels and about array types that are not installed.
@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected)
def test_check(estimator, check):
    check(estimator)
