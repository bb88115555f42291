"""A file of any size is predicted in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
from sklearn.linear_model import LogisticRegression

from tests.support.predicting import desk

_ROWS = 400_000
_COLUMNS = 5


def test_four_times_the_rows_take_no_more_memory(tmp_path: Path) -> None:
    where = desk(tmp_path)
    rng = np.random.default_rng(0)
    numbers = {f"measure {n}": np.round(rng.normal(size=_ROWS), 4) for n in range(_COLUMNS)}
    # 007: what a data frame would make 7 of.
    table = pa.table({"id": np.char.zfill(np.arange(_ROWS).astype(str), 9), **numbers})
    pa_csv.write_csv(table, where.folder / "large.csv")
    pa_csv.write_csv(table.slice(0, _ROWS // 4), where.folder / "small.csv")
    few: pd.DataFrame = table.slice(0, 5000).to_pandas()
    few["y"] = np.where(few["measure 1"] + few["measure 2"] > 0, "high", "low")
    model = where.learn(few, "y", LogisticRegression(), leave_out=["id"])

    program = [sys.executable, "-m", "tests.support.predict_large", str(tmp_path), model, "small.csv", "large.csv"]
    answer = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(answer.stdout)

    assert told["rows"] == _ROWS
    # As a data frame the further rows would take 30 MB, and the text of all their fields 200.
    assert told["more"] < 60 * 2**20, told
    found = pa_csv.read_csv(
        where.place.results / told["file"], convert_options=pa_csv.ConvertOptions(column_types={"id": pa.string()})
    )
    assert found["id"].equals(table["id"].cast(pa.string()))
    high = np.asarray(found["prediction"]) == "high"
    assert np.mean(high == (numbers["measure 1"] + numbers["measure 2"] > 0)) > 0.99
