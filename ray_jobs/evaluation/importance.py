"""Which columns a model leans on: how much worse it gets when one of them is shuffled."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ray_jobs.models import FittedModel
from ray_jobs.spec import Task


def permutation_importance(
    model: FittedModel,
    frame: pd.DataFrame,
    task: Task,
    truth: NDArray[np.float64] | NDArray[np.int64],
    *,
    seed: int,
    deadline: float | None = None,
    rows: int = 2000,
    repeats: int = 3,
) -> tuple[tuple[str, float], ...]:
    """Every column of `frame`, held-out rows as the model takes them, with how much the log loss (classification) or
    the RMSE (regression) grows when it is shuffled; the most important first.

    `rows`: of at most so many rows, drawn by `seed`; each column is shuffled `repeats` times. `deadline`:
    `time.monotonic()` at which to stop; with little time there are fewer repeats and rows, and columns that were not
    reached are left out.
    """
    return ()
