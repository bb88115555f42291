"""A whole machine against a real gateway (TLS, a private authority), a real door and a real Ray head, in test hosts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hosts import SERVER, HostProcess, Site

_ROOT = Path(__file__).parents[2]


class Small:
    """The small server, and one machine that can join it."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.laptop = site.machine("laptop")
        self.folder = folder
        self.process = site.server.run(
            [sys.executable, "-m", "tests.support.small_server", str(folder), SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
        )
        self.up = self.hear("url")
        (folder / "home").mkdir()
        (folder / "data").mkdir()
        self.environment = {
            "HOME": str(folder / "home"),
            "HAYRIDE_NODE_DIR": str(folder / "state"),
            "PATH": os.environ["PATH"],
            "SSL_CERT_FILE": self.up["authority"],
            "CANARY": "a-secret-of-the-owner",
        }

    def hear(self, key: str) -> dict[str, Any]:
        """The server's next line that says `key`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}  # Ray has words of its own
            if key in said:
                return said
        raise AssertionError("the server has ended")

    def ask(self) -> dict[str, Any]:
        """What a task on the machine sees."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"look\n")
        self.process.stdin.flush()
        return self.hear("ran_on")

    def node_agent(self, *arguments: str, token: str = "", environment: dict[str, str] | None = None) -> HostProcess:
        process = self.laptop.run(
            [sys.executable, "-m", "node_join.cli", *arguments, "--as-root"],
            env=environment or self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
        )
        assert process.stdin is not None
        process.stdin.write(token.encode() + b"\n")
        process.stdin.close()
        process.stdin = None  # communicate() would flush it
        return process

    def join(self, token: str) -> HostProcess:
        wishes = ["--name", "laptop", "--allow", str(self.folder / "data")]
        return self.node_agent("join", "--url", self.up["url"], *wishes, "--node-python", sys.executable, token=token)


@pytest.fixture(scope="module")
def small() -> Iterator[Small]:
    # Short: the small server's Ray is not in a box, and its sockets' paths end at 107 bytes.
    with tempfile.TemporaryDirectory(prefix="hr", ignore_cleanup_errors=True) as folder, Site() as site:
        yield Small(site, Path(folder))


def said(process: HostProcess, words: str) -> str:
    """The output up to a line with these words."""
    assert process.stdout is not None
    heard = ""
    for line in process.stdout:
        heard += line.decode()
        if words in heard:
            return heard
    raise AssertionError(f"{words!r} was not said, but: {heard}")


def box_of(small: Small) -> int:
    """The pid of its process 1, as the machine sees it."""
    record = json.loads((small.folder / "state" / "run" / "box.json").read_text())
    pid: int = record["box"]["pid"]
    return pid


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def ended(process: HostProcess) -> tuple[int, str]:
    output = process.communicate(timeout=60)[0].decode()
    return process.returncode, output


def leaves_nothing(small: Small, node_agent: HostProcess) -> None:
    node_agent.terminate()
    assert ended(node_agent)[0] == 0
    until(lambda: small.laptop.processes() == [])
    assert sorted(path.name for path in (small.folder / "state" / "run").iterdir()) == ["errors", "lock", "status.json"]


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("old", "This join token is expired."),
        ("guess", "This join token is invented."),
        ("", "There is no join token."),
    ],
)
def test_a_bad_token_ends_in_one_line(small: Small, token: str, words: str) -> None:
    status, output = ended(small.join(token))
    assert status == 1
    assert words in output
    assert len(output.splitlines()) == 1


def test_a_server_of_an_unknown_authority_is_not_spoken_to(small: Small) -> None:
    environment = {k: v for k, v in small.environment.items() if k != "SSL_CERT_FILE"}
    status, output = ended(small.node_agent("redeem", "--url", small.up["url"], token="good1", environment=environment))
    assert status == 1
    assert "TLS certificate" in output
    assert "SSL_CERT_FILE" in output
    assert len(output.splitlines()) == 1


def test_a_machine_joins_stays_and_leaves_nothing(small: Small) -> None:
    node_agent = small.join("good1")
    said(node_agent, "laptop joined: ")
    node = small.hear("node")["node"]
    seen = small.ask()
    assert node["address"] == seen["ran_on"] == "127.77.1.1"
    assert seen["home"] == "/node"
    assert small.laptop.listening() == []

    # The node agent is killed: the box and its Ray node live on, and the next node agent finds them.
    box = box_of(small)
    os.kill(node_agent.host_pid, signal.SIGKILL)
    ended(node_agent)
    node_agent = small.node_agent("run")
    said(node_agent, "Connected")
    assert box_of(small) == box
    assert small.ask()["ran_on"] == "127.77.1.1"

    # A second join is answered, repaired, and no twin.
    status, output = ended(small.join("good2"))
    assert status == 0
    assert "Already joined, repaired: this machine is laptop." in output
    assert "running already" in output
    assert small.ask()["ran_on"] == "127.77.1.1"

    # The cable is out for longer than heartbeats may be missed; then it comes back by itself, the same Ray node.
    small.laptop.unplug()
    said(node_agent, "Trying again")
    small.laptop.plug()
    said(node_agent, "Connected")
    assert small.ask()["ran_on"] == "127.77.1.1"
    assert box_of(small) == box

    # The box's process 1 dies: the node agent makes another, which joins as a new Ray node.
    small.laptop.check_output(["/bin/kill", "-9", str(box)])  # the number is the machine's own
    said(node_agent, "Connected")
    assert small.hear("node")["node"]["id"] != node["id"]
    assert small.ask()["ran_on"] == "127.77.1.1"

    leaves_nothing(small, node_agent)


def test_an_unsealed_machine_says_so_and_leaves_nothing(small: Small) -> None:
    node_agent = small.node_agent("run", "--sealing", "off")
    assert "NOT sealed" in said(node_agent, "laptop joined: ")
    seen = small.ask()
    assert seen["ran_on"] == "127.77.1.1"
    assert seen["home"] == str(small.folder / "state" / "node")
    temp = Path(json.loads((small.folder / "state" / "run" / "box.json").read_text())["temp"])
    assert temp.is_dir()
    leaves_nothing(small, node_agent)
    assert not temp.exists()
