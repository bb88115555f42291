"""docs/chat.md: its transcripts are what the real screens say. `python -m tests.support.chat_page` writes them anew.

In a block marked `chat` the lines that begin with "> " are typed; what stands below each is the answer. A comment
between two blocks is something that happens meanwhile: one of `EVENTS`.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from head.clock import ManualClock
from tests.support.chats import PNG, Terminal, predicted, progress, terminal, trained

PAGE = Path(__file__).parents[2] / "docs" / "chat.md"
TYPED = "> "
_PART = re.compile(r"<!-- (?P<event>[^\n]+) -->|```chat\n(?P<block>.*?)```", re.DOTALL)
#: Ids are made anew each time.
_IDS = (
    (re.compile(r"\bjob_[0-9a-f]{10}\b"), "job_ab12cd34ef"),
    (re.compile(r"files/[0-9a-f]{10}-[0-9a-f]{6}/"), "files/"),
)


async def _joins(chat: Terminal, name: str) -> None:
    chat.head.add_machine(chat.person_id, name)


async def _runs(chat: Terminal, _: str) -> None:
    chat.run_job(progress=progress("fold 3 of 5", 0.5))


async def _trained(chat: Terminal, _: str) -> None:
    chat.head.job_files[chat.job().id, "roc.png"] = PNG
    chat.head.finish(chat.job().id, trained())


async def _predicted(chat: Terminal, _: str) -> None:
    chat.head.job_files[chat.job().id, "new.csv.predictions.csv"] = b"age,prediction\n41,no\n"
    chat.head.finish(chat.job().id, predicted())


#: By the word that a comment begins with; what stands behind it is handed over.
EVENTS: dict[str, Callable[[Terminal, str], Awaitable[None]]] = {
    "joins": _joins,
    "runs": _runs,
    "trained": _trained,
    "predicted": _predicted,
}


async def rendered(page: str) -> str:
    """The page with every transcript as the screens say it now."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        async with terminal(files, ManualClock()) as chat:  # no card is redrawn by itself
            parts: list[str] = []
            at = 0
            for part in _PART.finditer(page):
                parts.append(page[at : part.start()])
                at = part.end()
                if part["event"]:
                    word, _, rest = part["event"].partition(" ")
                    await EVENTS[word](chat, rest)
                    parts.append(part[0])
                else:
                    parts.append(f"```chat\n{await _block(chat, part['block'], files)}```")
    return "".join([*parts, page[at:]])


async def _block(chat: Terminal, block: str, files: Path) -> str:
    said = []
    for line in block.splitlines():
        if line.startswith(TYPED):
            answer = await chat.types(line.removeprefix(TYPED))
            shown = answer.replace(str(files), "files").strip("\n")
            for ids, instead in _IDS:
                shown = ids.sub(instead, shown)
            said.append(f"{line}\n" + "".join(f"{one.rstrip()}\n" for one in shown.splitlines()))
    return "\n".join(said)


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(rendered(PAGE.read_text(encoding="utf-8"))), encoding="utf-8")
