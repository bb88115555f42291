"""The doctor of a machine, as far as it needs no network: order, what hangs on what, and what is printed."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from node_join.cli import main
from node_join.doctor import CHECKS, Bad, Patient, examine
from node_join.state import Machine, StateFolder, Status

#: No name server is asked for it, and nothing listens there.
NOWHERE = "http://127.0.0.1:1"


def joined(folder: Path, **changes: object) -> StateFolder:
    state = StateFolder(folder)
    state.make()
    state.key()
    known = {
        "machine_id": "laptop01",
        "name": "laptop",
        "url": NOWHERE,
        "server_key": "A" * 43 + "=",
        "address": "127.77.1.1",
        "pool_tag": "u_pool",
        "machine_tag": "m_laptop01",
        "node_python": sys.executable,
        "sealing": "off",
    }
    state.save(Machine.model_validate(known | changes))
    return state


def look(name: str, state: StateFolder, now: float = 0) -> str:
    """What one check tells. Raises Bad or Unknown."""
    (check,) = (check for check in CHECKS if check.name == name)
    return check.look(Patient(state, now=lambda: now))


def test_each_check_hangs_on_earlier_ones() -> None:
    seen: set[str] = set()
    for check in CHECKS:
        assert seen.issuperset(check.after), check.name
        seen.add(check.name)


def test_before_the_join_the_machine_itself_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(tmp_path / "state"))
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])
    assert ended.value.code == 1
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert list(found) == [check.name for check in CHECKS]
    assert found["system"]["state"] == "ok"
    assert found["joined"] == {
        "name": "joined",
        "state": "bad",
        "told": "This machine has not joined a pool.",
        "remedy": "Send /connect in the chat and paste the command.",
    }
    assert {found[name]["state"] for name in ("environment", "DNS", "TLS", "key", "agent", "Ray")} == {"unknown"}
    assert "not checked" in found["TLS"]["told"]
    assert not (tmp_path / "state").exists()


def test_a_damaged_state_is_a_finding(tmp_path: Path) -> None:
    state = joined(tmp_path)
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(Bad, match="key is damaged"):
        look("joined", state)
    (tmp_path / "key").unlink()
    with pytest.raises(Bad, match="is gone"):
        look("joined", state)
    assert not (tmp_path / "key").exists()
    (tmp_path / "machine.json").write_text("{")
    with pytest.raises(Bad, match=r"machine\.json is damaged"):
        look("joined", state)


@pytest.mark.parametrize(("python", "why"), [("", "was not made"), ("/nowhere/bin/python", "no Python at")])
def test_the_nodes_environment_has_to_be_there(tmp_path: Path, python: str, why: str) -> None:
    with pytest.raises(Bad, match=why):
        look("environment", joined(tmp_path, node_python=python))


def test_an_unsealed_machine_is_well_if_its_owner_wants_it(tmp_path: Path) -> None:
    assert "as you asked" in look("sealing", joined(tmp_path))


def noted(state: StateFolder, kind: str, told: str = "") -> StateFolder:
    state.note(Status.model_validate({"pid": 7, "state": kind, "since": 1000, "told": told}))
    return state


def test_the_agent_runs_or_says_why_not(tmp_path: Path) -> None:
    state = joined(tmp_path)
    with pytest.raises(Bad, match="does not run"):
        look("agent", state)
    noted(state, "stopped", "This machine was removed from its pool.")
    with pytest.raises(Bad, match="removed from its pool"):
        look("agent", state)
    noted(state, "joined")  # and then it was killed
    with pytest.raises(Bad, match="does not run"):
        look("agent", state)
    with state.only_one():
        assert look("agent", state) == "runs as process 7"


@pytest.mark.parametrize(
    ("kind", "tunnel", "ray"),
    [
        ("connecting", "The tunnel is not up: said", "not in the pool"),
        ("waiting", "The tunnel is not up: said", "not in the pool"),
        ("connected", "", "not in the pool"),
        ("joined", "", ""),
    ],
)
def test_how_far_the_node_has_come(tmp_path: Path, kind: str, tunnel: str, ray: str) -> None:
    state = noted(joined(tmp_path), kind, "said")
    for name, why in (("tunnel", tunnel), ("Ray", ray)):
        if why:
            with pytest.raises(Bad, match=why):
                look(name, state)
        else:
            look(name, state)
    if not tunnel:
        assert look("tunnel", state, now=1180) == "up for 3 min"


def test_a_machine_without_a_network_is_told_one_cause(tmp_path: Path) -> None:
    state = joined(tmp_path, url="http://head.invalid")
    findings = {finding.name: finding for finding in examine(Patient(state, time.time))}
    assert findings["DNS"].state == "bad"
    assert findings["DNS"].told.startswith("The name head.invalid is not known here")
    assert [
        name for name in ("TCP", "clock", "TLS", "server", "key", "versions") if findings[name].state != "unknown"
    ] == []


def test_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    joined(tmp_path, name="lap\x1b[2Jtop")
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert ended.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    assert "ok   DNS          127.0.0.1 -> 127.0.0.1" in lines
    assert "ok   joined       as lap [2Jtop, to http://127.0.0.1:1" in lines
    assert "bad  TCP          127.0.0.1:1 does not answer: Connection refused." in lines
    assert "?    TLS          not checked, since TCP is not ok" in lines
    assert lines[-1] == "Mend TCP first."
