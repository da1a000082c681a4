"""A library that cannot train a loss on a fold."""

from dataclasses import replace

import pytest
from compare_data import files, settings_for, two_classes, write_csv
from lightgbm.basic import LightGBMError

from focalis.compare import Listener, TrainingError, run
from focalis.sklearn import BoostedClassifier

pytestmark = pytest.mark.slow


def failing(monkeypatch, loss):
    """Make LightGBM fail once for one loss, in the second fold; return the losses it trains on."""
    trained, failures = [], []
    fit = BoostedClassifier.fit

    def fit_or_fail(self, *arguments, **options):
        trained.append(str(self.loss))
        if not failures and trained.count(loss) == 2:
            failures.append(loss)
            raise LightGBMError("Check failed: (best_split_info.left_count) > (0)\n at a line")
        return fit(self, *arguments, **options)

    monkeypatch.setattr(BoostedClassifier, "fit", fit_or_fail)
    return trained


def without_seconds(results):
    for entry in results["losses"]:
        entry["metrics"].pop("fit_seconds")
    return results


def test_a_loss_that_cannot_be_trained_is_left_out_and_may_be_tried_again(tmp_path, monkeypatch):
    write_csv(tmp_path / "table.csv", two_classes())
    losses = ("cross-entropy", "poly1")
    settings = settings_for(tmp_path, losses=losses, folds=3, repeats=1)
    whole = without_seconds(run(replace(settings, out=tmp_path / "whole")))
    trained = failing(monkeypatch, "poly1(epsilon=1)")
    heard = []
    listener = Listener()
    listener.failed = heard.append
    results = run(settings, listener)
    said = (
        "poly1(epsilon=1) failed in repeat 0, fold 1 (from 0): "
        "lightgbm: Check failed: (best_split_info.left_count) > (0) at a line"
    )
    assert results["failures"] == list(map(str, heard)) == [said]
    assert [entry["name"] for entry in results["losses"]] == ["cross-entropy"]
    assert trained.count("poly1(epsilon=1)") == 2  # the remaining folds are skipped
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "poly1(epsilon=1) failed in repeat 0, fold 1" in page
    trained.clear()
    resumed = without_seconds(run(replace(settings, resume=True)))
    assert trained == ["poly1(epsilon=1)"] * 2
    assert resumed == whole
    assert files(tmp_path / "report") == files(tmp_path / "whole")


def test_without_cross_entropy_there_is_nothing_to_compare_with(tmp_path, monkeypatch):
    write_csv(tmp_path / "table.csv", two_classes())
    failing(monkeypatch, "cross_entropy")
    with pytest.raises(TrainingError, match=r"^cross-entropy failed in .*--resume tries again$"):
        run(settings_for(tmp_path))
    assert len(list((tmp_path / "report" / "parts").glob("*.json"))) == 2
    assert run(settings_for(tmp_path, resume=True))["failures"] == []
