"""What a file really is, told from its first bytes, and into which text they decode."""

from __future__ import annotations

import codecs
import json
import re

#: How much of a file is looked at.
HEAD_BYTES = 256 * 1024

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "a Feather file"),
    (b"FEA1", "a Feather file of the old version 1"),
    (b"\xff\xff\xff\xff", "an Arrow stream"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
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


def known_content(head: bytes) -> str | None:
    """What a file that begins with `head` is, where its first bytes say so; None for text and the unknown."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[257:262] == b"ustar":
        return "a tar archive"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table")):
        return "a web page"
    if start.startswith(b"<?xml"):
        return "an XML file"
    if start.startswith((b"{", b"[")) and _is_json(head):
        return "a JSON file"
    return None


def decode(head: bytes) -> tuple[str, str]:
    """The encoding and the text of the bytes that a file begins with.

    UTF-16 is told by its mark, or by the zero bytes of its Latin letters. What is not UTF-8 counts as Windows-1252,
    the encoding that Excel writes CSVs in; nothing can tell the one-byte encodings apart for sure.
    """
    even, odd = head[0:4096:2], head[1:4096:2]
    for encoding, mark, zeros, others in (
        ("utf-16-le", codecs.BOM_UTF16_LE, odd, even),
        ("utf-16-be", codecs.BOM_UTF16_BE, even, odd),
    ):
        latin = len(zeros) > 1 and zeros.count(0) > 0.7 * len(zeros) and others.count(0) == 0
        if head.startswith(mark) or latin:
            return encoding, head[: len(head) // 2 * 2].decode(encoding, errors="replace").removeprefix("\ufeff")
    encoding = "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    try:
        return encoding, codecs.getincrementaldecoder(encoding)().decode(head, final=False)
    except UnicodeDecodeError:
        return "cp1252", head.decode("cp1252", errors="replace")


def looks_binary(text: str) -> bool:
    """Whether decoded text holds characters that no text has."""
    start = text[:65536]
    odd = sum(c < " " and c not in "\t\r\n\f" for c in start)
    return "\0" in start or odd > len(start) // 100


def _is_json(head: bytes) -> bool:
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    try:
        json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        # Cut off in the middle, a JSON still begins with a quoted key, an object or an array.
        return bool(re.match(r'^[{\[]\s*("[^"]*"\s*:|[{\[])', text)) and "\n" not in text[:2]
    return True


def mended(text: bytes) -> bytes:
    """Text in UTF-8; a line that is not in it counts as Windows-1252."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return b"".join(_mended_line(line) for line in text.splitlines(keepends=True))
    return text


def _mended_line(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace").encode()
    return line
