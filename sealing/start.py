"""A box that has been set up and waits: bwrap runs, its process 1 exists, the command has not begun."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sealing.bwrap import options
from sealing.errors import SealError
from sealing.plan import BoxPlan

#: Seconds that bwrap may take to set a box up: it only mounts.
SETUP_TIME = 30.0
_LONGEST_REASON = 300


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What there is before the command begins."""

    #: bwrap outside of the box; it ends with the command.
    process: subprocess.Popen[bytes]
    #: Host pid of the box's process 1.
    pid: int
    #: Reads what the box says on standard output and error.
    said: int
    _go: int

    def begin(self) -> None:
        """Lets the command begin."""
        os.write(self._go, b"\n")
        os.close(self._go)

    def give_up(self) -> None:
        """Ends all of it before the command began."""
        os.close(self._go)
        os.close(self.said)
        self.process.kill()
        self.process.wait()


class Descriptors:
    """Descriptors that are ours until the child has its copies."""

    def __init__(self) -> None:
        self.all: list[int] = []

    def data(self, content: bytes) -> int:
        """A descriptor that reads `content`, which no process but its reader sees."""
        number = os.memfd_create("hayride", os.MFD_CLOEXEC)
        self.all.append(number)
        with open(number, "wb", closefd=False) as writer:
            writer.write(content)
        os.lseek(number, 0, os.SEEK_SET)
        return number

    def pipe(self) -> tuple[int, int]:
        """(read end, write end)."""
        ends = os.pipe2(os.O_CLOEXEC)
        self.all += ends
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


def set_up(bwrap: Path, plan: BoxPlan) -> Waiting:
    """Starts bwrap for the plan and waits until the box is there. Raises SealError with bwrap's own words."""
    if plan.folder.is_symlink() or not plan.folder.is_dir():
        raise SealError(f"Box {plan.name} has no folder at {plan.folder}.")
    with descriptors() as held:
        chosen = options(plan, held.data)
        told, tells = held.pipe()
        waits, go = held.pipe()
        said, says = held.pipe()
        chosen += ["--info-fd", str(tells), "--block-fd", str(waits)]
        arguments = held.data(b"".join(option.encode() + b"\0" for option in chosen))
        # Of ours the child keeps what bwrap reads and closes, and the sockets.
        passed = [number for number in held.all if number not in (told, go, said, says)]
        passed += [listening.fileno() for listening in plan.sockets.values()]
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
        if pid is None:
            process.kill()
            process.wait()
            raise SealError(f"Box {plan.name} could not be made: {_last_line(said)}")
        return Waiting(process=process, pid=pid, said=held.keep(said), _go=held.keep(go))


def _process_one(told: int) -> int | None:
    """The pid out of bwrap's --info-fd, which it closes once it has said all; None where it died before."""
    text = b""
    while select.select([told], [], [], SETUP_TIME)[0]:
        part = os.read(told, 65536)
        text += part
        if not part:
            break
    try:
        return int(json.loads(text)["child-pid"])
    except (ValueError, KeyError, TypeError):
        return None


def _last_line(said: int) -> str:
    """The end of what bwrap said, after its end."""
    os.set_blocking(said, False)
    with contextlib.suppress(BlockingIOError):
        lines = os.read(said, 65536).decode(errors="replace").strip().splitlines()
        if lines:
            return lines[-1][-_LONGEST_REASON:]
    return "it ended without a word."
