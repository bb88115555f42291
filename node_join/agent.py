"""The node agent: keeps the machine's box running and one tunnel open, and says at the prompt how it goes.

What its owner changes (`hayride-node allow`, `limit`, ...) is written into machine.json; the agent sees that and, where
the box would be another, starts it anew between jobs: it tells the server that no job may begin here, and waits until
the server has said that it knows and that none runs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import datetime
from logging.handlers import RotatingFileHandler

from node_join.backoff import Backoff
from node_join.box import MachineBox
from node_join.errors import Again, BoxSilent, ForGood, NodeError, NotAdmitted
from node_join.facts import Facts, facts, given_cores, given_memory, in_words
from node_join.messages import Grant, HeartbeatAnswer
from node_join.pauses import on_battery, paused
from node_join.state import Machine, StateFolder, Status
from node_join.tunnel import run_tunnel
from node_join.upgrades import renewed
from ray_jobs.ports import MACHINE
from sealing import seal_status

#: Exit status when it is no use to start again: refused, revoked, replaced.
EXIT_FOR_GOOD = 3
#: And when a newer node agent is to take its place.
EXIT_AGAIN = 4
#: A box that did not answer so many times is started anew. Not at once: that ends its jobs, and it may just be busy.
_SILENT = 3
#: Seconds between looks at what the owner has changed.
_LOOK = 1.0
#: Answers by which nothing runs here, before the box is started anew.
_QUIET = 2
#: Seconds between questions whether another machine has let this one in.
_ADMITTED = 3.0
_LOG_SIZE = 1024 * 1024
#: Of a machine that is not sealed; Ray's nodes listen on all addresses.
_UNSEALED = "jobs of your pool can do what you can do: read and change your files, and reach your network."
_LISTENS = (
    f"Ray listens on ports {MACHINE.node_manager} to {MACHINE.metrics_export} and {MACHINE.first_worker} to "
    f"{MACHINE.last_worker} of this machine, on its network too. The pool's Ray token guards them, but for "
    f"{MACHINE.metrics_export}, where anyone can read Ray's metrics. Hayride needs none of them open: close them in "
    "your firewall, or say no where a Mac asks whether raylet may take connections."
)
_BEGINNING_ANEW = "Its settings have changed, and it begins anew."

Say = Callable[[str], None]


class _Upgraded(Exception):
    """A newer node agent waits."""


class NodeAgent:
    """Runs until SIGTERM or SIGINT (status 0), until the server refuses this machine for good (status 3), or until a
    newer node agent is to take its place (status 4).
    """

    def __init__(self, machine: Machine, state: StateFolder, say: Say) -> None:
        self._machine = machine
        self._state = state
        self._prompt = say
        self._log = RotatingFileHandler(state.path / "agent.log", maxBytes=_LOG_SIZE, backupCount=1, encoding="utf-8")
        self._log.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._status = Status(pid=os.getpid(), state="connecting", since=time.time())
        self._said_waiting = False
        self._said_joined = False
        #: Answers in a row by which no job runs and none may begin. One is not enough: a job may be on its way.
        self._quiet = 0
        #: What the next box is made of; None where the one that runs is as it should be.
        self._pending: Machine | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._upgraded = False

    async def run(self) -> int:
        """Raises NodeError where no box can be made."""
        box = MachineBox(self._machine, self._state, sealed=await asyncio.to_thread(self._sealed))
        self._note(sealed=box.sealed)
        working = asyncio.ensure_future(self._both(box))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, working.cancel)
        loop.add_signal_handler(signal.SIGUSR1, self._upgrade)
        try:
            await working
        except asyncio.CancelledError:
            self._say("Stopping.")
        except _Upgraded:
            self._say("A newer node agent takes over.")
            return EXIT_AGAIN
        except ForGood as error:
            self._say(str(error))
            return EXIT_FOR_GOOD
        finally:
            await box.stop()
            self._note(state="stopped")
            self._log.close()
        return 0

    def _sealed(self) -> bool:
        """Whether the box is sealed; the owner is told where not. Raises ForGood where it has to be and cannot."""
        if self._machine.sealing == "off":
            self._say(f"NOT sealed, as you asked: {_UNSEALED}")
            self._say(_LISTENS)
            return False
        status = seal_status()
        if not status.available and self._machine.sealing == "on":
            raise ForGood(f"No sealed box can be made here: {status.reason} {status.remedy}".strip())
        if not status.available:
            self._say(f"NOT sealed: {status.reason} So {_UNSEALED}")
            self._say(_LISTENS)
            self._say(f"To seal it: {status.remedy}")
        return status.available

    async def _both(self, box: MachineBox) -> None:
        """The tunnel, and the watch over what the owner changes; the end of either is the end of both."""
        tasks = [asyncio.create_task(self._work(box)), asyncio.create_task(self._watch(box))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            if self._renewing:
                tasks.append(self._renewing)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, box: MachineBox) -> None:
        backoff, silent = Backoff(random.Random()), 0
        key = self._state.key()
        self._say(f"Connecting to {self._machine.url} as {self._machine.name} ...")

        def told() -> Facts:
            return facts(
                sealed=box.sealed,
                folder=self._state.node,
                allowed=self._machine.allowed,
                limits=self._machine.limits,
                paused=self._paused(),
            )

        while True:
            await box.ensure()
            try:
                await run_tunnel(self._machine, key, box.address, told, self)
            except Again as reason:
                silent = silent + 1 if isinstance(reason, BoxSilent) else 0
                if silent >= _SILENT:
                    await box.stop()
                if self._status.state == "joined":
                    backoff.reset()
                wait = backoff.wait() if not isinstance(reason, NotAdmitted) else _ADMITTED
                self._failed(reason, wait, box.last_words())
                self._quiet = 0
                self._note(state="waiting", jobs=None)
                await asyncio.sleep(wait)

    def _failed(self, reason: Again, wait: float, words: str) -> None:
        """Says it, once where it only waits to be let in."""
        if isinstance(reason, NotAdmitted):
            self.waiting(str(reason))
            self._note(told=str(reason))
            return
        self._say(f"{reason} Trying again in {wait:.1f} s." + (f" The box said: {words}" if words else ""))

    # --- what the owner changes ---

    def _paused(self) -> str:
        """Why no job may begin here now."""
        if self._pending or self._upgraded:
            return _BEGINNING_ANEW
        limits = self._machine.limits
        return paused(limits, datetime.now().astimezone(), on_battery=not limits.battery and on_battery())

    async def _watch(self, box: MachineBox) -> None:
        """Raises ForGood where the machine has left its pool."""
        while True:
            await asyncio.sleep(_LOOK)
            machine = self._state.machine()
            if machine is None:
                raise ForGood("This machine has left its pool.")
            if box.outdated(machine):
                self._pending = machine
            else:
                self._machine, self._pending = machine, None
            if self._pending and self._quiet >= _QUIET:
                await self._begin_anew(box, self._pending)
            if self._upgraded and self._quiet >= _QUIET:
                raise _Upgraded

    def _upgrade(self) -> None:
        """`hayride-node upgrade` has installed a newer one, which takes over when no job runs."""
        self._say("A newer node agent is installed; it takes over when no job runs.")
        self._upgraded = True

    async def _begin_anew(self, box: MachineBox, machine: Machine) -> None:
        self._say("The settings of this machine have changed: its box is started anew.")
        await box.stop()
        box.use(machine)
        self._machine, self._pending = machine, None
        self._quiet = 0
        self._note(jobs=None, paused="")

    async def _renew(self, environment: str) -> None:
        """The server wants another environment for the node: made while jobs go on, used when none runs."""
        before = self._machine
        try:
            python = await asyncio.to_thread(renewed, before, self._state, environment)
        except NodeError as error:
            self._say(f"The node's environment was not renewed: {error}")
            return
        machine = self._state.machine() or self._machine
        if machine.neural == before.neural:  # else the owner has chosen the other environment meanwhile
            self._state.save(machine.model_copy(update={"node_python": python}))

    # --- what a tunnel tells ---

    def waiting(self, message: str) -> None:
        if not self._said_waiting:
            self._say(message)
            self._said_waiting = True

    def connected(self, grant: Grant) -> None:
        self._said_waiting = False
        self._say("Connected." if self._said_joined else "Connected; starting the Ray node ...")
        self._note(state="connected", heard=time.time())
        busy = self._renewing is not None and not self._renewing.done()
        wanted = grant.wanted(neural=self._machine.neural)
        if wanted and not busy and self._state.outdated(self._machine, wanted):
            self._renewing = asyncio.create_task(self._renew(wanted))

    def heard(self, answer: HeartbeatAnswer) -> None:
        state = "joined" if answer.joined else "connected"
        self._quiet = self._quiet + 1 if answer.paused and answer.jobs == 0 else 0
        self._note(state=state, heard=time.time(), jobs=answer.jobs, paused=self._paused() if answer.paused else "")
        if answer.joined and not self._said_joined:
            self._said_joined = True
            limits = self._machine.limits
            self._say(f"{self._machine.name} joined: {in_words(given_cores(limits), given_memory(limits))}")

    # --- saying it ---

    def _say(self, text: str) -> None:
        self._prompt(text)
        self._log.handle(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))
        self._note(told=text)

    def _note(self, **changed: object) -> None:
        """Writes the status down; since when it holds follows from the state."""
        if changed.get("state", self._status.state) != self._status.state:
            changed["since"] = time.time()
        self._status = self._status.model_copy(update=changed)
        self._state.note(self._status)
