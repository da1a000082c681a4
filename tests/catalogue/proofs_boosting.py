"""XGBoost, LightGBM and CatBoost, run for real: gradients from the leaves of one boosting round.

A leaf with one row of weight 1 has the value −g / (h + λ), so two penalties λ determine g and h.
"""

import numpy as np
from proofs import ANSWERS, INDICES, LOGITS, MAYBE, Proof

BINARY = ANSWERS[:, 0]
HEAVY = ({}, {"scale_pos_weight": 3.0})


def from_leaves(leaf, a, b):
    """Return the gradients of rows, from the values of their leaves with the penalties a and b."""

    def run(scores, targets, **parameters):
        gradient = np.empty(scores.shape)
        for i, (score, target) in enumerate(zip(scores, targets, strict=True)):
            one, two = (
                np.asarray(leaf(score, target, penalty, **parameters)) for penalty in (a, b)
            )
            # −g = one (h + a) = two (h + b)
            gradient[i] = -one * ((b * two - a * one) / (one - two) + a)
        return None, gradient / len(scores)

    return run


def xgboost_objectives():
    import xgboost

    def by(objective):
        def leaf(score, target, penalty, **parameters):
            score = np.reshape(score, (1, -1))
            data = xgboost.DMatrix(np.zeros((1, 1)), [target], base_margin=score)
            settings = {
                "objective": objective,
                "eta": 1.0,
                "lambda": penalty,
                "min_child_weight": 0.0,
                "nthread": 1,
                **parameters,
            }
            if score.size > 1:
                settings["num_class"] = score.size
            booster = xgboost.train(settings, data, num_boost_round=1)
            return (booster.predict(data, output_margin=True).reshape(score.shape) - score)[0]

        return from_leaves(leaf, 1.0, 2.0)

    binary = [
        (name, MAYBE[:, 0]) for name in ("binary:logistic", "binary:logitraw", "reg:logistic")
    ]
    return [
        *(
            Proof(f"XGBoost.{name}", by(name), LOGITS[:, :1], y[:, None], HEAVY[:1], 1e-4)
            for name, y in binary
        ),
        *(
            Proof(f"XGBoost.{name}", by(name), LOGITS[:, :1], BINARY[:, None], HEAVY, 1e-4)
            for name, _ in binary
        ),
        *(
            Proof(f"XGBoost.{name}", by(name), LOGITS, INDICES, ({},), 1e-4)
            for name in ("multi:softmax", "multi:softprob")
        ),
    ]


def lightgbm_objectives():
    import lightgbm

    def by(objective):
        def leaf(score, target, penalty, **parameters):
            score, target = np.ravel(score), np.ravel(target)[0]
            # Other rows force a split and supply the classes that a tree requires. Rows are counted by
            # their share of the Hessian, so there are several copies.
            others = [0, 1, 2] if score.size > 1 else [float(target < 0.5)]
            settings = {
                "objective": objective,
                "num_class": score.size,
                "learning_rate": 1.0,
                "lambda_l2": 50.0 * penalty,
                "min_data_in_leaf": 1,
                "min_data_in_bin": 1,
                "min_sum_hessian_in_leaf": 0.0,
                "boost_from_average": False,
                "num_threads": 1,
                "verbosity": -1,
                **parameters,
            }
            data = lightgbm.Dataset(
                np.repeat([[0.0], *[[1.0]] * len(others)], 50, axis=0),
                np.repeat([target, *others], 50),
                init_score=np.repeat([score, *[0 * score] * len(others)], 50, axis=0).squeeze(),
                params=settings,
            )
            booster = lightgbm.train(settings, data, num_boost_round=1)
            return booster.predict(np.array([[0.0]]), raw_score=True)[0]

        return from_leaves(leaf, 0.0005, 0.002)  # larger ones prevent its splits

    return [
        Proof("LightGBM.binary", by("binary"), LOGITS[:, :1], BINARY[:, None], HEAVY, 1e-3),
        Proof(
            "LightGBM.cross_entropy", by("cross_entropy"), LOGITS[:, :1], MAYBE[:, :1], ({},), 1e-3
        ),
        Proof("LightGBM.multiclass", by("multiclass"), LOGITS, INDICES, ({},), 1e-3),
        Proof("LightGBM.multiclassova", by("multiclassova"), LOGITS, INDICES, ({},), 1e-3),
    ]


def catboost_objectives():
    """Its leaves take gradient steps, −w g / (w + λ), with λ = 1 times the mean weight w of the rows."""
    import catboost
    from catboost.utils import eval_metric

    def by(objective):
        def run(scores, targets, **parameters):
            weights = {k: v for k, v in parameters.items() if k == "scale_pos_weight"}
            inside = ";".join(f"{k}={v}" for k, v in parameters.items() if k not in weights)
            name = f"{objective}:{inside}" if inside else objective
            gradient = np.empty(scores.shape)
            for i, (score, target) in enumerate(zip(scores, targets, strict=True)):
                others = [1 - target] if np.size(target) > 1 or scores.shape[1] == 1 else [0, 1, 2]
                labels = np.array([target, *others])
                baseline = np.repeat(score[None], len(labels), axis=0)
                features = np.array([[0.0], *[[1.0]] * len(others)])
                model = catboost.CatBoost(
                    {
                        "loss_function": name,
                        "iterations": 1,
                        "depth": 1,
                        "learning_rate": 1.0,
                        "l2_leaf_reg": 1.0,
                        "leaf_estimation_method": "Gradient",
                        "leaf_estimation_iterations": 1,
                        "boost_from_average": False,
                        "bootstrap_type": "No",
                        "random_strength": 0.0,
                        "thread_count": 1,
                        "logging_level": "Silent",
                        "allow_writing_files": False,
                        **weights,
                    }
                )
                model.fit(catboost.Pool(features, labels, baseline=baseline))
                leaf = model.predict(features[:1], prediction_type="RawFormulaVal")
                heavy = weights.get("scale_pos_weight", 1.0)
                own = heavy if np.ravel(target)[0] == 1 else 1.0
                gradient[i] = -np.ravel(leaf) * (own + (1.0 + heavy) / 2)
            if objective == "MultiClassOneVsAll":
                gradient /= (
                    3  # its gradient is that of the sum over the classes, its metric is the mean
                )
            if weights:
                return None, gradient / len(scores)
            return np.asarray(eval_metric(targets, scores, name)[0]), gradient / len(scores)

        return run

    def metric(scores, targets):
        """CatBoost accepts no baseline for several labels."""
        return np.asarray(eval_metric(targets.T, scores.T, "MultiLogloss")[0]), None

    focals = tuple({"focal_alpha": a, "focal_gamma": g} for a, g in ((0.25, 2.0), (0.5, 1.5)))
    one, y = LOGITS[:, :1], BINARY[:, None]
    return [
        Proof("CatBoost.Logloss", by("Logloss"), one, y, HEAVY, 1e-6),
        Proof("CatBoost.CrossEntropy", by("CrossEntropy"), one, MAYBE[:, :1], ({},), 1e-6),
        Proof("CatBoost.MultiClass", by("MultiClass"), LOGITS, INDICES, ({},), 1e-6),
        Proof(
            "CatBoost.MultiClassOneVsAll", by("MultiClassOneVsAll"), LOGITS, INDICES, ({},), 1e-6
        ),
        Proof("CatBoost.MultiLogloss", metric, LOGITS, ANSWERS, ({},), 1e-6),
        Proof("CatBoost.Focal", by("Focal"), one, y, focals, 1e-6),
    ]
