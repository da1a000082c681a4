import numpy as np
import polars as pl
import pytest
from compare_data import files, settings_for, two_classes, write_csv

import focalis
from focalis.compare import InputError, run


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"losses": ("foca",)}, "losses: unknown loss 'foca'"),
        ({"loss": ("focal(gamma=-1)",)}, "loss: gamma of focal"),
        ({"loss": ("generalized_cross_entropy(kappa=1)",)}, "loss: cannot train generalized"),
        ({"group": "colour", "folds": 4}, "group: expected at least 4 groups"),
        ({"time": "flag"}, "time: expected dates or numbers"),
        ({"drop": ("flag", "colur")}, "drop: no column 'colur' .* nearest is 'colour'"),
        ({"drop": ("answer",)}, "drop: column 'answer' is the target"),
        ({"data": None, "target": None, "drop": ("x",)}, "drop: the embedded digits"),
        ({"folds": 100}, "fewer than twice the 100 folds"),
    ],
)
def test_bad_input_writes_nothing(tmp_path, changes, message):
    write_csv(tmp_path / "table.csv", two_classes())
    with pytest.raises(InputError, match=message):
        run(settings_for(tmp_path, **changes))
    assert files(tmp_path) == {"table.csv"}


def test_a_posterior_that_is_not_determined_is_null(tmp_path):
    """With all weight on one answer's side nothing can be said of the other: alpha = 1."""
    write_csv(tmp_path / "table.csv", two_classes())
    loss = focalis.parse("generalized_cross_entropy(kappa=1)")
    from focalis.compare.protocol import posterior_or_none

    assert posterior_or_none(loss, np.zeros(3)) is None
    assert posterior_or_none(focalis.parse("focal"), np.zeros(3)).shape == (3, 1)


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
