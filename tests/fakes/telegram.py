"""A Telegram Bot API server for tests: HTTP on loopback, refuses what Telegram refuses, remembers what people see.

python-telegram-bot talks to it by `base_url`. A test makes people (`person`) and groups (`group`), lets them write,
press and send files, and looks at their chats. Faults are asked for by `fail`, or by another process with POST /faults
and the same arguments as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from tests.fakes.telegram_checks import (
    GET_FILE_LIMIT,
    UPLOAD_LIMIT,
    Refused,
    arguments_of,
    checked_rows,
    checked_text,
    checked_upload,
    checked_webhook,
    refusal,
)
from tests.fakes.telegram_html import units
from tests.fakes.telegram_people import BOT, Person, Room, Shown
from tests.fakes.telegram_rates import Rates
from tests.fakes.telegram_updates import Updates

__all__ = ["GET_FILE_LIMIT", "TOKEN", "UPLOAD_LIMIT", "FakeTelegram", "Person", "Room", "Shown"]

TOKEN = "123456:fake-token-for-tests"
#: What counts against the rates.
_MESSAGES = frozenset({"sendMessage", "sendPhoto", "sendDocument", "editMessageText"})
Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class _Fault:
    method: str
    refusal: Refused | None  #: None: the call is done, only its answer comes late
    seconds: float  #: that the answer takes


class FakeTelegram:
    """The server. `await start()`, then `url` is the base_url; `await stop()` at the end."""

    def __init__(self, token: str = TOKEN, *, port: int = 0, listener: socket.socket | None = None) -> None:
        """On `listener`, which may belong to another network, else on a port of loopback."""
        self.token = token
        self.rooms: dict[int, Room] = {}
        self.menus: dict[tuple[str, str], list[dict[str, str]]] = {}  #: by scope ("default", "chat:7") and language
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusals: list[tuple[str, str]] = []  #: (method, description) of everything that was not a fault asked for
        self.rates = Rates()
        self.updates = Updates(self._announce)
        self._faults: list[_Fault] = []
        self._numbers = itertools.count(1)
        self._queries: dict[str, Person] = {}
        self._files: dict[str, tuple[bytes, int]] = {}
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._port = port
        self._listener = listener
        self.url = ""

    async def start(self) -> None:
        app = web.Application(client_max_size=2 * UPLOAD_LIMIT)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.*}", self._download)
        app.router.add_post("/faults", self._fault)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        runner, listener = self._runner, self._listener
        site = web.SockSite(runner, listener) if listener else web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        await self.updates.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- what a test does ---

    def person(self, id: int, name: str) -> Person:
        person = self.rooms.setdefault(id, Person(server=self, id=id, name=name))
        assert isinstance(person, Person)
        return person

    def group(self, id: int, name: str) -> Room:
        """Ids of groups are below zero."""
        assert id < 0
        return self.rooms.setdefault(id, Room(server=self, id=id, name=name))

    def fail(
        self,
        method: str,
        code: int = 429,
        description: str = "",
        retry_after: int | None = None,
        *,
        seconds: float = 0,
        done: bool = False,
    ) -> None:
        """The next call of the method is refused like this, `seconds` late. `done`: it is done, but told late."""
        said = description or {429: f"Too Many Requests: retry after {retry_after}"}.get(code, "Internal Server Error")
        refused = None if done else Refused(code, said, retry_after)
        self._faults.append(_Fault(method=method, refusal=refused, seconds=seconds))

    @property
    def polls(self) -> int:
        """How often updates were asked for."""
        return self.updates.polls

    async def until(self, look: Callable[[], Found | None], seconds: float) -> Found:
        """What the function finds, looked for at every change."""
        async with asyncio.timeout(seconds):
            while (found := look()) is None:
                await self.changed()
        return found

    async def changed(self) -> None:
        async with self._news:
            await self._news.wait()

    def update(self, **what: Any) -> None:
        self.updates.add({"update_id": next(self._numbers), **what})

    def new_query(self, person: Person) -> str:
        query = f"q{next(self._numbers)}"
        self._queries[query] = person
        return query

    def keep_file(self, content: bytes, size: int) -> str:
        id = f"file{next(self._numbers)}"
        self._files[id] = (content, size)
        return id

    def message(self, person: Person, what: dict[str, Any], room: Room) -> dict[str, Any]:
        message = {"message_id": next(self._numbers), "date": 0, "chat": room.place, "from": person.json}
        text = what.get("text", "")
        if text.startswith("/"):
            command = {"type": "bot_command", "offset": 0, "length": units(text.split()[0])}
            message["entities"] = [command]
        return {**message, **what}

    # --- HTTP ---

    def _announce(self) -> None:
        async def tell() -> None:
            async with self._news:
                self._news.notify_all()

        task = asyncio.ensure_future(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        fault: _Fault | None = None
        try:
            if request.match_info["token"] != self.token:
                raise Refused(401, "Unauthorized")
            arguments = await arguments_of(request)
            if method != "getUpdates":
                self.calls.append((method, arguments))
            fault = next((fault for fault in self._faults if fault.method == method), None)
            if fault is not None:
                self._faults.remove(fault)
                if fault.refusal is not None:
                    await asyncio.sleep(fault.seconds)
                    return refusal(fault.refusal)
            handler = getattr(self, f"_{method}", None)
            if handler is None:
                raise Refused(404, f"Not Found: method {method} not found")
            if method in _MESSAGES:
                self.rates.take(self._room(arguments).id)
            result = await handler(arguments)
        except Refused as refused:
            self.refusals.append((method, refused.description))
            return refusal(refused)
        self._announce()
        if fault is not None:
            await asyncio.sleep(fault.seconds)
        return web.json_response({"ok": True, "result": result})

    async def _fault(self, request: web.Request) -> web.Response:
        self.fail(**await request.json())
        return web.json_response({"ok": True})

    async def _download(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            return web.Response(status=404)
        content, _ = self._files[request.match_info["path"].removeprefix("documents/")]
        return web.Response(body=content)

    # --- methods ---

    async def _getMe(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return BOT

    async def _setWebhook(self, arguments: dict[str, Any]) -> bool:
        self.updates.bring_to(*checked_webhook(arguments, plain=True))
        return True

    async def _deleteWebhook(self, arguments: dict[str, Any]) -> bool:
        self.updates.bring_to("", "")
        return True

    async def _getWebhookInfo(self, arguments: dict[str, Any]) -> dict[str, Any]:
        waiting = self.updates.waiting
        return {"url": self.updates.url, "has_custom_certificate": False, "pending_update_count": waiting}

    async def _setMyCommands(self, arguments: dict[str, Any]) -> bool:
        commands: list[dict[str, str]] = json.loads(arguments["commands"])
        for command in commands:
            if not 1 <= len(command["command"]) <= 32 or not 1 <= len(command["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
        scope = json.loads(arguments.get("scope") or '{"type": "default"}')
        if "chat_id" in scope and int(scope["chat_id"]) not in self.rooms:
            raise Refused(400, "Bad Request: chat not found")
        name = ":".join(str(part) for part in (scope["type"], scope.get("chat_id")) if part is not None)
        self.menus[name, arguments.get("language_code", "")] = commands
        return True

    async def _getUpdates(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        return await self.updates.ask(int(arguments.get("offset", 0)), min(1.0, float(arguments.get("timeout", 0))))

    async def _sendMessage(self, arguments: dict[str, Any]) -> dict[str, Any]:
        room = self._room(arguments)
        text = checked_text(arguments, "text", 4096)
        shown = Shown(id=next(self._numbers), text=text, html=arguments["text"], rows=checked_rows(arguments))
        return self._put(room, shown, arguments)

    async def _sendPhoto(self, arguments: dict[str, Any]) -> dict[str, Any]:
        room = self._room(arguments)
        _, photo = checked_upload(arguments, "photo")
        if not photo.startswith((b"\x89PNG", b"\xff\xd8")):
            raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
        text = checked_text(arguments, "caption", 1024)
        html = arguments.get("caption", "")
        shown = Shown(id=next(self._numbers), text=text, html=html, rows=checked_rows(arguments), photo=photo)
        return self._put(room, shown, arguments)

    async def _sendDocument(self, arguments: dict[str, Any]) -> dict[str, Any]:
        room = self._room(arguments)
        document = checked_upload(arguments, "document")
        text = checked_text(arguments, "caption", 1024)
        html = arguments.get("caption", "")
        shown = Shown(id=next(self._numbers), text=text, html=html, rows=checked_rows(arguments), document=document)
        return self._put(room, shown, arguments)

    async def _editMessageText(self, arguments: dict[str, Any]) -> dict[str, Any]:
        room = self._room(arguments)
        shown = room.messages.get(int(arguments["message_id"]))
        if shown is None:
            raise Refused(400, "Bad Request: message to edit not found")
        if shown.too_old:
            raise Refused(400, "Bad Request: message can't be edited")
        if shown.photo is not None or shown.document is not None:
            raise Refused(400, "Bad Request: there is no text in the message to edit")
        text, rows = checked_text(arguments, "text", 4096), checked_rows(arguments)
        if arguments["text"] == shown.html and rows == shown.rows:
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
                "same as a current content and reply markup of the message",
            )
        shown.edits.append(shown.text)
        shown.text, shown.html, shown.rows = text, arguments["text"], rows
        return room.json_of(shown)

    async def _answerCallbackQuery(self, arguments: dict[str, Any]) -> bool:
        person = self._queries.pop(arguments["callback_query_id"], None)
        if person is None:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        if units(arguments.get("text", "")) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        if arguments.get("text"):
            person.alerts.append(arguments["text"])
        return True

    async def _sendChatAction(self, arguments: dict[str, Any]) -> bool:
        self._room(arguments)
        return True

    async def _getFile(self, arguments: dict[str, Any]) -> dict[str, Any]:
        id = arguments["file_id"]
        if id not in self._files:
            raise Refused(400, "Bad Request: invalid file_id")
        size = self._files[id][1]
        if size > GET_FILE_LIMIT:
            raise Refused(400, "Bad Request: file is too big")
        return {"file_id": id, "file_unique_id": id, "file_size": size, "file_path": f"documents/{id}"}

    def _room(self, arguments: dict[str, Any]) -> Room:
        room = self.rooms.get(int(arguments["chat_id"]))
        if room is None:
            raise Refused(400, "Bad Request: chat not found")
        if room.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return room

    def _put(self, room: Room, shown: Shown, arguments: dict[str, Any]) -> dict[str, Any]:
        shown.silent = str(arguments.get("disable_notification", "")).lower() == "true"
        room.messages[shown.id] = shown
        return room.json_of(shown)
