"""Models of some hundred flights: categories with gaps, numbers with gaps, a boolean and a date; kept in a store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ray_jobs.catalogue import Training, checked_parameters, entry_of
from ray_jobs.export import ExportOrder, export
from ray_jobs.manifest import Interval, Manifest
from ray_jobs.models import FittedModel
from ray_jobs.place import Place
from ray_jobs.problems import Refused
from ray_jobs.schema import Column, conform
from ray_jobs.seen import seen_of
from ray_jobs.spec import ExportResult, ExportSpec, Parameter, PathData, Problem, TrainSpec
from ray_jobs.store import ModelStore
from ray_jobs.target import target_of
from tests.support.all_flights import all_flights

COLUMNS = (
    Column(name="carrier", kind="category"),
    Column(name="tailnum", kind="category"),
    Column(name="dep_delay", kind="number"),
    Column(name="air_time", kind="number"),
    Column(name="distance", kind="number"),
    Column(name="weekend", kind="boolean"),
    Column(name="time_hour", kind="date", date_format="ISO8601"),
)
NUMBERS = tuple(column for column in COLUMNS if column.kind == "number")
#: What is learned: a number, two classes, three classes.
TARGETS = {"arr_delay": "regression", "late": "classification", "origin": "classification"}
#: So that nothing takes long.
_SMALL: dict[str, Parameter] = {
    "n_estimators": 12, "max_iter": 12, "iterations": 12, "epochs": 2, "hidden_layer_sizes": [8], "layers": [8, 4],
    "alpha": 0.1, "degree": 2,
}  # fmt: skip
_KEPT_DEFAULTS = {"logistic_regression": {"max_iter"}, "lasso": {"max_iter"}, "elastic_net": {"max_iter"}}


@cache
def flights() -> pd.DataFrame:
    """800 of them; `tailnum` has more different values than any coder keeps."""
    some = all_flights().sample(800, random_state=3).reset_index(drop=True)
    return some.assign(weekend=pd.to_datetime(some["time_hour"]).dt.day_of_week >= 5)


@dataclass(frozen=True, kw_only=True)
class Learned:
    model: FittedModel
    fields: dict[str, Any]  #: of the manifest
    frame: pd.DataFrame  #: all flights, conformed


def learn(entry_name: str, target: str, columns: tuple[Column, ...] = COLUMNS) -> Learned:
    """Fits a catalogue entry on the first 600 flights whose target is known."""
    entry = entry_of(entry_name)
    frame, _ = conform(flights(), columns)
    found = target_of(flights(), target, None)
    rows = found.rows[:600]
    kept = _KEPT_DEFAULTS.get(entry_name, set())
    known = {
        name: value for name, value in _SMALL.items() if name in entry.parameters.model_fields and name not in kept
    }
    training = Training(
        frame=frame.iloc[rows],
        columns=columns,
        values=found.values[:600],
        task=found.task,
        classes=len(found.classes.labels) if found.classes else 0,
        parameters=checked_parameters(entry, known),
        seed=0,
        threads=1,
    )
    fitting = entry.fit(training)
    try:
        while True:
            next(fitting)
    except StopIteration as end:
        model: FittedModel = end.value
    fields = {
        "job_id": "trainjob",
        "model": entry_name,
        "task": found.task,
        "target": target,
        "columns": columns,
        "classes": found.classes,
        "rows_train": len(rows),
        "spec": TrainSpec(data=PathData(path="~/secret/flights.csv"), target=target, model=entry_name),
        "seen": seen_of(frame.iloc[rows], columns),
        "interval": None if found.classes else Interval(level=0.9, below=20.0, above=30.0),
        "data": "flights.csv",
        "data_hash": "0" * 64,
        "created": 1_780_000_000.0,
    }
    return Learned(model=model, fields=fields, frame=frame)


def place_in(folder: Path, *, share_rows: bool = True) -> Place:
    place = Place(
        folder=folder, folder_as_owner_knows="/home/ann/hayride", home="/home/ann", share_rows=share_rows, quota=10**9
    )
    place.make_folders()
    return place


def keep(place: Place, learned: Learned, model_id: str, name: str = "", model: FittedModel | None = None) -> Manifest:
    scratch = place.folder / f"scratch-{model_id}"
    scratch.mkdir()
    spec = learned.fields["spec"].model_copy(update={"name": name})
    fields = {**learned.fields, "model_id": model_id, "spec": spec}
    return ModelStore(place.models).save(model or learned.model, fields, scratch)


def exported(place: Place, model_id: str, form: Literal["card", "onnx", "python"]) -> ExportResult:
    """Runs an export to its end."""
    order = ExportOrder(
        spec=ExportSpec(model_id=model_id, form=form), place=place, job_id=f"export{model_id}{form}", threads=1
    )
    running = export(order)
    try:
        while True:
            next(running)
    except StopIteration as end:
        result: ExportResult = end.value
        return result


def refused(place: Place, model_id: str, form: Literal["card", "onnx", "python"]) -> Problem:
    try:
        exported(place, model_id, form)
    except Refused as problem:
        return problem.problem
    raise AssertionError("it was not refused")
