"""What a door is: the way in and out of the chat. Telegram is one, the console another."""

from __future__ import annotations

from typing import ClassVar, Protocol

from bot.messages import Message
from bot.pace import Rate


class Busy(Exception):
    """Not now; try again after `retry_after` seconds. None: the far side did not say, it may be down."""

    def __init__(self, retry_after: float | None) -> None:
        super().__init__(f"busy, retry after {retry_after} s")
        self.retry_after = retry_after


class Gone(Exception):
    """That message cannot be edited any more: deleted, or too old."""


class Undeliverable(Exception):
    """This message cannot reach this chat: blocked, chat deleted, or the content was refused."""


class Door(Protocol):
    #: Chat ids begin with it: "telegram:123".
    prefix: ClassVar[str]
    #: Whether an attached file is shown by its path, and so has to stay.
    keeps_files: ClassVar[bool]
    #: How many messages and redraws all chats together may have; None: as many as they like.
    rate: Rate | None

    def chat_rate(self, chat_id: str) -> Rate | None:
        """How many of them this chat may have."""

    async def send(self, chat_id: str, message: Message) -> int:
        """Shows a new message; its id. Raises Busy or Undeliverable."""

    async def edit(self, chat_id: str, message_id: int, message: Message) -> None:
        """Puts the message in the place of an earlier one. Raises Busy, Gone or Undeliverable."""

    async def working(self, chat_id: str) -> None:
        """A sign of life, where the door has one. Raises nothing: it is not worth a failure."""
