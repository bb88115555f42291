"""A second machine: let in by the first, changed, out again; and what becomes of the first."""

from __future__ import annotations

import json
from pathlib import Path

from ray_jobs.spec import Completed
from tests.acceptance.conftest import Home
from tests.acceptance.test_main_job import run
from tests.support.tables import write_tables
from tests.support.world import LATE, until


def test_a_machine_is_let_in_changes_and_leaves(home: Home, tmp_path: Path) -> None:
    world, chat = home.world, home.world.chat
    guest = world.site.machine("guest")
    first, second = write_tables(tmp_path / "first"), write_tables(tmp_path / "second")

    prompt = world.join(guest, allow=first.folder)
    code = prompt.expect(r"hayride-node admit ([A-Z2-7]{5}-[A-Z2-7]{5})", within=LATE).group(1)
    refused = world.node(home.laptop, "admit", "AAAAA-AAAAA")
    assert refused.returncode == 1
    assert "No machine waits with the code AAAAA-AAAAA." in refused.stdout
    itself = world.node(guest, "admit", code)
    assert "not admitted itself" in itself.stdout  # nobody lets himself in
    assert "guest is admitted" in world.node(home.laptop, "admit", code).stdout
    chat.expect(r"guest.*joined", within=LATE)
    known = json.loads(world.node(guest, "status", "--json").stdout)
    assert known["state"] == "joined"
    assert known["sealed"]

    # What its owner allows later is read between jobs, without a new join.
    chat.say(f"/train {second.train} diagnosis model=logistic_regression on=guest")
    chat.expect("outside the allowed folders")
    chat.expect(r"\[3\] Cancel")
    chat.say("#3")
    assert world.node(guest, "allow", str(second.folder)).returncode == 0
    prompt.expect("box is started anew", within=LATE)
    until(lambda: json.loads(world.node(guest, "status", "--json").stdout)["state"] == "joined", "back", within=LATE)
    job = run(home, f"/train {second.train} diagnosis model=logistic_regression on=guest")
    until(lambda: world.ended(job, Completed), "it is trained there", within=LATE)

    # It leaves; the Ray token that it knew is replaced, and the other machine comes back by itself.
    token = world.ray_token()
    left = world.node(guest, "leave")
    assert left.returncode == 0, left.stdout
    assert "The server knows that this machine has left." in left.stdout
    prompt.expect("Stopping", within=LATE)
    until(lambda: world.ray_token() != token, "a fresh token", within=LATE)
    job = run(home, f"/train {home.tables.train} diagnosis model=logistic_regression on=laptop")
    until(lambda: world.ended(job, Completed), "it is trained on the laptop", within=LATE)
    world.settle()
