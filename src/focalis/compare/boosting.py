"""Boosted trees: LightGBM on a loss of focalis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import focalis
from focalis.boosting.lightgbm import objective, predict_logits
from focalis.compare.starts import Floats, Indices, Rows, Start, Starts, no_tick

__all__ = ["BoostedTrees", "LightGBM", "Member", "Trees"]

LEARNING_RATE = 0.2
MAX_ROUNDS = 100
PATIENCE = 10
# Of the curvature of all rows at the start. LightGBM takes a leaf's share of the curvature for its share
# of the rows, and adds 1e-15 to every sum of curvatures: a leaf with less than that in all seems to hold
# rows where there are none, and training ends with "Check failed: left_count > 0". This is far above
# that number and above the rounding of the sums, and far below what a leaf worth splitting has.
LEAST_CURVATURE_SHARE = 1e-9


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """A LightGBM booster and the logits it started from."""

    booster: Any
    start: Floats

    def logits(self, features: NDArray[np.float32]) -> Floats:
        """Return the logits of rows of features."""
        return predict_logits(self.booster, features, self.start)


class _Boosting:
    """One booster under a loss, advanced round by round."""

    def __init__(
        self,
        parameters: dict[str, Any],
        dataset: Any,
        rows: Rows,
        loss: focalis.Loss,
        start: Start,
    ) -> None:
        import lightgbm

        self.booster = lightgbm.Booster(parameters, dataset)
        self.start = start.logits
        # "native": the diagonal understates a softmax's curvature, for which LightGBM has its remedy.
        derivatives = objective(loss, "native", scale=start.scale).derivatives

        def shifted(raw: Floats, _: object) -> tuple[Floats, Floats]:
            return derivatives(raw + self.start, rows.targets, rows.weights)

        self._objective = shifted

    def advance(self) -> bool:
        """Add one tree for each logit; return whether there was nothing left to split."""
        return bool(self.booster.update(fobj=self._objective))

    def held_out_logits(self) -> Floats:
        """Return the logits of the data set that was added for validation."""
        seen: list[Floats] = []

        def look(raw: Floats, _: object) -> tuple[str, float, bool]:
            seen.append(np.array(raw, dtype=np.float64))
            return "unused", 0.0, False

        self.booster.eval_valid(look)
        return seen[0] + self.start


class Member(Protocol):
    """A training on an inner fold, advanced round by round."""

    def advance(self) -> bool:
        """Add one tree for each logit; return whether there was nothing left to split."""
        ...

    def held_out_logits(self) -> Floats:
        """Return the logits of the rows held out."""
        ...


class Trees(ABC):
    """A training fold for boosted trees of any library; `member` and `fit` are the library's."""

    def __init__(self, targets: Indices, weights: Floats, n_classes: int) -> None:
        self._rows = Rows(targets, weights, n_classes)
        self._starts = Starts(self._rows)

    @abstractmethod
    def member(
        self, loss: focalis.Loss, fit_on: Indices, held_out: Indices, tick: Callable[[], None]
    ) -> Member:
        """Return a training on some rows that is asked about others."""

    def cross_fit(
        self,
        loss: focalis.Loss,
        inner: Sequence[tuple[Indices, Indices]],
        tick: Callable[[], None] = no_tick,
    ) -> tuple[Floats, int]:
        """Boost all inner folds in step until their mean held-out loss stops falling.

        Parameters
        ----------
        loss : focalis.Loss
            What to minimise, and what early stopping watches.
        inner : sequence of (NDArray[np.int64], NDArray[np.int64])
            Rows to fit on and rows to hold out.
        tick : callable, optional
            Called between rounds.

        Returns
        -------
        logits : NDArray[np.float64]
            Of the rows held out, fold after fold, at the best round.
        rounds : int
            The best round, one for all folds.
        """
        members = []
        for fit_on, held_out in inner:
            members.append(self.member(loss, fit_on, held_out, tick))
        held = self._rows.take(np.concatenate([held_out for _, held_out in inner]))
        truth = held.truth
        best_value, best_round, best_logits = np.inf, 0, np.empty(0)
        for completed in range(1, MAX_ROUNDS + 1):
            finished = []
            for member in members:
                tick()
                finished.append(member.advance())
            logits = np.concatenate([member.held_out_logits() for member in members])
            value = float(loss(logits, truth, sample_weight=held.weights, engine=held.engine))
            if value < best_value:
                best_value, best_round, best_logits = value, completed, logits
            if completed - best_round >= PATIENCE or all(finished):
                break
        return best_logits, best_round


class LightGBM(Trees):
    """Boosted trees on the exact gradient and the curvature clipped at zero.

    A leaf is limited by its number of rows, as LightGBM infers it from the curvature, and by an L2
    penalty of one row's curvature. Its sum of curvatures must only be more than rounding: it is tiny
    for well-classified rows, and small where a loss bends downward. For the same reason no leaf moves a
    logit by more than 5 before the learning rate.

    Parameters
    ----------
    features : NDArray[np.float32]
        The training fold.
    targets : NDArray[np.int64]
        Class indices.
    weights : NDArray[np.float64]
        Row weights.
    n_classes : int
        Two classes have one logit, more have one each.
    seed : int
        Seed of LightGBM.
    threads : int
        Threads of LightGBM; the result does not depend on them.
    """

    def __init__(
        self,
        features: NDArray[np.float32],
        targets: Indices,
        weights: Floats,
        n_classes: int,
        *,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        import lightgbm

        super().__init__(targets, weights, n_classes)
        self._parameters = {
            "objective": "none",
            "num_class": 1 if n_classes == 2 else n_classes,
            "learning_rate": LEARNING_RATE,
            "num_leaves": 31,
            "min_data_in_leaf": 20,
            "feature_pre_filter": False,  # of a few rows it would leave no feature, an error
            "min_sum_hessian_in_leaf": LEAST_CURVATURE_SHARE * len(targets),
            "lambda_l2": 1.0,
            "max_delta_step": 5.0,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": threads,
            "verbosity": -1,
        }
        # Binned once: the subsets of the inner folds share the bins, and every loss shares them all.
        self._dataset = lightgbm.Dataset(
            features, label=targets, params=self._parameters, free_raw_data=False
        ).construct()
        self._subsets: dict[int, Any] = {}

    def _subset(self, index: Indices) -> Any:
        # LightGBM sorts the index; ours is in order, so its rows are where ours are.
        key = id(index)
        if key not in self._subsets:
            subset = self._dataset.subset(index.tolist(), params=self._parameters).construct()
            self._subsets[key] = (index, subset)  # the index is kept, so that its id stays its own
        return self._subsets[key][1]

    def member(
        self, loss: focalis.Loss, fit_on: Indices, held_out: Indices, tick: Callable[[], None]
    ) -> Member:
        """Return a training on some rows that is asked about others."""
        tick()
        member = _Boosting(
            self._parameters,
            self._subset(fit_on),
            self._rows.take(fit_on),
            loss,
            self._starts[loss],
        )
        member.booster.add_valid(self._subset(held_out), "held out")
        return member

    def fit(
        self, loss: focalis.Loss, rounds: int, tick: Callable[[], None] = no_tick
    ) -> BoostedTrees:
        """Boost on all rows.

        Parameters
        ----------
        loss : focalis.Loss
            What to minimise.
        rounds : int
            How many rounds.
        tick : callable, optional
            Called between rounds.

        Returns
        -------
        BoostedTrees
            The model.
        """
        boosting = _Boosting(self._parameters, self._dataset, self._rows, loss, self._starts[loss])
        for _ in range(rounds):
            tick()
            if boosting.advance():
                break
        return BoostedTrees(boosting.booster, boosting.start)
