"""What is shown of a Python installation, on trees as the usual installers leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealing.errors import SealError
from sealing.python import app_binds, python_files


def install(prefix: Path) -> Path:
    """A base installation; returns its interpreter."""
    (prefix / "bin").mkdir(parents=True)
    (prefix / "lib" / "python3.11").mkdir(parents=True)
    interpreter = prefix / "bin" / "python3.11"
    interpreter.touch()
    (prefix / "bin" / "python3").symlink_to("python3.11")
    return interpreter


def environment(prefix: Path, interpreter: Path) -> Path:
    """A virtual environment whose interpreter is a symlink; returns it."""
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(interpreter)
    (prefix / "pyvenv.cfg").write_text(f"home = {interpreter.parent}\nversion_info = 3.11.7\n")
    return prefix / "bin" / "python"


def shown(python: Path) -> tuple[set[str], dict[str, str]]:
    files = python_files(python)
    assert all(str(bind.source) == bind.target == str(bind.source.resolve()) for bind in files.binds)
    return {bind.target for bind in files.binds}, dict(files.links)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_pyenv_and_a_venv_show_their_prefixes_and_nothing_else_of_home(home: Path) -> None:
    base = install(home / ".pyenv/versions/3.11.7")
    python = environment(home / "project/.venv", base)
    assert shown(python) == ({str(home / ".pyenv/versions/3.11.7"), str(home / "project/.venv")}, {})


def test_a_uv_managed_python_keeps_the_link_that_its_venv_goes_through(home: Path) -> None:
    store = home / ".local/share/uv/python"
    install(store / "cpython-3.11.14-linux-x86_64-gnu")
    (store / "cpython-3.11-linux-x86_64-gnu").symlink_to("cpython-3.11.14-linux-x86_64-gnu")
    python = environment(home / "venv", store / "cpython-3.11-linux-x86_64-gnu/bin/python3.11")
    binds, links = shown(python)
    assert binds == {str(store / "cpython-3.11.14-linux-x86_64-gnu"), str(home / "venv")}
    assert links == {str(store / "cpython-3.11-linux-x86_64-gnu"): "cpython-3.11.14-linux-x86_64-gnu"}


def test_a_linked_interpreter_in_a_shared_bin_shows_the_link_and_not_the_folder(home: Path) -> None:
    base = install(home / "pythons/3.11")
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/secret-tool").touch()
    (home / ".local/bin/python3.11").symlink_to(base)
    python = environment(home / "venv", home / ".local/bin/python3.11")
    binds, links = shown(python)
    assert binds == {str(home / "pythons/3.11"), str(home / "venv")}
    assert links == {str(home / ".local/bin/python3.11"): str(base)}


def test_a_shared_prefix_shows_only_its_python(home: Path) -> None:
    python = install(home / ".local")
    (home / ".local/share").mkdir()
    (home / ".local/lib/libpython3.11.so.1.0").touch()
    binds, _ = shown(python)
    local = home / ".local"
    assert binds == {str(local / part) for part in ("bin/python3.11", "lib/python3.11", "lib/libpython3.11.so.1.0")}


def test_a_venv_behind_a_linked_folder_is_reached_by_the_same_path(home: Path) -> None:
    base = install(home / "base")
    environment(home / "disk/venv", base)
    (home / "venv").symlink_to("disk/venv")
    binds, links = shown(home / "venv/bin/python")
    assert binds == {str(home / "base"), str(home / "disk/venv")}
    assert links == {str(home / "venv"): "disk/venv"}


def test_the_distributions_python_needs_nothing_further() -> None:
    assert shown(Path("/usr/bin/env")) == (set(), {})


def test_no_python_and_a_loop_of_links_are_refused(home: Path) -> None:
    with pytest.raises(SealError, match="no Python"):
        python_files(home / "bin/python")
    (home / "loop").symlink_to("loop")
    with pytest.raises(SealError):
        python_files(home / "loop")


def test_our_packages_lie_below_app() -> None:
    binds = app_binds(["sealing", "head.pool"])
    assert [bind.target for bind in binds] == ["/app/sealing", "/app/head/pool"]
    assert all(bind.source.is_dir() for bind in binds)
    with pytest.raises(SealError, match="not installed"):
        app_binds(["head.no_such_room"])
