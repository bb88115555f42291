"""Ray's dashboard, with the parts that a pool has a use for.

`ray start` knows a whole dashboard or none. With none it still starts the dashboard's process, empty, so that one's own
command line tells how to start it; we start it again with the modules that show nodes, actors, tasks, logs and jobs.
That leaves out five processes (Serve, Train, Data, events, Prometheus; 110 MB), and the head does not wait for it.
And it runs only while somebody looks, since it holds 240 MB: what it shows is in the GCS, so nothing is missed.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from head.pool.output import rotate
from sealing import processes

log = logging.getLogger(__name__)

MODULES = ("NodeHead", "ReportHead", "StateHead", "JobHead")
#: Seconds after the last question in which it still runs. Its page asks every few seconds as long as it is open.
UNWATCHED = 300.0
#: Options of the empty one that ours does without.
_EMPTY = ("--modules-to-load=", "--disable-frontend")


class RayDashboard:
    """The dashboard's processes: started when somebody asks, started again when they end, ended when nobody has asked
    for `UNWATCHED` seconds. Nothing but the view of the pool hangs on them.
    """

    def __init__(self, address: str, logs: Path) -> None:
        self._address = address
        self._output = logs / "dashboard.log"
        self._watched = asyncio.Event()
        self._asked = 0.0  #: the loop's time

    def ask(self) -> None:
        """Somebody looks."""
        self._asked = asyncio.get_running_loop().time()
        self._watched.set()

    async def keep(self) -> None:
        """Never returns; a missing dashboard is no reason to end a pool."""
        command = self._command()
        if command is None:
            log.error("Ray started no dashboard of its own, so there is none to start again")
            await asyncio.Event().wait()
            return
        pause = 1.0
        while True:
            await self._watched.wait()
            code = await self._run(command)
            if code is None:
                pause = 1.0
                continue
            log.warning("The dashboard ended with %s", code)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 60.0)

    async def _run(self, command: tuple[str, ...]) -> int | None:
        """Until it ends by itself, with its exit code; or until nobody looks any more."""
        rotate(self._output)
        with self._output.open("wb") as output:
            child = await processes.start(*command, output=output)
        ended, left = asyncio.ensure_future(child.wait()), asyncio.ensure_future(self._left())
        try:
            await asyncio.wait({ended, left}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return ended.result()
            self._watched.clear()
            return None
        finally:
            left.cancel()
            processes.kill_tree(child.pid)
            await ended

    async def _left(self) -> None:
        """Returns when nobody has asked for long enough."""
        loop = asyncio.get_running_loop()
        while True:
            wait = self._asked + UNWATCHED - loop.time()
            if wait <= 0:
                return
            await asyncio.sleep(wait)

    def _command(self) -> tuple[str, ...] | None:
        """Ends the empty dashboard; its command line, with our modules."""
        for process in processes.descendants():
            if any(part.endswith("ray/dashboard/dashboard.py") for part in process.command):
                processes.kill_tree(process.pid)
                kept = tuple(part for part in process.command if not part.startswith(_EMPTY))
                return (*kept, f"--modules-to-load={','.join(MODULES)}")
        return None
