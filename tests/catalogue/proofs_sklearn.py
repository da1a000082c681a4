"""scikit-learn, run for real: its metric by value, its models by what they minimise."""

import numpy as np
from proofs import INDICES, LOGITS, ROW_WEIGHTS, ROWS, YES, Proof
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss


def metric(scores, targets, **parameters):
    return np.asarray(log_loss(targets, scores, **parameters)), None


def step_of_sgd(scores, targets, **parameters):
    """Return the gradient from one step of a model that has a single row and starts at its score."""
    gradient = np.empty(len(scores))
    for i, (score, target) in enumerate(zip(scores, targets, strict=True)):
        model = SGDClassifier(
            loss="log_loss", alpha=0.0, learning_rate="constant", eta0=1.0, penalty=None
        )
        model.partial_fit([[0.0]], [target], classes=[0, 1])
        model.coef_[:], model.intercept_[:] = 0.0, score
        model.partial_fit([[1.0]], [target])
        gradient[i] = -model.coef_[0, 0]
    return None, gradient / len(scores)


def fitted(targets):
    """Return the coefficients of a model with one feature per row, so that they are the scores."""
    model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-12, max_iter=10_000)
    return model.fit(np.eye(len(targets)), targets).coef_.T


def balance(scores, targets, **parameters):
    """Return the gradient that balances the penalty |w|²/2 once the model has converged."""
    return None, -scores


def of_trees(scores, targets):
    """Return value and gradient from the loss that a fitted model keeps."""
    model = HistGradientBoostingClassifier(max_iter=1).fit(np.eye(len(targets)), targets)
    given = {"y_true": targets.astype(float), "raw_prediction": np.ascontiguousarray(scores)}
    values, gradient = model._loss.loss_gradient(**given)
    return values.sum(), gradient


def losses():
    cases = ({}, {"normalize": False}, {"sample_weight": ROW_WEIGHTS})
    name = "sklearn.metrics.log_loss"
    answers = INDICES % 2
    return [
        Proof(name, metric, ROWS, INDICES, cases),
        Proof(f"{name}(two classes)", metric, YES[:, 0], answers, cases),
        Proof(
            "sklearn.linear_model.LogisticRegression",
            balance,
            fitted(INDICES),
            INDICES,
            ({},),
            1e-6,
        ),
        Proof("sklearn.ensemble.HistGradientBoostingClassifier", of_trees, LOGITS[:, 0], answers),
        Proof(
            'sklearn.linear_model.SGDClassifier(loss="log_loss")',
            step_of_sgd,
            LOGITS[:, 0],
            answers,
        ),
    ]
