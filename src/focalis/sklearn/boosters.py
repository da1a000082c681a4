"""One interface to LightGBM, XGBoost and CatBoost: it runs the same job with each library."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from focalis.boosting import catboost as for_catboost
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost
from focalis.boosting.objective import require
from focalis.sklearn.jobs import Job, Rows
from focalis.sklearn.parameters import REFUSED_BY_CATBOOST, REFUSED_BY_LIGHTGBM, REFUSED_BY_XGBOOST

Array = np.ndarray
Fold = tuple[Array, Array]

_OTHER_ROWS = ("training continuation", "is not equal to class count", "train targets are equal")
"""Parts of what CatBoost says when it cannot continue from a model trained on other rows."""

_NO_FEATURE = "X must have a feature that can be split, got none"


class Booster(ABC):
    """A library; its `train` returns the trained booster as the library's own type.

    `refused` gives the reason why each parameter in it cannot be set.
    """

    refused: ClassVar[dict[str, str]]

    def main_name(self, name: str) -> str:
        """Return the main name of a parameter; raise if the library would ignore the name."""
        return name

    def check(self, parameters: dict[str, Any], stops_early: bool) -> None:
        """Raise for values that the library accepts without training as it should."""
        return

    @abstractmethod
    def train(self, job: Job) -> Any:
        """Return a booster trained on the job."""

    @abstractmethod
    def stages(self, job: Job, folds: Sequence[Fold]) -> list[Iterator[Array]]:
        """Return an iterator per fold that trains on its first part and yields logits of its second.

        It yields them after every round; all folds start from the initial logits of the job.
        """

    @abstractmethod
    def raw(self, booster: Any, features: Any, categorical: list[int]) -> Array:
        """Return the raw scores of rows, without the logits that training started from."""

    @abstractmethod
    def rounds(self, booster: Any) -> int:
        """Return the number of rounds that the booster predicts with."""

    @abstractmethod
    def importances(self, booster: Any, n_features: int) -> Array:
        """Return the importance of each feature; they need not sum to 1."""


@dataclass(frozen=True, eq=False)
class _Shifted:
    """A LightGBM objective or metric, evaluated at the scores plus the initial logits."""

    function: Any
    initial_logits: Any

    def __call__(self, scores: Array, data: Any) -> Any:
        return self.function(scores + self.initial_logits, data)


class LightGBM(Booster):
    """LightGBM; a feature's importance is its total gain."""

    refused: ClassVar[dict[str, str]] = REFUSED_BY_LIGHTGBM

    def main_name(self, name: str) -> str:
        """Return the main name of a parameter, which may be written as an alias."""
        known = require("lightgbm").basic._ConfigAliases._get_all_param_aliases()
        for main, names in known.items():
            if name in names:
                return str(main)
        raise ValueError(f"{name} is a parameter neither of BoostedClassifier nor of LightGBM")

    def check(self, parameters: dict[str, Any], stops_early: bool) -> None:
        """Raise for a `boosting` that LightGBM cannot train on a custom loss, or not stop early."""
        for name, value in parameters.items():
            if self.main_name(name) != "boosting":
                continue
            if value in ("rf", "random_forest"):
                raise ValueError(
                    f"{name} must be 'gbdt' or 'dart', got {value!r}: LightGBM's random forest takes "
                    "no custom objective"
                )
            if value == "dart" and stops_early:
                raise ValueError(
                    f"early_stopping_rounds must be None with {name}='dart', which LightGBM does not "
                    "stop early"
                )

    def train(self, job: Job) -> Any:
        """Return a ``lightgbm.Booster``."""
        lightgbm = require("lightgbm")
        parameters = self._parameters(job)
        objective: Any = for_lightgbm.objective(job.loss, job.curvature, scale=job.scale)
        metric: Any = for_lightgbm.metric(job.loss, scale=job.scale)
        if job.previous is not None:
            # When continuing, LightGBM replaces the initial scores by the previous booster's raw scores.
            objective, metric = (_Shifted(one, job.initial_logits) for one in (objective, metric))
        data = self._dataset(job, job.train)
        callbacks: list[Any] = []
        if (after := job.callback) is not None:
            callbacks.append(lambda _: after())
        settings: dict[str, Any] = {"callbacks": callbacks}
        if job.validation is not None:
            settings["valid_sets"] = [self._dataset(job, job.validation, data)]
            settings["feval"] = metric
            if job.patience is not None:
                least = parameters.get("early_stopping_min_delta", 0.0)
                callbacks.append(
                    lightgbm.early_stopping(job.patience, verbose=False, min_delta=least)
                )
        parameters["objective"] = objective
        try:
            booster = lightgbm.train(
                parameters, data, job.rounds, init_model=job.previous, **settings
            )
        except lightgbm.basic.LightGBMError as error:
            # LightGBM has a single type of error, so only the text tells them apart; so does CatBoost.
            if "num_features" not in str(error):
                raise
            raise ValueError(_NO_FEATURE) from error
            # No longer needed, and pickling it would include the loss and its functions.
        booster.params.pop("objective")
        return booster

    def _parameters(self, job: Job) -> dict[str, Any]:
        return {
            "learning_rate": job.learning_rate,
            **_unless_none(seed=job.seed, num_threads=job.threads),
            "verbosity": -1,
            # LightGBM cannot train with a custom objective if this filter leaves no feature.
            "feature_pre_filter": False,
            # LightGBM gives the main name of a parameter precedence over an alias.
            **{self.main_name(name): value for name, value in job.parameters.items()},
            "objective": "none",
            "metric": "none",
            "num_class": job.n_outputs,
        }

    def _dataset(self, job: Job, rows: Rows, reference: Any = None) -> Any:
        return require("lightgbm").Dataset(
            rows.features,
            rows.labels,
            weight=rows.weight,
            init_score=job.start(rows) if job.previous is None else None,
            reference=reference,
            params=self._parameters(job),
            free_raw_data=False,
            categorical_feature=job.categorical,
            feature_name=job.names or "auto",
        )

    def stages(self, job: Job, folds: Sequence[Fold]) -> list[Iterator[Array]]:
        """Return one training per fold; they share the bins found on all rows."""
        lightgbm = require("lightgbm")
        parameters = self._parameters(job)
        objective: Any = for_lightgbm.objective(job.loss, job.curvature, scale=job.scale)
        data = self._dataset(job, job.train).construct()

        def boost(fit_on: Array, held_out: Array) -> Iterator[Array]:
            # LightGBM wants the index sorted, and `_pairs` has sorted these.
            train, held = (
                data.subset(index.tolist(), params=parameters) for index in (fit_on, held_out)
            )
            booster = lightgbm.Booster(parameters, train)
            booster.add_valid(held, "held out")
            finished = False
            while not finished:
                finished = booster.update(fobj=objective)
                job.completed_round()
                yield _scores_of_valid(booster)

        return [boost(*fold) for fold in folds]

    def raw(self, booster: Any, features: Any, categorical: list[int]) -> Array:
        """Return ``predict(raw_score=True)``."""
        return np.asarray(booster.predict(features, raw_score=True))

    def rounds(self, booster: Any) -> int:
        """Return the best iteration of early stopping, or the number of iterations."""
        return int(
            booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
        )

    def importances(self, booster: Any, n_features: int) -> Array:
        """Return the total gain."""
        return np.asarray(booster.feature_importance("gain"), np.float64)


class XGBoost(Booster):
    """XGBoost, which warns of parameters it does not use; a feature's importance is its total gain."""

    refused: ClassVar[dict[str, str]] = REFUSED_BY_XGBOOST

    def train(self, job: Job) -> Any:
        """Return a ``xgboost.Booster``, cut to the best round of early stopping."""
        xgboost = require("xgboost")
        callbacks = [] if job.callback is None else [_after_xgboost(xgboost, job.callback)]
        settings: dict[str, Any] = {"callbacks": callbacks}
        if job.validation is not None:
            settings["evals"] = [(self._matrix(xgboost, job, job.validation), "validation")]
            settings["custom_metric"] = for_xgboost.metric(job.loss, scale=job.scale)
            if job.patience is not None:
                callbacks.append(
                    xgboost.callback.EarlyStopping(rounds=job.patience, save_best=True)
                )
        booster = xgboost.train(
            self._parameters(job),
            self._matrix(xgboost, job, job.train),
            job.rounds,
            obj=for_xgboost.objective(job.loss, job.curvature, scale=job.scale),
            xgb_model=job.previous,
            verbose_eval=False,
            **settings,
        )
        if job.patience is None:  # a best round would be that of the booster it continues from
            booster.set_attr(best_iteration=None, best_score=None)
        return booster

    def _parameters(self, job: Job) -> dict[str, Any]:
        parameters = {
            "learning_rate": job.learning_rate,
            **_unless_none(seed=job.seed, nthread=job.threads),
            **job.parameters,
            # The base margin replaces it in training, and raw scores should include neither.
            "base_score": 0.0,
            "disable_default_eval_metric": True,
        }
        if job.n_outputs > 1:
            parameters["num_class"] = job.n_outputs
        elif parameters.get("tree_method") == "approx":
            # "approx" weights its bins by the curvature only if the named objective has a varying one;
            # this one does, and it also leaves raw scores unchanged.
            parameters["objective"] = "reg:pseudohubererror"
        return parameters

    def stages(self, job: Job, folds: Sequence[Fold]) -> list[Iterator[Array]]:
        """Return one training per fold."""
        xgboost = require("xgboost")
        objective = for_xgboost.objective(job.loss, job.curvature, scale=job.scale)

        def boost(fit_on: Array, held_out: Array) -> Iterator[Array]:
            train, held = (
                self._matrix(xgboost, job, job.train.take(index)) for index in (fit_on, held_out)
            )
            booster = xgboost.Booster(self._parameters(job), [train, held])
            for round_ in itertools.count():
                booster.update(train, round_, fobj=objective)
                job.completed_round()
                yield np.asarray(booster.predict(held, output_margin=True), np.float64)

        return [boost(*fold) for fold in folds]

    def _matrix(self, xgboost: Any, job: Job, rows: Rows) -> Any:
        return xgboost.DMatrix(
            rows.features,
            rows.labels,
            weight=rows.weight,
            base_margin=job.start(rows),
            feature_names=job.names,
            nthread=job.threads,
            **_types(rows.features, job.categorical),
        )

    def raw(self, booster: Any, features: Any, categorical: list[int]) -> Array:
        """Return ``predict(output_margin=True)``."""
        xgboost = require("xgboost")
        data = xgboost.DMatrix(
            features, feature_names=booster.feature_names, **_types(features, categorical)
        )
        return np.asarray(booster.predict(data, output_margin=True))

    def rounds(self, booster: Any) -> int:
        """Return the number of boosted rounds."""
        return int(booster.num_boosted_rounds())

    def importances(self, booster: Any, n_features: int) -> Array:
        """Return the total gain."""
        names = booster.feature_names or [f"f{i}" for i in range(n_features)]
        gains = booster.get_score(importance_type="total_gain")
        return np.array([gains.get(name, 0.0) for name in names], np.float64)


# Parameters that exclude each other in CatBoost.
_CATBOOST_LOGS = {"logging_level", "verbose", "verbose_eval", "silent"}

# Whether early stopping removed trees, and whether a fit continued from such trees and removed none.
_CUT, _ADDED_TO_A_CUT = "_focalis_cut", "_focalis_added_to_a_cut"


class CatBoost(Booster):
    """CatBoost, which refuses unknown parameters.

    The importance of a feature is its PredictionValuesChange.
    """

    refused: ClassVar[dict[str, str]] = REFUSED_BY_CATBOOST

    def train(self, job: Job) -> Any:
        """Return a ``catboost.CatBoost``, cut to the best round of early stopping."""
        catboost = require("catboost")
        after = _AfterCatBoost(job.callback)
        parameters = {
            "learning_rate": job.learning_rate,
            **_unless_none(random_seed=job.seed, thread_count=job.threads),
            "leaf_estimation_method": "Newton",
            "allow_writing_files": False,
            **({} if job.parameters.keys() & _CATBOOST_LOGS else {"logging_level": "Silent"}),
            **job.parameters,
            "iterations": job.rounds,
            "loss_function": for_catboost.objective(job.loss, job.curvature, scale=job.scale),
            "eval_metric": for_catboost.metric(job.loss, scale=job.scale),
        }
        if job.n_outputs > 1:
            parameters["classes_count"] = job.n_outputs

        if getattr(job.previous, _ADDED_TO_A_CUT, False):
            raise ValueError(
                "with booster='catboost', warm_start continues only once after early stopping has cut "
                "the trees, unless it cuts them again: CatBoost would use the last fit's trees twice"
            )
        before = 0 if job.previous is None else self.rounds(job.previous)
        stops = job.validation is not None and job.patience is not None
        booster = catboost.CatBoost(parameters)
        try:
            booster.fit(
                self._pool(job, job.train),
                eval_set=None if job.validation is None else self._pool(job, job.validation),
                early_stopping_rounds=job.patience if stops else None,
                use_best_model=stops,
                init_model=job.previous,
                callbacks=None if job.callback is None else [after],
            )
        except catboost.CatBoostError as error:
            if "All features are either constant or ignored" in str(error):
                raise ValueError(_NO_FEATURE) from error
            if job.previous is None or not any(text in str(error) for text in _OTHER_ROWS):
                raise
            raise ValueError(
                "with booster='catboost', warm_start continues only with the rows and the validation "
                "rows of the previous fit, and not after pickling: CatBoost forgets the rows"
            ) from error
        if after.raised is not None:
            raise after.raised
        # Copying or pickling loses these, as it loses the rows that CatBoost needs to continue.
        cut = self.rounds(booster) - before < job.rounds
        setattr(booster, _CUT, cut)
        setattr(booster, _ADDED_TO_A_CUT, not cut and getattr(job.previous, _CUT, False))
        return booster

    def _pool(self, job: Job, rows: Rows) -> Any:
        return require("catboost").Pool(
            _with_categories(rows.features, job.categorical),
            rows.labels,
            weight=rows.weight,
            baseline=job.start(rows),
            cat_features=job.categorical or None,
            feature_names=job.names,
        )

    def stages(self, job: Job, folds: Sequence[Fold]) -> list[Iterator[Array]]:
        """Return one training per fold; each trains in full before it yields its first round."""

        def boost(fit_on: Array, held_out: Array) -> Iterator[Array]:
            booster = self.train(replace(job, train=job.train.take(fit_on), validation=None))
            rows = _with_categories(job.train.features[held_out], job.categorical)
            for raw in booster.staged_predict(rows, prediction_type="RawFormulaVal"):
                yield np.asarray(raw) + job.initial_logits

        return [boost(*fold) for fold in folds]

    def raw(self, booster: Any, features: Any, categorical: list[int]) -> Array:
        """Return ``predict(prediction_type="RawFormulaVal")``."""
        rows = _with_categories(features, categorical)
        return np.asarray(booster.predict(rows, prediction_type="RawFormulaVal"))

    def rounds(self, booster: Any) -> int:
        """Return the number of trees."""
        return int(booster.tree_count_)

    def importances(self, booster: Any, n_features: int) -> Array:
        """Return PredictionValuesChange."""
        return np.asarray(booster.get_feature_importance(), np.float64)


def _scores_of_valid(booster: Any) -> Array:
    """Return LightGBM's scores of the validation rows, which only a metric gets to see."""
    seen: list[Array] = []

    def metric(scores: Array, data: Any) -> tuple[str, float, bool]:
        seen.append(scores.copy())
        return "", 0.0, False

    booster.eval_valid(metric)
    return seen[0]


def _after_xgboost(xgboost: Any, callback: Callable[[], None]) -> Any:
    """Return an XGBoost callback that calls this one after every round."""

    def after_iteration(self: Any, model: Any, epoch: int, evals_log: Any) -> bool:
        callback()
        return False

    base = xgboost.callback.TrainingCallback
    return type("After", (base,), {"after_iteration": after_iteration})()


class _AfterCatBoost:
    """A CatBoost callback that keeps an exception, since CatBoost itself would carry on after it."""

    def __init__(self, callback: Callable[[], None] | None) -> None:
        self._callback = callback
        self.raised: BaseException | None = None

    def after_iteration(self, info: Any) -> bool:
        """Return whether to continue."""
        try:
            if self._callback is not None:
                self._callback()
        except BaseException as error:
            self.raised = error
        return self.raised is None


def _unless_none(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _types(features: Array, categorical: list[int]) -> dict[str, Any]:
    """Return the arguments that tell XGBoost which columns hold categories."""
    if not categorical:
        return {}
    types = ["c" if i in categorical else "q" for i in range(features.shape[1])]
    return {"feature_types": types, "enable_categorical": True}


def _with_categories(features: Array, categorical: list[int]) -> Array:
    """Return features in CatBoost's form: categories as text, ``"nan"`` where one is missing."""
    if not categorical:
        return features
    rows = features.astype(object)
    for place in categorical:
        column = features[:, place]
        rows[:, place] = ["nan" if np.isnan(code) else str(int(code)) for code in column]
    return rows


BOOSTERS: dict[str, Booster] = {
    "lightgbm": LightGBM(),
    "xgboost": XGBoost(),
    "catboost": CatBoost(),
}
