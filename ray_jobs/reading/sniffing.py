"""What a file really is, told from its first bytes, and how a CSV is written: encoding, delimiter, decimal mark."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from dataclasses import dataclass

#: How much of a file is looked at.
HEAD_BYTES = 256 * 1024

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "a Feather file"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
)
_DELIMITERS = (",", ";", "\t", "|")
_DECIMAL_COMMA = re.compile(r"^-?\d+,\d+$")
_DECIMAL_POINT = re.compile(r"^-?\d+\.\d+$")


@dataclass(frozen=True, kw_only=True)
class CsvForm:
    """How one CSV is written."""

    delimiter: str
    encoding: str
    decimal: str
    trailing_delimiter: bool  #: every row ends with a delimiter that the header lacks
    row_names: bool  #: the rows have one leading field more than the header


class NotCsv(Exception):
    """The bytes are not a CSV; the message says what they are instead, as the end of a sentence."""


def known_content(head: bytes) -> str | None:
    """What a file that begins with `head` is, where its first bytes say so; None for text and the unknown."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if start.startswith(b"<?xml"):
        return "an XML file"
    if start.startswith((b"{", b"[")) and _is_json(head):
        return "a JSON file"
    return None


def sniff_csv(head: bytes, *, whole: bool) -> CsvForm:
    """How the CSV that begins with `head` is written; `whole` where that is all of it. Raises NotCsv."""
    if content := known_content(head):
        raise NotCsv(content)
    encoding, text = _decode(head)
    if _looks_binary(text):
        raise NotCsv("something that is not text")
    # The last line may be cut in the middle.
    lines = text.splitlines(keepends=True)
    sample = "".join(lines[:100] if whole or len(lines) > 100 else lines[:-1] or lines)
    delimiter = _delimiter(sample)
    rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if row][:100]
    more = len(rows[1]) - len(rows[0]) if len(rows) > 1 else 0
    trailing = more == 1 and all(row[-1] == "" for row in rows[1:])
    return CsvForm(
        delimiter=delimiter,
        encoding=encoding,
        decimal=_decimal(rows, delimiter),
        trailing_delimiter=trailing,
        row_names=more == 1 and not trailing,
    )


def _is_json(head: bytes) -> bool:
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    try:
        json.JSONDecoder().raw_decode(text)
    except ValueError:
        # Cut off in the middle, a JSON still begins with a quoted key, an object or an array.
        return bool(re.match(r'^[{\[]\s*("[^"]*"\s*:|[{\[])', text)) and "\n" not in text[:2]
    return True


def _decode(head: bytes) -> tuple[str, str]:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    encoding = "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    try:
        return encoding, codecs.getincrementaldecoder(encoding)().decode(head, final=False)
    except UnicodeDecodeError:
        return "cp1252", head.decode("cp1252", errors="replace")


def _looks_binary(text: str) -> bool:
    odd = sum(c < " " and c not in "\t\r\n\f" for c in text[:65536])
    return "\0" in text or odd > len(text[:65536]) // 100


def _delimiter(sample: str) -> str:
    """The delimiter that splits the most lines into as many fields as the header has, then the one that gives most
    fields.
    """
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        try:
            rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        alike = sum(abs(len(row) - width) <= 1 for row in rows) / len(rows)
        if (round(alike, 1), width) > best_score:
            best, best_score = delimiter, (round(alike, 1), width)
    return best


def _decimal(rows: list[list[str]], delimiter: str) -> str:
    if delimiter == ",":
        return "."
    values = [value.strip() for row in rows[1:] for value in row]
    commas = sum(bool(_DECIMAL_COMMA.match(value)) for value in values)
    points = sum(bool(_DECIMAL_POINT.match(value)) for value in values)
    return "," if commas > points else "."
