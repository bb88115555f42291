"""One real local Ray for the tests of ray_jobs, and a machine's place in a temporary folder."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from ray_jobs.place import VARIABLE, Place
from ray_jobs.spec import EVENT, Completed, Event, Failed, is_ending

#: Seconds; generous, since the machine is shared. Nothing waits for it to pass.
PATIENCE = 120.0
PIN = {"head": 0.001}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Folders as a machine's box has them, and HAYRIDE_PLACE's file."""
    root = tmp_path_factory.mktemp("machine")
    (root / "allowed").mkdir()
    settings = {
        "folder": str(root / "node"),
        "folder_as_owner_knows": "/home/ann/.local/share/hayride",
        "home": str(root),
        "allowed": [str(root / "allowed")],
        "share_rows": True,
        "quota": 10**9,
        "memory": None,
    }
    (root / "place.json").write_text(json.dumps(settings))
    return Place.model_validate(settings)


@pytest.fixture(scope="session")
def cluster(place: Place) -> Iterator[None]:
    """Ray on two cores, its workers told of the place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(place.folder.parent / "place.json"))
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        ray.init(
            num_cpus=2,
            resources={"head": 1},
            include_dashboard=False,
            object_store_memory=100_000_000,
            namespace="hayride",
            log_to_driver=False,
        )
        yield
        ray.shutdown()


class Machine:
    """The agent as the pool's driver calls it, in blocking form."""

    def __init__(self, place: Place) -> None:
        from ray_jobs.agent import MachineAgent

        self.place = place
        self.agent = MachineAgent.options(
            name="agent-head",
            namespace="hayride",
            lifetime="detached",
            get_if_exists=True,
            max_restarts=-1,
            max_task_retries=-1,
            num_cpus=0,
            resources={"head": 0.001},
        ).remote("head", "head")

    def call(self, method: str, *arguments: Any) -> Any:
        return ray.get(getattr(self.agent, method).remote(*arguments), timeout=PATIENCE)

    def start(self, spec: dict[str, Any], job_id: str = "") -> str:
        job_id = job_id or new_id()
        assert self.call("start", job_id, spec, PIN)
        return job_id

    def events(self, job_id: str, *, until: str = "") -> list[Event]:
        """All events up to the first of kind `until`, else up to the ending."""
        found: list[Event] = []
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found += [EVENT.validate_python(event) for event in self.call("read", job_id, len(found), 5.0)]
            assert [event.n for event in found] == list(range(1, len(found) + 1))
            if found and (is_ending(found[-1]) or any(event.kind == until for event in found)):
                return found
        raise AssertionError(f"no end in sight: {found}")

    def result(self, job_id: str) -> Any:
        ending = self.events(job_id)[-1]
        assert isinstance(ending, Completed), ending
        return ending.result

    def problem(self, job_id: str) -> Any:
        ending = self.events(job_id)[-1]
        assert isinstance(ending, Failed), ending
        return ending.problem


def new_id() -> str:
    return uuid.uuid4().hex[:12]


@pytest.fixture(scope="session")
def machine(cluster: None, place: Place) -> Machine:
    return Machine(place)


def write_csv(place: Place, name: str, frame: Any) -> Path:
    path = place.allowed[0] / name
    frame.to_csv(path, index=False)
    return path
