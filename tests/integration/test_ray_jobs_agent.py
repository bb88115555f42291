"""The agent on a real Ray: start, read, cancel, time limit, crash, restart, files."""

from __future__ import annotations

import csv
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import ray
from sklearn import datasets

from ray_jobs.place import Place
from ray_jobs.spec import Cancelled, DataFacts, Folder, ProblemCode, Started, TimedOut
from tests.support.ray_machine import PATIENCE, PIN, Machine, new_id, write_csv


@pytest.fixture(scope="module")
def digits(place: Place) -> str:
    return str(write_csv(place, "digits.csv", datasets.load_digits(as_frame=True).frame))


@pytest.fixture(scope="module")
def cancer(place: Place) -> str:
    frame = datasets.load_breast_cancer(as_frame=True).frame
    frame["target"] = frame["target"].map({0: "malignant", 1: "benign"})
    return str(write_csv(place, "cancer.csv", frame))


def train_spec(path: str, **more: Any) -> dict[str, Any]:
    data = {"kind": "path", "path": path}
    return {"kind": "train", "data": data, "target": "target", "model": "hist_gradient_boosting", **more}


def long_spec(path: str, **more: Any) -> dict[str, Any]:
    """Hours of work, reported about once a second, in native code for most of the time."""
    return train_spec(path, model="random_forest", parameters={"n_estimators": 10_000}, **more)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def worker_of(job_id: str) -> int:
    """The process that runs the job's task: Ray names it after the task."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and job_id.encode() in read_bytes(entry / "cmdline"):
                return int(entry.name)
    raise AssertionError("the task has no process")


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def gone(pid: int, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


def test_trains_and_predicts_with_labels_as_they_were(machine: Machine, cancer: str) -> None:
    job_id = machine.start(train_spec(cancer))
    events = machine.events(job_id)
    assert [event.kind for event in events[:2]] == ["accepted", "started"]
    started = events[1]
    assert isinstance(started, Started)
    assert started.node_ip == ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    assert not started.sealed
    result = machine.result(job_id)
    assert result.classes == ("benign", "malignant")
    assert result.metrics["accuracy"] > 0.93 > 0.7 > result.baseline_metrics["accuracy"]
    assert result.rows_train + result.rows_test == 569

    predicting = machine.start(
        {"kind": "predict", "data": {"kind": "path", "path": cancer}, "model_id": result.model_id}
    )
    predicted = machine.result(predicting)
    assert predicted.path == f"/home/ann/.local/share/hayride/results/{predicted.file}"
    assert sum(predicted.counts.values()) == 569
    assert len(predicted.preview.rows) == 10
    assert predicted.warnings == ("The model was trained on this very file, so the score on it says little.",)

    size = machine.call("file_size", predicting, predicted.file)
    content = machine.call("file_chunk", predicting, predicted.file, 0, size)
    rows = list(csv.DictReader(content.decode().splitlines()))
    with open(cancer) as file:
        inputs = list(csv.DictReader(file))
    assert [{name: row[name] for name in inputs[0]} for row in rows] == inputs
    shares = [float(row["probability_benign"]) + float(row["probability_malignant"]) for row in rows]
    assert shares == pytest.approx([1.0] * 569, abs=1e-5)
    assert {row["prediction"] for row in rows} == {"benign", "malignant"}
    picture = machine.call("file_chunk", job_id, result.pictures[0], 0, 8)
    assert picture == b"\x89PNG\r\n\x1a\n"


def test_a_second_prediction_does_not_overwrite_the_first(machine: Machine, digits: str) -> None:
    model = machine.result(machine.start(train_spec(digits, model="logistic_regression"))).model_id
    spec = {"kind": "predict", "data": {"kind": "path", "path": "digits.csv"}, "model_id": model}
    first, second = (machine.result(machine.start(spec)).file for _ in range(2))
    assert (first, second) == ("digits.predictions.csv", "digits-2.predictions.csv")


def test_starting_twice_starts_once(machine: Machine, digits: str) -> None:
    job_id, spec = new_id(), train_spec(digits, model="logistic_regression")
    assert machine.call("start", job_id, spec, PIN)
    assert not machine.call("start", job_id, spec, PIN)
    assert [event.kind for event in machine.events(job_id)].count("accepted") == 1
    assert not machine.call("start", job_id, spec, PIN)
    assert len(machine.events(job_id)) == machine.events(job_id)[-1].n


def test_cancel_stops_the_work(machine: Machine, digits: str) -> None:
    job_id = machine.start(long_spec(digits))
    machine.events(job_id, until="progress")
    begun = time.monotonic()
    assert machine.call("cancel", job_id)
    assert isinstance(machine.events(job_id)[-1], Cancelled)
    assert time.monotonic() - begun < 5
    assert not machine.call("cancel", job_id)
    assert machine.call("status")["running"] == []


def test_a_cancel_while_libraries_load_harms_no_later_job(machine: Machine, digits: str) -> None:
    for _ in range(3):
        job_id = machine.start(train_spec(digits))
        machine.events(job_id, until="started")
        machine.call("cancel", job_id)
        assert machine.events(job_id)[-1].kind in ("cancelled", "completed")
    assert machine.result(machine.start(train_spec(digits, model="logistic_regression"))).rows_test


def test_cancel_before_a_core_is_free(machine: Machine, digits: str) -> None:
    busy = [machine.start(long_spec(digits)) for _ in range(2)]
    for job_id in busy:
        machine.events(job_id, until="started")
    waiting = machine.start(train_spec(digits))
    assert machine.call("cancel", waiting)
    assert [event.kind for event in machine.events(waiting)] == ["accepted", "cancelled"]
    for job_id in busy:
        machine.call("cancel", job_id)
        assert isinstance(machine.events(job_id)[-1], Cancelled)


def test_the_time_limit_stops_the_work(machine: Machine, digits: str) -> None:
    job_id = machine.start(long_spec(digits, time_limit=1))
    events = machine.events(job_id)
    assert events[-1] == TimedOut(n=len(events), at=events[-1].at, limit=1)
    assert not list(machine.place.job(job_id).glob("unfinished*"))


def test_a_crash_of_the_process_ends_the_job(machine: Machine, digits: str) -> None:
    job_id = machine.start(long_spec(digits))
    machine.events(job_id, until="progress")
    os.kill(worker_of(job_id), signal.SIGKILL)
    problem = machine.problem(job_id)
    assert problem.code is ProblemCode.CRASHED
    log = (machine.place.logs / "agent.log").read_text()
    assert problem.log_id
    assert problem.log_id in log


def test_a_killed_agent_comes_back_with_its_journals(machine: Machine, digits: str) -> None:
    done = machine.start(train_spec(digits, model="logistic_regression"))
    kept = machine.events(done)
    running = machine.start(long_spec(digits))
    machine.events(running, until="progress")
    task = worker_of(running)
    ray.kill(machine.agent, no_restart=False)
    assert machine.problem(running).code is ProblemCode.INTERRUPTED
    assert gone(task, PATIENCE)
    assert machine.events(done) == kept
    assert not machine.call("start", running, long_spec(digits), PIN)
    assert machine.result(machine.start(train_spec(digits, model="logistic_regression"))).rows_test


def test_an_acknowledged_job_keeps_its_ending_only(machine: Machine, digits: str) -> None:
    job_id = machine.start(train_spec(digits, model="logistic_regression"))
    events = machine.events(job_id)
    machine.call("acknowledge", job_id, events[-1].n - 1)
    assert len(machine.call("read", job_id, 0, 0)) == len(events)
    machine.call("acknowledge", job_id, events[-1].n)
    assert [event["kind"] for event in machine.call("read", job_id, 0, 0)] == ["completed"]
    assert len((machine.place.journal / f"{job_id}.ndjson").read_text().splitlines()) == 2


def test_refusals_carry_their_code(machine: Machine, place: Place, digits: str) -> None:
    outside = place.folder.parent / "private.csv"
    outside.write_text("a,target\n1,2\n")
    server = socket.socket(socket.AF_UNIX)
    short = place.allowed[0] / "s.csv"
    os.chdir(place.allowed[0])  # the address of a socket has 107 bytes at most
    server.bind(short.name)
    os.mkfifo(place.allowed[0] / "f.csv")
    for path, code in [
        (str(outside), ProblemCode.OUTSIDE_ALLOWED),
        ("../private.csv", ProblemCode.OUTSIDE_ALLOWED),
        ("f.csv", ProblemCode.FILE_NOT_REGULAR),
        ("s.csv", ProblemCode.FILE_NOT_REGULAR),
        ("digit.csv", ProblemCode.FILE_MISSING),
    ]:
        assert machine.problem(machine.start(train_spec(path))).code is code
        inspected = machine.call("inspect", {"kind": "path", "path": path}, None)
        assert inspected["problem"]["code"] == code
    server.close()
    assert machine.problem(machine.start(train_spec(digits, model="magic"))).code is ProblemCode.UNKNOWN_MODEL
    predict = {"kind": "predict", "data": {"kind": "path", "path": digits}, "model_id": "nosuchmodel1"}
    assert machine.problem(machine.start(predict)).code is ProblemCode.MODEL_NOT_FOUND


def test_a_folder_is_looked_into(machine: Machine, place: Place, digits: str) -> None:
    here = place.allowed[0]
    (here / "looked-into").mkdir()
    os.mkfifo(here / "looked-into" / "pipe.csv")
    os.symlink(place.folder, here / "looked-into" / "node")
    found = Folder.model_validate(machine.call("browse", "")["folder"])
    assert found.path == str(here)
    entry = next(entry for entry in found.entries if entry.name == "digits.csv")
    assert (found.path_of(entry), entry.size) == (digits, os.path.getsize(digits))
    inside = Folder.model_validate(machine.call("browse", f"{here}/looked-into")["folder"])
    assert (inside.entries, inside.up) == ((), str(here))
    for path in ("/", "..", str(place.folder), f"{here}/looked-into/node"):
        assert machine.call("browse", path)["problem"]["code"] == ProblemCode.OUTSIDE_ALLOWED
    assert machine.call("browse", f"{here}/nowhere")["problem"]["code"] == ProblemCode.FILE_MISSING


def test_inspects_while_a_training_runs(machine: Machine, digits: str) -> None:
    busy = [machine.start(long_spec(digits)) for _ in range(2)]
    for job_id in busy:
        machine.events(job_id, until="started")
    facts = DataFacts.model_validate(machine.call("inspect", {"kind": "path", "path": "digits.csv"}, "target")["facts"])
    assert (facts.rows, facts.task, facts.classes) == (1797, "classification", 10)
    assert facts.path == digits
    for job_id in busy:
        machine.call("cancel", job_id)
        machine.events(job_id)


def test_a_sent_file_is_learned_from(machine: Machine, digits: str) -> None:
    content, upload = Path(digits).read_bytes(), new_id()
    assert machine.call("put_begin", upload, "../sent digits.csv", len(content)) == {}
    half = len(content) // 2
    machine.call("put_chunk", upload, content[:half])
    assert machine.call("put_end", upload)["problem"]["code"] == "upload_missing"
    machine.call("put_chunk", upload, content[half:])
    assert machine.call("put_end", upload) == {"size": len(content)}
    data = {"kind": "upload", "upload_id": upload, "name": "../sent digits.csv"}
    spec = {"kind": "train", "data": data, "target": "target", "model": "logistic_regression"}
    assert machine.result(machine.start(spec)).metrics["accuracy"] > 0.95
    machine.call("drop_upload", upload)
    assert machine.problem(machine.start(spec)).code is ProblemCode.UPLOAD_MISSING


def test_a_file_beyond_the_quota_is_refused(machine: Machine) -> None:
    answer = machine.call("put_begin", new_id(), "big.csv", 2 * machine.place.quota)
    assert answer["problem"]["code"] == ProblemCode.NO_SPACE


def test_models_are_listed_and_dropped(machine: Machine, digits: str) -> None:
    result = machine.result(machine.start(train_spec(digits, model="logistic_regression")))
    assert machine.call("models")[0]["model_id"] == result.model_id
    assert machine.call("drop_model", result.model_id)
    assert not machine.call("drop_model", result.model_id)
    assert result.model_id not in {model["model_id"] for model in machine.call("models")}
    for hostile in ("../journal", "..", "/", "", "a/b", "abcd\n"):
        assert not machine.call("drop_model", hostile)
    assert machine.place.journal.is_dir()


def test_files_of_a_job_cannot_leave_its_folder(machine: Machine, digits: str) -> None:
    job_id = machine.start(train_spec(digits, model="logistic_regression"))
    machine.result(job_id)
    (machine.place.job(job_id) / "astray").symlink_to("/etc/passwd")
    for name in ("../../place.json", "/etc/passwd", "astray", "", ".", "nothing.png"):
        with pytest.raises(LookupError):
            machine.call("file_size", job_id, name)


def restart(machine: Machine) -> None:
    """Returns when a new agent answers: a call that is on its way may still reach the old one."""
    started = time.time() - machine.call("status")["uptime"]
    ray.kill(machine.agent, no_restart=False)
    deadline = time.monotonic() + PATIENCE
    while time.time() - machine.call("status")["uptime"] < started + 0.5:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_predictions_stay_where_the_owner_shares_no_rows(machine: Machine, place: Place, digits: str) -> None:
    trained = machine.start(train_spec(digits, model="decision_tree"))
    model = machine.result(trained)
    data = {"kind": "path", "path": digits}
    predicted = machine.start({"kind": "predict", "data": data, "model_id": model.model_id})
    file = machine.result(predicted).file
    assert machine.call("file_size", predicted, file) > 0
    settings = place.folder.parent / "place.json"
    shared = settings.read_text()
    settings.write_text(shared.replace('"share_rows": true', '"share_rows": false'))
    try:
        restart(machine)
        with pytest.raises(LookupError, match="shares no rows"):
            machine.call("file_size", predicted, file)
        assert machine.call("file_size", trained, model.pictures[0]) > 0
    finally:
        settings.write_text(shared)
        restart(machine)
    assert machine.call("file_size", predicted, file) > 0


def test_a_warm_worker_starts_a_job_quickly(machine: Machine, digits: str) -> None:
    assert machine.call("warm")
    first = min(_time_to_started(machine, digits) for _ in range(3))
    assert first < 1.0  # some ten milliseconds on an idle machine


def _time_to_started(machine: Machine, digits: str) -> float:
    begun = time.monotonic()
    job_id = machine.start(train_spec(digits, model="logistic_regression"))
    machine.events(job_id, until="started")
    took = time.monotonic() - begun
    machine.result(job_id)
    return took
