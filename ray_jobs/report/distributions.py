"""What the columns of a table are like, in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ray_jobs.spec import Kind


def draw_distributions(path: Path, frame: pd.DataFrame, kinds: Mapping[str, Kind], *, show_values: bool = True) -> None:
    """Writes a PNG of at most 12 small panels, one for each column of `kinds` in its order: a histogram of numbers,
    bars of the commonest categories, rows per month of dates; each with its share of missing values.

    `frame` is a sample where the table is large. `show_values`: False where the machine's owner shares no rows; then no
    category is named and no end of a range is written.
    """
