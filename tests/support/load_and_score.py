"""A program, for a fresh process: loads models from a store and scores them again on the rows they were tested on.

Arguments: the place's JSON, then for each model its id and the CSV it was trained on. Prints one JSON object,
id -> metrics.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from ray_jobs import evaluation
from ray_jobs.place import Place
from ray_jobs.reading.source import read_table
from ray_jobs.schema import conform
from ray_jobs.spec import PathData
from ray_jobs.splitting import RowKeys, split_rows
from ray_jobs.store import ModelStore
from ray_jobs.target import target_of


def metrics(place: Place, model_id: str, path: str) -> dict[str, float]:
    manifest, model = ModelStore(place.models).load(model_id)
    with read_table(place, PathData(path=path)) as table:
        target = target_of(table.frame, manifest.target, manifest.task)
        frame, _ = conform(table.frame, manifest.columns)
    codes = target.values.astype(np.int64) if target.classes else None
    _, test = split_rows(RowKeys(codes=codes), len(target.values), 0.25, manifest.spec.seed)
    outputs = model.outputs(frame.iloc[target.rows[test]])
    if target.classes:
        return evaluation.classification_metrics(target.values[test].astype(np.int64), outputs)
    return evaluation.regression_metrics(target.values[test].astype(np.float64), outputs)


if __name__ == "__main__":
    here = Place.model_validate_json(sys.argv[1])
    pairs = zip(sys.argv[2::2], sys.argv[3::2], strict=True)
    print(json.dumps({model_id: metrics(here, model_id, path) for model_id, path in pairs}))  # noqa: T201
