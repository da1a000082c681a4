"""Train trees on a focal loss where the data are: XGBoost and LightGBM on two Dask workers.

pip install "focalis[boosting,dask]"
python examples/dask_cluster.py
"""

import logging

import dask
import dask.array as da
import lightgbm
import numpy as np
import xgboost
import xgboost.dask
from dask.distributed import Client, LocalCluster, wait

import focalis
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost
from focalis.boosting.dask import initial_logits, initial_scores

LOSS = focalis.parse("softmax_focal(gamma=2)")
CLASSES, FEATURES = 3, 6


def train_xgboost(client, X, y, X_val, y_val):
    """Return a booster, cut to the round with the lowest validation loss."""
    start = initial_logits(LOSS, y, n_classes=CLASSES)
    train, valid = (
        xgboost.dask.DaskDMatrix(
            client, features, labels, base_margin=initial_scores(start, labels)
        )
        for features, labels in ((X, y), (X_val, y_val))
    )
    stop = xgboost.callback.EarlyStopping(rounds=10, save_best=True)
    trained = xgboost.dask.train(
        client,
        {"num_class": CLASSES, "disable_default_eval_metric": True},
        train,
        200,
        obj=for_xgboost.objective(LOSS),
        custom_metric=for_xgboost.metric(LOSS),
        evals=[(valid, "valid")],
        callbacks=[stop],
        verbose_eval=False,
    )
    return trained["booster"], start


def train_lightgbm(client, X, y):
    """Return a booster; DaskLGBMClassifier would number each worker's classes separately."""
    start = initial_logits(LOSS, y, n_classes=CLASSES)
    model = lightgbm.DaskLGBMRegressor(
        client=client,
        objective=for_lightgbm.objective(LOSS),
        num_class=CLASSES,
        metric="none",
        n_estimators=50,
        verbosity=-1,
    )
    model.fit(X, y, init_score=initial_scores(start, y))
    return model.booster_, start


def read(seed, n=3000):
    """Return the features and labels of a partition, as if from a file."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, FEATURES)).astype(np.float32)
    signal = features[:, 0] + features[:, 1] * features[:, 2] + 0.5 * rng.standard_normal(n)
    return features, np.digitize(signal, [0.0, 2.0]).astype(np.float32)


def collect(client, seeds):
    """Return features and labels as Dask arrays whose partitions are divided among the workers."""
    workers = list(client.nthreads())
    places = [workers[i % len(workers)] for i in range(len(seeds))]
    parts = [dask.delayed(read)(seed) for seed in seeds]
    n, arrays = len(read(0)[1]), []
    for i, shape in enumerate(((n, FEATURES), (n,))):
        blocks = [da.from_delayed(part[i], shape, np.float32) for part in parts]
        kept = [client.persist(b, workers=[w]) for b, w in zip(blocks, places, strict=True)]
        arrays.append(da.concatenate(kept))
    wait(arrays)
    return arrays


if __name__ == "__main__":
    lightgbm.register_logger(logging.getLogger("lightgbm"))  # its Dask estimators always warn
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0"
    )
    with cluster, Client(cluster) as client:
        client.run(focalis.set_num_threads, 1)  # otherwise a loss uses all cores of a machine
        X, y = collect(client, [0, 1])
        print("partitions on each worker:", [len(keys) // 2 for keys in client.has_what().values()])
        X_val, y_val = collect(client, [2, 3])
        features, labels = read(4)
        for module, (booster, start) in (
            (for_xgboost, train_xgboost(client, X, y, X_val, y_val)),
            (for_lightgbm, train_lightgbm(client, X, y)),
        ):
            logits = module.predict_logits(booster, features, start)
            posterior = LOSS.posterior(logits)
            right = np.mean(posterior.argmax(axis=1) == labels)
            loss = LOSS(logits, labels.astype(int))
            print(f"{module.__name__.split('.')[-1]}: loss {loss:.4f}, {right:.1%} right")
