"""Which reader reads a file: told by its ending, and checked by its first bytes."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass

from ray_jobs.problems import Refused, listed, nearest
from ray_jobs.reading.arrow_files import ArrowFile, IpcFile, ParquetFile
from ray_jobs.reading.arrow_reader import ArrowReader, arrow_part
from ray_jobs.reading.blocks import RECORD_LIMIT
from ray_jobs.reading.contents import HEAD_BYTES, decode, known_content
from ray_jobs.reading.csv_file import CsvFile
from ray_jobs.reading.csv_forms import CsvForm, NotCsv, sniff_csv
from ray_jobs.reading.csv_reader import CsvReader
from ray_jobs.reading.files import DataFile
from ray_jobs.reading.formats import FORMATS, TEXT, Format, without_packing
from ray_jobs.reading.json_reader import JsonReader
from ray_jobs.reading.json_records import JsonArray, JsonLines, not_records
from ray_jobs.reading.packing import Packing, member_name, packing_of, unpacked
from ray_jobs.reading.patterns import FileSet
from ray_jobs.reading.reader import Reader
from ray_jobs.reading.workbook_reader import WorkbookReader, read_sheet
from ray_jobs.spec import ProblemCode

_CALLED: dict[Format, str] = {
    "csv": "a CSV",
    "parquet": "a Parquet file",
    "excel": "an Excel workbook",
    "jsonl": "JSON lines",
    "feather": "a Feather file",
}
_FEW_LINES = 3


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A file, and what its first bytes say."""

    file: DataFile
    format: Format
    packing: Packing
    head: bytes  #: unpacked
    whole: bool  #: `head` is all of it


def reader_of(found: FileSet, sheet: str) -> Reader:
    """The reader of a table; it has looked at it already. Raises Refused."""
    first = _opened(found.files[0])
    if sheet and first.format != "excel":
        raise Refused(
            ProblemCode.SHEET_MISSING, f"{found.shown} is {_CALLED[first.format]}, which has no sheets.", subject=sheet
        )
    if first.format == "csv":
        return _csv_reader(found, first)
    others = [_opened_like(file, first) for file in found.files[1:]]
    if first.format == "jsonl":
        return JsonReader([_json_part(opened) for opened in (first, *others)])
    if first.format == "excel":
        sheets = [read_sheet(opened.file, sheet) for opened in (first, *others)]
        for one in sheets[1:]:
            check_alike(found.files[0], tuple(sheets[0].columns), one.file, tuple(one.columns))
        return WorkbookReader(sheets)
    parts = [
        arrow_part(_arrow_file(opened), partition)
        for opened, partition in zip((first, *others), found.partitions, strict=True)
    ]
    if not parts[0].columns:
        raise Refused(
            ProblemCode.NOT_THIS_FORMAT,
            f"{found.shown} has no column with plain values: it holds lists or records, or nothing.",
            subject=found.shown,
        )
    for part in parts[1:]:
        check_alike(found.files[0], parts[0].columns, part.file.file, part.columns)
    return ArrowReader(parts, first.format)


def _arrow_file(opened: Opened) -> ArrowFile:
    return ParquetFile(opened.file) if opened.format == "parquet" else IpcFile(opened.file, opened.head)


def _json_part(opened: Opened) -> JsonLines:
    """Lines, where the first of them is a record as it should be; else an array, or records over several lines."""
    if (content := known_content(opened.head)) and content != "a JSON file":
        raise not_records(opened.file, "JSON objects", content)
    encoding, text = decode(opened.head)
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise Refused(
            ProblemCode.FILE_EMPTY, f"{opened.file.shown} holds nothing but blank space.", subject=opened.file.shown
        )
    if start[0] not in "{[":
        raise not_records(opened.file, "JSON objects", "something else")
    try:
        one_a_line = start[0] == "{" and isinstance(json.loads(start.split("\n", 1)[0]), dict)
    except (ValueError, RecursionError):
        one_a_line = False
    return (JsonLines if one_a_line else JsonArray)(opened.file, opened.packing, encoding)


def _opened(file: DataFile) -> Opened:
    with file.opened() as path:
        with open(path, "rb") as raw:
            head = raw.read(HEAD_BYTES)
        packing = packing_of(head)
        name = without_packing(file.name)
        ending = os.path.splitext(name)[1].lower()
        if packing == "zip" and file.name.lower().endswith(".zip"):
            ending = os.path.splitext(member_name(file, path))[1].lower()
    packed_name = name != file.name
    kind = FORMATS.get(ending)
    if kind not in TEXT and not (kind is None and packing and packed_name):
        if kind is None:
            raise _unknown(file, ending)
        return Opened(file=file, format=kind, packing="", head=head, whole=len(head) == file.size)
    with unpacked(file, packing) as plain:
        head = plain.read(HEAD_BYTES)
        if head.count(b"\n") + head.count(b"\r") < _FEW_LINES:
            head += plain.read(RECORD_LIMIT // 2)  # the names of 20,000 columns may take more
        whole = not plain.read(1)
    if kind is None:
        kind = "jsonl" if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "csv"
    return Opened(file=file, format=kind, packing=packing, head=head, whole=whole)


def _unknown(file: DataFile, ending: str) -> Refused:
    named = f"files ending in {ending}" if ending else "files without an ending"
    readable = ", ".join(sorted(FORMATS))
    return Refused(
        ProblemCode.UNKNOWN_FORMAT, f"Hayride doesn't read {named}; it reads {readable}.", subject=file.shown
    )


def _not_this(file: DataFile, called: str, content: str) -> Refused:
    return Refused(
        ProblemCode.NOT_THIS_FORMAT, f"{file.shown} is named like {called}, but it holds {content}.", subject=file.shown
    )


def _opened_like(file: DataFile, first: Opened) -> Opened:
    opened = _opened(file)
    if opened.format != first.format:
        raise Refused(
            ProblemCode.FILES_DIFFER,
            f"The files are not of one kind: {first.file.shown} is {_CALLED[first.format]}, "
            f"{file.shown} is {_CALLED[opened.format]}.",
            subject=file.shown,
        )
    return opened


def check_alike(first: DataFile, columns: tuple[str, ...], other: DataFile, others: tuple[str, ...]) -> None:
    """Raises Refused(FILES_DIFFER) where another file of the table has other columns; the order does not matter."""
    lacks = [name for name in columns if name not in set(others)]
    more = [name for name in others if name not in set(columns)]
    if not lacks and not more:
        return
    told = [f"lacks {listed(lacks)}"] if lacks else []
    told += [f"also has {listed(more)}"] if more else []
    raise Refused(
        ProblemCode.FILES_DIFFER,
        f"The files have not the same columns: {other.shown} {' and '.join(told)}, compared with {first.shown}.",
        subject=(lacks or more)[0],
        suggestions=nearest(lacks[0], more) if lacks else (),
    )


def _csv_reader(found: FileSet, first: Opened) -> CsvReader:
    form = _csv_form(first)
    parts = [CsvFile(first.file, form, first.packing)]
    for file in found.files[1:]:
        opened = _opened_like(file, first)
        # A head that begins with the same header needs no second look.
        known = not opened.packing and not form.lines_above and form.encoding == "utf-8"
        begin = first.head[: form.header_end]
        if not (known and not first.packing and opened.head.startswith(begin)):
            part = CsvFile(file, _csv_form(opened), opened.packing)
        else:
            part = CsvFile(file, form, opened.packing)
        check_alike(first.file, parts[0].columns, file, part.columns)
        parts.append(part)
    return CsvReader(parts)


def _csv_form(opened: Opened) -> CsvForm:
    file = opened.file
    if not opened.head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise Refused(ProblemCode.FILE_EMPTY, f"{file.shown} holds nothing but blank space.", subject=file.shown)
    try:
        return sniff_csv(opened.head, whole=opened.whole)
    except (NotCsv, csv.Error) as error:
        raise _not_this(file, _CALLED["csv"], str(error)) from error
