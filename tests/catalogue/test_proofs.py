"""Each name in the catalogue is what the catalogue says: its framework's numbers equal ours."""

import functools
import importlib
import importlib.util
import pickle
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from focalis.catalogue import Parameter, entries
from focalis.catalogue.names.caffe import IGNORE
from focalis.catalogue.transforms import LOG_PROBABILITIES, ONLY_INDICES

HERE = Path(__file__).parent
ISOLATED = ("proofs_jax", "proofs_tensorflow")
# The file and function with the proofs, and what must be installed for them.
SOURCES = {
    "general": ("proofs_by_definition", "general"),
    "focalis": ("proofs_by_definition", "focalis_functions"),
    "TensorFlow Addons": ("proofs_by_definition", "addons"),
    "Caffe": ("proofs_by_definition", "caffe"),
    "MMDetection": ("proofs_by_definition", "mmdetection"),
    "PyTorch": ("proofs_torch", "pytorch", "torch"),
    "torchvision": ("proofs_torch", "torchvision", "torch", "torchvision"),
    "fvcore": ("proofs_torch", "fvcore", "torch", "fvcore"),
    "Detectron2": ("proofs_torch", "detectron2", "torch", "fvcore"),
    "MONAI": ("proofs_torch", "monai", "torch", "monai"),
    "kornia": ("proofs_torch", "kornia", "torch", "kornia"),
    "Segmentation Models PyTorch": (
        "proofs_torch",
        "segmentation_models",
        "torch",
        "segmentation_models_pytorch",
    ),
    "optax": ("proofs_jax", "optax_losses", "jax", "optax"),
    "TensorFlow": ("proofs_tensorflow", "tensorflow", "tensorflow", "keras"),
    "Keras": ("proofs_tensorflow", "keras", "tensorflow", "keras"),
    "scikit-learn": ("proofs_sklearn", "losses", "sklearn"),
    "XGBoost": ("proofs_boosting", "xgboost_objectives", "xgboost"),
    "LightGBM": ("proofs_boosting", "lightgbm_objectives", "lightgbm"),
    "CatBoost": ("proofs_boosting", "catboost_objectives", "catboost"),
}


@functools.cache
def proofs(framework):
    file, function, *_ = SOURCES[framework]
    return tuple(getattr(importlib.import_module(file), function)())


@functools.cache
def elsewhere(file):
    """Return the results of a file's proofs, run in a separate process."""
    functions = [function for other, function, *_ in SOURCES.values() if other == file]
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.pickle"
        command = [sys.executable, str(HERE / "run_proofs.py"), str(results), file, *functions]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return pickle.loads(results.read_bytes())


def theirs(framework, proof):
    """Return value and gradient for each case of a proof."""
    file, function, *_ = SOURCES[framework]
    if file not in ISOLATED:
        return [proof.run(proof.scores, proof.targets, **case) for case in proof.cases]
    return elsewhere(file)[function][proofs(framework).index(proof)]


def test_every_framework_has_a_source_of_proofs():
    assert {entry.framework for entry in entries()} == set(SOURCES)


@pytest.mark.slow
@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_a_name_means_what_the_catalogue_says(entry):
    missing = [m for m in SOURCES[entry.framework][2:] if importlib.util.find_spec(m) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    own = [proof for proof in proofs(entry.framework) if proof.name == entry.name]
    assert own, "no proof"
    for proof in own:
        check(entry, proof, theirs(entry.framework, proof))


def check(entry, proof, expected):
    """Compare an entry's values and gradients with its framework's."""
    for case, (value, gradient) in zip(proof.cases, expected, strict=True):
        ours = entry.evaluate(proof.scores, proof.targets, engine="numpy", **case)
        for kind, true, found in zip(("value", "gradient"), (value, gradient), ours, strict=True):
            if true is not None:
                np.testing.assert_allclose(
                    found,
                    true,
                    rtol=proof.tolerance,
                    atol=proof.tolerance * np.abs(true).max(),
                    err_msg=f"{kind} with {case}",
                )


BROKEN = {
    "another loss": ("softmax focal loss", {"margin_loss": "poly1", "parameters": ()}),
    "another parameter": ("sigmoid focal loss", {"parameters": (Parameter("gamma", 2.1),)}),
    "another reduction": ("Caffe.SigmoidCrossEntropyLoss", {"parameters": (IGNORE,)}),
    "another link": ("logistic loss", {"link": "softmax"}),
    "another denominator": ("multinomial logistic loss", {"denominator": "elements"}),
    "no transform of targets": ("Caffe.InfogainLoss", {"targets": ONLY_INDICES}),
    "another weighing": ("multi-label softmax loss", {"fixed": {"reduction": "batchmean"}}),
    "another transform of scores": ("log loss", {"scores": LOG_PROBABILITIES}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_wrong_entry_is_found_out(kind):
    name, changes = BROKEN[kind]
    (entry,) = (one for one in entries() if one.name == name)
    proof = next(one for one in proofs(entry.framework) if one.name == name)
    proof = replace(proof, cases=proof.cases[:1])
    expected = theirs(entry.framework, proof)
    check(entry, proof, expected)
    with pytest.raises((AssertionError, ValueError)):
        check(replace(entry, **changes), proof, expected)
