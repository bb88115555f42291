"""The join script as people run it: from a real gateway into python3's standard input. uv and the agent's runs are
played, so that nothing large is fetched; keys and tokens are real.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from head.gateway.app import Server, create_gateway
from node_join import script
from tests.support.services import MemoryServices

#: Writes down how it is called; makes an environment whose hayride-node is the one below.
_UV = """#!{python}
import json, os, sys
from pathlib import Path
arguments = sys.argv[1:]
if arguments == ["--version"]:
    sys.exit(print("uv 99.0.0"))
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(["uv", *arguments]) + "\\n")
if arguments[0] == "venv":
    if os.environ.get("NO_PYTHON", "") in ("here", "none") and "only-system" not in arguments:
        sys.exit("error: No interpreter found for Python 3.11")
    if os.environ.get("NO_PYTHON") == "none":
        sys.exit("error: No interpreter found for Python 3.11 in the search path")
    (Path(arguments[-1]) / "bin").mkdir(parents=True, exist_ok=True)
    (Path(arguments[-1]) / "bin" / "python").symlink_to({python!r})
    (Path(arguments[-1]) / "bin" / "hayride-node").write_text({agent!r})
    (Path(arguments[-1]) / "bin" / "hayride-node").chmod(0o755)
elif os.environ.get("FILL"):
    try:
        with open(Path(arguments[-1]).with_name("filling"), "wb") as file:
            while True:
                file.write(bytes(1 << 20))
    except OSError as error:
        sys.exit(f"error: Failed to install: {{error.strerror}} (os error {{error.errno}})")
"""

#: Redeems for true; what else it is asked for it only writes down.
_AGENT = """#!{python}
import json, os, sys
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(["hayride-node", *sys.argv[1:]]) + "\\n")
if sys.argv[1] == "redeem":
    os.execv({python!r}, [{python!r}, "-m", "node_join.cli", *sys.argv[1:]])
if sys.argv[1] == "autostart" and os.environ.get("NO_SERVICE"):
    sys.exit("hayride-node: There is no systemd here.")
"""


@dataclass
class Computer:
    """A machine with a fake uv, and the server that it joins."""

    services: MemoryServices
    folder: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.folder / ".local" / "share" / "hayride-node"

    def calls(self) -> list[list[str]]:
        """How uv and hayride-node were called since the last time."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    async def paste(self, *arguments: str, before: str = "", python: str = sys.executable) -> tuple[int, str]:
        """Status and words of the pasted command; `before` is a shell line in a namespace of its own."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"{self.url}/worker")).content
        command = [python, "-", *arguments, "--as-root"]
        if before:
            command = ["unshare", "-Urm", "sh", "-c", f'{before} && exec "$@"', "sh", *command]
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self.surroundings(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate(text)
        assert process.returncode is not None
        return process.returncode, output.decode()

    def surroundings(self) -> dict[str, str]:
        path = f"{self.folder / 'uv'}:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOME": str(self.folder), **self.environment}


@pytest.fixture
async def computer(tmp_path: Path) -> AsyncIterator[Computer]:
    services = MemoryServices(tokens={"tok-1": "good", "tok-2": "good", "old": "expired"})
    server = await Server.start(create_gateway(services), host="127.0.0.1", port=0)
    services.public_url = f"http://127.0.0.1:{server.port}"
    fake = {"python": sys.executable, "calls": str(tmp_path / "calls")}
    uv = tmp_path / "uv" / "uv"
    uv.parent.mkdir()
    uv.write_text(_UV.format(agent=_AGENT.format(**fake), **fake))
    uv.chmod(0o755)
    yield Computer(services, tmp_path, services.public_url)
    await server.stop()


# --- a join -------------------------------------------------------------------------------------------------------


async def test_a_first_join(computer: Computer) -> None:
    (computer.folder / ".local" / "bin").mkdir(parents=True)
    status, said = await computer.paste("--token=tok-1", "--name", "laptop", "--allow", str(computer.folder / "uv"))
    assert status == 0, said
    assert "about 8 MB to download, 34 MB on disk" in said
    assert "about 401 MB to download, 1,450 MB on disk" in said
    current = computer.state / "current"
    assert (current / "complete").exists()
    link = computer.folder / ".local" / "bin" / "hayride-node"
    assert os.readlink(link) == str(current / "bin" / "hayride-node")
    assert f"`{current / 'bin' / 'hayride-node'} status`" in said  # ~/.local/bin is not on PATH
    (node,) = (computer.state / "environments").glob("node-*[0-9a-f]")
    calls = computer.calls()
    assert calls[-1] == ["hayride-node", "run", "--node-python", str(node / "bin" / "python"), "--as-root"]
    assert not any("tok-1" in word for call in calls for word in call)  # the token is in no argument
    assert "tok-1" not in said
    pips = [call for call in calls if call[1:3] == ["pip", "install"]]
    assert len(pips) == 4
    assert all("--quiet" in call for call in pips)  # nobody would see a progress bar
    assert list(computer.services.names.values()) == ["laptop"]


async def test_a_second_join_makes_no_twin_even_where_all_environments_were_removed(computer: Computer) -> None:
    assert (await computer.paste("--token=tok-1", "--name", "laptop"))[0] == 0
    shutil.rmtree(computer.state / "environments")
    computer.calls()
    status, said = await computer.paste("--token=tok-2")
    assert status == 0, said
    assert "Already joined, repaired: this machine is laptop." in said
    assert len(computer.services.machines) == 1
    assert (computer.state / "current" / "complete").exists()
    assert [call[1] for call in computer.calls() if call[0] == "hayride-node"] == ["redeem", "run"]
    status, said = await computer.paste("--token=tok-2")  # used by now: this machine needs none
    assert status == 0, said
    assert "used already." in said
    assert "This machine joined before, as laptop, so the token is not needed." in said
    assert len(computer.services.machines) == 1
    assert [call[0] for call in computer.calls()] == ["hayride-node", "hayride-node"]  # nothing is made again


async def test_with_tensorflow_and_so_it_stays(computer: Computer) -> None:
    status, said = await computer.paste("--token=tok-1", "--neural")
    assert status == 0, said
    assert "about 715 MB to download, 2,903 MB on disk" in said
    (node,) = (computer.state / "environments").glob("neural-*[0-9a-f]")
    run = ["hayride-node", "run", "--node-python", str(node / "bin" / "python"), "--as-root"]
    calls = computer.calls()
    assert calls[-1] == run
    assert all("--compile-bytecode" in call for call in calls if call[1:3] == ["pip", "install"])
    assert json.loads((computer.state / "machine.json").read_text())["neural"] is True
    status, said = await computer.paste("--token=tok-2")
    assert status == 0, said
    assert computer.calls()[-1] == run


async def test_environments_of_earlier_versions_go(computer: Computer) -> None:
    for kind in ("agent", "node", "neural"):
        (computer.state / "environments" / f"{kind}-0123456789abcdef" / "bin").mkdir(parents=True)
    status, said = await computer.paste("--token=tok-1")
    assert status == 0, said
    assert "Removing agent-0123456789abcdef, of an earlier version" in said
    left = {path.name.split("-")[0] for path in (computer.state / "environments").iterdir() if path.is_dir()}
    assert left == {"agent", "node"}
    assert len(list((computer.state / "environments").glob("*-0123456789abcdef*"))) == 0


async def test_a_service_instead_of_the_foreground(computer: Computer) -> None:
    status, said = await computer.paste("--token=tok-1", "--autostart", "on")
    assert status == 0, said
    assert computer.calls()[-1] == ["hayride-node", "autostart", "on", "--as-root"]
    assert said.splitlines()[-1].startswith("From now on the system starts the node agent. How it gets on:")
    machine = json.loads((computer.state / "machine.json").read_text())
    assert "/node-" in machine["node_python"]  # a service is not told where the node is
    computer.environment["NO_SERVICE"] = "1"
    status, said = await computer.paste("--token=tok-2", "--autostart", "on")
    assert status == 0, said
    assert "There is no systemd here." in said
    assert computer.calls()[-1][:2] == ["hayride-node", "run"]


async def test_on_a_terminal_uv_shows_its_own_progress(computer: Computer) -> None:
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{computer.url}/worker")).content
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-", "--token=tok-1", "--as-root",
        env=computer.surroundings(), stdin=asyncio.subprocess.PIPE, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    await process.communicate(text)
    os.close(theirs)
    os.close(ours)
    assert process.returncode == 0
    assert not any("--quiet" in call for call in computer.calls())


async def test_nobody_listens_any_more(computer: Computer) -> None:
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{computer.url}/worker")).content
    reader, writer = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-", "--environments-only", "--as-root",
        env=computer.surroundings(), stdin=asyncio.subprocess.PIPE, stdout=writer, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.close(writer)
    os.close(reader)
    _, complaints = await process.communicate(text)
    assert (process.returncode, complaints) == (0, b"")
    assert len(list((computer.state / "environments").glob("*/complete"))) == 2


async def test_the_oldest_python_that_is_here(computer: Computer) -> None:
    """That the whole script is 3.9's language is read from it; what it calls is run on the oldest there is."""
    status, said = await computer.paste("--token=tok-1", python=await asyncio.to_thread(_oldest_python))
    assert status == 0, said
    assert computer.calls()[-1][:2] == ["hayride-node", "run"]


def _oldest_python() -> str:
    places = [*sorted(Path.home().glob(".pyenv/versions/3.*/bin")), *map(Path, os.environ["PATH"].split(os.pathsep))]
    for minor in range(9, sys.version_info.minor):
        for program in (place / f"python3.{minor}" for place in places):
            if os.access(program, os.X_OK) and subprocess.run([program, "-V"], capture_output=True).returncode == 0:
                return str(program)
    return sys.executable


# --- what is in the way -------------------------------------------------------------------------------------------


def line(said: str) -> str:
    """The last line, which is the only one that names the failure."""
    assert "Traceback" not in said, said
    assert said.count("hayride: ") + said.count("hayride-node: ") == 1, said
    return said.splitlines()[-1]


async def test_an_old_token(computer: Computer) -> None:
    status, said = await computer.paste("--token=old")
    assert status == 1
    assert line(said) == "hayride-node: This join token is expired. Send /connect for a new one."
    assert not any("/node-" in word for call in computer.calls() for word in call)  # before the large download


async def test_a_server_that_is_gone(computer: Computer) -> None:
    computer.services.public_url = "http://127.0.0.1:9"
    status, said = await computer.paste("--token=tok-1")
    assert status == 1
    assert line(said).startswith("hayride: http://127.0.0.1:9 does not answer: ")


async def test_a_proxy_that_does_not_answer(computer: Computer) -> None:
    computer.services.public_url = "https://hayride.example"
    computer.environment["https_proxy"] = "http://me:secret@127.0.0.1:9"
    status, said = await computer.paste("--token=tok-1")
    assert status == 1
    assert line(said).startswith("hayride: The proxy 127.0.0.1:9 does not let this machine through to ")
    assert "secret" not in said


async def test_no_python_can_be_fetched(computer: Computer) -> None:
    computer.environment["NO_PYTHON"] = "here"
    status, said = await computer.paste("--environments-only")
    assert status == 0, said
    assert f"No Python {sys.version_info.major}.{sys.version_info.minor} could be fetched; this machine's own" in said
    shutil.rmtree(computer.state)
    computer.environment["NO_PYTHON"] = "none"
    status, said = await computer.paste("--environments-only")
    assert status == 1
    assert "UV_PYTHON_INSTALL_MIRROR" in line(said)


async def test_a_state_folder_that_is_none(computer: Computer) -> None:
    (computer.folder / ".local").write_text("a file")
    status, said = await computer.paste("--token=tok-1")
    assert status == 1
    assert line(said).endswith("Set HAYRIDE_NODE_DIR to a folder of yours with enough room.")


def tmpfs(folder: Path, options: str) -> str:
    folder.mkdir(parents=True)
    return f"mount -t tmpfs -o {options} none {folder}"


async def test_too_little_room_is_told_before_anything_is_fetched(computer: Computer) -> None:
    computer.environment["HAYRIDE_ENVIRONMENTS"] = str(computer.folder / "small")
    status, said = await computer.paste("--environments-only", before=tmpfs(computer.folder / "small", "size=20m"))
    assert status == 1
    assert line(said).startswith(
        f"hayride: {computer.folder / 'small'} has 21 MB free, the agent's environment needs 37"
    )
    assert computer.calls() == []


async def test_a_disk_that_fills_up_meanwhile(computer: Computer) -> None:
    computer.environment |= {"HAYRIDE_ENVIRONMENTS": str(computer.folder / "small"), "FILL": "1"}
    status, said = await computer.paste("--environments-only", before=tmpfs(computer.folder / "small", "size=40m"))
    assert status == 1
    assert "full" in line(said)
    assert "No space left on device (os error 28)" in said  # uv's own words
    assert line(said).endswith("Make room, then run the command again.")


async def test_a_disk_without_a_single_byte(computer: Computer) -> None:
    full = f"{tmpfs(computer.folder / 'small', 'size=4k')} && echo x > {computer.folder / 'small' / 'x'}"
    computer.environment["HAYRIDE_NODE_DIR"] = str(computer.folder / "small")
    status, said = await computer.paste("--environments-only", before=full)
    assert status == 1
    assert "free, the agent's environment needs 37" in line(said)


async def test_a_disk_from_which_no_program_starts(computer: Computer) -> None:
    computer.environment["HAYRIDE_NODE_DIR"] = str(computer.folder / "locked")
    status, said = await computer.paste("--environments-only", before=tmpfs(computer.folder / "locked", "noexec"))
    assert status == 1
    assert "is mounted noexec: no program starts from it. Set HAYRIDE_ENVIRONMENTS" in line(said)


async def test_a_folder_that_is_read_only(computer: Computer) -> None:
    computer.environment["HAYRIDE_NODE_DIR"] = str(computer.folder / "still")
    status, said = await computer.paste("--environments-only", before=tmpfs(computer.folder / "still", "ro"))
    assert status == 1
    assert "cannot be written: Read-only file system" in line(said)


def test_the_module_is_what_others_import() -> None:
    for name in (
        "make_environment",
        "environment_name",
        "check_platform",
        "check_user",
        "check_url",
        "why_unreachable",
    ):
        assert callable(getattr(script, name))
