"""Who is on the fake Telegram, and what stands in their chats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.telegram import FakeTelegram

BOT = {"id": 1, "is_bot": True, "first_name": "Hayride", "username": "hayride_bot"}


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
    too_old: bool = False  #: to be edited

    @property
    def labels(self) -> list[str]:
        return [button["text"] for row in self.rows for button in row]

    def button(self, label: str) -> dict[str, Any]:
        return next(button for row in self.rows for button in row if button["text"] == label)


@dataclass(kw_only=True)
class Room:
    """A chat with the bot in it."""

    server: FakeTelegram
    id: int
    name: str
    messages: dict[int, Shown] = field(default_factory=dict)
    blocked: bool = False

    @property
    def place(self) -> dict[str, Any]:
        """The chat as updates name it."""
        return {"id": self.id, "type": "group", "title": self.name}

    @property
    def last(self) -> Shown:
        return list(self.messages.values())[-1]

    async def sees(self, wanted: Callable[[Shown], bool] | str, seconds: float = 10) -> Shown:
        """The newest message that has the text, or for which the function is true; waits for it."""
        fits = (lambda shown: wanted in shown.text) if isinstance(wanted, str) else wanted
        return await self.server.until(
            lambda: next((shown for shown in reversed(self.messages.values()) if fits(shown)), None), seconds
        )

    def json_of(self, shown: Shown) -> dict[str, Any]:
        """A message of the bot's."""
        json_: dict[str, Any] = {"message_id": shown.id, "date": 1, "chat": self.place, "from": BOT}
        if shown.photo is not None:
            photo = {"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}
            return {**json_, "photo": [photo], "caption": shown.text}
        if shown.document is not None:
            return {**json_, "document": {"file_id": "d", "file_unique_id": "d"}, "caption": shown.text}
        return {**json_, "text": shown.text}


@dataclass(kw_only=True)
class Person(Room):
    """Somebody with a private chat with the bot."""

    language: str = ""  #: what their Telegram speaks, as an IETF code
    alerts: list[str] = field(default_factory=list)  #: what buttons answered, when it was more than nothing

    @property
    def place(self) -> dict[str, Any]:
        return {"id": self.id, "type": "private", "first_name": self.name}

    @property
    def json(self) -> dict[str, Any]:
        spoken = {"language_code": self.language} if self.language else {}
        return {"id": self.id, "is_bot": False, "first_name": self.name, **spoken}

    def says(self, text: str, room: Room | None = None, *, reply_to: Shown | None = None) -> None:
        """In the private chat, or in a room; perhaps as a reply to a message of the bot's."""
        where = room or self
        reply = {"reply_to_message": where.json_of(reply_to)} if reply_to else {}
        self.server.update(message=self.server.message(self, {"text": text, **reply}, where))

    def presses(self, shown: Shown, label: str, room: Room | None = None) -> None:
        self.presses_data(shown, shown.button(label)["callback_data"], room)

    def presses_data(self, shown: Shown, data: str, room: Room | None = None) -> str:
        """Presses a button with this callback; the query's id."""
        query = self.server.new_query(self)
        message = (room or self).json_of(shown)
        pressed = {"id": query, "from": self.json, "message": message, "chat_instance": "1", "data": data}
        self.server.update(callback_query=pressed)
        return query

    def sends(self, name: str, content: bytes, *, size: int | None = None) -> None:
        """Sends a file; `size` is what Telegram says of it, where the content is not really that long."""
        id = self.server.keep_file(content, len(content) if size is None else size)
        document = {"file_id": id, "file_unique_id": id, "file_name": name, "file_size": size or len(content)}
        self.server.update(message=self.server.message(self, {"document": document}, self))
