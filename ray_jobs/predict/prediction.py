"""Applying a model to a table: check the columns, compute, write `<input name>.predictions.csv` beside the model."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ray_jobs import evaluation
from ray_jobs.catalogue import Step
from ray_jobs.cores import free_cores, moment
from ray_jobs.manifest import Manifest
from ray_jobs.models import Floats
from ray_jobs.place import Place, check_space
from ray_jobs.problems import clip
from ray_jobs.reading.source import read_table
from ray_jobs.reading.table import Table
from ray_jobs.schema import conform
from ray_jobs.spec import Metrics, PredictResult, PredictSpec, Preview
from ray_jobs.store import ModelStore, file_hash, version_warnings
from ray_jobs.target import Label

_PREVIEW_ROWS = 10
_PREVIEW_COLUMNS = 100


@dataclass(frozen=True, kw_only=True)
class PredictOrder:
    """A PredictSpec with what the agent adds."""

    spec: PredictSpec
    place: Place
    job_id: str
    threads: int


Steps = Generator[Step, None, PredictResult]


def predict(order: PredictOrder) -> Steps:
    """Predicts every row and returns where the file lies; yields the steps of the work. Raises Refused."""
    begun, counted = time.perf_counter(), moment()
    place = order.place
    yield Step(name="loading the model", fraction=0.0)
    manifest, model = ModelStore(place.models).load(order.spec.model_id)
    yield Step(name="reading", fraction=0.2)
    with read_table(place, order.spec.data) as table:
        frame, notes = conform(table.frame, manifest.columns)
        check_space(place, 2 * table.file.size)
        yield Step(name="predicting", fraction=0.4)
        with threadpool_limits(limits=free_cores(counted, order.threads)):
            outputs = model.outputs(frame)
        yield Step(name="writing", fraction=0.7)
        added = added_columns(outputs, manifest, taken=set(table.frame.columns))
        path = write_results(place, order.job_id, table, added)
        metrics, score_notes = score(table.frame, manifest, outputs)
        if metrics and file_hash(table.file.path) == manifest.data_hash:
            score_notes.append("The model was trained on this very file, so the score on it says little.")
    labels = next(iter(added.values()))
    return PredictResult(
        model_id=manifest.model_id,
        path=place.as_owner_knows(path),
        file=path.name,
        rows=len(frame),
        counts=counts_of(labels, manifest),
        warnings=tuple([*table.warnings, *version_warnings(manifest), *notes, *score_notes])[:20],
        preview=preview(table.frame, added) if place.share_rows else Preview(),
        metrics=metrics,
        predict_seconds=time.perf_counter() - begun,
    )


def added_columns(outputs: Floats, manifest: Manifest, taken: set[str]) -> dict[str, list[Label]]:
    """`prediction`, and for classes `probability_<class>` each; a name that the input has already gets `-2` and so
    on.
    """
    if manifest.classes is None:
        return {free_name("prediction", taken): outputs.tolist()}
    labels = manifest.classes.decode(outputs.argmax(axis=1))
    added: dict[str, list[Label]] = {free_name("prediction", taken): labels}
    for name, column in zip(map(str, manifest.classes.labels), outputs.T, strict=True):
        added[free_name(f"probability_{name}", taken | set(added))] = np.round(column, 6).tolist()
    return added


def free_name(name: str, taken: set[str]) -> str:
    """`name`, or the first of name-2, name-3, ... that is not taken."""
    if name not in taken:
        return name
    return next(f"{name}-{number}" for number in count(2) if f"{name}-{number}" not in taken)


def write_results(place: Place, job_id: str, table: Table, added: dict[str, list[Label]]) -> Path:
    """Writes input and added columns as CSV into the results folder, never over a file that is there. Raises
    OSError.
    """
    folder = place.job(job_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / "unfinished.csv"
    with open(part, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*table.frame.columns, *added])
        writer.writerows(
            [*row, *more] for row, more in zip(input_rows(table), zip(*added.values(), strict=True), strict=True)
        )
    stem = os.path.splitext(table.file.name)[0]
    for number in count(1):
        path = place.results / f"{stem}{f'-{number}' if number > 1 else ''}.predictions.csv"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue
        os.replace(part, path)  # over the empty file that we just made: nobody else's
        link = folder / path.name
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(path, folder))
        return path
    raise AssertionError("count() has no end")


def input_rows(table: Table) -> Iterator[list[object]]:
    """The rows of the input. Those of a CSV keep their text (leading zeros, dates, markers) where they can be told
    apart again.
    """
    if table.csv is not None:
        try:
            lines = sum(1 for _ in table.raw_rows())
        except (ValueError, csv.Error, StopIteration, RuntimeError):
            lines = -1
        if lines == len(table.frame):
            yield from (list[object](row) for row in table.raw_rows())
            return
    plain = table.frame.astype(object).where(table.frame.notna(), "")
    yield from (list(row) for row in plain.itertuples(index=False, name=None))


def counts_of(labels: list[Label], manifest: Manifest) -> dict[str, int]:
    """Rows of each class that was predicted, most first; empty for regression."""
    if manifest.classes is None:
        return {}
    counted = pd.Series(labels, dtype=object).map(str).value_counts()
    return {clip(str(name)): int(number) for name, number in counted.items()}


def score(frame: pd.DataFrame, manifest: Manifest, outputs: Floats) -> tuple[Metrics, list[str]]:
    """Metrics over the rows whose true target is in the file; empty where none is."""
    if manifest.target not in frame.columns:
        return {}, []
    column = frame[manifest.target]
    if manifest.classes is None:
        truth = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(truth)
        found = evaluation.regression_metrics(truth[known], outputs[known]) if known.any() else {}
        return found, []
    known = column.notna().to_numpy()
    codes = manifest.classes.encode(column)
    notes = []
    if strange := int((known & (codes < 0)).sum()):
        notes.append(f"{strange} rows have a value in '{clip(manifest.target, 80)}' that training never saw.")
    found = evaluation.classification_metrics(codes[known], outputs[known]) if known.any() else {}
    return found, notes


def preview(frame: pd.DataFrame, added: dict[str, list[Label]]) -> Preview:
    """The first rows as text, the added columns first."""
    shown = frame.iloc[:_PREVIEW_ROWS]
    names = [*added, *(str(name) for name in shown.columns)][:_PREVIEW_COLUMNS]
    rows = []
    for number, row in enumerate(shown.itertuples(index=False, name=None)):
        values = [*(_short(column[number]) for column in added.values()), *("" if pd.isna(v) else str(v) for v in row)]
        rows.append(tuple(clip(value) for value in values[:_PREVIEW_COLUMNS]))
    return Preview(columns=tuple(clip(name) for name in names), rows=tuple(rows))


def _short(value: Label) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
