"""Several files as one table: which ones a pattern or a folder means, and what they must have in common."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from ray_jobs.reading import patterns
from ray_jobs.reading.files import looked_at
from ray_jobs.spec import ProblemCode
from tests.support.readings import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path / "data")
    for number in (1, 2, 10):
        shelf.put(f"sales-{number}.csv", f"id,n\n{number},1\n{number},2\n")
    shelf.put("deep/er/sales-3.csv", "n,id\n1,3\n")
    shelf.put(".hidden/sales-4.csv", "id,n\n4,1\n")
    shelf.put(".sales-5.csv", "id,n\n5,1\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "sales-6.csv").write_text("id,n\n6,1\n")
    return shelf


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("sales-*.csv", [1, 1, 2, 2, 10, 10]),
        ("sales-?.csv", [1, 1, 2, 2]),
        ("sales-[12].csv", [1, 1, 2, 2]),
        ("./sales-1*.csv", [1, 1, 10, 10]),
        ("**/*.csv", [3, 1, 1, 2, 2, 10, 10]),
        ("deep/**/sales-*.csv", [3]),
        ("*/er/*.csv", [3]),
        ("~/data/sales-*.csv", [1, 1, 2, 2, 10, 10]),
        ("{root}/sales-*", [1, 1, 2, 2, 10, 10]),
    ],
)
def test_what_a_pattern_means(shelf: Shelf, pattern: str, ids: list[int]) -> None:
    path = pattern.format(root=shelf.folder)
    assert shelf.frame(path)["id"].tolist() == ids
    with shelf.opened(path) as source:
        assert pd.concat(source.batches(rows=2))["id"].tolist() == ids
        place = source.columns.index("id")
        assert [row[place] for piece in source.raw_batches() for row in piece] == [str(number) for number in ids]
        assert not any(character in source.name for character in "*?[]/")
        assert len(source.hash()) == 64


def test_a_name_is_made_of_the_pattern(shelf: Shelf) -> None:
    for pattern, name in (("sales-*.csv", "sales.csv"), ("**/*.csv", "csv"), ("sales-[12].csv", "sales-12.csv")):
        with shelf.opened(pattern) as source:
            assert source.name == name


def test_a_file_with_such_a_name_is_that_file(shelf: Shelf) -> None:
    shelf.put("sales-[12].csv", "id,n\n99,1\n")
    assert shelf.frame("sales-[12].csv")["id"].tolist() == [99]


def test_nothing_matches(shelf: Shelf) -> None:
    problem = shelf.refusal("sale*-.csv")
    assert problem.code is ProblemCode.FILE_MISSING
    assert "No file matches" in problem.message
    assert "sales-1.csv" in problem.suggestions
    assert shelf.refusal("nowhere/*.csv").code is ProblemCode.FILE_MISSING


@pytest.mark.parametrize(
    "pattern", ["/etc/*.csv", "../outside/*.csv", "~/outside/*.csv", "*/../../outside/*.csv", "/*"]
)
def test_what_lies_outside_is_never_looked_at(shelf: Shelf, pattern: str) -> None:
    assert shelf.refusal(pattern).code is ProblemCode.OUTSIDE_ALLOWED


def test_links_lead_nowhere_else(shelf: Shelf) -> None:
    (shelf.folder / "linked").symlink_to("../outside")
    (shelf.folder / "loop").symlink_to(".")
    assert shelf.frame("**/*.csv")["id"].tolist() == [3, 1, 1, 2, 2, 10, 10]
    assert shelf.refusal("linked/*.csv").code is ProblemCode.OUTSIDE_ALLOWED
    assert shelf.refusal("*/sales-6.csv").code is ProblemCode.FILE_MISSING
    (shelf.folder / "sales-7.csv").symlink_to("sales-1.csv")
    assert shelf.frame("sales-*.csv")["id"].tolist() == [1, 1, 2, 2, 1, 1, 10, 10]
    (shelf.folder / "sales-8.csv").symlink_to("../outside/sales-6.csv")
    assert shelf.refusal("sales-*.csv").code is ProblemCode.OUTSIDE_ALLOWED


def test_each_file_is_checked_like_a_single_one(shelf: Shelf) -> None:
    os.mkfifo(shelf.folder / "sales-3.csv")
    assert shelf.refusal("sales-*.csv").code is ProblemCode.FILE_NOT_REGULAR
    (shelf.folder / "sales-3.csv").unlink()
    shelf.put("sales-3.csv", b"")
    assert shelf.refusal("sales-*.csv").code is ProblemCode.FILE_EMPTY


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,n,more\n1,2,3\n", "also has 'more'"),
        ("id\n1\n2\n", "lacks 'n'"),
        ("id,N\n1,2\n", "lacks 'n' and also has 'N'"),
    ],
)
def test_files_with_other_columns(shelf: Shelf, content: str, said: str) -> None:
    shelf.put("sales-7.csv", content)
    problem = shelf.refusal("sales-*.csv")
    assert problem.code is ProblemCode.FILES_DIFFER
    assert said in problem.message
    assert "sales-7.csv" in problem.message


def test_files_of_other_formats(shelf: Shelf) -> None:
    shelf.put("sales-7.jsonl", '{"id": 1, "n": 2}\n')
    assert shelf.refusal("sales-*").code is ProblemCode.FILES_DIFFER


def test_files_written_otherwise_are_read_each_in_its_way(shelf: Shelf) -> None:
    shelf.put("sales-11.csv", "n;id\n1;ü\n".encode("cp1252"))
    frame = shelf.frame("sales-*.csv")
    assert frame["id"].tolist() == ["1", "1", "2", "2", "10", "10", "ü"]
    assert frame["n"].tolist() == [1, 2, 1, 2, 1, 2, 1]


def test_many_files_are_not_all_open(shelf: Shelf) -> None:
    for number in range(300):
        shelf.put(f"many/part-{number}.csv", f"id,n\n{number},{number / 2}\n")
    before = len(os.listdir("/proc/self/fd"))
    with shelf.opened("many/*.csv") as source:
        assert len(os.listdir("/proc/self/fd")) < before + 10
        assert source.frame()["id"].tolist() == list(range(300))
        assert len(source.files) == 300
        # One that is exchanged meanwhile is not read.
        shelf.put("other.csv", "id,n\n1,1\n")
        os.replace(shelf.folder / "other.csv", shelf.folder / "many" / "part-7.csv")
        with pytest.raises(Exception, match="was replaced"):
            source.frame()


def test_looking_is_bounded(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MOST_FILES", 2)
    assert "more than 2 files" in shelf.refusal("sales-*.csv").message
    monkeypatch.setattr(patterns, "_MOST_ENTRIES", 3)
    assert "too many" in shelf.refusal("**/nothing.csv").message


def test_a_file_that_is_exchanged_between_looking_and_opening(shelf: Shelf) -> None:
    path = str(shelf.folder / "sales-1.csv")
    with looked_at(path, path, (str(shelf.folder),)) as file:
        assert file.identity == (os.stat(path).st_dev, os.stat(path).st_ino)


def test_a_folder_of_parquet_files(shelf: Shelf) -> None:
    for year, rows in ((2023, [1, 2]), (2024, [3]), ("__HIVE_DEFAULT_PARTITION__", [4])):
        for place, kind in (("north", 1), ("s%20w", 2)):
            folder = shelf.folder / "lake" / f"year={year}" / f"place={place}"
            folder.mkdir(parents=True)
            pd.DataFrame({"n": rows, "kind": kind}).to_parquet(folder / "part-0.parquet")
    shelf.put("lake/_SUCCESS", "")
    shelf.put("lake/_delta_log/0.parquet", "no table")
    frame = shelf.frame("lake")
    assert list(frame.columns) == ["n", "kind", "year", "place"]
    assert frame["n"].tolist() == [1, 2, 1, 2, 3, 3, 4, 4]
    assert frame["year"].tolist()[:6] == [2023.0] * 4 + [2024.0] * 2
    assert frame["year"].isna().tolist()[6:] == [True, True]
    assert frame["place"].tolist()[:3] == ["north", "north", "s w"]
    with shelf.opened("lake") as source:
        assert (source.name, source.format, source.rows()) == ("lake", "parquet", (8, True))
        pd.testing.assert_frame_equal(pd.concat(source.batches(rows=3), ignore_index=True), frame)
        assert source.frame(["place"])["place"].tolist() == frame["place"].tolist()


def test_a_folder_without_parquet_files(shelf: Shelf) -> None:
    problem = shelf.refusal("deep")
    assert problem.code is ProblemCode.FILE_IS_FOLDER
    shelf.put("csvs/a.csv", "a\n1\n")
    assert shelf.refusal("csvs").suggestions == (str(shelf.folder / "csvs" / "*.csv"),)
