"""The tunnels that are up: one for each machine, the newest wins, and each can be cut at once."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from head.errors import TunnelRefused
from head.gateway.messages import HEARTBEAT
from head.gateway.services import GatewayServices

log = logging.getLogger(__name__)

#: Bytes in one frame.
FRAME = 64 * 1024
#: Seconds after which a tunnel that said nothing at all is given up; a frozen one lives as long.
SILENCE = 3600.0

CLOSE_REFUSED = 4403

Door = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def refusal(message: str) -> Mapping[str, object]:
    """What a machine is told that is not to come back."""
    return {"type": "refused", "code": TunnelRefused.code, "message": message}


class LiveTunnel:
    """One authenticated WebSocket, which passes the bytes of the door once granted."""

    def __init__(self, websocket: WebSocket, machine_id: str, services: GatewayServices) -> None:
        self.machine_id = machine_id
        #: Its result is what the machine is told, with the closing code.
        self.end: asyncio.Future[tuple[Mapping[str, object], int]] = asyncio.get_running_loop().create_future()
        self.granted = False
        self._websocket = websocket
        self._services = services
        self._noting: asyncio.Task[None] | None = None
        self._malformed = False

    def cut(self, message: Mapping[str, object], close_code: int) -> None:
        """Ends the tunnel, telling the machine why."""
        if not self.end.done():
            self.end.set_result((message, close_code))

    async def say_goodbye(self) -> None:
        message, close_code = self.end.result()
        with suppress(RuntimeError, WebSocketDisconnect, OSError, TimeoutError):
            async with asyncio.timeout(2):  # a frozen machine reads nothing
                await self._websocket.send_text(json.dumps(message))
                await self._websocket.close(close_code)

    async def pass_bytes(self, door: Door | None) -> None:
        """Passes bytes both ways until the door, the machine or `cut` ends it."""
        tasks: set[asyncio.Task[None]] = {asyncio.create_task(self._from_machine(door[1] if door else None))}
        if door:
            tasks.add(asyncio.create_task(self._from_door(door[0])))
        try:
            either: set[asyncio.Future[Any]] = {*tasks, self.end}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self.end.done():
                await self.say_goodbye()
        finally:
            if self._noting:
                tasks.add(self._noting)
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(
                    outcome, (OSError, WebSocketDisconnect, TimeoutError)
                ):
                    log.error("a tunnel of %s ended badly", self.machine_id, exc_info=outcome)
            with suppress(RuntimeError, WebSocketDisconnect, OSError):
                await self._websocket.close(1001)

    async def _from_machine(self, door: asyncio.StreamWriter | None) -> None:
        receive = self._websocket.receive
        while True:
            async with asyncio.timeout(SILENCE):
                message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if data := message.get("bytes"):
                if door is None:
                    return
                door.write(data)
                await door.drain()
            elif text := message.get("text"):
                self._note_heartbeat(text)

    async def _from_door(self, door: asyncio.StreamReader) -> None:
        send = self._websocket.send
        while data := await door.read(FRAME):
            await send({"type": "websocket.send", "bytes": data})

    def _note_heartbeat(self, text: str) -> None:
        """Notes a heartbeat beside the bytes, so that a slow store delays none; one at a time, others are dropped."""
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._answer_heartbeat(text))

    async def _answer_heartbeat(self, text: str) -> None:
        try:
            heartbeat = HEARTBEAT.validate_json(text)
        except ValidationError:
            if not self._malformed:  # once: the machine says how many there are
                self._malformed = True
                log.warning("machine %s sends malformed heartbeats", self.machine_id)
            return
        try:
            answer = await self._services.heartbeat(self.machine_id, heartbeat.facts)
        except TunnelRefused as error:
            self.cut(refusal(str(error)), CLOSE_REFUSED)
            return
        with suppress(RuntimeError, WebSocketDisconnect, OSError):
            await self._websocket.send_text(json.dumps({"type": "heartbeat", **asdict(answer)}))


class Tunnels:
    """All live tunnels of this server, by machine."""

    def __init__(self, services: GatewayServices) -> None:
        self._services = services
        #: The newest is the last; those before it have been told to end.
        self._live: dict[str, list[LiveTunnel]] = {}
        #: Machines whose tunnel the control plane was told of.
        self._told: set[str] = set()

    def is_live(self, machine_id: str) -> bool:
        """Whether the machine has a tunnel that was granted."""
        live = self._live.get(machine_id, [])
        return bool(live) and live[-1].granted

    def cut(self, machine_id: str, *, reason: str = "This machine was removed from its pool.") -> bool:
        """Cuts the machine's tunnel for good (its node agent does not come back); False if it has none."""
        live = self._live.get(machine_id, [])
        for each in live:
            each.cut(refusal(reason), CLOSE_REFUSED)
        return bool(live)

    def close_all(self) -> None:
        """Ends every tunnel because the server stops; the machines come back by themselves."""
        for live in self._live.values():
            for each in live:
                each.cut({"type": "retry", "code": "stopping", "message": "The server is stopping."}, 1012)

    async def grant(self, live: LiveTunnel) -> None:
        """Notes, inside of `the_only`, that the machine was granted this tunnel."""
        live.granted = True
        self._told.add(live.machine_id)
        await self._services.tunnel_opened(live.machine_id)

    @asynccontextmanager
    async def the_only(self, live: LiveTunnel) -> AsyncIterator[None]:
        """Makes `live` the machine's only tunnel; the older is told that it was replaced, whatever becomes of this one.

        When the last of a machine's tunnels has ended the control plane is told, if it had been told of any.
        """
        machine_id = live.machine_id
        all_live = self._live.setdefault(machine_id, [])
        for older in all_live:
            # Not only when `live` is granted: opening the door for it ends the older one's SSH, and an older agent that
            # had not been told why would come back and replace this one in turn.
            older.cut({"type": "replaced", "message": "Another node agent of this machine has connected."}, 4409)
        all_live.append(live)
        try:
            yield
        finally:
            all_live.remove(live)
            if not all_live:
                del self._live[machine_id]
                if machine_id in self._told:
                    self._told.discard(machine_id)
                    await self._services.tunnel_closed(machine_id)
