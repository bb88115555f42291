"""Unpacking: a file's bytes, whether they lie there plainly or compressed by gzip, bzip2, xz, zstd or a ZIP with one
member. How a file is packed is told by its first bytes, not by its name.

Nothing here holds more than a window of the data, whatever the archive claims.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal, cast

import pyarrow as pa

from ray_jobs.problems import Refused
from ray_jobs.reading.files import DataFile
from ray_jobs.spec import ProblemCode

Packing = Literal["", "gzip", "bzip2", "xz", "zstd", "zip"]

_MAGIC: tuple[tuple[bytes, Packing], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
)
_XZ_MEMORY = 256 << 20  #: more than the highest preset of xz needs
_ZIP_TAIL = 66_000  #: where a ZIP says how long its list is: 22 bytes and a remark
_ZIP_LIST = 1 << 20
_PIECE = 1 << 20
#: What the unpackers raise where the bytes are damaged or cut off.
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException, NotImplementedError)


def packing_of(head: bytes) -> Packing:
    """How a file that begins with `head` is packed; "" for not at all."""
    return next((packing for magic, packing in _MAGIC if head.startswith(magic)), "")


def member_name(file: DataFile, path: str) -> str:
    """The name of a ZIP's one member. Raises Refused."""
    try:
        with open(path, "rb") as raw, _zip(file, raw) as archive:
            return os.path.basename(_member(file, archive).filename)
    except _DAMAGE as error:
        raise damaged(file, "zip") from error


@contextmanager
def unpacked(file: DataFile, packing: Packing) -> Iterator[BinaryIO]:
    """The plain bytes, from the first; only a file that is not packed can be sought in. Raises Refused, also while
    one reads.
    """
    with file.opened() as path, open(path, "rb") as raw:
        if not packing:
            yield raw
            return
        try:
            plain = _opener(file, packing, raw)
        except _DAMAGE as error:
            raise damaged(file, packing) from error
        yield io.BufferedReader(_Guarded(file, packing, plain, raw), _PIECE)


def consumed(plain: BinaryIO) -> int:
    """How many bytes of the file have been read for what `unpacked` gave so far."""
    guarded = getattr(plain, "raw", None)
    return guarded.consumed() if isinstance(guarded, _Guarded) else plain.tell()


def damaged(file: DataFile, packing: Packing) -> Refused:
    return Refused(
        ProblemCode.NOT_THIS_FORMAT,
        f"{file.shown} can't be unpacked: the {packing} archive is damaged, or only its beginning is there.",
        subject=file.shown,
    )


def _opener(file: DataFile, packing: Packing, raw: BinaryIO) -> BinaryIO:
    if packing == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if packing == "bzip2":
        return cast(BinaryIO, bz2.BZ2File(raw))
    if packing == "xz":
        return cast(BinaryIO, _Xz(raw))
    if packing == "zstd":
        return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))
    archive = _zip(file, raw)
    return cast(BinaryIO, archive.open(_member(file, archive)))


def _zip(file: DataFile, raw: BinaryIO) -> zipfile.ZipFile:
    """Looks first how long the list of members is: zipfile would make an object for each."""
    raw.seek(max(0, file.size - _ZIP_TAIL))
    tail = raw.read(_ZIP_TAIL)
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and int.from_bytes(tail[at + 12 : at + 16], "little") > _ZIP_LIST:
        raise Refused(
            ProblemCode.NOT_THIS_FORMAT,
            f"{file.shown} is a ZIP archive of many files; Hayride reads one that holds exactly one table.",
            subject=file.shown,
        )
    raw.seek(0)
    return zipfile.ZipFile(raw)


def _member(file: DataFile, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    names = {member.filename for member in members}
    if "[Content_Types].xml" in names or "mimetype" in names:
        what = "an Excel workbook or another office document"
    elif len(members) != 1:
        what = f"a ZIP archive of {len(members)} files; Hayride reads one that holds exactly one table"
    elif members[0].flag_bits & 1:
        what = "a ZIP archive that is locked with a password"
    else:
        return members[0]
    raise Refused(ProblemCode.NOT_THIS_FORMAT, f"{file.shown} is {what}.", subject=file.shown)


class _Guarded(io.RawIOBase):
    """Turns what an unpacker raises into a refusal."""

    def __init__(self, file: DataFile, packing: Packing, plain: BinaryIO, raw: BinaryIO) -> None:
        self._file, self._packing, self._plain, self._raw = file, packing, plain, raw

    def consumed(self) -> int:
        return self._raw.tell()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # RawIOBase: any buffer
        try:
            piece = self._plain.read(len(buffer))
        except _DAMAGE as error:
            raise damaged(self._file, self._packing) from error
        buffer[: len(piece)] = piece
        return len(piece)


class _Xz(io.RawIOBase):
    """lzma.LZMAFile knows no limit of memory, and an archive may ask for 4 GB."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._decoder: lzma.LZMADecompressor | None = None
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = size if size >= 0 else _PIECE
        while True:
            if self._decoder is None:
                self._rest = self._rest.lstrip(b"\0") or self._raw.read(_PIECE)  # zeros may stand between streams
                if not self._rest:
                    return b""
                self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            fed = b""
            if self._decoder.needs_input:
                fed, self._rest = self._rest or self._raw.read(_PIECE), b""
                if not fed:
                    raise EOFError
            piece = self._decoder.decompress(fed, max_length=size)
            if self._decoder.eof:
                self._rest, self._decoder = self._decoder.unused_data, None
            if piece:
                return piece
