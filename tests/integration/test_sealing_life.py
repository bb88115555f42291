"""How boxes begin and end, and that nothing outside is led astray by what a hostile one does or leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import sealing
from sealing import process, processes
from tests.support.boxes import DEADLINE, in_same_pids, plan, running, until_said

ROOT = Path(__file__).parents[2]

#: Two daemons that left their session and heed no signal, then a program that heeds none either.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        print("DAEMON", flush=True)
        time.sleep(600)
time.sleep(0.2)
print("READY", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the box may write."""
    (tmp_path / "box").mkdir()
    return tmp_path / "box"


@pytest.fixture
def errors(tmp_path: Path) -> Path:
    return tmp_path / "errors"


def gone(pids: set[int]) -> bool:
    """Whether all of them have ended."""
    return all(process.started_at(pid) is None for pid in pids)


def test_its_memory_is_measured_from_outside(folder: Path, errors: Path) -> None:
    hold = "held = bytearray(64 << 20); held[::4096] = b'x' * (16 << 10)"
    script = f"import time; {hold}; print('READY', flush=True); time.sleep(600)"
    with running(plan(folder, script), errors) as box:
        until_said(errors, "READY")
        memory = box.memory()
        assert memory is not None
        assert 64 << 20 < memory < 256 << 20
    assert box.memory() is None


def test_a_box_outlives_its_launcher_and_is_found_by_its_record(folder: Path, errors: Path) -> None:
    launcher = f"""
import json, sys
from pathlib import Path
import sealing
from tests.support.boxes import plan, until_said
bounded = plan(Path({str(folder)!r}), {STUBBORN!r}, limits=sealing.Limits(memory=2**30, processes=100))
box = sealing.launch(bounded, errors=Path({str(errors)!r}))
until_said(Path({str(errors)!r}), "READY")
print(json.dumps(box.to_json()))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", launcher], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    box = sealing.Box.from_json(json.loads(done.stdout))
    assert box.alive()
    inside = in_same_pids(box)
    assert len(inside) >= 4
    assert bool(box.cgroups) == any(way.startswith("cgroup") for way in sealing.seal_status().limits.values())
    assert all(Path(group).is_dir() for group in box.cgroups)
    began = time.monotonic()
    box.stop(patience=0.3)
    assert time.monotonic() - began < 5
    assert not box.alive()
    assert gone(inside)
    assert not [group for group in box.cgroups if Path(group).exists()]


def test_stop_asks_the_command_first(folder: Path, errors: Path) -> None:
    script = """
import signal, sys, time
def end(*_):
    print("ASKED", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("READY", flush=True)
time.sleep(600)
"""
    with running(plan(folder, script), errors) as box:
        until_said(errors, "READY")
        # What is typed into our terminal reaches neither the box nor bwrap beside it.
        bwrap = next(
            pid for pid, _ in process.children(os.getpid()) if process.children(pid)[:1] == [(box.pid, box.started)]
        )
        assert os.getsid(0) not in (os.getsid(bwrap), os.getsid(box.pid))
        began = time.monotonic()
        box.stop(patience=20.0)
        assert time.monotonic() - began < 10
        until_said(errors, "ASKED")
        box.stop(patience=20.0)


def test_what_a_command_leaves_running_ends_with_it(folder: Path, errors: Path) -> None:
    script = STUBBORN.replace('print("READY", flush=True)\ntime.sleep(600)', 'print("READY", flush=True)')
    with running(plan(folder, script), errors) as box:
        until_said(errors, "READY")
        assert box.wait(DEADLINE)


def test_a_python_for_the_oldest_linux_makes_and_ends_boxes_too(
    folder: Path, errors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As uv's own are built: without the newer calls."""
    for module, name in ((os, "memfd_create"), (os, "pidfd_open"), (signal, "pidfd_send_signal")):
        monkeypatch.delattr(module, name)
    assert sealing.seal_status().available
    with running(plan(folder, STUBBORN), errors) as box:
        until_said(errors, "READY")
        inside = in_same_pids(box)
        assert len(inside) >= 3
        box.stop(patience=0.2)
        assert gone(inside)
    script = STUBBORN.replace('print("READY", flush=True)\ntime.sleep(600)', 'print("READY", flush=True)')
    with running(plan(folder, script), errors) as box:
        assert box.wait(DEADLINE)


@pytest.mark.parametrize("without", [(), ("pidfd_open",)])
def test_the_first_of_several_to_end_is_waited_for(without: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in without:
        monkeypatch.delattr(os, name)
    with subprocess.Popen(["/bin/sleep", "600"]) as long, subprocess.Popen(["/bin/sleep", "0.2"]) as short:
        both = [long.pid, short.pid]
        assert asyncio.run(processes.wait_for_any(both)) == short.pid
        short.wait()
        assert asyncio.run(processes.wait_for_any(both)) == short.pid  # it ended before
        long.kill()


def test_a_process_that_took_the_pid_is_never_signalled() -> None:
    with subprocess.Popen(["/bin/sleep", "600"]) as other:
        started = process.started_at(other.pid)
        assert started is not None
        for sealed in (True, False):
            stale = sealing.Box(pid=other.pid, started=started - 1, sealed=sealed)
            assert not stale.alive()
            stale.stop(patience=0.0)
        assert not process.send(other.pid, started - 1, signal.SIGKILL)
        assert other.poll() is None
        assert process.send(other.pid, started, signal.SIGKILL)


def test_a_command_that_is_not_there_is_said_in_the_errors(folder: Path, errors: Path) -> None:
    with running(plan(folder, "", command=("/usr/bin/no-such-program",)), errors) as box:
        until_said(errors, "no-such-program")
        assert box.wait(DEADLINE)


def test_what_cannot_be_mounted_is_refused_with_bwraps_words(folder: Path, errors: Path) -> None:
    missing = (sealing.Bind(source=Path("/no/such/folder"), target="/data"),)
    with pytest.raises(sealing.SealError, match="/no/such/folder"):
        sealing.launch(plan(folder, "", read_only=missing), errors=errors)
    with pytest.raises(sealing.SealError, match="no folder"):
        sealing.launch(plan(folder / "none", ""), errors=errors)


# --- hostile boxes ------------------------------------------------------------------------------------------------


def test_words_are_bounded_and_the_box_cannot_reach_their_file(folder: Path, errors: Path) -> None:
    script = """
import os, sys
os.write(2, b"first\\n")
for pid in (1, os.getpid()):
    try:
        with open(f"/proc/{pid}/fd/2", "wb", buffering=0) as again:
            again.write(b"y" * 1000)
            again.seek(0); again.truncate(0)
    except OSError:
        pass
for _ in range(64):
    os.write(1, b"x" * (1 << 16))
"""
    with running(plan(folder, script), errors) as box:
        assert box.wait(DEADLINE)
    said = errors.read_bytes()
    assert said.startswith(b"first\n")
    assert len(said) <= 64 * 1024
    assert stat.S_IMODE(errors.stat().st_mode) == 0o600


def test_the_box_may_replace_its_own_paths_and_misleads_nobody(folder: Path, errors: Path, tmp_path: Path) -> None:
    """It empties its folder and puts traps under the names that a careless keeper would open."""
    script = """
import os
for name in ("inbox", "http.sock", "result.json", "pool.log"):
    os.symlink("/etc/passwd", "/box/" + name)
for name in ("box.json", "errors"):
    os.mkfifo("/box/" + name)
try:
    os.mknod("/box/device", 0o20666, os.makedev(1, 3))
    print("DEVICE")
except OSError:
    pass
try:
    os.rename("/box", "/tmp/box")
    print("MOVED")
except OSError:
    pass
print("READY", flush=True)
__import__("time").sleep(600)
"""
    with sealing.SocketFolder(tmp_path / "run") as run, run.listen("http.sock") as listening:
        with running(plan(folder, script, sockets={"http": listening}), errors) as box:
            said = until_said(errors, "READY")
            assert "MOVED" not in said
            assert "DEVICE" not in said
            assert stat.S_ISSOCK(os.lstat(run.address("http.sock")).st_mode)
            box.stop(patience=1.0)
        # Traps in a run folder, as if it had been writable once: each is refused, none is followed.
        run.remove("http.sock")
        os.symlink(tmp_path / "victim", tmp_path / "run" / "http.sock")
        os.mkfifo(tmp_path / "run" / "door.sock")
        for name in ("http.sock", "door.sock"):
            with pytest.raises(sealing.SealError, match="no socket"):
                run.listen(name)
    for trap in (tmp_path / "run" / "http.sock", tmp_path / "run" / "door.sock"):
        with pytest.raises(sealing.SealError, match=r"cannot be written|no file"):
            sealing.launch(plan(folder, ""), errors=trap)
    assert not (tmp_path / "victim").exists()


def test_a_dead_folder_is_deleted_without_a_step_into_its_traps(folder: Path, errors: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept").touch()
    (folder / "deep" / "closed").mkdir(parents=True)
    (folder / "deep" / "closed" / "file").touch()
    (folder / "deep" / "closed").chmod(0o000)
    (folder / ".hidden").symlink_to(victim)
    (folder / "-rf").touch()
    os.mkfifo(folder / "pipe")
    (tmp_path / "dead").mkdir()
    moved = sealing.set_aside(folder, tmp_path / "dead")
    sealing.discard(moved, errors=errors, seconds=DEADLINE)
    assert not moved.exists()
    assert (victim / "kept").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"pid": "1"},
        {"pid": 0},
        {"pid": True},
        {"started": -1},
        {"cgroups": ["/sys/fs/cgroup"]},
        {"more": 1},
        {"limits": 3},
    ],
)
def test_a_record_that_was_tampered_with_is_refused(change: dict[str, object]) -> None:
    record = sealing.Box(pid=1, started=1, sealed=True).to_json()
    assert sealing.Box.from_json(json.loads(json.dumps(record))).pid == 1
    with pytest.raises(sealing.SealError):
        sealing.Box.from_json(record | change)
    with pytest.raises(sealing.SealError):
        sealing.Box.from_json([record])


# --- one at a time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("launch", [sealing.launch, sealing.launch_unsealed])
def test_a_box_that_no_record_told_of_is_ended_before_another_begins(
    launch: Callable[..., sealing.Box], folder: Path, errors: Path, tmp_path: Path
) -> None:
    chosen = plan(folder, STUBBORN, folder_inside=str(folder))
    with sealing.only_box(tmp_path / "lock", patience=0) as lock:
        lost = launch(chosen, errors=errors, lock=lock)
    try:
        until_said(errors, "READY")
        marked = process.marked("HAYRIDE_BOX", str(lost.scratch))
        inside = in_same_pids(lost) if lost.sealed else {pid for pid, _ in marked}
        assert len(inside) >= 3
        with sealing.only_box(tmp_path / "lock", patience=0.2):
            assert gone(inside)
    finally:
        lost.stop(patience=0)


def test_a_lock_whose_holder_cannot_be_found_starts_no_second_box(tmp_path: Path) -> None:
    with (
        sealing.only_box(tmp_path / "lock", patience=0),
        pytest.raises(sealing.SealError, match="cannot be found"),
        sealing.only_box(tmp_path / "lock", patience=0),
    ):
        pass


def test_what_is_no_lock_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("mine")
    with pytest.raises(sealing.SealError, match="no lock"), sealing.only_box(tmp_path / "lock", patience=0):
        pass
    assert (tmp_path / "lock").read_text() == "mine"


# --- without a box ------------------------------------------------------------------------------------------------


def test_the_same_plan_runs_unsealed_and_all_of_it_is_stopped(folder: Path, errors: Path, tmp_path: Path) -> None:
    script = f"""
import os, stat
config = os.environ["HAYRIDE_CONFIG"]
print(open(config).read(), oct(stat.S_IMODE(os.stat(config).st_mode)), os.getcwd(), os.getppid(), flush=True)
print("SOCKET" if stat.S_ISSOCK(os.fstat(int(os.environ["HAYRIDE_SOCKETS"].partition("=")[2])).st_mode) else "NONE")
{STUBBORN}
"""
    chosen = plan(folder, script, files={"/run/hayride.json": b"SECRET"}, folder_inside=str(folder))
    chosen = replace(chosen, environment={**chosen.environment, "HAYRIDE_CONFIG": "/run/hayride.json"})
    with sealing.SocketFolder(tmp_path / "run") as run, run.listen("http") as listening:
        box = sealing.launch_unsealed(replace(chosen, sockets={"http": listening}), errors=errors)
    try:
        said = until_said(errors, "READY")
        assert f"SECRET 0o600 {folder}" in said
        assert "SOCKET" in said
        assert not box.sealed
        assert box.scratch is not None
        found = {pid for pid, _ in process.marked("HAYRIDE_BOX", box.scratch)}
        assert len(found) == 3
    finally:
        box.stop(patience=0.3)
    assert gone(found)
    assert not box.alive()
    assert not Path(box.scratch).exists()
