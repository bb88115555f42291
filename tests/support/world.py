"""A whole Hayride in a site of its own: the service with its console, and machines that join by the printed command."""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ray_jobs.spec import EVENT, Ending, Event
from tests.support.authority import certificates
from tests.support.hosts import SERVER, HostProcess, Site, TestHost

PORT = 8443
#: Seconds; a pool's box takes some 12 s alone, and test machines are busy.
SOON, LATE = 120.0, 300.0
#: What /connect prints.
COMMAND = r"curl -fsSL (\S+) \| python3 - (--token=\S+)"

_FETCH = "import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())"


class Spoken:
    """What a program has printed so far; `expect` waits for more of it."""

    def __init__(self, process: HostProcess) -> None:
        self.process = process
        self.text = ""
        self._read = 0  # up to where `expect` has looked
        self._more = threading.Condition()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        assert self.process.stdout
        while chunk := os.read(self.process.stdout.fileno(), 1 << 16):
            with self._more:
                self.text += chunk.decode(errors="replace")
                self._more.notify_all()

    def expect(self, pattern: str, *, within: float = SOON) -> re.Match[str]:
        """The next match after the last one. Fails with all that was said meanwhile."""
        deadline = time.monotonic() + within
        with self._more:
            while not (found := re.compile(pattern, re.MULTILINE).search(self.text, self._read)):
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None
                assert left > 0, f"{pattern!r} was not said within {within:.0f} s, but:\n{self.text[self._read :]}"
                assert not ended or left > within - 1, f"it ended with {self.process.poll()}:\n{self.text}"
                self._more.wait(min(left, 0.5))
            self._read = found.end()
            return found

    def say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def press(self, label: str) -> None:
        """Presses the next button printed with that label, a regular expression for the whole of it. No job may be
        about to end (`World.settle`): the numbers are those of the last message that has buttons.
        """
        self.say("#" + self.expect(rf"\[(\d+)\] {label}(?=  |$)").group(1))


def until(true: Callable[[], bool], what: str, *, within: float = SOON) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(0.05)


class World:
    """A site with a running service. `chat` is its console."""

    def __init__(self, folder: Path, environments: Path) -> None:
        self.folder = folder
        self._environments = environments
        self.site = Site()

    def __enter__(self) -> Self:
        self.site.__enter__()
        try:
            self._certificates = certificates(self.folder / "tls", SERVER)
            self.start_service()
        except BaseException:
            self.site.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.site.__exit__(kind, error, trace)

    def start_service(self) -> None:
        self.data_dir = self.folder / "server"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "HAYRIDE_DATA_DIR": str(self.data_dir),
            "HAYRIDE_LISTEN_HOST": "0.0.0.0",
            "HAYRIDE_LISTEN_PORT": str(PORT),
            "HAYRIDE_PUBLIC_URL": f"https://{SERVER}:{PORT}",
            "HAYRIDE_TLS_CERTIFICATE": str(self._certificates.certificate),
            "HAYRIDE_TLS_KEY": str(self._certificates.key),
        }
        words, more = self.door()
        process = self.site.server.run(
            [Path(sys.executable).with_name("hayride"), "up", *words], env=environment | more, cwd=self.folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.chat = Spoken(process)
        self.chat.expect("Gateway at")

    def door(self) -> tuple[list[str], dict[str, str]]:
        """Which door of the chat the service opens: words of its command line, and what it finds in its environment."""
        return ["--console"], {}

    def join(self, host: TestHost, *, allow: Path, canary: str = "") -> Spoken:
        """Joins a host by the command that /connect prints, as a person would paste it, but for curl."""
        self.chat.say("/connect")
        return self.paste(self.chat.expect(COMMAND), host, allow=allow, canary=canary)

    def paste(self, command: re.Match[str], host: TestHost, *, allow: Path, canary: str = "") -> Spoken:
        """Runs a printed `COMMAND` on a host."""
        assert len(command.group(0)) <= 256
        fetch = f"{shlex.quote(sys.executable)} -c {shlex.quote(_FETCH)} {command.group(1)}"
        pasted = f"{fetch} | {sys.executable} - {command.group(2)} --as-root --name {host.name} --allow {allow}"
        environment = {**self.surroundings(host), "CANARY": canary}
        process = host.run(["sh", "-c", pasted], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return Spoken(process)

    def settle(self) -> None:
        """Waits for the last words of every job so far, so that nobody takes them, or their buttons, for an answer."""
        self.chat.say("!")
        self.chat.say("/worker")
        self.chat.expect("Machines", within=LATE)

    def admit(self, prompt: Spoken, by: TestHost) -> None:
        """Lets the machine of that prompt in, as its owner would on another of his machines."""
        code = prompt.expect(r"hayride-node admit ([A-Z2-7]{5}-[A-Z2-7]{5})", within=LATE).group(1)
        assert self.node(by, "admit", code).returncode == 0

    def node(self, host: TestHost, *words: str) -> subprocess.CompletedProcess[str]:
        """`hayride-node` with these words on a host that has joined."""
        program = self.state_folder(host) / "current/bin/hayride-node"
        process = host.run(
            [program, *words], env=self.surroundings(host), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        told = process.communicate(timeout=SOON)[0].decode()
        return subprocess.CompletedProcess(words, process.returncode, told)

    def status(self, host: TestHost) -> dict[str, Any]:
        """What `hayride-node status --json` says there."""
        found: dict[str, Any] = json.loads(self.node(host, "status", "--json").stdout)
        return found

    def state_folder(self, host: TestHost) -> Path:
        """Of the node agent on a host."""
        return Path(self.surroundings(host)["HOME"]) / ".local/share/hayride-node"

    def ray_token(self) -> str:
        """Of the first pool."""
        with sqlite3.connect(f"file:{self.data_dir / 'hayride.db'}?mode=ro", uri=True) as database:
            token: str = database.execute("select ray_token from pools order by created").fetchone()[0]
        return token

    def surroundings(self, host: TestHost) -> dict[str, str]:
        """What programs see on a person's machine."""
        home = self.folder / f"home-{host.name}"
        home.mkdir(exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HAYRIDE_ENVIRONMENTS": str(self._environments),
            "SSL_CERT_FILE": str(self._certificates.authority),
        }

    def events(self, job_id: str) -> list[Event]:
        """What the service has stored of a job, in order of arrival."""
        with sqlite3.connect(f"file:{self.data_dir / 'hayride.db'}?mode=ro", uri=True) as database:
            rows = database.execute("select event from events where job_id = ? order by rowid", (job_id,)).fetchall()
        return [EVENT.validate_json(text) for (text,) in rows]

    def ended(self, job_id: str, ending: type[Ending]) -> bool:
        """Whether the job's last stored event is such an ending."""
        return any(isinstance(event, ending) for event in self.events(job_id)[-1:])
