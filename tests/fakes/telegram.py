"""A Telegram Bot API server for tests: HTTP on loopback, refuses what Telegram refuses, remembers what people see.

python-telegram-bot talks to it by `base_url`. A test makes people (`person`), lets them write, press and send files,
and looks at their chats. Faults are asked for by `fail`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.fakes.telegram_html import text_of, units

TOKEN = "123456:fake-token-for-tests"
GET_FILE_LIMIT, UPLOAD_LIMIT = 20 * 1024 * 1024, 50 * 1024 * 1024


class Refused(Exception):
    """An answer with ok=false."""

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after


@dataclass(kw_only=True)
class Shown:
    """One message as it stands in a chat."""

    id: int
    text: str  #: as the reader sees it
    html: str
    rows: list[list[dict[str, Any]]]
    photo: bytes | None = None
    document: tuple[str, bytes] | None = None
    silent: bool = False
    edits: list[str] = field(default_factory=list)  #: earlier texts

    @property
    def labels(self) -> list[str]:
        return [button["text"] for row in self.rows for button in row]

    def button(self, label: str) -> dict[str, Any]:
        return next(button for row in self.rows for button in row if button["text"] == label)


@dataclass(kw_only=True)
class Person:
    """Somebody with a private chat with the bot."""

    server: FakeTelegram
    id: int
    name: str
    messages: dict[int, Shown] = field(default_factory=dict)
    alerts: list[str] = field(default_factory=list)  #: what buttons answered, when it was more than nothing
    blocked: bool = False

    def says(self, text: str, chat: Mapping[str, Any] | None = None) -> None:
        self.server.update(message=self.server.message(self, {"text": text}, chat))

    def presses(self, shown: Shown, label: str) -> None:
        self.presses_data(shown, shown.button(label)["callback_data"])

    def presses_data(self, shown: Shown, data: str) -> str:
        """Presses a button with this callback; the query's id."""
        query = self.server.new_query(self)
        message = self.server.message_json(self.id, shown)
        pressed = {"id": query, "from": self.json, "message": message, "chat_instance": "1", "data": data}
        self.server.update(callback_query=pressed)
        return query

    def sends(self, name: str, content: bytes, *, size: int | None = None) -> None:
        """Sends a file; `size` is what Telegram says of it, where the content is not really that long."""
        id = self.server.keep_file(content, len(content) if size is None else size)
        document = {"file_id": id, "file_unique_id": id, "file_name": name, "file_size": size or len(content)}
        self.server.update(message=self.server.message(self, {"document": document}))

    @property
    def json(self) -> dict[str, Any]:
        return {"id": self.id, "is_bot": False, "first_name": self.name}

    @property
    def last(self) -> Shown:
        return list(self.messages.values())[-1]

    async def sees(self, wanted: Callable[[Shown], bool] | str, seconds: float = 10) -> Shown:
        """The newest message that has the text, or for which the function is true; waits for it."""
        fits = (lambda shown: wanted in shown.text) if isinstance(wanted, str) else wanted
        async with asyncio.timeout(seconds):
            while True:
                for shown in reversed(self.messages.values()):
                    if fits(shown):
                        return shown
                await self.server.changed()


@dataclass(kw_only=True)
class _Fault:
    method: str
    refusal: Refused


class FakeTelegram:
    """The server. `await start()`, then `url` is the base_url; `await stop()` at the end."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token
        self.people: dict[int, Person] = {}
        self.commands: list[dict[str, str]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusals: list[tuple[str, str]] = []  #: (method, description) of everything that was not a fault asked for
        self._faults: list[_Fault] = []
        self._updates: deque[dict[str, Any]] = deque()
        self._numbers = itertools.count(1)
        self._queries: dict[str, Person] = {}
        self._files: dict[str, tuple[bytes, int]] = {}
        self._news = asyncio.Condition()
        self.polls = 0  #: how often updates were asked for
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        app = web.Application(client_max_size=2 * UPLOAD_LIMIT)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.*}", self._download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # --- what a test does ---

    def person(self, id: int, name: str) -> Person:
        return self.people.setdefault(id, Person(server=self, id=id, name=name))

    def fail(self, method: str, code: int = 429, description: str = "", retry_after: int | None = None) -> None:
        """The next call of the method is refused like this."""
        said = description or {429: f"Too Many Requests: retry after {retry_after}"}.get(code, "Internal Server Error")
        self._faults.append(_Fault(method=method, refusal=Refused(code, said, retry_after)))

    async def changed(self) -> None:
        async with self._news:
            await self._news.wait()

    def update(self, **what: Any) -> None:
        self._updates.append({"update_id": next(self._numbers), **what})
        self._announce()

    def new_query(self, person: Person) -> str:
        query = f"q{next(self._numbers)}"
        self._queries[query] = person
        return query

    def keep_file(self, content: bytes, size: int) -> str:
        id = f"file{next(self._numbers)}"
        self._files[id] = (content, size)
        return id

    def message(self, person: Person, what: dict[str, Any], chat: Mapping[str, Any] | None = None) -> dict[str, Any]:
        private = {"id": person.id, "type": "private", "first_name": person.name}
        message = {"message_id": next(self._numbers), "date": 0, "chat": dict(chat or private), "from": person.json}
        text = what.get("text", "")
        if text.startswith("/"):
            command = {"type": "bot_command", "offset": 0, "length": units(text.split()[0])}
            message["entities"] = [command]
        return {**message, **what}

    def message_json(self, chat_id: int, shown: Shown) -> dict[str, Any]:
        private = {"id": chat_id, "type": "private", "first_name": self.people[chat_id].name}
        bot = {"id": 1, "is_bot": True, "first_name": "Hayride"}
        json_: dict[str, Any] = {"message_id": shown.id, "date": 1, "chat": private, "from": bot}
        if shown.photo is not None:
            photo = {"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}
            return {**json_, "photo": [photo], "caption": shown.text}
        if shown.document is not None:
            return {**json_, "document": {"file_id": "d", "file_unique_id": "d"}, "caption": shown.text}
        return {**json_, "text": shown.text}

    # --- HTTP ---

    def _announce(self) -> None:
        async def tell() -> None:
            async with self._news:
                self._news.notify_all()

        task = asyncio.ensure_future(tell())
        task.add_done_callback(lambda _: None)

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        try:
            if request.match_info["token"] != self.token:
                raise Refused(401, "Unauthorized")
            arguments = await _arguments(request)
            if method != "getUpdates":
                self.calls.append((method, arguments))
            for fault in self._faults:
                if fault.method == method:
                    self._faults.remove(fault)
                    return _refusal(fault.refusal)
            handler = getattr(self, f"_{method}", None)
            if handler is None:
                raise Refused(404, f"Not Found: method {method} not found")
            result = await handler(arguments)
        except Refused as refused:
            self.refusals.append((method, refused.description))
            return _refusal(refused)
        self._announce()
        return web.json_response({"ok": True, "result": result})

    async def _download(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            return web.Response(status=404)
        content, _ = self._files[request.match_info["path"].removeprefix("documents/")]
        return web.Response(body=content)

    # --- methods ---

    async def _getMe(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"id": 1, "is_bot": True, "first_name": "Hayride", "username": "hayride_bot"}

    async def _deleteWebhook(self, arguments: dict[str, Any]) -> bool:
        return True

    async def _setMyCommands(self, arguments: dict[str, Any]) -> bool:
        self.commands = json.loads(arguments["commands"])
        for command in self.commands:
            if not 1 <= len(command["command"]) <= 32 or not 1 <= len(command["description"]) <= 256:
                raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
        return True

    async def _getUpdates(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        self.polls += 1
        mine = self.polls  # who asks last is answered; who waited is told so
        offset = int(arguments.get("offset", 0))
        while self._updates and self._updates[0]["update_id"] < offset:
            self._updates.popleft()
        self._announce()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(1.0, float(arguments.get("timeout", 0)))):
                while not self._updates and self.polls == mine:
                    await self.changed()
        if self.polls != mine:
            raise Refused(409, "Conflict: terminated by other getUpdates request")
        return list(self._updates)

    async def _sendMessage(self, arguments: dict[str, Any]) -> dict[str, Any]:
        person = self._person(arguments)
        text = _checked_text(arguments, "text", 4096)
        shown = Shown(id=next(self._numbers), text=text, html=arguments["text"], rows=_checked_rows(arguments))
        return self._put(person, shown, arguments)

    async def _sendPhoto(self, arguments: dict[str, Any]) -> dict[str, Any]:
        person = self._person(arguments)
        _, photo = _checked_upload(arguments, "photo")
        if not photo.startswith((b"\x89PNG", b"\xff\xd8")):
            raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
        text = _checked_text(arguments, "caption", 1024)
        html = arguments.get("caption", "")
        shown = Shown(id=next(self._numbers), text=text, html=html, rows=_checked_rows(arguments), photo=photo)
        return self._put(person, shown, arguments)

    async def _sendDocument(self, arguments: dict[str, Any]) -> dict[str, Any]:
        person = self._person(arguments)
        document = _checked_upload(arguments, "document")
        text = _checked_text(arguments, "caption", 1024)
        html = arguments.get("caption", "")
        shown = Shown(id=next(self._numbers), text=text, html=html, rows=_checked_rows(arguments), document=document)
        return self._put(person, shown, arguments)

    async def _editMessageText(self, arguments: dict[str, Any]) -> dict[str, Any]:
        person = self._person(arguments)
        shown = person.messages.get(int(arguments["message_id"]))
        if shown is None:
            raise Refused(400, "Bad Request: message to edit not found")
        if shown.photo is not None or shown.document is not None:
            raise Refused(400, "Bad Request: there is no text in the message to edit")
        text, rows = _checked_text(arguments, "text", 4096), _checked_rows(arguments)
        if arguments["text"] == shown.html and rows == shown.rows:
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
                "same as a current content and reply markup of the message",
            )
        shown.edits.append(shown.text)
        shown.text, shown.html, shown.rows = text, arguments["text"], rows
        return self.message_json(person.id, shown)

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
        self._person(arguments)
        return True

    async def _getFile(self, arguments: dict[str, Any]) -> dict[str, Any]:
        id = arguments["file_id"]
        if id not in self._files:
            raise Refused(400, "Bad Request: invalid file_id")
        size = self._files[id][1]
        if size > GET_FILE_LIMIT:
            raise Refused(400, "Bad Request: file is too big")
        return {"file_id": id, "file_unique_id": id, "file_size": size, "file_path": f"documents/{id}"}

    def _person(self, arguments: dict[str, Any]) -> Person:
        person = self.people.get(int(arguments["chat_id"]))
        if person is None:
            raise Refused(400, "Bad Request: chat not found")
        if person.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return person

    def _put(self, person: Person, shown: Shown, arguments: dict[str, Any]) -> dict[str, Any]:
        shown.silent = str(arguments.get("disable_notification", "")).lower() == "true"
        person.messages[shown.id] = shown
        return self.message_json(person.id, shown)


async def _arguments(request: web.Request) -> dict[str, Any]:
    form = await request.post()
    found: dict[str, Any] = dict(request.query)
    for name, value in form.items():
        found[name] = (value.filename, value.file.read()) if isinstance(value, web.FileField) else value
    return found


def _refusal(refused: Refused) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": refused.code, "description": refused.description}
    if refused.retry_after is not None:
        body["parameters"] = {"retry_after": refused.retry_after}
    return web.json_response(body, status=refused.code)


def _checked_text(arguments: dict[str, Any], name: str, limit: int) -> str:
    raw = arguments.get(name, "")
    try:
        text = text_of(raw) if arguments.get("parse_mode") == "HTML" else raw
    except ValueError as error:
        raise Refused(400, str(error)) from error
    if name == "text" and not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if units(text) > limit:
        raise Refused(400, f"Bad Request: {'message' if name == 'text' else 'message caption'} is too long")
    return text


def _checked_upload(arguments: dict[str, Any], name: str) -> tuple[str, bytes]:
    reference = arguments.get(name)
    if isinstance(reference, str) and reference.startswith("attach://"):
        reference = arguments.get(reference.removeprefix("attach://"))
    if not isinstance(reference, tuple):
        raise Refused(400, "Bad Request: wrong file identifier")
    if len(reference[1]) > UPLOAD_LIMIT:
        raise Refused(413, "Request Entity Too Large")
    if not reference[1]:
        raise Refused(400, "Bad Request: file must be non-empty")
    return reference


def _checked_rows(arguments: dict[str, Any]) -> list[list[dict[str, Any]]]:
    markup = json.loads(arguments.get("reply_markup") or "{}")
    rows: list[list[dict[str, Any]]] = markup.get("inline_keyboard", [])
    buttons = [button for row in rows for button in row]
    if len(buttons) > 100 or any(len(row) > 8 for row in rows):
        raise Refused(400, "Bad Request: REPLY_MARKUP_TOO_LONG")
    for button in buttons:
        _check_button(button)
    return rows


def _check_button(button: dict[str, Any]) -> None:
    if not button.get("text", "").strip():
        raise Refused(400, "Bad Request: text buttons are unallowed in the inline keyboard")
    kinds = [kind for kind in ("callback_data", "url", "copy_text") if kind in button]
    if len(kinds) != 1:
        raise Refused(400, "Bad Request: BUTTON_TYPE_INVALID")
    if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
        raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    if "copy_text" in button and not 1 <= len(button["copy_text"]["text"]) <= 256:
        raise Refused(400, "Bad Request: BUTTON_COPY_TEXT_INVALID")
    if "url" in button:
        url = urlsplit(button["url"])
        if url.scheme not in {"http", "https", "tg"} or "." not in (url.hostname or ""):
            raise Refused(400, f"Bad Request: inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
