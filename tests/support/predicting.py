"""A place with a model in it, made without a job, and predictions there."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from ray_jobs.manifest import Interval
from ray_jobs.models import PipelineModel
from ray_jobs.place import Place
from ray_jobs.predict import PredictOrder, predict
from ray_jobs.problems import Refused
from ray_jobs.schema import Column, conform, describe
from ray_jobs.seen import seen_of
from ray_jobs.spec import PathData, PredictResult, PredictSpec, Problem, RowsData, Task, TrainSpec
from ray_jobs.store import ModelStore
from ray_jobs.target import target_of


@dataclass
class Desk:
    """Where predictions are made: an allowed folder and a place of our own."""

    folder: Path  #: allowed
    place: Place
    jobs: int = 0
    told: list[Any] = field(default_factory=list)  #: the steps of the last prediction

    def learn(
        self,
        frame: pd.DataFrame,
        target: str,
        estimator: Any,
        *,
        leave_out: Sequence[str] = (),
        task: Task | None = None,
        interval: Interval | None = None,
        data_hash: str = "0" * 64,
    ) -> str:
        """Fits `estimator` on all rows and keeps the model; its id."""
        found = target_of(frame, target, task)
        columns = tuple(describe(frame[name]) for name in frame.columns if name not in (target, *leave_out))
        conformed = conform(frame, columns)[0].iloc[found.rows]
        fitted = PipelineModel(pipeline=_pipeline(columns, estimator).fit(conformed, found.values))
        self.jobs += 1
        fields = {
            "model_id": f"model{self.jobs:04}",
            "job_id": f"train{self.jobs:04}",
            "model": "plain",
            "task": found.task,
            "target": target,
            "columns": columns,
            "classes": found.classes,
            "rows_train": len(conformed),
            "spec": TrainSpec(data=PathData(path="x.csv"), target=target),
            "seen": seen_of(conformed, columns),
            "interval": interval,
            "data": "x.csv",
            "data_hash": data_hash,
            "created": time.time(),
        }
        scratch = self.place.folder / "scratch"
        scratch.mkdir()
        return ModelStore(self.place.models).save(fitted, fields, scratch).model_id

    def predict(self, model_id: str, data: str | RowsData, place: Place | None = None, **spec: Any) -> PredictResult:
        """Predicts on a file of the folder, or on typed rows. Raises Refused."""
        self.jobs += 1
        given = PathData(path=str(self.folder / data)) if isinstance(data, str) else data
        order = PredictOrder(
            spec=PredictSpec(data=given, model_id=model_id, **spec),
            place=place or self.place,
            job_id=f"predict{self.jobs:04}",
            threads=1,
        )
        self.told = []
        steps = predict(order)
        while True:
            try:
                self.told.append(next(steps))
            except StopIteration as end:
                result: PredictResult = end.value
                return result

    def refused(self, model_id: str, data: str | RowsData, place: Place | None = None, **spec: Any) -> Problem:
        """Why it does not predict."""
        try:
            result = self.predict(model_id, data, place, **spec)
        except Refused as refused:
            return refused.problem
        raise AssertionError(f"predicted {result.rows} rows")

    def file(self, result: PredictResult) -> Path:
        return self.place.results / result.file

    def unlimited(self, **changed: Any) -> Place:
        """The same place with other settings."""
        return self.place.model_copy(update=changed)


def desk(root: Path) -> Desk:
    """The one below `root`."""
    folder = root / "data"
    folder.mkdir(parents=True, exist_ok=True)
    place = Place(
        folder=root / "node", folder_as_owner_knows="/home/ann/hayride", home=str(root), allowed=(folder,), quota=10**9
    )
    place.make_folders()
    return Desk(folder=folder, place=place)


def _pipeline(columns: tuple[Column, ...], estimator: Any) -> Any:
    """The simplest that takes gaps and new categories; dates and text count for nothing."""
    numbers = [column.name for column in columns if column.kind in ("number", "boolean")]
    categories = [column.name for column in columns if column.kind == "category"]
    steps = make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
    )
    return make_pipeline(steps, estimator)


def cancer() -> pd.DataFrame:
    """569 rows of four measures and the diagnosis, benign or malignant."""
    data = load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = data.data.iloc[:, :4].copy()
    frame["diagnosis"] = [str(data.target_names[code]) for code in data.target]
    return frame


def diagnosing(root: Path) -> tuple[Desk, str]:
    """A desk and a model of the diagnosis."""
    where = desk(root)
    return where, where.learn(cancer(), "diagnosis", DecisionTreeClassifier(max_depth=5))


def estimating(root: Path) -> tuple[Desk, str]:
    """A desk and a model of a number, with an interval."""
    where = desk(root)
    frame = load_diabetes(as_frame=True).frame
    return where, where.learn(frame, "target", LinearRegression(), interval=Interval(level=0.9, below=70, above=80))


def read_csv(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    """The records of a CSV as text."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def small_pieces(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Lets every prediction go by pieces of so many rows."""
    monkeypatch.setattr("ray_jobs.predict.prediction.rows_at_once", lambda *_: rows)


#: Rows that a reader could change in passing.
ODD = """id,note,mean radius, extra ,mean texture,mean perimeter,mean area,date
007,"a ""quoted"" text, with
a line end",17.99,?,10.38,122.8,1001,2020-01-05
0x1F,=1+1,20.57,NA,17.77,132.90,1326.0,05/06/2020
1e5,"@SUM(A1)",  19.69,,21.25,130,1203,
"",ü€😀,11.42,-,20.38,77.58,386.1,nonsense
"""
