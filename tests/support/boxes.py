"""Small real boxes for tests: a Python script inside, what it prints, and the end of it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sealing

#: Seconds that anything here may take before the test fails.
DEADLINE = 30.0


def plan(folder: Path, script: str, **changes: Any) -> sealing.BoxPlan:
    """A box that runs a Python script, /run/script.py inside."""
    files = {"/run/script.py": script.encode(), **changes.pop("files", {})}
    python = Path(sys.executable)
    standard: dict[str, Any] = {
        "name": "test",
        "folder": folder,
        "folder_inside": "/box",
        "command": (str(python), "-u", "/run/script.py"),
        "environment": {"PATH": "/usr/bin:/bin"},
        "read_only": (),
        "python": python,
        "sockets": {},
        "limits": sealing.Limits(tmpfs=8 * 1024**2, shm=8 * 1024**2),
    }
    return sealing.BoxPlan(files=files, **(standard | changes))


def until_said(errors: Path, wanted: str) -> str:
    """What a box said, once it has said `wanted`."""
    deadline = time.monotonic() + DEADLINE
    while wanted not in (said := errors.read_text(errors="replace")):
        assert time.monotonic() < deadline, f"{wanted!r} was not said in time, but: {said}"
        time.sleep(0.02)
    return said


@contextmanager
def running(chosen: sealing.BoxPlan, errors: Path, lock: int | None = None) -> Iterator[sealing.Box]:
    """A box that is stopped at the end whatever happens."""
    box = sealing.launch(chosen, errors=errors, lock=lock)
    try:
        yield box
    finally:
        box.stop(patience=0.0)


def ask(folder: Path, script: str, *, lock: int | None = None, **changes: Any) -> Any:
    """Runs a script that ends with `answer(VALUE)` in a box and returns the value."""
    with_answer = f"import json\ndef answer(value): print('\\nANSWER' + json.dumps(value) + 'END')\n{script}"
    with tempfile.TemporaryDirectory() as outside:
        errors = Path(outside, "errors")
        with running(plan(folder, with_answer, **changes), errors, lock):
            said = until_said(errors, "END")
    return json.loads(said.rpartition("ANSWER")[2].partition("END")[0])


def in_same_pids(box: sealing.Box) -> set[int]:
    """Host pids of everything in the box's process namespace."""
    wanted = os.readlink(f"/proc/{box.pid}/ns/pid")
    found = set()
    for entry in os.listdir("/proc"):
        try:
            if entry.isdecimal() and os.readlink(f"/proc/{entry}/ns/pid") == wanted:
                found.add(int(entry))
        except OSError:
            continue
    return found
