"""Two machines of one person: who has the file, who rests, who leaves once all is done; one message for two jobs."""

from __future__ import annotations

from pathlib import Path

from ray_jobs.spec import Completed, PredictResult, Started
from tests.acceptance.conftest import Home
from tests.acceptance.test_main_job import ended, run
from tests.support.tables import write_tables
from tests.support.world import LATE, Spoken, until

QUICK = "diagnosis model=logistic_regression"


def test_files_rest_and_leaving(home: Home, tmp_path: Path) -> None:
    world, chat = home.world, home.world.chat
    attic = world.site.machine("attic")
    own = write_tables(tmp_path / "own")
    prompt = world.join(attic, allow=own.folder)
    world.admit(prompt, by=home.laptop)
    chat.expect(r"attic.*joined", within=LATE)

    # A path means the machine that has the file, and nobody is asked.
    job = run(home, f"/train {own.train} {QUICK}")
    until(lambda: world.ended(job, Completed), "it is trained where the file is", within=LATE)
    (started,) = [event for event in world.events(job) if isinstance(event, Started)]
    assert started.node_ip == "127.77.1.2"  # the attic's in the pool
    world.settle()
    assert world.node(attic, "allow", str(home.tables.folder)).returncode == 0
    prompt.expect("box is started anew", within=LATE)
    prompt.expect(r"Connected\.", within=LATE)
    until(lambda: "joined" in world.node(attic, "status", "--json").stdout, "the attic is back", within=LATE)
    chat.say(f"/train {home.tables.train} {QUICK}")
    chat.expect("Several of your machines have that file. Which one?", within=LATE)
    press(chat, "attic")
    chat.expect(r"449 rows.*")
    press(chat, "Cancel")
    chat.say(f"/train {own.folder}/nothing.csv {QUICK}")
    chat.expect("There is no file", within=LATE)
    press(chat, "Cancel")

    # One message for two jobs.
    training = run(home, f"/train {own.train} {QUICK} on=attic then predict {own.new}")
    until(lambda: world.ended(training, Completed), "the training", within=LATE)
    predicting = chat.expect(r"Predict: cancer-new\.csv[\s\S]*?job_([a-z0-9]+)", within=LATE).group(1)
    until(lambda: world.ended(predicting, Completed), "the prediction", within=LATE)
    result = ended(home, predicting).result
    assert isinstance(result, PredictResult)
    assert result.rows == 120
    world.settle()

    # Who rests begins no job; who drains leaves when the last one has ended.
    on_card(chat, "Pause")
    waiting = run(home, f"/train {own.train} {QUICK} on=attic")
    chat.expect("attic is paused. The job begins when you press Resume")
    assert world.events(waiting) == []
    on_card(chat, "Resume")
    until(lambda: world.ended(waiting, Completed), "it begins after all", within=LATE)
    world.settle()
    last = run(home, f"/train {own.train} diagnosis model=random_forest n_estimators=400 on=attic")
    until(lambda: any(isinstance(event, Started) for event in world.events(last)), "it runs", within=LATE)
    on_card(chat, "Drain")
    press(chat, "Yes, drain attic")
    prompt.expect("removed from its pool", within=LATE)
    assert world.ended(last, Completed)
    world.settle()
    chat.say(f"/train {home.tables.train} {QUICK}")  # the laptop is the only one left
    chat.expect(r"Data: .* on laptop", within=LATE)
    press(chat, "Cancel")


def on_card(chat: Spoken, button: str) -> None:
    """Presses a button on the attic's card in /worker."""
    chat.say("/worker")
    press(chat, "attic")
    press(chat, button)


def press(chat: Spoken, button: str) -> None:
    chat.say("#" + chat.expect(rf"\[(\d+)\] {button}").group(1))
