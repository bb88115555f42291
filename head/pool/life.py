"""The life of the box's program: serve from the first moment, bring Ray up, keep it up, end all of it.

1. The HTTP interface and the door listen; the interface says "starting".
2. The Ray head starts, we become its driver: "ready".
3. If the head dies, we begin anew in the same process: a driver has threads and state that only that gets rid of.
   The listening sockets go along, so callers wait instead of being refused; machines open their tunnels again.
4. A signal or POST /stop ends Ray and us.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import uvicorn

from head.pool.agents import Overdue, places_waiting
from head.pool.config import Layout, PoolConfig
from head.pool.dashboard import DashboardPass
from head.pool.door import Door
from head.pool.driver import Driver
from head.pool.http import Parts, create_app
from head.pool.nodes import Burials, bury, known_nodes
from head.pool.output import keep_small
from head.pool.ray_head import RayHead
from ray_jobs.place import disk_used
from sealing import processes

log = logging.getLogger(__name__)

#: Seconds that Ray's processes are given to end by themselves.
_PATIENCE = 3.0
_DISK_EVERY = 30.0
_BURY_EVERY = 2.0


class RayDied(Exception):
    """The Ray head ended while the box was to go on."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours."""
        yield


class Life:
    """One run of the program."""

    def __init__(self, config: PoolConfig, layout: Layout, *, http: socket.socket, door: socket.socket) -> None:
        self._config = config
        self._layout = layout
        self._sockets = {"http": http, "door": door}
        self._driver = Driver(config)
        self._door = Door()
        self._ray = RayHead(config, gcs=layout.gcs, temp=layout.ray, logs=layout.logs)
        self._stop = asyncio.Event()
        self._disk = 0
        self._asked_to_end = False

    async def run(self) -> None:
        """Returns when asked to stop, with nothing left running. Raises RayDied, also with nothing left."""
        self._take_signals()
        token = self._config.ray_token.get_secret_value()
        dashboard = DashboardPass(self._config.address, token, ask=self._ray.ask_dashboard)
        server = _Server(self._http(dashboard))
        tasks = [
            asyncio.create_task(work)
            for work in (
                self._serve(server),
                self._keep_ray(),
                self._measure_disk(),
                keep_small(self._layout.logs / "output.log"),
            )
        ]
        acceptor = await self._door.open(self._sockets["door"].dup())
        stopping = asyncio.create_task(self._wait_stop())
        try:
            # None of the tasks returns; whichever ends does so by raising.
            done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            self._asked_to_end = True
        finally:
            self._driver.ready = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            acceptor.close()
            await processes.end_all(_PATIENCE)
            if self._asked_to_end and not self._config.sealed:
                # It lies outside of the pool's folder.
                shutil.rmtree(self._layout.ray.parent, ignore_errors=True)

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)

    async def _wait_stop(self) -> None:
        await self._stop.wait()
        log.info("Asked to stop")

    def _http(self, dashboard: DashboardPass) -> uvicorn.Config:
        parts = Parts(
            driver=self._driver, door=self._door, dashboard=dashboard, ray_version=version("ray"),
            sealed=self._config.sealed, disk=lambda: self._disk,
        )  # fmt: skip
        return uvicorn.Config(
            create_app(parts), log_config=None, access_log=False, lifespan="off", ws="none",
            timeout_graceful_shutdown=1,
        )  # fmt: skip

    async def _serve(self, server: uvicorn.Server) -> None:
        # Its own copy: uvicorn closes what it served on, and the next run goes on with the socket.
        await server.serve(sockets=[self._sockets["http"].dup()])

    async def _keep_ray(self) -> None:
        """Returns never; raises RayDied."""
        await self._ray.start()
        await self._driver.connect()
        # Ray's driver puts a handler before ours that aborts the process three seconds after SIGTERM.
        self._take_signals()
        log.info("Ready")
        background: list[Coroutine[Any, Any, None]] = [
            self._ray.keep_dashboard(),
            self._look_after_nodes(),
            processes.keep_reaping(),
        ]
        tasks = [asyncio.create_task(work) for work in background]
        try:
            raise RayDied(await self._ray.wait_dead())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_after_nodes(self) -> None:
        """Buries nodes that cannot be alive, and has agents made anew that wait for such a one."""
        burials, overdue = Burials(), Overdue()
        while True:
            await asyncio.sleep(_BURY_EVERY)
            try:
                await self._bury(burials)
                await self._remake(overdue)
            except Exception as error:  # whatever it was, it is tried again
                log.warning("Could not look after the nodes: %s", error)

    async def _bury(self, burials: Burials) -> None:
        token, removed = self._config.ray_token.get_secret_value(), self._door.removed
        dead = await self._driver.ask(lambda: bury(burials, self._config.address, token, removed))
        if dead:
            log.info("Told Ray that these nodes are dead: %s", ", ".join(dead))

    async def _remake(self, overdue: Overdue) -> None:
        token = self._config.ray_token.get_secret_value()
        waiting = await self._driver.ask(lambda: places_waiting(self._config.address, token))
        # One whose machine is away waits rightly.
        nodes = await self._driver.ask(known_nodes) if waiting else []
        here = {node.machine_id for node in nodes} & set(self._door.tunnels)
        for place in overdue.among([place for place in waiting if place in here], time.monotonic()):
            log.warning("The agent of %s was not made in time, and is made anew", place)
            await self._driver.remake(place)

    async def _measure_disk(self) -> None:
        while True:
            self._disk = await asyncio.to_thread(disk_used, self._config.folder)
            await asyncio.sleep(_DISK_EVERY)


def begin_anew(*sockets: socket.socket) -> None:
    """Replaces this program by itself, with the sockets that it was started with."""
    for each in sockets:
        os.set_inheritable(each.fileno(), True)
    os.execv(sys.executable, [sys.executable, "-m", "head.pool"])
