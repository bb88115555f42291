"""The chat in a terminal, and for scripts. The rules, which other programs rely on:

A line on standard input is a message from the local person; `#3` presses the third button of the last message that has
buttons; `+PATH` sends the file. Each message is printed as text, its buttons as `[1] Run  [2] Cancel`, a document or
picture as the path that it was saved to. The next line is read when the reply to the last one is complete. A line `!`
waits until all jobs started so far have ended. At the end of the input it waits for the jobs that it started, prints
their last messages and ends with 0, or with 1 where a job failed.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar, TextIO

from rich.console import Console
from rich.text import Text

from bot.arguments import unquote
from bot.clock import Clock
from bot.html import Html, plain, runs, text
from bot.messages import Button, Incoming, LinkButton, Message, Pressed, Sent, Typed
from bot.service import Bot
from head.api import UPLOAD_LIMIT, ChatSettings, HeadApi, JobStatus, Person

CHAT = "console"
#: Seconds between looks at a job that is waited for, besides being told of its changes.
LOOK = 0.2
_STYLES = {"b": "bold", "i": "dim", "code": "cyan", "a": "underline"}
_CHUNK = 1 << 16


async def run(api: HeadApi, settings: ChatSettings, clock: Clock) -> int:
    """Opens the chat on standard input and output until the input ends; the exit code."""
    bot = Bot(api, clock=clock, settings=settings)
    door = ConsoleDoor(bot, await api.local_person(), lines=_standard_input(), out=sys.stdout)
    bot.attach(door)
    bot.start()
    try:
        return await door.run()
    finally:
        await bot.close()


class ConsoleDoor:
    """Prints what the local person is told, and passes on what they type."""

    prefix: ClassVar[str] = CHAT
    keeps_files: ClassVar[bool] = True

    def __init__(self, bot: Bot, person: Person, *, lines: AsyncIterator[str], out: TextIO) -> None:
        self._bot = bot
        self._person = person
        self._lines = lines
        self._out = out
        self._terminal = Console(file=out, highlight=False, markup=False, emoji=False) if out.isatty() else None
        self._count = 0
        self._buttons: list[tuple[Button, int]] = []
        self._jobs: list[str] = []

    # --- what comes in ---

    async def run(self) -> int:
        """Until the input ends and all that was started has ended."""
        if self._terminal is not None:
            self._say(text("Hayride. Type /start, /help, or #1 to press the first button; Ctrl-D ends."))
        self._prompt()
        async for line in self._lines:
            await self._line(line.strip())
            self._prompt()
        failed = await self._ended()
        return 1 if failed else 0

    async def _line(self, line: str) -> None:
        press = re.fullmatch(r"#\s*(\d{1,4})", line)
        if not line:
            return
        if line == "!":
            await self._ended()
        elif press is not None:
            await self._press(int(press[1]))
        elif line.startswith("+"):
            await self._send_file(unquote(line[1:]))
        else:
            await self._hand_in(Typed(text=line))

    async def _hand_in(self, what: Typed | Pressed | Sent) -> None:
        incoming = Incoming(person=self._person, chat_id=CHAT, private=True, what=what)
        self._jobs += await self._bot.handle(incoming)

    async def _press(self, number: int) -> None:
        if not 1 <= number <= len(self._buttons):
            many = f"There are {len(self._buttons)} buttons" if self._buttons else "There are no buttons"
            self._say(text(f"No button has the number {number}. {many} just now."))
            return

        async def answer(words: str) -> None:
            if words:
                self._say(text(words))

        button, message_id = self._buttons[number - 1]
        await self._hand_in(Pressed(callback=button.callback, message_id=message_id, editable=True, answer=answer))

    async def _send_file(self, name: str) -> None:
        found = await asyncio.to_thread(_regular_file, name)
        if found is None:
            self._say(text(f"There is no file {name} here. Nothing was sent. Type + and the path of a file."))
            return
        path, size = found
        await self._hand_in(Sent(name=path.name, size=size, content=lambda: _content(path)))

    async def _ended(self) -> bool:
        """Waits for every job that was started here and prints its last message; whether one of them failed."""
        failed = False
        for job_id in self._jobs:
            while not (job := await self._bot.api.job(self._person.id, job_id)).status.ended:
                await self._bot.clock.sleep(LOOK)
            await self._bot.cards.follow(self._person.id, job_id)
            failed = failed or job.status in {JobStatus.FAILED, JobStatus.TIMED_OUT}
        return failed

    # --- what goes out ---

    async def send(self, chat_id: str, message: Message) -> int:
        self._count += 1
        self._print(message, self._count)
        return self._count

    async def edit(self, chat_id: str, message_id: int, message: Message) -> None:
        """Nothing that was printed can change, so the new look is printed, or what stands for it in brief."""
        if message.brief is None:
            self._print(message, message_id)
        elif message.brief:
            self._say(message.brief)

    async def working(self, chat_id: str) -> None:
        """Nothing: the note that follows after a second is the sign of life."""

    def _print(self, message: Message, message_id: int) -> None:
        self._say(message.text)
        if message.file is not None:
            self._write(str(message.file.path.resolve()))
        for row in message.rows:
            for link in row:
                if isinstance(link, LinkButton) and link.url not in message.text:
                    self._write(f"{link.label}: {link.url}")
        if message.buttons:
            self._buttons = [(button, message_id) for button in message.buttons]
            self._write("  ".join(f"[{n}] {button.label}" for n, (button, _) in enumerate(self._buttons, start=1)))
        self._write("")

    def _say(self, html: Html) -> None:
        if self._terminal is None:
            self._write(plain(html))
            return
        styled = Text()
        for run in runs(html):
            styled.append(run.text, style=" ".join(_STYLES[tag] for tag in run.tags) or None)
            if run.url and run.url != run.text:
                styled.append(f" ({run.url})")
        self._terminal.print(styled, soft_wrap=True)

    def _write(self, line: str) -> None:
        """Never wrapped: a command or path has to stay whole."""
        encoding = self._out.encoding or "utf-8"
        self._out.write(line.encode(encoding, "replace").decode(encoding) + "\n")
        self._out.flush()

    def _prompt(self) -> None:
        if self._terminal is not None:
            self._out.write("> ")
            self._out.flush()


def _regular_file(name: str) -> tuple[Path, int] | None:
    """The file on this computer and its size; None for what is none."""
    try:
        path = Path(name).expanduser()
        return (path, path.stat().st_size) if path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


async def _content(path: Path) -> AsyncIterator[bytes]:
    """The file in pieces, and not more of it than a chat passes on, should it grow meanwhile."""
    left = UPLOAD_LIMIT
    with await asyncio.to_thread(path.open, "rb") as file:
        while left > 0 and (piece := await asyncio.to_thread(file.read, min(_CHUNK, left))):
            left -= len(piece)
            yield piece


async def _standard_input() -> AsyncIterator[str]:
    """Lines as they come. A thread of its own reads the descriptor itself: sys.stdin's lock would hold up the exit."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def tell(line: str | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, line)

    threading.Thread(target=_read_lines, args=(sys.stdin.fileno(), tell), name="standard input", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


def _read_lines(descriptor: int, tell: Callable[[str | None], None]) -> None:
    rest = b""
    while piece := os.read(descriptor, _CHUNK):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            tell(line.decode(errors="replace"))
    if rest:
        tell(rest.decode(errors="replace"))
    tell(None)
