"""The main job as a person does it: a machine that the head cannot reach joins, trains, predicts."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from ray_jobs.spec import Cancelled, Completed, PredictResult, Started, TimedOut, TrainResult
from tests.acceptance.conftest import CANARY, Home
from tests.support.inside import look_from_a_task
from tests.support.tables import write_broken
from tests.support.world import LATE, PORT, until

#: Trains for minutes on any machine: 500 reports of 20 trees each.
LONG = "model=random_forest n_estimators=10000"


def run(home: Home, command: str) -> str:
    """Opens a form with one command, presses [Run]; the job's id."""
    chat = home.world.chat
    chat.say(command)
    chat.press("Run(?: when .* is back)?")
    return chat.expect(r"job_([a-z0-9]+)").group(1)


def test_train_and_predict_on_the_laptop(home: Home) -> None:
    chat = home.world.chat
    chat.say(f"/train {home.tables.train} diagnosis budget=40")  # auto: candidates are tasks beside the job's own
    chat.expect(r"449 rows")
    chat.press("Run(?: when .* is back)?")
    trained = chat.expect(r"job_([a-z0-9]+)").group(1)
    chat.expect(r"Accuracy", within=LATE)
    events = home.world.events(trained)
    assert [event.n for event in events] == list(range(1, len(events) + 1))
    (started,) = [event for event in events if isinstance(event, Started)]
    assert started.node_ip == "127.77.1.1"  # the laptop's in the pool, by ray.util.get_node_ip_address() of the task
    assert started.sealed
    assert isinstance(events[-1], Completed)
    model = events[-1].result
    assert isinstance(model, TrainResult)
    assert model.model == "auto"
    assert len([line for line in model.leaderboard if line.loss is not None]) >= 2  # the baseline, and what beat it
    assert model.metrics["accuracy"] > 0.9 > model.baseline_metrics["accuracy"]

    predicted = run(home, f"/predict {home.tables.new}")
    chat.expect(r"cancer-new\.predictions\.csv", within=LATE)
    result = ended(home, predicted).result
    assert isinstance(result, PredictResult)
    with Path(result.path).open() as file:  # on the laptop, whose disk is ours here
        said = list(csv.DictReader(file))
    assert len(said) == result.rows == 120
    right = [row["prediction"] == answer for row, answer in zip(said, home.tables.answers, strict=True)]
    assert sum(right) / len(right) > 0.9
    for row in said:
        assert float(row["probability_benign"]) + float(row["probability_malignant"]) == pytest.approx(1)

    chat.say("/jobs")
    chat.expect(r"cancer-new\.csv")
    chat.say("/models")
    chat.expect(r"diagnosis")


def ended(home: Home, job_id: str) -> Completed:
    last = home.world.events(job_id)[-1]
    assert isinstance(last, Completed), last
    return last


def test_no_ray_port_is_open(home: Home) -> None:
    assert [port for _, port in home.world.site.server.listening()] == [PORT]
    assert home.laptop.listening() == []


def test_what_a_task_sees_of_the_machine(home: Home) -> None:
    seen = look_from_a_task(home.world, "laptop", allowed=home.tables.train, private=home.private)
    assert seen["address"] == "127.77.1.1"
    assert seen["reads the allowed file"] == "yes"
    assert seen["writes into the allowed folder"] == "Read-only file system"
    assert seen["reads another file of the owner"] == "No such file or directory"
    assert seen["opens a connection to the server"] == "Network is unreachable"
    assert seen["processes"] < 40  # the box's own
    assert CANARY not in seen["environments"]
    assert "node_join.cli" not in seen["command lines"]  # the node agent, outside of the box


def test_bad_input_gets_one_clear_answer_each(home: Home) -> None:
    broken = write_broken(home.tables.folder / "broken", home.private)
    expected = {
        "missing": r"no .*nothing-here\.csv|nothing-here\.csv.* (is not|isn't) there",
        "folder": r"folder",
        "fifo": r"pipe|not a plain file|FIFO",
        "socket": r"socket|not a plain file",
        "empty": r"empty",
        "header": r"no rows|header",
        "constant": r"one value|only",
        "not a csv": r"picture\.csv",
        "not a parquet": r"Parquet",
        "outside": r"outside",
        "link": r"outside",
        "dots": r"outside",
    }
    assert set(broken) == set(expected)
    chat = home.world.chat
    for what, path in broken.items():
        chat.say(f"/train {path} diagnosis")
        answer = chat.expect(r"⚠️ [\s\S]+?\[\d+\] Cancel").group(0)
        assert re.search(expected[what], answer, re.IGNORECASE), f"{what}: {answer}"
        assert "Traceback" not in answer
    chat.say(f"/train {home.tables.train} diagnose")
    assert "diagnosis" in chat.expect(r"⚠️ [\s\S]+?\[\d+\] Cancel").group(0)  # the nearest column is offered
    chat.say("/cancel")
    chat.say("/worker")
    chat.expect(r"laptop")


def test_cancel_stops_the_work_on_the_machine(home: Home) -> None:
    job = run(home, f"/train {home.tables.train} diagnosis {LONG}")
    until(lambda: len(home.world.events(job)) > 8, "the training has reported")
    home.world.chat.say(f"/cancel job_{job}")
    until(lambda: home.world.ended(job, Cancelled), "the job is cancelled")
    until(lambda: not training(home), "no process of the job is left on the laptop", within=15)
    home.world.settle()


def test_a_time_limit_stops_the_work_on_the_machine(home: Home) -> None:
    job = run(home, f"/train {home.tables.train} diagnosis {LONG} limit=5s")
    until(lambda: home.world.ended(job, TimedOut), "the job has timed out")
    until(lambda: not training(home), "no process of the job is left on the laptop", within=15)
    home.world.settle()


def training(home: Home) -> list[int]:
    """Pids of tasks that work on the laptop; Ray names a worker after its task."""
    found = []
    for pid in home.laptop.processes():
        try:
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if name.startswith(b"ray::") and b"train" in name.lower():
            found.append(pid)
    return found
