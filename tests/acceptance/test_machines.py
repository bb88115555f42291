"""A second machine: let in by the first, changed, out again; and what becomes of the first."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ray_jobs.spec import Completed
from tests.acceptance.conftest import Home
from tests.acceptance.test_main_job import run
from tests.support.tables import write_tables
from tests.support.world import LATE, until


@contextmanager
def older(environment: Path) -> Iterator[Path]:
    """The same environment under the name of another, as if an earlier server had asked for it."""
    folder = environment.with_name(environment.name.split("-")[0] + "-" + "0" * 16)
    try:
        shutil.copytree(environment, folder, symlinks=True, copy_function=os.link)
        yield folder
    finally:
        shutil.rmtree(folder)


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
    known = world.status(guest)
    assert known["state"] == "joined"
    assert known["sealed"]

    # What its owner allows later is read between jobs, without a new join.
    chat.say(f"/train {second.train} diagnosis model=logistic_regression on=guest")
    chat.expect("outside the allowed folders")
    chat.press("Cancel")
    assert world.node(guest, "allow", str(second.folder)).returncode == 0
    prompt.expect("box is started anew", within=LATE)
    until(lambda: world.status(guest)["state"] == "joined", "back", within=LATE)
    job = run(home, f"/train {second.train} diagnosis model=logistic_regression on=guest")
    until(lambda: world.ended(job, Completed), "it is trained there", within=LATE)

    # An environment that is not the server's is renewed between jobs, from the release that the server signs.
    state = world.state_folder(guest)
    machine = json.loads((state / "machine.json").read_text())
    with older(Path(machine["node_python"]).parent.parent) as node:
        (state / "new").write_text(json.dumps({**machine, "node_python": str(node / "bin" / "python")}))
        (state / "new").replace(state / "machine.json")
        for _ in range(2):  # into the older one, and back
            prompt.expect("box is started anew", within=LATE)
    assert json.loads((state / "machine.json").read_text())["node_python"] == machine["node_python"]
    prompt.expect(r"Connected\.", within=LATE)

    # So is a node agent, when its owner says so; the newer one takes its place between jobs.
    agent = (state / "current").resolve()
    with older(agent) as before:
        (state / "current").unlink()
        (state / "current").symlink_to(before)
        assert "Upgraded." in world.node(guest, "upgrade").stdout
    prompt.expect("A newer node agent takes over", within=LATE)
    prompt.expect(r"guest joined", within=LATE)
    assert (state / "current").resolve() == agent

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
