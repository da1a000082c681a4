"""Which parameters of each booster `BoostedClassifier` refuses, and why."""


def _from(source: str, *names: str) -> dict[str, str]:
    """Return, for these names, the reason that a parameter of the estimator determines them."""
    return dict.fromkeys(names, f"follows from {source}")


def _dropped(library: str, *names: str) -> dict[str, str]:
    """Return, for these names, the reason that they affect only the library's built-in objectives."""
    return dict.fromkeys(names, f"has no effect under a custom objective in {library}")


# By main name; `LightGBM.main_name` resolves aliases.
REFUSED_BY_LIGHTGBM: dict[str, str] = {
    **_from("loss", "objective", "metric", "boost_from_average", "objective_seed", "sigmoid"),
    **_from("loss", "alpha", "fair_c", "poisson_max_delta_step", "tweedie_variance_power"),
    **_from("loss", "reg_sqrt", "label_gain"),
    **_from("y", "num_class"),
    **_from("class_weight", "is_unbalance", "scale_pos_weight"),
    **_from("n_estimators", "num_iterations"),
    **_from("early_stopping_rounds", "early_stopping_round"),
    **_from("categorical_features", "categorical_feature"),
    **_from("learning_rate", "learning_rate"),
    **_from("random_state", "seed"),
    **_from("n_jobs", "num_threads"),
    **_dropped("LightGBM", "pos_bagging_fraction", "neg_bagging_fraction"),
    **_dropped("LightGBM", "lambdarank_truncation_level", "lambdarank_norm"),
    **_dropped("LightGBM", "lambdarank_position_bias_regularization"),
    **_dropped("LightGBM", "eval_at", "multi_error_top_k", "auc_mu_weights"),
}

REFUSED_BY_XGBOOST: dict[str, str] = {
    # Linear models do not stop early. "dart" does, but its first trees are then a different model.
    "booster": "of XGBoost is always 'gbtree'",
    **_from("loss", "objective", "eval_metric", "base_score", "disable_default_eval_metric"),
    **_from("y", "num_class"),
    **_from("class_weight", "scale_pos_weight"),
    **_from("n_estimators", "num_boost_round"),
    **_from("learning_rate", "eta"),
    **_from("random_state", "seed"),
    **_from("n_jobs", "nthread"),
    **_dropped("XGBoost", "tweedie_variance_power", "huber_slope"),
    **_dropped("XGBoost", "quantile_alpha", "expectile_alpha"),
    **_dropped("XGBoost", "aft_loss_distribution", "aft_loss_distribution_scale"),
    **_dropped("XGBoost", "lambdarank_pair_method", "lambdarank_num_pair_per_sample"),
    **_dropped("XGBoost", "lambdarank_normalization", "lambdarank_score_normalization"),
    **_dropped("XGBoost", "lambdarank_unbiased", "lambdarank_bias_norm", "ndcg_exp_gain"),
}

REFUSED_BY_CATBOOST: dict[str, str] = {
    **_from("loss", "loss_function", "objective", "eval_metric", "boost_from_average"),
    **_from("y", "classes_count", "class_names", "target_border"),
    **_from("class_weight", "class_weights", "auto_class_weights", "scale_pos_weight"),
    **_from("n_estimators", "iterations", "num_boost_round", "num_trees"),
    **_from("early_stopping_rounds", "use_best_model"),
    **_from("early_stopping_rounds", "od_type", "od_wait", "od_pval"),
    **_from("categorical_features", "cat_features"),
    **_from("learning_rate", "eta"),
    **_from("random_state", "random_seed"),
    **_from("n_jobs", "thread_count"),
}
