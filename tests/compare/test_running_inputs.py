import errno
import os

import numpy as np
import polars as pl
import pytest
from compare_data import files, settings_for, two_classes, write_csv

import focalis
from focalis.compare import InputError, load, run


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"losses": ("foca",)}, "losses: unknown loss 'foca'"),
        ({"loss": ("focal(gamma=-1)",)}, "loss: gamma of focal"),
        ({"loss": ("focal(gamma=1e300)",)}, "loss: cannot train focal"),
        ({"loss": ("generalized_cross_entropy(kappa=1)",)}, "loss: cannot train generalized"),
        ({"group": "colour", "folds": 4}, "group: expected at least 4 groups"),
        ({"time": "flag"}, "time: expected dates or numbers"),
        ({"drop": ("flag", "colur")}, "drop: no column 'colur' .* nearest is 'colour'"),
        ({"drop": ("answer",)}, "drop: column 'answer' is the target"),
        ({"data": None, "target": None, "drop": ("x",)}, "drop: the built-in digits"),
        ({"folds": 100}, "fewer than twice the 100 folds"),
    ],
)
def test_bad_input_writes_nothing(tmp_path, changes, message):
    write_csv(tmp_path / "table.csv", two_classes())
    with pytest.raises(InputError, match=message):
        run(settings_for(tmp_path, **changes))
    assert files(tmp_path) == {"table.csv"}


def test_a_posterior_that_is_not_determined_is_null(tmp_path):
    """With all the weight on one answer, alpha = 1, nothing can be said about the other."""
    write_csv(tmp_path / "table.csv", two_classes())
    loss = focalis.parse("generalized_cross_entropy(kappa=1)")
    from focalis.compare.models import posterior_or_none

    assert posterior_or_none(loss, np.zeros(3)) is None
    assert posterior_or_none(focalis.parse("focal"), np.zeros(3)).shape == (3,)


@pytest.mark.slow
@pytest.mark.parametrize("role", ["group", "time"])
def test_group_and_time_reach_the_report(tmp_path, role):
    write_csv(tmp_path / "table.csv", two_classes())
    column = {"group": "group", "time": "day"}[role]
    results = run(settings_for(tmp_path, **{role: column}, losses=("cross-entropy",)))
    words = {"group": "rows of one 'group' together", "time": "forward in time by 'day'"}[role]
    assert words in results["protocol"][0]
    rows = pl.read_parquet(tmp_path / "report" / "results.parquet")
    assert rows.height == {"group": 4, "time": 2}[role]
    assert ("approximate" in results["protocol"][2]) == (role == "time")


def test_a_failure_in_one_fold_ends_the_run(tmp_path, monkeypatch):
    from focalis.compare import running

    def broken(data, split, *args, **kwargs):
        raise RuntimeError(f"fold {split.fold} broke")
        yield

    write_csv(tmp_path / "table.csv", two_classes())
    monkeypatch.setattr(running, "run_fold", broken)
    with pytest.raises(RuntimeError, match="broke"):
        run(settings_for(tmp_path, jobs=2))


@pytest.mark.slow
def test_odd_columns_are_columns(tmp_path):
    """An index without a name, a name that we use ourselves, and text with too few n-grams to reduce."""
    frame = two_classes().select(
        pl.int_range(pl.len()).alias(""),
        pl.col("x").alias("row number in the file"),
        pl.Series("marks", ["!" * (i % 60) for i in range(120)]),
        "answer",
    )
    write_csv(tmp_path / "table.csv", frame)
    results = run(settings_for(tmp_path, repeats=1, losses=("cross-entropy",)))
    assert results["data"]["features"] == 3
    assert any("column '' is unique" in warning for warning in results["data"]["warnings"])


def test_a_column_of_commas_is_warned_about(tmp_path):
    frame = two_classes().with_columns(
        pl.col("x").cast(pl.String).str.replace(".", ",", literal=True)
    )
    write_csv(tmp_path / "table.csv", frame)
    warnings = load(settings_for(tmp_path)).warnings
    assert "column 'x' is taken as text: its numbers have commas" in warnings


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"focalis": "0.1.0", "settings": []}'])
def test_a_run_file_of_another_program_is_never_touched(tmp_path, text):
    write_csv(tmp_path / "table.csv", two_classes())
    report = tmp_path / "report"
    report.mkdir()
    (report / "run.json").write_text(text)
    (report / "results.json").write_text("theirs")
    for flag in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(InputError, match="holds files that focalis did not write"):
            run(settings_for(tmp_path, **flag))
    assert (report / "run.json").read_text() == text
    assert files(report) == {"run.json", "results.json"}


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path, monkeypatch):
    write_csv(tmp_path / "table.csv", two_classes())
    asked = {"repeats": 1, "losses": ("cross-entropy",), "jobs": 1}
    moved = []
    replace = os.replace

    def replace_until_full(source, destination):
        moved.append(destination)
        if len(moved) > 4:  # run.json, one pair, and half of the next
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, destination)

    with monkeypatch.context() as full:
        full.setattr("focalis.compare.storage.os.replace", replace_until_full)
        with pytest.raises(InputError, match=r"cannot write to .*report: No space left on device;"):
            run(settings_for(tmp_path, **asked))
    assert len(list((tmp_path / "report" / "parts").glob("*.json"))) == 1
    assert run(settings_for(tmp_path, resume=True, **asked))["winner"] == "cross-entropy"
