"""Training on two workers of a local cluster, each time in a separate program with a time limit.

python dask_programs.py trainings | deaths FOLDER
"""

import json
import logging
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import dask
import dask.array as da
import lightgbm
import numpy as np
import xgboost
import xgboost.dask
from dask.distributed import Client, LocalCluster, wait
from distributed.scheduler import NoValidWorkerError

from focalis import parse
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost
from focalis.boosting.dask import initial_logits, initial_scores

ROUNDS, CLASSES = 20, 3
SETTINGS = {
    "distributed.scheduler.work-stealing": False,
    # How long a task waits for a worker that has gone.
    "distributed.scheduler.no-workers-timeout": "3s",
}
TREES = {"max_depth": 4, "tree_method": "hist", "disable_default_eval_metric": True}
LEAVES = {"num_leaves": 15, "deterministic": True, "force_col_wise": True, "verbosity": -1}


def rows(seed, n=3000):
    """Return features, classes and weights; the rows are ordered by class."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, 6)).astype(np.float32)
    signal = features[:, 0] + features[:, 1] * features[:, 2] + 0.5 * rng.standard_normal(n)
    order = np.argsort(signal)
    classes = np.digitize(signal[order], [-0.5, 1.0]).astype(np.float32)
    return features[order], classes, rng.uniform(0.5, 2.0, n).astype(np.float32)


def place(client, array, cut):
    """Return an array whose first rows are on one worker and the others on the second."""
    parts = [dask.delayed(part) for part in np.split(array, [cut])]
    # Dask leaves out parts that it knows to be empty.
    shapes = [(len(part) or np.nan, *part.shape[1:]) for part in np.split(array, [cut])]
    kept = [
        client.persist(da.from_delayed(part, shape, array.dtype), workers=[worker])
        for part, shape, worker in zip(parts, shapes, sorted(client.nthreads()), strict=True)
    ]
    wait(kept)
    return da.concatenate(kept, allow_unknown_chunksizes=True)


@dataclass
class Seen:
    """An objective that records the process and the number of rows of every call."""

    objective: Any
    folder: Path

    def __call__(self, first, second, sample_weight=None):
        grad, hess = self.objective(first, second, sample_weight)
        (self.folder / f"{os.getpid()}-{len(grad)}").touch()
        return grad, hess


@dataclass
class Fails:
    """An objective that kills the process with a given number in its fifth call."""

    objective: Any
    pid: int
    calls: int = 0

    def __call__(self, first, second, sample_weight=None):
        self.calls += 1
        if os.getpid() == self.pid and self.calls == 5:
            os.kill(self.pid, signal.SIGKILL)
        return self.objective(first, second, sample_weight)


class Xgboost:
    """The two ways to train: on arrays, and on Dask collections."""

    module = for_xgboost
    own: ClassVar = {"sigmoid": "binary:logistic", "softmax": "multi:softprob"}

    def __init__(self, client, loss):
        self.client, self.loss = client, loss
        self.classes = {"num_class": CLASSES} if loss.link == "softmax" else {}
        self.parameters = {**TREES, **self.classes}

    def settings(self, objective, start):
        """Return parameters and keywords for one of our objectives, or for the library's own."""
        if objective is None:
            return {**self.parameters, "objective": self.own[self.loss.link], "base_score": 0.5}, {}
        return self.parameters, {"obj": objective}

    def here(self, features, labels, weight, objective, start):
        parameters, keywords = self.settings(objective, start)
        data = xgboost.DMatrix(features, labels, weight=weight, base_margin=full(start, labels))
        return xgboost.train({**parameters, "nthread": 1}, data, ROUNDS, **keywords)

    def there(self, features, labels, weight, objective, start):
        parameters, keywords = self.settings(objective, start)
        data = xgboost.dask.DaskDMatrix(
            self.client,
            features,
            labels,
            weight=weight,
            base_margin=initial_scores(start, labels),
        )
        return xgboost.dask.train(self.client, parameters, data, ROUNDS, **keywords)["booster"]


class Lightgbm:
    """The same for LightGBM."""

    module = for_lightgbm
    own: ClassVar = {"sigmoid": "binary", "softmax": "multiclass"}

    def __init__(self, client, loss):
        self.client, self.loss = client, loss
        self.classes = {"num_class": CLASSES} if loss.link == "softmax" else {}

    def here(self, features, labels, weight, objective, start):
        parameters = {**LEAVES, **self.classes, "num_threads": 1, "boost_from_average": False}
        parameters["objective"] = objective or self.own[self.loss.link]
        init = full(start, labels)
        data = lightgbm.Dataset(features, labels, weight=weight, init_score=init)
        return lightgbm.train(parameters, data, ROUNDS)

    def there(self, features, labels, weight, objective, start):
        model = lightgbm.DaskLGBMRegressor(
            client=self.client,
            objective=objective or self.own[self.loss.link],
            n_estimators=ROUNDS,
            metric="none",
            boost_from_average=False,
            **LEAVES,
            **self.classes,
        )
        model.fit(features, labels, sample_weight=weight, init_score=initial_scores(start, labels))
        return model.booster_


LIBRARIES = {"xgboost": Xgboost, "lightgbm": Lightgbm}


class InOrder(Client):
    """A client that names the partitions in order; LightGBM ranks their workers by name.

    Otherwise chance decides which worker comes first, and with it where LightGBM's bins are.
    """

    def who_has(self, futures=None, **keywords):
        found = super().who_has(futures, **keywords)
        return found if futures is None else {one.key: found[one.key] for one in futures}


def full(start, labels):
    return np.broadcast_to(start, (len(labels), *np.shape(start))).copy()


def labels_for(loss, classes):
    return classes if loss.link == "softmax" else (classes == 1).astype(np.float32)


def mean_loss(loss, logits, classes):
    truth = labels_for(loss, classes)
    return float(loss(logits, truth.astype(int) if loss.link == "softmax" else truth))


def compare(library, client, text, folder):
    """Train on the cluster and in one process, on a loss and the library's own, from the same start."""
    loss = parse(text)
    plain = parse("cross_entropy", link=loss.link)
    features, classes, weight = rows(0)
    labels = labels_for(loss, classes)
    held, held_classes, _ = rows(1)
    # The first worker has no rows of the last class.
    cut = 1700
    far = [place(client, a, cut) for a in (features, labels, weight)]
    found = {}
    boosters = LIBRARIES[library](client, loss)
    objective = boosters.module.objective
    cases = {
        "own": (plain, None),
        "plain": (plain, objective(plain)),
        "loss": (loss, objective(loss)),
    }
    for name, (one, given) in cases.items():
        n_classes = CLASSES if loss.link == "softmax" else None
        start = initial_logits(one, far[1], far[2], n_classes)
        if name == "loss":
            seen = folder / f"{library}-{loss.link}"
            seen.mkdir()
            given = Seen(given, seen)
        here = boosters.here(features, labels, weight, given, start)
        if name == "loss":
            for path in seen.iterdir():
                path.unlink()
        there = boosters.there(*far, given, start)
        logits = [boosters.module.predict_logits(b, held, start) for b in (here, there)]
        found[name] = {
            "start": np.asarray(start).tolist(),
            "losses": [mean_loss(one, z, held_classes) for z in logits],
            "apart": float(np.abs(logits[0] - logits[1]).max()),
            "probabilities": one.probabilities(logits[1]).tolist(),
        }
    found["rows"] = sorted(int(path.name.split("-")[1]) for path in seen.iterdir())
    found["processes"] = len({path.name.split("-")[0] for path in seen.iterdir()})
    # The other machine's data set, to see what one process makes of it.
    found["start here"] = np.asarray(
        loss.initial_logits(
            labels.astype(int) if loss.link == "softmax" else labels, sample_weight=weight
        )
    ).tolist()
    return found


def stop_xgboost(client):
    """Stop early on validation rows, most of which are on one worker."""
    loss = parse("softmax_focal(gamma=2)")
    features, labels, weight = (place(client, a, 1700) for a in rows(0))
    far = [place(client, a, 2800) for a in rows(1)]
    start = initial_logits(loss, labels, weight)
    train, valid = (
        xgboost.dask.DaskDMatrix(client, x, y, weight=w, base_margin=initial_scores(start, y))
        for x, y, w in ((features, labels, weight), far)
    )
    trained = xgboost.dask.train(
        client,
        {**TREES, "num_class": CLASSES},
        train,
        200,
        obj=for_xgboost.objective(loss),
        custom_metric=for_xgboost.metric(loss),
        evals=[(valid, "valid")],
        early_stopping_rounds=5,
        verbose_eval=False,
    )
    (log,) = trained["history"]["valid"].values()
    booster = trained["booster"]
    best = booster[: booster.best_iteration + 1]
    logits = for_xgboost.predict_logits(best, rows(1)[0], start)
    return {
        "log": log,
        "best": booster.best_iteration,
        "value": for_xgboost.metric(loss)(rows(1)[1], logits, rows(1)[2]),
        "workers": [len(data.worker_map) for data in (train, valid)],
    }


def empty_worker_of_xgboost(client, text):
    """Return how far the logits are from those of one process if one worker has no rows."""
    loss = parse(text)
    features, classes, weight = rows(0, 600)
    labels = labels_for(loss, classes)
    boosters = Xgboost(client, loss)
    boosters.parameters["verbosity"] = 0  # XGBoost warns about that worker
    objective = for_xgboost.objective(loss)
    far = [place(client, a, 0) for a in (features, labels, weight)]
    start = initial_logits(loss, far[1], far[2], CLASSES if loss.link == "softmax" else None)
    there = boosters.there(*far, objective, start)
    here = boosters.here(features, labels, weight, objective, start)
    logits = [for_xgboost.predict_logits(b, features, start) for b in (there, here)]
    return float(np.abs(logits[0] - logits[1]).max())


def stop_lightgbm(client):
    """Stop early when every worker has all validation rows."""
    loss = parse("softmax_focal(gamma=2)")
    features, labels, weight = (place(client, a, 1700) for a in rows(0))
    x, y, w = (da.concatenate([da.from_array(a, chunks=-1)] * 2) for a in rows(1))
    start = initial_logits(loss, labels, weight)
    model = lightgbm.DaskLGBMRegressor(
        client=client,
        objective=for_lightgbm.objective(loss),
        num_class=CLASSES,
        metric="none",
        n_estimators=200,
        **LEAVES,
    )
    model.fit(
        features,
        labels,
        sample_weight=weight,
        init_score=initial_scores(start, labels),
        eval_X=(x,),
        eval_y=(y,),
        eval_sample_weight=[w],
        eval_init_score=[initial_scores(start, y)],
        eval_metric=for_lightgbm.metric(loss),
        callbacks=[lightgbm.early_stopping(5, verbose=False)],
    )
    (values,) = model.best_score_.values()
    (best,) = values.values()
    logits = for_lightgbm.predict_logits(model.booster_, rows(1)[0], start)
    return {
        "rounds": model.booster_.current_iteration(),
        "best": best,
        "value": for_lightgbm.metric(loss)(rows(1)[1], logits, rows(1)[2])[1],
    }


def bad_labels(client):
    """Return the errors for a label on one worker that is not a class: before training, and in it."""
    features, labels, _ = rows(0)
    labels[-1] = 5
    far = [place(client, a, 1700) for a in (features, labels)]
    loss, found = parse("softmax_focal(gamma=2)"), {}
    try:
        initial_logits(loss, far[1], n_classes=CLASSES)
    except ValueError as error:
        found["before"] = str(error)
    data = xgboost.dask.DaskDMatrix(client, *far)
    parameters = {**TREES, "num_class": CLASSES}
    try:
        xgboost.dask.train(client, parameters, data, ROUNDS, obj=for_xgboost.objective(loss))
    except (ValueError, xgboost.core.XGBoostError) as error:
        # From the worker with the label, or from the other, whose connection is broken.
        found["in it"] = type(error).__name__
    return found


def trainings(client, folder):
    found = {
        f"{library} {text}": compare(library, client, text, folder)
        for library in LIBRARIES
        for text in ("focal(gamma=2, alpha=.25)", "softmax_focal(gamma=2)")
    }
    found["empty worker"] = [
        empty_worker_of_xgboost(client, text)
        for text in ("focal(gamma=2, alpha=.25)", "softmax_focal(gamma=2)")
    ]
    found["stop xgboost"] = stop_xgboost(client)
    found["stop lightgbm"] = stop_lightgbm(client)
    found["bad labels"] = bad_labels(client)
    return found


def deaths(client, folder):
    """Kill a worker during training; XGBoost then trains again, on the worker that Dask restarts."""
    loss = parse("softmax_focal(gamma=2)")
    # LightGBM's survivor may notice the broken connection, or wait for ever until Dask gives up.
    errors = {
        "xgboost": (xgboost.core.XGBoostError,),
        "lightgbm": (NoValidWorkerError, lightgbm.basic.LightGBMError),
    }
    found = {}
    for name, kinds in errors.items():
        boosters = LIBRARIES[name](client, loss)
        objective = boosters.module.objective(loss)
        features, classes, weight = (place(client, a, 1700) for a in rows(0))
        start = initial_logits(loss, classes, weight)
        pid = list(client.run(os.getpid).values())[1]
        try:
            boosters.there(features, classes, weight, Fails(objective, pid), start)
        except kinds as error:
            found[name] = {"error": type(error).__name__, "message": str(error)}
        if name == "xgboost":
            client.wait_for_workers(2, timeout=60)
            far = [place(client, a, 1700) for a in rows(0)]
            booster = boosters.there(*far, objective, start)
            logits = boosters.module.predict_logits(booster, rows(1)[0], start)
            found[name]["again"] = mean_loss(loss, logits, rows(1)[1])
            found[name]["at the start"] = mean_loss(loss, full(start, logits), rows(1)[1])
    return found


if __name__ == "__main__":
    lightgbm.register_logger(logging.getLogger("lightgbm"))
    work, folder = {"trainings": trainings, "deaths": deaths}[sys.argv[1]], Path(sys.argv[2])
    with (
        dask.config.set(SETTINGS),
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0"
        ) as cluster,
        InOrder(cluster) as client,
    ):
        found = work(client, folder)
        (folder / "found.json").write_text(json.dumps(found))
