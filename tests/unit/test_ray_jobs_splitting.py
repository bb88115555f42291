"""Splits and folds: nothing lost, nothing on both sides, the same again with the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ray_jobs.problems import Refused
from ray_jobs.spec import GroupSplit, ProblemCode, TimeSplit
from ray_jobs.splitting import RowKeys, folds, keys_of, split_rows


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=12), fraction=st.floats(0.01, 0.89), seed=st.integers(0, 9)
)
def test_every_class_is_learned_and_nothing_is_lost(sizes: list[int], fraction: float, seed: int) -> None:
    assume(max(sizes) > 1)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    train, test = split_rows(RowKeys(codes=codes), len(codes), fraction, seed)
    assert sorted([*train, *test]) == list(range(len(codes)))
    assert set(codes[train]) == set(range(len(sizes)))
    assert 1 <= len(test) <= max(1, round(fraction * len(codes)))
    again = split_rows(RowKeys(codes=codes), len(codes), fraction, seed)
    assert train.tolist() == again[0].tolist()


def test_the_split_keeps_the_shares() -> None:
    codes = np.array([0] * 900 + [1] * 100)
    _, test = split_rows(RowKeys(codes=codes), 1000, 0.25, 0)
    assert (len(test), codes[test].sum()) == (250, 25)


@settings(deadline=None, max_examples=60)
@given(
    groups=st.lists(st.integers(0, 6), min_size=10, max_size=60),
    number=st.integers(2, 6),
    fraction=st.floats(0.05, 0.8),
)
def test_a_group_is_never_on_both_sides(groups: list[int], number: int, fraction: float) -> None:
    assume(len(set(groups)) > 1)
    keys = RowKeys(groups=pd.factorize(np.array(groups))[0].astype(np.int64))
    train, test = split_rows(keys, len(groups), fraction, 0)
    pairs = [(train, test), *folds(keys, len(groups), number, 0)]
    for fitted, checked in pairs:
        assert sorted([*fitted, *checked]) == list(range(len(groups)))
        assert {groups[row] for row in fitted}.isdisjoint(groups[row] for row in checked)
    assert sorted(np.concatenate([checked for _, checked in pairs[1:]])) == list(range(len(groups)))


@settings(deadline=None, max_examples=60)
@given(times=st.lists(st.integers(0, 30) | st.none(), min_size=10, max_size=60), fraction=st.floats(0.05, 0.8))
def test_the_future_tests_the_past(times: list[int | None], fraction: float) -> None:
    known = {time for time in times if time is not None}
    assume(len(known) > 1)
    keys = RowKeys(times=np.array([np.nan if time is None else time for time in times], dtype=np.float64))
    for fitted, checked in [split_rows(keys, len(times), fraction, 0), *folds(keys, len(times), 4, 0)]:
        old = [time for row in fitted if (time := times[row]) is not None]
        new = [time for row in checked if (time := times[row]) is not None]
        assert len(fitted)
        assert len(new) == len(checked) > 0  # a row of unknown time never tests
        assert max(old, default=-1) < min(new)


def test_folds_share_out_every_class() -> None:
    codes = np.array([0] * 95 + [1] * 5)
    found = folds(RowKeys(codes=codes), 100, 5, 0)
    assert [codes[checked].sum() for _, checked in found] == [1] * 5


def test_dates_order_rows_and_words_do_not() -> None:
    frame = pd.DataFrame({"day": ["2024-03-01", "2023-01-01", "2024-01-05", None], "who": list("abca")})
    keys = keys_of(frame, np.arange(4), None, TimeSplit(column="day"))
    train, test = split_rows(keys, 4, 0.25, 0)
    assert (train.tolist(), test.tolist()) == ([1, 2, 3], [0])
    with pytest.raises(Refused) as words:
        keys_of(frame, np.arange(4), None, TimeSplit(column="who"))
    assert words.value.problem.code is ProblemCode.BAD_SPLIT
    with pytest.raises(Refused) as absent:
        keys_of(frame, np.arange(4), None, GroupSplit(column="whom"))
    assert absent.value.problem.suggestions == ("who",)


def test_a_time_that_never_changes_is_called_that() -> None:
    frame = pd.DataFrame({"day": ["2024-03-01"] * 10, "nothing": [None] * 10})
    with pytest.raises(Refused, match="'day' has the same time in every row"):
        keys_of(frame, np.arange(10), None, TimeSplit(column="day"))
    with pytest.raises(Refused, match="neither dates nor numbers"):
        keys_of(frame, np.arange(10), None, TimeSplit(column="nothing"))


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(Refused, match="same group or time"):
        split_rows(RowKeys(times=np.ones(10)), 10, 0.25, 0)
