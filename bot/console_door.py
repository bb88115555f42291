"""The chat in a terminal, and for scripts. The rules, which other programs rely on:

A line on standard input is a message from the local person; `#3` presses the third button of the last message that has
buttons; `+PATH` sends the file. Each message is printed as text, its buttons as `[1] Run  [2] Cancel`, a document or
picture as the path that it was saved to. The next line is read when the reply to the last one is complete. A line `!`
waits until all jobs started so far have ended. At the end of the input it waits for the jobs that it started, prints
their last messages and ends with 0, or with 1 where a job failed.

What happens meanwhile is printed when no line waits to be read, so that a script's `#1` always means what its line
before has printed, and the same script prints the same in the same order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar, TextIO

from rich.console import Console
from rich.text import Text

from bot import amounts
from bot.arguments import unquote
from bot.html import Html, fill, plain, runs, text
from bot.language import language_of, speaking, tr
from bot.messages import Button, Incoming, LinkButton, Message, Pressed, Sent, Typed
from bot.pace import Rate
from bot.service import Bot
from head.api import UPLOAD_LIMIT, ChatSettings, Clock, HeadApi, JobStatus, NotFoundError, Person

CHAT = "console"
#: Seconds between looks at a job that is waited for, besides being told of its changes.
LOOK = 0.2
_STYLES = {"b": "bold", "i": "dim", "code": "cyan", "a": "underline"}
_CHUNK = 1 << 16


async def run(api: HeadApi, settings: ChatSettings, clock: Clock) -> int:
    """Opens the chat on standard input and output until the input ends; the exit code."""
    bot = Bot(api, clock=clock, settings=settings)
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    door = ConsoleDoor(bot, await api.local_person(), lines=lines, out=sys.stdout)
    bot.attach(door)
    bot.start()
    _read_standard_input(lines)
    try:
        return await door.run()
    finally:
        await bot.close()


class ConsoleDoor:
    """Prints what the local person is told, and passes on what they type."""

    prefix: ClassVar[str] = CHAT
    keeps_files: ClassVar[bool] = True
    rate: Rate | None = None

    def __init__(self, bot: Bot, person: Person, *, lines: asyncio.Queue[str | None], out: TextIO) -> None:
        self._bot = bot
        self._person = person
        self._lines = lines
        self._out = out
        self._terminal = Console(file=out, highlight=False, markup=False, emoji=False) if out.isatty() else None
        self._count = 0
        self._buttons: list[tuple[Button, int]] = []
        self._jobs: list[str] = []
        self._answering = False  #: a line was read and its reply is not complete
        self._waits = False  #: nothing is read until the jobs have ended
        self._held: list[tuple[Message, int, bool]] = []  #: pushed while lines wait: message, id, whether it is an edit

    # --- what comes in ---

    async def run(self) -> int:
        """Until the input ends and all that was started has ended."""
        if self._terminal is not None:
            with speaking(language_of(self._person)):
                self._say(fill("Hayride. Type /start, /help, or #1 to press the first button; Ctrl-D ends."))
        self._prompt()
        while (line := await self._lines.get()) is not None:
            self._answering = True
            await self._line(line.strip())
            self._answering = False
            if self._lines.empty():
                self._release()
            self._prompt()
            self._lines.task_done()
        with speaking(language_of(self._person)):
            failed = await self._ended()
        return 1 if failed else 0

    async def _line(self, line: str) -> None:
        self._person = await self._bot.api.person(self._person.id)  # who may have chosen another language
        with speaking(language_of(self._person)):
            await self._obey(line)

    async def _obey(self, line: str) -> None:
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
            many = amounts.plural(
                len(self._buttons), "There is {n} button just now.", "There are {n} buttons just now."
            )
            none = tr("There are no buttons just now.")
            self._say(
                fill("No button has the number {number}. {many}", number=number, many=many if self._buttons else none)
            )
            return

        async def answer(words: str) -> None:
            if words:
                self._say(text(words))

        button, message_id = self._buttons[number - 1]
        await self._hand_in(Pressed(callback=button.callback, message_id=message_id, editable=True, answer=answer))

    async def _send_file(self, name: str) -> None:
        found = await asyncio.to_thread(_regular_file, name)
        if found is None:
            self._say(fill("There is no file {name} here. Nothing was sent. Type + and the path of a file.", name=name))
            return
        path, size = found
        await self._hand_in(Sent(name=path.name, size=size, content=lambda: _content(path)))

    async def _ended(self) -> bool:
        """Waits for every job that was started here and prints its last message; whether one of them failed."""
        failed, self._answering = False, False
        self._waits = True
        self._release()
        for job_id in self._jobs:  # grows by the jobs that follow others
            try:
                while not (job := await self._bot.api.job(self._person.id, job_id)).status.ended:
                    await self._bot.clock.sleep(LOOK)
            except NotFoundError:
                continue  # deleted, with all data
            await self._bot.cards.follow(self._person.id, job_id)
            failed = failed or job.status in {JobStatus.FAILED, JobStatus.TIMED_OUT}
            if job.next_id and job.next_id not in self._jobs:
                self._jobs.append(job.next_id)
        self._waits = False
        return failed

    # --- what goes out ---

    def chat_rate(self, chat_id: str) -> Rate | None:
        return None

    async def send(self, chat_id: str, message: Message) -> int:
        self._count += 1
        self._tell(message, self._count, edit=False)
        return self._count

    async def edit(self, chat_id: str, message_id: int, message: Message) -> None:
        """Nothing that was printed can change, so the new look is printed, or what stands for it in brief."""
        self._tell(message, message_id, edit=True)

    async def working(self, chat_id: str) -> None:
        """Nothing: the note that follows after a second is the sign of life."""

    def _tell(self, message: Message, message_id: int, *, edit: bool) -> None:
        """Prints it now, or when no line waits; of what changes often then only the newest."""
        if not message.pushed or self._waits or (not self._answering and self._lines.empty()):
            self._put(message, message_id, edit)
            return
        self._held = [held for held in self._held if not (edit and held[1] == message_id and held[2])]
        self._held.append((message, message_id, edit))

    def _release(self) -> None:
        held, self._held = self._held, []
        for message, message_id, edit in held:
            self._put(message, message_id, edit)

    def _put(self, message: Message, message_id: int, edit: bool) -> None:
        if not edit or message.brief is None:
            self._print(message, message_id)
        elif message.brief:
            self._say(message.brief)

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


def _read_standard_input(lines: asyncio.Queue[str | None]) -> None:
    """Hands over lines as they come. A thread reads the descriptor itself: sys.stdin's lock would hold up the exit."""
    loop = asyncio.get_running_loop()

    def tell(line: str | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before the input
            loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=_read_lines, args=(sys.stdin.fileno(), tell), name="standard input", daemon=True).start()


def _read_lines(descriptor: int, tell: Callable[[str | None], None]) -> None:
    rest = b""
    while piece := os.read(descriptor, _CHUNK):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            tell(line.decode(errors="replace"))
    if rest:
        tell(rest.decode(errors="replace"))
    tell(None)
