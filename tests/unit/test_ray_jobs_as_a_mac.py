"""What the jobs' code does otherwise on macOS, run here with what a Mac has in its place."""

from __future__ import annotations

import fcntl
import io
import os
import resource
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from ray_jobs.memory import memory_budget, resident
from ray_jobs.problems import Refused
from ray_jobs.reading.files import open_data
from ray_jobs.reading.source import open_source
from ray_jobs.spec import PathData, ProblemCode
from ray_jobs.work import memory_limit
from tests.support.readings import Shelf

_F_GETPATH = 50  # fcntl(2) of macOS


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> None:
    linux = fcntl.fcntl

    def of_a_mac(descriptor: int, call: int, argument: Any = 0) -> Any:
        if call != _F_GETPATH:
            return linux(descriptor, call, argument)
        path = os.fsencode(os.readlink(f"/proc/self/fd/{descriptor}"))
        return path + bytes(len(argument) - len(path))

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_GETPATH", _F_GETPATH, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", of_a_mac)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "shelf").mkdir()
    return Shelf(folder=tmp_path / "shelf")


@pytest.mark.usefixtures("mac")
def test_tables_and_workbooks_are_read(shelf: Shelf) -> None:
    content = "a,b\n" + "".join(f"{n},x{n}\n" for n in range(5000))
    assert list(shelf.frame("table.csv", content)["a"]) == list(range(5000))
    book = io.BytesIO()
    pd.DataFrame({"a": [1, 2]}).to_excel(book, index=False, engine="xlsxwriter")
    assert list(shelf.frame("book.xlsx", book.getvalue())["a"]) == [1, 2]


@pytest.mark.usefixtures("mac")
def test_a_file_that_was_replaced_or_lies_elsewhere_is_refused(shelf: Shelf) -> None:
    path = shelf.put("table.csv", "a,b\n1,2\n")
    with open_data(shelf.place, PathData(path="table.csv")) as file:
        assert file.path == str(path)
        path.unlink()
        shelf.put("table.csv", "a,b\n3,4\n")
        with pytest.raises(Refused) as caught:
            _ = file.path
    assert caught.value.problem.code is ProblemCode.OUTSIDE_ALLOWED
    shelf.folder.parent.joinpath("private.csv").write_text("a,b\n1,2\n")
    with pytest.raises(Refused), open_source(shelf.place, PathData(path="../private.csv")):
        pass


@pytest.mark.usefixtures("mac")
def test_an_allowed_folder_is_the_same_in_whatever_case(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.put("table.csv", "a,b\n1,2\n")
    monkeypatch.setattr("ray_jobs.reading.files.real_folders", lambda folders: (str(shelf.folder).upper(),))
    monkeypatch.setattr("ray_jobs.reading.files.find_path", lambda place, path: (str(shelf.folder / path), path))
    with open_data(shelf.place, PathData(path="table.csv")) as file:
        assert file.size == 8


@pytest.mark.usefixtures("mac")
def test_memory_is_as_psutil_tells_and_not_limited() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with memory_limit(1 << 20):
        assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert resident() == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)
    free = psutil.virtual_memory().available
    assert memory_budget(None, None) == pytest.approx(resident() + 0.8 * free, rel=0.1)
