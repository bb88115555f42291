"""Training jobs in this process, on tables that a test made."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
import pytest

from ray_jobs.catalogue import Step
from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.spec import PathData, ProblemCode, TrainResult, TrainSpec
from ray_jobs.train import TrainOrder, train

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("place")
    (root / "data").mkdir()
    place = Place(folder=root / "node", folder_as_owner_knows="node", home="/", allowed=(root / "data",), quota=10**9)
    place.make_folders()
    return place


def written(place: Place, frame: pd.DataFrame) -> PathData:
    path = place.allowed[0] / f"table{next(_NUMBERS)}.csv"
    frame.to_csv(path, index=False)
    return PathData(path=str(path))


def trained(place: Place, data: PathData, target: str, **spec: Any) -> tuple[TrainResult, list[Step]]:
    number = next(_NUMBERS)
    given = TrainSpec(data=data, target=target, **{"model": "linear_regression", **spec})
    job = TrainOrder(spec=given, place=place, job_id=f"job{number:04}", model_id=f"model{number:04}", threads=1)
    working, steps = train(job), []
    while True:
        try:
            steps.append(next(working))
        except StopIteration as end:
            result: TrainResult = end.value
            return result, steps


def refusal(place: Place, data: PathData, target: str, **spec: Any) -> ProblemCode:
    with pytest.raises(Refused) as refused:
        trained(place, data, target, **spec)
    return refused.value.problem.code
