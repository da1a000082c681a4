from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from focalis.compare.data import Data
from focalis.compare.errors import InputError
from focalis.compare.settings import Settings
from focalis.compare.splits import make_splits

ROWS = 300


def data_of(targets, **changes):
    targets = np.asarray(targets)
    classes = tuple(str(k) for k in range(int(targets.max()) + 1))
    features = pl.DataFrame({"x": np.arange(len(targets))})
    rows = np.arange(len(targets))
    data = Data("table", features, targets, classes, rows, np.ones(len(targets)))
    return replace(data, **changes)


def settings(**changes):
    return Settings(data=".", target="y", **{"folds": 3, **changes})


TARGETS = np.random.default_rng(0).permutation(np.repeat([0, 1], [240, 60]))
DATA = data_of(TARGETS)


def test_every_row_is_tested_once_in_each_repeat():
    splits = make_splits(DATA, settings(repeats=2))
    assert [(s.repeat, s.fold) for s in splits] == [(r, f) for r in (0, 1) for f in (0, 1, 2)]
    for repeat in (0, 1):
        tested = np.concatenate([s.test for s in splits if s.repeat == repeat])
        assert sorted(tested) == list(range(ROWS))
    for split in splits:
        assert np.intersect1d(split.train, split.test).size == 0
        assert len(split.train) + len(split.test) == ROWS
        assert TARGETS[split.test].sum() == 20


def test_every_training_row_is_held_out_once():
    for split in make_splits(DATA, settings(repeats=1)):
        held = np.concatenate([held for _, held in split.inner])
        assert sorted(held) == list(range(len(split.train)))
        for fit_on, held_out in split.inner:
            assert np.intersect1d(fit_on, held_out).size == 0
            assert (np.diff(fit_on) > 0).all()
            assert (np.diff(held_out) > 0).all()


def test_a_large_training_fold_is_held_out_in_part():
    targets = np.arange(160_000) % 2
    for split in make_splits(data_of(targets), settings(repeats=1)):
        ((fit_on, held_out),) = split.inner
        assert len(fit_on) == pytest.approx(0.8 * len(split.train), rel=0.01)
        assert len(fit_on) + len(held_out) == len(split.train)


def test_repeats_differ_and_seeds_repeat():
    def tests(**changes):
        return [s.test.tolist() for s in make_splits(DATA, settings(**changes))]

    first = tests(repeats=2)
    assert first[:3] != first[3:]
    assert tests(repeats=1) == first[:3]
    assert tests(repeats=1, seed=1) != first[:3]


def test_groups_stay_together():
    groups = np.random.default_rng(1).integers(0, 40, ROWS)
    for split in make_splits(data_of(TARGETS, groups=groups), settings(group="g")):
        assert np.intersect1d(groups[split.train], groups[split.test]).size == 0
        within = groups[split.train]
        for fit_on, held_out in split.inner:
            assert np.intersect1d(within[fit_on], within[held_out]).size == 0


def test_time_goes_forward():
    times = np.random.default_rng(1).integers(0, 100, ROWS)
    splits = make_splits(data_of(TARGETS, times=times), settings(time="t", repeats=5))
    assert [(s.repeat, s.fold) for s in splits] == [(0, 0), (0, 1), (0, 2)]
    for split in splits:
        assert times[split.train].max() < times[split.test].min()
        within = times[split.train]
        ((fit_on, held_out),) = split.inner
        assert within[fit_on].max() < within[held_out].min()
    assert [len(s.train) for s in splits] == pytest.approx([75, 150, 225], abs=5)
    assert splits[1].train.size == splits[0].train.size + splits[0].test.size


def test_too_few_groups():
    groups = np.arange(ROWS) % 2
    with pytest.raises(InputError, match="at least 3 groups in column 'g', got 2"):
        make_splits(data_of(TARGETS, groups=groups), settings(group="g"))


def test_as_many_groups_as_folds_do():
    groups = np.arange(ROWS) % 3
    for split in make_splits(replace(DATA, groups=groups), settings(group="g", folds=3)):
        assert len(split.inner) == 2
        assert len(np.unique(groups[split.test])) == 1


@pytest.mark.parametrize("targets", [TARGETS, np.r_[np.ones(4, int), np.zeros(ROWS - 4, int)]])
def test_a_training_fold_must_be_split_once_more(targets):
    groups = np.arange(ROWS) % 2 if targets is TARGETS else np.r_[0, 0, 0, np.arange(1, ROWS - 2)]
    data = replace(data_of(targets), groups=groups)
    with pytest.raises(
        InputError, match="'g' leaves a training fold that cannot be split"
    ) as caught:
        make_splits(data, settings(group="g", folds=2))
    assert "fewer" not in str(caught.value)


def test_a_class_in_one_group_cannot_be_everywhere():
    groups = np.where(TARGETS == 1, 0, np.arange(ROWS) % 7)
    with pytest.raises(InputError, match=r"group: column 'g' leaves a fold without .* class '1'"):
        make_splits(data_of(TARGETS, groups=groups), settings(group="g"))


def test_a_class_that_comes_late_cannot_be_learnt_early():
    with pytest.raises(InputError, match=r"time: column 't' leaves a fold without .* class '1'"):
        make_splits(data_of(np.sort(TARGETS), times=np.arange(ROWS)), settings(time="t"))


def test_too_few_times():
    with pytest.raises(InputError, match="cannot be cut into 4 stretches"):
        make_splits(data_of(TARGETS, times=np.arange(ROWS) % 3), settings(time="t"))


def test_the_rarest_class_that_is_allowed():
    """With two folds and four rows of a class, every part still contains every class."""
    targets = np.repeat([0, 1, 2], [50, 4, 30])
    splits = make_splits(data_of(targets), settings(folds=2, repeats=3))
    assert all(len(split.inner) == 2 for split in splits)
