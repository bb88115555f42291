"""Linux' own table of processes and the one that Macs are read with tell the same of the same processes.

How well psutil knows macOS is not shown here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealing.process_table import ProcessTable, Procfs, Psutil

_VALUE = "a b=c, ü"
_WAITS = "import sys; held = open(sys.argv[1]); print('ready', flush=True); sys.stdin.read()"


@pytest.fixture(params=[Procfs, Psutil])
def table(request: pytest.FixtureRequest) -> ProcessTable:
    made: ProcessTable = request.param()
    return made


@pytest.fixture
def held(tmp_path: Path) -> Path:
    path = tmp_path / "held"
    path.touch()
    return path


@pytest.fixture
def child(held: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits, with a file open."""
    with subprocess.Popen(
        [sys.executable, "-c", _WAITS, str(held), "a b", ""],
        env=os.environ | {"HAYRIDE_TEST": _VALUE},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def test_a_living_process(table: ProcessTable, child: subprocess.Popen[bytes], held: Path, tmp_path: Path) -> None:
    assert {child.pid, os.getpid()} <= set(table.pids())
    end = time.monotonic() + 10
    while (stat := table.stat(child.pid)) != (os.getpid(), "S"):  # it is about to wait
        assert time.monotonic() < end, stat
    assert table.command(child.pid) == (sys.executable, "-c", _WAITS, str(held), "a b", "")
    assert table.environment(child.pid)["HAYRIDE_TEST"] == _VALUE
    assert 1 << 20 < (table.memory(child.pid) or 0) < 1 << 30
    assert table.has_open(child.pid, held.stat())
    (tmp_path / "other").touch()
    assert not table.has_open(child.pid, (tmp_path / "other").stat())


def test_a_start_stays_what_it_is_and_is_not_that_of_a_later_process(
    table: ProcessTable, child: subprocess.Popen[bytes]
) -> None:
    started = table.started(child.pid)
    assert started is not None
    second = int(time.time())
    while int(time.time()) == second:  # the coarser of the two counts in them
        time.sleep(0.01)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as later:
        assert (table.started(later.pid) or 0) > started
        later.kill()
    assert table.started(child.pid) == started


def test_one_that_has_ended(table: ProcessTable, child: subprocess.Popen[bytes], held: Path) -> None:
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie: we have not asked for its status
    stat = table.stat(child.pid)
    assert stat
    assert stat.state == "Z"
    assert table.started(child.pid) is None
    assert table.command(child.pid) == ()
    child.wait()
    assert table.stat(child.pid) is None
    assert table.started(child.pid) is None
    assert table.command(child.pid) == ()
    assert table.environment(child.pid) == {}
    assert table.memory(child.pid) is None
    assert not table.has_open(child.pid, held.stat())
    assert child.pid not in table.pids()
