"""A program, for a fresh process: opens saved models and predicts the same rows again.

Arguments: a Feather file of conformed rows, then folders of models. Writes `again.npy` into each folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from ray_jobs.models import load_model


def main(rows: str, folders: list[str]) -> None:
    frame = pd.read_feather(rows)
    for folder in map(Path, folders):
        names = [
            str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".npy"
        ]
        np.save(folder / "again.npy", load_model(folder, names).outputs(frame))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
