"""Looking into a real folder: what can be chosen is told, whatever else lies there is not."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_jobs.browsing import browse
from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.reading.formats import named_like_a_table
from ray_jobs.reading.opening import reader_of
from ray_jobs.reading.patterns import open_files
from ray_jobs.spec import LATEST, MOST_ENTRIES, Folder, FolderEntry, PathData, ProblemCode, without_controls


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "allowed" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "allowed" / "sales.csv").write_text("a,b\n1,2\n")
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "secret.csv").write_text("a,b\n1,2\n")
    return _place(tmp_path, "allowed")


def _place(root: Path, *allowed: str) -> Place:
    return Place(
        folder=root / "node", folder_as_owner_knows="/home/ann/node", home=str(root), quota=1000,
        allowed=tuple(root / name for name in allowed),
    )  # fmt: skip


def names(folder: Folder) -> list[str]:
    return [entry.name for entry in folder.entries]


def refusal(place: Place, path: str) -> ProblemCode:
    with pytest.raises(Refused) as refused:
        browse(place, path)
    return refused.value.problem.code


def test_the_only_allowed_folder_is_looked_into_at_once(place: Place) -> None:
    found = browse(place, "")
    assert (found.path, found.up, found.more) == (str(place.allowed[0]), None, False)
    assert names(found) == ["deep", "sales.csv"]
    table = found.entries[1]
    assert (table.kind, table.size) == ("file", 8)
    assert abs(table.changed - os.stat(place.allowed[0] / "sales.csv").st_mtime) < 1
    deep = browse(place, found.path_of(found.entries[0]))
    assert (deep.path, deep.up, names(deep)) == (f"{found.path}/deep", found.path, ["deeper"])
    assert browse(place, f"{deep.path}/deeper").entries == ()


def test_of_several_allowed_folders_the_folders_come_first(place: Place, tmp_path: Path) -> None:
    several = _place(tmp_path, "allowed", "private", "gone")
    found = browse(several, "")
    assert (found.path, found.up) == ("", None)
    assert [found.path_of(entry) for entry in found.entries] == [str(tmp_path / "allowed"), str(tmp_path / "private")]
    inside = browse(several, str(tmp_path / "private"))
    assert (inside.up, names(inside)) == ("", ["secret.csv"])
    assert browse(_place(tmp_path), "") == Folder(path="", entries=())


def test_what_is_no_table_or_leads_outside_is_left_out(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = place.allowed[0]
    for name in ("notes.docx", ".hidden.csv", "no-ending", "image.tar.gz", "x.xlsx.gz"):
        (here / name).write_text("x")
    (here / ".git").mkdir()
    os.mkfifo(here / "pipe.csv")
    os.symlink(here / "pipe.csv", here / "to-pipe.csv")
    os.symlink("/dev/null", here / "device.csv")
    os.symlink(tmp_path / "private", here / "private")
    os.symlink(tmp_path / "private" / "secret.csv", here / "secret.csv")
    os.symlink("../private/secret.csv", here / "above.csv")
    os.symlink("nowhere.csv", here / "dangling.csv")
    os.symlink("loop.csv", here / "loop.csv")
    os.symlink("deep", here / "inside")
    os.symlink("deep/../sales.csv", here / "again.csv")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(here)  # the address of a socket has 107 bytes at most
        server.bind("socket.csv")
        found = browse(place, "")
    assert names(found) == ["deep", "inside", "again.csv", "sales.csv"]
    through = browse(place, found.path_of(found.entries[1]))
    assert (through.path, through.up, names(through)) == (f"{here}/inside", str(here), ["deeper"])


def test_names_that_do_not_arrive_as_they_are_are_left_out(place: Place) -> None:
    here = os.fsencode(place.allowed[0])
    for hostile in (b"line\nbreak.csv", b"tab\t.csv", b"bell\a.csv", b"\xff.csv", "gnp\u202egpj.csv".encode()):
        with open(os.path.join(here, hostile), "wb"):
            pass
    for fine in ("a b.csv", "größe 日本.csv", "<b>&.csv", "-rf.csv", "~.csv", "sales[1].csv", "x:y%00.csv"):
        (place.allowed[0] / fine).touch()
    assert set(names(browse(place, ""))) == {
        "deep", "sales.csv", "a b.csv", "größe 日本.csv", "<b>&.csv", "-rf.csv", "~.csv", "sales[1].csv", "x:y%00.csv"
    }  # fmt: skip


def test_other_folders_are_refused(place: Place, tmp_path: Path) -> None:
    os.symlink(tmp_path / "private", place.allowed[0] / "private")
    for path in ("/", "/etc", "..", str(tmp_path / "private"), f"{place.allowed[0]}/private", "deep/../../private"):
        assert refusal(place, path) is ProblemCode.OUTSIDE_ALLOWED
    for path in ("nowhere", "sales.csv", "a\0b"):
        assert refusal(place, path) is ProblemCode.FILE_MISSING
    (place.allowed[0] / "deep").chmod(0)
    try:
        if os.geteuid():
            assert refusal(place, "deep") is ProblemCode.FILE_UNREADABLE
    finally:
        (place.allowed[0] / "deep").chmod(0o700)


def test_a_folder_of_many_is_cut_and_says_so(place: Place) -> None:
    for number in range(MOST_ENTRIES + 20):
        (place.allowed[0] / f"part-{number}.csv").touch()
    found = browse(place, "")
    assert found.more
    assert names(found)[:4] == ["deep", "part-0.csv", "part-1.csv", "part-2.csv"]
    assert len(found.entries) == MOST_ENTRIES


def test_a_table_in_parts_can_be_taken_whole(place: Place) -> None:
    deep = place.allowed[0] / "deep"
    (deep / "one.parquet").touch()
    assert not browse(place, "deep").parquet
    (deep / "two.PQ").touch()
    assert browse(place, "deep").parquet
    (deep / "deeper" / "year=2024").mkdir()
    assert browse(place, "deep/deeper").parquet


def test_clocks_that_say_anything_do_no_harm(place: Place) -> None:
    for moment in (-1e9, 2.0**40):
        os.utime(place.allowed[0] / "sales.csv", (moment, moment))
        assert 0 <= browse(place, "").entries[1].changed <= LATEST


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a.csv", True), ("a.CSV", True), ("a.csv.gz", True), ("a.zip", True), ("a.gz", True),
        ("a.json.zst", True), ("a.parquet", True), ("a.parquet.gz", False),
        ("a.tar.gz", False), ("a", False), ("csv", False), (".csv", False),
    ],
)  # fmt: skip
def test_what_is_named_like_a_table(name: str, is_one: bool) -> None:
    assert named_like_a_table(name) is is_one


def test_what_was_chosen_is_read(place: Place) -> None:
    (place.allowed[0] / "sales[1].csv").write_text("a,b\n1,2\n")
    parts = place.allowed[0] / "part*[1]?"
    parts.mkdir()
    for number in range(2):
        pd.DataFrame({"a": [1], "b": [2]}).to_parquet(parts / f"{number}.parquet")
    found = browse(place, "")
    assert names(found) == ["deep", parts.name, "sales.csv", "sales[1].csv"]
    assert browse(place, str(parts)).parquet
    for entry in found.entries[1:]:
        with open_files(place, PathData(path=found.path_of(entry))) as files:
            assert reader_of(files, "").columns == ("a", "b")
            assert len(files.files) == (2 if entry.kind == "folder" else 1)


@given(st.text(min_size=1, max_size=60))
def test_no_name_of_an_answer_leads_elsewhere(name: str) -> None:
    try:
        folder = Folder(path="/allowed", entries=(FolderEntry(name=name, kind="file"),))
    except ValueError:
        assert "/" in name or name in {".", ".."} or without_controls(name) != name
        return
    assert os.path.dirname(folder.path_of(folder.entries[0])) == "/allowed"
