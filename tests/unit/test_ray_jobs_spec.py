"""What head may import of ray_jobs is light, and the catalogue's two halves agree."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from ray_jobs.catalogue import AUTO, descriptions, entries, entry_of
from ray_jobs.ports import HEAD, MACHINE
from ray_jobs.shortening import shortened
from ray_jobs.spec import (
    EVENT,
    EVENT_LIMIT,
    SPEC,
    Completed,
    DataFacts,
    PredictResult,
    Preview,
    Problem,
    Result,
    TrainResult,
    TrainSpec,
)

_PROBE = (
    "import sys, json; import ray_jobs.spec, ray_jobs.ports, ray_jobs.catalogue; print(json.dumps(sorted(sys.modules)))"
)


def test_the_spec_loads_neither_ray_nor_pandas() -> None:
    answer = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(answer.stdout)}
    assert loaded.isdisjoint({"ray", "pandas", "numpy", "sklearn", "tensorflow", "keras", "matplotlib"})


def test_an_idle_agent_is_light() -> None:
    code = "import sys, json; import ray_jobs.agent; print(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(answer.stdout)}
    assert loaded.isdisjoint({"pandas", "pyarrow", "sklearn", "tensorflow", "keras", "matplotlib"})


def test_every_entry_is_described() -> None:
    assert [description.name for description in descriptions()] == [AUTO, *entries()]
    for description in descriptions()[1:]:
        entry = entry_of(description.name)
        assert (entry.name, entry.tasks, entry.needs) == (description.name, description.tasks, description.needs)


def test_the_ports_of_both_ends_never_meet() -> None:
    assert len(HEAD.all) == 28
    assert len(MACHINE.all) == 46
    assert set(HEAD.all).isdisjoint(MACHINE.all)


def _unbounded(schema: Any, path: str = "") -> Iterator[str]:
    """Where a JSON schema allows something of any size."""
    if isinstance(schema, list):
        for number, each in enumerate(schema):
            yield from _unbounded(each, f"{path}/{number}")
    if not isinstance(schema, dict):
        return
    bounds = {
        "string": [{"maxLength"}, {"pattern"}, {"enum"}, {"const"}],
        "integer": [{"minimum", "maximum"}, {"minimum", "exclusiveMaximum"}],
        "array": [{"maxItems"}],
        "object": [{"maxProperties"}, {"properties"}, {"title", "additionalProperties"}],
    }.get(schema.get("type", ""), [])
    if bounds and not any(bound <= schema.keys() for bound in bounds):
        yield path
    for name, each in schema.items():
        yield from _unbounded(each, f"{path}/{name}")


@pytest.mark.parametrize("shape", [EVENT, SPEC, TypeAdapter(DataFacts), TypeAdapter(Problem)], ids=str)
def test_every_field_is_bounded(shape: TypeAdapter[Any]) -> None:
    assert list(_unbounded(shape.json_schema())) == []


def test_a_progress_of_many_metrics_is_refused() -> None:
    event = {"kind": "progress", "n": 1, "at": 0.0, "step": "x", "metrics": {str(n): 1.0 for n in range(51)}}
    with pytest.raises(ValidationError):
        EVENT.validate_python(event)


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", None, [1, 2]])
def test_a_parameter_keeps_its_type(value: Any) -> None:
    spec = {"data": {"kind": "path", "path": "x"}, "target": "y", "parameters": {"p": value}}
    kept = TrainSpec.model_validate_json(json.dumps(spec)).parameters["p"]
    assert (kept, type(kept)) == (value, type(value))


def _trained(features: tuple[str, ...]) -> TrainResult:
    return TrainResult(
        model_id="model1",
        model="random_forest",
        task="classification",
        target="y",
        rows_train=1,
        rows_test=1,
        metrics={},
        baseline_metrics={},
        features=features,
        classes=tuple(f"class {number}" for number in range(1000)),
        train_seconds=1,
    )


def _predicted(cell: str) -> PredictResult:
    rows = ((cell,) * 100,) * 10
    return PredictResult(
        model_id="model1",
        path="x",
        file="x",
        rows=10,
        counts={f"{number} {cell}"[:256]: number for number in range(1000)},
        preview=Preview(columns=tuple(map(str, range(100))), rows=rows),
        predict_seconds=1,
    )


def test_an_ordinary_result_is_told_whole() -> None:
    for whole in (_trained(tuple(f"a feature with a name {number}" for number in range(2000))), _predicted("text")):
        assert shortened(whole) == whole


@pytest.mark.parametrize(
    "result", [_trained(tuple(f"{number:0>256}" for number in range(2000))), _predicted("界" * 256)]
)
def test_the_longest_result_is_cut_until_it_can_be_told(result: Result) -> None:
    line = EVENT.dump_json(Completed(n=2**31 - 1, at=1e10 / 3, result=shortened(result)))
    assert EVENT_LIMIT / 4 < len(line) <= EVENT_LIMIT
    EVENT.validate_json(line)
