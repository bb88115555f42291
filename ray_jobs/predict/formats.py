"""Which format a result has, and whether it can."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ray_jobs.predict import writers
from ray_jobs.problems import Refused
from ray_jobs.reading.csv_forms import CsvForm
from ray_jobs.reading.formats import without_packing
from ray_jobs.spec import ProblemCode

_OF_INPUT = {"csv": "csv", "parquet": "parquet", "feather": "feather", "jsonl": "jsonl", "excel": "xlsx"}
#: Endings that a result keeps if it stays in that format; for others it gets the format's usual one.
_KEPT = {"csv": (".csv", ".tsv", ".tab", ".txt"), "parquet": (".parquet", ".pq"), "feather": (".feather", ".arrow")}


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format of results."""

    name: str  #: csv, parquet, feather, jsonl, xlsx
    ending: str
    form: CsvForm | None = None  #: how the input's CSV is written

    def writer(self, path: Path, names: list[str]) -> writers.Writer:
        """Opens the file; `names` are all columns. Raises OSError."""
        if self.name == "csv":
            return writers.CsvWriter(path, names, self.form)
        if self.name == "xlsx":
            return writers.SheetWriter(path, names)
        if self.name == "jsonl":
            return writers.LinesWriter(path)
        return writers.ParquetWriter(path) if self.name == "parquet" else writers.FeatherWriter(path)


def format_of(wanted: str, given: str, name: str, form: CsvForm | None) -> Format:
    """`wanted` as the spec has it; `given` is the input's, in a file called `name`."""
    chosen = _OF_INPUT[given] if wanted == "same" else wanted
    own = os.path.splitext(without_packing(name))[1].lower()
    keeps = _OF_INPUT[given] == chosen and own in _KEPT.get(chosen, ())
    if form and form.delimiter == " ":  # any number of spaces: an empty field would be none
        form = replace(form, delimiter=",")
    return Format(name=chosen, ending=own if keeps else f".{chosen}", form=form)


def check_size(chosen: Format, rows: tuple[int, bool], names: Sequence[str]) -> None:
    """Refuses what a sheet cannot hold before anything is computed. Raises Refused(BAD_PARAMETER)."""
    if chosen.name != "xlsx":
        return
    count, exact = rows
    # An estimate may be wrong; the writing itself counts.
    if count > (1 if exact else 1.2) * (writers.SHEET_ROWS - 1):
        raise too_long(count, exact=exact)
    if len(names) > writers.SHEET_COLUMNS:
        raise Refused(
            ProblemCode.BAD_PARAMETER,
            f"A sheet holds {writers.SHEET_COLUMNS:,} columns; the result has {len(names):,}.",
            subject="output",
            suggestions=("csv", "parquet"),
        )


def too_long(rows: int, *, exact: bool = True) -> Refused:
    return Refused(
        ProblemCode.BAD_PARAMETER,
        f"A sheet holds {writers.SHEET_ROWS:,} rows with the header; the table has {'' if exact else 'about '}{rows:,} "
        "below it.",
        subject="output",
        suggestions=("csv", "parquet"),
    )
