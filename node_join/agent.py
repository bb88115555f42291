"""The node agent: keeps the machine's box running and one tunnel open, and says at the prompt how it goes."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable
from functools import partial

from node_join.backoff import Backoff
from node_join.box import MachineBox
from node_join.errors import Again, BoxSilent, ForGood
from node_join.facts import cores, facts, in_words, memory
from node_join.state import Machine, StateFolder
from node_join.tunnel import run_tunnel
from sealing import seal_status

#: Exit status when it is no use to start again: refused, revoked, replaced.
EXIT_FOR_GOOD = 3
#: A tunnel that held this long, in seconds, was good: the next failure waits shortly again.
_GOOD = 30.0
#: A box that did not answer so many times is started anew. Not at once: that ends its jobs, and it may just be busy.
_SILENT = 3

Say = Callable[[str], None]


class NodeAgent:
    """Runs until SIGTERM or SIGINT (status 0), or until the server refuses this machine for good (status 3)."""

    def __init__(self, machine: Machine, state: StateFolder, say: Say) -> None:
        self._machine = machine
        self._state = state
        self._say = say
        self._said_waiting = False
        self._said_joined = False

    async def run(self) -> int:
        """Raises NodeError where no box can be made."""
        box = MachineBox(self._machine, self._state, sealed=await asyncio.to_thread(self._sealed))
        working = asyncio.create_task(self._work(box))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, working.cancel)
        try:
            await working
        except asyncio.CancelledError:
            self._say("Stopping.")
        except ForGood as error:
            self._say(str(error))
            return EXIT_FOR_GOOD
        finally:
            await box.stop()
        return 0

    def _sealed(self) -> bool:
        """Whether the box is sealed; the owner is told where not. Raises ForGood where it has to be and cannot."""
        if self._machine.sealing == "off":
            self._say("NOT sealed, as you asked: jobs of your pool can read what you can read, and reach your network.")
            return False
        status = seal_status()
        if not status.available and self._machine.sealing == "on":
            raise ForGood(f"No sealed box can be made here: {status.reason} {status.remedy}".strip())
        if not status.available:
            self._say(
                f"NOT sealed: {status.reason} Jobs of your pool can read what you can read, and reach your network."
            )
            self._say(f"To seal it: {status.remedy}")
        return status.available

    async def _work(self, box: MachineBox) -> None:
        backoff, silent = Backoff(random.Random()), 0
        key = self._state.key()
        loop = asyncio.get_running_loop()
        self._say(f"Connecting to {self._machine.url} as {self._machine.name} ...")
        told = partial(facts, sealed=box.sealed, folder=self._state.node, allowed=self._machine.allowed)
        while True:
            await box.ensure()
            began = loop.time()
            try:
                await run_tunnel(self._machine, key, box.address, told, self)
            except Again as reason:
                silent = silent + 1 if isinstance(reason, BoxSilent) else 0
                if silent >= _SILENT:
                    await box.stop()
                if loop.time() - began > _GOOD:
                    backoff.reset()
                wait = backoff.wait()
                words = box.last_words()
                self._say(f"{reason} Trying again in {wait:.1f} s." + (f" The box said: {words}" if words else ""))
                await asyncio.sleep(wait)

    # --- what a tunnel tells ---

    def waiting(self, message: str) -> None:
        if not self._said_waiting:
            self._say(message)
            self._said_waiting = True

    def connected(self) -> None:
        self._said_waiting = False
        self._say("Connected." if self._said_joined else "Connected; starting the Ray node ...")

    def joined(self) -> None:
        if not self._said_joined:
            self._said_joined = True
            self._say(f"{self._machine.name} joined: {in_words(cores(), memory())}")
