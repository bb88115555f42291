"""A list in pages: a line and a button for each entry, and the way to the neighbouring pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bot.callbacks import Verb, pack
from bot.chat import Chat
from bot.html import Html, fill, lines, text
from bot.language import tr
from bot.messages import Button, Message, Row

PAGE = 8

Entry = TypeVar("Entry")
EntryOut = TypeVar("EntryOut", covariant=True)


class Find(Protocol[EntryOut]):
    """A person's entries, newest first."""

    async def __call__(self, person_id: str, /, *, limit: int, offset: int) -> Sequence[EntryOut]: ...


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[Entry]):
    """How one kind of thing is listed."""

    command: str
    heading: str
    #: Said where there is none; the button beside it leads to training.
    nothing: str
    line: Callable[[Chat, Entry], Html]
    button: Callable[[Entry], Button | None]
    #: Further buttons, below the list and where there is none.
    below: Callable[[], tuple[Row, ...]] = tuple

    async def show(self, chat: Chat, find: Find[Entry], offset: int) -> None:
        """Eight entries from `offset` on."""
        found = await find(chat.person.id, limit=PAGE + 1, offset=offset)
        shown = found[:PAGE]
        if not shown:
            train = Button(label=tr("Train a model"), callback=pack(Verb.OPEN, "train"))
            await chat.show(Message(text=text(tr(self.nothing)), rows=((train,), *self.below())))
            return
        said = lines(fill("<b>{heading}</b>", heading=tr(self.heading)), *(self.line(chat, entry) for entry in shown))
        rows: list[Row] = [(button,) for entry in shown if (button := self.button(entry)) is not None]
        await chat.show(Message(text=said, rows=(*rows, *self._neighbours(offset, len(found) > PAGE), *self.below())))

    def _neighbours(self, offset: int, more: bool) -> tuple[Row, ...]:
        back = Button(label=tr("Newer"), callback=pack(Verb.PAGE, self.command, 0, str(max(0, offset - PAGE))))
        on = Button(label=tr("Older"), callback=pack(Verb.PAGE, self.command, 0, str(offset + PAGE)))
        row = (*((back,) if offset else ()), *((on,) if more else ()))
        return (row,) if row else ()
