"""Ray's dashboard, with the parts that a pool has a use for.

`ray start` knows a whole dashboard or none. With none it still starts the dashboard's process, empty, so that one's own
command line tells how to start it; we start it again with the modules that show nodes, actors, tasks, logs and jobs.
That leaves out five processes (Serve, Train, Data, events, Prometheus; 110 MB), and the head does not wait for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress
from pathlib import Path

from head.pool.output import rotate
from sealing import processes

log = logging.getLogger(__name__)

MODULES = ("NodeHead", "ReportHead", "StateHead", "JobHead")
#: Options of the empty one that ours does without.
_EMPTY = ("--modules-to-load=", "--disable-frontend")


class RayDashboard:
    """The dashboard's process, started again when it ends. Nothing but the view of the pool hangs on it."""

    def __init__(self, address: str, logs: Path) -> None:
        self._address = address
        self._output = logs / "dashboard.log"

    async def keep(self) -> None:
        """Never returns; a missing dashboard is no reason to end a pool."""
        command = self._command()
        if command is None:
            log.error("Ray started no dashboard of its own, so there is none to start again")
            await asyncio.Event().wait()
            return
        pause = 1.0
        while True:
            rotate(self._output)
            with self._output.open("wb") as output:
                child = await processes.start(*command, output=output)
            try:
                code = await child.wait()
            finally:
                if child.returncode is None:
                    child.kill()
            log.warning("The dashboard ended with %s", code)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 60.0)

    def _command(self) -> tuple[str, ...] | None:
        """Ends the empty dashboard; its command line, with our modules."""
        for process in processes.descendants():
            if any(part.endswith("ray/dashboard/dashboard.py") for part in process.command):
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                kept = tuple(part for part in process.command if not part.startswith(_EMPTY))
                return (*kept, f"--modules-to-load={','.join(MODULES)}")
        return None
