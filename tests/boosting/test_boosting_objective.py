"""Objectives and metrics, called as each library calls them."""

import pickle

import catboost
import lightgbm
import numpy as np
import oracle
import pytest
import xgboost
from registry import FEW_MARGINS, LOGIT_LINKS, build, name
from sklearn.datasets import load_breast_cancer, load_wine

from focalis import Loss, parse
from focalis.boosting import catboost as for_catboost
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost
from focalis.boosting.hessian import softmax_hessian, softmax_hessian_product
from focalis.boosting.objective import CURVATURES
from focalis.boosting.starts import curvature_scale

MODULES = [for_lightgbm, for_xgboost, for_catboost]
EVERY_MODULE = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.split(".")[-1])
POINTS = (-30.0, -4.0, -0.7, 0.0, 1.3, 5.0, 20.0)


def rows(n_classes, n=40, seed=0):
    rng = np.random.default_rng(seed)
    return 3 * rng.standard_normal((n, n_classes)), rng.integers(0, n_classes, n), rng.random(n)


def expected_curvature(curvature, margin, m):
    """Return the oracle's curvature under a policy."""
    here = oracle.at_margin(m)
    second = float(oracle.curvature(margin, here).value)
    if curvature == "fisher":
        there = oracle.at_margin(-m)
        mirrored = float(oracle.slope(margin, there))
        return float(here.p) * float(oracle.slope(margin, here)) ** 2 + float(here.q) * mirrored**2
    shaped = {"absolute": abs(second), "exact": second}
    return shaped.get(curvature, max(second, 0.0))


@pytest.mark.parametrize("curvature", CURVATURES)
@pytest.mark.parametrize("margin", FEW_MARGINS, ids=name)
def test_binary_derivatives_are_those_of_the_oracle(margin, curvature):
    loss = Loss("sigmoid", build(margin), alpha=0.25)
    scores = np.repeat(POINTS, 2)
    labels = np.tile([1.0, 0.0], len(POINTS))
    weight = np.linspace(0.5, 2.0, len(scores))
    signs = 2 * labels - 1
    factor = weight * np.where(labels == 1, 0.25, 0.75)
    at = [oracle.number(sign * x) for sign, x in zip(signs, scores, strict=True)]
    slopes = [float(oracle.slope(margin, oracle.at_margin(m))) for m in at]
    seconds = np.array([expected_curvature(curvature, margin, m) for m in at])
    grad, hess = factor * signs * slopes, factor * seconds
    # Where terms of both signs meet, digits are lost in proportion to their sizes.
    bulk = np.array([float(oracle.curvature(margin, oracle.at_margin(m)).bulk) for m in at])
    found = [module.objective(loss, curvature)(labels, scores, weight) for module in MODULES[:2]]
    pairs = for_catboost.objective(loss, curvature).calc_ders_range(scores, labels, weight)
    for our_grad, our_hess in [*found, -pairs.T]:
        np.testing.assert_allclose(our_grad, grad, rtol=1e-12, atol=1e-300)
        assert np.all(np.abs(our_hess - hess) <= 1e-12 * (np.abs(hess) + factor * bulk))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("text", ["softmax_focal(gamma=2)", "softmax_poly1(epsilon=1)"])
def test_softmax_gradient_is_the_slope_of_the_metric(text, smoothing):
    """Compared with finite differences of what the booster reports."""
    scores, labels, weight = rows(3, n=6)
    base = parse(text)
    loss = Loss("softmax", base.margin_loss, class_weight=(1, 2, 3), label_smoothing=smoothing)
    grad, hess = for_xgboost.objective(loss, "exact")(labels, scores, weight)
    step = 1e-5
    for i, j in np.ndindex(scores.shape):
        e = np.zeros_like(scores)
        e[i, j] = step
        ahead, behind = (
            for_xgboost.metric(loss)(labels, x, weight) * weight.sum()
            for x in (scores + e, scores - e)
        )
        assert (ahead - behind) / (2 * step) == pytest.approx(grad[i, j], abs=1e-8)
        slopes = [
            for_xgboost.objective(loss)(labels, x, weight)[0] for x in (scores + e, scores - e)
        ]
        assert (slopes[0] - slopes[1])[i, j] / (2 * step) == pytest.approx(hess[i, j], abs=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("curvature", ["exact", "native", "fisher"])
def test_catboost_takes_the_matrix_whose_diagonal_the_others_take(curvature, smoothing):
    scores, labels, weight = rows(4)
    margin_loss = parse("focal(gamma=2)").margin_loss
    loss = Loss("softmax", margin_loss, class_weight=(1, 2, 3, 4), label_smoothing=smoothing)
    policy = "clipped" if curvature == "native" else curvature
    grad, hess = loss.grad_and_hess(
        scores, labels, sample_weight=weight, curvature=policy, engine="numpy"
    )
    objective = for_catboost.objective(loss, curvature)
    for i in range(len(scores)):
        der1, der2 = objective.calc_ders_multi(scores[i], float(labels[i]), weight[i])
        np.testing.assert_allclose(der1, -grad[i], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(np.diag(der2), -hess[i], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(der2, np.transpose(der2), atol=1e-15)
        # Adding a constant to all logits changes nothing.
        np.testing.assert_allclose(np.sum(der2, axis=0), 0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["cross_entropy", "focal(gamma=2)", "poly1(epsilon=1)"])
def test_softmax_hessian_is_the_slope_of_the_gradient(text):
    scores, labels, _ = rows(4, n=10)
    loss = parse(text, link="softmax")
    matrices = softmax_hessian(*loss.grad_and_hess(scores, labels), labels)
    v = np.random.default_rng(1).standard_normal(scores.shape)
    products = softmax_hessian_product(*loss.grad_and_hess(scores, labels), labels, v)
    ahead, behind = (loss.grad_and_hess(scores + s * v, labels)[0] for s in (1e-5, -1e-5))
    np.testing.assert_allclose((ahead - behind) / 2e-5, products, atol=1e-8)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", matrices, v), products, atol=1e-12)


@pytest.mark.slow
def test_the_diagonal_of_a_softmax_hessian_does_not_cancel():
    labels = np.array([1])
    grad, hess = parse("softmax_cross_entropy").grad_and_hess(np.array([[40.0, 0.0, 1.0]]), labels)
    others = np.exp(-40.0) + np.exp(-39.0)
    diagonal = np.diag(softmax_hessian(grad, hess, labels)[0])
    np.testing.assert_allclose(diagonal[0], others / (1 + others) ** 2, rtol=1e-12)


@EVERY_MODULE
@pytest.mark.parametrize("link", LOGIT_LINKS)
def test_objectives_and_metrics_can_be_pickled_and_compared(module, link):
    loss = parse("focal(gamma=2)", link=link)
    for one in (module.objective(loss, "fisher", scale=2.0), module.metric(loss)):
        assert pickle.loads(pickle.dumps(one)) == one
    assert module.objective(loss, "exact") != module.objective(loss, "clipped")


@EVERY_MODULE
def test_losses_that_are_none_raise(module):
    with pytest.raises(TypeError, match=r"loss must be a focalis\.Loss .* got 'focal'"):
        module.objective("focal")
    with pytest.raises(TypeError, match="loss must be"):
        module.metric(None)
    with pytest.raises(ValueError, match="got link='simplex'"):
        module.objective(parse("simplex_cross_entropy"))
    with pytest.raises(ValueError, match=r"curvature must be one of .* got 'newton'"):
        module.objective(parse("focal"), "newton")
    with pytest.raises(ValueError, match="scale must be a finite number above 0, got 0"):
        module.objective(parse("focal"), scale=0)


@pytest.mark.parametrize("module", MODULES[:2], ids=["lightgbm", "xgboost"])
def test_bad_labels_weights_and_scores_raise(module):
    softmax, sigmoid = (
        module.objective(parse("focal", link=link)) for link in ("softmax", "sigmoid")
    )
    scores = np.zeros((3, 3))
    for labels, shown in (([0, 1, 3], "3"), ([0, 1, 0.5], "0.5"), ([0, 1, np.nan], "nan")):
        with pytest.raises(
            ValueError, match=rf"class indices in \[0, 3\), got {shown}.* position 2"
        ):
            softmax(np.array(labels), scores)
    with pytest.raises(ValueError, match=r"labels must be numbers in \[0, 1\], got -1"):
        sigmoid(np.array([1.0, -1.0]), np.zeros(2))
    with pytest.raises(ValueError, match=r"labels must be one or 3 for each of 3 rows"):
        sigmoid(np.zeros(4), scores)
    with pytest.raises(ValueError, match=r"sample_weight must be non-negative"):
        softmax(np.arange(3), scores, [1.0, -1.0, 1.0])
    scores[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"scores must be numbers, got .*nan.* at position 1"):
        softmax(np.arange(3), scores)
    with pytest.raises(ValueError, match=r"num_class.* got shape \(3,\)"):
        softmax(np.arange(3), np.zeros(3))
    weighted = module.objective(parse("softmax_focal(class_weight=[1, 2])"))
    with pytest.raises(ValueError, match="class_weight must have one number for each of the 3"):
        weighted(np.arange(3), np.zeros((3, 3)))


def test_catboost_raises_for_a_label_that_is_no_class():
    with pytest.raises(ValueError, match=r"class indices in \[0, 2\), got 2"):
        for_catboost.objective(parse("softmax_focal")).calc_ders_multi(np.zeros(2), 2.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["focal(gamma=5)", "focal(gamma=2, alpha=.25)", "cross_entropy"])
@pytest.mark.parametrize("link", LOGIT_LINKS)
def test_the_scale_brings_the_curvature_to_that_of_cross_entropy(text, link):
    loss = parse(text.replace(", alpha=.25", "") if link == "softmax" else text, link=link)
    totals = np.array([30.0, 10.0] if link == "sigmoid" else [30.0, 10.0, 5.0])
    labels = np.repeat(np.arange(len(totals)), totals.astype(int))
    plain = parse("cross_entropy", link=link)

    def mean(one):
        start = one.initial_logits(labels)
        grown = np.repeat(np.asarray(start)[None], len(labels), axis=0)
        truth = labels.astype(float) if link == "sigmoid" else labels
        return one.grad_and_hess(grown, truth, curvature="clipped")[1].mean()

    scale = curvature_scale(loss, "native", totals, loss.initial_logits(labels))
    assert scale * mean(loss) == pytest.approx(mean(plain))
    assert (scale == 1.0) == (text == "cross_entropy")


def test_the_scale_by_rows_makes_the_mean_curvature_1():
    """Of three classes alike: p (1 − p) = 2/9 for each logit."""
    loss, totals = parse("softmax_cross_entropy(class_weight=[4, 4, 4])"), np.array([2.0, 2.0, 2.0])
    assert curvature_scale(loss, "exact", totals, np.zeros(3), "row") == pytest.approx(9 / 8)


def binary():
    features, labels = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return features[order], labels[order]


def multiclass():
    features, labels = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return features[order], labels[order]


CASES = {
    "binary": ("focal(gamma=2, alpha=.25)", binary, {}),
    "multi-class": ("softmax_focal(gamma=2)", multiclass, {"num_class": 3}),
}


def train(module, loss, features, labels, weight, extra):
    """Train on half with early stopping on the other half; return booster, start and log."""
    half = len(labels) // 2
    parts = [(features[s], labels[s], weight[s]) for s in (slice(None, half), slice(half, None))]
    log = {}
    objective, metric = module.objective(loss), module.metric(loss)
    if module is for_lightgbm:
        data = [lightgbm.Dataset(x, y, weight=w) for x, y, w in parts]
        start = module.set_initial_logits(loss, *data)
        parameters = {"objective": objective, "metric": "none", "verbosity": -1, "num_threads": 1}
        callbacks = [lightgbm.early_stopping(5, verbose=False), lightgbm.record_evaluation(log)]
        booster = lightgbm.train(
            {**parameters, **extra},
            data[0],
            200,
            valid_sets=data[1],
            feval=metric,
            callbacks=callbacks,
        )
        return booster, start, log["valid_0"][metric.__name__], booster.best_iteration - 1
    if module is for_xgboost:
        data = [xgboost.DMatrix(x, y, weight=w) for x, y, w in parts]
        start = module.set_initial_logits(loss, *data)
        stop = xgboost.callback.EarlyStopping(rounds=5, save_best=True)
        booster = xgboost.train(
            {"disable_default_eval_metric": True, "nthread": 1, **extra},
            data[0],
            200,
            obj=objective,
            custom_metric=metric,
            evals=[(data[1], "valid")],
            callbacks=[stop],
            evals_result=log,
            verbose_eval=False,
        )
        return booster, start, log["valid"][metric.__name__], booster.best_iteration
    data = [catboost.Pool(x, y, weight=w) for x, y, w in parts]
    start = module.set_initial_logits(loss, *data)
    booster = catboost.CatBoost(
        {
            "loss_function": objective,
            "eval_metric": metric,
            "leaf_estimation_method": "Newton",
            "learning_rate": 0.5,
            "iterations": 150,
            "depth": 3,
            "thread_count": 1,
            "allow_writing_files": False,
            "verbose": False,
            **({"classes_count": 3} if extra else {}),
        }
    )
    booster.fit(data[0], eval_set=data[1], early_stopping_rounds=5, use_best_model=True)
    (values,) = booster.get_evals_result()["validation"].values()
    return booster, start, values, booster.get_best_iteration()


@pytest.mark.slow
@EVERY_MODULE
@pytest.mark.parametrize("case", CASES)
def test_training_stops_early_on_the_loss_itself(module, case):
    text, load, extra = CASES[case]
    loss = parse(text)
    features, labels = load()
    weight = np.random.default_rng(1).uniform(0.5, 2, len(labels)).astype(np.float32)
    booster, start, log, best = train(module, loss, features, labels, weight, extra)
    half = len(labels) // 2
    np.testing.assert_allclose(
        start,
        loss.initial_logits(
            labels[:half], sample_weight=weight[:half], n_classes=extra.get("num_class")
        ),
    )
    logits = module.predict_logits(booster, features[half:], start)
    held = (labels[half:], weight[half:])
    value = float(
        np.average(
            Loss(loss.link, loss.margin_loss, alpha=loss.alpha, reduction="none")(
                logits, held[0] * 1.0 if loss.link == "sigmoid" else held[0]
            ),
            weights=held[1],
        )
    )
    assert best == int(np.argmin(log)) < len(log) - 1
    assert value == pytest.approx(min(log), rel=1e-4)
    assert np.mean(np.argmax(logits, axis=1) == held[0] if extra else (logits > 0) == held[0]) > 0.9


@pytest.mark.parametrize("case", CASES)
def test_the_scikit_learn_wrappers_train_the_same_with_the_weights(case):
    text, load, extra = CASES[case]
    loss = parse(text)
    features, labels = load()
    weight = np.random.default_rng(1).uniform(0.0, 2, len(labels)).astype(np.float32)

    settings = {"n_estimators": 10, "n_jobs": 1}
    wrapped = lightgbm.LGBMClassifier(
        objective=for_lightgbm.objective(loss), metric="none", verbosity=-1, **settings
    )
    wrapped.fit(features, labels, sample_weight=weight)
    data = lightgbm.Dataset(features, labels, weight=weight)
    parameters = {"objective": for_lightgbm.objective(loss), "verbosity": -1, "num_threads": 1}
    native = lightgbm.train({**parameters, **extra}, data, 10)
    expected = native.predict(features, raw_score=True)
    np.testing.assert_array_equal(wrapped.predict(features, raw_score=True), expected)
    unweighted = lightgbm.LGBMClassifier(
        objective=for_lightgbm.objective(loss), metric="none", verbosity=-1, **settings
    ).fit(features, labels)
    assert np.abs(unweighted.predict(features, raw_score=True) - expected).max() > 0.01

    wrapped = xgboost.XGBClassifier(
        objective=for_xgboost.objective(loss),
        eval_metric=for_xgboost.metric(loss),
        base_score=0.5,
        **settings,
    )
    wrapped.fit(
        features, labels, sample_weight=weight, eval_set=[(features, labels)], verbose=False
    )
    raw = wrapped.predict(features, output_margin=True)
    data = xgboost.DMatrix(features, labels, weight=weight)
    parameters = {"nthread": 1, "base_score": 0.0 if not extra else 0.5, **extra}
    native = xgboost.train(parameters, data, 10, obj=for_xgboost.objective(loss))
    expected = native.predict(xgboost.DMatrix(features), output_margin=True)
    np.testing.assert_allclose(raw, expected, rtol=1e-5, atol=1e-5)
    reported = wrapped.evals_result()["validation_0"]["".join(str(loss).split())][-1]
    assert reported == pytest.approx(for_xgboost.metric(loss)(labels, raw), rel=1e-4)


def test_the_catboost_wrapper_trains_with_the_weights():
    loss, (features, labels) = parse("focal(gamma=2)"), binary()
    weight = np.random.default_rng(1).uniform(0.0, 2, len(labels))
    settings = {"iterations": 10, "depth": 3, "thread_count": 1, "allow_writing_files": False}

    def raw(one, weight):
        booster = catboost.CatBoostClassifier(
            loss_function=one,
            eval_metric=for_catboost.metric(loss),
            leaf_estimation_method="Newton",
            leaf_estimation_iterations=1,
            learning_rate=0.1,
            verbose=False,
            **settings,
        )
        booster.fit(features, labels, sample_weight=weight)
        return booster.predict(features, prediction_type="RawFormulaVal")

    ours = raw(for_catboost.objective(loss), weight)
    assert np.abs(ours - raw(for_catboost.objective(loss), None)).max() > 0.01


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("method", ["Newton", "Gradient"])
def test_catboosts_own_focal_loss_is_ours_with_the_exact_curvature(gamma, method):
    features, labels = binary()

    def raw(one, **settings):
        booster = catboost.CatBoost(
            {
                "loss_function": one,
                "iterations": 15,
                "learning_rate": 0.1,
                "depth": 4,
                "thread_count": 2,
                "boost_from_average": False,
                "leaf_estimation_method": method,
                "leaf_estimation_iterations": 1,
                "bootstrap_type": "No",
                "random_strength": 0,
                "allow_writing_files": False,
                "verbose": False,
                **settings,
            }
        ).fit(features, labels)
        return booster.predict(features, prediction_type="RawFormulaVal")

    loss = parse(f"focal(gamma={gamma}, alpha=.25)")
    theirs = raw(f"Focal:focal_alpha=0.25;focal_gamma={gamma}")
    ours = raw(for_catboost.objective(loss, "exact"), eval_metric=for_catboost.metric(loss))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert np.ptp(theirs) > 0.05
