"""Losses for gradient boosting: objectives and metrics for LightGBM, XGBoost and CatBoost.

`focalis.boosting.lightgbm`, `focalis.boosting.xgboost` and `focalis.boosting.catboost` each offer

``objective(loss, curvature=…)``
    What the library minimises, for its ``train`` function and its scikit-learn wrapper.
``metric(loss)``
    The loss, for validation sets and early stopping.
``set_initial_logits(loss, train, *others)``
    Make training start from the constant that minimises the loss, and return it.
``predict_logits(booster, features, initial_logits)``
    The logits of a booster that was trained from such a start.

`focalis.boosting.dask` computes where training LightGBM or XGBoost on a Dask cluster starts from.

None of these modules imports its library before use. `focalis.sklearn` builds its estimators on them.
"""
