"""What auto is asked to do, and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.manifest import RecordedCandidate
from ray_jobs.models import FittedModel
from ray_jobs.schema import Column
from ray_jobs.spec import Candidate, Task
from ray_jobs.splitting import RowKeys


@dataclass(frozen=True, kw_only=True)
class AutoOrder:
    """The training rows alone, and how much of the machine may be used."""

    frame: pd.DataFrame  #: conformed to `columns`
    columns: tuple[Column, ...]
    values: NDArray[np.float64] | NDArray[np.int64]  #: numbers, or positions of classes, each of them present
    task: Task
    classes: int  #: 0 for regression
    keys: RowKeys  #: of the same rows: what a fold must keep together, or in order
    seed: int
    threads: int  #: cores, for all candidates together
    budget: float  #: seconds for everything: comparing, tuning and fitting the result
    memory: int  #: bytes, of all processes together
    compared: tuple[Candidate, ...] = ()  #: what several machines found on these rows before
    scratch: Path  #: an existing folder of this job's own, which the agent removes when the job has ended


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search came to."""

    model: FittedModel  #: fitted on all rows of the order
    leaderboard: tuple[Candidate, ...]  #: sorted, the best first; what failed or was stopped last
    recorded: tuple[RecordedCandidate, ...]  #: what `repeat` needs to make the same model without a clock
    notes: tuple[str, ...]  #: for the person: how the choice was made, and what was left out
