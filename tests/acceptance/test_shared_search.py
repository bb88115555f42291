"""auto dealt out to two machines that have the same table."""

from __future__ import annotations

import json

from ray_jobs.auto.candidates import TRAITS
from ray_jobs.catalogue import entries
from ray_jobs.spec import Completed, Started, TrainResult
from tests.acceptance.conftest import Home
from tests.acceptance.test_main_job import ended, run
from tests.support.hosts import TestHost
from tests.support.world import LATE, World, until


def test_both_machines_compare_and_the_model_is_made_on_the_one_that_was_chosen(home: Home) -> None:
    world, chat = home.world, home.world.chat
    attic = world.site.machine("attic")
    world.admit(world.join(attic, allow=home.tables.folder), by=home.laptop)
    chat.expect(r"attic.*joined", within=LATE)
    # So that its agent and a worker are there: on a busy test machine that takes longer than a deal waits.
    chat.say(f"/train {home.tables.train} diagnosis on=attic")
    chat.expect(r"449 rows", within=LATE)
    chat.expect(r"\[7\] Cancel")
    chat.say("#7")

    before = {host.name: compared(world, host) for host in (home.laptop, attic)}
    job = run(home, f"/train {home.tables.train} diagnosis budget=90 on=laptop")
    until(lambda: world.ended(job, Completed), "the search ends", within=LATE)
    result = ended(home, job).result
    assert isinstance(result, TrainResult)

    judged = set()
    for host in (home.laptop, attic):
        (part,) = compared(world, host).keys() - before[host.name].keys()
        judged |= set(compared(world, host)[part])
    assert judged
    assert any("dealt out" in note for note in result.warnings)
    suitable = {name for name in TRAITS if name in entries() and "classification" in entries()[name].tasks}
    assert {line.model for line in result.leaderboard} - {"ensemble"} == suitable
    assert result.metrics["accuracy"] > 0.9
    (started,) = [event for event in world.events(job) if isinstance(event, Started)]
    assert started.node_ip == "127.77.1.1"  # the laptop's in the pool
    world.settle()


def compared(world: World, host: TestHost) -> dict[str, list[str]]:
    """The parts that the host's agent has ended: job id -> the models that it judged."""
    found = {}
    for path in world.state_folder(host).rglob("journal/*"):
        result = json.loads(path.read_text().splitlines()[-1]).get("result", {})
        if result.get("kind") == "compare":
            found[path.stem] = [line["model"] for line in result["leaderboard"]]
    return found
