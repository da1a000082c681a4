"""Losses for gradient boosting: objectives and metrics for LightGBM, XGBoost and CatBoost.

`focalis.boosting.lightgbm`, `focalis.boosting.xgboost` and `focalis.boosting.catboost` each offer

``objective(loss, curvature=…)``
    What the library minimises, for its ``train`` function and for its scikit-learn wrapper.
``metric(loss)``
    The loss itself, for validation sets and early stopping.
``set_initial_logits(loss, train, *others)``
    Start from the constant that minimises the loss; returns it.
``predict_logits(booster, features, initial_logits)``
    The logits of a booster that was trained so.

`focalis.boosting.dask` says where a training of LightGBM or XGBoost on a Dask cluster starts from.

None of them imports its library before it is used. `focalis.sklearn` builds estimators on them.
"""
