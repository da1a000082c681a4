"""The recipe: a script that trains the recommended loss on the whole file and saves the model."""

import textwrap
from string import Template
from typing import Any

import numpy as np

import focalis
from focalis.compare.data import Data
from focalis.compare.models import arguments, posterior_or_none, unit_weights
from focalis.compare.settings import Settings

_SCRIPT = Template('''\
"""$title, written by `focalis compare`.

    python recipe.py

trains on the whole file and saves model.joblib beside this script. To use it:

    saved = joblib.load("model.joblib")
    probabilities = saved["model"].predict_proba(frame)  # a polars.DataFrame
    answers = $answers  # best F1 in the comparison

The columns of the probabilities are $classes.
"""

from pathlib import Path

import joblib
$imports
from focalis.compare import Settings, Vectoriser, load
from focalis.sklearn import $estimator

data = load(
    Settings(
$settings
    )
)
model = make_pipeline(
$steps
)
model.fit(data.features, data.targets$weights)

saved = {"model": model, "classes": data.classes, "thresholds": $thresholds}
joblib.dump(saved, Path(__file__).with_name("model.joblib"))
print(f"trained {model[-1].loss_} on {len(data.targets)} rows; saved model.joblib")
''')

_TREES = "from sklearn.pipeline import make_pipeline\n"
_LINEAR = """\
import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
"""
# The steps of `focalis.compare.features.preparation`.
_STANDARDISED = """\
FunctionTransformer(np.float64),
SimpleImputer(add_indicator=True, keep_empty_features=True),
StandardScaler(),
"""


def recipe(settings: Settings, data: Data, entry: dict[str, Any]) -> str:
    """Return a script that trains one loss of the results on the whole file.

    `entry` is the loss's entry in results.json; its rounds and thresholds are the medians over all
    folds.
    """
    columns = ("target", "positive", "group", "time", "weight", "drop", "folds")
    chosen = {name: getattr(settings, name) for name in columns}
    lines = [f"{name}={value!r}," for name, value in chosen.items() if value not in (None, ())]
    if settings.data is not None:
        lines.insert(0, f"data=Path({str(settings.data.resolve())!r}),")
    linear = settings.model == "linear"
    loss = focalis.parse(entry["loss"])
    estimator_arguments = arguments(settings.model, loss, data.targets, unit_weights(data.weights))
    if not linear:
        estimator_arguments |= {"n_estimators": entry["rounds"], "random_state": settings.seed}
    thresholds = np.array(entry["thresholds"])
    determined = posterior_or_none(
        loss, thresholds if data.binary else np.zeros((1, len(data.classes)))
    )
    if determined is None:
        estimator_arguments["calibration"] = "link"
    if data.binary:  # entry has the threshold as a logit, the script wants it as a probability
        thresholds = loss.probabilities(thresholds) if determined is None else determined
    estimator = "LinearClassifier" if linear else "BoostedClassifier"
    called = "\n".join(f"    {name}={value!r}," for name, value in estimator_arguments.items())
    steps = (
        f"Vectoriser(seed={settings.seed}),\n"
        + (_STANDARDISED if linear else "")
        + f"{estimator}(\n    {entry['loss']!r},\n{called}\n),"
    )
    weights = f", {estimator.lower()}__sample_weight=data.weights / data.weights.mean()"
    return _SCRIPT.substitute(
        title=_quoted(f"Train {entry['name']} on {data.name}"),
        classes=_quoted(", ".join(map(repr, data.classes))),
        answers=(
            'probabilities[:, 1] >= saved["thresholds"]'
            if data.binary
            else 'probabilities >= saved["thresholds"]'
        ),
        imports=_LINEAR if linear else _TREES,
        estimator=estimator,
        settings=textwrap.indent("\n".join(lines), " " * 8),
        steps=textwrap.indent(steps, " " * 4),
        weights="" if settings.weight is None else weights,
        thresholds=float(thresholds.ravel()[0]) if data.binary else thresholds.tolist(),
    )


def _quoted(text: str) -> str:
    """Return a text that can stand in a docstring without ending it."""
    return text.replace("\\", "/").replace('"""', "'''")
