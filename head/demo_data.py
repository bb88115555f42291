"""The tables of `hayride demo`: a bundled real data set or the person's own file, in two parts.

The model sees one of them.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from head.errors import HayrideError

if TYPE_CHECKING:
    import pandas as pd

#: One row in five is kept from the training to be predicted afterwards.
UNSEEN_FRACTION = 0.2
BUNDLED_TARGET = "diagnosis"


@dataclass(frozen=True, kw_only=True)
class DemoTables:
    """Two CSV files: `train` with the target, `unseen` without it, and the true answers of the latter in row order."""

    train: Path
    unseen: Path
    target: str
    answers: list[str]


class DemoDataError(HayrideError):
    """The file given to the demo cannot be split into rows to learn from and rows to predict."""

    code = "demo_data"


def bundled() -> pd.DataFrame:
    """Breast Cancer Wisconsin (Diagnostic), 569 rows of 30 measurements, as scikit-learn carries it."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = data.data.copy()
    frame.columns = frame.columns.str.replace(" ", "_")
    frame[BUNDLED_TARGET] = [str(data.target_names[code]) for code in data.target]
    return frame


def own(path: Path, target: str) -> pd.DataFrame:
    """The person's own CSV or Parquet file. Values of a CSV stay text: the machine decides what they mean."""
    import pandas as pd

    if not path.is_file():
        raise DemoDataError(f"There is no file {path}.", remedy="Give --data the path of a CSV or Parquet file.")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, sep=_delimiter(path))
    except Exception as error:  # readers raise whatever their parsers raise; all of it means "not readable as a table"
        raise DemoDataError(
            f"{path.name} cannot be read as a table: {error}",
            remedy="Check that it is a CSV or Parquet file with a header.",
        ) from error
    if target not in frame.columns:
        known = ", ".join(map(str, frame.columns[:12]))
        raise DemoDataError(f"{path.name} has no column {target}.", remedy=f"Its columns are: {known}.")
    if len(frame) < 20:
        raise DemoDataError(f"{path.name} has {len(frame)} rows.", remedy="The demo needs 20 or more.")
    return frame


def accuracy(predictions: Path, answers: list[str]) -> float:
    """The share of predicted labels that are the answers kept back; both in the same row order."""
    import pandas as pd

    said = pd.read_csv(predictions, dtype=str, keep_default_na=False)["prediction"].tolist()
    right: int = sum(a == b for a, b in zip(said, answers, strict=True))
    return right / len(answers)


def _delimiter(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        start = file.read(1 << 16)
    try:
        return csv.Sniffer().sniff(start, delimiters=",;\t|").delimiter
    except csv.Error:
        return ","  # one column, or nothing that repeats


def write(frame: pd.DataFrame, target: str, folder: Path, *, name: str, seed: int = 0) -> DemoTables:
    """Writes both parts into `folder`. The same seed gives the same parts."""
    folder.mkdir(parents=True, exist_ok=True)
    unseen = frame.sample(frac=UNSEEN_FRACTION, random_state=seed)
    rest = frame.drop(index=unseen.index)
    tables = DemoTables(
        train=folder / f"{name}.csv",
        unseen=folder / f"{name}-new.csv",
        target=target,
        answers=[str(value) for value in unseen[target]],
    )
    rest.to_csv(tables.train, index=False)
    unseen.drop(columns=[target]).to_csv(tables.unseen, index=False)
    return tables


if __name__ == "__main__":  # for the test job (head.trial)
    bundled().to_csv(sys.stdout, index=False)
