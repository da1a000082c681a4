"""Trees on a Dask cluster: two workers on this machine, in a program with a time limit."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xgboost

from focalis import parse
from focalis.boosting import lightgbm as for_lightgbm
from focalis.boosting import xgboost as for_xgboost
from focalis.boosting.dask import initial_logits, initial_scores
from focalis.boosting.starts import starting_logits

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parent / "dask_programs.py"
SECONDS = 240
LIBRARIES = ("xgboost", "lightgbm")
LOSSES = ("focal(gamma=2, alpha=.25)", "softmax_focal(gamma=2)")


def found_by(work, folder):
    """Run a program; return what it found. At the time limit it is killed together with its workers."""
    command = [sys.executable, "-W", "error", str(PROGRAM), work, str(folder)]
    with (folder / "log").open("w+") as log:
        program = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            program.wait(SECONDS)
        except subprocess.TimeoutExpired:
            pytest.fail(f"hung: {(folder / 'log').read_text()[-3000:]}")
        finally:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()
    assert program.returncode == 0, (folder / "log").read_text()[-3000:]
    return json.loads((folder / "found.json").read_text())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return found_by("trainings", tmp_path_factory.mktemp("trainings"))


@pytest.mark.parametrize("text", LOSSES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_both_workers_train_on_the_rows_they_hold(trained, library, text):
    found = trained[f"{library} {text}"]
    assert found["processes"] == 2
    assert found["rows"] == [1300, 1700]


@pytest.mark.parametrize("text", LOSSES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_training_starts_from_the_initial_logits_of_all_rows(trained, library, text):
    found = trained[f"{library} {text}"]
    np.testing.assert_allclose(found["loss"]["start"], found["start here"], rtol=1e-6)


@pytest.mark.parametrize("text", LOSSES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_cross_entropy_is_the_librarys_own_objective_there_too(trained, library, text):
    found = trained[f"{library} {text}"]
    np.testing.assert_allclose(
        found["plain"]["probabilities"], found["own"]["probabilities"], atol=1e-5
    )


@pytest.mark.parametrize("library", LIBRARIES)
def test_two_workers_reach_the_loss_of_one_process(trained, library):
    """As closely as with the library's own objective, whose trees also differ from one process's."""
    cases = [trained[f"{library} {text}"] for text in LOSSES]
    gaps = {
        name: [abs(np.subtract(*case[name]["losses"])) for case in cases]
        for name in ("own", "plain", "loss")
    }
    np.testing.assert_allclose(gaps["plain"], gaps["own"], atol=1e-5)
    assert max(gaps["loss"]) <= max(gaps["own"])


def test_xgboost_stops_early_on_the_mean_over_all_validation_rows(trained):
    """One worker has all but 200 of the 3000 rows, so the mean of two means is different."""
    found = trained["stop xgboost"]
    assert found["workers"] == [2, 2]
    assert found["best"] == int(np.argmin(found["log"])) == len(found["log"]) - 6
    assert found["value"] == pytest.approx(min(found["log"]), rel=1e-4)


def test_a_worker_of_xgboost_may_have_no_rows(trained):
    np.testing.assert_allclose(trained["empty worker"], 0, atol=1e-6)


@pytest.mark.parametrize("loss", ["softmax_focal", "focal"])
def test_no_rows_have_the_shape_of_their_base_margin(loss):
    data = xgboost.DMatrix(np.zeros((0, 2)), label=np.zeros(0), base_margin=np.zeros((0, 3)))
    for found in for_xgboost.objective(parse(loss))(np.zeros(0, np.float32), data):
        assert found.shape == (0, 3)


def test_lightgbm_stops_early_where_each_worker_has_all_validation_rows(trained):
    found = trained["stop lightgbm"]
    assert 10 < found["rounds"] < 200
    assert found["value"] == pytest.approx(found["best"], rel=1e-6)


def test_a_label_of_one_worker_that_is_no_class_raises(trained):
    assert "class indices in [0, 3), got 5.0" in trained["bad labels"]["before"]
    assert trained["bad labels"]["in it"] in ("ClassIndexError", "XGBoostError")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of another kind")
def test_a_worker_that_dies_ends_the_training_with_an_error(tmp_path):
    found = found_by("deaths", tmp_path)
    assert found["xgboost"]["error"] == "XGBoostError"
    assert "collective" in found["xgboost"]["message"]
    assert found["xgboost"]["again"] < 0.6 * found["xgboost"]["at the start"]
    assert found["lightgbm"]["error"] in ("LightGBMError", "NoValidWorkerError")


LABELS = np.random.default_rng(0).integers(0, 4, 1000)
WEIGHTS = np.random.default_rng(1).random(1000)
CASES = {
    "softmax": ("softmax_focal(gamma=2)", LABELS, None),
    "softmax, named classes": ("softmax_focal(gamma=2, class_weight=[1, 2, 3, 4])", LABELS, 4),
    "softmax, float": ("softmax_focal(class_weight=[1, 2, 3, 4])", LABELS.astype(float), None),
    "binary": ("focal(gamma=2, alpha=.25)", LABELS == 1, None),
    "one against the rest": ("focal(gamma=2)", LABELS, 4),
    "questions": ("focal", np.column_stack([LABELS == 1, LABELS > 1]), None),
    "soft": ("focal(gamma=1)", WEIGHTS, None),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chunk", [3, 400, 1000])
@pytest.mark.parametrize("case", CASES)
def test_initial_logits_are_those_of_the_labels_in_one_place(case, chunk, weighted):
    text, labels, n_classes = CASES[case]
    n = 60 if chunk == 3 else 1000
    loss, labels, weights = parse(text), labels[:n], WEIGHTS[:n] if weighted else None
    far = da.from_array(labels, chunks=(chunk, *labels.shape[1:]))
    far_weights = da.from_array(weights, chunks=chunk) if weighted else None
    start = initial_logits(loss, far, far_weights, n_classes)
    expected = starting_logits(loss, labels, weights, n_classes)
    np.testing.assert_allclose(start, expected, rtol=1e-12, atol=1e-13)
    scores = initial_scores(start, far)
    assert scores.chunks[0] == far.chunks[0]
    assert scores.shape == (n, *np.shape(expected))
    np.testing.assert_array_equal(
        scores.compute(scheduler="synchronous"), np.broadcast_to(start, scores.shape)
    )


def test_a_series_of_a_data_frame_is_read_too_and_a_partition_may_be_empty():
    frame = dd.from_pandas(pd.DataFrame({"y": LABELS, "i": range(1000)}), npartitions=3)
    labels = frame[frame["i"] < 500]["y"]
    loss = parse("softmax_focal")
    start = initial_logits(loss, labels)
    np.testing.assert_allclose(start, starting_logits(loss, LABELS[:500], None), rtol=1e-12)
    scores = initial_scores(start, labels)
    assert scores.npartitions == 3
    assert scores.compute(scheduler="synchronous").shape == (500, 4)


def test_labels_and_weights_that_do_not_serve_raise():
    softmax, far = parse("softmax_focal"), da.from_array(LABELS, chunks=500)
    with pytest.raises(TypeError, match="labels must be a Dask array or series, got ndarray"):
        initial_logits(softmax, LABELS)
    with pytest.raises(TypeError, match="labels must be a Dask array or series, got list"):
        initial_scores(0.0, [1, 0])
    with pytest.raises(TypeError, match="sample_weight must be a Dask array or series"):
        initial_logits(softmax, far, WEIGHTS)
    with pytest.raises(TypeError, match=r"loss must be a focalis\.Loss"):
        initial_logits("focal", far)
    with pytest.raises(ValueError, match="must have the 2 partitions of labels, got 3"):
        initial_logits(softmax, far, da.from_array(WEIGHTS, chunks=400))
    with pytest.raises(ValueError, match="sample_weight must be non-negative"):
        initial_logits(softmax, far, da.from_array(-WEIGHTS, chunks=500))
    with pytest.raises(ValueError, match=r"class indices in \[0, 3\), got 3"):
        initial_logits(softmax, far, n_classes=3)
    with pytest.raises(ValueError, match="got none for the positive answer of class 4"):
        initial_logits(softmax, far, n_classes=5)
    with pytest.raises(ValueError, match="labels must be of at least 2 classes for a softmax"):
        initial_logits(softmax, 0 * far)
    with pytest.raises(ValueError, match=r"labels must be numbers in \[0, 1\], got "):
        initial_logits(parse("focal"), far)
    with pytest.raises(ValueError, match="labels must give every class weight, got none"):
        initial_logits(parse("focal"), da.from_array(np.zeros(0)))
    with pytest.raises(ValueError, match=r"divided by rows only, got \(2, 2\) blocks"):
        initial_logits(parse("focal"), da.from_array(np.eye(4), chunks=2))


@pytest.mark.parametrize("module", [for_lightgbm, for_xgboost], ids=LIBRARIES[::-1])
def test_a_worker_without_validation_rows_adds_nothing(module):
    metric = module.metric(parse("softmax_focal"))
    assert metric.totals(np.zeros(0, np.float32), np.zeros(0, np.float32), None) == (0.0, 0.0)
