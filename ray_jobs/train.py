"""Training one model: read, check, split, fit, evaluate, draw, save. Every number comes from rows the model has not
seen.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ray_jobs import evaluation, pictures
from ray_jobs.catalogue import Entry, Parameters, Step, Training, check_task, checked_parameters, entry_of
from ray_jobs.cores import free_cores, moment
from ray_jobs.models import FittedModel
from ray_jobs.order import Order
from ray_jobs.place import Place, check_space
from ray_jobs.problems import Refused, clip, listed
from ray_jobs.reading.source import read_table
from ray_jobs.reading.table import Table
from ray_jobs.schema import Column, conform, describe, is_identifier
from ray_jobs.shelf import drop_model
from ray_jobs.spec import ProblemCode, TrainResult, TrainSpec
from ray_jobs.splitting import RowKeys, split_rows
from ray_jobs.store import ModelStore, file_hash
from ray_jobs.target import Target, target_column, target_of

PICTURE = "test-rows.png"
_MOST_FEATURES_TOLD = 2000


TrainOrder = Order[TrainSpec]
Steps = Generator[Step, None, TrainResult]


def train(order: TrainOrder) -> Steps:
    """Trains one model and returns the result; yields the steps of the work. Raises Refused; anything else is a bug."""
    begun, counted = time.perf_counter(), moment()
    spec = order.spec
    entry = entry_of(spec.model)
    parameters = checked_parameters(entry, spec.parameters)
    if spec.task:
        check_task(entry, spec.task, spec.target)
    yield Step(name="reading", fraction=0.0)
    with read_table(order.place, spec.data) as table:
        prepared = prepare(table, spec, entry)
    yield Step(name="splitting", fraction=0.1)
    target = prepared.target
    codes = target.values.astype(np.int64) if target.classes else None
    keys = RowKeys(codes=codes)
    train_rows, test_rows = split_rows(keys, len(target.values), getattr(spec.split, "test_fraction", 0.25), spec.seed)
    notes = [*prepared.warnings]
    threads = free_cores(counted, order.threads)
    with threadpool_limits(limits=threads), collected_warnings(notes):
        model = yield from _fit(order, entry, parameters, prepared, train_rows, threads)
        yield Step(name="evaluating", fraction=0.85)
        test_frame = prepared.frame.iloc[target.rows[test_rows]]
        outputs = model.outputs(test_frame)
    metrics, baseline = _scores(target, train_rows, test_rows, outputs)
    yield Step(name="saving", fraction=0.95, metrics=metrics)
    names = target.classes.names if target.classes else ()
    _draw(order, target.values[test_rows], outputs, names)
    _save(order, model, prepared, len(train_rows), metrics)
    return TrainResult(
        model_id=order.model_id,
        model=spec.model,
        task=target.task,
        target=prepared.target_name,
        rows_train=len(train_rows),
        rows_test=len(test_rows),
        metrics=metrics,
        baseline_metrics=baseline,
        features=tuple(column.name for column in prepared.columns[:_MOST_FEATURES_TOLD]),
        classes=names,
        warnings=tuple(clip(note, 2000) for note in dict.fromkeys(notes))[:20],
        pictures=(PICTURE,),
        train_seconds=time.perf_counter() - begun,
    )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A table that is ready to be learned from."""

    frame: pd.DataFrame  #: the features, conformed, all rows
    columns: tuple[Column, ...]
    target: Target
    target_name: str
    data_name: str
    data_hash: str
    warnings: tuple[str, ...]


def prepare(table: Table, spec: TrainSpec, entry: Entry) -> Prepared:
    """Checks the target and chooses the features. Raises Refused."""
    name = str(target_column(table.frame, spec.target).name)
    target = target_of(table.frame, name, spec.task)
    check_task(entry, target.task, name)
    columns, left_out = choose_features(table.frame, name)
    frame, notes = conform(table.frame, columns)
    return Prepared(
        frame=frame,
        columns=columns,
        target=target,
        target_name=name,
        data_name=clip(table.file.name),
        data_hash=file_hash(table.file.path),
        warnings=(*table.warnings, *target.warnings, *left_out, *notes),
    )


def choose_features(frame: pd.DataFrame, target: str) -> tuple[tuple[Column, ...], list[str]]:
    """Every column but the target that can tell something, and warnings about the others. Raises
    Refused(NO_FEATURES).
    """
    described = [describe(frame[name]) for name in frame.columns if name != target]
    constants = [column.name for column in described if column.kind == "constant"]
    keys = [column.name for column in described if column.kind == "text" and is_identifier(frame[column.name])]
    left_out = {*constants, *keys}
    columns = tuple(column for column in described if column.name not in left_out)
    notes = []
    if constants:
        notes.append(f"Left out, since they have one value or none: {listed(constants)}.")
    if keys:
        notes.append(f"Left out, since they look like identifiers: {listed(keys)}.")
    if not columns:
        besides = f"; the others were left out ({listed(left_out)})" if left_out else ""
        raise Refused(
            ProblemCode.NO_FEATURES,
            f"There is no column to learn '{clip(target, 80)}' from{besides}.",
            subject=target,
        )
    return columns, notes


@contextmanager
def collected_warnings(notes: list[str]) -> Iterator[None]:
    """What the libraries warn of that a person can act on goes into `notes`; the rest is dropped."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if warning.category.__name__ == "ConvergenceWarning":
            notes.append("The training stopped before it settled; a larger max_iter may improve the model.")


def _fit(
    order: TrainOrder, entry: Entry, parameters: Parameters, prepared: Prepared, rows: Any, threads: int
) -> Generator[Step, None, FittedModel]:
    target = prepared.target
    training = Training(
        frame=prepared.frame.iloc[target.rows[rows]],
        columns=prepared.columns,
        values=target.values[rows],
        task=target.task,
        classes=len(target.classes.labels) if target.classes else 0,
        parameters=parameters,
        seed=order.spec.seed,
        threads=threads,
    )
    fitting = entry.fit(training)
    try:
        while True:
            step = next(fitting)
            fraction = None if step.fraction is None else 0.1 + 0.75 * step.fraction
            yield Step(name=step.name, fraction=fraction, metrics=step.metrics)
    except StopIteration as end:
        model: FittedModel = end.value
        return model


def _scores(target: Target, train_rows: Any, test_rows: Any, outputs: Any) -> tuple[dict[str, float], dict[str, float]]:
    known, truth = target.values[train_rows], target.values[test_rows]
    if target.classes:
        baseline = evaluation.baseline_classification(known, truth, len(target.classes.labels))
        return evaluation.classification_metrics(truth, outputs), baseline
    return evaluation.regression_metrics(truth, outputs), evaluation.baseline_regression(known, truth)


def _draw(order: TrainOrder, truth: Any, outputs: Any, names: tuple[str, ...]) -> None:
    folder = order.place.job(order.job_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if names:
        pictures.draw_confusion(folder / PICTURE, truth, np.argmax(outputs, axis=1), names)
    else:
        pictures.draw_predicted(folder / PICTURE, truth, outputs, order.spec.target)


def scratch_folder(place: Place, job_id: str) -> Path:
    """Where a job writes what is not whole yet; the agent removes it when the job has ended."""
    return place.job(job_id) / "unfinished"


def _save(order: TrainOrder, model: FittedModel, prepared: Prepared, rows: int, metrics: dict[str, float]) -> None:
    check_space(order.place, 0)
    scratch = scratch_folder(order.place, order.job_id)
    scratch.mkdir(mode=0o700, parents=True)
    fields = {
        "model_id": order.model_id,
        "job_id": order.job_id,
        "model": order.spec.model,
        "task": prepared.target.task,
        "target": prepared.target_name,
        "columns": prepared.columns,
        "classes": prepared.target.classes,
        "rows_train": rows,
        "metrics": metrics,
        "spec": order.spec,
        "data": prepared.data_name,
        "data_hash": prepared.data_hash,
        "created": time.time(),
    }
    ModelStore(order.place.models).save(model, fields, scratch)
    try:
        check_space(order.place, 0)
    except Refused:
        drop_model(order.place.models, order.model_id)
        raise
