"""The lines that use a loss in each framework, as the page shows them for copying.

In a template, ``$import`` imports the names from which ``$loss`` builds a `Loss`, ``$summed`` is the
same loss with the sum that the page shows, and ``$text`` is its text form. Each is a program that runs,
and a test runs them all.
"""

import importlib.util
from typing import NamedTuple


class Snippet(NamedTuple):
    """The lines for one framework, and the module of focalis that they need.

    ``own`` contains the lines for the user's own margin loss, where they differ.
    """

    name: str
    needs: str
    template: str
    own: str = ""


_ALL = (
    Snippet(
        "NumPy",
        "focalis",
        """\
import numpy as np
$import

loss = $summed
logits, targets = $numbers
value, gradient = loss.value_and_grad(np.array(logits), np.array(targets))
""",
    ),
    Snippet(
        "PyTorch",
        "focalis.torch",
        """\
import torch
import focalis.torch as F
$import

criterion = F.LossModule($summed)
logits, targets = $numbers
x = torch.tensor(logits, requires_grad=True)
criterion(x, torch.tensor(targets)).backward()
""",
    ),
    Snippet(
        "JAX",
        "focalis.jax",
        """\
import jax
import jax.numpy as jnp
$import
from focalis.jax import apply

loss = $summed
logits, targets = $numbers
value, gradient = jax.value_and_grad(lambda x: apply(loss, x, jnp.array(targets)))(jnp.array(logits))
""",
    ),
    Snippet(
        "Keras",
        "focalis.keras",
        """\
import keras
$import
from focalis.keras import LossWrapper

model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense($classes)])
model.compile(loss=LossWrapper($loss))
""",
    ),
    Snippet(
        "LightGBM",
        "focalis.boosting",
        """\
import lightgbm
import numpy as np
$import
from focalis.boosting.lightgbm import objective, predict_logits, set_initial_logits

loss = $loss
rng = np.random.default_rng(0)
features, labels = rng.normal(size=(200, 3)), np.arange(200) % $labels
data = lightgbm.Dataset(features, labels)
start = set_initial_logits(loss, data)
settings = {"objective": objective(loss), "verbosity": -1$boosted}
booster = lightgbm.train(settings, data, num_boost_round=5)
probabilities = loss.posterior(predict_logits(booster, features, start))
""",
    ),
    Snippet(
        "XGBoost",
        "focalis.boosting",
        """\
import numpy as np
import xgboost
$import
from focalis.boosting.xgboost import metric, objective, predict_logits, set_initial_logits

loss = $loss
rng = np.random.default_rng(0)
features, labels = rng.normal(size=(200, 3)), np.arange(200) % $labels
data = xgboost.DMatrix(features, labels)
start = set_initial_logits(loss, data)
settings = {"disable_default_eval_metric": True$boosted}
booster = xgboost.train(settings, data, 5, obj=objective(loss), custom_metric=metric(loss))
probabilities = loss.posterior(predict_logits(booster, features, start))
""",
    ),
    Snippet(
        "CatBoost",
        "focalis.boosting",
        """\
import catboost
import numpy as np
$import
from focalis.boosting.catboost import metric, objective, predict_logits, set_initial_logits

loss = $loss
rng = np.random.default_rng(0)
features, labels = rng.normal(size=(200, 3)), np.arange(200) % $labels
data = catboost.Pool(features, labels)
start = set_initial_logits(loss, data)
settings = {"loss_function": objective(loss), "eval_metric": metric(loss), "iterations": 5}
settings |= {"leaf_estimation_method": "Newton", "allow_writing_files": False$counted}
booster = catboost.CatBoost(settings).fit(data, verbose=False)
probabilities = loss.posterior(predict_logits(booster, features, start))
""",
    ),
    Snippet(
        "scikit-learn",
        "focalis.sklearn",
        """\
import numpy as np
from focalis.sklearn import BoostedClassifier
$module

model = BoostedClassifier("$text", n_estimators=5)
rng = np.random.default_rng(0)
features, labels = rng.normal(size=(200, 3)), np.arange(200) % $labels
probabilities = model.fit(features, labels).predict_proba(features)
""",
    ),
    Snippet(
        "Command line",
        "focalis.compare",
        """\
focalis compare table.csv --target answer --loss "$text"
focalis plot margin cross-entropy "$text"
""",
        """\
# On the command line, only focalis check knows losses that are not part of focalis:
focalis check my_module:my_function --as "$text"
""",
    ),
)


def snippets() -> tuple[Snippet, ...]:
    """Return the snippets for the front ends in this installation of focalis."""
    return tuple(one for one in _ALL if importlib.util.find_spec(one.needs) is not None)
