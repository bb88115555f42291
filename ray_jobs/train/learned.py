"""What learning comes to, in memory or streamed: the model, and the rows to judge it by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.manifest import RecordedCandidate
from ray_jobs.models import FittedModel
from ray_jobs.schema import Column
from ray_jobs.spec import Candidate, Task
from ray_jobs.target import Classes

Values = NDArray[np.float64] | NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A fitted model. The frames are conformed to `columns`; of a streamed table they are samples."""

    model: FittedModel
    columns: tuple[Column, ...]
    target: str  #: the column's name
    task: Task
    classes: Classes | None
    rows_train: int
    rows_test: int
    train_frame: pd.DataFrame
    train_values: Values
    test_frame: pd.DataFrame
    test_values: Values  #: of classes -1 is a label that training never saw
    notes: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)  #: all of the model's, defaults too; of auto none
    leaderboard: tuple[Candidate, ...] = ()
    recorded: tuple[RecordedCandidate, ...] = ()
    fold_metrics: Mapping[str, float] = field(default_factory=dict)
    fold_spread: Mapping[str, float] = field(default_factory=dict)
    how: str = ""
    data_name: str = ""  #: the plain name of the file it learned from
    data_hash: str = ""

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.classes.names if self.classes else ()
