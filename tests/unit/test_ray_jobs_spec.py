"""What head may import of ray_jobs is light, and the catalogue's two halves agree."""

from __future__ import annotations

import json
import subprocess
import sys

from ray_jobs.catalogue import ENTRIES, entry_of
from ray_jobs.ports import HEAD, MACHINE
from ray_jobs.spec import CATALOGUE

_PROBE = "import sys, json; import ray_jobs.spec, ray_jobs.ports; print(json.dumps(sorted(sys.modules)))"


def test_the_spec_loads_neither_ray_nor_pandas() -> None:
    answer = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(answer.stdout)}
    assert loaded.isdisjoint({"ray", "pandas", "numpy", "sklearn", "tensorflow", "keras", "matplotlib"})


def test_an_idle_agent_is_light() -> None:
    code = _PROBE.replace("ray_jobs.spec, ray_jobs.ports", "ray_jobs.agent")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(answer.stdout)}
    assert loaded.isdisjoint({"pandas", "pyarrow", "sklearn", "tensorflow", "keras", "matplotlib"})


def test_every_described_model_has_an_entry_and_the_reverse() -> None:
    assert set(ENTRIES) == {description.name for description in CATALOGUE}
    for description in CATALOGUE:
        entry = entry_of(description.name)
        assert (entry.name, entry.tasks, entry.needs) == (description.name, description.tasks, description.needs)


def test_the_ports_of_both_ends_never_meet() -> None:
    assert len(HEAD.all) == 28
    assert len(MACHINE.all) == 46
    assert set(HEAD.all).isdisjoint(MACHINE.all)
