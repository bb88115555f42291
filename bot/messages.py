"""What passes between the screens and the doors: messages to a person, and what a person did. Knows no door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.html import Html
from head.api import Person

#: Telegram's limit for the text of a copy button.
COPY_LIMIT = 256


@dataclass(frozen=True, kw_only=True)
class Button:
    """Tells us something when pressed."""

    label: str
    callback: str  #: packed by bot.callbacks


@dataclass(frozen=True, kw_only=True)
class CopyButton:
    """Puts a text on the reader's clipboard."""

    label: str
    text: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.text) <= COPY_LIMIT:
            raise ValueError(f"a copy button holds 1 to {COPY_LIMIT} characters, not {len(self.text)}")


@dataclass(frozen=True, kw_only=True)
class LinkButton:
    """Opens an address."""

    label: str
    url: str


Row = tuple[Button | CopyButton | LinkButton, ...]


def in_rows(buttons: Sequence[Button], width: int) -> tuple[Row, ...]:
    """So many beside each other."""
    return tuple(tuple(buttons[start : start + width]) for start in range(0, len(buttons), width))


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file of ours that goes with a message."""

    kind: Literal["photo", "document"]
    path: Path


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message as a person should see it."""

    text: Html
    rows: tuple[Row, ...] = ()
    file: Attachment | None = None
    silent: bool = False  #: arrives without a sound
    pushed: bool = False  #: tells what happened meanwhile, not what was just asked
    #: What a door that cannot edit prints when this takes another message's place. None: all of it; "": nothing.
    brief: Html | None = None

    @property
    def buttons(self) -> list[Button]:
        """The buttons that can be pressed, in reading order."""
        return [button for row in self.rows for button in row if isinstance(button, Button)]


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A line of text: a command, or the answer to a question."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Pressed:
    """A button of ours."""

    callback: str
    message_id: int
    editable: bool  #: whether the message that carries the button can still be redrawn
    #: Ends the button's waiting look, with a short text for the presser or "". The door takes the first call only.
    answer: Callable[[str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A file. `content` is only called for a file that is small enough."""

    name: str
    size: int  #: bytes
    content: Callable[[], AsyncIterator[bytes]]
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """Something that a person did in a chat."""

    person: Person
    chat_id: str  #: "telegram:123" or "console"
    private: bool
    what: Typed | Pressed | Sent
    private_url: str = ""  #: opens the private chat; "" where there is no other
