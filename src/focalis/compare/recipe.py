"""The recipe: a script that trains the recommended loss on the whole file and saves the model."""

from __future__ import annotations

from string import Template
from typing import Any

from focalis.compare.data import Data
from focalis.compare.settings import Settings

__all__ = ["recipe"]

_SCRIPT = Template('''\
"""$title, written by `focalis compare`.

    python recipe.py

trains on the whole file and saves model.joblib beside this script. To use it:

    saved = joblib.load("model.joblib")
    logits = saved["model"].logits(saved["vectoriser"].transform(frame))  # a polars.DataFrame
    probabilities = saved["loss"].posterior(logits)
    scores = $scores
    answers = scores >= saved["thresholds"]  # best F1 in the comparison$each
"""

from pathlib import Path

import joblib

import focalis
from focalis.compare import Settings, load
from focalis.compare.features import Vectoriser
from focalis.compare.models import make_trainer

data = load(Settings(
$settings
))
loss = focalis.parse($loss)

vectoriser = Vectoriser(seed=$seed)
features = vectoriser.fit_transform(data.features)
trainer = make_trainer(
    $model, features, data.targets, data.weights, len(data.classes), seed=$seed
)
model = trainer.fit(loss, rounds=$rounds)

path = Path(__file__).with_name("model.joblib")
joblib.dump(
    {
        "loss": loss,
        "vectoriser": vectoriser,
        "model": model,
        "classes": data.classes,
        "thresholds": $thresholds,
    },
    path,
)
print(f"trained {loss} on {len(data.targets)} rows; saved {path}")
''')


def recipe(settings: Settings, data: Data, entry: dict[str, Any]) -> str:
    """Return a script that trains one loss of the results on the whole file.

    Parameters
    ----------
    settings : Settings
        What was compared.
    data : Data
        The data.
    entry : dict
        The loss's entry in results.json; its rounds and thresholds are the medians over all folds.

    Returns
    -------
    str
        Python source.
    """
    arguments: dict[str, Any] = {
        "target": settings.target,
        "positive": settings.positive,
        "group": settings.group,
        "time": settings.time,
        "weight": settings.weight,
        "drop": settings.drop or None,
        "folds": settings.folds,
    }
    lines = [f"    {name}={value!r}," for name, value in arguments.items() if value is not None]
    if settings.data is not None:
        lines.insert(0, f"    data=Path({str(settings.data.resolve())!r}),")
    title = f"Train {entry['name']} on {data.name}"
    return _SCRIPT.substitute(
        title=title.replace("\\", "/").replace('"""', "'''"),
        each="" if data.binary else ", for each class on its own",
        scores="logits" if data.binary else 'saved["loss"].probabilities(logits)',
        settings="\n".join(lines),
        loss=repr(entry["loss"]),
        model=repr(settings.model),
        seed=settings.seed,
        rounds=entry["rounds"],
        thresholds=entry["thresholds"] if not data.binary else entry["thresholds"][0],
    )
