"""Boosted trees on any loss of the family, as a scikit-learn classifier."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from focalis.boosting.objective import CURVATURES, DEFAULT_CURVATURE, engine_for
from focalis.boosting.starts import curvature_scale, starting_logits
from focalis.sklearn.base import LossClassifier, read_loss
from focalis.sklearn.boosters import BOOSTERS
from focalis.sklearn.columns import Columns, plain_names
from focalis.sklearn.jobs import Job, Rows

Array = np.ndarray

# What must not change when training continues from trees that are there.
_FIXED = ("loss", "curvature", "curvature_unit", "booster", "categorical_features")


class BoostedClassifier(LossClassifier):
    """Boosted trees that minimise a loss and return the class probabilities.

    LightGBM, XGBoost or CatBoost trains on the exact gradient, starting from the best constant logits.
    Gradient and curvature are scaled so that the mean curvature at the start equals cross-entropy's:
    the booster's floors and penalties (``min_sum_hessian_in_leaf``, ``min_child_weight``, ``lambda``)
    then have their usual effect, however small the values of the loss are.

    Parameters
    ----------
    loss : str, Loss or MarginLoss, default "focal"
        Such as ``"focal(gamma=2, alpha=.25)"``; a sigmoid for two classes, a softmax for more.
    booster : {"lightgbm", "xgboost", "catboost"}, default "lightgbm"
        The library to train with.
    curvature : {"native", "exact", "clipped", "absolute", "fisher"}, default "native"
        What to use as second derivative; see `focalis.boosting`.
    curvature_unit : {"cross_entropy", "row"}, default "cross_entropy"
        What the mean curvature at the start is scaled to: that of cross-entropy, or 1. With 1 the
        booster's floors and penalties count rows on every data set: ``lambda_l2=1`` equals one row.
    class_weight : {"balanced"}, dict or None, default None
        Factors on the row weights. Like row weights, they change the probabilities to those of the
        reweighted rows, whereas the weights of the loss (α, class weights) are undone.
    calibration : {"posterior", "link"}, default "posterior"
        Whether `predict_proba` returns the class probabilities that the logits imply, or the link's
        output.
    n_estimators : int, default 100
        The number of rounds; each adds one tree per logit.
    learning_rate : float, default 0.1
        The factor on each tree.
    early_stopping_rounds : int, optional
        Stop once the loss on the validation rows has not fallen for this many rounds; keep the best one.
    validation_fraction : float, default 0.1
        The share of the rows with weight above 0 to hold out for early stopping, if `fit` receives no
        validation rows.
    categorical_features : {"from_dtype"}, None or list of int or str, default "from_dtype"
        The columns that hold categories: those of a frame with a text or categorical type, or the ones
        listed. The booster sees a category's position in `categories_`, and NaN for an unknown one.
    warm_start : bool, default False
        Whether `fit` continues from the existing trees, up to `n_estimators`. `loss`, `curvature`,
        `curvature_unit`, `booster` and `categorical_features` must not change. CatBoost continues only
        with the same training and validation rows, not after pickling, and only once from trees that
        early stopping has cut.
    random_state : int, RandomState or None, default None
        The seed of the booster and of the held-out rows; None keeps the booster's default seed.
    n_jobs : int, optional
        The booster's number of threads; None for its default.
    **booster_parameters
        Parameters of the booster under its names, such as ``num_leaves=15``; `get_params`, `set_params`
        and a grid search see those that are set. Refused are parameters that follow from one above or
        from the loss, those without effect under a custom objective, and names unknown to LightGBM or
        CatBoost; XGBoost warns of unknown names.

    Attributes
    ----------
    classes_ : ndarray
        The classes, in the order of the columns of `predict_proba`.
    booster_ : lightgbm.Booster, xgboost.Booster or catboost.CatBoost
        The trained booster. Its raw scores plus `initial_logits_` are `raw_logits`, even after saving in
        the library's format. Characters in feature names that LightGBM or XGBoost does not accept are
        replaced by underscores.
    initial_logits_ : float or ndarray of shape (C,)
        What training started from.
    loss_ : Loss
        The loss that was minimised.
    n_estimators_ : int
        The number of rounds that the booster predicts with.
    feature_importances_ : ndarray
        The booster's importances, scaled to a sum of 1.
    categories_ : dict of int to list
        The categories of each categorical column.
    n_features_in_, feature_names_in_
        As in all scikit-learn estimators.

    Raises
    ------
    ValueError, TypeError
        If a parameter or a label is not one of these.
    ImportError
        If the booster is not installed.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from focalis.sklearn import BoostedClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = BoostedClassifier("focal(gamma=2, alpha=.25)", n_estimators=20, n_jobs=1)
    >>> probabilities = model.fit(X, y).predict_proba(X)
    >>> print(y.mean().round(2), probabilities[:, 1].mean().round(2))
    0.63 0.65
    """

    def __init__(
        self,
        loss: Any = "focal",
        booster: str = "lightgbm",
        *,
        curvature: str = DEFAULT_CURVATURE,
        curvature_unit: str = "cross_entropy",
        class_weight: Any = None,
        calibration: str = "posterior",
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        early_stopping_rounds: int | None = None,
        validation_fraction: float = 0.1,
        categorical_features: Any = "from_dtype",
        warm_start: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        **booster_parameters: Any,
    ) -> None:
        self.loss = loss
        self.booster = booster
        self.curvature = curvature
        self.curvature_unit = curvature_unit
        self.class_weight = class_weight
        self.calibration = calibration
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.early_stopping_rounds = early_stopping_rounds
        self.validation_fraction = validation_fraction
        self.categorical_features = categorical_features
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        if booster_parameters:
            self.booster_parameters = booster_parameters

    n_estimators_: int
    _trained = "booster_"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, including those set for the booster."""
        return {**super().get_params(deep=deep), **self._extra_parameters()}

    def set_params(self, **params: Any) -> "BoostedClassifier":
        """Set parameters by name; names unknown to this class are parameters of the booster."""
        known = set(super().get_params(deep=False))
        others = {name: value for name, value in params.items() if name not in known}
        if any("__" in name for name in others):
            raise ValueError(f"a parameter of the booster has no '__', got {sorted(others)}")
        if others:
            self.booster_parameters = {**self._extra_parameters(), **others}
        super().set_params(**{name: params[name] for name in params if name in known})
        return self

    def _extra_parameters(self) -> dict[str, Any]:
        return dict(getattr(self, "booster_parameters", {}))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        return tags

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        callback: Callable[[], None] | None = None,
    ) -> "BoostedClassifier":
        """Train the booster.

        Parameters
        ----------
        X : array_like, sparse matrix or DataFrame of shape (n, features)
            Rows; NaN is a missing value. Entries that a sparse matrix does not store are 0, except that
            XGBoost, when trained on a sparse matrix, takes 0 for a missing value.
        y : array_like of shape (n,)
            Classes.
        sample_weight : array_like of shape (n,), optional
            Non-negative weights.
        X_val, y_val, sample_weight_val : optional
            Rows for early stopping; by default some rows of X are held out.
        callback : callable, optional
            Called after every round; an exception from it ends the training.

        Returns
        -------
        BoostedClassifier
            The estimator itself.
        """
        self._check_settings()
        check_consistent_length(X, y)
        goes_on = self.warm_start and hasattr(self, "booster_")
        if goes_on:
            self._check_warm_start()
            features = self._columns.transform(self, X)
            labels = self._known_labels(y, "y")
            train = features, labels, self._read_weights(sample_weight, features, labels)
        else:
            train = self._learn(X, y, sample_weight)
        held = None
        if X_val is None and (y_val is not None or sample_weight_val is not None):
            raise ValueError("X_val must be passed with y_val and sample_weight_val, got None")
        if X_val is not None:
            held = self._validation(X_val, y_val, sample_weight_val)
        elif self.early_stopping_rounds is not None:
            train, held = self._split(*train)
        if not goes_on:
            self._start(train[1], train[2])
            self._fixed = {name: getattr(self, name) for name in _FIXED}
        rounds = self.n_estimators - (self.n_estimators_ if goes_on else 0)
        if rounds < 0:
            raise ValueError(
                f"n_estimators must be at least the {self.n_estimators_} rounds that warm_start "
                f"continues from, got {self.n_estimators}"
            )
        if rounds > 0:
            job = self._job(train, int(rounds), callback)
            if held is not None:
                job = replace(job, validation=Rows(*held))
            library = BOOSTERS[self.booster]
            self.booster_ = library.train(job)
            self.n_estimators_ = library.rounds(self.booster_)
        return self

    def cross_logits(
        self,
        X: Any,
        y: Any,
        folds: Iterable[tuple[Any, Any]],
        sample_weight: Any = None,
        *,
        callback: Callable[[], None] | None = None,
    ) -> tuple[Array, int]:
        """Return the logits of rows from boosters that have not seen them, and the best round.

        The boosters of all folds are trained in step, from a start and a scale computed on all rows,
        until the mean loss over all held-out rows has not fallen for `early_stopping_rounds` rounds. The
        number of rounds is meant for a booster of all rows: ``set_params(n_estimators=rounds,
        early_stopping_rounds=None).fit(X, y)``. This method does not fit the estimator itself.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        folds : iterable of (array_like of int, array_like of int)
            Rows to train on and rows to hold out, as scikit-learn's splitters return them; no row may be
            held out twice.
        callback : callable, optional
            Called after every round of a fold; an exception from it ends the training.

        Returns
        -------
        logits : ndarray
            (n,) for two classes, (n, C) for more, NaN for rows that no fold holds out; from the best
            round, or from the last one without `early_stopping_rounds`.
        rounds : int
            That round.

        Raises
        ------
        ValueError, TypeError
            As for `fit`, or if the folds are not as described.
        """
        self._check_settings()
        check_consistent_length(X, y)
        model = clone(self)
        rows = Rows(*model._learn(X, y, sample_weight))
        pairs = _pairs(folds, len(rows.labels))
        model._start(rows.labels, rows.weight)
        job = model._job((rows.features, rows.labels, rows.weight), self.n_estimators, callback)
        order = np.concatenate([held for _, held in pairs])
        held, loss = rows.take(order), replace(model.loss_, reduction="mean")
        truth, engine = model._truth(held.labels), engine_for(len(order))
        stages = BOOSTERS[self.booster].stages(job, pairs)
        parts: list[Array] = [np.empty(0)] * len(stages)
        best_value, best_round, best = np.inf, 0, np.empty(0)
        for completed in range(1, self.n_estimators + 1):
            going = False
            for place, stage in enumerate(stages):
                if (part := next(stage, None)) is not None:
                    parts[place], going = part, True
            if not going:
                break
            logits = np.concatenate(parts)
            value = float(loss(logits, truth, sample_weight=held.weight, engine=engine))
            if value < best_value or self.early_stopping_rounds is None:
                best_value, best_round, best = value, completed, logits
            elif completed - best_round >= self.early_stopping_rounds:
                break
        found = np.full((len(rows.labels), *best.shape[1:]), np.nan)
        found[order] = best
        return found, best_round

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Array, Array | None]:
        """Learn columns and classes; return features, class indices and weights."""
        self._forget()
        self._columns = Columns(self.categorical_features)
        features = self._columns.fit_transform(self, X)
        labels = self._read_labels(y)
        return features, labels, self._read_weights(sample_weight, features, labels)

    def _job(self, train: Any, rounds: int, callback: Callable[[], None] | None) -> Job:
        names, patience = getattr(self, "feature_names_in_", None), self.early_stopping_rounds
        return Job(
            loss=self.loss_,
            curvature=self.curvature,
            scale=self.scale_,
            initial_logits=self.initial_logits_,
            train=Rows(*train),
            validation=None,
            rounds=rounds,
            patience=patience if patience is None else int(patience),
            learning_rate=self.learning_rate,
            seed=self._seed(),
            threads=self.n_jobs,
            categorical=sorted(self._columns.categories),
            names=None if names is None else plain_names(names),
            previous=getattr(self, "booster_", None),
            callback=callback,
            parameters=self._extra_parameters(),
        )

    def _start(self, labels: Array, weight: Array | None) -> None:
        """Set the initial logits and the scale."""
        n_classes = len(self.classes_)
        self.initial_logits_ = starting_logits(
            self.loss_, labels, weight, None if n_classes == 2 else n_classes
        )
        totals = np.bincount(labels, weight, minlength=n_classes).astype(np.float64)
        self.scale_ = curvature_scale(
            self.loss_, self.curvature, totals, self.initial_logits_, self.curvature_unit
        )

    def _check_warm_start(self) -> None:
        for name in _FIXED:
            before, now = self._fixed[name], getattr(self, name)
            if name == "loss":
                before, now = self.loss_, read_loss(now, len(self.classes_))
            if not (now == before if name == "loss" else np.array_equal(now, before)):
                raise ValueError(
                    f"warm_start continues with the same {', '.join(_FIXED)}, other parameters may "
                    f"change; {name} was {self._fixed[name]!r}, got {getattr(self, name)!r}"
                )

    def _split(self, features: Any, labels: Array, weight: Array | None) -> tuple[Any, Any]:
        # Rows without weight say nothing about when to stop.
        order = np.arange(len(labels)) if weight is None else np.flatnonzero(weight)
        seed = check_random_state(0 if self.random_state is None else self.random_state)
        _, held = train_test_split(
            order, test_size=self.validation_fraction, stratify=labels[order], random_state=seed
        )
        chosen = np.zeros(len(labels), bool)
        chosen[held] = True
        return tuple(
            (features[part], labels[part], None if weight is None else weight[part])
            for part in (np.flatnonzero(~chosen), np.flatnonzero(chosen))
        )  # type: ignore[return-value]

    def _validation(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Array, Array | None]:
        if y is None:
            raise ValueError("y_val must be passed with X_val, got None")
        features = self._columns.transform(self, X)
        labels = self._known_labels(y, "y_val")
        if features.shape[0] != len(labels):
            raise ValueError(
                f"X_val and y_val must be of one length, got {features.shape[0]} and {len(labels)}"
            )
        return features, labels, self._read_weights(sample_weight, features, labels)

    def _seed(self) -> int | None:
        if self.random_state is None:
            return None
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _forget(self) -> None:
        for name in ("booster_", "class_factors_", "initial_logits_"):
            if hasattr(self, name):
                delattr(self, name)

    def _check_settings(self) -> None:
        if self.booster not in BOOSTERS:
            raise ValueError(
                f"booster must be one of {', '.join(map(repr, BOOSTERS))}, got {self.booster!r}"
            )
        if self.curvature not in CURVATURES:
            raise ValueError(
                f"curvature must be one of {', '.join(map(repr, CURVATURES))}, got {self.curvature!r}"
            )
        if self.curvature_unit not in ("cross_entropy", "row"):
            raise ValueError(
                f"curvature_unit must be 'cross_entropy' or 'row', got {self.curvature_unit!r}"
            )
        library = BOOSTERS[self.booster]
        set_by: dict[str, str] = {}
        for name in self._extra_parameters():
            main = library.main_name(name)
            if main in library.refused:
                raise ValueError(
                    f"{name} {library.refused[main]}, and cannot be set for "
                    f"booster={self.booster!r}"
                )
            if main in set_by:
                raise ValueError(f"{name} and {set_by[main]} are one parameter of LightGBM")
            set_by[main] = name
        library.check(self._extra_parameters(), self.early_stopping_rounds is not None)
        counts = {"n_estimators": self.n_estimators}
        if self.early_stopping_rounds is not None:
            counts["early_stopping_rounds"] = self.early_stopping_rounds
        for name, count in counts.items():
            if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
                raise ValueError(f"{name} must be an integer of at least 1, got {count!r}")
        rate, jobs = self.learning_rate, self.n_jobs
        if isinstance(rate, bool) or not (isinstance(rate, Real) and 0 < rate < np.inf):
            raise ValueError(f"learning_rate must be a finite number above 0, got {rate!r}")
        if jobs is not None and not (isinstance(jobs, int | np.integer) and jobs != 0):
            raise ValueError(f"n_jobs must be None or an integer other than 0, got {jobs!r}")
        share = self.validation_fraction
        if isinstance(share, bool) or not (isinstance(share, Real) and 0 < share < 1):
            raise ValueError(f"validation_fraction must lie between 0 and 1, got {share!r}")

    @property
    def categories_(self) -> dict[int, list[Any]]:
        """The categories of each categorical column."""
        check_is_fitted(self)
        return self._columns.categories

    @property
    def feature_importances_(self) -> Array:
        """The booster's importances, scaled to a sum of 1."""
        check_is_fitted(self)
        found = BOOSTERS[self.booster].importances(self.booster_, self.n_features_in_)
        return found / found.sum() if found.sum() > 0 else found

    def raw_logits(self, X: Any) -> Array:
        """Return the logits of the model, including the initial logits.

        Parameters
        ----------
        X : array_like, sparse matrix or DataFrame of shape (n, features)
            Rows.

        Returns
        -------
        ndarray
            (n,) for two classes, (n, C) for more.
        """
        check_is_fitted(self)
        return self._logits(self._columns.transform(self, X))

    def _logits(self, features: Any) -> Array:
        raw = BOOSTERS[self.booster].raw(self.booster_, features, sorted(self._columns.categories))
        return np.asarray(raw + np.asarray(self.initial_logits_), np.float64)


def _pairs(folds: Iterable[tuple[Any, Any]], n_rows: int) -> list[tuple[Array, Array]]:
    """Return the folds with the rows of each in order, or raise if they are not valid."""
    pairs = []
    for fold in folds:
        fit_on, held = (np.sort(part) for part in fold)
        for part in (fit_on, held):
            if part.dtype.kind not in "iu" or part.ndim != 1 or part.size == 0:
                raise ValueError(
                    "folds must be pairs of non-empty arrays of row numbers, got one of "
                    f"{part.dtype} and shape {part.shape}"
                )
            if not 0 <= part[0] <= part[-1] < n_rows:
                raise ValueError(
                    f"folds must hold row numbers from 0 to {n_rows - 1}, got {part[0]} to {part[-1]}"
                )
        pairs.append((fit_on, held))
    if not pairs:
        raise ValueError("folds must hold at least one pair, got none")
    seen, counts = np.unique(np.concatenate([held for _, held in pairs]), return_counts=True)
    if counts.max() > 1:
        raise ValueError(f"folds must hold no row out twice, got row {seen[counts.argmax()]} again")
    return pairs
