"""``python -m benchmarks.peers``: what other focal objectives return, at the same points.

Imbalance-XGBoost and imlightgbm return what they would pass to the booster; CatBoost's own Focal is read
off the leaf of a tree. The true values come from mpmath, by differentiating the definition. Install both
packages with ``--no-deps``.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np

from focalis import Loss, margin
from focalis.boosting import lightgbm as for_lightgbm

GAMMA = 2.0
BINARY = [(x, y) for x in (-30.0, -4.0, 0.0, 4.0, 40.0) for y in (1, 0)]
MULTICLASS = [((0.5, -1.0, 2.0), 2), ((0.5, -1.0, 2.0), 1)]


def main() -> int:
    print(f"Gradient; Hessian, γ = {GAMMA:g}, α off.\n")
    peers = {
        "Imbalance-XGBoost": imbalance_xgboost,
        "imlightgbm": imlightgbm,
        "CatBoost Focal": catboost_focal,
    }
    print(f"| logit | label | truth | focalis | {' | '.join(peers)} |")
    print(f"| ---: | ---: |{' ---: |' * (2 + len(peers))}")
    objective = for_lightgbm.objective(Loss("sigmoid", margin.focal(GAMMA)), "exact")
    for x, y in BINARY:
        ours = tuple(float(d[0]) for d in objective(np.array([float(y)]), np.array([x])))
        found = [true_binary(x, y), ours, *(peer(x, y) for peer in peers.values())]
        print(f"| {x:g} | {y} | {' | '.join(map(shown, found))} |")
    print("\n| logits | label | class | truth | focalis | imlightgbm |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    softmax = for_lightgbm.objective(Loss("softmax", margin.focal(GAMMA)), "exact")
    for logits, label in MULTICLASS:
        theirs = imlightgbm_multiclass(logits, label)
        ours_grad, ours_hess = softmax(np.array([label]), np.array([logits]))
        for j in range(len(logits)):
            found = [
                true_softmax(logits, label, j),
                (ours_grad[0, j], ours_hess[0, j]),
                (theirs[0][0, j], theirs[1][0, j]),
            ]
            print(f"| {logits} | {label} | {j} | {' | '.join(map(shown, found))} |")
    return 0


def shown(pair: tuple[Any, Any]) -> str:
    return "; ".join(f"{float(number):.3g}" for number in pair)


def true_binary(x: float, y: int) -> tuple[Any, Any]:
    sign = 2 * y - 1
    return derivatives(lambda z: focal(1 / (1 + mpmath.exp(-sign * z))), x)


def true_softmax(logits: tuple[float, ...], label: int, j: int) -> tuple[Any, Any]:
    def loss(z: Any) -> Any:
        powers = [mpmath.exp(z if k == j else x) for k, x in enumerate(logits)]
        return focal(powers[label] / mpmath.fsum(powers))

    return derivatives(loss, logits[j])


def focal(p: Any) -> Any:
    return -((1 - p) ** GAMMA) * mpmath.log(p)


def derivatives(loss: Callable[[Any], Any], x: float) -> tuple[Any, Any]:
    with mpmath.workdps(80):
        return mpmath.diff(loss, x), mpmath.diff(loss, x, 2)


def imbalance_xgboost(x: float, y: int) -> tuple[float, float]:
    from imxgboost.focal_loss import Focal_Binary_Loss

    data = SimpleNamespace(get_label=lambda: np.array([float(y)]))
    with np.errstate(all="ignore"):
        grad, hess = Focal_Binary_Loss(GAMMA).focal_binary_object(np.array([x]), data)
    return float(grad[0]), float(hess[0])


def imlightgbm(x: float, y: int) -> tuple[float, float]:
    from imlightgbm.objective import binary_focal_objective

    with np.errstate(all="ignore"):
        grad, hess = binary_focal_objective(np.array([float(y)]), np.array([x]), GAMMA)
    return float(grad[0]), float(hess[0])


def imlightgbm_multiclass(logits: tuple[float, ...], label: int) -> tuple[Any, Any]:
    from imlightgbm.objective import multiclass_focal_objective

    return multiclass_focal_objective(np.array([label]), np.array([logits]), GAMMA, len(logits))


def catboost_focal(x: float, y: int) -> tuple[float, float]:
    """Return gradient and Hessian, read off the gradient and Newton steps of one row's leaf."""
    import catboost

    data = catboost.Pool(
        np.array([[0.0], [1.0]]), [y, 1 - y], baseline=[x, 0.0], weight=[1.0, 1e-30]
    )
    leaves = {}
    for method in ("Gradient", "Newton"):
        booster = catboost.CatBoost(
            {
                "loss_function": f"Focal:focal_alpha=0.5;focal_gamma={GAMMA}",
                "iterations": 1,
                "learning_rate": 1.0,
                "depth": 1,
                "l2_leaf_reg": 0.0,
                "boost_from_average": False,
                "leaf_estimation_method": method,
                "leaf_estimation_iterations": 1,
                "leaf_estimation_backtracking": "No",
                "bootstrap_type": "No",
                "random_strength": 0,
                "allow_writing_files": False,
                "logging_level": "Silent",
            }
        ).fit(data)
        leaves[method] = booster.predict([[0.0]], prediction_type="RawFormulaVal")[0]
    # α = .5 halves both; CatBoost maximises.
    gradient = -2 * leaves["Gradient"]
    newton = leaves["Newton"]
    return gradient, -gradient / newton if newton else float("nan")


if __name__ == "__main__":
    raise SystemExit(main())
