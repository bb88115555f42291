"""What streamed training is made of: sides, samples, labels, bins, the rows on the disk. None of it may depend on how
the table is cut into batches.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_jobs.problems import Refused
from ray_jobs.schema import Column
from ray_jobs.spec import GroupSplit, ProblemCode, Split, TimeSplit
from ray_jobs.streaming.binned import BinnedRows
from ray_jobs.streaming.kept import Kept
from ray_jobs.streaming.labels import target_reader
from ray_jobs.streaming.plan import steady
from ray_jobs.streaming.sides import PART, SIDE, Sides, group_hashes, hashed, sides_of
from ray_jobs.streaming.spool import Spool
from ray_jobs.target import Classes
from tests.support.streams import FrameSource, order_for


def places(count: int, begin: int = 0) -> Any:
    return np.arange(begin, begin + count, dtype=np.uint64)


def test_hashes_are_even_and_of_each_use_their_own() -> None:
    found = hashed(places(100_000), 0, SIDE)
    counted = np.bincount((found >> np.uint64(60)).astype(np.int64), minlength=16)
    assert counted.min() > 5_900
    assert counted.max() < 6_600
    other = hashed(places(100_000), 0, PART)
    assert abs(np.corrcoef(found.astype(float), other.astype(float))[0, 1]) < 0.02
    assert not (found == hashed(places(100_000), 1, SIDE)).any()


@given(count=st.integers(1, 400), most=st.integers(1, 150), cuts=st.lists(st.integers(1, 60), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_a_sample_is_the_same_however_the_rows_come(count: int, most: int, cuts: list[int]) -> None:
    frame = pd.DataFrame({"place": np.arange(count)})
    hashes, among = hashed(places(count), 3, SIDE), np.arange(count) % 3 > 0
    kept = Kept(most)
    begin = 0
    while begin < count:
        end = begin + cuts[begin % len(cuts)]
        kept.add(frame[begin:end], hashes[begin:end], among[begin:end])
        begin = end
    wanted = np.sort(np.flatnonzero(among)[np.argsort(hashes[among])[:most]])
    assert kept.frame().get("place", pd.Series(dtype=int)).tolist() == wanted.tolist()
    assert kept.passed == among.sum()


def table(count: int = 3000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=count),
            "shop": rng.choice([f"shop {number}" for number in range(40)], count),
            "code": rng.choice([1.0, 2.0, 3.0, np.nan], count),
            "day": pd.date_range("2024-01-01", periods=count, freq="h")[rng.permutation(count)].astype(str),
            "y": rng.normal(size=count),
        }
    )


def sides(frame: pd.DataFrame, split: Split, tmp_path: Path, batch_rows: int = 700) -> Sides:
    order = order_for(frame, "y", "ridge", tmp_path, split=split)
    steps = sides_of(order, target_reader("y", "regression", None), batch_rows)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Sides = end.value
            return found


def mask_of(frame: pd.DataFrame, found: Sides, rows: int) -> Any:
    """The mask of test rows, asked for in pieces of `rows`."""
    columns = (found.column,) if found.column else (Column(name="x", kind="number"),)
    pieces, begin = [], 0
    for piece in FrameSource(frame).batches(columns, rows):
        pieces.append(found.tested(piece, places(len(piece), begin)))
        begin += len(piece)
    return np.concatenate(pieces)


@pytest.mark.parametrize("column", ["shop", "code"])
def test_groups_stay_together_and_come_near_to_the_share(column: str, tmp_path: Path) -> None:
    frame = table()
    found = sides(frame, GroupSplit(column=column, test_fraction=0.25), tmp_path)
    mask = mask_of(frame, found, 500)
    assert (mask == mask_of(frame, found, 90)).all()
    assert pd.Series(mask).groupby(frame[column].fillna(-1)).nunique().max() == 1
    assert mask.mean() == pytest.approx(0.25, abs=0.02)


def test_one_group_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        sides(table().assign(shop="the only one"), GroupSplit(column="shop"), tmp_path)
    assert refused.value.problem.code == ProblemCode.BAD_SPLIT


def test_the_newest_rows_test(tmp_path: Path) -> None:
    frame = table()
    found = sides(frame, TimeSplit(column="day", test_fraction=0.2), tmp_path)
    mask = mask_of(frame, found, 333)
    assert mask.mean() == pytest.approx(0.2, abs=0.01)
    assert frame["day"][mask].min() > frame["day"][~mask].max()


def test_a_column_to_split_by_that_is_not_there(tmp_path: Path) -> None:
    for split in (TimeSplit(column="dy"), GroupSplit(column="dy")):
        with pytest.raises(Refused) as refused:
            sides(table(), split, tmp_path)
        assert refused.value.problem.code == ProblemCode.COLUMN_MISSING


def test_groups_hash_the_same_in_any_type_of_text() -> None:
    values = ["a", "b", None, "a"]
    hashes = [group_hashes(pd.Series(values, dtype=kind), 0).tolist() for kind in ("str", "object")]
    assert hashes[0] == hashes[1]
    assert hashes[0][0] == hashes[0][3] != hashes[0][2]


@pytest.mark.parametrize(
    ("labels", "values", "wanted", "codes"),
    [
        ((1, 2), [1.0, 2.0, 7.0, np.nan], (1, 2, 7), [0, 1, 2, -1]),
        ((0.5, 1), [0.5, 1.0], (0.5, 1), [0, 1]),
        ((False, True), [1.0, 0.0, np.nan], (False, True), [1, 0, -1]),
        (("no", "yes"), ["yes", "never", None], ("never", "yes"), [1, 0, -1]),
    ],
)
def test_labels_that_the_sample_did_not_have(labels: Any, values: Any, wanted: Any, codes: Any) -> None:
    reader = target_reader("y", "classification", Classes(labels=labels))
    column = pd.Series(values, name="y", dtype="str" if isinstance(labels[0], str) else float)
    classes = reader.classes(reader.counts(column))
    assert classes.labels == wanted
    assert [type(label) for label in classes.labels[:2]] == [type(label) for label in wanted[:2]]
    assert reader.values(column.to_frame(), classes).tolist() == codes


def test_too_many_labels() -> None:
    reader = target_reader("y", "classification", Classes(labels=(1, 2)))
    with pytest.raises(Refused) as refused:
        reader.classes({float(number): 1 for number in range(2000)})
    assert refused.value.problem.code == ProblemCode.TOO_MANY_CLASSES


def test_bins_filled_by_batches_are_those_of_the_whole_matrix() -> None:
    rng = np.random.default_rng(0)
    matrix = np.column_stack([rng.integers(0, 9, 5000), rng.normal(size=(5000, 3))]).astype(float)
    matrix[rng.random(5000) < 0.1, 2] = np.nan
    values = matrix[:, 1] + (matrix[:, 0] == 3) + rng.normal(scale=0.1, size=5000)
    weights = rng.random(5000).astype(np.float32)
    settings: dict[str, Any] = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True}
    given: dict[str, Any] = {"categorical_feature": [0], "params": settings}
    reference = lightgbm.Dataset(matrix[:2000], values[:2000], **given).construct()
    whole = lightgbm.Dataset(matrix, values, weight=weights, reference=reference, **given)
    filled = BinnedRows(reference, 5000, weighted=True)
    for begin in range(0, 5000, 777):
        rows = slice(begin, begin + 777)
        filled.add(matrix[rows], values[rows], weights[rows])
    models = [lightgbm.train(settings, data, num_boost_round=5) for data in (whole, filled.finished())]
    first, second = (np.asarray(model.predict(matrix)) for model in models)
    assert np.array_equal(first, second)


def test_bins_with_rows_missing_are_not_learned_from() -> None:
    matrix = np.random.default_rng(0).normal(size=(500, 2))
    reference = lightgbm.Dataset(matrix, matrix[:, 0], params={"verbosity": -1}).construct()
    filled = BinnedRows(reference, 600, weighted=False)
    filled.add(matrix, matrix[:, 0])
    with pytest.raises(ValueError, match="500 rows of 600"):
        filled.finished()


def test_a_little_more_memory_gives_the_same_sample() -> None:
    assert [steady(rows) for rows in (0, 1, 1000, 1024, 2047)] == [0, 1, 512, 1024, 1024]
    assert [steady(rows, steps=4) for rows in (1024, 1279, 1280, 2047)] == [1024, 1024, 1280, 1792]


def test_rows_on_the_disk_come_back_in_a_new_order_each_time(tmp_path: Path) -> None:
    frame = pd.DataFrame({"place": np.arange(1000.0), "text": [f"row {n}" for n in range(1000)]}).convert_dtypes()
    frame["text"] = frame["text"].astype("str")
    folder = tmp_path / "spool"
    with Spool(folder, rows=1000, part_rows=300, seed=0, limit=10**6) as spool:
        assert spool.parts == 4
        for begin in range(0, 1000, 170):
            some = frame.iloc[begin : begin + 170]
            spool.add(some, places(len(some), begin))
        first, second, again = (pd.concat(list(spool.blocks(number, 64))) for number in (0, 1, 0))
        assert first["place"].tolist() == again["place"].tolist() != second["place"].tolist()
        for found in (first, second):
            assert sorted(found["place"]) == list(range(1000))
            assert (found["text"] == "row " + found["place"].astype(int).astype(str)).all()
        assert abs(np.corrcoef(first["place"].astype(float), np.arange(1000))[0, 1]) < 0.6
    assert not folder.exists()


def test_rows_on_the_disk_keep_to_what_may_be_used(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    frame = pd.DataFrame({"number": np.random.default_rng(0).normal(size=5000)})
    with pytest.raises(Refused) as refused, Spool(folder, rows=5000, part_rows=5000, seed=0, limit=10_000) as spool:
        spool.add(frame, places(5000))
    assert refused.value.problem.code == ProblemCode.NO_SPACE
    assert not folder.exists()
