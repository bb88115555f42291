"""The journal on a real disk: order, torn lines, trimming."""

from __future__ import annotations

from pathlib import Path

import pytest

from ray_jobs.journal import Journal, load_all

_ORDER = {"spec": {"kind": "train"}, "model_id": "abcdefghijkl"}
_FIRST = {"kind": "accepted", "n": 1, "at": 1.0}


def filled(folder: Path, *kinds: str) -> Journal:
    journal = Journal.create(folder, "job1", _ORDER, _FIRST)
    for n, kind in enumerate(kinds, start=2):
        event = {"kind": kind, "n": n, "at": float(n)}
        journal.write(event)
        journal.events.append(event)
    return journal


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    written = filled(tmp_path, "started", "progress")
    (read,) = load_all(tmp_path)
    assert (read.job_id, read.order, read.events) == ("job1", _ORDER, written.events)
    assert (read.last, read.ended) == (3, False)


def test_a_job_is_created_once(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(FileExistsError):
        Journal.create(tmp_path, "job1", _ORDER, _FIRST)


@pytest.mark.parametrize(
    "torn", [b'{"kind":"progr', b'{"kind":"progress","n":3}', b"\x00\x00\x00", b'"text"\n', b"\xff\n"]
)
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = filled(tmp_path, "started").path
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    journal = Journal.load(path)
    assert journal is not None
    assert journal.last == 2
    assert path.read_bytes() == whole
    journal.write({"kind": "progress", "n": 3, "at": 3.0})
    again = Journal.load(path)
    assert again is not None
    assert again.last == 3


def test_a_journal_without_its_order_never_was(tmp_path: Path) -> None:
    (tmp_path / "job1.ndjson").write_bytes(b'{"spec":')
    assert load_all(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_trimming_keeps_the_id_and_the_ending(tmp_path: Path) -> None:
    journal = filled(tmp_path, "started", "completed")
    journal.trim()
    (read,) = load_all(tmp_path)
    assert [event["kind"] for event in read.events] == ["completed"]
    assert (read.last, read.ended) == (3, True)
    assert [path.name for path in tmp_path.iterdir()] == ["job1.ndjson"]


@pytest.mark.parametrize("hostile", ["../up", "a/b", "", "UPPER", "x" * 33, "abcd\n", "."])
def test_hostile_ids_are_no_ids(tmp_path: Path, hostile: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        Journal.create(tmp_path, hostile, _ORDER, _FIRST)
