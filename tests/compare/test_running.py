import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import polars as pl
import pytest
from compare_data import (
    TWO_LOSSES,
    files,
    settings_for,
    three_classes,
    two_classes,
    write_csv,
)
from polars.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

import focalis
from focalis.compare import InputError, Listener, Settings, run
from focalis.compare.features import preparation
from focalis.compare.metrics import METRICS

pytestmark = pytest.mark.slow

ROLES = {"weight": "weight", "drop": ("flag", "group")}
FINAL = {"index.html", "predictions.parquet", "recipe.py", "results.json", "results.parquet"}


def plain(results):
    """Results without what differs between two runs, the clock."""
    for entry in results["losses"]:
        entry["metrics"].pop("fit_seconds")
    return results


@pytest.fixture(scope="module")
def binary(tmp_path_factory):
    """One finished comparison of a binary target, and its folder."""
    folder = tmp_path_factory.mktemp("binary")
    write_csv(folder / "table.csv", two_classes())
    return run(settings_for(folder, **ROLES)), folder


@pytest.fixture(scope="module")
def multiclass(tmp_path_factory):
    folder = tmp_path_factory.mktemp("multiclass")
    write_csv(folder / "table.csv", three_classes())
    losses = ("cross-entropy", "balanced cross-entropy", "poly1")
    settings = settings_for(folder, target="kind", losses=losses, model="linear")
    return run(settings), folder


def test_the_folder_holds_the_report_and_nothing_else(binary):
    _, folder = binary
    assert files(folder / "report") == FINAL | {"run.json"}


def test_results_json_is_what_is_returned(binary):
    results, folder = binary
    assert json.loads((folder / "report" / "results.json").read_text()) == results


@pytest.mark.parametrize("which", ["binary", "multiclass"])
def test_the_form_of_the_results(which, request):
    results, _ = request.getfixturevalue(which)
    assert results["losses"][0]["name"] == "cross-entropy"
    keys = {"mean", "low", "high", "difference", "difference_low", "difference_high", "p"}
    for index, entry in enumerate(results["losses"]):
        assert set(entry["metrics"]) == set(METRICS)
        link = "sigmoid" if which == "binary" else "softmax"
        assert focalis.parse(entry["loss"]).link == link
        for metric, values in entry["metrics"].items():
            assert keys <= set(values)
            assert values["low"] <= values["mean"] <= values["high"]
            assert (values["difference"] is None) == (index == 0)
            if metric != "average_precision":
                assert values["p"] is None
    assert results["winner"] in [entry["name"] for entry in results["losses"]]
    assert results["verdict"].count(". ") == 1
    assert len(results["protocol"]) == 3


def test_what_is_said_of_the_data(binary):
    results, _ = binary
    data = results["data"]
    assert (data["name"], data["rows"], data["features"]) == ("table.csv", 120, 4)
    assert data["classes"] == ["no", "yes"]
    assert data["positive"] == "yes"
    assert sum(data["counts"]) == 120
    assert results["settings"]["weight"] == "weight"
    assert results["settings"]["drop"] == ["flag", "group"]


def test_means_are_those_of_the_rows(binary):
    results, folder = binary
    rows = pl.read_parquet(folder / "report" / "results.parquet")
    assert rows.height == 2 * 2 * 2
    for entry in results["losses"]:
        own = rows.filter(pl.col("loss") == entry["name"])
        assert own.select("repeat", "fold").rows() == [(0, 0), (0, 1), (1, 0), (1, 1)]
        for metric, values in entry["metrics"].items():
            assert values["mean"] == pytest.approx(own[metric].mean())


def test_differences_are_paired(binary):
    results, folder = binary
    rows = pl.read_parquet(folder / "report" / "results.parquet")
    base, focal = (rows.filter(pl.col("loss") == name)["roc_auc"] for name in TWO_LOSSES)
    values = results["losses"][1]["metrics"]["roc_auc"]
    assert values["difference"] == pytest.approx((focal - base).mean())
    assert results["losses"][1]["metrics"]["average_precision"]["p"] is not None


def test_binary_predictions_are_out_of_fold_and_complete(binary):
    results, folder = binary
    predictions = pl.read_parquet(folder / "report" / "predictions.parquet")
    roles = ["loss", "repeat", "fold", "row", "target", "weight"]
    assert predictions.columns == [*roles, "logit", "link", "posterior", "isotonic"]
    assert predictions.null_count().sum_horizontal().item() == 0
    table = two_classes()
    for (_, _), part in predictions.group_by("loss", "repeat"):
        ordered = part.sort("row")
        assert ordered["row"].to_list() == list(range(120))
        assert (ordered["target"] == (table["answer"] == "yes").cast(pl.Int64)).all()
        assert (ordered["weight"] == table["weight"]).all()
    for entry in results["losses"]:
        loss = focalis.parse(entry["loss"])
        part = predictions.filter(pl.col("loss") == entry["name"])
        logits = part["logit"].to_numpy()
        np.testing.assert_allclose(part["link"].to_numpy(), loss.probabilities(logits))
        np.testing.assert_allclose(part["posterior"].to_numpy(), loss.posterior(logits))
    focal = predictions.filter(pl.col("loss") != "cross-entropy")
    assert not np.allclose(focal["link"], focal["posterior"], atol=0.01)


def test_multiclass_predictions_have_a_column_for_each_class(multiclass):
    results, folder = multiclass
    predictions = pl.read_parquet(folder / "report" / "predictions.parquet")
    roles = ["loss", "repeat", "fold", "row", "target", "weight"]
    kinds = ("logit", "link", "posterior", "isotonic")
    assert predictions.columns == [*roles, *(f"{kind}_{k}" for kind in kinds for k in range(3))]
    for kind in kinds[1:]:
        total = predictions.select(pl.sum_horizontal(f"^{kind}_.$")).to_series()
        np.testing.assert_allclose(total, 1)
    assert results["data"]["classes"] == ["0", "1", "2"]
    assert results["data"]["positive"] is None
    assert all(e["metrics"]["roc_auc"]["mean"] > 0.7 for e in results["losses"])


def test_several_classes_are_ranked_by_the_probabilities_that_a_user_gets(multiclass):
    results, folder = multiclass
    predictions = pl.read_parquet(folder / "report" / "predictions.parquet")
    ranked = {}
    for kind in ("link", "posterior"):
        folds = [
            roc_auc_score(part["target"], part.select(f"^{kind}_.$").to_numpy(), multi_class="ovr")
            for _, part in predictions.group_by("loss", "repeat", "fold", maintain_order=True)
        ]
        ranked[kind] = np.reshape(folds, (len(results["losses"]), -1)).mean(axis=1)
    found = [entry["metrics"]["roc_auc"]["mean"] for entry in results["losses"]]
    np.testing.assert_allclose(found, ranked["posterior"], rtol=1e-12)
    assert not np.allclose(found, ranked["link"], rtol=1e-6)


FRESH = """\
import sys, joblib, polars
frame = polars.read_csv(sys.argv[2], try_parse_dates=True)
print(joblib.load(sys.argv[1])["model"].predict_proba(frame)[:, 1].tolist())
"""


@pytest.mark.parametrize("which", ["binary", "multiclass"])
def test_the_recipe_runs(which, request, monkeypatch, tmp_path, capsys):
    results, folder = request.getfixturevalue(which)
    monkeypatch.chdir(tmp_path)  # it finds its data from any directory
    script = folder / "report" / "recipe.py"
    runpy.run_path(str(script), run_name="__main__")
    assert "saved" in capsys.readouterr().out
    saved = joblib.load(script.with_name("model.joblib"))
    frame = pl.read_csv(folder / "table.csv", try_parse_dates=True)
    model = saved["model"]
    assert set(model[0].types_).isdisjoint(ROLES["drop"])
    steps = preparation(results["settings"]["model"])
    assert [repr(one) for one in model[:-1]] == [repr(one) for one in steps]
    probabilities = model.predict_proba(frame)
    answers, predicted = probabilities >= saved["thresholds"], model.predict(frame)
    if which == "binary":
        assert saved["classes"] == ("no", "yes")
        truth = (frame["answer"] == "yes").to_numpy()
        assert (answers[:, 1] == truth).mean() > 0.8
        assert (predicted == truth).mean() > 0.8
        told = subprocess.run(
            [sys.executable, "-c", FRESH, script.with_name("model.joblib"), folder / "table.csv"],
            env={**os.environ, "PYTHONPATH": str(Path(focalis.__file__).parents[1])},
            capture_output=True,
            check=True,
        )
        assert json.loads(told.stdout) == probabilities[:, 1].tolist()
    else:
        assert saved["classes"] == tuple(results["data"]["classes"])
        assert answers.shape == probabilities.shape
        assert (predicted == frame["kind"].to_numpy()).mean() > 0.6
    script.with_name("model.joblib").unlink()


def test_the_recipe_of_the_digits_says_so():
    from focalis.compare.data import load
    from focalis.compare.recipe import recipe

    entry = {"name": "a", "loss": "focal(gamma=2)", "rounds": 3, "thresholds": [0.5]}
    text = recipe(Settings(), load(Settings()), entry)
    compile(text, "recipe.py", "exec")
    assert "data=Path" not in text


@pytest.mark.parametrize("model", ["lightgbm", "linear"])
def test_folds_side_by_side_give_the_same_results(model, tmp_path):
    write_csv(tmp_path / "table.csv", two_classes())
    found = [
        plain(run(settings_for(tmp_path, model=model, jobs=jobs, out=tmp_path / str(jobs))))
        for jobs in (1, 3)
    ]
    assert found[0] == found[1]


class StopAfter(Listener):
    """Interrupts a comparison after a number of fits, as Ctrl-C would."""

    def __init__(self, fits):
        self.left = fits
        self.already = None

    def started(self, data, finished, total):
        self.already = finished

    def advanced(self):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_an_interrupted_run_goes_on(tmp_path):
    write_csv(tmp_path / "table.csv", two_classes())
    whole = plain(run(settings_for(tmp_path, out=tmp_path / "whole")))
    with pytest.raises(KeyboardInterrupt):
        run(settings_for(tmp_path), StopAfter(3))
    assert "results.json" not in files(tmp_path / "report")
    listener = StopAfter(100)
    resumed = plain(run(settings_for(tmp_path, resume=True), listener))
    assert listener.already == 3
    assert listener.left == 100 - 5
    assert resumed == whole
    predictions = [
        pl.read_parquet(tmp_path / name / "predictions.parquet") for name in ("whole", "report")
    ]
    assert_frame_equal(*predictions)
    assert files(tmp_path / "report") == files(tmp_path / "whole")


def test_a_killed_run_goes_on(tmp_path):
    """SIGKILL leaves no time to tidy up, but what was written must still be complete."""
    write_csv(tmp_path / "table.csv", two_classes())
    script = (
        "import pathlib, sys, time; from focalis.compare import *\n"
        "class Slow(Listener):\n"
        "    def advanced(self): time.sleep(0.2)\n"
        f"run(Settings(data=pathlib.Path('table.csv'), target='answer', folds=2, jobs=1, "
        f"losses={TWO_LOSSES!r}, out=pathlib.Path('report')), Slow())"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(focalis.__file__).parents[1])}
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("report/parts/*.json")):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        process.wait()
    listener = StopAfter(100)
    results = plain(run(settings_for(tmp_path, resume=True), listener))
    assert 1 <= listener.already < 8
    assert results == plain(run(settings_for(tmp_path, out=tmp_path / "whole")))


def test_half_a_pair_does_not_count(tmp_path):
    write_csv(tmp_path / "table.csv", two_classes())
    with pytest.raises(KeyboardInterrupt):
        run(settings_for(tmp_path), StopAfter(3))
    parts = tmp_path / "report" / "parts"
    row = sorted(parts.glob("*.json"))[0]
    row.rename(row.with_name(f".{row.name}.123.tmp"))  # killed before the move
    listener = StopAfter(100)
    run(settings_for(tmp_path, resume=True), listener)
    assert listener.already == 2
    assert not parts.exists()


def test_a_finished_run_is_not_run_again(tmp_path):
    write_csv(tmp_path / "table.csv", two_classes())
    first = run(settings_for(tmp_path))
    assert run(settings_for(tmp_path, resume=True), StopAfter(1)) == first
    assert files(tmp_path / "report") == FINAL | {"run.json"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "with seed = 0, now it is 1"),
        ({"folds": 3}, "with folds = 2, now it is 3"),
        ({"model": "linear"}, 'with model = "lightgbm", now it is "linear"'),
        ({"loss": ("poly1",)}, r'with loss = \[\], now it is \["poly1"\]'),
        ({"drop": ()}, r'with drop = \["flag", "group"\], now it is \[\]'),
    ],
)
def test_resuming_something_else_is_an_error(binary, changes, message):
    _, folder = binary
    with pytest.raises(InputError, match=f"resume: .* {message}"):
        run(settings_for(folder, resume=True, **{**ROLES, **changes}))


def test_resuming_with_other_data_is_an_error(binary, tmp_path):
    _, folder = binary
    path = write_csv(tmp_path / "table.csv", two_classes(seed=1))
    with pytest.raises(InputError, match=r"resume: .* made with other data"):
        run(settings_for(folder, data=path, resume=True, **ROLES))


def test_resuming_nothing_starts(tmp_path):
    write_csv(tmp_path / "table.csv", two_classes())
    listener = StopAfter(1)
    with pytest.raises(KeyboardInterrupt):
        run(settings_for(tmp_path, resume=True), listener)
    assert listener.already == 0


def test_a_report_is_overwritten_only_when_told(tmp_path):
    write_csv(tmp_path / "table.csv", two_classes())
    run(settings_for(tmp_path, repeats=1))
    report = tmp_path / "report"
    (report / "notes.txt").write_text("mine")
    before = (report / "results.json").read_bytes()
    with pytest.raises(InputError, match=r"already has a report; --resume .* --overwrite"):
        run(settings_for(tmp_path, repeats=1))
    assert (report / "results.json").read_bytes() == before

    results = run(settings_for(tmp_path, repeats=1, seed=7, overwrite=True))
    assert results["settings"]["seed"] == 7
    assert files(report) == FINAL | {"run.json", "notes.txt"}
    assert (report / "notes.txt").read_text() == "mine"


def test_bad_input_does_not_harm_a_report_that_is_to_be_overwritten(binary):
    _, folder = binary
    before = (folder / "report" / "results.json").read_bytes()
    with pytest.raises(InputError, match="no column"):
        run(settings_for(folder, target="anwser", overwrite=True))
    assert (folder / "report" / "results.json").read_bytes() == before
    assert files(folder / "report") >= FINAL


@pytest.mark.parametrize("flag", [{}, {"overwrite": True}, {"resume": True}])
def test_a_folder_of_someone_else_is_never_touched(tmp_path, flag):
    write_csv(tmp_path / "table.csv", two_classes())
    foreign = tmp_path / "report"
    foreign.mkdir()
    (foreign / "results.json").write_text("{}")
    with pytest.raises(InputError, match="holds files that focalis did not write"):
        run(settings_for(tmp_path, **flag))
    assert files(foreign) == {"results.json"}


def test_an_empty_folder_may_be_filled(tmp_path):
    write_csv(tmp_path / "table.csv", two_classes())
    (tmp_path / "report").mkdir()
    run(settings_for(tmp_path, repeats=1, losses=("cross-entropy",)))
    assert files(tmp_path / "report") >= FINAL


def test_a_file_is_no_folder(tmp_path):
    write_csv(tmp_path / "table.csv", two_classes())
    (tmp_path / "report").write_text("")
    with pytest.raises(InputError, match="is not a folder"):
        run(settings_for(tmp_path))
