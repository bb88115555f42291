"""What a machine's owner types, on real folders: status, logs, allow, share-rows, limit."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_join import amounts
from node_join.cli import main
from node_join.commands.logs import followed
from node_join.errors import NodeError
from node_join.state import Machine, StateFolder, Status
from ray_jobs.cores import usable_cores

GIB = 1024**3


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    """Of a machine that joined; ~/data is allowed."""
    home = tmp_path / "home"
    for folder in ("data/deep", "more", ".ssh"):
        (home / folder).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(tmp_path / "state"))
    state = StateFolder(tmp_path / "state")
    state.make()
    state.save(
        Machine.model_validate(
            {
                "machine_id": "laptop01",
                "name": "laptop",
                "url": "https://head.example",
                "server_key": "A" * 43 + "=",
                "address": "127.77.1.1",
                "pool_tag": "u_pool",
                "machine_tag": "m_laptop01",
                "allowed": [str(home / "data")],
            }
        )
    )
    return state


Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(state: StateFolder, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Runs a command; its exit status and what it printed, or the line that it ended with."""

    def run(*words: str | Path) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        code = ended.value.code
        return (1, code) if isinstance(code, str) else (int(code or 0), capsys.readouterr().out)

    return run


def machine(state: StateFolder) -> Machine:
    found = state.machine()
    assert found is not None
    return found


def home() -> Path:
    return Path.home()


# --- any command --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["status"], ["logs"], ["allow"], ["share-rows", "on"], ["limit"]])
def test_a_machine_that_joined_nothing_is_told_how_to_and_gets_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Typed, command: list[str]
) -> None:
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(tmp_path / "nothing"))
    assert typed(*command) == (
        1,
        "hayride-node: This machine has not joined a pool. Send /connect in the chat and paste the command.",
    )
    assert not (tmp_path / "nothing").exists()


# --- status -------------------------------------------------------------------------------------------------------


def noted(folder: StateFolder, /, **changes: object) -> None:
    folder.note(Status.model_validate({"pid": 1, "state": "joined", "since": time.time() - 200, **changes}))


def test_a_machine_in_its_pool(state: StateFolder, typed: Typed) -> None:
    noted(state, heard=time.time() - 3, sealed=True, jobs=2, paused="It runs on its battery.")
    with state.only_one():
        status, told = typed("status")
        assert status == 0
        for words in ("in the pool, for 3 min", "3 s ago", "head.example", "127.77.1.1", "u_pool m_laptop01"):
            assert words in told
        for words in (
            "2 running here",
            "yes: jobs see",
            "runs on its battery",
            str(home() / "data"),
            "hours      jobs begin",
        ):
            assert words in told
        status, told = typed("status", "--json")
    said = json.loads(told)
    assert status == 0
    assert said["state"] == "joined"
    assert said["jobs"] == 2
    assert said["autostart"] is False
    assert said["sealed"] is True
    assert said["allowed"] == [{"path": str(home() / "data"), "max_size": None}]
    assert said["limits"] == machine(state).limits.model_dump(mode="json")
    assert set(said) == {
        "state", "since", "last_heard", "told", "url", "machine_id", "name", "address", "tags", "versions", "jobs",
        "load", "cores", "memory", "allowed", "share_rows", "neural", "limits", "disk", "sealed", "sealing", "paused",
        "autostart",
    }  # fmt: skip


def test_an_agent_that_was_killed_is_not_running(state: StateFolder, typed: Typed) -> None:
    noted(state, told="Connected.", jobs=1)
    status, told = typed("status")
    assert status == 1
    assert "the node agent is not running. Start it with `hayride-node run`." in told
    assert "Connected" not in told
    said = json.loads(typed("status", "--json")[1])
    assert (said["state"], said["jobs"], said["since"]) == ("not_running", None, None)


def test_one_that_the_server_refused_says_why(state: StateFolder, typed: Typed) -> None:
    noted(state, state="stopped", told="This machine was removed from its pool.")
    status, told = typed("status")
    assert status == 1
    assert "the node agent has stopped, for 3 min" in told
    assert "Start it with" in told
    assert "removed from its pool" in told


def test_one_that_has_just_started_has_written_nothing(state: StateFolder, typed: Typed) -> None:
    with state.only_one():
        status, told = typed("status")
    assert status == 1
    assert "connecting to the server" in told


def test_what_a_server_said_moves_no_cursor(state: StateFolder, typed: Typed) -> None:
    noted(state, state="stopped", told="\x1b[2Jall is well\r\n")
    state.save(machine(state).model_copy(update={"name": "lap\x1b[31mtop\x07"}))
    for flags in ([], ["--json"]):
        told = typed("status", *flags)[1]
        assert not any(character in told for character in "\x1b\r\x07")
        assert "[2Jall is well" in told


def test_the_version_of_ray_is_that_of_the_nodes_environment(state: StateFolder, typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "node/lib/python3.11/site-packages/ray-2.60.0.dist-info").mkdir(parents=True)
    state.save(machine(state).model_copy(update={"node_python": str(tmp_path / "node/bin/python")}))
    assert "Ray 2.60.0" in typed("status")[1]


# --- neural ---


def test_neural_says_what_holds(state: StateFolder, typed: Typed) -> None:
    assert typed("neural") == (
        0, "neural is off. This machine has no TensorFlow; jobs can train every other model.\n"
    )  # fmt: skip
    state.save(machine(state).model_copy(update={"neural": True}))
    assert "neural is on. This machine has TensorFlow" in typed("neural")[1]
    assert json.loads(typed("status", "--json")[1])["neural"] is True


def test_a_server_that_is_too_old_for_it(
    state: StateFolder, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "node-0123456789abcdef").mkdir()
    (tmp_path / "node-0123456789abcdef/complete").touch()
    python = str(tmp_path / "node-0123456789abcdef/bin/python")
    state.save(machine(state).model_copy(update={"node_python": python}))
    monkeypatch.setenv("HAYRIDE_ENVIRONMENTS", str(tmp_path))
    release = {"python": "3.11", "wheel": "w", "sha256": {"w": "", "requirements-node.txt": ""}}
    monkeypatch.setattr("node_join.commands.neural.offered_release", lambda machine: release)
    status, told = typed("neural", "on")
    assert status == 1
    assert "is too old to offer that" in told
    assert not machine(state).neural


def test_an_environment_of_the_owners_is_the_owners_business(state: StateFolder, typed: Typed, tmp_path: Path) -> None:
    state.save(machine(state).model_copy(update={"node_python": str(tmp_path / "mine/bin/python")}))
    assert "Install tensorflow-cpu into that" in str(typed("neural", "on"))
    assert not machine(state).neural


# --- logs ---------------------------------------------------------------------------------------------------------


def test_the_last_lines_reach_back_into_the_rotated_log(state: StateFolder, typed: Typed) -> None:
    (state.path / "agent.log.1").write_text("one\ntwo\n")
    (state.path / "agent.log").write_text("three\n\x1b[31mfour\x07\n")
    assert typed("logs", "-n", "3") == (0, "two\nthree\n [31mfour \n")
    assert typed("logs", "-n", "1") == (0, " [31mfour \n")
    assert typed("logs", "-n", "0") == (0, "")
    assert typed("logs")[1].startswith("one\n")


def test_no_log_yet(state: StateFolder, typed: Typed) -> None:
    assert "has said nothing yet" in typed("logs")[1]
    assert "0 or more" in typed("logs", "-n", "-1")[1]


def test_following_survives_rotation(state: StateFolder) -> None:
    log = state.path / "agent.log"
    log.write_text("before\n")
    file = log.open()
    file.read()
    with contextlib.closing(followed(log, file)) as lines:
        with log.open("a") as agent:
            agent.write("first\nha")
            agent.flush()
            assert next(lines) == "first\n"
            agent.write("lf\n")
        log.rename(state.path / "agent.log.1")
        log.write_text("fresh\n")
        assert [next(lines), next(lines)] == ["half\n", "fresh\n"]


def test_a_log_that_begins_later_is_followed_from_its_start(state: StateFolder) -> None:
    writing = threading.Timer(0.05, (state.path / "agent.log").write_text, ["hello\n"])
    writing.start()
    with contextlib.closing(followed(state.path / "agent.log", None)) as lines:
        assert next(lines) == "hello\n"
    writing.join()


# --- allow --------------------------------------------------------------------------------------------------------


def test_folders_are_added_sized_and_removed(state: StateFolder, typed: Typed) -> None:
    data, more = home() / "data", home() / "more"
    status, told = typed("allow", more, "--max-size", "2G")
    assert status == 0
    assert told == f"{data}\n{more} (files up to 2 GB)\nTakes effect at the next start of the node agent.\n"
    assert machine(state).allowed == (str(data), str(more))
    assert machine(state).max_sizes == {str(more): 2 * GIB}
    with state.only_one():
        assert typed("allow", more)[1].endswith("nothing was changed.\n")  # the size stays
        assert typed("allow", more, "--max-size", "all")[1].endswith("Takes effect between jobs.\n")
    assert machine(state).max_sizes == {}
    assert typed("allow", "--remove", more)[0] == 0
    assert typed("allow") == (0, f"{data}\n")


@pytest.mark.parametrize("path", ["~/.ssh", "~", "/", "/etc", "~/nowhere"])
def test_what_is_refused_changes_nothing(state: StateFolder, typed: Typed, path: str) -> None:
    before = machine(state)
    status, told = typed("allow", home() / "more", path)
    assert status == 1
    assert path.replace("~", str(home())).rstrip("/") in told or "is not there" in told
    assert machine(state) == before


def test_a_link_widens_nothing(state: StateFolder, typed: Typed) -> None:
    (home() / "innocent").symlink_to(home() / ".ssh")
    assert ".ssh is where programs keep keys" in typed("allow", home() / "innocent")[1]
    (home() / "link").symlink_to(home() / "more")
    assert f"is a link; what is shown is {home() / 'more'}." in typed("allow", home() / "link")[1]
    assert str(home() / "more") in machine(state).allowed


def test_a_name_that_is_no_text_is_refused(state: StateFolder, typed: Typed) -> None:
    os.mkdir(os.fsencode(home()) + b"/strange\xff")
    assert "cannot be shown" in typed("allow", home() / "strange\udcff")[1]
    assert typed("allow")[0] == 0


def test_a_folder_that_no_box_can_show_is_refused_now_and_not_at_the_next_start(typed: Typed) -> None:
    assert "too much to allow" in typed("allow", "/var")[1]


def test_folders_in_folders(state: StateFolder, typed: Typed) -> None:
    data, deep = home() / "data", home() / "data/deep"
    assert f"{deep} lies in {data}, which is allowed already." in typed("allow", deep)[1]
    assert f"Give --max-size to {data}" in typed("allow", deep, "--max-size", "1G")[1]
    assert f"is a part of {data}" in typed("allow", "--remove", deep)[1]
    assert typed("allow", "--remove", data, deep)[0] == 0
    assert machine(state).allowed == (str(deep),)
    assert f"{deep} is now shown as a part of {data}." in typed("allow", data)[1]
    assert machine(state).allowed == (str(data),)


def test_a_folder_that_is_gone_can_be_removed_but_the_last_one_stays(state: StateFolder, typed: Typed) -> None:
    (home() / "data/deep").rmdir()
    (home() / "data").rmdir()
    assert "No folder would be left" in typed("allow", "--remove", home() / "data")[1]
    assert typed("allow", home() / "more", "--remove", home() / "data")[0] == 0
    assert machine(state).allowed == (str(home() / "more"),)
    assert "is not allowed anyway" in typed("allow", "--remove", home() / "data")[1]


def test_a_size_needs_a_folder_and_a_unit(typed: Typed) -> None:
    assert "belongs to folders" in typed("allow", "--max-size", "2G")[1]
    assert "'2' is no size" in typed("allow", home() / "data", "--max-size", "2")[1]


# --- share-rows and limit -----------------------------------------------------------------------------------------


def test_rows_are_shared_or_not(state: StateFolder, typed: Typed) -> None:
    assert typed("share-rows")[1].startswith("share-rows is on. Previews")
    status, told = typed("share-rows", "off")
    assert status == 0
    assert "No row, no value" in told
    assert machine(state).share_rows is False
    assert "nothing was changed" in typed("share-rows", "off")[1]
    typed("share-rows", "on")
    assert machine(state).share_rows is True


def test_limits_are_set_shown_and_lifted(state: StateFolder, typed: Typed) -> None:
    set_all = ["--cores", "1", "--memory", "1G", "--gpu", "off", "--hours", "22-7", "--battery", "off"]
    status, told = typed("limit", *set_all, "--priority", "normal")
    assert status == 0
    for words in (
        f"1 of {usable_cores()}",
        "1 GB of",
        "gpu        off",
        "from 22:00 to 7:00",
        "no job begins",
        "normal",
    ):
        assert words in told
    limits = machine(state).limits
    assert limits.model_dump() == {
        "cores": 1, "memory": GIB, "gpu": False, "hours": (22, 7), "battery": False, "priority": "normal",
    }  # fmt: skip
    assert typed("limit")[1] == told.removesuffix("Takes effect at the next start of the node agent.\n")
    typed("limit", "--cores", "all", "--memory", "all", "--hours", "always")
    limits = machine(state).limits
    assert (limits.cores, limits.memory, limits.hours, limits.gpu) == (None, None, None, False)


@pytest.mark.parametrize(
    ("flag", "wish", "why"),
    [
        ("--cores", "0", "Write 1 to"),
        ("--cores", "100000", "this machine has"),
        ("--cores", "two", "Write 1 to"),
        ("--memory", "900T", "this machine has"),
        ("--memory", "10M", "too little for a job"),
        ("--memory", "lots", "no size"),
        ("--hours", "22", "full hours"),
        ("--hours", "25-3", "hours 0 to 24"),
        ("--hours", "7-7", "same hour"),
    ],
)
def test_what_this_machine_cannot_give_is_refused(
    state: StateFolder, typed: Typed, flag: str, wish: str, why: str
) -> None:
    before = machine(state)
    status, told = typed("limit", flag, wish)
    assert status == 1
    assert why in told
    assert machine(state) == before


# --- amounts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [("2G", 2 * GIB), ("2 gb", 2 * GIB), ("1.5GiB", GIB * 3 // 2), ("500M", 500 * 1024**2), ("1T", 1024 * GIB)],
)
def test_sizes_that_people_write(text: str, size: int) -> None:
    assert amounts.parsed_size(text) == size


@given(st.integers(min_value=1024, max_value=1024**5))
def test_a_size_in_words_is_near_and_can_be_read_back(size: int) -> None:
    assert amounts.parsed_size(amounts.size(size)) == pytest.approx(size, rel=0.06)


@given(st.text(max_size=12))
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (amounts.parsed_size, amounts.parsed_hours):
        with contextlib.suppress(NodeError):
            read(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.7, "1 min"), (3600, "1 h"), (36_600, "10 h 10 min"), (200_000, "2 days"), (-5, "0 s")],
)
def test_spans(seconds: float, words: str) -> None:
    assert amounts.span(seconds) == words
