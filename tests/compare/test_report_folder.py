"""What a report folder may contain for a run to continue or replace it."""

import json
import shutil
from dataclasses import replace

import polars as pl
import pytest
from compare_data import settings_for, two_classes, write_csv

from focalis.compare import InputError, Listener, load, run
from focalis.compare.protocol import Outcome
from focalis.compare.storage import ReportFolder

LOSSES = ["cross-entropy", "poly1(epsilon=1)"]
ASKED = {"losses": tuple(LOSSES), "model": "linear", "repeats": 1}


def outcome(loss, fold, score=0.5):
    row = {"loss": loss, "repeat": 0, "fold": fold, "f1": score, "roc_auc": float("nan")}
    return Outcome(row, pl.DataFrame({"loss": [loss], "logit": [score]}))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "table.csv", two_classes())


@pytest.fixture
def asked(table, tmp_path):
    return settings_for(tmp_path, data=table, resume=True, **ASKED)


def opened(settings):
    return ReportFolder.open(settings, load(settings), LOSSES)


@pytest.fixture
def parts(asked):
    """The parts of a run that was killed after training both losses on one fold."""
    with opened(asked) as folder:
        for loss in LOSSES:
            folder.add(outcome(loss, 0))
    return asked.out / "parts"


class Second(Listener):
    """Starts a second run while the first is still alive."""

    def __init__(self, settings):
        self.settings = settings
        self.refused = []

    def advanced(self):
        with pytest.raises(InputError) as caught:
            run(self.settings)
        self.refused.append(str(caught.value))


@pytest.mark.slow
@pytest.mark.parametrize("flag", [{}, {"overwrite": True}, {"resume": True}])
def test_a_second_run_into_one_folder_is_refused_while_the_first_lives(asked, flag):
    first = replace(asked, resume=False)
    other = replace(first, seed=1, **flag)
    listener = Second(other)
    results = run(first, listener)
    assert results["settings"]["seed"] == 0
    assert len(listener.refused) == 4
    assert set(listener.refused) == {
        f"out: another run is writing to {asked.out}; wait until it ends"
    }
    assert not (asked.out / ".lock").exists()
    assert run(replace(other, resume=False, overwrite=True))["settings"]["seed"] == 1


def test_two_runs_that_both_found_no_folder(asked):
    """Both have passed the first check when one creates the folder."""
    data = load(asked)
    with (
        ReportFolder.open(asked, data, LOSSES),
        pytest.raises(InputError, match="another run is writing"),
    ):
        ReportFolder.open(asked, data, LOSSES)


def test_the_lock_of_a_run_that_was_killed_is_none(asked, parts):
    (asked.out / ".lock").touch()
    with opened(asked) as folder:
        assert len(folder.rows()) == 2


def test_a_folder_with_nothing_but_a_lock_is_empty(asked):
    asked.out.mkdir()
    (asked.out / ".lock").touch()
    with opened(replace(asked, resume=False)) as folder:
        assert folder.rows() == []


DAMAGES = {
    "no row": lambda row, _: row.unlink(),
    "no predictions": lambda _, predictions: predictions.unlink(),
    "empty row": lambda row, _: row.write_bytes(b""),
    "empty predictions": lambda _, predictions: predictions.write_bytes(b""),
    "cut predictions": lambda _, file: file.write_bytes(file.read_bytes()[:-9]),
    "another score": lambda row, _: row.write_text(row.read_text().replace("0.5", "0.9")),
    "no text": lambda row, _: row.write_bytes(b"\xff\xfe"),
    "a list": lambda row, _: row.write_text("[]"),
    "nothing in it": lambda row, _: row.write_text("{}"),
    "nothing in the row": lambda row, _: row.write_text('{"row": {}, "sha256": "0"}'),
    "deep": lambda row, _: row.write_text("[" * 100_000),
    "of another fold": lambda row, _: shutil.copy(row.with_name("1-0-0.json"), row),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_is_trained_again(asked, parts, damage):
    row = parts / "0-0-0.json"
    DAMAGES[damage](row, row.with_suffix(".parquet"))
    with opened(asked) as folder:
        assert [one["loss"] for one in folder.rows()] == [LOSSES[1]]
        assert not folder.has(LOSSES[0], 0, 0)
        folder.add(outcome(LOSSES[0], 0, score=0.25))
    with opened(asked) as folder:
        assert [one["f1"] for one in folder.rows()] == [0.25, 0.5]
        assert folder.predictions(folder.rows())["logit"].to_list() == [0.25, 0.5]


def test_a_part_of_another_run_does_not_count(asked, parts, tmp_path):
    with opened(replace(asked, seed=1, out=tmp_path / "other")) as folder:
        folder.add(outcome(LOSSES[0], 0))
    for path in (tmp_path / "other" / "parts").iterdir():
        shutil.copy(path, parts)
    with opened(asked) as folder:
        assert [one["loss"] for one in folder.rows()] == [LOSSES[1]]


def test_predictions_that_go_while_the_run_lives_are_one_line(asked, parts):
    with opened(asked) as folder:
        (parts / "0-0-0.parquet").write_bytes(b"")
        with pytest.raises(InputError, match=r"0-0-0.parquet is damaged or gone; --resume"):
            folder.predictions(folder.rows())


def test_what_a_killed_write_left_is_removed(asked, parts):
    left = [
        asked.out / ".index.html.123.tmp",
        asked.out / ".results.json.9.tmp",
        parts / ".0-0-1.json.7.tmp",
    ]
    notes = asked.out / "notes.tmp"
    for path in [*left, notes]:
        path.write_text("half")
    with opened(asked):
        assert not any(path.exists() for path in left)
        assert notes.exists()


EDITED = {
    "run.json": [
        '{"settings": []}',
        '{"data": {}}',
        '{"data": {"name": 1, "sha256": "a"}}',
        '{"data": {"name": "a", "sha256": null}}',
        '{"losses": null}',
        '{"losses": [1, {}]}',
        '{"focalis": 3}',
        '{"settings": {"seed": {"a": []}}}',
        '{"results": ["x"]}',
    ],
    "results.json": [
        '{"losses": []}',
        '{"losses": null}',
        '{"verdict": 3}',
        '{"failures": {}}',
        '{"data": null}',
    ],
}


@pytest.fixture(scope="module")
def finished(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    run(settings_for(folder, data=table, **ASKED))
    return folder / "report"


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name, all_of in EDITED.items() for change in all_of]
)
def test_an_edited_file_of_a_finished_run_is_one_line(asked, finished, name, change):
    shutil.copytree(finished, asked.out)
    path = asked.out / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **json.loads(change)}))
    with pytest.raises(InputError) as caught:
        run(asked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", EDITED)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"[]", b"null"])
def test_a_damaged_file_of_a_finished_run_is_one_line(asked, finished, name, content):
    shutil.copytree(finished, asked.out)
    (asked.out / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        run(asked)
    assert "\n" not in str(caught.value)


def test_results_that_are_removed_are_made_anew(asked, finished):
    shutil.copytree(finished, asked.out)
    before = json.loads((finished / "results.json").read_text())["verdict"]
    (asked.out / "results.json").unlink()
    assert run(asked)["verdict"] == before


@pytest.mark.parametrize("flag", ["resume", "overwrite"])
def test_no_link_that_somebody_has_planted_is_followed(asked, finished, tmp_path, flag):
    shutil.copytree(finished, asked.out)
    manifest = json.loads((asked.out / "run.json").read_text())
    del manifest["results"]  # it was killed before it finished
    (asked.out / "run.json").write_text(json.dumps(manifest))
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in (
        "results.json",
        "results.json.tmp",
        "recipe.py",
        "index.html",
        "predictions.parquet",
    ):
        (asked.out / name).unlink(missing_ok=True)
        (asked.out / name).symlink_to(victim)
    run(replace(asked, **{"resume": False, flag: True}))
    assert victim.read_text() == "mine"
    assert not (asked.out / "results.json").is_symlink()


@pytest.mark.parametrize("flag", ["resume", "overwrite"])
def test_parts_that_lead_elsewhere_are_refused(asked, finished, tmp_path, flag):
    shutil.copytree(finished, asked.out)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "0-0-0.json").write_text("theirs")
    (asked.out / "parts").symlink_to(elsewhere)
    with pytest.raises(InputError, match="parts is a link to somewhere else"):
        run(replace(asked, **{"resume": False, flag: True}))
    assert (elsewhere / "0-0-0.json").read_text() == "theirs"


def test_a_folder_name_is_no_pattern(table, tmp_path):
    settings = settings_for(tmp_path, data=table, out=tmp_path / "run[1]*", **ASKED)
    results = run(settings)
    stored = pl.read_parquet((settings.out / "results.parquet").read_bytes())
    for entry in results["losses"]:
        scores = stored.filter(pl.col("loss") == entry["name"])["f1"]
        assert scores.mean() == pytest.approx(entry["metrics"]["f1"]["mean"])
