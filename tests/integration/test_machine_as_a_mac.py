"""A machine whose own programs believe that they run on a Mac (tests/support/mac). No Mac: Ray and its tasks stay what
they are, and what a Mac's own programs would say is written from their manuals.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts import Site
from tests.support.small_machine import Small, box_of, ended, leaves_nothing, said

_MAC = Path(__file__).parents[1] / "support" / "mac"


@pytest.fixture(scope="module")
def mac() -> Iterator[Small]:
    # Short: the small server's Ray is not in a box, and its sockets' paths end at 107 bytes.
    with tempfile.TemporaryDirectory(prefix="hr", ignore_cleanup_errors=True) as folder, Site() as site:
        programs = Path(folder, "bin")
        programs.mkdir()
        python = shlex.quote(sys.executable)
        _write(programs / "python3", f'PYTHONPATH={_MAC}:$PYTHONPATH exec {python} "$@"')
        _write(programs / "sudo", f'exec {python} {_MAC / "sudo.py"} "$@"')
        mac = Small(site, Path(folder), python=str(programs / "python3"))
        mac.laptop.narrow_loopback()
        mac.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
        yield mac


def _write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_its_loopback_lacks_the_pool_and_nobody_can_be_asked_for_a_password(mac: Small) -> None:
    status, output = ended(mac.join("good1"))
    assert status == 1
    assert "loopback lacks 127.77.0.1 and 127.77.1.1" in output
    assert "Type `sudo /sbin/ifconfig lo0 alias 127.77.0.1 netmask 255.255.255.255; sudo " in output


def test_it_joins_unsealed_stays_and_leaves_nothing(mac: Small) -> None:
    home = mac.folder / "home"
    (home / "password").touch()
    node_agent = mac.join("good2")
    told = said(node_agent, "laptop joined: ")
    assert "sudo /bin/launchctl bootstrap system" in told
    assert "NOT sealed" in told
    node = mac.hear("node")["node"]
    assert "--block" in mac.laptop.check_output(["ps", "-axwwo", "command="])  # no orphan would come to us
    seen = mac.ask()
    assert node["address"] == seen["ran_on"] == "127.77.1.1"

    # The node agent is killed: the box is known by what `ps` and psutil tell.
    box = box_of(mac)
    os.kill(node_agent.host_pid, signal.SIGKILL)
    ended(node_agent)
    node_agent = mac.node_agent("run")
    told = said(node_agent, "Connected")
    assert "sudo" not in told
    assert box_of(mac) == box
    assert mac.ask()["ran_on"] == "127.77.1.1"

    # Its raylet dies, or ends in peace, of which `ray start --block` takes no notice: another joins.
    for number in ("-KILL", "-TERM"):
        mac.laptop.check_output(["pkill", number, "-x", "raylet"])
        before, node = node, mac.hear("node")["node"]
        assert node["id"] != before["id"]
        assert mac.ask()["ran_on"] == "127.77.1.1"

    leaves_nothing(mac, node_agent)
    status, output = ended(mac.command("leave"))
    assert status == 0, output
    assert not (home / "hayride-node-loopback.plist").exists()
    log = (home / "sudo.log").read_text()
    assert log.splitlines()[-4:] == [
        "/bin/launchctl bootout system/hayride-node-loopback",
        "/sbin/ifconfig lo0 -alias 127.77.0.1",
        "/sbin/ifconfig lo0 -alias 127.77.1.1",
        f"/bin/rm {home}/hayride-node-loopback.plist",
    ]
