"""A box that has been set up and waits: bwrap runs, its process 1 exists, the command has not begun."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sealing.bwrap import options
from sealing.errors import SealError
from sealing.plan import BoxPlan

#: Seconds that bwrap may take to set a box up: it only mounts.
SETUP_TIME = 30.0
_LONGEST_REASON = 300
_MFD_CLOEXEC = 1  # memfd_create(2)
LINUX_ALONE = "Boxes are made of Linux' namespaces."


class Waiting:
    """What there is before the command begins."""

    def __init__(self, *, name: str, process: subprocess.Popen[bytes], pid: int, said: int, go: int) -> None:
        self.name = name
        #: bwrap outside of the box; it ends with the command.
        self.process = process
        #: Host pid of the box's process 1.
        self.pid = pid
        #: Reads what the box says on standard output and error.
        self.said = said
        self._go = go

    def begin(self) -> None:
        """Lets the command begin once all is mounted. Raises SealError where that failed."""
        watch = select.poll()
        # The pipe has room for one packet: it is writable again when bwrap has taken this one, broken if it never did.
        watch.register(self._go, select.POLLOUT)
        try:
            os.write(self._go, b"\n")
            taken = any(event & select.POLLOUT for _, event in watch.poll(SETUP_TIME * 1000))
        except BrokenPipeError:
            taken = False
        if not taken:
            raise SealError(f"Box {self.name} was not set up.")
        os.close(self._go)
        self._go = -1

    def failure(self) -> SealError:
        """Why there is no box; ends what there is of it, so nothing else may be asked of this object."""
        # It may be about to say why.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2)
        self.process.kill()
        self.process.wait()
        words = _last_line(self.said)
        for number in (self.said, self._go):
            if number >= 0:
                os.close(number)
        return SealError(f"Box {self.name} could not be made: {words}")


class Descriptors:
    """Descriptors that are ours until the child has its copies."""

    def __init__(self) -> None:
        self.all: list[int] = []

    def data(self, content: bytes) -> int:
        """A descriptor that reads `content`, which no process but its reader sees."""
        number = _memory_file()
        self.all.append(number)
        with open(number, "wb", closefd=False) as writer:
            writer.write(content)
        os.lseek(number, 0, os.SEEK_SET)
        return number

    def pipe(self) -> tuple[int, int]:
        """(read end, write end)."""
        ends = os.pipe()
        self.all += ends
        return ends

    def packet_pipe(self) -> tuple[int, int]:
        """(read end, write end) of a pipe with room for one packet, whatever its length."""
        if sys.platform != "linux":
            raise SealError(LINUX_ALONE)
        ends = os.pipe2(os.O_CLOEXEC | os.O_DIRECT)
        self.all += ends
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, mmap.PAGESIZE)
        return ends

    def keep(self, number: int) -> int:
        """Leaves this one to the caller."""
        self.all.remove(number)
        return number


@contextlib.contextmanager
def descriptors() -> Iterator[Descriptors]:
    """Closes what was not kept."""
    held = Descriptors()
    try:
        yield held
    finally:
        for number in held.all:
            os.close(number)


@contextlib.contextmanager
def set_up(bwrap: Path, plan: BoxPlan, lock: int | None = None) -> Iterator[Waiting]:
    """A box for the plan that waits to begin; an error meanwhile ends it. Raises SealError with bwrap's own words."""
    waiting = _start(bwrap, plan, lock)
    try:
        if waiting.pid == 0:
            raise SealError("bwrap ended early.")
        yield waiting
    except BaseException as error:
        failure = waiting.failure()
        if isinstance(error, SealError | OSError):
            raise failure from error
        raise


def _start(bwrap: Path, plan: BoxPlan, lock: int | None) -> Waiting:
    if plan.folder.is_symlink() or not plan.folder.is_dir():
        raise SealError(f"Box {plan.name} has no folder at {plan.folder}.")
    with descriptors() as held:
        chosen = options(plan, held.data)
        told, tells = held.pipe()
        waits, go = held.packet_pipe()
        said, says = held.pipe()
        chosen += ["--info-fd", str(tells), "--block-fd", str(waits)]
        if lock is not None:
            chosen += ["--sync-fd", str(lock)]  # process 1 keeps it, and the command does not get it
        arguments = held.data(b"".join(option.encode() + b"\0" for option in chosen))
        # Of ours the child keeps what bwrap reads and closes, and the sockets.
        passed = [number for number in held.all if number not in (told, go, said, says)]
        passed += [listening.fileno() for listening in plan.sockets.values()]
        passed += [] if lock is None else [lock]
        process = subprocess.Popen(
            [str(bwrap), "--args", str(arguments), "--", *plan.command],
            # As process 1 of the box, bwrap shows inside what it was started with.
            env={},
            stdin=subprocess.DEVNULL,
            stdout=says,
            stderr=says,
            pass_fds=passed,
            start_new_session=True,
            cwd="/",
        )
        for number in (tells, waits, says):
            os.close(held.keep(number))
        pid = _process_one(told)
        return Waiting(name=plan.name, process=process, pid=pid, said=held.keep(said), go=held.keep(go))


def _memory_file() -> int:
    """A file of memory that no program inherits. Builds of Python for the oldest Linux lack the call; glibc has it."""
    if sys.platform != "linux":
        raise SealError(LINUX_ALONE)
    if hasattr(os, "memfd_create"):
        return os.memfd_create("hayride", os.MFD_CLOEXEC)
    number: int = ctypes.CDLL(None, use_errno=True).memfd_create(b"hayride", _MFD_CLOEXEC)
    if number < 0:
        raise OSError(ctypes.get_errno(), "memfd_create")
    return number


def _process_one(told: int) -> int:
    """The pid out of bwrap's --info-fd, which it closes once it has said all; 0 where it died before."""
    text = b""
    while select.select([told], [], [], SETUP_TIME)[0]:
        part = os.read(told, 65536)
        text += part
        if not part:
            break
    try:
        return int(json.loads(text)["child-pid"])
    except (ValueError, KeyError, TypeError):
        return 0


def _last_line(said: int) -> str:
    """The end of what bwrap said, after its end."""
    os.set_blocking(said, False)
    with contextlib.suppress(BlockingIOError):
        lines = os.read(said, 65536).decode(errors="replace").strip().splitlines()
        if lines:
            return lines[-1][-_LONGEST_REASON:]
    return "it ended without a word."
