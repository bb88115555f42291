"""Compressed files: told by their first bytes, read in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from ray_jobs.memory import PeakMemory, resident
from ray_jobs.spec import ProblemCode
from tests.support.readings import Shelf

_CSV = "a,b\n" + "".join(f"{n},x{n % 7}\n" for n in range(300_000))
_LINES = "".join(f'{{"a": {n}, "b": "x{n % 7}"}}\n' for n in range(1000))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "data").mkdir()
    return Shelf(tmp_path / "data")


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


def zipped(content: bytes, names: tuple[str, ...] = ("inner.csv",)) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return target.getvalue()


_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda content: gzip.compress(content, 1),
    "bz2": lambda content: bz2.compress(content, 1),
    "xz": lambda content: lzma.compress(content, preset=0),
    "zst": zstd,
    "zip": zipped,
}


@pytest.mark.parametrize("ending", _PACKERS)
def test_every_packing(shelf: Shelf, ending: str) -> None:
    packed = _PACKERS[ending](_CSV.encode())
    for name in (f"t.csv.{ending}", f"t.{ending}", "t.csv"):
        shelf.put(name, packed)
        with shelf.opened(name) as source:
            assert source.format == "csv"
            assert source.columns == ("a", "b")
            about, exact = source.rows()
            assert not exact
            assert abs(about - 300_000) < 30_000
            sample = source.sample(5000)
            assert 2000 < len(sample) <= 5000
            assert sample["a"].max() > 200_000
    frame = shelf.frame("t.csv")
    assert frame["a"].tolist() == list(range(300_000))
    lines = _LINES.encode() if ending != "zip" else zipped(_LINES.encode(), ("lines.jsonl",))
    assert len(shelf.frame(f"t2.jsonl.{ending}", lines if ending == "zip" else _PACKERS[ending](lines))) == 1000


@pytest.mark.parametrize("ending", _PACKERS)
def test_what_is_cut_off_is_refused(shelf: Shelf, ending: str) -> None:
    packed = _PACKERS[ending](_CSV.encode())
    problem = shelf.refusal(f"t.csv.{ending}", packed[: len(packed) // 2])
    assert problem.code is ProblemCode.NOT_THIS_FORMAT
    assert "archive" in problem.message
    assert shelf.refusal(f"u.csv.{ending}", packed[:10]).code is ProblemCode.NOT_THIS_FORMAT
    broken = bytearray(packed)
    broken[len(packed) // 2 : len(packed) // 2 + 50] = bytes(50)
    assert shelf.refusal(f"v.csv.{ending}", bytes(broken)).code is ProblemCode.NOT_THIS_FORMAT


def test_several_parts_of_one_archive_are_one_table(shelf: Shelf) -> None:
    half = len(_CSV) // 2
    for ending in ("gz", "bz2", "xz", "zst"):
        pack = _PACKERS[ending]
        both = pack(_CSV[:half].encode()) + pack(_CSV[half:].encode())
        assert len(shelf.frame(f"t.csv.{ending}", both)) == 300_000


def test_a_zip_holds_one_table(shelf: Shelf) -> None:
    assert "2 files" in shelf.refusal("t.zip", zipped(b"a,b\n1,2\n", ("a.csv", "b.csv"))).message
    assert "many files" in shelf.refusal("t.zip", zipped(b"a\n1\n", tuple(f"{n}.csv" for n in range(25_000)))).message
    assert shelf.refusal("u.zip", zipped(b"x", ("[Content_Types].xml",))).code is ProblemCode.NOT_THIS_FORMAT
    assert shelf.refusal("t.csv.zip", zipped(b"%PDF-1.4", ("a.pdf",))).code is ProblemCode.NOT_THIS_FORMAT
    assert len(shelf.frame("v.zip", zipped(b"a,b\n1,2\n", ("deep/a.csv", "__MACOSX/._a.csv")))) == 1


def test_a_bomb_is_refused_in_bounded_memory(shelf: Shelf) -> None:
    # 100 MB of one line, in 500 KB.
    shelf.put("warm.csv.gz", gzip.compress(b"a,b\n1,2\n"))
    shelf.frame("warm.csv.gz")
    bomb = gzip.compress(b"a,b\n1," + b"x" * (100 << 20), 1)
    before, peak = resident(), PeakMemory()
    assert shelf.refusal("bomb.csv.gz", bomb).code is ProblemCode.NOT_THIS_FORMAT
    assert peak.bytes() - before < 180 << 20  # the line, and what other tests of the process leave to the allocator
