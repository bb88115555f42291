"""Two machines of one person: who has the file, what they compare together, who rests, who leaves once all is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ray_jobs.auto.candidates import TRAITS
from ray_jobs.catalogue import entries
from ray_jobs.spec import Completed, PredictResult, Started, TrainResult
from tests.acceptance.conftest import Home
from tests.acceptance.test_main_job import ended, run
from tests.support.hosts import TestHost
from tests.support.tables import Tables, write_tables
from tests.support.world import LATE, Spoken, World, until

QUICK = "diagnosis model=logistic_regression"


@dataclass(frozen=True, kw_only=True)
class Attic:
    """The second machine, with a table of its own; `address` is the one in the pool."""

    host: TestHost
    prompt: Spoken
    own: Tables
    address: str


@pytest.fixture(scope="module")
def attic(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attic]:
    world = home.world
    host = world.site.machine("attic")
    own = write_tables(tmp_path_factory.mktemp("own"))
    known = world.ray_token()
    prompt = world.join(host, allow=own.folder)
    world.admit(prompt, by=home.laptop)
    world.chat.expect(r"attic.*joined", within=LATE)
    yield Attic(host=host, prompt=prompt, own=own, address=world.status(host)["address"])
    if prompt.process.poll() is None:  # a test failed: the tests of other files know one machine
        on_card(world.chat, "Revoke attic")
        world.chat.press("Yes, revoke attic")
        prompt.expect("removed from its pool", within=LATE)
    # The attic knew the pool's Ray token: the pool begins anew with a fresh one, and the laptop comes back to it.
    until(lambda: world.ray_token() != known, "a fresh token", within=LATE)
    until(lambda: is_ready(home), "the laptop is back", within=LATE)


def test_a_path_means_the_machine_that_has_the_file(home: Home, attic: Attic) -> None:
    world, chat = home.world, home.world.chat
    job = run(home, f"/train {attic.own.train} {QUICK}")
    until(lambda: world.ended(job, Completed), "it is trained where the file is", within=LATE)
    assert ran_on(world, job) == attic.address
    world.settle()

    assert world.node(attic.host, "allow", str(home.tables.folder)).returncode == 0
    attic.prompt.expect("box is started anew", within=LATE)
    attic.prompt.expect(r"Connected\.", within=LATE)
    until(lambda: world.status(attic.host)["state"] == "joined", "the attic is back", within=LATE)
    chat.say(f"/train {home.tables.train} {QUICK}")
    chat.expect("Several of your machines have that file. Which one?", within=LATE)
    chat.press("attic")
    chat.expect(r"449 rows.*")  # its agent and a worker are there now, which the deal below relies on
    chat.press("Cancel")
    chat.say(f"/train {attic.own.folder}/nothing.csv {QUICK}")
    chat.expect("is on none of these machines: ", within=LATE)
    chat.press("Cancel")


def test_both_compare_and_the_model_is_made_on_the_one_that_was_chosen(home: Home, attic: Attic) -> None:
    world, hosts = home.world, (home.laptop, attic.host)
    before = {host.name: compared(world, host) for host in hosts}
    job = run(home, f"/train {home.tables.train} diagnosis budget=90 on=laptop")
    until(lambda: world.ended(job, Completed), "the search ends", within=LATE)
    result = ended(home, job).result
    assert isinstance(result, TrainResult)

    judged = set()
    for host in hosts:
        (part,) = compared(world, host).keys() - before[host.name].keys()
        judged |= set(compared(world, host)[part])
    assert judged
    assert any("dealt out" in note for note in result.warnings)
    suitable = {name for name in TRAITS if name in entries() and "classification" in entries()[name].tasks}
    assert {line.model for line in result.leaderboard} - {"ensemble"} == suitable
    assert result.metrics["accuracy"] > 0.9
    assert ran_on(world, job) == "127.77.1.1"  # the laptop's in the pool
    world.settle()


def test_one_message_for_two_jobs(home: Home, attic: Attic) -> None:
    world, chat = home.world, home.world.chat
    training = run(home, f"/train {attic.own.train} {QUICK} then predict {attic.own.new}")
    until(lambda: world.ended(training, Completed), "the training", within=LATE)
    predicting = chat.expect(r"Predict: cancer-new\.csv[\s\S]*?job_([a-z0-9]+)", within=LATE).group(1)
    until(lambda: world.ended(predicting, Completed), "the prediction", within=LATE)
    result = ended(home, predicting).result
    assert isinstance(result, PredictResult)
    assert result.rows == 120
    assert ran_on(world, training) == ran_on(world, predicting) == attic.address
    world.settle()


def test_who_rests_begins_no_job_and_who_drains_leaves_after_the_last_one(home: Home, attic: Attic) -> None:
    world, chat = home.world, home.world.chat
    on_card(chat, "Pause")
    chat.say(f"/train {attic.own.train} {QUICK}")
    chat.press("Run")
    chat.expect("attic is paused. The job begins when you press Resume")
    waiting = chat.expect(r"job_([a-z0-9]+)").group(1)
    assert world.events(waiting) == []
    on_card(chat, "Resume")
    until(lambda: world.ended(waiting, Completed), "it begins after all", within=LATE)
    world.settle()

    last = run(home, f"/train {attic.own.train} diagnosis model=random_forest n_estimators=1500")
    until(lambda: any(isinstance(event, Started) for event in world.events(last)), "it runs", within=LATE)
    on_card(chat, "Drain")
    chat.press("Yes, drain attic")
    attic.prompt.expect("removed from its pool", within=LATE)
    assert world.ended(last, Completed)
    until(lambda: attic.prompt.process.poll() is not None, "the node agent ends", within=LATE)
    world.settle()
    chat.say("/worker")
    assert "attic" not in chat.expect(r"Machines[\s\S]*Connect a machine").group(0)


def is_ready(home: Home) -> bool:
    """Whether a job may begin on the laptop, which is the only machine."""
    chat = home.world.chat
    chat.say(f"/train {home.tables.train} {QUICK}")
    form = chat.expect(r"Data: [\s\S]*?\[(\d+)\] Cancel", within=LATE)
    chat.say(f"#{form.group(1)}")
    return "449 rows" in form.group(0)


def ran_on(world: World, job: str) -> str:
    """The address of the node that a job began on."""
    (started,) = [event for event in world.events(job) if isinstance(event, Started)]
    return started.node_ip


def compared(world: World, host: TestHost) -> dict[str, list[str]]:
    """The parts that the host's agent has ended: job id -> the models that it judged."""
    found = {}
    for path in world.state_folder(host).rglob("journal/*"):
        result = json.loads(path.read_text().splitlines()[-1]).get("result", {})
        if result.get("kind") == "compare":
            found[path.stem] = [line["model"] for line in result["leaderboard"]]
    return found


def on_card(chat: Spoken, button: str) -> None:
    """Presses a button on the attic's card in /worker."""
    chat.say("/worker")
    chat.press("attic")
    chat.press(button)
