"""leave: what goes, what stays, and that it needs no server."""

from __future__ import annotations

import base64
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node_join import cli
from node_join.commands import leave
from node_join.errors import NodeError
from node_join.state import StateFolder, Status
from node_join.wishes import signed_wish
from tests.support.fake_tools import FakeTools
from tests.support.machines import joined

#: Nothing listens there, and it refuses at once.
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    """As a join leaves it, its server away."""
    for name in ("HAYRIDE_ENVIRONMENTS", "XDG_CONFIG_HOME", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # root's service would be in /etc
    state = StateFolder(tmp_path / "state")
    joined(state, url=NOBODY)
    (state.path / "environments/agent-1/bin").mkdir(parents=True)
    (state.path / "current").symlink_to(state.path / "environments/agent-1")
    (state.path / "uv-1234").mkdir()
    for name in ("agent.log", "agent.log.1", "environments/agent-1/bin/hayride-node", "run/errors"):
        (state.path / name).touch()
    (state.node / "models").mkdir()
    (state.node / "models/churn").write_text("a model")
    return state


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> FakeTools:
    path = os.environ["PATH"]
    tools = FakeTools(tmp_path / "tools", monkeypatch)
    tools.add("systemctl")
    tools.add("loginctl", answers="no")
    monkeypatch.setenv("PATH", os.environ["PATH"] + ":" + path)
    return tools


def run(*words: str) -> int | str:
    with pytest.raises(SystemExit) as end:
        cli.main(["leave", *words])
    assert end.value.code is not None
    return end.value.code


def test_everything_goes_but_models_and_results(state: StateFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert [path.name for path in state.path.iterdir()] == ["node"]
    assert (state.node / "models/churn").read_text() == "a model"
    told = capsys.readouterr().out
    assert "The server could not be told; revoke it in the chat: /worker, then laptop." in told
    assert "machine.json" in told
    assert f"Kept: models, results and journals, in {state.node}" in told


def test_a_service_is_stopped_and_goes_without_systemd_too(
    state: StateFolder, tools: FakeTools, tmp_path: Path
) -> None:
    tools.add("systemctl", fails_on="--user", error="Failed to connect to bus")
    units = tmp_path / "home/.config/systemd/user"
    (units / "default.target.wants").mkdir(parents=True)
    (units / "hayride-node.service").touch()
    (units / "default.target.wants/hayride-node.service").symlink_to(units / "hayride-node.service")
    assert run() == 0
    assert "systemctl --user disable --now hayride-node.service" in tools.calls()
    assert [path for path in units.rglob("*") if not path.is_dir()] == []


def test_the_command_in_the_home_folder_goes_if_it_is_this_machines(state: StateFolder, tmp_path: Path) -> None:
    programs = tmp_path / "home/.local/bin"
    programs.mkdir(parents=True)
    (programs / "hayride-node").symlink_to(state.path / "current/bin/hayride-node")
    (programs / "other").symlink_to(state.path)
    assert run() == 0
    assert [path.name for path in programs.iterdir()] == ["other"]


def test_what_is_not_ours_stays(state: StateFolder, capsys: pytest.CaptureFixture[str]) -> None:
    (state.path / "thesis.txt").touch()
    assert run("--purge") == 0
    assert [path.name for path in state.path.iterdir()] == ["thesis.txt"]
    assert "not Hayride's" in capsys.readouterr().out


def test_shared_environments_stay(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HAYRIDE_ENVIRONMENTS", str(state.path / "environments"))
    assert run() == 0
    assert (state.path / "environments/agent-1").is_dir()
    assert "HAYRIDE_ENVIRONMENTS shares" in capsys.readouterr().out


def test_purge_deletes_models_and_follows_no_link_out(
    state: StateFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/photo").touch()
    (state.node / "trap").symlink_to(tmp_path / "mine")
    (state.node / "closed").mkdir(mode=0o000)
    assert run("--purge") == 0
    assert not state.path.exists()
    assert (tmp_path / "mine/photo").exists()
    assert "is gone" in capsys.readouterr().out


def test_a_machine_that_never_joined(tmp_path: Path, state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAYRIDE_NODE_DIR", str(tmp_path / "never"))
    one_line = "hayride-node: This machine has not joined a pool: there is nothing to leave."
    assert run() == one_line
    assert run("--purge") == one_line
    assert not (tmp_path / "never").exists()


def test_purge_after_leaving(state: StateFolder) -> None:
    assert run() == 0
    assert "nothing to leave" in str(run())
    assert run("--purge") == 0
    assert not state.path.exists()


def test_a_damaged_record_is_no_reason_to_stay(state: StateFolder, capsys: pytest.CaptureFixture[str]) -> None:
    (state.path / "machine.json").write_text("{")
    assert run() == 0
    assert not (state.path / "machine.json").exists()
    assert "damaged" in capsys.readouterr().out


# --- the node agent that runs ---

AGENT = """
import fcntl, signal, sys, time
from node_join.state import Status, StateFolder
from pathlib import Path
import os
state = StateFolder(Path(sys.argv[2]))
with state.only_one():
    state.note(Status(pid=os.getpid(), state="joined", since=0.0))
    if sys.argv[3] == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready", flush=True)
    time.sleep(60)
"""


def start_agent(state: StateFolder, how: str, *, name: str = "hayride-node") -> subprocess.Popen[str]:
    """Something that holds the folder's lock as a node agent does."""
    agent = subprocess.Popen(
        [sys.executable, "-c", AGENT, name, str(state.path), how], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent)},
    )  # fmt: skip
    assert agent.stdout
    assert agent.stdout.readline() == "ready\n"
    return agent


@pytest.fixture
def agents() -> Iterator[list[subprocess.Popen[str]]]:
    agents: list[subprocess.Popen[str]] = []
    yield agents
    for agent in agents:
        agent.kill()
        agent.communicate()


def test_the_agent_is_stopped_first(state: StateFolder, agents: list[subprocess.Popen[str]]) -> None:
    agents.append(start_agent(state, "well"))
    assert run() == 0
    assert agents[0].wait(5) == -signal.SIGTERM
    assert not (state.path / "key").exists()


def test_an_agent_that_does_not_end_is_named_and_nothing_is_removed(
    state: StateFolder, agents: list[subprocess.Popen[str]]
) -> None:
    agents.append(start_agent(state, "deaf"))
    with pytest.raises(NodeError, match=f"kill -9 {agents[0].pid}"):
        leave.stop_agent(state, patience=0.2)
    assert (state.path / "key").exists()


def test_no_other_process_is_ever_stopped(state: StateFolder, agents: list[subprocess.Popen[str]]) -> None:
    other = subprocess.Popen(["sleep", "60"], text=True)
    agents += [other, start_agent(state, "well")]
    state.note(Status(pid=other.pid, state="joined", since=0.0))
    assert "not the one that is written down" in str(run())
    assert other.poll() is None
    assert (state.path / "key").exists()


# --- the server ---


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    """Answers with `status` after `delay` and keeps what it was sent."""
    told: list[tuple[str, dict[str, Any]]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        status, delay = 200, 0.0

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((self.path, json.loads(content)))
            time.sleep(Handler.delay)
            self.send_response(Handler.status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.told = told  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_the_server_is_told_signed_with_the_machines_key(
    state: StateFolder, server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    joined(state, url=f"http://127.0.0.1:{server.server_port}")
    public = Ed25519PublicKey.from_public_bytes(state.public_key())
    assert run() == 0
    assert "The server knows" in capsys.readouterr().out
    ((path, body),) = server.told
    assert path == "/machine/abcd1234"
    assert abs(body["time"] - time.time()) < 60
    signed = signed_wish("abcd1234", body["time"], "leave")
    public.verify(base64.b64decode(body["signature"]), signed)  # raises where it is not


def test_a_server_that_knows_no_leaving_is_said(
    state: StateFolder, server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    server.RequestHandlerClass.status = 404
    joined(state, url=f"http://127.0.0.1:{server.server_port}")
    assert run() == 0
    assert "could not be told" in capsys.readouterr().out


def test_a_silent_server_is_not_waited_for(state: StateFolder, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leave, "_SERVER", 0.2)
    server.RequestHandlerClass.delay = 1.0
    began = time.monotonic()
    assert not leave.tell_server(joined(state, url=f"http://127.0.0.1:{server.server_port}"), state.key())
    assert time.monotonic() - began < 0.9
