"""One machine with the small server (tests/support/small_server.py), and what is asked of both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.hosts import SERVER, HostProcess, Site

_ROOT = Path(__file__).parents[2]


class Small:
    """The small server, and one machine that can join it."""

    def __init__(self, site: Site, folder: Path, *, python: str = sys.executable) -> None:
        """`python`: the interpreter of all that runs on the machine."""
        self.laptop = site.machine("laptop")
        self.folder = folder
        self.python = python
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
        return self.command(*arguments, "--as-root", token=token, environment=environment)

    def command(self, *arguments: str, token: str = "", environment: dict[str, str] | None = None) -> HostProcess:
        """A command of hayride-node."""
        process = self.laptop.run(
            [self.python, "-m", "node_join.cli", *arguments],
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
        return self.node_agent("join", "--url", self.up["url"], *wishes, "--node-python", self.python, token=token)


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
