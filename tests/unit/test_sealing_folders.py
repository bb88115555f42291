"""What of an allowed folder is covered, and where sockets may lie."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from sealing import SealError, SocketFolder, allowed_binds, inherited, set_aside


def test_sockets_and_pipes_of_an_allowed_folder_are_covered(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "table.csv").touch()
    (folder / "out").symlink_to("/etc")
    os.mkfifo(folder / "deep" / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "s"))
        first, *masks = allowed_binds(folder)
    assert (first.source, first.target) == (folder, str(folder))
    assert [mask.target for mask in masks] == [str(folder / "deep" / "pipe"), str(folder / "s")]
    assert {mask.source for mask in masks} == {Path("/dev/null")}


def test_a_folder_that_is_too_large_linked_or_the_root_is_refused(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).touch()
    assert len(allowed_binds(tmp_path, most=3)) == 1
    with pytest.raises(SealError, match="more than 2"):
        allowed_binds(tmp_path, most=2)
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (
        tmp_path / "link",
        tmp_path / "a",
        tmp_path / "none",
        Path("/"),
        Path("/home"),
        Path.home(),
        Path("/etc/ssl"),
    ):
        with pytest.raises(SealError):
            allowed_binds(path)


def test_a_socket_folder_is_ours_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    with SocketFolder(tmp_path / "run"):
        assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "run")
    (tmp_path / "file").touch()
    for path in (tmp_path / "link", tmp_path / "file"):
        with pytest.raises((SealError, FileExistsError)):
            SocketFolder(path)


def test_another_users_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    another = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: another)
    with pytest.raises(SealError, match="another user"):
        SocketFolder(tmp_path)


def test_an_address_fits_however_deep_the_folder(tmp_path: Path) -> None:
    with SocketFolder(tmp_path / "run") as near:
        assert near.address("http.sock") == str(tmp_path / "run" / "http.sock")
    with SocketFolder(tmp_path / ("d" * 60) / ("e" * 60)) as far:
        address = far.address("http.sock")
        assert len(address) <= 107
        assert os.path.realpath(os.path.dirname(address)) == str(far.path.resolve())


@pytest.mark.parametrize("name", ["", "../http", "a/b", ".", "a\0b", "x" * 65])
def test_a_sockets_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    with SocketFolder(tmp_path / "run") as folder, pytest.raises(SealError):
        folder.listen(name)


def test_a_socket_that_was_not_handed_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAYRIDE_SOCKETS", "http=5")
    with pytest.raises(SealError, match="door"):
        inherited("door")


def test_a_dead_folder_moves_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool" / "trap").symlink_to("/etc")
    (tmp_path / "dead").mkdir()
    moved = set_aside(tmp_path / "pool", tmp_path / "dead")
    assert moved.parent == tmp_path / "dead"
    assert os.readlink(moved / "trap") == "/etc"
    (tmp_path / "link").symlink_to(moved)
    with pytest.raises(SealError):
        set_aside(tmp_path / "link", tmp_path / "dead")
