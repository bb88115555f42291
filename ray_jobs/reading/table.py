"""Reading a table: the file is opened and checked (files.py), recognised (sniffing.py), then read into a data frame."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ray_jobs.problems import Refused, clip, listed
from ray_jobs.reading.files import DataFile
from ray_jobs.reading.sniffing import HEAD_BYTES, CsvForm, NotCsv, known_content, sniff_csv
from ray_jobs.spec import ProblemCode

#: Besides those that pandas knows.
_MISSING_MARKERS = ("?",)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table in memory. The file stays open as long as `open_source`'s block."""

    file: DataFile
    frame: pd.DataFrame  #: columns are unique strings of at most 256 characters, index 0..n-1, at least one row
    warnings: tuple[str, ...]
    csv: CsvForm | None = None  #: how the file is written, where it is a CSV

    def raw_rows(self) -> Iterator[list[str]]:
        """The rows as they stand in a CSV, text unchanged, in order, each as wide as the frame. Raises ValueError,
        csv.Error.
        """
        if self.csv is None:
            raise ValueError("not a CSV")
        csv.field_size_limit(2**31 - 1)
        width = self.frame.shape[1]
        with open(self.file.path, encoding=self.csv.encoding, newline="") as text:
            rows = csv.reader(text, delimiter=self.csv.delimiter)
            next(row for row in rows if not is_blank(row))  # the header
            for row in rows:
                if not is_blank(row):
                    yield (row + [""] * width)[:width]


def read_file(file: DataFile) -> Table:
    """Reads an open file into memory. Raises Refused."""
    ending = os.path.splitext(file.name)[1].lower()
    read = _READERS.get(ending)
    if read is None:
        readable = ", ".join(sorted(_READERS))
        named = f"files ending in {ending}" if ending else "files without an ending"
        raise Refused(
            ProblemCode.UNKNOWN_FORMAT, f"Hayride doesn't read {named}; it reads {readable}.", subject=file.shown
        )
    return read(file)


def is_blank(row: list[str]) -> bool:
    """Whether pandas passes over such a row."""
    return not row or (len(row) == 1 and not row[0].strip())


def _refuse_content(file: DataFile, called: str, content: str) -> Refused:
    return Refused(
        ProblemCode.NOT_THIS_FORMAT, f"{file.shown} is named like {called}, but it holds {content}.", subject=file.shown
    )


def _read_csv_table(file: DataFile) -> Table:
    with open(file.path, "rb") as raw:
        head = raw.read(HEAD_BYTES)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise Refused(ProblemCode.FILE_EMPTY, f"{file.shown} holds nothing but blank space.", subject=file.shown)
    try:
        form = sniff_csv(head, whole=len(head) == file.size)
    except (NotCsv, csv.Error) as error:
        raise _refuse_content(file, "a CSV", str(error)) from error
    notes = []
    try:
        frame = _parse_csv(file, form)
    except UnicodeDecodeError:
        form = CsvForm(**{**form.__dict__, "encoding": "cp1252"})
        frame = _parse_csv(file, form)
    if form.encoding == "cp1252":
        notes.append("The file is not in UTF-8; it was read as Windows-1252.")
    return _tidy(Table(file=file, frame=frame, warnings=tuple(notes), csv=form))


def _parse_csv(file: DataFile, form: CsvForm) -> pd.DataFrame:
    frame = _pandas_csv(file, form, quick=True)
    # Read quickly, in pieces, a column can come out as numbers here and text there; then once more, as a whole.
    if any(_is_mixed(frame[name]) for name in frame.columns):
        frame = _pandas_csv(file, form, quick=False)
    return frame.reset_index(names="row name") if form.row_names else frame.reset_index(drop=True)


def _is_mixed(column: pd.Series) -> bool:
    return column.dtype == object and pd.api.types.infer_dtype(column, skipna=True).startswith("mixed")


def _pandas_csv(file: DataFile, form: CsvForm, *, quick: bool) -> pd.DataFrame:
    """`quick` reads with several threads; pandas does so only for a path, and only with `low_memory`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame: pd.DataFrame = pd.read_csv(
                file.path,
                sep=form.delimiter,
                encoding=form.encoding,
                encoding_errors="replace" if form.encoding == "cp1252" else "strict",
                decimal=form.decimal,
                index_col=0 if form.row_names else False,
                na_values=list(_MISSING_MARKERS),
                low_memory=quick,
                compression=None,
            )
            return frame
    except pd.errors.EmptyDataError as error:
        raise Refused(ProblemCode.FILE_EMPTY, f"{file.shown} holds no columns.", subject=file.shown) from error
    except pd.errors.ParserError as error:
        raise Refused(
            ProblemCode.NOT_THIS_FORMAT,
            f"{file.shown} can't be read as a CSV: "
            "its rows differ in the number of fields, or a quote is never closed.",
            subject=file.shown,
        ) from error


def _read_parquet_table(file: DataFile) -> Table:
    with open(file.path, "rb") as raw:
        head = raw.read(HEAD_BYTES)
        raw.seek(max(0, file.size - 4))
        tail = raw.read(4)
    if not head.startswith(b"PAR1"):
        raise _refuse_content(file, "a Parquet file", known_content(head) or "something else")
    if tail != b"PAR1" or file.size < 12:
        raise _refuse_content(file, "a Parquet file", "only the beginning of one")
    try:
        with open(file.path, "rb") as raw:
            table = pq.read_table(raw)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refuse_content(file, "a Parquet file", "a damaged one") from error
    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    table = table.drop_columns(sorted(set(nested)))
    notes = [f"Columns that hold lists or records were left out: {listed(nested)}."] if nested else []
    frame = table.to_pandas(ignore_metadata=True, date_as_object=False)
    frame = frame.drop(columns=[name for name in frame.columns if str(name).startswith("__index_level_")])
    return _tidy(Table(file=file, frame=frame, warnings=tuple(notes)))


def _tidy(table: Table) -> Table:
    """Column names as unique stripped strings; plain dtypes."""
    frame = table.frame
    taken: dict[str, None] = {}  # ordered, and quick to look up
    for number, original in enumerate(frame.columns, start=1):
        base = name = clip(str(original).strip(), 240) or f"column {number}"
        again = 2
        while name in taken:
            name, again = f"{base}.{again}", again + 1
        taken[name] = None
    frame.columns = pd.Index(list(taken), dtype=object)
    for name in taken:
        dtype = frame[name].dtype
        if isinstance(dtype, pd.CategoricalDtype):
            frame[name] = frame[name].astype(dtype.categories.dtype if dtype.categories.dtype != object else str)
        elif pd.api.types.is_object_dtype(dtype) and pd.api.types.infer_dtype(frame[name], skipna=True) == "decimal":
            frame[name] = frame[name].astype(float)
    return Table(file=table.file, frame=frame, warnings=table.warnings, csv=table.csv)


_READERS: dict[str, Callable[[DataFile], Table]] = {
    ".csv": _read_csv_table,
    ".tsv": _read_csv_table,
    ".txt": _read_csv_table,
    ".parquet": _read_parquet_table,
    ".pq": _read_parquet_table,
}
