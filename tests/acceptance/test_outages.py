"""Jobs that live through what the head and the network can do to them. Named after what happens."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from ray_jobs.spec import Completed, Event, Progress
from tests.acceptance.conftest import Home
from tests.acceptance.test_main_job import run
from tests.support.hosts import TestHost
from tests.support.tables import write_long_table
from tests.support.world import LATE, World, until

#: Seconds. With Ray's own defaults a node that is silent for 45 to 63 s is dead, and its jobs with it.
OUTAGE = 90.0
#: Seconds that both jobs take side by side: through the outage and both kills, with a margin.
NEEDED = 230.0
#: Of the first probes, which run alone; and how long the next ones take at least: the second is started while the first
#: still runs, or the buttons of its result would be pressed for those of the second's form.
_PROBE_TREES, _PROBE_SECONDS = 100, 20.0


def test_frozen_tunnel_cut_connection_driver_and_whole_head_killed(home: Home) -> None:
    world, laptop = home.world, home.laptop
    desk = world.site.machine("desk")
    world.admit(world.join(desk, allow=home.tables.folder), by=laptop)
    world.chat.expect(r"desk.*joined", within=LATE)

    table = home.tables.folder / "wide.csv"
    write_long_table(table)
    trees = trees_for(home, table, NEEDED)
    long = f"/train {table} diagnosis model=random_forest n_estimators={trees}"
    on_laptop, on_desk = run(home, f"{long} on=laptop"), run(home, f"{long} on=desk")
    for job in (on_laptop, on_desk):
        until(lambda job=job: any(isinstance(e, Progress) and e.fraction for e in world.events(job)), "it reports")  # type: ignore[misc]

    node_agent = process_named(laptop, b"hayride-node")
    os.kill(node_agent, signal.SIGSTOP)  # the laptop's tunnel is frozen,
    desk.unplug()  # the desk's connection is cut,
    heard = len(world.events(on_laptop)), len(world.events(on_desk))
    time.sleep(OUTAGE)  # and that is the thing under test: how long, not when
    os.kill(node_agent, signal.SIGCONT)
    desk.plug()
    until(lambda: len(world.events(on_laptop)) > heard[0], "the laptop's events come again")
    until(lambda: len(world.events(on_desk)) > heard[1], "the desk's events come again")

    for kill in (kill_driver, kill_whole_box):
        heard = len(world.events(on_laptop)), len(world.events(on_desk))
        kill(world)
        until(lambda: len(world.events(on_laptop)) > heard[0] + 1, "the laptop's job is heard of", within=LATE)  # noqa: B023
        until(lambda: len(world.events(on_desk)) > heard[1] + 1, "the desk's job is heard of", within=LATE)  # noqa: B023

    for job in (on_laptop, on_desk):
        until(lambda job=job: world.ended(job, Completed), "the job ends well", within=LATE)  # type: ignore[misc]
        assert_in_order_and_once_each(world.events(job))


def assert_in_order_and_once_each(events: list[Event]) -> None:
    assert [event.n for event in events] == list(range(1, len(events) + 1))
    fractions = [event.fraction for event in events if isinstance(event, Progress) and event.fraction is not None]
    assert fractions == sorted(fractions)
    training = [event for event in events if isinstance(event, Progress) and event.step == "training"]
    assert len({event.fraction for event in training}) == len(training)


def trees_for(home: Home, table: Path, seconds: float) -> int:
    """How many trees take that long here, by growing some on both machines at once, as the jobs will."""
    # One after the other, so that the next ones' forms find both machines with their libraries loaded.
    alone, _ = (training_times(home, table, _PROBE_TREES, place)[0] for place in ("laptop", "desk"))
    trees = round(_PROBE_TREES * _PROBE_SECONDS / alone)
    together = min(training_times(home, table, trees, "laptop", "desk"))
    return min(10_000, round(trees * seconds / together))


def training_times(home: Home, table: Path, trees: int, *places: str) -> list[float]:
    """Seconds that the training itself took, in each place, at once."""
    command = f"/train {table} diagnosis model=random_forest n_estimators={trees}"
    probes = [run(home, f"{command} on={place}") for place in places]
    for job in probes:
        until(lambda job=job: home.world.ended(job, Completed), "the probe ends", within=LATE)  # type: ignore[misc]
    home.world.settle()
    results = [end.result for job in probes if isinstance(end := home.world.events(job)[-1], Completed)]
    return [result.train_seconds for result in results if result.kind == "train"]


def kill_driver(world: World) -> None:
    """The process that starts jobs and reads events, in the pool's box."""
    os.kill(process_named(world.site.server, b"head.pool"), signal.SIGKILL)


def kill_whole_box(world: World) -> None:
    """Every process of the pool's box: driver, Ray's head, dashboard, bwrap."""
    server = world.site.server
    ours = os.readlink(f"/proc/{process_named(server, b'hayride')}/ns/pid")
    inside = [pid for pid in server.processes() if namespace(pid) not in (ours, "")]
    assert len(inside) > 5
    for pid in inside:
        with contextlib.suppress(ProcessLookupError):  # it ended with its parent
            os.kill(pid, signal.SIGKILL)


def namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def process_named(host: TestHost, name: bytes) -> int:
    """The Python program of that name on a host."""
    for pid in host.processes():
        with contextlib.suppress(OSError):
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"python" in arguments[0] and any(argument.endswith(name) for argument in arguments):
                return pid
    raise AssertionError(f"no {name.decode()} runs on {host.name}")
