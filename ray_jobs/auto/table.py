"""The table that candidates learn from, written once into the job's scratch folder.

Each task of a search reads it by mapping the file into memory, so its pages are on the machine once however many
tasks there are, and Ray's object store, which is small, never holds the table.

1. `frame.feather`: the columns, Arrow's own form, not compressed.
2. `values.npy`, and for each part `<part>.fit.npy` and `<part>.check.npy`: row positions.
3. `table.json`: what the columns are, and the task.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.auto.order import AutoOrder
from ray_jobs.schema import Column
from ray_jobs.spec import Task

Positions = NDArray[np.int64]
#: The part that is every row: the result is fitted on it, and nothing is left to check it on.
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Table:
    """What a task sees of it."""

    folder: Path
    frame: pd.DataFrame
    values: NDArray[Any]
    columns: tuple[Column, ...]
    task: Task
    classes: int

    def part(self, name: str) -> tuple[Positions, Positions]:
        """Rows to fit on, and rows to check on."""
        if name == ALL:
            return np.arange(len(self.values), dtype=np.int64), np.empty(0, dtype=np.int64)
        return _read(self.folder / f"{name}.fit.npy"), _read(self.folder / f"{name}.check.npy")


def write_table(order: AutoOrder, parts: Mapping[str, tuple[Positions, Positions]], folder: Path) -> None:
    """Writes the table and its parts. Raises OSError."""
    import pyarrow as pa
    from pyarrow import feather

    folder.mkdir(mode=0o700)
    table = pa.Table.from_pandas(order.frame, preserve_index=False)
    # One chunk: only a whole column can be used as it lies in the file.
    feather.write_feather(
        table, str(folder / "frame.feather"), compression="uncompressed", chunksize=max(1, len(table))
    )
    np.save(folder / "values.npy", order.values, allow_pickle=False)
    for name, (fit, check) in parts.items():
        np.save(folder / f"{name}.fit.npy", fit, allow_pickle=False)
        np.save(folder / f"{name}.check.npy", check, allow_pickle=False)
    columns = [column.model_dump(mode="json") for column in order.columns]
    told = {"columns": columns, "task": order.task, "classes": order.classes}
    (folder / "table.json").write_text(json.dumps(told))


#: The table that this process read last: a worker fits many candidates of one search in a row.
_last: list[Table] = []


def open_table(folder: Path) -> Table:
    """The table of one search. Its frame must not be written to. Raises OSError."""
    from pyarrow import feather

    if _last and _last[0].folder == folder:
        return _last[0]
    _last.clear()
    told = json.loads((folder / "table.json").read_text())
    arrow = feather.read_table(str(folder / "frame.feather"), memory_map=True)
    table = Table(
        folder=folder,
        frame=arrow.to_pandas(split_blocks=True, use_threads=False),
        values=_read(folder / "values.npy"),
        columns=tuple(Column.model_validate(column) for column in told["columns"]),
        task=told["task"],
        classes=told["classes"],
    )
    _last.append(table)
    return table


def forget_table() -> None:
    """Lets go of the table that was read last, and of its file."""
    _last.clear()


def _read(path: Path) -> NDArray[Any]:
    return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
