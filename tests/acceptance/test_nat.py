"""A machine behind a router that masquerades: it joins by one outbound connection, trains, is rebooted, sleeps.

The router has nftables' masquerade, and netem where the kernel has it; the output says whether it had.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ray_jobs.spec import Completed, PredictResult, Progress, Started
from tests.acceptance.conftest import Home
from tests.acceptance.test_main_job import run
from tests.acceptance.test_outages import assert_in_order_and_once_each
from tests.support.hosts import SERVER, TestHost
from tests.support.units import command, environment, read_unit
from tests.support.world import LATE, PORT, until

#: Seconds that the machine sleeps: the server has long called it out of reach, and its kernel still answers.
SLEEP = 60.0
#: Takes some time after the machine woke, and is looked at while it runs.
LONG = "diagnosis model=random_forest n_estimators=1500"
_AS_ITS_OWNER = ["unshare", "--user", "--map-user=65534"]  # root keeps units for the whole system; this one has a home
#: What systemd gives a service, besides what its unit says.
_SYSTEMD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class Cabin:
    """A machine behind NAT that has joined."""

    host: TestHost
    router: TestHost


@pytest.fixture(scope="module")
def cabin(home: Home) -> Iterator[Cabin]:
    host = home.world.site.machine("cabin", behind_nat=True)
    assert host.router
    home.world.admit(home.world.join(host, allow=home.tables.folder), by=home.laptop)
    home.world.chat.expect(r"cabin.*joined", within=LATE)
    yield Cabin(host=host, router=host.router)
    host.crash()  # no work of its own any more while other tests run


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Writes a line to the run's own output, also where the test passes."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return write


def start(home: Home, what: str) -> str:
    """A job on the cabin that has begun to train."""
    job = run(home, f"/train {home.tables.train} {what} on=cabin")
    trains = lambda: any(isinstance(event, Progress) and event.fraction for event in home.world.events(job))  # noqa: E731
    until(trains, "it trains", within=LATE)
    return job


def finish(home: Home, job: str) -> Completed:
    until(lambda: home.world.ended(job, Completed), "it ends well", within=LATE)
    home.world.settle()
    events = home.world.events(job)
    assert_in_order_and_once_each(events)
    assert isinstance(events[-1], Completed)
    return events[-1]


def test_one_outbound_connection_carries_it_all(home: Home, cabin: Cabin, tell: Callable[[str], None]) -> None:
    host, router = cabin.host, cabin.router
    tell("netem delays and loses" if router.slows else "no netem in this kernel: a fast network that loses nothing")
    job = start(home, LONG)
    ((_, port),) = host.connections()
    assert port == PORT
    assert host.listening() == host.datagrams() == []
    flows = router.flows()
    assert [flow.state for flow in flows].count("ESTABLISHED") == 1
    for flow in flows:  # also those of the join, which have ended
        assert (flow.protocol, flow.source, flow.target, flow.port) == ("tcp", host.address, SERVER, PORT)
        assert flow.seen_as == router.address
    assert reach(home.world.site.server, host.address) == "Network is unreachable"
    assert reach(home.world.site.server, router.address) == "Connection refused"
    finish(home, job)
    started = [event for event in home.world.events(job) if isinstance(event, Started)]
    assert started[0].sealed

    predicted = finish(home, run(home, f"/predict {home.tables.new}")).result
    assert isinstance(predicted, PredictResult)
    assert predicted.rows == 120
    assert Path(predicted.path).is_relative_to(home.world.state_folder(host))


def reach(host: TestHost, address: str) -> str:
    """What connecting from a host to the gateway's port of another says."""
    return host.check_output(["python3", "-c", _REACH, address, str(PORT)]).strip()


_REACH = """
import os, socket, sys
with socket.socket() as connection:
    print(os.strerror(connection.connect_ex((sys.argv[1], int(sys.argv[2])))))
"""


def test_after_a_reboot_the_unit_brings_it_back_without_the_token(home: Home, cabin: Cabin, tmp_path: Path) -> None:
    unit = written_unit(home, cabin.host, tmp_path)
    start_it = command(unit)
    assert "token" not in " ".join(start_it).lower()
    cabin.host.crash()
    assert cabin.host.processes() == []
    surroundings = {"PATH": _SYSTEMD_PATH, "HOME": str(home.world.folder / "home-cabin"), **environment(unit)}
    with (tmp_path / "journal").open("wb") as journal:
        cabin.host.run(start_it, env=surroundings, cwd=Path("/"), stdout=journal, stderr=journal)
    finish(home, start(home, "diagnosis model=random_forest n_estimators=200"))


def written_unit(home: Home, host: TestHost, folder: Path) -> dict[str, dict[str, list[str]]]:
    """What `hayride-node autostart on` writes for the host's person; the host has no systemd to be told of it."""
    for tool in ("systemctl", "loginctl"):
        (folder / tool).write_text("#!/bin/sh\n")
        (folder / tool).chmod(0o755)
    surroundings = home.world.surroundings(host)
    program = home.world.state_folder(host) / "current/bin/hayride-node"
    told = host.check_output(
        [*_AS_ITS_OWNER, program, "autostart", "on", "--as-root"],  # as which the host runs it
        env={**surroundings, "PATH": f"{folder}:{surroundings['PATH']}"},
    )
    assert "Autostart is on: a systemd service of yours" in told
    return read_unit((Path(surroundings["HOME"]) / ".config/systemd/user/hayride-node.service").read_text())


def test_a_job_outlives_its_machines_sleep(home: Home, cabin: Cabin, tell: Callable[[str], None]) -> None:
    chat, world = home.world.chat, home.world
    job = start(home, LONG)
    cabin.host.freeze()
    time.sleep(SLEEP)  # and that is the thing under test: how long, not when
    heard = len(world.events(job))
    assert not world.ended(job, Completed)
    chat.say("/worker")
    chat.expect(r"cabin[\s\S]*?out of reach")
    cabin.host.thaw()
    woken = time.monotonic()
    until(lambda: len(world.events(job)) > heard, "its events come again")
    tell(f"back {time.monotonic() - woken:.1f} s after it woke")
    finish(home, job)
