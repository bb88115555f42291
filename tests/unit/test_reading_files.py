"""Which files are opened, and which are refused with what."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from ray_jobs.place import Place, check_space
from ray_jobs.problems import Refused
from ray_jobs.reading.files import open_data, plain_name
from ray_jobs.reading.source import read_table
from ray_jobs.spec import PathData, Problem, ProblemCode, UploadData


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "allowed" / "deep").mkdir(parents=True)
    (tmp_path / "allowed" / "sales.csv").write_text("a,b\n1,2\n")
    (tmp_path / "private.csv").write_text("a,b\n1,2\n")
    made = Place(
        folder=tmp_path / "node",
        folder_as_owner_knows="/home/ann/hayride",
        home=str(tmp_path),
        allowed=(tmp_path / "allowed",),
        quota=10_000,
    )
    made.make_folders()
    return made


def refusal(place: Place, path: str) -> Problem:
    with pytest.raises(Refused) as caught, read_table(place, PathData(path=path)):
        pass
    return caught.value.problem


@pytest.mark.parametrize(
    "path", ["sales.csv", "~/allowed/sales.csv", "deep/../sales.csv", "{root}/allowed/sales.csv", "./sales.csv"]
)
def test_the_ways_to_name_a_file(place: Place, path: str) -> None:
    root = str(place.allowed[0].parent)
    with open_data(place, PathData(path=path.format(root=root))) as file:
        assert (file.name, file.size) == ("sales.csv", 8)
        assert file.shown == f"{root}/allowed/sales.csv"


@pytest.mark.parametrize(
    "path", ["../private.csv", "~/private.csv", "/etc/passwd", "/nowhere/at/all.csv", "link.csv", "linked/private.csv"]
)
def test_what_lies_outside_is_refused_whether_or_not_it_exists(place: Place, path: str) -> None:
    (place.allowed[0] / "link.csv").symlink_to(place.allowed[0].parent / "private.csv")
    (place.allowed[0] / "linked").symlink_to(place.allowed[0].parent)
    problem = refusal(place, path)
    assert problem.code is ProblemCode.OUTSIDE_ALLOWED
    assert str(place.allowed[0]) in problem.message


def test_a_link_within_is_followed(place: Place) -> None:
    (place.allowed[0] / "deep" / "link.csv").symlink_to("../sales.csv")
    with open_data(place, PathData(path="deep/link.csv")) as file:
        assert file.size == 8


def test_special_files_are_refused_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place.allowed[0]
    os.mkfifo(folder / "pipe.csv")
    monkeypatch.chdir(folder)  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.csv")
        for name in ("pipe.csv", "socket.csv"):
            assert refusal(place, name).code is ProblemCode.FILE_NOT_REGULAR
    assert refusal(place, "deep").code is ProblemCode.FILE_IS_FOLDER
    assert refusal(place, str(folder)).code is ProblemCode.FILE_IS_FOLDER


def test_a_file_that_is_larger_than_its_owner_allows_is_refused(place: Place) -> None:
    allowed = place.allowed[0]
    small = place.model_copy(update={"max_sizes": {allowed: 7}})
    for path in ("sales.csv", "sales*.csv"):  # 8 bytes
        problem = refusal(small, str(allowed / path))
        assert problem.code is ProblemCode.FILE_TOO_LARGE
        assert "owner" in problem.message
    large = place.model_copy(update={"max_sizes": {allowed: 8}})
    with open_data(large, PathData(path=str(allowed / "sales.csv"))) as file:
        assert file.size == 8


def test_a_missing_file_brings_the_nearest_names(place: Place) -> None:
    problem = refusal(place, "sale.csv")
    assert (problem.code, problem.suggestions) == (ProblemCode.FILE_MISSING, ("sales.csv",))
    for path in ("sales.csv/x", "n" * 300 + ".csv", "a\0b.csv", "~ann/x.csv"):
        assert refusal(place, path).code is ProblemCode.FILE_MISSING
    (place.allowed[0] / "loop.csv").symlink_to("loop.csv")
    assert refusal(place, "loop.csv").code in (ProblemCode.FILE_MISSING, ProblemCode.FILE_NOT_REGULAR)


def test_a_place_without_allowed_folders_says_so(place: Place) -> None:
    bare = place.model_copy(update={"allowed": ()})
    for path in ("sales.csv", str(place.allowed[0] / "sales.csv")):
        problem = refusal(bare, path)
        assert problem.code is ProblemCode.OUTSIDE_ALLOWED
        assert "sent" in problem.message


def test_a_file_swapped_after_opening_is_still_the_one_that_was_checked(place: Place) -> None:
    with open_data(place, PathData(path="sales.csv")) as file:
        os.replace(place.allowed[0].parent / "private.csv", place.allowed[0] / "sales.csv")
        (place.allowed[0] / "sales.csv").write_text("secret")
        assert Path(file.path).read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b.csv", "..", ".hidden", "", "x\n.csv", "ü" * 250 + ".csv"])
def test_a_sent_file_keeps_to_its_folder(place: Place, name: str) -> None:
    plain = plain_name(name)
    assert plain == os.path.basename(plain)
    assert plain not in ("", ".", "..")
    assert len(plain.encode()) <= 200
    (place.inbox / "upload1").mkdir()
    (place.inbox / "upload1" / plain).write_text("a,b\n1,2\n")
    with open_data(place, UploadData(upload_id="upload1", name=name)) as file:
        assert (file.shown, file.size) == (name, 8)


def test_a_sent_file_that_is_a_link_out_is_refused(place: Place) -> None:
    (place.inbox / "upload1").mkdir()
    (place.inbox / "upload1" / "x.csv").symlink_to(place.allowed[0].parent / "private.csv")
    with pytest.raises(Refused) as caught, open_data(place, UploadData(upload_id="upload1", name="x.csv")):
        pass
    assert caught.value.problem.code is ProblemCode.OUTSIDE_ALLOWED


def test_the_quota_counts_what_is_there(place: Place) -> None:
    check_space(place, 9_000)
    (place.results / "big").write_bytes(bytes(5_000))
    with pytest.raises(Refused) as caught:
        check_space(place, 6_000)
    assert caught.value.problem.code is ProblemCode.NO_SPACE
    assert caught.value.problem.subject == "/home/ann/hayride"


def test_a_device_is_no_file(place: Place) -> None:
    if os.geteuid() == 0:
        os.mknod(place.allowed[0] / "zero.csv", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        assert refusal(place, "zero.csv").code is ProblemCode.FILE_NOT_REGULAR
    (place.allowed[0] / "null.csv").symlink_to("/dev/null")
    assert refusal(place, "null.csv").code is ProblemCode.OUTSIDE_ALLOWED


def test_a_file_without_permission_says_so() -> None:
    # pytest's own folders are closed to everybody else, and root may read everything.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        closed = Path(folder) / "closed.csv"
        closed.write_text("a,b\n1,2\n")
        closed.chmod(0)
        locked = Path(folder) / "locked"
        locked.mkdir(mode=0o700)
        owner = os.geteuid()
        made = Place(folder=Path("/n"), folder_as_owner_knows="/n", home="/h", allowed=(Path(folder),), quota=1)
        try:
            if owner == 0:
                os.seteuid(65534)
            else:
                locked.chmod(0)
            assert refusal(made, "closed.csv").code is ProblemCode.FILE_UNREADABLE
            assert refusal(made, "clo*.csv").code is ProblemCode.FILE_UNREADABLE
            assert refusal(made, "locked/*.csv").code is ProblemCode.FILE_UNREADABLE
        finally:
            os.seteuid(owner)
            locked.chmod(0o700)


def test_links_in_a_circle_end(place: Place) -> None:
    (place.allowed[0] / "one.csv").symlink_to("two.csv")
    (place.allowed[0] / "two.csv").symlink_to("one.csv")
    (place.allowed[0] / "around").symlink_to("around")
    for path in ("one.csv", "around/x.csv"):
        assert refusal(place, path).code in (ProblemCode.FILE_MISSING, ProblemCode.FILE_NOT_REGULAR)
    assert refusal(place, "around/*.csv").code is ProblemCode.FILE_MISSING
