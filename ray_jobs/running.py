"""One job at its machine: the task's stream into the journal, to whoever reads; and stopping the task for good.

1. The order and `accepted` are on the disk before anybody is told that the job was started.
2. Each event of the task gets its number and time, goes to the disk, then to the readers.
3. A cancel or the time limit stops the task: first by an interrupt, upon which it ends its process, two seconds later
   by force, since native code does not listen. The ending is written when the task is gone.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol

from ray_jobs.journal import Journal, Line, is_ending
from ray_jobs.spec import Problem, ProblemCode
from ray_jobs.work import LOG

log = logging.getLogger("ray_jobs")

#: Seconds for a task to end after being asked, and after being forced.
GRACE, FORCED = 2.0, 10.0


class Stream(Protocol):
    """A running task: its events, and the two ways to stop it."""

    def events(self) -> AsyncIterator[Line]: ...
    def stop(self, *, force: bool) -> None: ...


class Job:
    """What the agent knows of one job. Lives on the event loop."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self.journal = journal
        self._clock = clock
        self._changed = asyncio.Condition()
        self._stop = asyncio.Event()
        self._stop_event: Line = {}

    @property
    def ended(self) -> bool:
        return self.journal.ended

    async def append(self, event: Line) -> None:
        """Numbers the event, writes it to the disk, then shows it. Does nothing after the ending."""
        if self.ended:
            return
        event = {**event, "n": self.journal.last + 1, "at": self._clock()}
        try:
            await asyncio.to_thread(self.journal.write, event)
        except OSError as error:
            # A full disk must not stop the job from ending: from now on it is told from memory.
            log.error("journal of %s: %s", self.journal.job_id, error.strerror)
        self.journal.events.append(event)
        async with self._changed:
            self._changed.notify_all()

    async def read(self, since: int, wait: float) -> list[Line]:
        """Events after number `since`; waits up to `wait` seconds for one, unless the job has ended."""

        def newer() -> list[Line]:
            return [event for event in self.journal.events if event["n"] > since]

        if not newer() and not self.ended and wait > 0:
            async with self._changed:
                try:
                    await asyncio.wait_for(self._changed.wait_for(lambda: newer() or self.ended), wait)
                except TimeoutError:
                    return []
        return newer()

    def stop(self, ending: Line) -> bool:
        """Asks for the job to be stopped and to end with `ending`. False where it has ended; the first reason
        counts.
        """
        if self.ended:
            return False
        if not self._stop.is_set():
            self._stop_event = ending
            self._stop.set()
        return True

    async def run(self, stream: Stream, time_limit: int) -> None:
        """Follows the task to its end. The time limit counts from `started`, so waiting for a free core costs
        nothing.
        """
        kills = kernel_kills()
        consuming = asyncio.create_task(self._consume(stream, time_limit))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({consuming, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not consuming.done():
                await self._end_task(stream, consuming)
        finally:
            stopping.cancel()
        if self._stop.is_set():
            await self.append(self._stop_event)
        elif error := consuming.exception():
            await self.append(crash(error, self.journal.job_id, out_of_memory=kernel_kills() > kills))
        elif not self.ended:
            await self.append(crash(RuntimeError("no ending"), self.journal.job_id))

    async def _consume(self, stream: Stream, time_limit: int) -> None:
        timer: asyncio.TimerHandle | None = None
        try:
            async for event in stream.events():
                if self._stop.is_set() and not is_ending(event):
                    continue
                if event["kind"] == "started":
                    ending = {"kind": "timed_out", "limit": time_limit}
                    timer = asyncio.get_running_loop().call_later(time_limit, self.stop, ending)
                await self.append(_logged(event, self.journal.job_id))
                if self.ended:
                    return
        finally:
            if timer:
                timer.cancel()

    async def _end_task(self, stream: Stream, consuming: asyncio.Task[None]) -> None:
        for force, patience in ((False, GRACE), (True, FORCED)):
            stream.stop(force=force)
            await asyncio.wait({consuming}, timeout=patience)
            if consuming.done():
                return
        log.error("task of %s did not end", self.journal.job_id)
        consuming.cancel()


def kernel_kills() -> int:
    """How many processes the kernel has killed for want of memory since it started; 0 where it does not tell."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def crash(error: BaseException, job_id: str, *, out_of_memory: bool = False) -> Line:
    """The failed event of a task whose process is gone, with an id that finds the log line."""
    kind = type(error).__name__
    if kind == "OutOfMemoryError" or out_of_memory:
        code, message = ProblemCode.OUT_OF_MEMORY, "The machine ran out of memory, and the job was stopped."
    else:
        code, message = ProblemCode.CRASHED, "The job's process ended unexpectedly."
    problem = Problem(code=code, message=message).model_dump(mode="json")
    return _logged({"kind": "failed", "problem": problem, LOG: kind}, job_id)


def _logged(event: Line, job_id: str) -> Line:
    """The event without what is for the log; its problem gets the id of the log line."""
    if LOG not in event:
        return event
    log_id = secrets.token_hex(4)
    log.error("%s job %s: %s", log_id, job_id, event[LOG])
    kept = {name: value for name, value in event.items() if name != LOG}
    return {**kept, "problem": {**event["problem"], "log_id": log_id}}


def remove_unfinished(folder: Path) -> None:
    """What a stopped task left behind in its job's folder."""
    for path in folder.glob("unfinished*"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def ray_stream(generator: Any) -> Stream:
    """A Stream over Ray's streaming generator."""
    return _RayStream(generator)


class _RayStream:
    def __init__(self, generator: Any) -> None:
        self._generator = generator

    async def events(self) -> AsyncIterator[Line]:
        async for reference in self._generator:
            event = await reference
            if isinstance(event, dict):
                yield event

    def stop(self, *, force: bool) -> None:
        import ray

        ray.cancel(self._generator, force=force)
